"""Pearson, Spearman and Kendall correlation of a gold column with a predicted one."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from evalkit.observations.ranks import concordance, dense, signed_sums, signs_below
from evalkit.observations.statistic import BUDGET, Evaluator, Sample, Statistic, ratio

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalkit.types import AnyArray, FloatArray, IntArray

_CANCELLED = 1e-2
"""One-pass variances below this share of their raw second moment are computed again in two passes."""


class Correlation(Statistic):
    """A correlation of two columns; nan where one is constant or holds a nan with positive weight."""

    parameters = ("gold", "predicted")

    def leave_one_out(self, obs: Sample) -> FloatArray:
        """(n,) the correlation without each unit, in closed form."""
        x, y = self._pair(obs)
        if len(x) < 2 or not self._there(x, y).all():
            return super().leave_one_out(obs)
        return self._left_out(x, y)

    @abstractmethod
    def _left_out(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """(n,) the correlation without each unit, for columns in which nothing is missing."""

    @abstractmethod
    def _paired(self, x: FloatArray, y: FloatArray) -> tuple[Evaluator, int]:
        """`_evaluator` for columns in which nothing is missing."""

    def _pair(self, obs: Sample) -> tuple[FloatArray, FloatArray]:
        gold, predicted = (obs.columns[column].astype(np.float64) for column in self.columns)
        return gold, predicted

    def _evaluator(self, obs: Sample) -> tuple[Evaluator, int]:
        x, y = self._pair(obs)
        there = self._there(x, y)
        if there.all():
            return self._paired(x, y)
        if not there.any():
            return (lambda W: np.full(len(W), np.nan)), 1
        inner, width = self._paired(x[there], y[there])

        def evaluate(W: FloatArray) -> FloatArray:
            scores = inner(W[:, there])
            scores[W[:, ~there].any(axis=1)] = np.nan
            return scores

        return evaluate, width + len(obs)

    def _there(self, x: FloatArray, y: FloatArray) -> AnyArray:
        """(n,) whether a unit's two values can be correlated; ranks can be of infinities."""
        return ~(np.isnan(x) | np.isnan(y))


class Pearson(Correlation):
    """Pearson's r, as scipy.stats.pearsonr computes it (centred, scaled, then multiplied)."""

    name = "pearson"

    def value(self, obs: Sample) -> float:
        """Pearson's r in two passes, clipped to [-1, 1]."""
        x, y = self._pair(obs)
        return _pearson(x, y, np.ones(len(x))) if self._there(x, y).all() else float("nan")

    def _there(self, x: FloatArray, y: FloatArray) -> AnyArray:
        return np.isfinite(x) & np.isfinite(y)

    def _paired(self, x: FloatArray, y: FloatArray) -> tuple[Evaluator, int]:
        moments = _moments(x, y)
        return (lambda W: _from_moments(W @ moments, moments.sum(axis=0), x, y, W.__getitem__)), 2 * len(x)

    def _left_out(self, x: FloatArray, y: FloatArray) -> FloatArray:
        moments = _moments(x, y)
        total = moments.sum(axis=0)
        # The weights are only looked at for the few rows that need a second pass.
        return _from_moments(total - moments, total, x, y, _one_left_out(len(x)))


class Spearman(Correlation):
    """Spearman's rho: Pearson's r of the midranks, as scipy.stats.spearmanr. Weighted ranks are weighted midranks."""

    name = "spearman"

    def _paired(self, x: FloatArray, y: FloatArray) -> tuple[Evaluator, int]:
        ranks = [_WeightedRanks(values) for values in (x, y)]

        def evaluate(W: FloatArray) -> FloatArray:
            (rx, vx), (ry, vy) = (rank(W) for rank in ranks)
            rx *= ry
            rx *= W
            return _clipped(rx.sum(axis=1), vx, vy)

        return evaluate, 8 * len(x)

    def _left_out(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Exact, in O(n log^2 n): see `_products_left_out`."""
        cx, cy = dense(x), dense(y)
        covariance = _products_left_out(cx, cy, concordance(cx, cy))
        vx, vy = (_products_left_out(codes, codes, _untied(codes)) for codes in (cx, cy))
        return _clipped(covariance, vx, vy)


class Kendall(Correlation):
    """Kendall's tau-b, as scipy.stats.kendalltau. Weighted scores take O(n^2) for each reweighting."""

    name = "kendall"

    def value(self, obs: Sample) -> float:
        """tau-b from the concordant and discordant pairs, in O(n log^2 n)."""
        x, y = self._pair(obs)
        if not self._there(x, y).all():
            return float("nan")
        cx, cy = dense(x), dense(y)
        pairs = (concordance(cx, cy), _untied(cx), _untied(cy))
        return float(_clipped(*(np.array([count.sum()]) for count in pairs))[0])

    def _paired(self, x: FloatArray, y: FloatArray) -> tuple[Evaluator, int]:
        cx, cy = dense(x), dense(y)

        def evaluate(W: FloatArray) -> FloatArray:
            return _clipped(_agreement(cx, cy, W), _untied_weight(cx, W), _untied_weight(cy, W))

        return evaluate, 4 * len(x)

    def _left_out(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Without unit i every count of ordered pairs loses those with i in either place."""
        cx, cy = dense(x), dense(y)
        counts = (concordance(cx, cy), _untied(cx), _untied(cy))
        return _clipped(*(count.sum() - 2 * count for count in counts))


class _WeightedRanks:
    """Centred weighted midranks of fixed values under changing weights."""

    def __init__(self, values: FloatArray) -> None:
        self.codes = dense(values)
        self.order = np.argsort(self.codes, kind="stable")
        self.starts = np.searchsorted(self.codes[self.order], np.arange(self.codes.max() + 1))

    def __call__(self, W: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(b, n) midranks about their mean, and (b,) their weighted sum of squares."""
        groups = W[:, self.order]
        if len(self.starts) < len(self.order):
            groups = np.add.reduceat(groups, self.starts, axis=1)
        ranks = np.cumsum(groups, axis=1)
        half = ranks[:, -1:] / 2
        ranks -= groups / 2
        ranks -= half
        squares = np.einsum("bg,bg,bg->b", groups, ranks, ranks)
        return ranks[:, self.codes], squares


def _clipped(covariance: AnyArray, vx: AnyArray, vy: AnyArray) -> FloatArray:
    """Quotient covariance / sqrt(vx vy) within [-1, 1], nan where a variance is 0."""
    scale = np.sqrt(np.maximum(vx, 0).astype(np.float64)) * np.sqrt(np.maximum(vy, 0).astype(np.float64))
    return np.clip(ratio(covariance, scale, empty=np.nan), -1.0, 1.0)


def _pearson(x: FloatArray, y: FloatArray, weights: FloatArray) -> float:
    """Weighted Pearson's r in two passes; nan where a column is constant over the positive weights."""
    drawn = weights > 0
    x, y, weights = x[drawn], y[drawn], weights[drawn]
    if not len(x) or (x == x[0]).all() or (y == y[0]).all():
        return float("nan")
    a, b = (_centred(values, weights) for values in (x, y))
    norm = np.sqrt((weights * a * a).sum()) * np.sqrt((weights * b * b).sum())
    return float(np.clip((weights * a * b).sum() / norm, -1.0, 1.0))


def _centred(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Deviations from the weighted mean, scaled to at most 1 so that squares neither overflow nor vanish."""
    deviations = values - (weights * values).sum() / weights.sum()
    return np.asarray(deviations / np.abs(deviations).max())


def _moments(x: FloatArray, y: FloatArray) -> FloatArray:
    """(n, 6) what every unit adds to the sums 1, x, y, x^2, y^2, xy; x and y centred and scaled."""
    a, b = ((values - values.mean()) / (np.abs(values - values.mean()).max() or 1.0) for values in (x, y))
    return np.column_stack([np.ones(len(a)), a, b, a * a, b * b, a * b])


def _one_left_out(n: int) -> Callable[[int], FloatArray]:
    """What makes the (n,) weights that leave out one unit."""
    return lambda unit: np.where(np.arange(n) == unit, 0.0, 1.0)


def _from_moments(
    sums: FloatArray, total: FloatArray, x: FloatArray, y: FloatArray, weights_of: Callable[[int], FloatArray]
) -> FloatArray:
    """(m,) Pearson's r from (m, 6) sums of moments, in two passes for the rows in which digits cancelled.

    Args:
        sums: (m, 6) weighted sums of the moments.
        total: (6,) their sums under weights of 1.
        x: (n,) first column.
        y: (n,) second column.
        weights_of: Gives the (n,) weights of one of the m rows.
    """
    n, sx, sy, sxx, syy, sxy = sums.T
    safe = np.maximum(n, np.finfo(np.float64).tiny)
    vx, vy = sxx - sx * sx / safe, syy - sy * sy / safe
    scores = _clipped(sxy - sx * sy / safe, vx, vy)
    share = safe / total[0]
    cancelled = (vx <= _CANCELLED * np.maximum(sxx, share * total[3])) | (
        vy <= _CANCELLED * np.maximum(syy, share * total[4])
    )
    for row in np.flatnonzero(cancelled):
        scores[row] = _pearson(x, y, weights_of(int(row)))
    return scores


def _untied(codes: IntArray) -> IntArray:
    """(n,) how many units have another value than each unit."""
    return np.asarray(len(codes) - np.bincount(codes)[codes])


def _products_left_out(x: IntArray, y: IntArray, agreement: IntArray) -> IntArray:
    """(n,) sum over the other units of the products of their centred ranks, when unit i is left out.

    With u_j = sum_k sign(x_j - x_k) twice the centred midrank (v likewise for y), leaving out i makes it
    u_j - sign(x_j - x_i). Multiplied out, the sum over j != i is
    sum(u v) - u_i v_i - sum_j u_j sign(y_j - y_i) - sum_j v_j sign(x_j - x_i) + sum_j sign(x_j - x_i) sign(y_j - y_i),
    all of them prefix sums except the last, the unit's concordance. Whole numbers below 2^63 for n < 10^6.
    """
    u, v = signs_below(x), signs_below(y)
    return np.asarray((u * v).sum() - u * v - signed_sums(u, y) - signed_sums(v, x) + agreement)


def _agreement(x: IntArray, y: IntArray, W: FloatArray) -> FloatArray:
    """(b,) weighted concordant less discordant ordered pairs, a block of the (n, n) signs at a time."""
    total = np.zeros(len(W))
    step = max(1, BUDGET // (32 * len(x)))
    for start in range(0, len(x), step):
        block = slice(start, start + step)
        signs = np.sign(x[block, None] - x) * np.sign(y[block, None] - y)
        total += np.einsum("bm,bm->b", W[:, block], W @ signs.T.astype(np.float64))
    return total


def _untied_weight(codes: IntArray, W: FloatArray) -> FloatArray:
    """(b,) weight of the ordered pairs that differ in value; exactly 0 where all weight is on one value."""
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(codes.max() + 1))
    groups = np.add.reduceat(W[:, order], starts, axis=1)
    return np.asarray((groups * (groups.sum(axis=1, keepdims=True) - groups)).sum(axis=1))
