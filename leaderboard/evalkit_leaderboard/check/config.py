"""What a repository sets for its checks: `[check]` of evalkit.toml, or `[tool.evalkit.check]` of pyproject.toml.

The command line wins over the file, key by key.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalkit.errors import EvalkitError, unknown
from evalkit_leaderboard.check.settings import Inconclusive, Settings, Spending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from enum import StrEnum

_TABLES = {"evalkit.toml": ("check",), "pyproject.toml": ("tool", "evalkit", "check")}
"""The files in the order in which they are looked for, and where in them the settings are."""
_HELP = "evalkit check --help"
_EXAMPLE = "Such as --margin 0.01, or --margin QuickSTS=0.02 for one task, glob, task type or the mean."


@dataclass(frozen=True)
class Configured:
    """What a file says about the check.

    Attributes:
        path: The file; None where there is none.
        values: Its settings by the names that `Settings` has for them.
    """

    path: Path | None = None
    values: Mapping[str, Any] = field(default_factory=dict)


def configured(start: Path | None = None) -> Configured:
    """The settings of the nearest file that has some, from a folder upwards.

    In one folder evalkit.toml comes before pyproject.toml. A file without the table is passed over.

    Args:
        start: The folder; None takes the current one.

    Raises:
        EvalkitError: The file cannot be read, or holds an unknown key, a wrong type or a number out of range.
    """
    folder = (start or Path.cwd()).resolve()
    for path in (above / name for above in (folder, *folder.parents) for name in _TABLES):
        table = _table(path, _TABLES[path.name])
        if table is not None:
            return Configured(path, _checked(path, table))
    return Configured()


def settings_of(found: Configured, *, margins: Iterable[str] | None = None, **given: Any) -> Settings:
    """The settings of a check: what the command line gives, else what the file says, else the defaults.

    Args:
        found: What the file says.
        margins: What `--margin` was given, see `parse_margins`. A plain one replaces every margin of the file, one
            with a name is added or replaces that of the same name; it is matched before those of the file.
        **given: Other attributes of `Settings`; None where the command line says nothing.

    Raises:
        EvalkitError: A margin cannot be read, or a number is out of range.
    """
    margin, named = parse_margins(margins or ())
    values = {**found.values, **{key: value for key, value in given.items() if value is not None}}
    kept = found.values.get("margins", {}) if margin is None else {}
    replaced = {name.lower() for name in named}
    values["margins"] = {**named, **{name: of for name, of in kept.items() if name.lower() not in replaced}}
    if margin is not None:
        values["margin"] = margin
    return Settings(**values)


def parse_margins(texts: Iterable[str]) -> tuple[float | None, dict[str, float]]:
    """The plain margin, if there is one, and those by name.

    Args:
        texts: Such as ``0.01`` and ``QuickSTS=0.02``.

    Raises:
        EvalkitError: A text is no margin, or two are for the same.
    """
    margins: dict[str, float] = {}
    for text in texts:
        name, equals, number = text.rpartition("=")
        name = name.strip()
        if equals and not name:
            raise EvalkitError(f"--margin {text}: there is no name before the equals sign.", hint=_EXAMPLE)
        if name.lower() in map(str.lower, margins):
            raise EvalkitError(f"--margin is given twice {f'for {name}' if name else 'without a name'}.", hint=_EXAMPLE)
        margins[name] = _margin(text, number)
    return margins.pop("", None), margins


def _margin(text: str, number: str) -> float:
    try:
        return float(number)
    except ValueError:
        raise EvalkitError(f"--margin {text}: {number!r} is no number.", hint=_EXAMPLE) from None


# -- the file --------------------------------------------------------------------------------------------------------


def _table(path: Path, keys: Sequence[str]) -> dict[str, Any] | None:
    """The table of the settings; None where the file or the table is missing."""
    table = _parsed(path)
    for depth, key in enumerate(keys):
        if table is None:
            return None
        if key == keys[-1]:
            _refuse_unknown(path, table, {key}, ".".join(keys[:depth]))
        below = table.get(key)
        if below is not None and not isinstance(below, dict):
            raise _wrong(path, ".".join(keys[: depth + 1]), below, "a table")
        table = below
    return table


def _parsed(path: Path) -> dict[str, Any] | None:
    """The contents of a file; None where there is none."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None
    except ValueError as error:  # no TOML, no UTF-8, or a whole number of thousands of digits
        raise EvalkitError(f"{path}: no valid TOML: {error}.", hint="Mend the file.") from None
    except RecursionError:
        raise EvalkitError(f"{path}: no valid TOML: nested too deeply.", hint="Mend the file.") from None
    except OSError as error:
        raise EvalkitError(f"{path}: cannot be read: {error.strerror}.", hint="Check its permissions.") from None


def _checked(path: Path, table: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a table, every one of the right type and in its range."""
    where = ".".join(_TABLES[path.name])
    _refuse_unknown(path, table, _READERS, where)
    values = {key: _READERS[key](path, f"{where}.{key}", value) for key, value in table.items()}
    try:
        Settings(**values)
    except EvalkitError as error:
        raise EvalkitError(f"{path}: {error.message}", hint=error.hint) from None
    return values


def _refuse_unknown(path: Path, table: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    for key in table:
        if key not in known:
            hint = unknown("key", key, known, where=_HELP).hint
            raise EvalkitError(f"{path}: unknown key {f'{where}.{key}' if where else key!r}.", hint=hint)


def _wrong(path: Path, key: str, value: Any, expected: str) -> EvalkitError:
    shown = str(value).lower() if isinstance(value, bool) else repr(value)
    shown = shown if len(shown) <= 40 else f"{shown[:37]}..."
    return EvalkitError(f"{path}: {key} must be {expected}, not {shown}.", hint="Mend the file.")


def _number(path: Path, key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(path, key, value, "a number")
    try:
        return float(value)
    except OverflowError:  # a whole number of TOML may have any length
        raise _wrong(path, key, value, "a number that is not so large") from None


def _whole(path: Path, key: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(path, key, value, "a whole number")
    return value


def _flag(path: Path, key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _wrong(path, key, value, "true or false")
    return value


def _text(path: Path, key: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _wrong(path, key, value, "a name or glob")
    return value


def _choice(kind: type[StrEnum]) -> Callable[[Path, str, Any], StrEnum]:
    def read(path: Path, key: str, value: Any) -> StrEnum:
        if value not in tuple(kind):
            raise _wrong(path, key, value, f"one of {', '.join(kind)}")
        return kind(value)

    return read


def _margins(path: Path, key: str, value: Any) -> dict[str, float]:
    if not isinstance(value, dict):
        raise _wrong(path, key, value, "a table of margins")
    if not all(name.strip() for name in value):
        raise EvalkitError(f"{path}: {key} has an empty name.", hint="Name a task, a glob, a task type or the mean.")
    return {name: _number(path, f"{key}.{name}", margin) for name, margin in value.items()}


_READERS: dict[str, Callable[[Path, str, Any], Any]] = {
    "margin": _number,
    "margins": _margins,
    "alpha": _number,
    "power": _number,
    "strict": _flag,
    "inconclusive": _choice(Inconclusive),
    "tasks": _text,
    "encoders": _text,
    "looks": _whole,
    "spending": _choice(Spending),
}
