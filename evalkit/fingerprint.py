"""Digests that say whether two things are the same: data, protocols, encoders."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Buffer  # collections.abc has it from 3.12 on

    from evalkit.protocols import TaskInfo
    from evalkit.types import Role

SHORT = 12
"""Hex digits of a fingerprint in folder names and tables."""

_CHUNK = 1 << 20


def digest_json(value: Any) -> str:
    """SHA-256 (64 hex digits) of a value's canonical JSON: keys sorted, no white space, UTF-8.

    Raises:
        TypeError: The value is not made of JSON's types (tuples count as lists).
        ValueError: It holds NaN or an infinity, which JSON has no word for.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def digest_file(path: Path) -> str:
    """SHA-256 (64 hex digits) of a file's bytes, read a megabyte at a time.

    Raises:
        OSError: The file cannot be read.
    """
    state = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            state.update(chunk)
    return state.hexdigest()


def digest_parts(*parts: str | Buffer) -> str:
    """SHA-256 (64 hex digits) of strings and buffers in order; ("ab", "c") and ("a", "bc") differ."""
    state = hashlib.sha256()
    for part in parts:
        data = memoryview(part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part)
        # The length in front keeps neighbours apart.
        state.update(data.nbytes.to_bytes(8, "little"))
        state.update(data)
    return state.hexdigest()


def short(fingerprint: str) -> str:
    """The first 12 hex digits."""
    return fingerprint[:SHORT]


def context_digest(role: Role, task: TaskInfo) -> str:
    """Digest of all that an encoder is told beside the texts: what may decide its vectors unless it says otherwise."""
    told = {"name": task.name, "type": task.type, "languages": list(task.languages), "prompts": dict(task.prompts)}
    return digest_json({"role": str(role), "task": told})
