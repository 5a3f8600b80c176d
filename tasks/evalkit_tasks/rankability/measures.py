"""Scores of one order against another, beside those that are statistics of observations."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.types import FloatArray

SHARE = 0.9
"""Of the linear axis, that the few-shot axis has to reach."""


def spearman(x: FloatArray, y: FloatArray) -> float:
    """Spearman's rho; nan where one of the two is constant or there are fewer than two items."""
    from scipy.stats import rankdata

    if len(x) < 2:
        return float("nan")
    a, b = (rankdata(values) - (len(x) + 1) / 2 for values in (x, y))
    scale = math.sqrt(float(a @ a)) * math.sqrt(float(b @ b))
    return min(1.0, max(-1.0, float(a @ b) / scale)) if scale > 0 else float("nan")


def pairwise_accuracy(values: FloatArray, predicted: FloatArray) -> float:
    """Share of the pairs of different value that are in the right order; an equal prediction counts half.

    It is (1 + D) / 2 with Somers' D of the prediction given the value (Somers 1962).
    """
    from evalkit.observations.ranks import concordance, dense

    codes = dense(values)
    different = len(codes) ** 2 - int((np.bincount(codes) ** 2).sum())
    if not different or not np.isfinite(predicted).all():
        return float("nan")
    return (1 + int(concordance(codes, dense(predicted)).sum()) / different) / 2


def noise_band(n: int, *, learnt: bool = True) -> float:
    """Between which limits Spearman's rho of n unordered items is in 95 of 100 draws: minus and plus this.

    The variance under permutation is exactly 1 / (n - 1) (Kendall 1948), and rho is near normal from 30 items on. That
    holds for fixed predictions, such as text length. Out-of-fold predictions are learnt from the other items' values:
    prediction i is a sum of K_ij y_j over the other folds, so with a symmetric K every pair of items counts twice in
    the covariance of y and prediction, and its variance is twice as large.

    Args:
        n: Number of items.
        learnt: Whether the predictions are out-of-fold.
    """
    return 1.96 * math.sqrt((2 if learnt else 1) / (n - 1))


def normalised_gap(linear: float, untrained: float, nonlinear: float, n: int) -> float:
    """How much of the way from the untrained encoder to the non-linear head the linear axis goes.

    nan where the head leads the untrained encoder, or no order at all, by no more than chance gives: a quotient by so
    little would say nothing.
    """
    lead = nonlinear - max(untrained, 0.0)
    return (linear - untrained) / (nonlinear - untrained) if lead > noise_band(n) else float("nan")


def shots_to_reach(curve: Mapping[int, float], linear: float, n: int) -> float:
    """Fewest shots whose axis reaches 90 % of the linear axis; nan where the linear axis itself is within noise.

    Args:
        curve: Spearman by number of shots, the linear axis itself with all training items included.
        linear: Spearman of the linear axis.
        n: Number of items.
    """
    if not linear > noise_band(n):
        return float("nan")
    reached = [shots for shots, score in sorted(curve.items()) if score >= SHARE * linear]
    return float(reached[0]) if reached else float("nan")


def mean(scores: Sequence[float]) -> float:
    """Mean; nan of nothing."""
    return float(np.mean(scores)) if len(scores) else float("nan")
