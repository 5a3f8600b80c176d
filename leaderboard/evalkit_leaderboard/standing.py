"""Where the encoders stand on a group of tasks: one number each, its interval, and every pair compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit_leaderboard.significance.board import PairWeights
from evalkit_leaderboard.significance.pairs import Differences, Pairs, holm_pairs
from evalkit_leaderboard.significance.ranks import rank_intervals, tiers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.types import FloatArray, IntArray
    from evalkit_leaderboard.units import TaskUnits


@dataclass(frozen=True, eq=False)
class Group:
    """Tasks that are summed up in one number a row.

    Attributes:
        name: What the group is called, such as a task, a type, a language.
        tasks: (T) names of its tasks.
        types: (T) their types.
        scores: (E, T) score of every encoder; nan where there is none.
        units: What the scores rest on, by task.
        by_type: Whether every type counts the same, rather than every task.
        given: (E,) number of every row where it is no mean of the scores.
    """

    name: str
    tasks: tuple[str, ...]
    types: tuple[str, ...]
    scores: FloatArray
    units: Mapping[str, TaskUnits]
    by_type: bool = False
    given: FloatArray | None = None

    @property
    def weights(self) -> FloatArray:
        """(T,) how much each task counts for a row that has them all."""
        if not self.by_type:
            return np.full(len(self.tasks), 1 / len(self.tasks))
        sizes = np.array([self.types.count(kind) for kind in self.types])
        return np.asarray(1 / (len(set(self.types)) * sizes))

    @property
    def values(self) -> FloatArray:
        """(E,) weighted mean, nan where a task is missing (mteb's rule); or what is given."""
        return np.asarray(self.scores @ self.weights) if self.given is None else self.given

    @property
    def counts(self) -> IntArray:
        """(E,) how many tasks each row has a score on."""
        return np.asarray((~np.isnan(self.scores)).sum(axis=1))


@dataclass(frozen=True, eq=False)
class Standing:
    """Where the encoders stand on a group of tasks. A nan is a number that there is not, and a note says why.

    Attributes:
        name: What the group is called.
        values: (E,) score.
        low: (E,) lower end of its interval.
        high: (E,) upper end.
        tasks: (E,) how many tasks of the group the encoder has a score on.
        n_tasks: How many tasks the group has.
        pairs: Every encoder against every other, on the tasks that both have.
        basis: What intervals and comparisons rest on: units, experiments, tasks or nothing.
        notes: Why numbers are missing, in sentences.
    """

    name: str
    values: FloatArray
    low: FloatArray
    high: FloatArray
    tasks: IntArray
    n_tasks: int
    pairs: Pairs
    basis: str
    notes: tuple[str, ...] = ()

    def strength(self) -> FloatArray:
        """(E,) mean difference to the others on shared tasks, which no hole moves; nan for a row without any."""
        others = np.where(np.eye(len(self.values), dtype=bool), np.nan, self.pairs.difference)
        known = ~np.isnan(others)
        count = known.sum(axis=1)
        total = np.where(known, others, 0.0).sum(axis=1)
        return np.asarray(np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0))

    def ranks(self, alpha: float, *, simultaneous: bool) -> tuple[IntArray, IntArray]:
        """(E,) twice: best and worst rank that each encoder can have, one at a time or all together."""
        p = self.pairs.p_adjusted if simultaneous else self.pairs.p_marginal
        return rank_intervals(self.pairs.difference, p, alpha=alpha)

    def tiers(self, alpha: float) -> IntArray:
        """(E,) tier, 1 the best; 0 for an encoder of which nothing is known beside any other."""
        strength = self.strength()
        compared = ~np.isnan(np.where(np.eye(len(strength), dtype=bool), np.nan, self.pairs.p)).all(axis=1)
        order = sorted(map(int, np.flatnonzero(compared)), key=lambda row: -strength[row])
        found = np.zeros(len(strength), dtype=np.int64)
        for number, members in enumerate(tiers(order, self.pairs.p_adjusted, alpha=alpha), start=1):
            found[list(members)] = number
        return found


def unknown_pairs(group: Group) -> Pairs:
    """Differences on shared tasks of which no error is known."""
    present = ~np.isnan(group.scores)
    weights = PairWeights(list(present.T), group.types if group.by_type else None)
    filled = np.where(present, group.scores, 0.0)
    terms = (weights.of(task) * (filled[:, [task]] - filled[:, task]) for task in range(len(group.tasks)))
    shared = weights.tasks()
    difference = np.where(shared > 0, np.sum(list(terms), axis=0), np.nan)
    unknown = np.full_like(difference, np.nan)
    return holm_pairs(Differences(difference, unknown, unknown, shared.astype(np.int64)))
