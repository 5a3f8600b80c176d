"""mteb's result files: read at every age that they come in, and written so that mteb loads them."""

from evalkit_leaderboard.interchange.exporting import export_results
from evalkit_leaderboard.interchange.importing import import_tree

__all__ = ["export_results", "import_tree"]
