"""Many comparisons: adjusted p values that keep the family-wise error or the false discovery rate.

A nan is a comparison that could not be made: it belongs to no family and stays nan.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from evalkit.types import AnyArray, FloatArray, IntArray

Draws: TypeAlias = Callable[[int], "AnyArray"]
"""(B,) values of one hypothesis' statistic if all hypotheses hold, the same B draws for every one.

The array may be overwritten by the next call."""

TIE = 1e-5
"""A resampled statistic this close to the observed one, relatively, equals it: float32 sums in another order."""


def bonferroni(p: AnyArray) -> FloatArray:
    """Family-wise error under any dependence: m p, at most 1."""
    return _adjust(p, lambda ordered: np.minimum(len(ordered) * ordered, 1.0))


def holm(p: AnyArray) -> FloatArray:
    """Family-wise error under any dependence, step down. Source: Holm 1979."""
    return _adjust(p, lambda ordered: np.minimum(np.maximum.accumulate(_remaining(ordered) * ordered), 1.0))


def hochberg(p: AnyArray) -> FloatArray:
    """Family-wise error under independence or positive dependence, step up. Source: Hochberg 1988."""
    return _adjust(p, lambda ordered: _step_up(_remaining(ordered) * ordered))


def benjamini_hochberg(p: AnyArray) -> FloatArray:
    """False discovery rate under independence or positive dependence. Source: Benjamini and Hochberg 1995."""
    return _adjust(p, lambda ordered: _step_up(_discoveries(ordered) * ordered))


def benjamini_yekutieli(p: AnyArray) -> FloatArray:
    """False discovery rate under any dependence. Source: Benjamini and Yekutieli 2001, theorem 1.3."""

    def adjusted(ordered: FloatArray) -> FloatArray:
        harmonic = np.sum(1 / np.arange(1, len(ordered) + 1))
        return _step_up(harmonic * _discoveries(ordered) * ordered)

    return _adjust(p, adjusted)


def step_down(observed: AnyArray, draws: Draws, *, exact: bool = False) -> tuple[FloatArray, FloatArray]:
    """Unadjusted and step-down max-T adjusted p values from resampled statistics.

    The k-th largest observed statistic is compared with the maxima over itself and all smaller ones; p values are
    made monotone. Source: Westfall and Young 1993, algorithm 2.8; Romano and Wolf 2005, 2016 (the + 1).

    Args:
        observed: (P,) statistics, large ones against the hypothesis; on one scale, such as |t|. nan: no test.
        draws: The resampled statistics of hypothesis k, (B,).
        exact: Whether the draws are all there can be, the observed one among them; then p is their share, without
            the + 1 that keeps a sampled p above 0.

    Returns:
        (P,) unadjusted p values and (P,) adjusted ones; nan where the statistic is.
    """
    observed = np.asarray(observed, dtype=np.float64)
    tested = np.flatnonzero(~np.isnan(observed))
    ascending = tested[np.argsort(observed[tested], kind="stable")]
    unadjusted, adjusted = np.full(len(observed), np.nan), np.full(len(observed), np.nan)
    largest: AnyArray | None = None
    for k in ascending:
        statistics = draws(int(k))
        largest = statistics.copy() if largest is None else np.maximum(largest, statistics, out=largest)
        unadjusted[k] = share_beyond(statistics, observed[k], exact=exact)
        adjusted[k] = share_beyond(largest, observed[k], exact=exact)
    descending = ascending[::-1]
    adjusted[descending] = np.maximum.accumulate(adjusted[descending])
    return unadjusted, adjusted


def share_beyond(statistics: AnyArray, observed: float, *, exact: bool) -> float:
    """The p value of an observed statistic at least 0 among resampled ones: (1 + #{T* >= T}) / (B + 1).

    Args:
        statistics: (B,) resampled statistics, at least 0.
        observed: The observed one; within a relative `TIE` of it counts as equal.
        exact: Whether the observed arrangement is among them; then it is not added.
    """
    beyond = int(np.count_nonzero(statistics >= float(observed) * (1 - TIE)))
    return beyond / len(statistics) if exact else (beyond + 1) / (len(statistics) + 1)


def _adjust(p: AnyArray, adjusted: Callable[[FloatArray], FloatArray]) -> FloatArray:
    """Adjust the p values that are there, in ascending order, and put them back in place and shape."""
    given = np.asarray(p, dtype=np.float64)
    if np.any((given < 0) | (given > 1)):
        raise ValueError("A p value must be between 0 and 1.")
    flat, result = given.ravel(), np.full(given.size, np.nan)
    there = np.flatnonzero(~np.isnan(flat))
    order = there[np.argsort(flat[there], kind="stable")]
    result[order] = adjusted(flat[order])
    return result.reshape(given.shape)


def _remaining(ordered: FloatArray) -> IntArray:
    """(m,) hypotheses left at each step down: m, m - 1, ..., 1."""
    return np.arange(len(ordered), 0, -1)


def _discoveries(ordered: FloatArray) -> FloatArray:
    """(m,) m over the number of hypotheses up to each one: m / 1, m / 2, ..., 1."""
    return np.asarray(len(ordered) / np.arange(1, len(ordered) + 1))


def _step_up(raised: FloatArray) -> FloatArray:
    return np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1.0)
