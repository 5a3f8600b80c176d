"""What a grid measured: of every chain its bytes, its score, and what it lost or gained beside the encoder itself.

All statistics are the leaderboard's, with the encoder itself as baseline: intervals from the units of the tasks, paired
differences, and p values corrected for all chains and tasks together (Holm), over the tasks' mean for all chains.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from evalkit.labels import encoder_labels
from evalkit_leaderboard.board import build
from evalkit_leaderboard.frame import align
from evalkit_leaderboard.frontier.chains import NONE
from evalkit_leaderboard.options import Options, Question
from evalkit_leaderboard.plots.cost import frontier
from evalkit_leaderboard.report import or_none

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalkit.schema import EncoderRecord, Result
    from evalkit.store import ResultStore
    from evalkit_leaderboard.board import Board
    from evalkit_leaderboard.frontier.chains import Chain
    from evalkit_leaderboard.frontier.running import Ran
    from evalkit_leaderboard.options import Method
    from evalkit_leaderboard.proof import Against
    from evalkit_leaderboard.standing import Standing

MEAN = "mean"
BYTES = "bytes_per_text"


class Verdict(StrEnum):
    """What is proven of a chain beside the encoder itself."""

    ITSELF = "the encoder itself"
    GAIN = "proven gain"
    LOSS = "proven loss"
    OPEN = "not told apart"
    UNKNOWN = "nothing known"


@dataclass(frozen=True)
class Point:
    """A chain on a task, or over all tasks. None is a number that there is not.

    Attributes:
        encoder: What the encoder is called.
        chain: The transforms behind it, or `NONE`.
        spec: Both together, as `evalkit run -m` takes them.
        bytes: Bytes that an index keeps for a text: mean over the task's cells, or over the tasks.
        factor: How many times as many the encoder itself takes.
        score: Main score, or its mean over the tasks.
        low: Lower end of its interval.
        high: Upper end.
        difference: Score less that of the encoder itself.
        difference_low: Lower end of its paired interval, for this comparison alone.
        difference_high: Upper end.
        p: p value of this comparison alone.
        p_adjusted: The same, corrected for all that was compared along with it.
        verdict: What is proven.
        best: Whether no other point has as good a score for fewer bytes, or a better one for as many.
        fitted: Transforms that were fitted on the very texts that were scored.
    """

    encoder: str
    chain: str
    spec: str
    bytes: float | None
    factor: float | None
    score: float | None
    low: float | None
    high: float | None
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    p: float | None
    p_adjusted: float | None
    verdict: Verdict
    best: bool
    fitted: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """A task, or the mean over all of them.

    Attributes:
        name: The task's name, or `MEAN`.
        task: Some result of the task; None for the mean.
        points: Every chain of every encoder, those with most bytes first.
    """

    name: str
    task: Result | None
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Sweep:
    """Everything that was measured.

    Attributes:
        encoders: The encoders, as results record them.
        tasks: One part a task, by type and name.
        mean: The mean over the tasks; None where there is one task.
        alpha: Error rate of what is called proven, one less the coverage of the intervals.
        method: What comparisons rest on.
        corrections: How p values were corrected, in words, by encoder.
        notes: What the reader has to know, in sentences.
        files: The files of the results.
    """

    encoders: tuple[EncoderRecord, ...]
    tasks: tuple[Part, ...]
    mean: Part | None
    alpha: float
    method: Method
    corrections: tuple[str, ...]
    notes: tuple[str, ...]
    files: tuple[str, ...]

    @property
    def headline(self) -> Part:
        """The mean, or the only task."""
        return self.mean or self.tasks[0]


def measured(ran: Sequence[Ran], store: ResultStore, *, alpha: float, method: Method) -> Sweep:
    """Sum up what grids have scored.

    Args:
        ran: The grids; at least one result is among them.
        store: Where the results are.
        alpha: Error rate of what is called proven, one less the coverage of the intervals.
        method: What comparisons rest on.

    Raises:
        EvalkitError: alpha is no error rate, or results of one task were scored on other units.
    """
    scored = [each for each in ran if any(results for _, results in each.results)]
    records = [next(results[0].encoder for _, results in each.results if results) for each in scored]
    names = encoder_labels(records)
    options = Options(question=Question.THESE, alpha=alpha, method=method)
    sides = [_side(each, name, store, options) for each, name in zip(scored, names, strict=True)]
    tasks = sorted({(side.result(name).task.type, name) for side in sides for name in side.board.frame.tasks})
    parts = tuple(_task_part(sides, name) for _, name in tasks)
    notes = dict.fromkeys(note for side in sides for note in side.board.notes)
    return Sweep(
        encoders=tuple(records),
        tasks=parts,
        mean=_part(MEAN, None, [p for side in sides for p in side.mean(len(tasks))]) if len(tasks) > 1 else None,
        alpha=alpha,
        method=method,
        corrections=tuple(side.correction for side in sides),
        notes=tuple(notes),
        files=tuple(sorted(str(path) for side in sides for path in side.board.frame.paths.values())),
    )


def not_dominated(cost: Sequence[float | None], score: Sequence[float | None]) -> list[bool]:
    """Which points no other one beats: as good a score for less, or a better one for as much.

    Points that are equal in both are all in or all out; one without cost or score is out.
    """
    x, y = (np.array([math.nan if v is None else v for v in values], dtype=np.float64) for values in (cost, score))
    known = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    best = {(x[known[at]], y[known[at]]) for at in frontier(x[known], y[known])}
    return [(a, b) in best for a, b in zip(x, y, strict=True)]


@dataclass(frozen=True)
class _Side:
    """One encoder's board.

    Attributes:
        name: What the encoder is called.
        rows: Chain of each row.
        reference: Row of the encoder itself; None where it has no result.
        board: Its chains beside each other.
    """

    name: str
    rows: tuple[Chain, ...]
    reference: int | None
    board: Board

    @property
    def correction(self) -> str:
        """How p values were corrected."""
        if self.reference is None or len(self.rows) < 2:
            return ""
        tasks = self.board.proof.correction
        if len(self.board.frame.tasks) == 1:
            return tasks
        return f"{tasks}; of the mean {self.board.overall.pairs.adjustment} over {len(self.rows) - 1}"

    def result(self, task: str) -> Result:
        """Some result of a task."""
        return self.board.frame.task(self.board.frame.tasks.index(task))

    def task(self, name: str) -> Iterator[Point]:
        """Every chain on a task; nothing where none has a result on it."""
        frame = self.board.frame
        if name not in frame.tasks:
            return
        at = frame.tasks.index(name)
        results = {row: found for (row, column), found in frame.results.items() if column == at}
        costs = [_bytes(results[row]) if row in results else None for row in range(len(self.rows))]
        for row, found in sorted(results.items()):
            yield self._point(row, costs, self.board.columns[at], self.board.proof.columns[at], _fitted([found]))

    def mean(self, n_tasks: int) -> Iterator[Point]:
        """Every chain over all tasks; without numbers where one of the tasks is missing."""
        frame = self.board.frame
        of = [[found for (at, _), found in sorted(frame.results.items(), key=_place) if at == row] for row in self._all]
        costs = [_mean([_bytes(found) for found in each]) if len(each) == n_tasks else None for each in of]
        for row, each in enumerate(of):
            point = self._point(row, costs, self.board.overall, self.board.proof.overall, _fitted(each))
            yield point if len(each) == n_tasks else _nothing(point)

    @property
    def _all(self) -> range:
        return range(len(self.rows))

    def _point(
        self, row: int, costs: Sequence[float | None], standing: Standing, against: Against, fitted: tuple[str, ...]
    ) -> Point:
        own, itself = costs[row], None if self.reference is None else costs[self.reference]
        compared = self.reference is not None and row != self.reference
        chain = self.rows[row]
        return Point(
            encoder=self.name,
            chain=chain.text,
            spec=chain.spec,
            bytes=own,
            factor=itself / own if own and itself else None,
            score=or_none(standing.values[row]),
            low=or_none(standing.low[row]),
            high=or_none(standing.high[row]),
            difference=or_none(against.difference[row]) if compared else None,
            difference_low=or_none(against.low[row]) if compared else None,
            difference_high=or_none(against.high[row]) if compared else None,
            p=or_none(against.p[row]) if compared else None,
            p_adjusted=or_none(against.p_adjusted[row]) if compared else None,
            verdict=_verdict(against, row) if compared else _alone(chain),
            best=False,
            fitted=fitted,
        )


def _side(ran: Ran, name: str, store: ResultStore, options: Options) -> _Side:
    with_results = [(chain, results) for chain, results in ran.results if results]
    located = [(store.path(r.encoder, r.task.name), r) for _, results in with_results for r in results]
    frame = align(located)
    reference = next((row for row, (chain, _) in enumerate(with_results) if chain.text == NONE), None)
    if reference is not None:
        options = replace(options, baseline=frame.encoders[reference])
    return _Side(name, tuple(chain for chain, _ in with_results), reference, build(frame, options))


def _task_part(sides: Sequence[_Side], name: str) -> Part:
    some = next(side.result(name) for side in sides if name in side.board.frame.tasks)
    return _part(name, some, [point for side in sides for point in side.task(name)])


def _part(name: str, task: Result | None, points: Sequence[Point]) -> Part:
    best = not_dominated([point.bytes for point in points], [point.score for point in points])
    marked = [replace(point, best=is_best) for point, is_best in zip(points, best, strict=True)]
    return Part(name, task, tuple(sorted(marked, key=_order)))


def _order(point: Point) -> tuple[float, bool, float]:
    """Most bytes first, and of equal ones the encoder itself and then the best; what is unknown comes last."""
    size = math.inf if point.bytes is None else -point.bytes
    return size, point.chain != NONE, math.inf if point.score is None else -point.score


def _place(item: tuple[tuple[int, int], Result]) -> tuple[int, int]:
    return item[0]


def _bytes(result: Result) -> float | None:
    """Mean over the cells, as the score is."""
    return _mean([cell.cost.get(BYTES) for cell in result.cells])


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


def _fitted(results: Sequence[Result]) -> tuple[str, ...]:
    fits = (fit for result in results for cell in result.cells for fit in cell.fits)
    return tuple(dict.fromkeys(str(fit["transform"]) for fit in fits if fit.get("evaluated")))


def _verdict(against: Against, row: int) -> Verdict:
    if math.isnan(against.p_adjusted[row]):
        return Verdict.UNKNOWN
    return {1: Verdict.GAIN, -1: Verdict.LOSS}.get(int(against.verdict[row]), Verdict.OPEN)


def _alone(chain: Chain) -> Verdict:
    return Verdict.ITSELF if chain.text == NONE else Verdict.UNKNOWN


def _nothing(point: Point) -> Point:
    """A mean over some of the tasks is none."""
    verdict = point.verdict if point.chain == NONE else Verdict.UNKNOWN
    gone = dict.fromkeys(
        (
            "bytes",
            "factor",
            "score",
            "low",
            "high",
            "difference",
            "difference_low",
            "difference_high",
            "p",
            "p_adjusted",
        )
    )
    return replace(point, **gone, verdict=verdict)  # type: ignore[arg-type]
