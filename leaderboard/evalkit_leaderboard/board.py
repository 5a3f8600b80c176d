"""Everything that a leaderboard shows: the overall standing, a standing for each column, and what is proven."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import isnan
from typing import TYPE_CHECKING

from evalkit.errors import EvalkitError
from evalkit_leaderboard import on_like, on_these
from evalkit_leaderboard.aggregate import Means, means
from evalkit_leaderboard.options import Aggregate, By, Family, Method, Options, Question
from evalkit_leaderboard.points import in_points
from evalkit_leaderboard.proof import Proof, proven
from evalkit_leaderboard.standing import Group, Standing
from evalkit_leaderboard.units import IMPORTED, NOTHING, UNITS, TaskUnits, task_units

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from evalkit.types import IntArray
    from evalkit_leaderboard.frame import Frame

BORDA = (Aggregate.BORDA, Aggregate.BORDA_SHARED)


@dataclass(frozen=True, eq=False)
class Board:
    """A leaderboard.

    Attributes:
        frame: The scores.
        means: mteb's means of them.
        order: (E,) rows, best first: those with a number by it, then the others by what they share with the rest.
        options: What was asked for.
        question: The question that is answered.
        units: What the scores of each task rest on.
        overall: The standing on all tasks.
        columns: The standings on the columns.
        reference: Row that the marks compare with: the baseline, or the first row.
        proof: What is proven against it.
        notes: What the reader has to know, in sentences.
    """

    frame: Frame
    means: Means
    order: tuple[int, ...]
    options: Options
    question: Question
    units: Mapping[str, TaskUnits]
    overall: Standing
    columns: tuple[Standing, ...]
    reference: int
    proof: Proof
    notes: tuple[str, ...]

    @property
    def in_points(self) -> bool:
        """Whether the headline is a Borda count."""
        return self.options.aggregate in BORDA

    @cached_property
    def tiers(self) -> IntArray:
        """(E,) tier of each row, 0 where nothing is known."""
        return self.overall.tiers(self.options.alpha)

    @cached_property
    def ranks(self) -> tuple[IntArray, IntArray]:
        """(E,) twice: best and worst rank of each row, so that all rows hold together."""
        return self.overall.ranks(self.options.alpha, simultaneous=True)

    @cached_property
    def marginal_ranks(self) -> tuple[IntArray, IntArray]:
        """(E,) twice: best and worst rank of each row, each holding by itself."""
        return self.overall.ranks(self.options.alpha, simultaneous=False)


def build(frame: Frame, options: Options) -> Board:
    """The leaderboard of a frame.

    Raises:
        EvalkitError: The baseline is not there, results have other units, or the options contradict each other.
    """
    _check(options)
    units = {name: task_units(frame, column) for column, name in enumerate(frame.tasks)}
    question = options.question or _question(units)
    found = means(frame)
    groups = list(_groups(frame, units, options.by))
    headline = _headline(frame, units, options.aggregate)
    overall, columns = _standings(headline, groups, question, options)
    order = _order(frame, overall)
    reference = order[0] if options.baseline is None else frame.row(options.baseline)
    proof = proven(overall, columns, reference, options)
    notes = (*overall.notes, *on_these.notes(units), *_left_out(frame, units))
    return Board(frame, found, order, options, question, units, overall, columns, reference, proof, notes)


def _left_out(frame: Frame, units: Mapping[str, TaskUnits]) -> Iterator[str]:
    """Results whose units cannot stand beside those of the others."""
    found = [
        f"{frame.encoders[row]} on {name} ({reason})"
        for name, task in units.items()
        for row, reason in sorted(task.reasons.items())
        if task.basis == UNITS or reason != IMPORTED
    ]
    if found:
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        yield f"Shown but not compared: {', '.join(found[:3])}{more}."


def _check(options: Options) -> None:
    if not 0 < options.alpha < 1:
        raise EvalkitError(f"--alpha must be between 0 and 1, not {options.alpha}.", hint="0.05 is usual.")
    if options.family is Family.BASELINE and options.baseline is None:
        raise EvalkitError("--family baseline needs a baseline.", hint="Name it: --baseline ENCODER.")


def _question(units: Mapping[str, TaskUnits]) -> Question:
    """*These tasks* wherever the units can answer it."""
    unanswerable = any(task.basis == NOTHING for task in units.values())
    return Question.LIKE if unanswerable else Question.THESE


def _headline(frame: Frame, units: Mapping[str, TaskUnits], aggregate: Aggregate) -> Group:
    """All tasks, as the aggregate wants them."""
    group = Group("overall", frame.tasks, frame.types, frame.main, units)
    if aggregate is Aggregate.MEAN_TYPE:
        return replace(group, by_type=True)
    return in_points(group, aggregate) if aggregate in BORDA else group


def _groups(frame: Frame, units: Mapping[str, TaskUnits], by: By) -> Iterator[Group]:
    """The tasks of each column."""
    if by is By.TASK:
        for column, name in enumerate(frame.tasks):
            yield Group(name, (name,), (frame.types[column],), frame.main[:, [column]], units)
    elif by is By.TYPE:
        for kind in dict.fromkeys(frame.types):
            at = [column for column, of in enumerate(frame.types) if of == kind]
            names = tuple(frame.tasks[column] for column in at)
            yield Group(kind, names, (kind,) * len(at), frame.main[:, at], units)
    elif by is By.LANGUAGE:
        for code in frame.languages():
            part = frame.in_language(code)
            its_units = {name: task_units(part, column) for column, name in enumerate(part.tasks)}
            yield Group(code, part.tasks, part.types, part.main, its_units)


def _standings(
    headline: Group, groups: list[Group], question: Question, options: Options
) -> tuple[Standing, tuple[Standing, ...]]:
    method = Method.ANALYTIC if headline.given is not None else options.method
    stand = on_like.stand if question is Question.LIKE else on_these.stand
    overall = stand(headline, method, options.alpha, headline=True)
    return overall, tuple(_column(group, question, options) for group in groups)


def _column(group: Group, question: Question, options: Options) -> Standing:
    """A single task is itself, whatever the question: nothing in it tells of others."""
    stand = on_like.stand if question is Question.LIKE and len(group.tasks) > 1 else on_these.stand
    return stand(group, options.method, options.alpha)


def _order(frame: Frame, overall: Standing) -> tuple[int, ...]:
    strength = overall.strength()

    def key(row: int) -> tuple[bool, float, bool, float, str]:
        value, known = overall.values[row], not isnan(strength[row])
        missing = isnan(value)
        return missing, 0.0 if missing else -value, not known, -strength[row] if known else 0.0, frame.encoders[row]

    return tuple(sorted(range(len(frame.encoders)), key=key))
