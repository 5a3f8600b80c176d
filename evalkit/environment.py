"""What scores depend on besides encoder and data: versions and platform."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from evalkit._version import __version__
from evalkit.schema import Environment

# Packages whose version can move a score, by what they are imported as.
_PACKAGES = {
    "numpy": "numpy",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "bm25s": "bm25s",
    "torch": "torch",
    "transformers": "transformers",
    "sentence_transformers": "sentence-transformers",
    "model2vec": "model2vec",
    "wordllama": "wordllama",
}


def describe(scorer: object) -> Environment:
    """The environment of a result; of optional packages only those that this process has imported."""
    return Environment(
        evalkit=__version__,
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        packages={
            name: found for module, name in _PACKAGES.items() if module in sys.modules and (found := installed(name))
        },
        device=str(getattr(scorer, "device", "cpu")),
    )


def installed(distribution: str) -> str | None:
    """Version of an installed distribution."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
