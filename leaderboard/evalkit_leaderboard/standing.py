"""Where the encoders stand on a group of tasks: one number each, its interval, and every pair compared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from evalkit_leaderboard.options import Method, Question
from evalkit_leaderboard.significance.board import analytic_board, flipped_board
from evalkit_leaderboard.significance.distributions import t_quantile
from evalkit_leaderboard.significance.pairs import Pairs, analytic_pairs, flipped_pairs
from evalkit_leaderboard.significance.ranks import rank_intervals, tiers
from evalkit_leaderboard.significance.seeds import seed_of
from evalkit_leaderboard.units import EXPERIMENTS, NOTHING, UNITS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
    """

    name: str
    tasks: tuple[str, ...]
    types: tuple[str, ...]
    scores: FloatArray
    units: Mapping[str, TaskUnits]
    by_type: bool = False


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
        method: The method of both, in words.
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
    method: str
    notes: tuple[str, ...] = ()

    def strength(self) -> FloatArray:
        """(E,) mean difference to the others on shared tasks, which no hole moves; nan for a row without any."""
        others = np.where(np.eye(len(self.values), dtype=bool), np.nan, self.pairs.difference)
        known = ~np.isnan(others)
        count = known.sum(axis=1)
        total = np.where(known, others, 0.0).sum(axis=1)
        return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)

    def ranks(self, alpha: float, *, simultaneous: bool) -> tuple[IntArray, IntArray]:
        """(E,) twice: best and worst rank that each encoder can have, one at a time or all together."""
        p = self.pairs.p_adjusted if simultaneous else self.pairs.p_marginal
        return rank_intervals(self.pairs.difference, p, alpha=alpha)

    def tiers(self, alpha: float) -> IntArray:
        """(E,) tier, 1 the best; 0 for an encoder that cannot be compared with any."""
        strength = self.strength()
        order = sorted(np.flatnonzero(~np.isnan(strength)), key=lambda row: -strength[row])
        found = np.zeros(len(strength), dtype=np.int64)
        for number, members in enumerate(tiers(order, self.pairs.p_adjusted, alpha=alpha), start=1):
            found[list(members)] = number
        return found


def on_these(group: Group, method: Method, alpha: float) -> Standing:
    """The tasks fixed, their units resampled."""
    rows = {name: group.units[name] for name in group.tasks}
    without = [name for name, units in rows.items() if units.basis == NOTHING]
    if without:
        return _nothing(group, _no_units(group, without))
    pairs = _pairs(group, rows, method)
    values, tasks = _values(group)
    low, high = _interval(group, rows, alpha)
    experiments = sum(units.basis == EXPERIMENTS for units in rows.values())
    basis = EXPERIMENTS if experiments else UNITS
    standing = Standing(
        group.name, values, low, high, tasks, len(group.tasks), pairs, basis, "", tuple(_notes(group, rows))
    )
    return replace(standing, method=_method(standing))
