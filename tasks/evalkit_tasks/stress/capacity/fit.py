"""A cubic through critical numbers of documents, with intervals, and why not to lean on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.types import FloatArray

TERMS = 4
FEWEST = 5
"""Points through which a cubic is fitted: one more than it has coefficients."""
CONFIDENCE = 0.95


@dataclass(frozen=True, eq=False)
class Cubic:
    """A cubic fitted by least squares.

    Attributes:
        coefficients: (4,) of 1, d, d^2 and d^3.
        low: (4,) lower ends of their 95 % intervals.
        high: (4,) upper ends.
        r_squared: Share of the variance that it explains.
        n: Points.
        covariance: (4, 4) of the coefficients.
    """

    coefficients: FloatArray
    low: FloatArray
    high: FloatArray
    r_squared: float
    n: int
    covariance: FloatArray

    def at(self, dimensions: FloatArray) -> FloatArray:
        """(..., 3) value, and lower and upper end of the curve's 95 % interval, if the truth is a cubic."""
        powers = np.asarray(dimensions, dtype=np.float64)[..., None] ** np.arange(TERMS)
        value = powers @ self.coefficients
        margin = _quantile(self.n) * np.sqrt(np.einsum("...i,ij,...j->...", powers, self.covariance, powers))
        return np.stack([value, value - margin, value + margin], axis=-1)


def fit(points: Mapping[int, float]) -> Cubic:
    """Fit a cubic; errors are taken as independent, of mean 0 and one variance.

    Args:
        points: Critical number by dimension, five or more.
    """
    dimensions = np.array(list(points), dtype=np.float64)
    numbers = np.array(list(points.values()), dtype=np.float64)
    # In units of the largest dimension the columns are of one size and the normal equations well conditioned.
    unit = dimensions.max() ** np.arange(TERMS)
    powers = dimensions[:, None] ** np.arange(TERMS) / unit
    scaled, *_ = np.linalg.lstsq(powers, numbers)
    residuals = numbers - powers @ scaled
    variance = residuals @ residuals / (len(numbers) - TERMS)
    covariance = variance * np.linalg.inv(powers.T @ powers) / np.outer(unit, unit)
    margin = _quantile(len(numbers)) * np.sqrt(np.diag(covariance))
    coefficients = scaled / unit
    spread = numbers - numbers.mean()
    return Cubic(
        coefficients=coefficients,
        low=coefficients - margin,
        high=coefficients + margin,
        r_squared=float(1 - residuals @ residuals / (spread @ spread)) if spread.any() else 1.0,
        n=len(numbers),
        covariance=covariance,
    )


def fit_measured(points: Mapping[int, float], k: int) -> Cubic | None:
    """The cubic through measured numbers; None where there are fewer than five to fit.

    Args:
        points: Critical number by dimension; below 2k dimensions geometry bounds it, not the training, so those are
            left out.
        k: Relevant documents of a query.
    """
    fitted = {dimension: n for dimension, n in points.items() if dimension >= 2 * k}
    return fit(fitted) if len(fitted) >= FEWEST else None


def _quantile(n: int) -> float:
    """Student's t for a two-sided interval."""
    from scipy.special import stdtrit

    return float(stdtrit(n - TERMS, (1 + CONFIDENCE) / 2))
