"""evalkit: how good is this text encoder, and is that difference real?

    import evalkit
    results = evalkit.evaluate("bm25", suite="quick")
    print(results.scores())

Names are loaded when they are first used, so that `import evalkit` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalkit._version import __version__

if TYPE_CHECKING:
    from evalkit.api import Results, evaluate, load_encoder, load_results
    from evalkit.errors import EvalkitError

__all__ = ["EvalkitError", "Results", "__version__", "evaluate", "load_encoder", "load_results"]

_HOMES = {
    "EvalkitError": "evalkit.errors",
    "Results": "evalkit.api",
    "evaluate": "evalkit.api",
    "load_encoder": "evalkit.api",
    "load_results": "evalkit.api",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'evalkit' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
