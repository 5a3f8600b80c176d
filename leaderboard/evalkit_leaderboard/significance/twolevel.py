"""The mean over tasks, for two questions that are never mixed.

*These tasks*: the tasks are fixed and their units are a sample. "Is A better than B on this benchmark?"
*Tasks like these*: the tasks are a sample of their types too. "Would A be better on another such benchmark?"

`board` answers the first for all pairs of models; here are one pair, the second question, and the bootstrap of both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalkit_leaderboard.significance.bootstrap import replicates, weighted_mean
from evalkit_leaderboard.significance.distributions import check_alpha, t_quantile
from evalkit_leaderboard.significance.intervals import Interval, vector
from evalkit_leaderboard.significance.null import normal_draws
from evalkit_leaderboard.significance.pairs import DRAWS, Pairs, holm_pairs, max_t_pairs
from evalkit_leaderboard.significance.seeds import generator_of, seed_of
from evalkit_leaderboard.significance.strata import Strata

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.types import AnyArray, FloatArray


def these_tasks(
    differences: AnyArray,
    se: AnyArray,
    df: AnyArray,
    *,
    types: Sequence[str] | None = None,
    over_types: bool = False,
    alpha: float = 0.05,
) -> Interval:
    """Interval of the mean difference over these tasks, from the errors on each: se^2 = sum of w^2 se_t^2.

    The units of different tasks are independent samples; degrees of freedom are Welch's. A task on which the two do
    not differ at all has an error of 0.

    Args:
        differences: (T,) mean difference on each task that both models have.
        se: (T,) their standard errors.
        df: (T,) degrees of freedom of these.
        types: Type of every task.
        over_types: Whether the mean is that over types of the means over their tasks.
        alpha: One less the coverage.

    Raises:
        ValueError: If the arrays differ in length, types are needed and missing, or alpha is no error rate.
    """
    check_alpha(alpha)
    mean, errors, freedom = vector(differences), vector(se), vector(df)
    if not len(mean):
        return _nothing(alpha)
    terms = (task_weights(len(mean), types, over_types=over_types) * errors) ** 2
    estimate, variance = float(mean @ task_weights(len(mean), types, over_types=over_types)), float(terms.sum())
    if not variance > 0:
        note = "No task has a spread, or one has a single unit: the error of the mean is unknown."
        return Interval(estimate, None, None, None, len(mean), alpha, "t", note)
    welch = variance**2 / float(np.sum(terms[terms > 0] ** 2 / freedom[terms > 0]))
    return _t_interval(estimate, variance, welch, len(mean), alpha)


def tasks_like_these(
    differences: AnyArray, *, types: Sequence[str] | None = None, over_types: bool = False, alpha: float = 0.05
) -> Interval:
    """Interval of the mean difference over tasks like these: t on the spread between tasks of a type.

    What units add to a task's difference is in that spread already. See `Strata` for the formula.

    Args:
        differences: (T,) mean difference on each task that both models have.
        types: Type of every task; None for one type.
        over_types: Whether the mean is that over types of the means over their tasks.
        alpha: One less the coverage.

    Raises:
        ValueError: If types has another length or alpha is no error rate.
    """
    check_alpha(alpha)
    values = vector(differences)
    if not len(values):
        return _nothing(alpha)
    pair = Strata(np.stack([values, np.zeros_like(values)]), types, over_types=over_types).differences()
    estimate, variance = float(pair.mean[0, 1]), float(pair.variance[0, 1])
    if not variance > 0:
        note = "No type has two tasks that differ: how much tasks like these vary is unknown."
        return Interval(estimate, None, None, None, len(values), alpha, "t over tasks", note)
    return _t_interval(estimate, variance, float(pair.df[0, 1]), len(values), alpha, method="t over tasks")


def like_these_pairs(
    scores: AnyArray,
    *,
    types: Sequence[str] | None = None,
    over_types: bool = False,
    draws: int = DRAWS,
    seed: int = 0,
) -> Pairs:
    """All pairs of models on the mean over tasks like these; needs scores only, so imported results have it too.

    Adjusted by step-down max-T where every model has every one of at least 50 or so tasks, otherwise by Holm's method.
    For the plain mean over few tasks, `flipped_pairs` of the scores has an exact max-T: a task is its unit.

    Args:
        scores: (M, T) score of every model on every task; nan where there is none.
        types: Type of every task; None for one type.
        over_types: Whether the mean is that over types of the means over their tasks.
        draws: How many draws of the models' means max-T rests on; 0 for Holm.
        seed: From `seed_of`.

    Raises:
        ValueError: If the scores are not a matrix or types has another length.
    """
    strata = Strata(scores, types, over_types=over_types)
    differences = strata.differences()
    covariance = strata.covariance()
    if covariance is None or not draws:
        return holm_pairs(differences)
    return max_t_pairs(differences, [(np.ones_like(covariance), normal_draws(covariance, draws, seed))])


def bootstrap_mean(
    units: Mapping[str, AnyArray],
    *,
    like_these: bool,
    types: Sequence[str] | None = None,
    over_types: bool = False,
    alpha: float = 0.05,
    resamples: int = 10_000,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap of the mean difference over tasks, for either question; a check of the t intervals.

    For *tasks like these*, tasks are drawn within their type, then units within each drawn task, anew where a task is
    drawn twice. This counts the units' noise twice (a task's difference has it already) and is too wide by that, while
    few tasks a type make it too narrow by n - 1 over n: so the default is `tasks_like_these`.
    Source: Davison and Hinkley 1997, section 3.8, on two-stage resampling.

    Args:
        units: (n,) paired differences of the units, by the task's name.
        like_these: Whether tasks are resampled too.
        types: Type of every task.
        over_types: Whether the mean is that over types of the means over their tasks.
        alpha: One less the coverage.
        resamples: How many resamples are drawn.
        seed: Mixed with the names of the tasks.

    Raises:
        ValueError: If types has another length, or alpha is no error rate.
    """
    check_alpha(alpha)
    arrays = {name: vector(values) for name, values in units.items()}
    if not arrays or not all(map(len, arrays.values())):
        return _nothing(alpha)
    weights = task_weights(len(arrays), types, over_types=over_types)
    estimate = float(weights @ [values.mean() for values in arrays.values()])
    bank = np.column_stack(
        [
            replicates(
                weighted_mean(values), len(values), resamples=resamples, seed=seed_of(str(seed), name, "bootstrap")
            )
            for name, values in arrays.items()
        ]
    )
    if like_these:
        bank = _tasks_drawn(bank, types or [""] * len(arrays), generator_of(str(seed), *arrays, "tasks drawn"))
    drawn = bank @ weights
    low, high = (float(end) for end in np.quantile(drawn, [alpha / 2, 1 - alpha / 2]))
    return Interval(estimate, low, high, float(drawn.std(ddof=1)), len(arrays), alpha, "percentile")


def task_weights(tasks: int, types: Sequence[str] | None = None, *, over_types: bool = False) -> FloatArray:
    """(T,) weights that sum to 1: 1 / T, or 1 / (types x tasks of the type).

    Raises:
        ValueError: If there is not one type for each task, or types are needed and not given.
    """
    if types is not None and len(types) != tasks:
        raise ValueError(f"Each of {tasks} tasks needs a type; there are {len(types)}.")
    if not over_types:
        return np.full(tasks, 1 / tasks)
    if types is None:
        raise ValueError("A mean over types needs the type of every task.")
    kinds = list(dict.fromkeys(types))
    return np.array([1 / (len(kinds) * list(types).count(kind)) for kind in types])


def _tasks_drawn(bank: FloatArray, types: Sequence[str], generator: np.random.Generator) -> FloatArray:
    """(R, T) replicates of tasks drawn within their type; every slot reads other rows, so its noise is its own."""
    resamples = len(bank)
    drawn = np.empty_like(bank)
    for kind in dict.fromkeys(types):
        members = np.flatnonzero(np.array(types) == kind)
        for slot, task in enumerate(members):
            rows = (np.arange(resamples) + slot * (resamples // len(members) + 1)) % resamples
            drawn[:, task] = bank[rows, generator.choice(members, resamples)]
    return drawn


def _t_interval(estimate: float, variance: float, df: float, n: int, alpha: float, method: str = "t") -> Interval:
    se = float(np.sqrt(variance))
    half = float(t_quantile(1 - alpha / 2, df)) * se
    return Interval(estimate, estimate - half, estimate + half, se, n, alpha, method)


def _nothing(alpha: float) -> Interval:
    return Interval(None, None, None, None, 0, alpha, "t", "There is no task that both have.")
