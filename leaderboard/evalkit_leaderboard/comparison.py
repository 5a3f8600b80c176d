"""Two encoders, task by task and over all tasks: difference, interval, p, verdict, and what would settle the rest.

Every task is compared on its units where both encoders have them, on repeated experiments where published results
have only those, and otherwise by its two scores alone, which prove nothing. The tasks' p values are corrected together
(Holm); the two overall lines answer two questions, each with a test of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from evalkit.errors import EvalkitError
from evalkit_leaderboard.hardest import HardUnit, PairedCell, described, hardest, paired_cells
from evalkit_leaderboard.outlook import Outlook, outlook
from evalkit_leaderboard.significance import (
    Outcome,
    Paired,
    Posterior,
    analytic_board,
    effects,
    holm,
    like_these_pairs,
    seed_of,
    signed_rank_posterior,
    wilcoxon,
)
from evalkit_leaderboard.significance.paired import compare
from evalkit_leaderboard.units import EXPERIMENTS, NOTHING, UNITS, TaskUnits, task_units

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit_leaderboard.compare_sides import Sides
    from evalkit_leaderboard.frame import Frame
    from evalkit_leaderboard.hardest import Texts
    from evalkit_leaderboard.significance import Pairs

ALPHA = 0.05
ROPE = 0.01
"""Differences of a task's score within this are practically none, for the Bayesian view over tasks."""
FEW_TASKS = 6
"""With fewer tasks a signed-rank test cannot reach p = .05."""
THESE = "mean, these tasks"
LIKE = "mean, tasks like these"
TASKS = "tasks"


class Verdict(StrEnum):
    """What is proven."""

    A = "A better"
    B = "B better"
    OPEN = "cannot be told apart"
    UNKNOWN = "nothing can be said"


@dataclass(frozen=True)
class Counts:
    """On how many units (or tasks) A is better, the two are equal, B is better."""

    wins: int
    ties: int
    losses: int


@dataclass(frozen=True)
class Line:
    """One comparison. None is a number that there is not, and `note` says why.

    Attributes:
        name: The task, or which overall mean it is.
        a: Score of A.
        b: Score of B.
        difference: A less B.
        basis: What the error rests on: units, experiments, tasks or nothing.
        unit: What one of them is called.
        n: How many there are.
        se: Standard error of the difference.
        df: Its degrees of freedom.
        low: Lower end of its interval, for this comparison alone.
        high: Upper end.
        p: p value of this comparison alone.
        p_adjusted: Corrected for all tasks together; for an overall line the same as `p`.
        d_z: Difference over the standard deviation of the paired differences.
        counts: On how many units each is better.
        method: Where `p` comes from.
        verdict: What is proven.
        outlook: What would settle it, where it is open.
        note: A sentence.
    """

    name: str
    a: float
    b: float
    difference: float
    basis: str
    unit: str = "unit"
    n: int = 0
    se: float | None = None
    df: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_adjusted: float | None = None
    d_z: float | None = None
    counts: Counts | None = None
    method: str = ""
    verdict: Verdict = Verdict.UNKNOWN
    outlook: Outlook | None = None
    note: str = ""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Everything that the page of a comparison shows.

    Attributes:
        sides: The two encoders and their results.
        alpha: Error rate of what is called proven.
        tasks: One line a task.
        overall: The mean over the tasks, for *these tasks* and for *tasks like these*.
        family: How many tasks were corrected together.
        signed_rank: Wilcoxon's test over tasks.
        posterior: The Bayesian signed-rank test over tasks.
        units: The units that differ most, by task; only tasks with units.
        pseudo: Tasks whose units have pseudo-values rather than scores of their own.
        notes: Why texts are missing, in sentences.
    """

    sides: Sides
    alpha: float
    tasks: tuple[Line, ...]
    overall: tuple[Line, ...]
    family: int
    signed_rank: Outcome
    posterior: Posterior
    units: Mapping[str, tuple[HardUnit, ...]]
    pseudo: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def types(self) -> tuple[str, ...]:
        """Type of each task."""
        return self.sides.frame.types


def compare_sides(sides: Sides, *, alpha: float = ALPHA, units: int = 10, texts: Texts | None = None) -> Comparison:
    """Compare two encoders on the tasks that both have.

    Args:
        sides: The encoders and their results.
        alpha: Error rate of what is called proven, one less the coverage of the intervals.
        units: How many units to name for each task.
        texts: Where their texts are found; None shows none.

    Raises:
        EvalkitError: alpha is no error rate, units is negative, or results are on other units.
    """
    _check(alpha, units)
    frame = sides.frame
    rests_on = {name: task_units(frame, column) for column, name in enumerate(frame.tasks)}
    cells = {name: _cells(frame, column, rests_on[name]) for column, name in enumerate(frame.tasks)}
    lines = [_task(frame, column, rests_on[name], cells[name], alpha) for column, name in enumerate(frame.tasks)]
    tasks, family = _corrected(lines, alpha)
    differences = frame.main[0] - frame.main[1]
    found, notes = _hard_units(frame, cells, units, texts)
    return Comparison(
        sides=sides,
        alpha=alpha,
        tasks=tasks,
        overall=(_these(frame, rests_on, lines, alpha), _like_these(frame, alpha)),
        family=family,
        signed_rank=wilcoxon(differences),
        posterior=signed_rank_posterior(differences, rope=ROPE, seed=seed_of("compare", "signed rank", *frame.tasks)),
        units=found,
        pseudo=tuple(name for name, of in cells.items() if of and not all(cell.is_mean for cell in of)),
        notes=notes,
    )


def _check(alpha: float, units: int) -> None:
    if not 0 < alpha < 1:
        raise EvalkitError(f"--alpha must be between 0 and 1, not {alpha}.", hint="0.05 is usual.")
    if units < 0:
        raise EvalkitError(f"--units must be at least 0, not {units}.", hint="0 shows none.")


# -- one task ----------------------------------------------------------------------------------------------------


def _cells(frame: Frame, column: int, rests_on: TaskUnits) -> list[PairedCell]:
    """The cells with their units; none where an encoder lacks them."""
    return paired_cells(frame, column) if rests_on.basis == UNITS and _both(rests_on) else []


def _both(rests_on: TaskUnits) -> bool:
    return rests_on.n > 0 and bool(np.isfinite(rests_on.values).all())


def _task(frame: Frame, column: int, rests_on: TaskUnits, cells: list[PairedCell], alpha: float) -> Line:
    name, (a, b) = frame.tasks[column], (float(score) for score in frame.main[:, column])
    line = Line(name, a, b, a - b, NOTHING)
    if not _both(rests_on):
        return replace(line, note=_why_nothing(rests_on))
    first, second = rests_on.values
    found = compare(first, second, alpha=alpha, seed=seed_of(name, "sign flips"), confirm=False)
    return replace(
        line,
        basis=rests_on.basis,
        unit=rests_on.unit,
        n=found.n,
        se=found.se,
        df=found.n - 1,
        low=found.low,
        high=found.high,
        p=found.p,
        d_z=found.d_z,
        method=found.method,
        note=found.note,
        counts=_counts(found, cells),
    )


def _counts(found: Paired, cells: Sequence[PairedCell]) -> Counts:
    """Wins, ties and losses; of a task with units by the units' own values, which no centring of cells has moved."""
    if not cells:
        return Counts(found.wins, found.ties, found.losses)
    each = [effects(cell.values) for cell in cells]
    wins, ties = (int(sum(matrix[0, 1] for matrix in of)) for of in zip(*((e.wins, e.ties) for e in each), strict=True))
    return Counts(wins, ties, found.n - wins - ties)


def _why_nothing(rests_on: TaskUnits) -> str:
    reasons = [rests_on.reasons.get(row, "") for row in (0, 1)]
    said = [f"{letter}: {reason}" for letter, reason in zip("AB", reasons, strict=True) if reason]
    because = reasons[0] if len(set(reasons)) == 1 else "; ".join(said)
    return f"only the two scores are known ({because})." if because else "only the two scores are known."


def _corrected(lines: Sequence[Line], alpha: float) -> tuple[tuple[Line, ...], int]:
    """The lines with p values corrected together, verdicts and outlooks; and how many there were to correct."""
    p = np.array([np.nan if line.p is None else line.p for line in lines])
    family = int((~np.isnan(p)).sum())
    judged = (
        _judged(replace(line, p_adjusted=None if math.isnan(each) else float(each)), alpha, alpha / max(family, 1))
        for line, each in zip(lines, holm(p), strict=True)
    )
    return tuple(judged), family


def _judged(line: Line, alpha: float, level: float) -> Line:
    """The line with its verdict, and its outlook where it is open."""
    if line.p_adjusted is None:
        # All units alike is an answer; one unit or none is not.
        same = line.n > 1 and line.counts is not None and line.counts.wins == line.counts.losses == 0
        return replace(line, verdict=Verdict.OPEN if same else Verdict.UNKNOWN)
    if line.p_adjusted <= alpha and line.difference:
        return replace(line, verdict=Verdict.A if line.difference > 0 else Verdict.B)
    if not line.se or line.df is None:
        return replace(line, verdict=Verdict.OPEN)
    flips = line.method == "sign flips"
    ahead = outlook(line.difference, line.se, line.n, line.df, alpha=level, flips=flips)
    return replace(line, verdict=Verdict.OPEN, outlook=ahead)


# -- all tasks ---------------------------------------------------------------------------------------------------


def _these(frame: Frame, rests_on: Mapping[str, TaskUnits], lines: Sequence[Line], alpha: float) -> Line:
    """These tasks, other units: the errors of the tasks together."""
    line = _mean(frame, THESE)
    without = [name for name, units in rests_on.items() if not _both(units)]
    if without:
        more = f" and {len(without) - 1} more" if len(without) > 1 else ""
        have = "has" if len(without) == 1 else "have"
        return replace(line, note=f"{without[0]}{more} {have} no units of both: no error of this mean is known.")
    bases = dict.fromkeys(units.basis for units in rests_on.values())
    nouns = list(dict.fromkeys(units.unit for units in rests_on.values()))
    pairs = analytic_board({name: units.values for name, units in rests_on.items()}).overall
    counts = [each.counts for each in lines if each.counts is not None]
    total = Counts(sum(c.wins for c in counts), sum(c.ties for c in counts), sum(c.losses for c in counts))
    basis = " and ".join(name for name in (UNITS, EXPERIMENTS) if name in bases)
    line = replace(
        line, basis=basis, unit=nouns[0] if len(nouns) == 1 else "unit", n=sum(each.n for each in lines), counts=total
    )
    return _tested(line, pairs, alpha)


def _like_these(frame: Frame, alpha: float) -> Line:
    """Other tasks of the same types: the spread between tasks."""
    line = replace(_mean(frame, LIKE), basis=TASKS, unit="task", n=len(frame.tasks), counts=_tasks_won(frame))
    if len(set(frame.types)) == len(frame.types):
        reason = "One task is" if len(frame.tasks) == 1 else "No type has two tasks, and one task of a type is"
        return replace(line, note=f"{reason} no sample: how tasks like these vary is unknown.")
    found = _tested(line, like_these_pairs(frame.main, types=frame.types, draws=0), alpha)
    return replace(found, d_z=None if found.se is None else found.difference / (found.se * math.sqrt(found.n)))


def _mean(frame: Frame, name: str) -> Line:
    a, b = (float(score) for score in frame.main.mean(axis=1))
    return Line(name, a, b, a - b, NOTHING)


def _tasks_won(frame: Frame) -> Counts:
    signs = np.sign(frame.main[0] - frame.main[1])
    return Counts(int((signs > 0).sum()), int((signs == 0).sum()), int((signs < 0).sum()))


def _tested(line: Line, pairs: Pairs, alpha: float) -> Line:
    """The line with the numbers of the first model against the second."""
    low, high = (_known(ends[0, 1]) for ends in pairs.interval(alpha))
    se, p = _known(pairs.se[0, 1]), _known(pairs.p[0, 1])
    note = "" if se else "The two do not differ in any unit, or one task has a single one: no error is known."
    numbers = replace(line, low=low, high=high, se=se or None, df=_known(pairs.df[0, 1]), p=p, p_adjusted=p)
    known = replace(numbers, method="t", note=note)
    return _judged(known, alpha, alpha)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


# -- units -------------------------------------------------------------------------------------------------------


def _hard_units(
    frame: Frame, cells: Mapping[str, list[PairedCell]], count: int, texts: Texts | None
) -> tuple[dict[str, tuple[HardUnit, ...]], tuple[str, ...]]:
    """The units of every task that differ most, and why their texts are missing."""
    units, notes = {}, []
    for column, (name, of_task) in enumerate(cells.items()):
        found = hardest(of_task, count)
        if not found:
            continue
        shown: list[str | None] = [None] * len(found)
        if texts is not None:
            shown, reason = texts.of(frame.task(column), found)
            notes += [reason] if reason else []
        units[name] = tuple(described(cell, row, text) for (cell, row), text in zip(found, shown, strict=True))
    return units, tuple(notes)
