"""Tails and quantiles from `scipy.special`, which loads in a fraction of the time of `scipy.stats`.

A p value is never 0: what underflows is reported as the smallest number that a double holds at full precision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from evalkit.types import AnyArray, FloatArray

Numbers: TypeAlias = "AnyArray | float"

TINY = float(np.finfo(np.float64).tiny)
"""The smallest p value that is reported."""


def t_two_sided(t: Numbers, df: Numbers) -> FloatArray:
    """Two-sided p value of Student's t; nan where t or df is."""
    from scipy.special import stdtr

    return _probability(2 * stdtr(df, -np.abs(t)))


def t_above(t: Numbers, df: Numbers) -> FloatArray:
    """Chance that Student's t is above t."""
    from scipy.special import stdtr

    return _probability(stdtr(df, np.negative(t)))


def t_quantile(probability: Numbers, df: Numbers) -> FloatArray:
    """Quantile of Student's t."""
    from scipy.special import stdtrit

    return np.asarray(stdtrit(df, probability))


def normal_two_sided(z: Numbers) -> FloatArray:
    """Two-sided p value of a standard normal; nan where z is."""
    return _probability(2 * normal_above(np.abs(z)))


def normal_above(z: Numbers) -> FloatArray:
    """Chance that a standard normal is above z."""
    from scipy.special import ndtr

    return _probability(ndtr(np.negative(z)))


def normal_quantile(probability: Numbers) -> FloatArray:
    """Quantile of the standard normal."""
    from scipy.special import ndtri

    return np.asarray(ndtri(probability))


def chi_squared_above(x: float, df: float) -> float:
    """Chance that chi squared is above x."""
    from scipy.special import chdtrc

    return max(float(chdtrc(df, x)), TINY)


def f_above(x: float, df_between: float, df_within: float) -> float:
    """Chance that Fisher's F is above x."""
    from scipy.special import fdtrc

    return max(float(fdtrc(df_between, df_within, x)), TINY)


def binomial_two_sided(successes: int, trials: int) -> float:
    """Exact two-sided p value of a fair coin: twice the smaller tail, at most 1."""
    from scipy.special import bdtr

    return min(1.0, max(2 * float(bdtr(min(successes, trials - successes), trials, 0.5)), TINY))


def check_alpha(alpha: float) -> None:
    """Check that an error rate is one.

    Raises:
        ValueError: If it is not between 0 and 1.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be between 0 and 1, not {alpha}.")


def _probability(p: Numbers) -> FloatArray:
    """A p value as it is reported: above 0, at most 1, nan where there is none."""
    return np.asarray(np.clip(p, TINY, 1.0), dtype=np.float64)
