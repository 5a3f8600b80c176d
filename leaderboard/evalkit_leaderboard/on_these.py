"""The question *these tasks*: the tasks are all that counts, their units are a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalkit_leaderboard.options import Method
from evalkit_leaderboard.significance.board import PairWeights, analytic_board, flipped_board, overall
from evalkit_leaderboard.significance.distributions import t_quantile
from evalkit_leaderboard.significance.intervals import is_constant
from evalkit_leaderboard.significance.moments import moments
from evalkit_leaderboard.significance.pairs import Pairs, flipped_pairs, holm_pairs
from evalkit_leaderboard.significance.seeds import seed_of
from evalkit_leaderboard.standing import Group, Standing, unknown_pairs
from evalkit_leaderboard.units import EXPERIMENTS, NOTHING, TaskUnits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evalkit.types import FloatArray

FEW = 50
"""Below this many units an interval by Student's t is rough, and sign flips are the better test."""


def stand(group: Group, method: Method, alpha: float, *, headline: bool = False) -> Standing:
    """Where the encoders stand on a group of tasks.

    Args:
        group: The tasks.
        method: What comparisons rest on.
        alpha: One less the coverage of the intervals.
        headline: Whether all pairs are corrected by max-T in either method; otherwise the analytic method, which
            then has to be quick for many groups, corrects them by Holm's.
    """
    rows = {name: group.units[name] for name in group.tasks}
    without = [name for name, units in rows.items() if units.basis == NOTHING]
    if without:
        low = high = np.full(len(group.scores), np.nan)
        pairs, basis = unknown_pairs(group), "nothing"
    else:
        low, high = _interval(group, rows, alpha)
        pairs = compare(group, method, headline=headline)
        basis = _basis(rows)
    return Standing(group.name, group.values, low, high, group.counts, len(group.tasks), pairs, basis)


def compare(group: Group, method: Method, *, headline: bool = False) -> Pairs:
    """All pairs on the group, on the tasks that both encoders have."""
    tasks = {name: group.units[name].values for name in group.tasks}
    types = group.types if group.by_type else None
    if method is Method.RESAMPLE and len(tasks) == 1:
        [(name, values)] = tasks.items()
        return flipped_pairs(values, seed=seed_of(name, "sign flips"))
    if method is Method.RESAMPLE:
        return flipped_board(tasks, types=types).overall
    if headline:
        return analytic_board(tasks, types=types).overall
    parts = [moments(values) for values in tasks.values()]
    return holm_pairs(overall(parts, PairWeights([part.present for part in parts], types)))


def _basis(rows: Mapping[str, TaskUnits]) -> str:
    """What the numbers rest on, such as ``units`` or ``units and experiments``."""
    return " and ".join(sorted({units.basis for units in rows.values()}, reverse=True))


def _interval(group: Group, rows: Mapping[str, TaskUnits], alpha: float) -> tuple[FloatArray, FloatArray]:
    """(E,) twice: ends of the t interval around the weighted mean, with Welch's degrees of freedom."""
    terms = np.stack([weight**2 * errors(rows[name]) for name, weight in zip(group.tasks, group.weights, strict=True)])
    df = np.array([[max(units.n - 1, 1)] for units in rows.values()])
    variance, fourth = terms.sum(axis=0), (terms**2 / df).sum(axis=0)
    welch = np.divide(variance**2, fourth, out=np.full_like(variance, np.nan), where=fourth > 0)
    half = t_quantile(1 - alpha / 2, welch) * np.sqrt(variance)
    return group.values - half, group.values + half


def errors(units: TaskUnits) -> FloatArray:
    """(E,) variance of each score; nan where it is unknown, 0 where all units have the same value."""
    if units.n < 2:
        return np.full(len(units.values), np.nan)
    variances = units.values.var(axis=1, ddof=1) / units.n
    constant = [bool(np.isfinite(row).all()) and is_constant(row) for row in units.values]
    return np.where(constant, 0.0, variances)


def notes(rows: Mapping[str, TaskUnits]) -> Iterator[str]:
    """Why numbers are missing or rough, in sentences."""
    yield from _listed(
        "{} {have} no units behind the scores: what they alone rest on has no error.", _with(rows, NOTHING)
    )
    yield from _listed(
        "† {} {have} only scores of repeated experiments: the error is that of repeating them on the same texts.",
        _with(rows, EXPERIMENTS),
    )
    there = {name: units for name, units in rows.items() if units.basis != NOTHING}
    yield from _listed("{} {rest} on one unit: no error can be told.", [n for n, u in there.items() if u.n == 1])
    few = [name for name, units in there.items() if 1 < units.n < FEW and units.basis != EXPERIMENTS]
    yield from _listed(
        f"{{}} {{have}} fewer than {FEW} units: t is rough there, sign flips (--method resample) are exact.", few
    )
    still = [name for name, units in there.items() if units.n > 1 and (errors(units) == 0).any()]
    yield from _listed("{} {have} the same value in every unit of some encoder: that score shows no error.", still)


def _with(rows: Mapping[str, TaskUnits], basis: str) -> list[str]:
    return [name for name, units in rows.items() if units.basis == basis]


def _listed(sentence: str, names: Sequence[str]) -> Iterator[str]:
    """The sentence about some tasks, if there are any; the first three by name."""
    if names:
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        have, rest = ("has", "rests") if len(names) == 1 else ("have", "rest")
        yield sentence.format(shown, have=have, rest=rest)
