"""Effect sizes of all pairs of models on one task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit_leaderboard.significance.intervals import NEGLIGIBLE
from evalkit_leaderboard.significance.moments import moments
from evalkit_leaderboard.significance.pairs import task_differences

if TYPE_CHECKING:
    from evalkit.types import AnyArray, FloatArray


@dataclass(frozen=True, eq=False)
class Effects:
    """Effect sizes of all pairs of models; all arrays (M, M), row against column, nan where one is missing.

    Attributes:
        d_z: Mean of the paired differences over their standard deviation; nan without a spread.
        wins: Units on which the row's model is better; the transpose are its losses.
        ties: Units on which the two are equal.
        better: Share of units on which the row's model is better, a tie counting half.
    """

    d_z: FloatArray
    wins: FloatArray
    ties: FloatArray
    better: FloatArray


def effects(X: AnyArray) -> Effects:
    """Effect sizes of all pairs of models.

    Args:
        X: (M, n) (pseudo-)value of every unit for every model; a model with a nan is missing.

    Raises:
        ValueError: If X is not a matrix with at least one unit.
    """
    task = moments(X)
    values = np.asarray(X, dtype=np.float64)
    tie = NEGLIGIBLE * np.abs(values[task.present]).max(initial=0.0)
    wins = np.full(task.difference.shape, np.nan)
    for row in np.flatnonzero(task.present):
        wins[row, task.present] = np.count_nonzero(values[row] - values[task.present] > tie, axis=1)
    ties = task.n - wins - wins.T
    differences = task_differences(task)
    d_z = np.where(differences.variance > 0, differences.t / np.sqrt(task.n), np.nan)
    return Effects(d_z, wins, ties, (wins + ties / 2) / task.n)
