"""The files of a task folder, written from what mteb has loaded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from evalkit.placing import write_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


class Inexpressible(Exception):  # noqa: N818 - no error: mteb's own evaluator is asked instead
    """A task folder cannot hold these data, or not so that they mean the same; says why, without the full stop."""


class SplitsDiffer(Inexpressible):
    """Each split needs a folder of its own, as its documents or queries are not those of the others."""


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """One JSON object a line.

    Raises:
        Inexpressible: A text is no valid Unicode.
        OSError: It cannot be written.
    """
    try:
        write_lines(path, (f"{json.dumps(row, ensure_ascii=False)}\n".encode() for row in rows))
    except UnicodeEncodeError:
        raise Inexpressible("one of its texts is no valid Unicode") from None


def write_tsv(path: Path, rows: Iterable[tuple[str, ...]]) -> None:
    """Fields separated by tabs.

    Raises:
        Inexpressible: A field holds a tab or a line break.
    """
    write_lines(path, (f"{chr(9).join(map(_field, row))}\n".encode() for row in rows))


def toml_lines(values: Mapping[str, Any]) -> list[str]:
    """``key = value`` of strings, numbers, booleans, lists and mappings of these; what is None is left out."""
    return [f"{json.dumps(key)} = {_toml(value)}" for key, value in values.items() if value is not None]


def label_of(value: Any) -> int | str:
    """A class as task folders have it.

    Raises:
        Inexpressible: It is neither a whole number nor a string.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int) or (isinstance(value, float) and value.is_integer()):
        return int(value)
    raise Inexpressible(f"a label is {type(value).__name__}")


def text_of(value: Any) -> str:
    """A text.

    Raises:
        Inexpressible: It is none.
    """
    if isinstance(value, str):
        return value
    raise Inexpressible(f"a text is {type(value).__name__}")


def number_of(value: Any) -> float:
    """A number.

    Raises:
        Inexpressible: It is none.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise Inexpressible(f"a score is {type(value).__name__}")


def _field(text: str) -> str:
    if any(mark in text for mark in "\t\r\n"):
        raise Inexpressible("an id holds a tab or a line break")
    return text


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(toml_lines(value)) + " }"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, str):
        # TOML's basic strings are JSON's, but for one control character that JSON leaves as it is.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)
