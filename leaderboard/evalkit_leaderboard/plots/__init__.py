"""Pictures of a leaderboard as SVG (extra ``plots``): `draw` writes all that its results allow."""

from evalkit_leaderboard.plots.gallery import Drawn, draw

__all__ = ["Drawn", "draw"]
