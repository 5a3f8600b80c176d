"""What a leaderboard says below its numbers: what they rest on, how to read the marks, what is missing and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalkit_leaderboard.options import By, Question
from evalkit_leaderboard.units import NOTHING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalkit_leaderboard.board import Board
    from evalkit_leaderboard.significance.pairs import Pairs

INCOMPLETE = (
    "— no result. An encoder that lacks a task has no mean over it (mteb's rule) and stands below those that lack "
    "none; its rank, tier and comparisons rest on the tasks that it shares with the others."
)
SINGLE_TASKS = "Each task type has one task here, whose score is the mean of the type."
WHY_LIKE = " (Not every task has units to ask about these tasks alone.)"
TOSSED = "Points: a comparison that is proven on its task counts as settled, an open one as the toss of a coin."
ALONE = "There is one encoder: nothing to compare it with."

QUESTIONS = {
    Question.THESE: "These tasks, other units: does it hold on this benchmark?",
    Question.LIKE: "Tasks like these: would it hold on another such benchmark?",
}


def notes(board: Board) -> tuple[str, ...]:
    """The sentences below a board."""
    return (*_methods(board), *_layout(board), *board.notes)


def pairs_method(pairs: Pairs) -> str:
    """How the comparisons of a standing were made, such as ``t, max-T over 10,000 draws``."""
    count = made(pairs)
    draws = f" over {pairs.draws:,} draws" if pairs.draws and count > 1 else ""
    counted = f"{count:,} pair" if count == 1 else f"{count:,} pairs"
    return f"{pairs.method}, {pairs.adjustment}{draws}, {counted}"


def made(pairs: Pairs) -> int:
    """How many pairs have a p value."""
    return int((~np.isnan(pairs.p[np.triu_indices(len(pairs.p), 1)])).sum())


def _methods(board: Board) -> Iterator[str]:
    yield QUESTIONS[board.question] + (WHY_LIKE if _chosen_for_lack_of_units(board) else "")
    overall, percent = board.overall, f"{100 * (1 - board.options.alpha):g} %"
    if not np.isnan(overall.high).all():
        yield f"±: half of the {percent} interval by Student's t, from {overall.basis}{_columns_basis(board)}."
    if board.in_points and board.question is Question.THESE:
        yield TOSSED
    if len(board.frame.encoders) < 2:
        yield ALONE
    elif not made(overall.pairs):
        yield "Nothing can be said about ranks: no error of the differences is known."
    else:
        yield f"Ranks and tiers ({percent}): {pairs_method(overall.pairs)}. Encoders of one tier cannot be told apart."
    if len(board.frame.encoders) > 1 and any(made(standing.pairs) for standing in (overall, *board.columns)):
        yield _marks(board)


def _chosen_for_lack_of_units(board: Board) -> bool:
    return board.options.question is None and board.question is Question.LIKE


def _columns_basis(board: Board) -> str:
    """What the columns rest on, where that is something else."""
    found = sorted({standing.basis for standing in board.columns} - {board.overall.basis, NOTHING})
    return f"; in the columns from {' or '.join(found)}" if found else ""


def _marks(board: Board) -> str:
    reference = board.frame.encoders[board.reference]
    what = "the baseline" if board.options.baseline is not None else "the first row"
    if board.options.by is By.ENCODER:
        return "▲ ▼: proven better or worse than the encoder of the column, all pairs corrected together."
    corrected = f"; in the columns by {board.proof.correction}" if board.proof.correction else ""
    return f"▲ ▼: proven better or worse than {reference} ({what}) at {board.options.alpha:g}{corrected}."


def _layout(board: Board) -> Iterator[str]:
    means = board.means
    if board.options.by is By.TASK and 1 < len(means.types) == len(board.frame.tasks):
        yield SINGLE_TASKS
    if (board.overall.tasks < board.overall.n_tasks).any():
        yield INCOMPLETE
