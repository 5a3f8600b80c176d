"""The only printer. Data go to stdout; errors, warnings and progress to stderr."""

from __future__ import annotations

import json
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from evalkit.errors import EvalkitError

MISSING = "—"
"""What stands in a table where there is no value."""
_UNBOUNDED = 10_000
_NARROWEST = 6


@cache
def out() -> Console:
    """The console of stdout."""
    return _console(stderr=False)


@cache
def err() -> Console:
    """The console of stderr."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    # A file has no width: tables in it must not be cut to the 80 columns that rich assumes.
    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    width = None if terminal else _UNBOUNDED
    return Console(stderr=stderr, width=width, markup=False, highlight=False, emoji=False, soft_wrap=True)


def line(text: str = "") -> None:
    """One line of data."""
    sys.stdout.write(f"{text}\n")


def note(text: str) -> None:
    """One line beside the data."""
    err().print(text)


def warning(text: str) -> None:
    """Something that the user should know and that stops nothing."""
    _labelled("warning", text, "yellow")


def error(error: EvalkitError, *, where: str = "") -> None:
    """What went wrong in one sentence, and below it what to do.

    Args:
        error: The error.
        where: What it happened in, such as encoder and task.
    """
    _labelled("error", f"{where}: {error.message}" if where else error.message, "bold red")
    if error.hint:
        err().print("\n".join(f"  {part}" for part in error.hint.split("\n")))


def _labelled(label: str, text: str, style: str) -> None:
    from rich.text import Text

    err().print(Text.assemble((f"{label}:", style), " ", text))


def json_data(value: Any) -> None:
    """Data for scripts: strict JSON."""
    line(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> None:
    """A table.

    Args:
        headers: Name of each column; may break over lines.
        rows: One string for each column.
        left: How many columns are text and stand left; the others are numbers and stand right.
    """
    from rich import box
    from rich.table import Table

    grid = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    body = [list(row) for row in rows]
    for column, header in enumerate(headers):
        widest = max((len(row[column]) for row in body), default=0)
        # Numbers are never broken; only text and headers give way on a narrow terminal.
        narrowest = min(widest, 3 * _NARROWEST) if column < left else max(widest, min(len(header), _NARROWEST))
        justify: Any = "left" if column < left else "right"
        grid.add_column(header, justify=justify, overflow="fold", min_width=narrowest)
    for row in body:
        grid.add_row(*row)
    console = out()
    needed = console.measure(grid).minimum
    console.print(grid, width=max(needed, console.width), crop=False, no_wrap=False)


def number(value: float | None) -> str:
    """A score with four decimals, or a dash."""
    return MISSING if value is None or value != value else f"{value:.4f}"


def size(n_bytes: float) -> str:
    """Bytes for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}" if unit == "B" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} TB"


def counted(n: int, singular: str) -> str:
    """A number and its noun, such as ``1 text`` or ``2 texts``."""
    return f"{n:,} {singular}" if n == 1 else f"{n:,} {singular}s"
