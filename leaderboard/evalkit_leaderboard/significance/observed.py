"""From observations to the engine: (pseudo-)values of every unit, aligned between models, whatever the task type is.

All of them are around the published score. The mean of a jackknife's pseudo-values is another estimate, O(1/n) beside
it, which varies more than their spread says: for V-measure of 100 documents a test around it errs in .11, not in .05.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from evalkit.errors import EvalkitError
from evalkit_leaderboard.significance.bootstrap import Kind, Weighted, bootstrap_interval
from evalkit_leaderboard.significance.intervals import Interval, t_interval
from evalkit_leaderboard.significance.paired import Paired, compare
from evalkit_leaderboard.significance.signflip import FLIPS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.observations import Observations
    from evalkit.types import AnyArray, FloatArray, IntArray

_ROUNDING = 1e-9


def published_values(obs: Observations, metric: str) -> FloatArray:
    """(n,) pseudo-value of every unit, around the published score; for a mean the units' own values."""
    return moved_to(obs.pseudo_values(metric), obs.value(metric))


def moved_to(values: FloatArray, score: float) -> FloatArray:
    """(n,) values shifted such that their mean is a score.

    Values whose mean is the score already stay as they are, so that equal values stay exactly equal. So do those of
    which one is undefined: they have no mean.
    """
    if not len(values) or not abs(values.mean() - score) > _ROUNDING:
        return values
    return np.asarray(values - values.mean() + score)


def unit_values(observations: Sequence[Observations | None], metric: str) -> FloatArray:
    """(M, n) value of every unit for every model, see `published_values`, in the order of the first model's units.

    Args:
        observations: What each model saw on one task; None for a model without a result, whose row is nan.
        metric: Whose pseudo-values.

    Raises:
        EvalkitError: Two models were scored on different units, or there is no model with a result.
    """
    first = next((obs for obs in observations if obs is not None), None)
    if first is None:
        raise EvalkitError("No model has a result on this task.")
    rows = np.full((len(observations), len(first)), np.nan)
    for row, obs in zip(rows, observations, strict=True):
        if obs is not None:
            row[:] = published_values(obs, metric)[order_of(first, obs)]
    return rows


def score_interval(
    obs: Observations, metric: str, *, kind: Kind | None = None, alpha: float = 0.05, seed: int = 0
) -> Interval:
    """Interval of one score: of what as many units give on average, which for V-measure of few is too high.

    Args:
        obs: What the model saw.
        metric: Which score.
        kind: How a bootstrap interval is read; None for the default, t on the spread of the pseudo-values.
        alpha: One less the coverage.
        seed: From `seed_of`; only a bootstrap needs it.
    """
    values = published_values(obs, metric)
    if kind is None:
        return t_interval(values, alpha=alpha)
    return bootstrap_interval(partial(obs.weighted, metric), values, kind=kind, alpha=alpha, seed=seed)


def compare_observations(
    a: Observations, b: Observations, metric: str, *, alpha: float = 0.05, flips: int = FLIPS, seed: int = 0
) -> Paired:
    """Compare two models on one task by their units' values of a metric, see `published_values`.

    Raises:
        EvalkitError: The two were scored on different units.
    """
    values = unit_values([a, b], metric)
    return compare(values[0], values[1], alpha=alpha, flips=flips, seed=seed)


def bootstrap_difference(
    a: Observations, b: Observations, metric: str, *, kind: Kind = Kind.BCA, alpha: float = 0.05, seed: int = 0
) -> Interval:
    """Bootstrap interval of the difference of two scores: every resample draws the same units for both.

    Raises:
        EvalkitError: The two were scored on different units.
    """
    values = unit_values([a, b], metric)
    return bootstrap_interval(_difference(a, b, metric), values[0] - values[1], kind=kind, alpha=alpha, seed=seed)


def over_cells(cells: Sequence[AnyArray]) -> FloatArray:
    """(N,) pseudo-values of a mean over cells (splits, subsets), from the (n_c,) values of the units of each of C.

    With v' = m + (v - m_c) N / (C n_c), where m_c are the cells' means and m is their mean, the mean of v' is m and
    the variance of that mean is, up to N / (N - 1), sum of s_c^2 (n_c - 1) / (C n_c)^2: that of C independent samples.
    Differences of two models' v' are the v' of their differences. A single cell stays as it is.

    Source: the stratified jackknife (Shao and Tu 1995, section 6.2), with strata of equal weight.
    """
    values = [np.asarray(cell, dtype=np.float64) for cell in cells]
    if len(values) == 1:
        return values[0]
    means = [cell.mean() if len(cell) else np.nan for cell in values]
    total, overall = sum(map(len, values)), float(np.mean(means)) if means else np.nan
    scaled = (overall + (cell - m) * total / (len(values) * len(cell)) for cell, m in zip(values, means, strict=True))
    return np.concatenate([np.zeros(0), *scaled])


def order_of(first: Observations, other: Observations) -> IntArray:
    """(n,) rows of `other` in the order of the units of `first`.

    Raises:
        EvalkitError: If their units are not the same.
    """
    if first.ids == other.ids and len(first) == len(other):
        return np.arange(len(first))
    names, others = (obs.ids or tuple(map(str, range(len(obs)))) for obs in (first, other))
    row_of = {name: row for row, name in enumerate(others)}
    differ = set(names) ^ set(others)
    if differ or len(row_of) != len(others) or len(names) != len(others):
        which = f", among them {min(differ)!r}" if differ else ""
        raise EvalkitError(
            f"Two results of one task are on different units ({first.unit}): {len(names)} and {len(others)}{which}.",
            hint="Run both encoders on the same data.",
        )
    return np.array([row_of[name] for name in names], dtype=np.int64)


def _difference(a: Observations, b: Observations, metric: str) -> Weighted:
    order = order_of(a, b)

    def weighted(W: AnyArray) -> FloatArray:
        other = np.empty_like(W)
        other[:, order] = W
        return a.weighted(metric, W) - b.weighted(metric, other)

    return weighted
