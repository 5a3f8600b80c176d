"""JSON Lines into columns, with the file and line of whatever is wrong."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from evalkit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Check = Callable[[Any], bool]
"""Whether a value is fit for its column."""


def is_text(value: Any) -> bool:
    """Any string, also an empty one."""
    return isinstance(value, str)


def is_number(value: Any) -> bool:
    """A finite number; JSON's NaN and Infinity extensions are not."""
    # A whole number may be too large for a float, so nothing is converted.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def is_label(value: Any) -> bool:
    """A class: a whole number or a string."""
    return isinstance(value, int | str) and not isinstance(value, bool)


def is_labels(value: Any) -> bool:
    """A class, or one class a level, coarse to fine."""
    return is_label(value) or (isinstance(value, list) and len(value) > 0 and all(map(is_label, value)))


def rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number (from 1) and object of every line; blank lines are skipped.

    Raises:
        DataError: The file is missing or unreadable, or a line is no JSON object.
    """
    for number, line in lines(path):
        if line.strip():
            yield number, _parse(path, number, line)


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Line number (from 1) and text of every line; a byte order mark is no text.

    Raises:
        DataError: The file is missing, unreadable or not UTF-8.
    """
    try:
        with path.open(encoding="utf-8-sig") as stream:
            yield from enumerate(stream, start=1)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist.", hint="Add the file, or correct eval_splits in task.toml.") from None
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}:{_undecodable(path)}: not UTF-8: {error.reason}.", hint="Save the file as UTF-8."
        ) from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}.", hint="Check the file's permissions.") from None


def _undecodable(path: Path) -> int:
    """Number of the first line that is not UTF-8."""
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return 1


def _parse(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
        if "\\u" in line:
            json.dumps(row, ensure_ascii=False).encode()  # half of a surrogate pair can be escaped but is no character
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path}:{number}: no valid JSON: {error.msg} at column {error.colno}.", hint="Mend that line."
        ) from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}:{number}: no valid JSON: {error}.", hint="Mend that line.") from None
    if not isinstance(row, dict):
        raise DataError(f"{path}:{number}: expected a JSON object.", hint='One {"key": value, ...} a line.')
    return row


def columns(path: Path, checks: Mapping[str, Check], *, optional: frozenset[str] = frozenset()) -> dict[str, list[Any]]:
    """Read the named fields of every line.

    Args:
        path: The file.
        checks: What each field must be; further fields are ignored.
        optional: Fields that may be missing or null; they become None.

    Returns:
        One list a field, all of the same length; at least one row.

    Raises:
        DataError: As `rows`, or a field that is missing or of the wrong kind, or no rows at all.
    """
    table: dict[str, list[Any]] = {name: [] for name in checks}
    for number, row in rows(path):
        for name, check in checks.items():
            value = row.get(name)
            if not (check(value) or (value is None and name in optional)):
                raise _bad_field(path, number, name, row, check)
            table[name].append(value)
    if not next(iter(table.values())):
        raise DataError(f"{path} is empty.", hint="A task needs at least one row.")
    return table


def _bad_field(path: Path, number: int, name: str, row: Mapping[str, Any], check: Check) -> DataError:
    if name not in row:
        fields = ", ".join(row) or "none"
        return DataError(f"{path}:{number}: field {name!r} is missing (it has: {fields}).", hint="Add it.")
    wanted = (check.__doc__ or "").split(";")[0].strip().rstrip(".").lower()
    shown = json.dumps(row[name])[:40]
    return DataError(f"{path}:{number}: field {name!r} is {shown}; expected: {wanted}.", hint="Mend that line.")
