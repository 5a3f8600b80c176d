"""The commands that this package brings (entry points of group ``evalkit.commands``). Cheap to import."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evalkit.cli import console
from evalkit_leaderboard.options import ALPHA, Aggregate, By, Family, Format, Method, Options, Question

if TYPE_CHECKING:
    from evalkit.store import Loaded
    from evalkit_leaderboard.board import Board
    from evalkit_leaderboard.sheet import Sheet


def leaderboard(
    results: Annotated[Path, typer.Argument(help="A folder of results.")] = Path("results"),
    tasks: Annotated[str | None, typer.Option(metavar="GLOB", help="Only these tasks.")] = None,
    encoders: Annotated[str | None, typer.Option(metavar="GLOB", help="Only these encoders.")] = None,
    question: Annotated[
        Question | None,
        typer.Option(help="Must a difference hold for these tasks (other units), or for tasks like these?"),
    ] = None,
    aggregate: Annotated[Aggregate, typer.Option(help="How a row becomes one number.")] = Aggregate.MEAN,
    by: Annotated[By, typer.Option(help="What the columns are.")] = By.TASK,
    baseline: Annotated[
        str | None, typer.Option(metavar="ENCODER", help="Show every encoder as its difference to this one.")
    ] = None,
    alpha: Annotated[float, typer.Option(help="Error rate of what is called proven.")] = ALPHA,
    family: Annotated[Family | None, typer.Option(help="Which comparisons are corrected together.")] = None,
    method: Annotated[Method, typer.Option(help="Student's t, or sign flips.")] = Method.ANALYTIC,
    diagnostics: Annotated[
        bool,
        typer.Option("--diagnostics", help="Also the diagnostics of the vectors, and whether they go with the scores."),
    ] = False,
    format: Annotated[Format, typer.Option(help="How to print it.")] = Format.TABLE,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
    plot: Annotated[Path | None, typer.Option(metavar="DIR", help="Also draw it, as SVG files in this folder.")] = None,
) -> None:
    """Show what is proven about the encoders: scores with intervals, ranks that hold, and tiers.

    Encoders of one tier cannot be told apart. A mark stands only where a difference to the first row, or to the
    baseline, is proven after correction for all comparisons made.
    """
    options = Options(
        question=question,
        by=by,
        baseline=baseline,
        alpha=alpha,
        family=family,
        method=method,
        aggregate=aggregate,
        diagnostics=diagnostics,
    )
    loaded = _load(results)
    board = _board(loaded, tasks, encoders, options)
    if plot is not None:
        _draw(board, plot)
    _print(board, Format.JSON if json else format, loaded)


def _load(results: Path) -> Loaded:
    from evalkit.errors import EvalkitError
    from evalkit.store import load

    loaded = load(results)
    for _, reason in loaded.unreadable:
        console.warning(reason)
    if not loaded.results:
        raise EvalkitError(f"{results} holds no results.", hint="`evalkit run -o FOLDER` writes them there.")
    return loaded


def _board(loaded: Loaded, tasks: str | None, encoders: str | None, options: Options) -> Board:
    from evalkit_leaderboard.board import build
    from evalkit_leaderboard.frame import align, select

    chosen = select(loaded.results, tasks=tasks, encoders=encoders)
    return build(align(chosen, among=loaded.results), options)


def _draw(board: Board, folder: Path) -> None:
    from evalkit_leaderboard.plots import draw

    drawn = draw(board, folder)
    for path in drawn.files:
        console.note(f"Drawn: {path}")
    for reason in drawn.left_out:
        console.note(reason)


def _print(board: Board, format: Format, loaded: Loaded) -> None:
    from evalkit_leaderboard.render import RENDERERS
    from evalkit_leaderboard.report import as_json
    from evalkit_leaderboard.sheet import sheet

    if format is Format.JSON:
        unreadable = [{"path": str(path), "reason": reason} for path, reason in loaded.unreadable]
        console.json_data({**as_json(board), "unreadable": unreadable})
    elif format is Format.TABLE:
        _print_sheet(sheet(board, width=console.out().width))
    else:
        console.line(RENDERERS[format](sheet(board, full=format is Format.CSV)))


def _print_sheet(page: Sheet) -> None:
    console.table(page.headers, [[_coloured(cell) for cell in row] for row in page.rows])
    console.line()
    for note in page.notes:
        console.line(note)
    if page.below is not None:
        console.line()
        console.line(page.below.title)
        _print_sheet(page.below)


def _coloured(cell: str) -> Any:
    """Green behind the mark of what is proven better, red behind that of what is proven worse."""
    from rich.text import Text

    from evalkit_leaderboard.sheet import BETTER, WORSE

    return Text(cell, style={BETTER: "green", WORSE: "red"}.get(cell[:1], ""))
