"""Borda counts as scores: every task gives points, and the points' errors come from those of the scores.

A point is the outcome of a comparison, so its error is no small move but a turn of the outcome. A comparison that is
proven on its task (Bonferroni over all pairs on all tasks) counts as settled; an open one counts as the toss of a coin,
tossed along with those that share its encoders' noise. Draws around the observed scores would not do: they take an
outcome that chance decided for half settled, and told equal encoders apart on 27 of 100 boards of two tasks.
"""

from __future__ import annotations

from dataclasses import replace
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from evalkit_leaderboard.borda import borda_mteb, borda_shared
from evalkit_leaderboard.options import ALPHA, Aggregate
from evalkit_leaderboard.significance.moments import moments
from evalkit_leaderboard.significance.null import normal_draws
from evalkit_leaderboard.significance.pairs import task_differences
from evalkit_leaderboard.significance.seeds import generator_of, seed_of
from evalkit_leaderboard.units import NOTHING

if TYPE_CHECKING:
    from evalkit.types import FloatArray
    from evalkit_leaderboard.standing import Group
    from evalkit_leaderboard.units import TaskUnits

DRAWS = 1_000
"""Draws of the scores of a task from which the covariance of its points is estimated."""


def in_points(group: Group, aggregate: Aggregate) -> Group:
    """A group of tasks with Borda points in place of scores; the number of a row is its sum of points.

    Comparisons rest on the tasks that two encoders share, whatever the rule does with a hole.
    """
    shared = aggregate is Aggregate.BORDA_SHARED
    rule = borda_shared if shared else borda_mteb
    level = ALPHA / max(1, sum(comb(int(count), 2) for count in (~np.isnan(group.scores)).sum(axis=0)))
    # A group takes the mean over its tasks; times their number, it is the sum.
    total = len(group.tasks)
    points = np.column_stack([total * task_points(scores[:, None], shared=shared)[:, 0] for scores in group.scores.T])
    units = {
        name: _in_points(group.units[name], scores, total * _noise(group.units[name], name, level))
        for name, scores in zip(group.tasks, points.T, strict=True)
    }
    return replace(group, scores=points, units=units, given=rule(group.scores).points)


def task_points(scores: FloatArray, *, shared: bool) -> FloatArray:
    """Borda points on one task.

    Args:
        scores: (E, B) B versions of the scores of a task; nan for an encoder without.
        shared: Whether the points of those beaten (and half of those tied) are scaled up for those without a score;
            otherwise, as mteb has it, whoever has no score is beaten.

    Returns:
        (E, B) points from 0 to E - 1; nan for an encoder without a score.
    """
    present = ~np.isnan(scores)
    beaten = np.zeros(scores.shape)
    for row in scores:
        beaten += np.where(scores > row, 1.0, 0.5 * (scores == row))
    beaten -= 0.5  # every encoder ties with itself
    rivals = present.sum(axis=0) - 1
    points = beaten * ((len(scores) - 1) / np.maximum(rivals, 1)) if shared else beaten + (len(scores) - 1 - rivals)
    return np.where(present, points, np.nan)


def _in_points(units: TaskUnits, points: FloatArray, noise: FloatArray) -> TaskUnits:
    """Units whose mean are the (E,) points of a task, and the error of whose mean is the (E, DRAWS) noise."""
    if units.basis == NOTHING:
        return units
    return replace(units, values=points[:, None] + np.sqrt(noise.shape[1]) * noise)


def _noise(units: TaskUnits, name: str, level: float) -> FloatArray:
    """(E, DRAWS) draws of the error of the points of a task; nan for an encoder without units, (E, 1) for one unit.

    Args:
        units: What the scores rest on.
        name: The task's name.
        level: A comparison with a p value of at most this is settled.
    """
    if units.n < 2:
        return np.zeros((len(units.values), 1))
    task = moments(units.values)
    here = np.ix_(task.present, task.present)
    tossed = ~(task_differences(task).p[here] <= level)
    drawn = normal_draws(np.nan_to_num(task.covariance[here]), DRAWS, seed_of(name, "Borda"))
    noise = _doubt(len(tossed), name)
    for rival, row in zip(tossed.T, drawn, strict=True):
        noise += rival[:, None] * 0.5 * np.sign(drawn - row)
    error = np.full((len(units.values), DRAWS), np.nan)
    error[task.present] = noise - noise.mean(axis=1, keepdims=True)
    return error


def _doubt(encoders: int, name: str) -> FloatArray:
    """(E, DRAWS) noise for what is settled: each such comparison may yet turn with a chance of 1 in DRAWS + 2."""
    chance = 1 / (DRAWS + 2)
    noise = generator_of(name, "Borda", "doubt").standard_normal((encoders, DRAWS))
    return np.asarray(noise * np.sqrt((encoders - 1) * chance * (1 - chance)))
