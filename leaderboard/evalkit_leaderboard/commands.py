"""The commands that this package brings (entry points of group ``evalkit.commands``). Cheap to import."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evalkit.cli import console

if TYPE_CHECKING:
    from evalkit_leaderboard.aggregate import Means
    from evalkit_leaderboard.frame import Frame


class Format(StrEnum):
    """How a leaderboard is printed."""

    TABLE = "table"
    MARKDOWN = "markdown"
    CSV = "csv"
    JSON = "json"


def leaderboard(
    results: Annotated[Path, typer.Argument(help="A folder of results.")] = Path("results"),
    tasks: Annotated[str | None, typer.Option(metavar="GLOB", help="Only these tasks.")] = None,
    encoders: Annotated[str | None, typer.Option(metavar="GLOB", help="Only these encoders.")] = None,
    format: Annotated[Format, typer.Option(help="How to print it.")] = Format.TABLE,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
) -> None:
    """Show the scores of all encoders: one row an encoder, one column a task, and means.

    The mean over tasks counts every task the same, the mean of types every task type.
    """
    from evalkit.errors import EvalkitError
    from evalkit.store import load
    from evalkit_leaderboard.aggregate import means
    from evalkit_leaderboard.frame import align, select

    loaded = load(results)
    for _, reason in loaded.unreadable:
        console.warning(reason)
    if not loaded.results:
        raise EvalkitError(f"{results} holds no results.", hint="`evalkit run -o FOLDER` writes them there.")
    frame = align(select(loaded.results, tasks=tasks, encoders=encoders))
    unreadable = [{"path": str(path), "reason": reason} for path, reason in loaded.unreadable]
    _print(frame, means(frame), Format.JSON if json else format, unreadable)


def _print(frame: Frame, means: Means, format: Format, unreadable: list[dict[str, str]]) -> None:
    from evalkit_leaderboard.render import RENDERERS, as_json, sheet

    if format is Format.JSON:
        console.json_data({**as_json(frame, means), "unreadable": unreadable})
    elif format is Format.TABLE:
        board = sheet(frame, means)
        console.table(board.headers, board.rows)
        for note in board.notes:
            console.line(f"\n{note}")
    else:
        console.line(RENDERERS[format](sheet(frame, means, full=format is Format.CSV)))
