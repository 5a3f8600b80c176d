"""Borda counts: mteb's own rule, and one in which a missing score neither costs nor earns anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from evalkit.types import FloatArray


@dataclass(frozen=True, eq=False)
class Borda:
    """Borda points of the rows of a table of scores.

    Attributes:
        points: (E,) points; nan for a row that takes no part.
        ranks: (E,) rank by points, 1 the best, equal ones sharing the smallest; nan for a row that takes no part.
    """

    points: FloatArray
    ranks: FloatArray


def borda_mteb(scores: FloatArray) -> Borda:
    """The rule of mteb's board: for every task the number of rows minus the row's rank among those that have the task.

    A missing score adds nothing, so a row pays for each hole, and who has the task is credited with beating those who
    have not. Rows without any score take no part and are not counted.

    Args:
        scores: (E, T) higher is better; nan where there is none.

    Source: `mteb.benchmarks._create_table._borda_rank_from_long`, mteb 2.26.24.
    """
    present = ~np.isnan(scores)
    taking_part = present.any(axis=1)
    better, equal = _better_and_equal(scores)
    ranks = 1 + better + (equal - 1) / 2
    points = np.where(present, taking_part.sum() - ranks, 0.0).sum(axis=1)
    return _ranked(np.where(taking_part, points, np.nan))


def borda_shared(scores: FloatArray) -> Borda:
    """Borda over shared cells: every pair of rows is compared on the tasks that both have.

    A row's points are the sum over the others of (tasks won + half the tasks tied) * T / (tasks shared), scaled up
    where it shares no task with some. Without holes these are mteb's points exactly.

    Args:
        scores: (E, T) higher is better; nan where there is none.
    """
    n, tasks = scores.shape
    wins, shared = _pairwise(scores)
    comparable = shared > 0
    np.fill_diagonal(comparable, False)
    # T / shared comes first: it is 1 without holes, and the points then stay exact multiples of a half.
    each = np.where(comparable, wins * (tasks / np.maximum(shared, 1)), 0.0)
    others = comparable.sum(axis=1)
    known = others > 0
    points = each.sum(axis=1) * ((n - 1) / np.maximum(others, 1))
    return _ranked(np.where(known, points, np.nan))


def rank_descending(values: FloatArray) -> FloatArray:
    """(E,) rank of each value, 1 the largest, equal ones sharing the smallest; nan for nan."""
    known = ~np.isnan(values)
    ranks = np.full(len(values), np.nan)
    ranks[known] = 1 + (values[known][:, None] < values[known][None, :]).sum(axis=1)
    return ranks


def _ranked(points: FloatArray) -> Borda:
    return Borda(points, rank_descending(points))


def _better_and_equal(scores: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(E, T) how many rows score more, and how many the same, the row itself included."""
    better, equal = np.zeros(scores.shape), np.zeros(scores.shape)
    for row in scores:
        # Comparisons with nan are false: who is missing beats nobody.
        better += row > scores
        equal += row == scores
    return better, equal


def _pairwise(scores: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(E, E) tasks on which row i beats row j, ties half; (E, E) tasks that both have."""
    present = (~np.isnan(scores)).astype(float)
    shared = present @ present.T
    wins = np.zeros(shared.shape)
    for index, row in enumerate(scores):
        wins[index] = (row > scores).sum(axis=1) + 0.5 * (row == scores).sum(axis=1)
    return wins, shared
