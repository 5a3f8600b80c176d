"""Every chain behind every encoder, on every task; each encoder is loaded once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from evalkit.api import begin, load_scorer, run_one
from evalkit.errors import EvalkitError
from evalkit.plugins import put_behind
from evalkit.protocols import Encoder
from evalkit_leaderboard.frontier.chains import without_vectors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalkit.config import RunConfig
    from evalkit.plan import Selection
    from evalkit.plugins import Plugins
    from evalkit.protocols import Scorer, Task
    from evalkit.reporter import Reporter
    from evalkit.runner import Outcome, Runner
    from evalkit.schema import Result
    from evalkit_leaderboard.frontier.chains import Chain, Grid


@dataclass(frozen=True)
class Ran:
    """What came of a grid.

    Attributes:
        grid: The grid.
        results: The results of each chain that could stand behind the encoder, new ones and found ones.
    """

    grid: Grid
    results: tuple[tuple[Chain, tuple[Result, ...]], ...]


def run_grids(
    config: RunConfig, plugins: Plugins, grids: Sequence[Grid], selection: Selection, reporter: Reporter | None
) -> tuple[list[Ran], Outcome]:
    """Run grids one after the other: only one of their encoders is in memory at a time.

    An encoder that cannot be loaded or has no vectors, and a chain that cannot stand behind its encoder, are failures
    in the outcome; the others go on.

    Raises:
        EvalkitError: As `evalkit.api.run_all`.
    """
    runner = begin(config, selection, sum(len(grid.chains) for grid in grids), reporter)
    ran = [Ran(grid, tuple(_run(runner, plugins, grid, selection.tasks))) for grid in grids]
    return ran, runner.outcome


def _run(
    runner: Runner, plugins: Plugins, grid: Grid, tasks: Sequence[Task]
) -> Iterator[tuple[Chain, tuple[Result, ...]]]:
    runner.reporter.encoder_loading(grid.shown)
    try:
        base = _with_vectors(load_scorer(plugins, grid.spec))
    except EvalkitError as error:
        runner.fail(grid.shown, None, error)
        return
    runner.reporter.encoder_ready(grid.shown, base.name, identified=base.fingerprint is not None)
    for chain in list(_fitting(runner, base, grid.chains)):
        before = len(runner.outcome.results)
        run_one(runner, chain.spec, partial(put_behind, base, chain.steps), tasks)
        yield chain, tuple(runner.outcome.results[before:])


def _with_vectors(scorer: Scorer) -> Encoder:
    if not isinstance(scorer, Encoder):
        raise without_vectors(scorer.name)
    return scorer


def _fitting(runner: Runner, base: Encoder, chains: Sequence[Chain]) -> Iterator[Chain]:
    """The chains that can stand behind an encoder; the others fail before anything is encoded."""
    for chain in chains:
        try:
            put_behind(base, chain.steps)
        except EvalkitError as error:
            runner.fail(chain.spec, None, error)
        else:
            yield chain
