"""Differences between models over tasks that are a sample of their types."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalkit_leaderboard.significance.pairs import Differences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.types import AnyArray, FloatArray

_CANCELLED = 1e-12
"""A sum of squares below this share of the sums that it is the difference of is a rounding error."""


class Strata:
    """Scores of models on tasks in types, each type a random sample of tasks like its own.

    The mean has a weight W_k on the mean over the n_k tasks of type k: n_k / T for the mean over tasks, 1 / K for the
    mean over types. Its variance is the sum of W_k^2 s_k^2 / n_k, where s_k^2 is the variance of the differences
    between the tasks of type k (Cochran 1977, section 5.9). A type of one task has no variance of its own and borrows
    the pooled variance of the others. Degrees of freedom: Satterthwaite 1946. All of it on the tasks a pair shares.
    """

    def __init__(self, scores: AnyArray, types: Sequence[str] | None = None, *, over_types: bool = False) -> None:
        """Takes (M, T) scores, nan where there is none, and the type of every task; None for one type.

        Raises:
            ValueError: If the scores are not a matrix or there is not one type for each task.
        """
        table = np.asarray(scores, dtype=np.float64)
        if table.ndim != 2 or (types is not None and len(types) != table.shape[1]):
            raise ValueError(f"The scores must be (models, tasks), with a type for each task, not {table.shape}.")
        kinds = np.array([""] * table.shape[1] if types is None else list(types), dtype=object)
        self.over_types = over_types
        self.tables = [_centred(table[:, kinds == kind]) for kind in dict.fromkeys(kinds)]
        self.there = [np.isfinite(part).astype(np.float64) for part in self.tables]
        # (K, M, M) tasks of each type that a pair shares, and sums of their differences.
        self.n = np.array([has @ has.T for has in self.there])
        filled = [np.nan_to_num(part) for part in self.tables]
        self.total = np.array([x @ has.T - has @ x.T for x, has in zip(filled, self.there, strict=True)])
        self.spread = np.array(
            [_spread(x, has, n, total) for x, has, n, total in zip(filled, self.there, self.n, self.total, strict=True)]
        )

    def differences(self) -> Differences:
        """Mean differences, their variances and degrees of freedom."""
        tasks = self.n.sum(axis=0)
        means = np.divide(self.total, self.n, out=np.zeros_like(self.total), where=self.n > 0)
        mean = np.where(tasks > 0, (self.weights() * means).sum(axis=0), np.nan)
        terms = self.coefficients() * self.spread
        variance = np.where((self.n > 1).any(axis=0), terms.sum(axis=0), np.nan)
        fourth = (terms**2 / np.maximum(self.n - 1, 1)).sum(axis=0)
        df = np.divide(variance**2, fourth, out=np.full_like(mean, np.nan), where=fourth > 0)
        return Differences(mean, variance, df, tasks.astype(np.int64))

    def covariance(self) -> FloatArray | None:
        """(M, M) covariance of the models' means, up to what all share; None where scores are missing."""
        if not all(has.all() for has in self.there) or not (self.n > 1).any():
            return None
        total = np.zeros(self.n.shape[1:])
        for table, coefficient in zip(self.tables, self.coefficients(), strict=True):
            residuals = table - table.mean(axis=1, keepdims=True)
            total += coefficient * (residuals @ residuals.T) / max(table.shape[1] - 1, 1)
        return total

    def weights(self) -> FloatArray:
        """(K, M, M) weight of each type's mean for every pair; they sum to 1 where the pair shares a task."""
        counted = (self.n > 0).astype(np.float64) if self.over_types else self.n
        total = counted.sum(axis=0)
        return np.asarray(np.divide(counted, total, out=np.zeros_like(counted), where=total > 0))

    def coefficients(self) -> FloatArray:
        """(K, M, M) what each type's variance counts in that of the mean, 0 for types of fewer than two tasks."""
        own = np.divide(self.weights() ** 2, self.n, out=np.zeros_like(self.total), where=self.n > 0)
        freedom = np.maximum(self.n - 1, 0)
        pooled = freedom.sum(axis=0)
        share = np.divide(freedom, pooled, out=np.zeros_like(own), where=pooled > 0)
        lonely = np.where(self.n == 1, own, 0.0).sum(axis=0)
        return np.where(self.n > 1, own + lonely * share, 0.0)


def _centred(part: FloatArray) -> FloatArray:
    """(M, n) scores less the mean of each task, which no difference sees; nan stays."""
    there = np.isfinite(part)
    sums, counts = np.where(there, part, 0.0).sum(axis=0), np.maximum(there.sum(axis=0), 1)
    return np.where(there, part - sums / counts, np.nan)


def _spread(x: FloatArray, has: FloatArray, n: FloatArray, total: FloatArray) -> FloatArray:
    """(M, M) variance of the differences between the tasks of a type that a pair shares; 0 for fewer than two."""
    own = (x**2) @ has.T
    squares = own + own.T - 2 * x @ x.T
    centred = squares - np.divide(total**2, n, out=np.zeros_like(n), where=n > 0)
    centred = np.where(centred < _CANCELLED * (own + own.T), 0.0, centred)
    return np.divide(centred, n - 1, out=np.zeros_like(n), where=n > 1)
