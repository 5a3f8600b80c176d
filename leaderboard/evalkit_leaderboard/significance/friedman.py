"""Mean ranks over tasks: Friedman's test, critical differences of Nemenyi and of Bonferroni and Dunn.

The traditional view only. Whether two models differ depends here on which others are in the pool (Benavoli, Corani and
Mangili 2016), so the leaderboard's own tie groups come from paired differences.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit_leaderboard.significance.distributions import (
    TINY,
    check_alpha,
    chi_squared_above,
    f_above,
    normal_quantile,
    normal_two_sided,
)

if TYPE_CHECKING:
    from evalkit.types import AnyArray, FloatArray


@dataclass(frozen=True, eq=False)
class Friedman:
    """Friedman's test that all models rank the same; None where there is no test, and `note` says why.

    Attributes:
        mean_ranks: (M,) mean rank of every model over the tasks, 1 being the best; nan without tasks.
        tasks: Tasks on which every model has a score.
        chi_squared: Friedman's chi squared, M - 1 degrees of freedom.
        p: Its p value.
        f: Iman and Davenport's F, M - 1 and (M - 1)(tasks - 1) degrees of freedom; None where it is infinite.
        p_f: Its p value.
        note: A sentence, where a number is missing.
    """

    mean_ranks: FloatArray
    tasks: int
    chi_squared: float | None
    p: float | None
    f: float | None
    p_f: float | None
    note: str = ""


def friedman(scores: AnyArray, *, tie_correction: bool = False) -> Friedman:
    """Friedman's chi squared and Iman and Davenport's F.

    Source: Demsar 2006, section 3.2.2; Friedman 1937; Iman and Davenport 1980. The correction divides by
    1 - sum(t^3 - t) / (N (k^3 - k)) over groups of t tied scores (Conover 1999), as `scipy.stats.friedmanchisquare`.

    Args:
        scores: (M, T) score of every model on every task, higher is better; tasks with a nan are left out.
        tie_correction: Whether chi squared (and F with it) is corrected for ties.

    Raises:
        ValueError: If the scores are not a matrix.
    """
    table = complete(scores)
    ranks = ranks_of(table)
    models, tasks = table.shape
    mean = ranks.mean(axis=1) if tasks else np.full(models, np.nan)
    if models < 3 or tasks < 2:
        note = f"Friedman's test needs three models and two tasks that all have, not {models} and {tasks}."
        return Friedman(mean, tasks, None, None, None, None, note)
    chi_squared = 12 * tasks / (models * (models + 1)) * (np.sum(mean**2) - models * (models + 1) ** 2 / 4)
    correction = _tie_factor(table) if tie_correction else 1.0
    if correction == 0:
        return Friedman(mean, tasks, None, None, None, None, "All models have the same score on every task.")
    return _tested(mean, tasks, float(chi_squared / correction))


def nemenyi(mean_ranks: AnyArray, tasks: int) -> FloatArray:
    """(M, M) p values of all pairs of mean ranks, family-wise. Source: Nemenyi 1963; Demsar 2006, section 3.2.2.

    Args:
        mean_ranks: (M,) from `friedman`.
        tasks: Tasks that they are means over.
    """
    from scipy.stats import studentized_range

    ranks = np.asarray(mean_ranks, dtype=np.float64)
    q = np.abs(ranks[:, None] - ranks) / rank_error(len(ranks), tasks) * np.sqrt(2)
    # Every p value is a numerical integral, and mean ranks of few tasks repeat.
    distinct, at = np.unique(q, return_inverse=True)
    p = np.clip(studentized_range.sf(distinct, len(ranks), np.inf), TINY, 1)
    return np.asarray(np.where(q > 0, p[at].reshape(q.shape), 1.0))


def nemenyi_distance(models: int, tasks: int, *, alpha: float = 0.05) -> float:
    """Critical difference of mean ranks for all pairs: q sqrt(k (k + 1) / 6N). Source: Demsar 2006, table 5(a).

    Raises:
        ValueError: If alpha is no error rate or there are fewer than two models or no tasks.
    """
    from scipy.stats import studentized_range

    check_alpha(alpha)
    q = float(studentized_range.ppf(1 - alpha, models, np.inf)) / np.sqrt(2)
    return float(q * rank_error(models, tasks))


def bonferroni_dunn(mean_ranks: AnyArray, tasks: int, control: int) -> tuple[FloatArray, FloatArray]:
    """(M,) z against a control, positive where a model ranks better, and unadjusted two-sided p values.

    Multiply p by M - 1 for Bonferroni and Dunn, or adjust it by `holm` or `hochberg`. Source: Demsar 2006,
    section 3.2.2; Dunn 1961. The control's own z is 0 and p is 1.

    Args:
        mean_ranks: (M,) from `friedman`.
        tasks: Tasks that they are means over.
        control: Row of the control.
    """
    ranks = np.asarray(mean_ranks, dtype=np.float64)
    z = (ranks[control] - ranks) / rank_error(len(ranks), tasks)
    return z, normal_two_sided(z)


def bonferroni_dunn_distance(models: int, tasks: int, *, alpha: float = 0.05) -> float:
    """Critical difference of mean ranks from a control. Source: Demsar 2006, table 5(b).

    Raises:
        ValueError: If alpha is no error rate or there are fewer than two models or no tasks.
    """
    check_alpha(alpha)
    error = rank_error(models, tasks)
    return float(normal_quantile(1 - alpha / (2 * (models - 1))) * error)


def rank_error(models: int, tasks: int) -> float:
    """Standard error of the difference of two mean ranks: sqrt(k (k + 1) / 6N).

    Raises:
        ValueError: If there are fewer than two models or no tasks.
    """
    if models < 2 or tasks < 1:
        raise ValueError(f"Ranks are compared of at least two models on a task, not {models} on {tasks}.")
    return float(np.sqrt(models * (models + 1) / (6 * tasks)))


def complete(scores: AnyArray) -> FloatArray:
    """(M, T') the tasks on which every model has a score.

    Raises:
        ValueError: If the scores are not a matrix.
    """
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2:
        raise ValueError(f"The scores must be (models, tasks), not {table.shape}.")
    return table[:, np.isfinite(table).all(axis=0)]


def ranks_of(scores: FloatArray) -> FloatArray:
    """(M, T) rank of every model on every task, 1 for the highest score; ties share the mean of their ranks."""
    above = (scores[None] > scores[:, None]).sum(axis=1)
    tied = (scores[None] == scores[:, None]).sum(axis=1)
    return np.asarray(above + (tied + 1) / 2)


def _tie_factor(scores: FloatArray) -> float:
    """1 - sum(t^3 - t) / (N (k^3 - k)): summed over the members of a group, t^3 - t is t^2 - 1 for each."""
    models, tasks = scores.shape
    tied = (scores[None] == scores[:, None]).sum(axis=1)
    return 1 - float(np.sum(tied**2 - 1)) / float(tasks * (models**3 - models))


def _tested(mean: FloatArray, tasks: int, chi_squared: float) -> Friedman:
    models = len(mean)
    p = chi_squared_above(chi_squared, models - 1)
    rest = tasks * (models - 1) - chi_squared
    if rest <= 1e-9 * tasks * models:
        note = "All tasks rank the models the same: F is infinite."
        return Friedman(mean, tasks, chi_squared, p, None, None, note)
    f = (tasks - 1) * chi_squared / rest
    return Friedman(mean, tasks, chi_squared, p, f, f_above(f, models - 1, (models - 1) * (tasks - 1)))
