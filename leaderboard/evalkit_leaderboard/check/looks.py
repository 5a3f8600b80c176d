"""How much of alpha each of several planned looks may spend, so that all looks together err no more than alpha.

Source: Pocock 1977; O'Brien and Fleming 1979; the recursive integration of Armitage, McPherson and Rowe 1969, as
Jennison and Turnbull 2000, sections 2.4, 2.5 and 19.2, have it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from evalkit_leaderboard.check.settings import Spending
from evalkit_leaderboard.significance.distributions import normal_above, normal_quantile

if TYPE_CHECKING:
    from evalkit.types import FloatArray

_REACH = 6.0
"""Standard deviations below 0 beyond which a path is given up; it would have to climb back over the bound."""
_WIDTH = 2.0
_POINTS = 8
"""Gauss-Legendre points in each piece of `_WIDTH` standard deviations of one increment."""
_SLACK = 0.01


def look_alphas(looks: int, alpha: float, spending: Spending) -> FloatArray:
    """One-sided error rate of the test at each look.

    It holds where every look adds as many units as each look before it added, and tests all units so far. The same
    units again are no new look: they say the same again and spend nothing. Looks at data that have nothing in
    common are less alike than is assumed here and would err more often; they need alpha / looks each (Bonferroni).

    Args:
        looks: How many are planned.
        alpha: One-sided error rate of all looks together, between 0 and .5.
        spending: Pocock's bound has one critical value for all looks, O'Brien and Fleming's falls as
            sqrt(looks / look).

    Returns:
        (looks,) error rates; the only look has alpha itself.

    Raises:
        ValueError: No look is planned, or alpha is out of range.
    """
    if looks < 1 or not 0 < alpha < 0.5:
        raise ValueError(f"At least one look and an alpha between 0 and .5 are needed, not {looks} and {alpha}.")
    if looks == 1:
        return np.array([alpha])
    return normal_above(critical_values(looks, alpha, spending))


def critical_values(looks: int, alpha: float, spending: Spending) -> FloatArray:
    """What the standardised statistic of each look must exceed; see `look_alphas`.

    Returns:
        (looks,) standard normal deviates.
    """
    from scipy.optimize import brentq

    shape = np.ones(looks) if spending is Spending.POCOCK else np.sqrt(looks / np.arange(1, looks + 1))
    # All looks together err at least as often as the last one alone, and at most as often as their sum.
    low, high = -normal_quantile(alpha) - _SLACK, -normal_quantile(alpha / looks) + _SLACK
    last = brentq(lambda c: math.log(crossing(c * shape) / alpha), float(low), float(high), xtol=1e-10)
    return np.asarray(last * shape)


def crossing(critical: FloatArray) -> float:
    """Chance that a standardised random walk without drift exceeds its critical value at one look or another.

    Args:
        critical: (looks,) critical value at each look; the walk makes one standard normal step between two looks.
    """
    bounds = critical * np.sqrt(np.arange(1, len(critical) + 1))
    nodes, weights = _quadrature(-_REACH, float(bounds[0]))
    mass = weights * _density(nodes)
    crossed = float(normal_above(bounds[0]))
    for look, bound in enumerate(bounds[1:], start=2):
        crossed += float(mass @ normal_above(bound - nodes))
        if look < len(bounds):
            reached, weights = _quadrature(-_REACH * math.sqrt(look), float(bound))
            mass = weights * (_density(reached[:, None] - nodes) @ mass)
            nodes = reached
    return crossed


def _density(z: FloatArray) -> FloatArray:
    """Density of the standard normal."""
    return np.asarray(np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi))


def _quadrature(low: float, high: float) -> tuple[FloatArray, FloatArray]:
    """Nodes and weights of an integral from low to high, piece by piece."""
    points, weights = np.polynomial.legendre.leggauss(_POINTS)
    edges = np.linspace(low, high, math.ceil((high - low) / _WIDTH) + 1)
    half = np.diff(edges)[:, None] / 2
    return (edges[:-1, None] + half * (1 + points)).ravel(), (half * weights).ravel()
