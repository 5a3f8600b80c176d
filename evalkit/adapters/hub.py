"""Models by name or folder: what they are called, whether the hub can be asked, and what to say if one is not there."""

from __future__ import annotations

import importlib
import re
import socket
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

from evalkit.errors import EncoderError

PATIENCE = 5.0
"""Seconds to wait for the hub before a run counts as offline."""

_GENERIC = re.compile(r"(models?|weights|checkpoints?|final|best|output)([-_]?\d+)?", re.IGNORECASE)
"""Folder names that say nothing without their parent's."""


def is_local(argument: str) -> bool:
    """Whether a model is named by a folder on this machine."""
    return Path(argument).expanduser().exists()


def check_path(scheme: str, argument: str) -> None:
    """Refuse what can only be a path and is not there, before a library asks the hub for it.

    Raises:
        EncoderError: It is.
    """
    is_path = argument.startswith((".", "/", "~")) or argument.count("/") > 1
    if is_path and not is_local(argument):
        raise EncoderError(
            f"The {scheme} encoder cannot load {argument}: there is no such folder.", hint="Correct the path."
        )


def hub_reachable() -> bool:
    """Whether the Hugging Face Hub answers at all.

    Asked first because its client would retry every file of a model for more than a minute.
    """
    constants = importlib.import_module("huggingface_hub.constants")
    if constants.HF_HUB_OFFLINE:
        return False
    if getproxies():
        return True  # The way leads through a proxy: only the client itself can tell.
    address = urlsplit(constants.ENDPOINT)
    try:
        port = address.port or (443 if address.scheme == "https" else 80)
        socket.create_connection((address.hostname or "", port), timeout=PATIENCE).close()
    except OSError:
        return False
    return True


def model_name(argument: str) -> str:
    """What results call a model: its name on the hub, or its folder, with the parent where that is ``model``."""
    path = Path(argument).expanduser()
    if not path.exists():
        return argument
    parts = path.resolve().parts
    return "/".join(parts[-2:]) if _GENERIC.fullmatch(parts[-1]) and len(parts) > 2 else parts[-1]


def unloadable(scheme: str, argument: str, error: Exception, *, local: bool) -> EncoderError:
    """The error for a model that its library cannot load."""
    reason = f"{type(error).__name__}: {_first_line(error)}"
    if local:
        return EncoderError(
            f"The {scheme} encoder cannot load the folder {argument}: {reason}.",
            hint="Give the folder that the library itself saved.",
        )
    return EncoderError(
        f"The {scheme} encoder cannot load {argument!r}: there is no such folder, and the Hugging Face Hub "
        f"has no such model or cannot be reached ({reason}).",
        hint="Check the name, or give the path of a local folder.",
    )


def _first_line(error: Exception, limit: int = 160) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    line = lines[0].rstrip(".") if lines else "no message"
    return line if len(line) <= limit else f"{line[: limit - 3]}..."
