"""A comparison in words and tables for people, and as JSON for programs."""

from __future__ import annotations

import platform
from dataclasses import asdict, astuple
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.fingerprint import short
from evalkit_leaderboard import geometry_page, phrases
from evalkit_leaderboard.comparison import FEW_TASKS, ROPE, THESE, Line, Verdict
from evalkit_leaderboard.outlook import POWER, Outlook
from evalkit_leaderboard.phrases import (
    MISSING,
    Table,
    counted,
    interval,
    p_value,
    score,
    signed,
    some,
    unit_name,
    what_it_is,
)
from evalkit_leaderboard.units import EXPERIMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from evalkit_leaderboard.comparison import Comparison
    from evalkit_leaderboard.geometry import Geometry
    from evalkit_leaderboard.hardest import HardUnit

LEFT = 3
"""Columns of the table of tasks that are text."""
LEFT_UNITS = 2


# -- for people --------------------------------------------------------------------------------------------------


def heading(comparison: Comparison) -> Iterator[str]:
    """Who is compared, and what came out."""
    frame = comparison.sides.frame
    for row, letter in enumerate("AB"):
        fingerprint = frame.encoder(row).fingerprint
        yield f"{letter}  {frame.encoders[row]}  ({short(fingerprint) if fingerprint else 'no fingerprint'})"
    yield ""
    yield _outcome(comparison)


def task_table(comparison: Comparison) -> Table:
    """One row a task, and the overall lines below them."""
    level = f"{100 * (1 - comparison.alpha):g} % interval"
    headers = ("task", "verdict", "rests on", "A", "B", "A - B", level, "p", "d_z", "A wins / ties / B wins")
    rows = tuple(_row(line) for line in (*comparison.tasks, *comparison.overall))
    return Table("", headers, rows, LEFT)


def notes(comparison: Comparison) -> Iterator[str]:
    """How to read the table, and what is missing in it."""
    yield from _methods(comparison)
    yield from _over_tasks(comparison)
    if any(line.basis == EXPERIMENTS for line in comparison.tasks):
        yield "Experiments stand for units that were not published: their error is that of drawing samples, not texts."
    yield from (f"{some(names, 2)}: {note}" for note, names in _noted(comparison).items())
    yield from _left_out(comparison)


def settling(comparison: Comparison) -> Iterator[str]:
    """What would settle what is open."""
    for line in (*comparison.tasks, *comparison.overall):
        if line.outlook is not None:
            yield f"{line.name}: {_what_it_takes(line, line.outlook)}"


def settling_title() -> str:
    """What stands above these sentences."""
    return phrases.settling_title(POWER)


def unit_tables(comparison: Comparison) -> Iterator[Table]:
    """For each task the units that differ most."""
    nouns = {line.name: line.unit for line in comparison.tasks}
    for name, units in comparison.units.items():
        title = f"{name}: where they differ most"
        headers = (nouns[name], "what it is", "A", "B", "A - B")
        yield Table(title, headers, tuple(map(_unit_row, units)), LEFT_UNITS)


def unit_notes(comparison: Comparison) -> Iterator[str]:
    """How to read the tables of units."""
    if comparison.pseudo and comparison.units:
        yield (
            "The score of a unit is its own where the task's score is their mean; otherwise "
            f"({', '.join(name for name in comparison.pseudo if name in comparison.units)}) it is its leave-one-out "
            "pseudo-value: how much the unit adds to the score."
        )
    yield from comparison.notes


def _outcome(comparison: Comparison) -> str:
    verdicts = [line.verdict for line in comparison.tasks]
    shared = counted(len(verdicts), "task") + " in common: "
    parts = [f"{verdict} on {verdicts.count(verdict)}" for verdict in (Verdict.A, Verdict.B) if verdict in verdicts]
    open_, unknown = verdicts.count(Verdict.OPEN), verdicts.count(Verdict.UNKNOWN)
    parts += [f"{open_} cannot be told apart"] if open_ else []
    parts += [f"nothing can be said on {unknown}"] if unknown else []
    return shared + ", ".join(parts) + "."


def _row(line: Line) -> tuple[str, ...]:
    return (
        line.name,
        line.verdict.value,
        _rests_on(line),
        score(line.a),
        score(line.b),
        signed(line.difference),
        interval(line.low, line.high),
        p_value(line.p_adjusted),
        MISSING if line.d_z is None else f"{line.d_z:+.2f}",
        MISSING if line.counts is None else " / ".join(f"{count:,}" for count in astuple(line.counts)),
    )


def _rests_on(line: Line) -> str:
    if not line.n:
        return "two scores"
    return ", ".join(part for part in (counted(line.n, line.unit), line.method) if part)


def _methods(comparison: Comparison) -> Iterator[str]:
    if comparison.family:
        yield (
            f"p of the tasks: corrected together by Holm's method over {counted(comparison.family, 'task')}; "
            f"a verdict needs p <= {comparison.alpha:g}. Intervals (Student's t) are each for itself."
        )
    yield "These tasks: would it hold with other units? Tasks like these: would it hold on another such benchmark?"


def _over_tasks(comparison: Comparison) -> Iterator[str]:
    """The classical and the Bayesian view over tasks, where there are tasks enough for either."""
    if len(comparison.tasks) < FEW_TASKS:
        return
    signed_rank = comparison.signed_rank
    if signed_rank.p is not None:
        yield f"Wilcoxon's signed-rank test over {counted(signed_rank.n, 'task')}: p {p_value(signed_rank.p)}."
    chances = comparison.posterior
    if chances.better is not None and chances.equivalent is not None and chances.worse is not None:
        yield (
            f"Bayesian signed-rank test, differences within {ROPE:g} counting as none: A better {chances.better:.3f}, "
            f"practically equal {chances.equivalent:.3f}, B better {chances.worse:.3f}."
        )


def _noted(comparison: Comparison) -> dict[str, list[str]]:
    """The notes, and the lines that each is about: published results would repeat one for every task."""
    found: dict[str, list[str]] = {}
    for line in (*comparison.tasks, *comparison.overall):
        if line.note:
            found.setdefault(line.note, []).append(line.name)
    return found


def _left_out(comparison: Comparison) -> Iterator[str]:
    sides = comparison.sides
    for letter, names in (("A", sides.only_a), ("B", sides.only_b)):
        if names:
            yield f"Left out, as only {letter} has a result: {some(names)}."
    if sides.undefined:
        yield f"Left out, as a score is undefined: {some(sides.undefined)}."


def _what_it_takes(line: Line, outlook: Outlook) -> str:
    shows = f"{counted(line.n, line.unit)} can show a difference of {outlook.detectable:.4f}"
    if outlook.needed is None:
        return f"{shows}; the observed one is 0, which no number settles."
    more = counted(outlook.needed - line.n, f"more {line.unit}")
    shared = " in the same shares of the tasks" if line.name == THESE else ""
    return f"{shows}; one of {abs(line.difference):.4f}, as observed, takes {outlook.needed:,}: {more}{shared}."


def _unit_row(unit: HardUnit) -> tuple[str, ...]:
    return unit_name(unit), what_it_is(unit), score(unit.a), score(unit.b), signed(unit.difference)


# -- for programs ------------------------------------------------------------------------------------------------


def as_json(comparison: Comparison, geometry: Geometry | None = None) -> dict[str, Any]:
    """Everything at full precision; null where there is nothing, or nothing was asked for."""
    sides = comparison.sides
    return {
        "a": _encoder(comparison, 0),
        "b": _encoder(comparison, 1),
        "alpha": comparison.alpha,
        "power": POWER,
        "tasks": [_task(comparison, at) for at in range(len(comparison.tasks))],
        "overall": [_line(line) for line in comparison.overall],
        "over_tasks": {"signed_rank": asdict(comparison.signed_rank), "posterior": asdict(comparison.posterior)},
        "corrected": {"method": "Holm", "tasks": comparison.family},
        "left_out": {
            "only_a": list(sides.only_a),
            "only_b": list(sides.only_b),
            "undefined": list(sides.undefined),
            "unreadable": list(sides.unreadable),
        },
        "notes": [*notes(comparison), *unit_notes(comparison)],
        "geometry": None if geometry is None else geometry_page.as_json(geometry),
        "provenance": _provenance(comparison),
    }


def _encoder(comparison: Comparison, row: int) -> dict[str, Any]:
    frame = comparison.sides.frame
    encoder = frame.encoder(row)
    return {"label": frame.encoders[row], "name": encoder.name, "fingerprint": encoder.fingerprint}


def _task(comparison: Comparison, at: int) -> dict[str, Any]:
    result = comparison.sides.frame.task(at)
    return {
        **_line(comparison.tasks[at]),
        "type": result.task.type,
        "metric": result.main_score.metric,
        "fingerprint": result.task.fingerprint,
        "units": [_unit(unit) for unit in comparison.units.get(result.task.name, ())],
    }


def _line(line: Line) -> dict[str, Any]:
    fields = {name: value for name, value in asdict(line).items() if name != "outlook"}
    outlook = None if line.outlook is None else asdict(line.outlook)
    if outlook is not None:
        outlook["more"] = None if outlook["needed"] is None else outlook["needed"] - line.n
    return {**fields, "verdict": line.verdict.value, "outlook": outlook}


def _unit(unit: HardUnit) -> Mapping[str, Any]:
    return asdict(unit)


def versions() -> dict[str, str]:
    """Of everything that the numbers depend on."""
    import scipy

    from evalkit import __version__

    packages = {"evalkit": __version__, "numpy": np.__version__, "scipy": scipy.__version__}
    return {**packages, "python": platform.python_version()}


def _provenance(comparison: Comparison) -> dict[str, Any]:
    return {
        "files": sorted(str(path) for path in comparison.sides.frame.paths.values()),
        "versions": versions(),
        "seeds": "BLAKE2b of the names of the tasks and the purpose",
    }
