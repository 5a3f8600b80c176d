"""What is known of each task's difference: its size, its standard error, and what that rests on.

A task with units has the error of its paired units; published results have at most that of repeated experiments. The
mean over tasks has the errors of its tasks together. Where a task has none, the tasks themselves are the sample.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from evalkit_leaderboard.check.comparable import is_identical, why_incomparable
from evalkit_leaderboard.check.settings import MEAN
from evalkit_leaderboard.frame import Frame, align
from evalkit_leaderboard.significance import compare, t_interval
from evalkit_leaderboard.significance.paired import unit_differences
from evalkit_leaderboard.significance.sparse import with_two_more
from evalkit_leaderboard.units import EXPERIMENTS, NOTHING, UNITS, TaskUnits, task_units

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.schema import Result
    from evalkit_leaderboard.check.pairing import Pair
    from evalkit_leaderboard.check.settings import Settings
    from evalkit_leaderboard.frame import Located

TASKS = "tasks"


@dataclass(frozen=True, eq=False)
class Evidence:
    """One difference, candidate less baseline, as far as it is known.

    Attributes:
        name: The task, or `settings.MEAN`.
        type: Task type; empty for the mean.
        metric: The main score; empty for the mean.
        margin: How much worse is tolerated.
        baseline: Score of the baseline.
        candidate: Score of the candidate.
        se: Standard error of the difference, above 0; None where it is unknown or every unit differs by the same.
        df: Its degrees of freedom.
        cautious: Difference and standard error that a pass is tested with instead, where few units changed.
        n: Units that it rests on.
        unit: What one of them is called.
        basis: units, experiments, tasks or nothing.
        identical: Whether everything agrees bit for bit.
        incomparable: Why the two cannot be compared; empty where they can.
        note: Why no error is known, as a sentence.
    """

    name: str
    type: str
    metric: str
    margin: float
    baseline: float | None = None
    candidate: float | None = None
    se: float | None = None
    df: float | None = None
    cautious: tuple[float, float] | None = None
    n: int = 0
    unit: str = "unit"
    basis: str = NOTHING
    identical: bool = False
    incomparable: str = ""
    note: str = ""

    @property
    def difference(self) -> float | None:
        """Candidate less baseline."""
        if self.baseline is None or self.candidate is None:
            return None
        return self.candidate - self.baseline


@dataclass(frozen=True, eq=False)
class PairEvidence:
    """What is known of one pair of encoders.

    Attributes:
        tasks: One entry a task of the baseline.
        mean: The mean over the comparable tasks; None with fewer than two.
        frame: Row 0 the baseline, row 1 the candidate, on the comparable tasks; None without any.
    """

    tasks: tuple[Evidence, ...]
    mean: Evidence | None
    frame: Frame | None


def gather(pair: Pair, settings: Settings) -> PairEvidence:
    """Evidence on every task of a pair, and on their mean."""
    shells = {task: _shell(task, *located, settings) for task, located in pair.results.items()}
    comparable = [task for task, shell in shells.items() if not shell.incomparable]
    if not comparable:
        return PairEvidence(tuple(shells.values()), None, None)
    frame = _frame(pair, comparable)
    units = {task: task_units(frame, column) for column, task in enumerate(frame.tasks)}
    found = {task: _measured(shells[task], units[task]) for task in comparable}
    mean = _mean([found[task] for task in comparable], units, settings) if len(comparable) > 1 else None
    return PairEvidence(tuple(found.get(task, shell) for task, shell in shells.items()), mean, frame)


def _shell(task: str, old: Located, new: Located | None, settings: Settings) -> Evidence:
    """What the two records say without a look at their units."""
    baseline, candidate = old[1], None if new is None else new[1]
    kind, metric = baseline.task.type, baseline.main_score.metric
    bare = Evidence(task, kind, metric, settings.margin_of(task, kind), baseline.main_score.value)
    if candidate is None:
        return replace(bare, incomparable="The candidate has no result.")
    return replace(
        bare,
        candidate=candidate.main_score.value,
        incomparable=why_incomparable(baseline, candidate),
        identical=is_identical(baseline, candidate),
    )


def _frame(pair: Pair, tasks: Sequence[str]) -> Frame:
    """Both sides as two encoders, also where one and the same encoder is on both."""
    located = [
        _renamed(each, f"{side} {number}")
        for number, side in enumerate(("baseline", "candidate"))
        for task in tasks
        if (each := pair.results[task][number]) is not None
    ]
    return align(located)


def _renamed(located: Located, name: str) -> Located:
    path, result = located
    encoder = result.encoder.model_copy(update={"name": name})
    renamed: Result = result.model_copy(update={"encoder": encoder})
    return path, renamed


def _both(units: TaskUnits) -> bool:
    return units.n > 0 and bool(np.isfinite(units.values).all())


def _measured(shell: Evidence, units: TaskUnits) -> Evidence:
    if not _both(units):
        return replace(shell, note=_why_nothing(units))
    baseline, candidate = units.values
    found = compare(candidate, baseline, confirm=False)
    known = replace(shell, n=found.n, unit=units.unit, basis=units.basis)
    if found.se is None:
        return replace(known, note=found.note)
    cautious = with_two_more(unit_differences(candidate, baseline)) if units.basis == UNITS else None
    return replace(known, se=found.se, df=float(found.n - 1), cautious=cautious)


def _why_nothing(units: TaskUnits) -> str:
    reason = next((units.reasons[row] for row in (0, 1) if row in units.reasons), "")
    because = f", since {reason}" if reason else ""
    return f"Only the two scores are known{because}: they prove nothing."


def _mean(tasks: Sequence[Evidence], units: dict[str, TaskUnits], settings: Settings) -> Evidence:
    scores = [(task.baseline, task.candidate) for task in tasks]
    baseline, candidate = (float(np.mean([score[side] for score in scores])) for side in (0, 1))
    mean = Evidence(MEAN, "", "", settings.margin_of(MEAN), baseline, candidate)
    if all(task.identical for task in tasks):
        return replace(mean, identical=True, n=len(tasks), unit="task", basis=TASKS)
    changed = [task for task in tasks if not task.identical]
    if any(task.n < 2 for task in changed):
        return _over_tasks(mean, [task.difference or 0.0 for task in tasks])
    nouns = {of.unit for of in units.values() if of.n}
    se, df = _joint_error(changed, len(tasks))
    return replace(
        mean,
        se=se,
        df=df,
        n=sum(of.n for of in units.values()),
        unit=nouns.pop() if len(nouns) == 1 else "unit",
        basis=UNITS if all(task.basis == UNITS for task in changed) else EXPERIMENTS,
    )


def _joint_error(changed: Sequence[Evidence], count: int) -> tuple[float | None, float | None]:
    """Standard error and degrees of freedom (Welch 1938, Satterthwaite 1946) of a mean over independent tasks.

    Args:
        changed: The tasks that add to the error: all but the identical ones.
        count: How many tasks the mean is over.
    """
    known = [(task.se**2, task.df) for task in changed if task.se is not None and task.df is not None]
    total = sum(variance for variance, _ in known)
    if not total > 0:
        return None, None
    return math.sqrt(total) / count, total**2 / sum(variance**2 / df for variance, df in known)


def _over_tasks(mean: Evidence, differences: list[float]) -> Evidence:
    """The tasks as a sample of tasks, where not all have an error of their own."""
    interval = t_interval(np.array(differences))
    note = "Not every task has two units or more, so that the mean's error is that of drawing other tasks."
    known = replace(mean, n=len(differences), unit="task", basis=TASKS, note=note)
    if interval.se is None:
        return replace(known, note=interval.note or note)
    return replace(known, se=interval.se, df=float(interval.n - 1))
