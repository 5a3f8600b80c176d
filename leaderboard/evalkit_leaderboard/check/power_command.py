"""`evalkit power`. Cheap to import."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evalkit.cli import console

if TYPE_CHECKING:
    from evalkit_leaderboard.check.power import Outlooks
    from evalkit_leaderboard.check.settings import Settings


def power(
    results: Annotated[
        Path,
        typer.Argument(metavar="RESULTS", help="A folder of results; several encoders show how differences spread."),
    ] = Path("results"),
    margin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="M|NAME=M",
            help="How much worse is tolerated, .01 by default; NAME=M for a task, glob, type or the mean. Repeatable.",
        ),
    ] = None,
    alpha: Annotated[float | None, typer.Option(help="Error rate of a false alarm and of a false pass; .05.")] = None,
    power: Annotated[float | None, typer.Option(help="Chance that a check is to have; .8.")] = None,
    tasks: Annotated[str | None, typer.Option(metavar="GLOB", help="Only these tasks.")] = None,
    encoders: Annotated[str | None, typer.Option(metavar="GLOB", help="Only these encoders.")] = None,
    sd: Annotated[
        float | None, typer.Option(metavar="X", help="Spread of one unit's paired differences, where it is known.")
    ] = None,
    correlation: Annotated[
        float | None,
        typer.Option(metavar="R", help="Assumed correlation of a unit's two scores; .8 where no two encoders show it."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
) -> None:
    """What could `evalkit check` decide on these tasks, and how many units would it need?

    Settings stand in [tool.evalkit.check] of pyproject.toml or in [check] of evalkit.toml; options win.
    """
    from evalkit_leaderboard.check.config import configured, settings_of
    from evalkit_leaderboard.check.power_page import as_json

    settings = settings_of(configured(), margins=margin, alpha=alpha, power=power, tasks=tasks, encoders=encoders)
    outlooks = _foreseen(results, settings, sd, correlation)
    if json:
        console.json_data(as_json(outlooks))
    else:
        _print(outlooks)


def _foreseen(results: Path, settings: Settings, sd: float | None, correlation: float | None) -> Outlooks:
    from evalkit.plugins import Plugins
    from evalkit_leaderboard.check.pairing import read_side
    from evalkit_leaderboard.check.power import check_assumption, foresee

    assumption = check_assumption(sd, correlation)
    return foresee(read_side(results), settings, assumption=assumption, suites=Plugins.installed().suites())


def _print(outlooks: Outlooks) -> None:
    from evalkit_leaderboard.check import power_page as page

    table = page.table(outlooks)
    console.table(table.headers, table.rows, left=table.left)
    console.line()
    for note in page.notes(outlooks):
        console.line(note)
