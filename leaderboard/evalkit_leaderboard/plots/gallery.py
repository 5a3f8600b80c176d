"""The pictures of a leaderboard: from a board to what each picture needs, and into a folder."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from evalkit.plots import save, style
from evalkit_leaderboard.options import Aggregate, Question
from evalkit_leaderboard.plots.cost import Cost, draw_cost
from evalkit_leaderboard.plots.critical import MeanRanks, draw_critical
from evalkit_leaderboard.plots.forest import Forest, draw_forest
from evalkit_leaderboard.plots.verdicts import UNKNOWN, Verdicts, draw_verdicts
from evalkit_leaderboard.significance import friedman, nemenyi_distance

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from matplotlib.figure import Figure

    from evalkit.schema import Result
    from evalkit.types import FloatArray, IntArray
    from evalkit_leaderboard.board import Board

SCORES = {
    Aggregate.MEAN: "mean over tasks",
    Aggregate.MEAN_TYPE: "mean over task types",
    Aggregate.BORDA: "Borda points (mteb's rule)",
    Aggregate.BORDA_SHARED: "Borda points (shared tasks)",
}
QUESTIONS = {Question.THESE: "these tasks", Question.LIKE: "tasks like these"}
BYTES_OF_A_NUMBER = 4
"""Vectors are float32."""


class _Missing(Exception):  # noqa: N818  An answer, not a failure.
    """Why a picture cannot be drawn, as a sentence."""


@dataclass
class Drawn:
    """What came of drawing.

    Attributes:
        files: The pictures.
        left_out: Why the others are not there, in sentences.
    """

    files: list[Path] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def draw(board: Board, folder: Path) -> Drawn:
    """Draw every picture that the results allow.

    Args:
        board: The leaderboard.
        folder: Where the SVG files go; made where it does not exist.

    Raises:
        EvalkitError: matplotlib is not installed, or a file cannot be written.
    """
    pictures: dict[str, Callable[[Board], Figure]] = {
        "forest": lambda board: draw_forest(forest(board)),
        "critical-difference": lambda board: draw_critical(mean_ranks(board)),
        "verdicts": lambda board: draw_verdicts(verdicts(board)),
        "score-by-dimension": lambda board: draw_cost(by_dimension(board)),
        "score-by-speed": lambda board: draw_cost(by_speed(board)),
    }
    drawn = Drawn()
    with style():
        for name, picture in pictures.items():
            try:
                drawn.files.append(save(picture(board), folder / f"{name}.svg"))
            except _Missing as reason:
                drawn.left_out.append(f"No {name}.svg: {reason}")
    return drawn


def forest(board: Board) -> Forest:
    """The aggregate with its intervals."""
    rows = _scored(board)
    overall = board.overall
    level = f"{100 * (1 - board.options.alpha):g} % interval"
    known = bool(np.isfinite(overall.low[rows]).any())
    return Forest(
        labels=_labels(board, rows),
        values=overall.values[rows],
        low=overall.low[rows],
        high=overall.high[rows],
        tiers=[int(board.tiers[row]) for row in rows],
        title=f"{_title(board)}, {QUESTIONS[board.question]}",
        axis=f"{SCORES[board.options.aggregate]}, {level}" if known else SCORES[board.options.aggregate],
        note=_who_lacks(board, rows),
    )


def mean_ranks(board: Board) -> MeanRanks:
    """Mean ranks over the tasks, of the encoders that have them all."""
    scores = board.frame.main
    complete = np.flatnonzero(np.isfinite(scores).all(axis=1))
    models, tasks = len(complete), scores.shape[1]
    if models < 2 or tasks < 2:
        raise _Missing("mean ranks need two encoders and two tasks that both have.")
    ranks = friedman(scores[complete]).mean_ranks
    order = sorted(range(models), key=lambda at: (ranks[at], board.frame.encoders[complete[at]]))
    alpha = board.options.alpha
    return MeanRanks(
        labels=_labels(board, [int(complete[at]) for at in order]),
        ranks=[float(ranks[at]) for at in order],
        distance=nemenyi_distance(models, tasks, alpha=alpha),
        title=f"Mean ranks over {tasks} tasks; bars join what Nemenyi's test cannot tell apart at {alpha:g}",
        note=_who_lacks(board, [int(row) for row in complete]),
    )


def verdicts(board: Board) -> Verdicts:
    """Every pair, as the ranks and tiers of the leaderboard see it."""
    if len(board.order) < 2:
        raise _Missing("there is one encoder.")
    rows, pairs = list(board.order), board.overall.pairs
    difference, p = pairs.difference[np.ix_(rows, rows)], pairs.p_adjusted[np.ix_(rows, rows)]
    proven = np.where(p <= board.options.alpha, np.sign(np.nan_to_num(difference)), 0)
    return Verdicts(
        labels=_labels(board, rows),
        difference=difference,
        verdict=_unless_unknown(proven.astype(np.int64), p),
        title=f"Row against column, {QUESTIONS[board.question]}: {SCORES[board.options.aggregate]}",
        note=f"Proven at {board.options.alpha:g}, all pairs corrected together ({pairs.adjustment}); "
        "each pair on the tasks that both have.",
    )


def by_dimension(board: Board) -> Cost:
    """Score against the length of the vectors."""
    known = {row: float(size) for row in _scored(board) if (size := board.frame.encoder(row).dimension)}
    if not known:
        raise _Missing("no encoder with a score says how long its vectors are.")
    second = ("bytes of a vector (float32)", float(BYTES_OF_A_NUMBER))
    return replace(_cost(board, known, "dimensions of a vector"), base=2, second=second)


def by_speed(board: Board) -> Cost:
    """Score against encoding time, over all texts that were really encoded."""
    known = {row: cost for row in _scored(board) if (cost := seconds_per_thousand(_results(board, row))) is not None}
    if not known:
        raise _Missing("no encoder with a score was timed (imported results and cached texts have no timing).")
    return _cost(board, known, "seconds of encoding for 1,000 texts", where=_where(board, list(known)))


def seconds_per_thousand(results: list[Result]) -> float | None:
    """Seconds of encoding for a thousand texts; None where none was encoded or the clock saw no time."""
    timings = [result.timing for result in results if result.timing is not None]
    texts, seconds = sum(each.texts_encoded for each in timings), sum(each.encoding_seconds for each in timings)
    return 1000 * seconds / texts if texts and seconds > 0 else None


def _cost(board: Board, known: dict[int, float], axis: str, *, where: str = "") -> Cost:
    rows, overall = list(known), board.overall
    unknown = len(board.order) - len(rows)
    left_out = f"{_encoders(unknown)} without a score or without this number left out." if unknown else ""
    return Cost(
        labels=_labels(board, rows),
        cost=np.array([known[row] for row in rows]),
        score=overall.values[rows],
        low=overall.low[rows],
        high=overall.high[rows],
        title=f"{_title(board)} against {axis}",
        cost_axis=axis,
        score_axis=SCORES[board.options.aggregate],
        note=" ".join(part for part in ("Dashed: the best score for the cost.", left_out, where) if part),
    )


def _scored(board: Board) -> list[int]:
    """Rows with an aggregate, best first.

    Raises:
        _Missing: There are none.
    """
    rows = [row for row in board.order if np.isfinite(board.overall.values[row])]
    if not rows:
        raise _Missing("no encoder has a score on every task.")
    return rows


def _labels(board: Board, rows: list[int]) -> list[str]:
    return [board.frame.encoders[row] for row in rows]


def _results(board: Board, row: int) -> list[Result]:
    return [result for (at, _), result in sorted(board.frame.results.items(), key=lambda each: each[0]) if at == row]


def _title(board: Board) -> str:
    tasks = len(board.frame.tasks)
    return board.frame.tasks[0] if tasks == 1 else f"{SCORES[board.options.aggregate].capitalize()} ({tasks} tasks)"


def _who_lacks(board: Board, rows: list[int]) -> str:
    missing = len(board.order) - len(rows)
    return f"{_encoders(missing)} without a score on every task left out." if missing else ""


def _encoders(n: int) -> str:
    return "1 encoder" if n == 1 else f"{n} encoders"


def _where(board: Board, rows: list[int]) -> str:
    """A word of warning where the times are of several machines."""
    machines = {
        (result.environment.platform, result.environment.device) for row in rows for result in _results(board, row)
    }
    return "" if len(machines) == 1 else f"Timed on {len(machines)} different machines."


def _unless_unknown(proven: IntArray, p: FloatArray) -> IntArray:
    return np.where(np.isnan(p), UNKNOWN, proven)
