"""Intrinsic dimension from the distances to nearest neighbours. Invariant under rotation, shift and scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from evalkit.types import FloatArray

DROPPED = 0.1
"""Share of the largest ratios that `two_nn` leaves out."""


def two_nn(distances: FloatArray) -> float:
    """TwoNN: the slope of -log(1 - i/n) against log(r2/r1), ratios ascending, through the origin.

    The largest tenth of the ratios is left out. An underestimate in high dimension: 20 comes out as about 17 with a few
    thousand points. It is a dimension at the scale of the distances between neighbours, which more points make smaller.

    Source: Facco et al. 2017, "Estimating the intrinsic dimension of datasets by a minimal neighborhood information".

    Args:
        distances: (n, k >= 2) distances to the nearest neighbours, ascending. Rows whose first is 0, copies of
            another, are left out.

    Returns:
        The dimension; NaN where no ratio differs from 1 or none is left.
    """
    apart = distances[distances[:, 0] > 0]
    return ratios_dimension(np.log(apart[:, 1] / apart[:, 0]))


def ratios_dimension(log_ratios: FloatArray) -> float:
    """`two_nn` of given log(r2/r1), in any order."""
    n = len(log_ratios)
    kept = int(n * (1 - DROPPED))
    x = np.sort(log_ratios)[:kept]
    y = -np.log1p(-np.arange(1, kept + 1) / max(n, 1))
    return _ratio(float(x @ y), float(x @ x))


def mle_dimension(distances: FloatArray) -> float:
    """Maximum likelihood dimension: 1 / mean of m_i^-1, with m_i^-1 = mean over j < k of log(T_k / T_j).

    T_j is the distance from point i to its j-th neighbour; the inverses are averaged, not the dimensions.

    Source: Levina and Bickel 2004, "Maximum likelihood estimation of intrinsic dimension", equation 8; MacKay and
    Ghahramani 2005, "Comments on ...", for the average of the inverses.

    Args:
        distances: (n, k >= 2) distances to the nearest neighbours, ascending. Rows whose first is 0, copies of
            another, are left out.

    Returns:
        The dimension; NaN where all distances are equal or none is left.
    """
    return inverse_dimension(inverses(distances))


def inverses(distances: FloatArray) -> FloatArray:
    """(n',) the 1 / dimension that each point by itself would give, copies left out."""
    apart = distances[distances[:, 0] > 0]
    means: FloatArray = np.log(apart[:, -1:] / apart[:, :-1]).mean(axis=1)
    return means


def inverse_dimension(each: FloatArray) -> float:
    """`mle_dimension` of given inverses."""
    return _ratio(float(len(each)), float(each.sum()))


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0 else float("nan")
