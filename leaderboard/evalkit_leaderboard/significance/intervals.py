"""Intervals of a single score: Student's t on the (pseudo-)values of its units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit_leaderboard.significance.distributions import check_alpha, t_quantile

if TYPE_CHECKING:
    from evalkit.types import AnyArray, FloatArray

NEGLIGIBLE = 1e-9
"""Values closer than this, relative to the largest in size, are equal: pseudo-values carry rounding errors."""


@dataclass(frozen=True)
class Interval:
    """An estimate and the interval around it, in the units of the score.

    Attributes:
        estimate: The estimate; None where there is none.
        low: Lower end; None where no interval can be given, and `note` says why.
        high: Upper end.
        se: Standard error.
        n: Units it rests on.
        alpha: One less the nominal coverage.
        method: How the interval was made.
        note: A sentence, where a number is missing.
    """

    estimate: float | None
    low: float | None
    high: float | None
    se: float | None
    n: int
    alpha: float
    method: str
    note: str = ""


def t_interval(values: AnyArray, *, alpha: float = 0.05) -> Interval:
    """Student's t interval of the mean of (pseudo-)values.

    Source: Tukey 1958 for pseudo-values; for values it is the textbook interval. It is centred at their mean; see
    `evalkit_leaderboard.significance.observed` for where that of pseudo-values should be.

    Args:
        values: (n,) value of every unit.
        alpha: One less the coverage.

    Raises:
        ValueError: If the values are not one-dimensional or alpha is no error rate.
    """
    check_alpha(alpha)
    values = vector(values)
    n, note = len(values), why_no_spread(values)
    estimate = float(values.mean()) if n and np.isfinite(values).all() else None
    if note or estimate is None:
        return Interval(estimate, None, None, None, n, alpha, "t", note)
    se = standard_error(values)
    half = float(t_quantile(1 - alpha / 2, n - 1)) * se
    return Interval(estimate, estimate - half, estimate + half, se, n, alpha, "t")


def standard_error(values: FloatArray) -> float:
    """Standard error of the mean of at least two values."""
    return float(values.std(ddof=1) / np.sqrt(len(values)))


def why_no_spread(values: FloatArray, *, scale: float | None = None) -> str:
    """Why the spread of values says nothing about the error of their mean; empty where it does.

    Args:
        values: (n,) value of every unit.
        scale: Size of the numbers that the values were computed from; by default their own.
    """
    n = len(values)
    if n < 2:
        return f"There {'is one unit' if n else 'are no units'}: an interval needs at least two."
    broken = np.count_nonzero(~np.isfinite(values))
    if broken:
        return f"The score is undefined, or becomes so without one unit, for {broken} of {n} units."
    if is_constant(values, scale=scale):
        return f"All {n} units have the same value: there is no spread to build an interval from."
    return ""


def is_constant(values: FloatArray, *, scale: float | None = None) -> bool:
    """Whether all values are equal up to rounding errors."""
    size = np.abs(values).max(initial=0.0) if scale is None else scale
    return bool(np.ptp(values) <= NEGLIGIBLE * size)


def vector(values: AnyArray) -> FloatArray:
    """The values as float64.

    Raises:
        ValueError: If they are not one-dimensional.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"One value a unit is needed, (n,), not {array.shape}.")
    return array
