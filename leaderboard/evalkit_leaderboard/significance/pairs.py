"""All pairs of models: differences, their errors, p values, and p values for all of them together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit_leaderboard.significance.distributions import check_alpha, normal_quantile, t_quantile, t_two_sided
from evalkit_leaderboard.significance.moments import Moments, moments
from evalkit_leaderboard.significance.multiplicity import holm
from evalkit_leaderboard.significance.null import Null, inverse_root, normal_draws, symmetric
from evalkit_leaderboard.significance.signflip import FLIPS, Flips, flip_centred

if TYPE_CHECKING:
    from evalkit.types import AnyArray, FloatArray, IntArray

DRAWS = 10_000
"""Default number of draws for the analytic max-T."""
ENOUGH = 49
"""Degrees of freedom from which the analytic max-T is trusted: it takes the covariance between models as known. At a
nominal .05 its family-wise error was .09 for 8 models on 10 units, .125 for 50 on 20 and .055 for 50 on 60."""


@dataclass(frozen=True, eq=False)
class Differences:
    """Every model (row) less every other (column), with its error; all arrays (M, M).

    Attributes:
        mean: The difference; nan where the two share nothing.
        variance: Its variance; nan where unknown.
        df: Degrees of freedom of the variance.
        n: Units that the two models share, or tasks where the comparison is over tasks.
    """

    mean: FloatArray
    variance: FloatArray
    df: FloatArray
    n: IntArray

    @property
    def t(self) -> FloatArray:
        """Difference over its standard error: 0 for no difference, nan where there is one but no spread."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(self.variance > 0, self.mean / np.sqrt(self.variance), np.nan)
        return np.where(self.mean == 0, 0.0, ratio)

    @property
    def p(self) -> FloatArray:
        """Two-sided p value of t."""
        return np.where(self.mean == 0, 1.0, t_two_sided(self.t, self.df))


@dataclass(frozen=True, eq=False)
class Pairs:
    """Every model (row) against every other (column); all arrays (M, M).

    What cannot be told is nan: all about a model without values, the error of a difference over one unit, the t of a
    difference without spread. The p values of a difference of exactly 0 are 1, a model's with itself among them.

    Attributes:
        difference: Mean of the row's model less that of the column's.
        se: Standard error of the difference.
        df: Degrees of freedom of the standard error.
        n: Units that the two models share, or tasks where the comparison is over tasks.
        p: Two-sided p value of this comparison alone.
        p_adjusted: The same, adjusted for all pairs together (family-wise error).
        p_marginal: The same, adjusted for all comparisons of the row's model; not symmetric.
        method: Where `p` comes from: ``"t"`` or ``"sign flips"``.
        adjustment: Where the adjusted ones come from: ``"max-T"`` or ``"Holm"``.
        draws: How many draws the resampling rests on; 0 where there is none.
    """

    difference: FloatArray
    se: FloatArray
    df: FloatArray
    n: IntArray
    p: FloatArray
    p_adjusted: FloatArray
    p_marginal: FloatArray
    method: str
    adjustment: str
    draws: int = 0

    def interval(self, alpha: float = 0.05) -> tuple[FloatArray, FloatArray]:
        """(M, M) twice: lower and upper ends of the t interval of each difference, not adjusted.

        Raises:
            ValueError: If alpha is no error rate.
        """
        check_alpha(alpha)
        half = np.where(self.se > 0, t_quantile(1 - alpha / 2, self.df) * self.se, np.nan)
        return self.difference - half, self.difference + half


def analytic_pairs(X: AnyArray, *, draws: int = DRAWS, seed: int = 0) -> Pairs:
    """All pairs of models on one task by Student's t, together by step-down max-T (below 50 units Holm's method).

    Args:
        X: (M, n) (pseudo-)value of every unit for every model; a model with a nan is missing.
        draws: How many draws of the models' means max-T rests on; 0 for Holm's adjustment instead.
        seed: From `seed_of`.

    Raises:
        ValueError: If X is not a matrix with at least one unit.
    """
    task = moments(X)
    differences = task_differences(task)
    if not draws or task.n < 2:
        return holm_pairs(differences)
    weights = np.ones_like(task.variance)
    return max_t_pairs(differences, [(weights, normal_draws(task.covariance, draws, seed))])


def flipped_pairs(X: AnyArray, *, flips: int = FLIPS, seed: int = 0) -> Pairs:
    """All pairs of models on one task by sign flips, together by step-down max-T over the same flips.

    The statistic is |mean d| / sqrt(mean d^2). Flips leave d^2 as it is, so that this is a monotone function of the
    studentised |t|, the same one for all pairs: max-T of one is max-T of the other.

    Args:
        X: (M, n) (pseudo-)value of every unit for every model; a model with a nan is missing.
        flips: How many sign patterns are drawn; where there are no more than that, all are taken.
        seed: From `seed_of`.

    Raises:
        ValueError: If X is not a matrix with at least one unit.
    """
    task = moments(X)
    flipped = flip_centred(task.values, flips=flips, seed=seed)
    return resampled_pairs(task_differences(task), task_null(task, flipped))


def task_differences(task: Moments) -> Differences:
    """The differences of one task."""
    return Differences(task.difference, task.variance, np.full(task.variance.shape, task.n - 1.0), task.shared)


def task_null(task: Moments, flipped: Flips) -> Null:
    """The sign flips of one task."""
    return Null([(np.ones_like(task.variance), flipped.means)], inverse_root(task.flip_variance), flipped.exact)


def holm_pairs(differences: Differences) -> Pairs:
    """Student's t, adjusted by Holm's method."""
    p = differences.p
    models = len(p)
    rows, columns = np.triu_indices(models, 1)
    marginal = np.ones_like(p)
    for model in range(models):
        others = np.delete(np.arange(models), model)
        marginal[model, others] = holm(p[model, others])
    return _pairs(differences, p, symmetric(holm(p[rows, columns]), models), marginal, "t", "Holm", 0)


def max_t_pairs(differences: Differences, groups: list[tuple[FloatArray, AnyArray]]) -> Pairs:
    """Student's t, adjusted by step-down max-T over normal draws; by Holm's method below `ENOUGH` degrees of freedom.

    Every t is put on the normal scale by its p value, so that pairs of few degrees of freedom are not favoured.

    Args:
        differences: The differences and their variances.
        groups: Weights and draws of the models' means, as `Null` has them.
    """
    known = ~np.isnan(differences.df) & ~np.eye(len(differences.df), dtype=bool)
    if not (differences.df[known] >= ENOUGH).all():
        return holm_pairs(differences)
    p = differences.p
    observed = np.asarray(-normal_quantile(p / 2))
    null = Null(groups, inverse_root(differences.variance))
    _, adjusted = null.together(observed)
    # A sampled p can fall below the analytic one it adjusts.
    adjusted, marginal = np.maximum(adjusted, p), np.maximum(null.marginal(observed), p)
    return _pairs(differences, p, adjusted, marginal, "t", "max-T", groups[0][1].shape[1])


def resampled_pairs(differences: Differences, null: Null) -> Pairs:
    """Sign flips, adjusted by step-down max-T over the same flips.

    Args:
        differences: The differences and their variances.
        null: The flips; its scale is the inverse standard deviation of the differences under them.
    """
    observed = np.abs(differences.mean) * null.scale
    alone, adjusted = null.together(observed)
    draws = null.groups[0][1].shape[1]
    return _pairs(differences, alone, adjusted, null.marginal(observed), "sign flips", "max-T", draws)


def _pairs(
    differences: Differences,
    p: FloatArray,
    adjusted: FloatArray,
    marginal: FloatArray,
    method: str,
    adjustment: str,
    draws: int,
) -> Pairs:
    se = np.sqrt(differences.variance)
    return Pairs(differences.mean, se, differences.df, differences.n, p, adjusted, marginal, method, adjustment, draws)
