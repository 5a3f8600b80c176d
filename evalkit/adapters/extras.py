"""Optional dependencies: a missing one is a sentence, not a traceback."""

from __future__ import annotations

import importlib
import logging
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from evalkit.errors import EncoderError

if TYPE_CHECKING:
    from collections.abc import Iterator

DISTRIBUTION = "evalkit-embeddings"


def require(module: str, *, extra: str, scheme: str) -> Any:
    """Import an optional dependency.

    Args:
        module: Its import name.
        extra: The extra of evalkit that installs it; empty where the base does.
        scheme: The encoder family that needs it.

    Raises:
        EncoderError: It is not installed, or is installed but broken.
    """
    package = module.partition(".")[0]
    try:
        with root_logger_untouched():
            return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != package:
            raise _broken(module, scheme, error) from error
        target = f"{DISTRIBUTION}[{extra}]" if extra else DISTRIBUTION
        raise EncoderError(
            f"The {scheme} encoder needs {package.replace('_', '-')}, which is not installed.",
            hint=f"Run: pip install '{target}'",
        ) from None
    except ImportError as error:
        raise _broken(module, scheme, error) from error


def _broken(module: str, scheme: str, error: Exception) -> EncoderError:
    return EncoderError(
        f"The {scheme} encoder needs {module}, which is installed but cannot be imported: {error}.",
        hint="Reinstall it.",
    )


@contextmanager
def root_logger_untouched() -> Iterator[None]:
    """Take back what a library does to the root logger when it is imported (wordllama sets it to INFO)."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


def calm_tokenizers() -> None:
    """Keep Hugging Face tokenizers from warning about every later fork, unless the user decided otherwise."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
