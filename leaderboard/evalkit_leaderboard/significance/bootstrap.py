"""Bootstrap by weights: counts of units in resamples go into `Statistic.weighted`, whatever the statistic is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from evalkit.types import AnyArray, FloatArray
from evalkit_leaderboard.significance.distributions import check_alpha, normal_quantile
from evalkit_leaderboard.significance.intervals import Interval, is_constant, vector

if TYPE_CHECKING:
    from evalkit.types import IntArray

Weighted: TypeAlias = Callable[[AnyArray], FloatArray]
"""Scores under many reweightings: (b, n) counts to (b,)."""

BUDGET = 32 << 20
"""Bytes that the counts of one chunk may take."""


class Kind(StrEnum):
    """How an interval is read off the replicates."""

    PERCENTILE = "percentile"
    BASIC = "basic"
    BCA = "bca"


def counts(n: int, resamples: int, generator: np.random.Generator) -> Iterator[IntArray]:
    """Chunks of (b, n) counts: how often each of n units is in each resample of n drawn with replacement.

    One `bincount` a chunk; a multinomial draw for each resample takes four times as long.
    """
    step = max(1, BUDGET // (8 * max(n, 1)))
    for start in range(0, resamples, step):
        b = min(step, resamples - start)
        drawn = generator.integers(0, n, (b, n)) + n * np.arange(b)[:, None]
        yield np.bincount(drawn.ravel(), minlength=b * n).reshape(b, n)


def replicates(weighted: Weighted, n: int, *, resamples: int = 10_000, seed: int = 0) -> FloatArray:
    """(resamples,) score of every resample; nan where it is undefined."""
    generator = np.random.default_rng(seed)
    return np.concatenate([np.zeros(0), *(weighted(chunk) for chunk in counts(n, resamples, generator))])


def weighted_mean(values: AnyArray) -> Weighted:
    """The mean of (n,) values as a function of the units' weights."""
    array = vector(values)
    return lambda W: np.asarray((W @ array) / W.sum(axis=1))


def bootstrap_interval(
    weighted: Weighted,
    pseudo_values: AnyArray,
    *,
    kind: Kind = Kind.BCA,
    alpha: float = 0.05,
    resamples: int = 10_000,
    seed: int = 0,
) -> Interval:
    """Bootstrap interval of any statistic.

    Source: Efron and Tibshirani 1993, equations 13.5 (percentile), 13.5-13.9 and 14.9-14.15 (BCa); basic: Davison
    and Hinkley 1997, 5.6. Quantiles interpolate as `numpy.quantile` does.

    Args:
        weighted: The statistic under (b, n) counts, such as ``partial(obs.weighted, "ndcg_at_10")``.
        pseudo_values: (n,) its jackknife pseudo-values; they give BCa its acceleration and tell the n.
        kind: How the interval is read off the replicates.
        alpha: One less the coverage.
        resamples: How many resamples are drawn.
        seed: From `seed_of`.

    Raises:
        ValueError: If alpha is no error rate or the pseudo-values are not one-dimensional.
    """
    check_alpha(alpha)
    pseudo = vector(pseudo_values)
    n = len(pseudo)
    note = _why_not(pseudo, resamples)
    if note:
        return Interval(None, None, None, None, n, alpha, kind, note)
    estimate = float(weighted(np.ones((1, n)))[0])
    drawn = replicates(weighted, n, resamples=resamples, seed=seed)
    defined = drawn[np.isfinite(drawn)]
    if not np.isfinite(estimate) or len(defined) < max(2, resamples / 2):
        return Interval(None, None, None, None, n, alpha, kind, "The score is undefined in most of the resamples.")
    low, high = _ends(defined, estimate, pseudo, kind, alpha)
    undefined = len(drawn) - len(defined)
    note = f"The score is undefined in {undefined} of {resamples} resamples." if undefined else ""
    return Interval(estimate, low, high, float(defined.std(ddof=1)), n, alpha, kind, note)


def _why_not(pseudo: FloatArray, resamples: int) -> str:
    if len(pseudo) < 2:
        return "A bootstrap needs at least two units."
    if resamples < 2:
        return "A bootstrap needs at least two resamples."
    # Undefined pseudo-values say nothing about the spread; the replicates will tell.
    if np.isfinite(pseudo).all() and is_constant(pseudo):
        return f"All {len(pseudo)} units have the same value: there is no spread to build an interval from."
    return ""


def _ends(drawn: FloatArray, estimate: float, pseudo: FloatArray, kind: Kind, alpha: float) -> tuple[float, float]:
    probabilities = np.array([alpha / 2, 1 - alpha / 2])
    if kind is Kind.BCA:
        probabilities = _bca(drawn, estimate, pseudo, probabilities)
    low, high = np.quantile(drawn, probabilities)
    if kind is Kind.BASIC:
        return float(2 * estimate - high), float(2 * estimate - low)
    return float(low), float(high)


def _bca(drawn: FloatArray, estimate: float, pseudo: FloatArray, probabilities: FloatArray) -> FloatArray:
    """Probabilities corrected for bias and acceleration; ties with the estimate count half on each side."""
    from scipy.special import ndtr

    below = np.count_nonzero(drawn < estimate) + np.count_nonzero(drawn == estimate) / 2
    # Half a replicate off the ends keeps the correction finite where every replicate is on one side.
    share = np.clip(below / len(drawn), 0.5 / len(drawn), 1 - 0.5 / len(drawn))
    bias = float(normal_quantile(share))
    shifted = bias + normal_quantile(probabilities)
    return np.asarray(ndtr(bias + shifted / (1 - acceleration(pseudo) * shifted)))


def acceleration(pseudo_values: AnyArray) -> float:
    """The acceleration of BCa: a sixth of the skewness of the jackknife's influence values (Efron 1987, 7.3)."""
    influence = np.asarray(pseudo_values, dtype=np.float64)
    influence = influence - influence.mean()
    spread = float(np.sum(influence**2))
    return float(np.sum(influence**3) / (6 * spread**1.5)) if np.isfinite(spread) and spread > 0 else 0.0
