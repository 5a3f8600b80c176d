"""Two models over tasks or folds that have no units: classical tests of paired scores, and McNemar's of two counts."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from evalkit_leaderboard.significance.distributions import (
    TINY,
    binomial_two_sided,
    chi_squared_above,
    normal_two_sided,
    t_two_sided,
)
from evalkit_leaderboard.significance.friedman import ranks_of
from evalkit_leaderboard.significance.intervals import t_interval, vector
from evalkit_leaderboard.significance.outcome import Outcome

if TYPE_CHECKING:
    from evalkit.types import AnyArray, FloatArray


class Zeros(StrEnum):
    """What Wilcoxon's test does with differences of 0."""

    DROP = "drop"
    SPLIT = "split"


def paired_t(differences: AnyArray) -> Outcome:
    """Student's t of (n,) differences over tasks.

    Raises:
        ValueError: If the differences are not one-dimensional.
    """
    values = vector(differences)
    interval = t_interval(values)
    if interval.se is None or interval.estimate is None:
        return Outcome(None, None, len(values), "paired t", note=interval.note)
    t, df = interval.estimate / interval.se, len(values) - 1
    return Outcome(t, float(t_two_sided(t, df)), len(values), "paired t", float(df))


def corrected_resampled_t(differences: AnyArray, *, test_to_train: float) -> Outcome:
    """Student's t over repeated train/test splits, whose training sets overlap: variance s^2 (1/n + n_test / n_train).

    Source: Nadeau and Bengio 2003; as in scikit-learn's example on comparing grid-searched models. Two-sided.

    Args:
        differences: (n,) A less B in every split.
        test_to_train: Test examples for each training example; 1/9 for ten-fold cross-validation.

    Raises:
        ValueError: If the differences are not one-dimensional or the ratio is negative.
    """
    if test_to_train < 0:
        raise ValueError(f"The ratio of test to training examples must be at least 0, not {test_to_train}.")
    plain = paired_t(differences)
    if plain.statistic is None:
        return Outcome(None, None, plain.n, "corrected resampled t", note=plain.note)
    t = plain.statistic / float(np.sqrt(1 + plain.n * test_to_train))
    return Outcome(t, float(t_two_sided(t, plain.n - 1)), plain.n, "corrected resampled t", plain.df)


def wilcoxon(
    differences: AnyArray, *, zeros: Zeros = Zeros.SPLIT, exact: bool | None = None, tie_correction: bool = True
) -> Outcome:
    """Wilcoxon's signed-rank test; the statistic is the smaller of the two rank sums.

    Source: Wilcoxon 1945; Demsar 2006, section 3.1.3, for splitting the ranks of zeros. Its level drifts with n on
    asymmetric differences (Urbano, Lima and Hanjalic 2019), so nothing defaults to it.

    Args:
        differences: (n,) A less B on every task.
        zeros: What happens to differences of 0.
        exact: Whether p comes from the exact distribution, possible without zeros and ties, or the normal one; None
            for exact where possible and n is at most 50.
        tie_correction: Whether ties reduce the variance of the normal distribution; Demsar's z has no correction.

    Raises:
        ValueError: If the differences are not one-dimensional, or exact p values are asked for despite ties or zeros.
    """
    values = vector(differences)
    kept = values[values != 0] if zeros is Zeros.DROP else values
    n = len(kept)
    if not np.any(kept) or not np.isfinite(kept).all():
        return Outcome(None, None, n, "Wilcoxon", note="There are no differences other than 0 to rank.")
    ranks = ranks_of(-np.abs(kept)[:, None])[:, 0]
    half_zeros = ranks[kept == 0].sum() / 2
    smaller = float(min(ranks[kept > 0].sum(), ranks[kept < 0].sum()) + half_zeros)
    untied = bool(np.all(kept)) and len(np.unique(np.abs(kept))) == n
    if exact and not untied:
        raise ValueError("An exact signed-rank test needs differences without ties and zeros.")
    if exact or (exact is None and untied and n <= 50):
        return Outcome(smaller, _exact_signed_rank(int(smaller), n), n, "Wilcoxon, exact")
    z = wilcoxon_z(smaller, kept, tie_correction=tie_correction)
    return Outcome(smaller, float(normal_two_sided(z)), n, "Wilcoxon, normal")


def wilcoxon_z(rank_sum: float, differences: FloatArray, *, tie_correction: bool = True) -> float:
    """Standardised rank sum under the normal approximation.

    Args:
        rank_sum: Sum of the ranks of one sign.
        differences: (n,) the differences that were ranked.
        tie_correction: Whether groups of t equal sizes, the zeros too, take sum(t^3 - t) / 48 off the variance.
    """
    n = len(differences)
    sizes = np.unique(np.abs(differences), return_counts=True)[1]
    variance = n * (n + 1) * (2 * n + 1) / 24
    if tie_correction:
        variance -= float(np.sum(sizes**3 - sizes)) / 48
    return float((rank_sum - n * (n + 1) / 4) / np.sqrt(variance))


def sign_test(differences: AnyArray) -> Outcome:
    """Exact two-sided sign test; the statistic is the number of wins, differences of 0 are left out.

    Raises:
        ValueError: If the differences are not one-dimensional.
    """
    values = vector(differences)
    wins, losses = int(np.sum(values > 0)), int(np.sum(values < 0))
    if not wins + losses:
        return Outcome(None, None, 0, "sign test", note="There are no differences other than 0.")
    return Outcome(float(wins), binomial_two_sided(wins, wins + losses), wins + losses, "sign test")


def mcnemar(only_a: int, only_b: int, *, exact: bool = True, correction: bool = True) -> Outcome:
    """McNemar's test of two classifiers by the examples that only one of them has right.

    Args:
        only_a: Examples that only A has right.
        only_b: Examples that only B has right.
        exact: Whether p is binomial and the statistic the smaller count; otherwise chi squared with 1 degree.
        correction: Whether chi squared has Edwards' correction for continuity (Edwards 1948), which
            leaves equal counts at 0, as R does.

    Raises:
        ValueError: If a count is negative.
    """
    if only_a < 0 or only_b < 0:
        raise ValueError(f"Counts must be at least 0, not {only_a} and {only_b}.")
    n = only_a + only_b
    if not n:
        return Outcome(None, None, 0, "McNemar", note="Both are right on the same examples.")
    if exact:
        return Outcome(float(min(only_a, only_b)), binomial_two_sided(only_a, n), n, "McNemar, exact")
    chi_squared = max(abs(only_a - only_b) - correction, 0) ** 2 / n
    return Outcome(chi_squared, chi_squared_above(chi_squared, 1), n, "McNemar, chi squared", 1.0)


def _exact_signed_rank(rank_sum: int, n: int) -> float:
    """Two-sided p value: the share of the 2^n sign patterns whose rank sum is as small, doubled."""
    share = np.zeros(n * (n + 1) // 2 + 1)
    share[0] = 1.0
    for rank in range(1, n + 1):
        shifted = np.zeros_like(share)
        shifted[rank:] = share[:-rank]
        share = (share + shifted) / 2
    return float(np.clip(2 * share[: rank_sum + 1].sum(), TINY, 1.0))
