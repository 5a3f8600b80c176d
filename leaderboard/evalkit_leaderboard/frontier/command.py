"""`evalkit sweep`. Cheap to import."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evalkit.cli import console
from evalkit.cli.options import (
    BATCH_SIZE,
    BatchSize,
    Data,
    Force,
    Json,
    Output,
    PluginFiles,
    Quiet,
    Splits,
    Subsets,
    Suite,
    Tasks,
    Workers,
)
from evalkit_leaderboard.options import ALPHA, Method

if TYPE_CHECKING:
    from evalkit.config import RunConfig
    from evalkit.plugins import Plugins
    from evalkit.runner import Outcome
    from evalkit_leaderboard.frontier.measured import Sweep
    from evalkit_leaderboard.frontier.running import Ran


def sweep(
    encoder: Annotated[
        list[str], typer.Option("--encoder", "-m", metavar="SPEC", help="An encoder with vectors; may be repeated.")
    ],
    transforms: Annotated[
        list[str],
        typer.Option(
            metavar="FILE|LIST",
            help="Chains of transforms: a file with one a line, or a list with ; between them; may be repeated.",
        ),
    ],
    task: Tasks = None,
    suite: Suite = None,
    data: Data = None,
    split: Splits = None,
    subset: Subsets = None,
    output: Output = Path("results"),
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.svg", help="Draw score against bytes of a vector here.")
    ] = None,
    alpha: Annotated[float, typer.Option(help="Error rate of what is called proven.")] = ALPHA,
    method: Annotated[Method, typer.Option(help="Student's t, or sign flips.")] = Method.ANALYTIC,
    force: Force = False,
    cache: Annotated[
        bool, typer.Option("--cache/--no-cache", help="Keep and use embeddings; without, each chain encodes anew.")
    ] = True,
    batch_size: BatchSize = BATCH_SIZE,
    workers: Workers = 0,
    plugin: PluginFiles = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Score an encoder behind many transforms: what do smaller vectors cost, and is that proven?

    Texts are encoded once. Results go where those of `evalkit run` go, and what is finished already is kept.
    """
    from evalkit.config import RunConfig
    from evalkit.plugins import Plugins

    config = RunConfig(
        encoders=tuple(encoder),
        tasks=tuple(task or ()),
        suite=suite,
        data=tuple(data or ()),
        splits=tuple(split or ()),
        subsets=tuple(subset or ()),
        output=output,
        force=force,
        cache=cache,
        batch_size=batch_size,
        workers=workers,
    )
    _check(alpha, plot)
    ran, outcome = _execute(config, Plugins.installed(plugin or []), transforms, quiet=quiet)
    found = _measured(ran, outcome, output, alpha, method)
    if found is not None and plot is not None:
        _draw(found, plot)
    _show(found, outcome, output, json=json)
    raise typer.Exit(outcome.exit_code)


def _check(alpha: float, plot: Path | None) -> None:
    """Refuse what would fail only after an hour of encoding."""
    from evalkit.errors import EvalkitError
    from evalkit.plots import style

    if not 0 < alpha < 1:
        raise EvalkitError(f"--alpha must be between 0 and 1, not {alpha}.", hint="0.05 is usual.")
    if plot is not None:
        with style():
            pass


def _execute(config: RunConfig, plugins: Plugins, transforms: list[str], *, quiet: bool) -> tuple[list[Ran], Outcome]:
    from evalkit.cli.progress import reporter
    from evalkit.cli.run import watched
    from evalkit.plan import select_tasks
    from evalkit_leaderboard.frontier.chains import grids, read_chains
    from evalkit_leaderboard.frontier.running import run_grids

    chosen = grids(plugins, config.encoders, read_chains(transforms))
    selection = select_tasks(plugins, config)
    display = reporter(quiet=quiet)
    with watched(display, config.output):
        return run_grids(config, plugins, chosen, selection, display)


def _measured(ran: list[Ran], outcome: Outcome, output: Path, alpha: float, method: Method) -> Sweep | None:
    """What was measured; None where nothing was, and failures say why.

    Raises:
        EvalkitError: Nothing could be scored, and nothing failed.
    """
    from evalkit.cli.run import refuse_nothing
    from evalkit.store import ResultStore
    from evalkit_leaderboard.frontier.measured import measured

    refuse_nothing(outcome)
    return measured(ran, ResultStore(output), alpha=alpha, method=method) if outcome.results else None


def _draw(found: Sweep, plot: Path) -> None:
    from evalkit_leaderboard.frontier.picture import draw

    console.note(f"Drawn: {path}" if (path := draw(found, plot)) else "Not drawn: no score with bytes.")


def _show(found: Sweep | None, outcome: Outcome, output: Path, *, json: bool) -> None:
    from evalkit.cli.run import complain, summary
    from evalkit_leaderboard.frontier import page

    if json:
        console.json_data(page.what_failed(outcome) if found is None else page.as_json(found, outcome))
    elif found is not None:
        _print(found)
        console.line()
        console.line(summary(outcome))
        console.line(f"Results are in {output}.")
    complain(replace(outcome, results=page.without_marked(outcome.results)))


def _print(found: Sweep) -> None:
    from evalkit_leaderboard.frontier import page

    for table in page.tables(found):
        console.line(table.title)
        console.table(table.headers, table.rows, left=table.left)
        console.line()
    for note in page.notes(found):
        console.line(note)
