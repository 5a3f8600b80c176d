"""Mean differences of all pairs of models on one task, and their errors, from one covariance matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit_leaderboard.significance.signflip import centre

if TYPE_CHECKING:
    from evalkit.types import AnyArray, FloatArray, IntArray

_CANCELLED = 1e-12
"""A variance of differences below this share of the models' own variances is a rounding error."""


@dataclass(frozen=True, eq=False)
class Moments:
    """What all pairs of M models have as differences on one task of n units.

    Attributes:
        values: (M, n) values less what all models share; 0 for a missing model.
        present: (M,) which models have a value for every unit.
        difference: (M, M) mean of the row's model less that of the column's; nan where one is missing.
        covariance: (M, M) covariance of the models' means, up to what all models share; 0 where one is missing.
        variance: (M, M) variance of the mean differences; nan where one is missing or there is one unit.
    """

    values: FloatArray
    present: AnyArray
    difference: FloatArray
    covariance: FloatArray
    variance: FloatArray

    @property
    def n(self) -> int:
        """Number of units."""
        return int(self.values.shape[1])

    @property
    def shared(self) -> IntArray:
        """(M, M) units that two models share: all or none."""
        return self.n * np.outer(self.present, self.present).astype(np.int64)

    @property
    def flip_variance(self) -> FloatArray:
        """(M, M) variance of the mean differences under sign flips: their mean square over n."""
        spread = np.nan_to_num(self.variance) * (self.n - 1)
        return np.asarray((self.difference**2 + spread) / self.n)


def moments(X: AnyArray) -> Moments:
    """Moments of (M, n) values; a model with a value that is no finite number is missing.

    Raises:
        ValueError: If X is not a matrix with at least one unit.
    """
    given = np.asarray(X, dtype=np.float64)
    if given.ndim != 2 or not given.shape[1]:
        raise ValueError(f"The values must be (models, units) with at least one unit, not {given.shape}.")
    present = np.asarray(np.isfinite(given).all(axis=1))
    values = np.zeros_like(given)
    values[present] = centre(given[present])
    means, both = values.mean(axis=1), np.asarray(np.outer(present, present))
    difference = np.where(both, means[:, None] - means, np.nan)
    covariance = _covariance_of_means(values)
    return Moments(values, present, difference, covariance, np.where(both, variances(covariance), np.nan))


def variances(covariance: FloatArray) -> FloatArray:
    """(M, M) variance of the difference of every pair, from the (M, M) covariance; at least 0."""
    own = np.diag(covariance)
    total = own[:, None] + own
    variance = total - 2 * covariance
    return np.where(variance < _CANCELLED * total, 0.0, variance)


def _covariance_of_means(values: FloatArray) -> FloatArray:
    """(M, M) nan where there is one unit."""
    n = values.shape[1]
    if n < 2:
        return np.full((len(values), len(values)), np.nan)
    residuals = values - values.mean(axis=1, keepdims=True)
    return np.asarray(residuals @ residuals.T / (n * (n - 1)))
