"""`evalkit power`. Cheap to import."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evalkit.cli import console
from evalkit_leaderboard.check.options import Alpha, Encoders, Margins, Tasks

if TYPE_CHECKING:
    from evalkit_leaderboard.check.power import Outlooks
    from evalkit_leaderboard.check.settings import Settings

_RESULTS = "results"


def power(
    results: Annotated[
        str,
        typer.Argument(
            metavar="RESULTS",
            help="Results: a folder or file, or a baseline saved in results/ by its name; several encoders show how "
            "differences spread.",
        ),
    ] = _RESULTS,
    margin: Margins = None,
    alpha: Alpha = None,
    power: Annotated[float | None, typer.Option(help="Chance that a check is to have; .8.")] = None,
    tasks: Tasks = None,
    encoders: Encoders = None,
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


def _foreseen(results: str, settings: Settings, sd: float | None, correlation: float | None) -> Outlooks:
    from evalkit.plugins import Plugins
    from evalkit_leaderboard.check.baseline import find_baseline, verified
    from evalkit_leaderboard.check.pairing import read_side
    from evalkit_leaderboard.check.power import check_assumption, foresee

    assumption = check_assumption(sd, correlation)
    path = Path(results) if results == _RESULTS else find_baseline(results)
    verified(path)
    return foresee(read_side(path), settings, assumption=assumption, suites=Plugins.installed().suites())


def _print(outlooks: Outlooks) -> None:
    from evalkit_leaderboard.check import power_page as page

    table = page.table(outlooks)
    console.table(table.headers, table.rows, left=table.left)
    console.line()
    for note in page.notes(outlooks):
        console.line(note)
