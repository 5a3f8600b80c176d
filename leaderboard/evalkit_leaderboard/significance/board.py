"""All pairs of models on a board of tasks, and on the mean over tasks, for *these* tasks: only units are sampled.

A pair is compared on the tasks that both models have; a missing result is a row of nan and never a zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit_leaderboard.significance.moments import Moments, moments
from evalkit_leaderboard.significance.null import Null, inverse_root, normal_draws
from evalkit_leaderboard.significance.pairs import (
    DRAWS,
    Differences,
    Pairs,
    holm_pairs,
    max_t_pairs,
    resampled_pairs,
    task_differences,
    task_null,
)
from evalkit_leaderboard.significance.seeds import seed_of
from evalkit_leaderboard.significance.signflip import FLIPS, flip_centred

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from evalkit.types import AnyArray, FloatArray


@dataclass(frozen=True, eq=False)
class Board:
    """Pairs on every task and on the mean over tasks.

    Attributes:
        tasks: The pairs of each task, by name.
        overall: The pairs of the mean over the tasks that two models share; its `n` counts those tasks.
    """

    tasks: Mapping[str, Pairs]
    overall: Pairs


def analytic_board(
    tasks: Mapping[str, AnyArray], *, types: Sequence[str] | None = None, draws: int = DRAWS, seed: int = 0
) -> Board:
    """The board from covariances alone: t tests, Holm's adjustment on each task, max-T on the mean over tasks.

    The error of the mean is that of independent tasks, its degrees of freedom are Welch's; where these are few Holm's
    method replaces max-T there too.

    Args:
        tasks: (M, n) (pseudo-)values by the task's name; the same M models everywhere, nan for a missing one.
        types: Type of every task, for the mean over types of the means over their tasks; None for the mean over tasks.
        draws: How many normal draws max-T rests on.
        seed: Mixed with the names of the tasks.

    Raises:
        ValueError: If there is no task, or the tasks differ in their number of models.
    """
    parts = _moments(tasks)
    weights = PairWeights([part.present for part in parts], types)
    groups = []
    for members in weights.groups():
        covariance = np.sum([np.nan_to_num(parts[task].covariance) for task in members], axis=0)
        key = seed_of(str(seed), "normal draws", *(list(tasks)[task] for task in members))
        groups.append((weights.of(members[0]), normal_draws(covariance, draws, key)))
    by_task = {name: holm_pairs(task_differences(part)) for name, part in zip(tasks, parts, strict=True)}
    return Board(by_task, max_t_pairs(overall(parts, weights), groups))


def flipped_board(
    tasks: Mapping[str, AnyArray], *, types: Sequence[str] | None = None, flips: int = FLIPS, seed: int = 0
) -> Board:
    """The board by sign flips: step-down max-T on each task and on the mean over tasks, from the same flips.

    On the mean, a pair's statistic is the weighted mean of its tasks' differences over its standard deviation under
    flips, sum over tasks of w^2 mean(d^2) / n, which flips leave as it is.

    Args:
        tasks: (M, n) (pseudo-)values by the task's name; the same M models everywhere, nan for a missing one.
        types: Type of every task, for the mean over types of the means over their tasks; None for the mean over tasks.
        flips: How many sign patterns are drawn.
        seed: Mixed with the names of the tasks.

    Raises:
        ValueError: If there is no task, or the tasks differ in their number of models.
    """
    parts = _moments(tasks)
    weights = PairWeights([part.present for part in parts], types)
    group_of = {task: group for group, members in enumerate(weights.groups()) for task in members}
    sums: dict[int, AnyArray] = {}
    by_task = {}
    for task, (name, part) in enumerate(zip(tasks, parts, strict=True)):
        key = seed_of(str(seed), name, "sign flips")
        flipped = flip_centred(part.values, flips=flips, seed=key)
        by_task[name] = resampled_pairs(task_differences(part), task_null(part, flipped))
        if flipped.exact:
            # Patterns of tasks are combined at random, so each task needs as many as the others.
            flipped = flip_centred(part.values, flips=flips, seed=key, sampled=True)
        sums[group_of[task]] = sums[group_of[task]] + flipped.means if group_of[task] in sums else flipped.means
    scale = inverse_root(_total(part.flip_variance * weights.of(task) ** 2 for task, part in enumerate(parts)))
    null = Null([(weights.of(members[0]), sums[group]) for group, members in enumerate(weights.groups())], scale)
    return Board(by_task, resampled_pairs(overall(parts, weights), null))


class PairWeights:
    """How much each task counts in the mean over the tasks that a pair of models shares."""

    def __init__(self, present: Sequence[AnyArray], types: Sequence[str] | None = None) -> None:
        """Takes the (M,) models that each task has, and the tasks' types for the mean over types.

        Raises:
            ValueError: If there is no task or not one type a task.
        """
        if not present or (types is not None and len(types) != len(present)):
            raise ValueError("At least one task is needed, and one type for each if there are types.")
        self.present = present
        self.types = ["" for _ in present] if types is None else list(types)
        both = [np.outer(has, has).astype(np.float64) for has in present]
        # (M, M) by type: tasks of the type that two models share.
        self.shared: dict[str, FloatArray] = {}
        for kind, pair in zip(self.types, both, strict=True):
            self.shared[kind] = self.shared[kind] + pair if kind in self.shared else pair
        self.kinds = np.sum([count > 0 for count in self.shared.values()], axis=0)

    def of(self, task: int) -> FloatArray:
        """(M, M) weight of a task for every pair; they sum to 1 over the tasks that the pair shares."""
        has, count = self.present[task], self.shared[self.types[task]] * self.kinds
        return np.asarray(np.divide(np.outer(has, has), count, out=np.zeros_like(count), where=count > 0))

    def tasks(self) -> FloatArray:
        """(M, M) number of tasks that two models share."""
        return np.asarray(np.sum(list(self.shared.values()), axis=0))

    def groups(self) -> list[list[int]]:
        """Tasks that have the same weight for every pair: of one type and with the same models."""
        members: dict[tuple[str, bytes], list[int]] = {}
        for task, (kind, has) in enumerate(zip(self.types, self.present, strict=True)):
            members.setdefault((kind, np.asarray(has).tobytes()), []).append(task)
        return list(members.values())


def overall(parts: Sequence[Moments], weights: PairWeights) -> Differences:
    """Weighted mean differences, their variances and Welch's degrees of freedom (Welch 1938, Satterthwaite 1946)."""
    tasks = weights.tasks()
    mean = np.where(tasks > 0, _total(part.difference * weights.of(t) for t, part in enumerate(parts)), np.nan)
    terms = [_known(part.variance * weights.of(t) ** 2, part.present) for t, part in enumerate(parts)]
    variance = np.where(tasks > 0, np.sum(terms, axis=0), np.nan)
    fourth = np.sum([term**2 / max(part.n - 1, 1) for term, part in zip(terms, parts, strict=True)], axis=0)
    df = np.divide(variance**2, fourth, out=np.full_like(mean, np.nan), where=fourth > 0)
    return Differences(mean, variance, df, tasks.astype(np.int64))


def _moments(tasks: Mapping[str, AnyArray]) -> list[Moments]:
    parts = [moments(X) for X in tasks.values()]
    if len({len(part.present) for part in parts}) > 1:
        raise ValueError("Every task needs a row for each model, nan where there is no result.")
    return parts


def _total(terms: Iterable[FloatArray]) -> FloatArray:
    """Sum of (M, M) terms; a nan, where a model is missing, counts 0."""
    return np.asarray(sum(np.nan_to_num(term) for term in terms))


def _known(term: FloatArray, present: AnyArray) -> FloatArray:
    """0 where a model is missing; a nan where both are there stays."""
    return np.where(np.outer(present, present), term, 0.0)
