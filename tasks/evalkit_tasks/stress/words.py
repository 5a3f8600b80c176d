"""The words that stress sets are made of, written for evalkit.

No thing to like shares a word with another one or with a name, not even by its stem: a scorer that compares words
finds every answer.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

_LISTS = Path(__file__).parent / "lists"


@cache
def likes() -> tuple[str, ...]:
    """Things to like."""
    return _read("likes.txt")


@cache
def first_names() -> tuple[str, ...]:
    """First names."""
    return _read("first_names.txt")


@cache
def last_names() -> tuple[str, ...]:
    """Last names, put together from a beginning and an ending."""
    endings = _read("last_name_endings.txt")
    return tuple(beginning + ending for beginning in _read("last_name_beginnings.txt") for ending in endings)


def _read(name: str) -> tuple[str, ...]:
    return tuple((_LISTS / name).read_text(encoding="utf-8").splitlines())
