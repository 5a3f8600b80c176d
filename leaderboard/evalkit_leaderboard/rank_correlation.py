"""Spearman's rho over a handful of encoders: what it is, how sure that is, and whether it is any at all."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from math import factorial, nan
from typing import TYPE_CHECKING

import numpy as np

from evalkit.observations.ranks import dense, signs_below
from evalkit_leaderboard.significance import generator_of
from evalkit_leaderboard.significance.distributions import normal_quantile
from evalkit_leaderboard.significance.multiplicity import share_beyond

if TYPE_CHECKING:
    from evalkit.types import AnyArray, FloatArray, IntArray

DRAWS = 10_000
_ALL = 8
"""Up to so many encoders, all orders of them are gone through: 8! = 40,320."""


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's rho of two columns.

    Attributes:
        rho: The correlation; nan where a column is constant or has fewer than two entries.
        low: Lower end of its interval; nan for fewer than four entries or a rho of 1 or -1.
        high: Upper end.
        p: Two-sided p value against no association at all; nan where rho is.
        n: Entries.
    """

    rho: float
    low: float
    high: float
    p: float
    n: int


def rank_correlation(x: AnyArray, y: AnyArray, *, alpha: float, purpose: str) -> RankCorrelation:
    """Spearman's rho with an interval and a permutation test.

    The interval is Fisher's z with the standard error sqrt((1 + rho^2 / 2) / (n - 3)) of Bonett and Wright 2000,
    "Sample size requirements for estimating Pearson, Kendall and Spearman correlations". The test compares |rho| with
    that of all n! orders, or of `DRAWS` seeded ones where these are more than 8!: each is as likely as the other if the
    two have nothing to do with each other.

    Args:
        x: (n,) numbers.
        y: (n,) numbers.
        alpha: One less the coverage of the interval.
        purpose: What it is for; seeds the draws.
    """
    a, b = (signs_below(dense(np.asarray(each))) for each in (x, y))
    scale = float(np.sqrt(float(a @ a) * float(b @ b)))
    if len(a) < 2 or scale == 0:
        return RankCorrelation(nan, nan, nan, nan, len(a))
    # Twice the ranks are whole numbers: equal correlations are equal here to the last bit.
    observed = int(a @ b)
    shuffled, exact = _orders(len(a), purpose)
    p = share_beyond(np.abs(a[shuffled] @ b), abs(observed), exact=exact)
    rho = observed / scale
    return RankCorrelation(rho, *_interval(rho, len(a), alpha), p, len(a))


def smallest_p(n: int) -> float:
    """The smallest p value that the test can give for n entries without ties."""
    return 2 / factorial(n) if n <= _ALL else 1 / (DRAWS + 1)


def _orders(n: int, purpose: str) -> tuple[IntArray, bool]:
    """(B, n) orders of n entries, and whether they are all that there are."""
    if n <= _ALL:
        return np.array(list(permutations(range(n)))), True
    return generator_of(purpose, "orders").permuted(np.tile(np.arange(n), (DRAWS, 1)), axis=1), False


def _interval(rho: float, n: int, alpha: float) -> tuple[float, float]:
    if n < 4 or abs(rho) >= 1:
        return nan, nan
    half = float(normal_quantile(1 - alpha / 2)) * np.sqrt((1 + rho**2 / 2) / (n - 3))
    ends: FloatArray = np.tanh(np.arctanh(rho) + np.array([-half, half]))
    return float(ends[0]), float(ends[1])
