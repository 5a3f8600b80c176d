"""What a check of some results could decide: the spread of paired differences, units needed, chances.

Everything here is about the one-sided tests of `verdicts`: a *pass* is tested at alpha; a *regression* at alpha over
the number of lines, where Holm's method starts and which no later step of it undercuts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from evalkit.errors import EvalkitError
from evalkit_leaderboard.check.evidence import TASKS
from evalkit_leaderboard.check.looks import look_alphas
from evalkit_leaderboard.check.power_spread import GIVEN, Assumption, Spread, over_tasks, spread_of
from evalkit_leaderboard.check.settings import MEAN
from evalkit_leaderboard.frame import align, select
from evalkit_leaderboard.outlook import outlook
from evalkit_leaderboard.phrases import counted
from evalkit_leaderboard.significance.distributions import t_above, t_quantile
from evalkit_leaderboard.units import EXPERIMENTS, IMPORTED, NOTHING, UNITS, TaskUnits, task_units

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit_leaderboard.check.settings import Settings
    from evalkit_leaderboard.frame import Frame, Located

TIMES = 2.0
"""How many margins a candidate loses that should be found: at a loss of just the margin nothing is to be proven."""


class Ability(StrEnum):
    """Whether a line of a check can do its work with the units there are."""

    CAN = "can"
    """A candidate that is no different passes and one that loses twice the margin is found, each with the power."""
    NEEDS = "needs"
    """With more units it could."""
    NEVER = "never"
    """Nothing to test, or nothing that could be lost would be noticed."""


class Kind(StrEnum):
    """What a line is about."""

    TASK = "task"
    MEAN = "mean"
    """The mean over all tasks."""
    SUITE = "suite"
    """The mean over the tasks of an installed suite."""


@dataclass(frozen=True)
class Plan:
    """What one of the two tests can do.

    Attributes:
        level: Error rate that it is made at.
        detectable: To pass: the smallest margin at which a candidate passes that is no different. To find: the
            smallest true loss that is found. Both with the power asked for.
        needed: Units at which it happens with that power: for the margin, and for a loss of `TIMES` margins.
        chance: Chance of it with the units there are.
    """

    level: float
    detectable: float
    needed: int
    chance: float


@dataclass(frozen=True)
class Forecast:
    """One task, or the mean over tasks. None is a number that there is not; `reason` says why.

    Attributes:
        name: The task, `settings.MEAN`, or the suite.
        kind: Which of these.
        type: Task type; empty for a mean.
        metric: The main score; empty for a mean.
        margin: How much worse is tolerated.
        ability: Whether a check can decide it.
        reason: One sentence that says why not, or what limits it.
        n: Units that there are.
        unit: What one of them is called.
        basis: units, experiments, tasks or nothing.
        score: The best encoder's score: the most that can be lost.
        spread: Of the paired differences.
        se: Standard error that a difference will have.
        df: Its degrees of freedom.
        passing: What it takes to pass a candidate that is no different.
        finding: What it takes to find one that loses `TIMES` margins.
    """

    name: str
    kind: Kind
    type: str
    metric: str
    margin: float
    ability: Ability = Ability.NEVER
    reason: str = ""
    n: int = 0
    unit: str = "unit"
    basis: str = NOTHING
    score: float | None = None
    spread: Spread | None = None
    se: float | None = None
    df: float | None = None
    passing: Plan | None = None
    finding: Plan | None = None

    @property
    def needed(self) -> int | None:
        """Units at which both happen with the power asked for."""
        if self.passing is None or self.finding is None:
            return None
        return max(self.passing.needed, self.finding.needed)


@dataclass(frozen=True)
class Outlooks:
    """Everything that `evalkit power` says.

    Attributes:
        settings: What was asked for.
        alpha: Error rate of one look: that of the settings, or the last look's.
        encoders: Labels of the encoders in the results.
        family: How many p values a check of one encoder on these tasks corrects together.
        forecasts: The tasks, their mean where there are two, the suites.
        passes: Chance that a candidate that is no different passes on every line; None where a line tests nothing.
        assumption: What was assumed where pairs of encoders say nothing.
    """

    settings: Settings
    alpha: float
    encoders: tuple[str, ...]
    family: int
    forecasts: tuple[Forecast, ...]
    passes: float | None
    assumption: Assumption


def foresee(
    located: Sequence[Located],
    settings: Settings,
    *,
    assumption: Assumption | None = None,
    suites: Mapping[str, Sequence[str]] | None = None,
) -> Outlooks:
    """What a check of one encoder on the tasks of some results could decide.

    Args:
        located: The results; several encoders on a task show how far paired differences spread.
        settings: Margins, error rates, power, which tasks and encoders.
        assumption: A spread or correlation that was given.
        suites: Task names of each suite; those of which a task is missing here are passed over.

    Raises:
        EvalkitError: A glob matches nothing, or the results do not fit together.
    """
    assumption = assumption or Assumption()
    frame = align(select(located, tasks=settings.tasks, encoders=settings.encoders), among=located)
    alpha = float(look_alphas(settings.looks, settings.alpha, settings.spending)[-1])
    found = {name: _task(frame, column, settings, assumption) for column, name in enumerate(frame.tasks)}
    lines, family = _group(frame, found, Kind.MEAN, MEAN, settings, assumption)
    forecasts = [_planned(line, settings, alpha, family) for line in lines]
    for suite, tasks in (suites or {}).items():
        if tasks and set(tasks) <= set(found):
            members = {name: found[name] for name in frame.tasks if name in tasks}
            own, size = _group(frame, members, Kind.SUITE, suite, settings, assumption)
            forecasts.append(_planned(own[-1], settings, alpha, size))
    return Outlooks(
        settings, alpha, frame.encoders, family, tuple(forecasts), _passes(forecasts[: len(lines)]), assumption
    )


def chance_of(distance: float, se: float, df: float, level: float) -> float:
    """Chance that a one-sided t test proves something that is true by a distance: its power.

    The distance moves Student's t as a whole, in place of the noncentral t, so that chance, detectable difference and
    units needed are one formula, that of `outlook`. From 30 units on, and for levels from .01, it is within .015 of the
    noncentral t.

    Args:
        distance: How far the truth is from the hypothesis, in the units of the score: the margin for a pass of what is
            no different; for a regression the loss less the margin, or the loss itself with `strict`.
        se: Standard error of the difference, above 0.
        df: Its degrees of freedom.
        level: Error rate of the test.
    """
    freedom = max(df, 1.0)
    return float(t_above(t_quantile(1 - level, freedom) - distance / se, freedom))


# -- what there is -----------------------------------------------------------------------------------------------


def _task(frame: Frame, column: int, settings: Settings, assumption: Assumption) -> Forecast:
    """A task without its plans."""
    result, units = frame.task(column), task_units(frame, column)
    task, kind = result.task.name, result.task.type
    bare = Forecast(
        task, Kind.TASK, kind, result.main_score.metric, settings.margin_of(task, kind), score=_best(frame, [column])
    )
    if not units.n or units.basis == NOTHING:
        return replace(bare, reason=_why_nothing(units))
    known = replace(bare, n=units.n, unit=units.unit, basis=units.basis)
    if units.n < 2:
        return replace(known, reason=f"One {units.unit} has no spread.")
    spread = spread_of(units.values, assumption)
    if spread is None:
        return replace(
            known,
            reason=f"No {units.unit} differs from another or between encoders: nothing shows a spread; try --sd.",
        )
    return replace(known, spread=spread, se=spread.sd / math.sqrt(units.n), df=units.n - 1.0)


def _why_nothing(units: TaskUnits) -> str:
    reasons = dict.fromkeys(units.reasons.values()) or {IMPORTED: None}
    return f"{'; '.join(reasons)}.".capitalize()


def _best(frame: Frame, columns: Sequence[int]) -> float | None:
    """The highest score of an encoder, over several tasks the highest mean of one that has them all."""
    means = frame.main[:, list(columns)].mean(axis=1)
    means = means[np.isfinite(means)]
    return float(means.max()) if len(means) else None


def _group(
    frame: Frame, tasks: Mapping[str, Forecast], kind: Kind, name: str, settings: Settings, assumption: Assumption
) -> tuple[list[Forecast], int]:
    """The lines that a check of these tasks has, the mean last, and how many of them it corrects together."""
    lines = list(tasks.values())
    if len(lines) > 1 or kind is Kind.SUITE:
        lines.append(_mean(frame, lines, replace(_EMPTY, name=name, kind=kind, margin=_margin(settings)), assumption))
    tested = sum(line.se is not None for line in lines)
    return lines, tested - (1 if len(tasks) == 1 and len(lines) == 2 else 0)


_EMPTY = Forecast("", Kind.MEAN, "", "", 0.0)


def _margin(settings: Settings) -> float:
    return settings.margin_of(MEAN)


def _mean(frame: Frame, tasks: Sequence[Forecast], bare: Forecast, assumption: Assumption) -> Forecast:
    """The mean over some tasks without its plans: from their units, or with the tasks as the sample."""
    columns = [frame.tasks.index(task.name) for task in tasks]
    bare = replace(bare, score=_best(frame, columns))
    parts = [(task.spread, task.n) for task in tasks]
    nouns = {task.unit for task in tasks}
    if all(spread is not None for spread, _ in parts):
        spread, df = over_tasks([(spread, n) for spread, n in parts if spread is not None])
        n = sum(n for _, n in parts)
        basis = UNITS if all(task.basis == UNITS for task in tasks) else EXPERIMENTS
        known = replace(bare, n=n, unit=nouns.pop() if len(nouns) == 1 else "unit", basis=basis)
        return replace(known, spread=spread, se=spread.sd / math.sqrt(n), df=df)
    known = replace(bare, n=len(tasks), unit="task", basis=TASKS)
    if assumption.source == GIVEN:
        return replace(known, reason="Not every task has units, and --sd is a spread of units, not of tasks.")
    tasks_spread = spread_of(frame.main[:, columns], assumption) if len(tasks) > 1 else None
    if tasks_spread is None:
        return replace(known, reason="Not every task has units, and too few tasks are there to stand for them.")
    note = "Not every task has units, so that the tasks are the sample."
    return replace(
        known, spread=tasks_spread, se=tasks_spread.sd / math.sqrt(len(tasks)), df=len(tasks) - 1.0, reason=note
    )


# -- what it can do ----------------------------------------------------------------------------------------------


def _planned(line: Forecast, settings: Settings, alpha: float, family: int) -> Forecast:
    """A line with its plans and what follows from them."""
    if line.se is None or line.df is None:
        return line
    tolerated = 0.0 if settings.strict else line.margin
    passing = _plan(line, line.margin, alpha, settings.power)
    found = _plan(line, TIMES * line.margin - tolerated, alpha / max(family, 1), settings.power)
    finding = replace(found, detectable=found.detectable + tolerated)
    ability, reason = _ability(line, passing, finding, tolerated)
    return replace(line, passing=passing, finding=finding, ability=ability, reason=reason or line.reason)


def _plan(line: Forecast, distance: float, level: float, power: float) -> Plan:
    """What one test can do where the truth is a distance away from its hypothesis."""
    if line.se is None or line.df is None:
        raise ValueError("A plan needs a standard error.")
    now = outlook(distance, line.se, line.n, line.df, alpha=2 * level, power=power)
    needed = now.needed or line.n
    if now.detectable <= distance:  # what there is settles it: perhaps fewer would
        alone = outlook(distance, line.se * math.sqrt(line.n / 2), 2, 1.0, alpha=2 * level, power=power)
        needed = min(alone.needed or line.n, line.n)
    return Plan(level, now.detectable, needed, chance_of(distance, line.se, line.df, level))


def _ability(line: Forecast, passing: Plan, finding: Plan, tolerated: float) -> tuple[Ability, str]:
    if line.score is not None and line.score <= tolerated:
        return Ability.NEVER, f"The best score is {line.score:.4f}: even losing all of it stays within the margin."
    if line.score is not None and line.score < finding.detectable:
        has = counted(line.n, line.unit)
        return Ability.NEVER, f"The best score is {line.score:.4f}: {has} would not notice the loss of all of it."
    enough = line.n >= max(passing.needed, finding.needed)
    return (Ability.CAN if enough else Ability.NEEDS), ""


def _passes(lines: Sequence[Forecast]) -> float | None:
    """Chance that every line passes.

    Tasks have units of their own, so that they pass independently; their mean goes with them, so that the product is a
    lower bound for all together (Slepian 1962).
    """
    if any(line.passing is None for line in lines):
        return None
    return float(np.prod([line.passing.chance for line in lines if line.passing is not None]))


def check_assumption(sd: float | None, correlation: float | None) -> Assumption:
    """What was given on the command line.

    Raises:
        EvalkitError: Both were given, or one is out of range.
    """
    if sd is not None and correlation is not None:
        raise EvalkitError(
            "--sd and --correlation exclude each other.", hint="--sd is the spread itself, --correlation leads to it."
        )
    if sd is not None and not 0 < sd < math.inf:
        raise EvalkitError(f"--sd must be above 0, not {sd:g}.", hint="It is the spread of one unit's differences.")
    if correlation is not None and not -1 < correlation < 1:
        raise EvalkitError(
            f"--correlation must be between -1 and 1, not {correlation:g}.",
            hint="0.8 is usual for an encoder and its next version.",
        )
    return Assumption(sd=sd, correlation=correlation)
