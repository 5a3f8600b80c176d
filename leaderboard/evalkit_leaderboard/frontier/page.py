"""A sweep in tables and sentences for people, and as JSON for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from evalkit_leaderboard.compare_page import versions
from evalkit_leaderboard.frontier.chains import NONE
from evalkit_leaderboard.phrases import MISSING, Table, counted, interval, p_value, plural, score, signed, some

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalkit.runner import Outcome
    from evalkit.schema import Result
    from evalkit_leaderboard.frontier.measured import Part, Point, Sweep

LEFT = 3
"""Columns that are text."""
BEST = "●"
FITTED = "*"
FITTED_ON = "Fitted on the evaluated texts"
"""What `evalkit.runner.fit_warnings` begins with."""


# -- for people --------------------------------------------------------------------------------------------------


def tables(sweep: Sweep) -> Iterator[Table]:
    """One table a task, and the mean over all of them last."""
    for part in (*sweep.tasks, *([sweep.mean] if sweep.mean is not None else [])):
        yield Table(_title(sweep, part), _headers(sweep), tuple(_row(sweep, point) for point in part.points), LEFT)


def label(sweep: Sweep, point: Point) -> str:
    """What a point is called: its chain, behind the encoder's name where there are several encoders."""
    if len(sweep.encoders) == 1:
        return point.chain
    return point.encoder if point.chain == NONE else f"{point.encoder} | {point.chain}"


def notes(sweep: Sweep) -> Iterator[str]:
    """How to read the tables, and what is missing in them."""
    points = [point for part in (*sweep.tasks, *([sweep.mean] if sweep.mean else [])) for point in part.points]
    yield f"{BEST} on the frontier: no other scores as well with fewer bytes, or better with as many, proven or not."
    if any(point.fitted for point in points):
        yield f"{FITTED} fitted on the very texts that are scored, which flatters it: fit=FILE fits it on others."
    yield from _methods(sweep)
    yield f"bytes: what an index keeps for a text, on average{' over the tasks too' if sweep.mean else ''}."
    if len(sweep.encoders) > 1:
        yield "Each chain is compared with its own encoder; the frontier is that of all of them."
    without = [label(sweep, point) for point in sweep.headline.points if point.score is None]
    if sweep.mean is not None and without:
        yield f"{MISSING} lacks a task, and so has no mean: {some(without)}."
    unsized = [
        label(sweep, point) for point in sweep.headline.points if point.score is not None and point.bytes is None
    ]
    if unsized:
        yield f"Finished before bytes were measured: {some(unsized)}. --force scores anew."
    yield from sweep.notes


def without_marked(results: Sequence[Result]) -> list[Result]:
    """The results without the warnings that a mark in the tables says already."""
    return [
        result.model_copy(update={"warnings": tuple(text for text in result.warnings if FITTED_ON not in text)})
        for result in results
    ]


def _methods(sweep: Sweep) -> Iterator[str]:
    found = [text for text in dict.fromkeys(sweep.corrections) if text]
    each = " for each encoder" if len(sweep.encoders) > 1 else ""
    if found:
        yield (
            f"Verdicts at {sweep.alpha:g} on paired differences to the encoder itself, p corrected"
            f"{each} ({'; '.join(found)}); intervals by Student's t, each for itself."
        )


def _title(sweep: Sweep, part: Part) -> str:
    if part.task is None:
        return f"Mean over {counted(len(sweep.tasks), 'task')}"
    return f"{part.name} ({part.task.main_score.metric}{_units(part.task)})"


def _units(result: Result) -> str:
    """How many units stand behind the score, and what they are."""
    observed = [cell.observations for cell in result.cells]
    if any(each is None for each in observed):
        return ""
    sizes = [max(packed["shape"][0] for packed in each["columns"].values()) for each in observed if each]
    unit = str(observed[0]["unit"]) if observed and observed[0] else "unit"
    return f", {counted(sum(sizes), unit)}" if sizes else f", {plural(unit)}"


def _headers(sweep: Sweep) -> tuple[str, ...]:
    level = f"{100 * (1 - sweep.alpha):g} % interval"
    what = "transforms" if len(sweep.encoders) == 1 else "encoder | transforms"
    return (what, "", "verdict", "bytes", "smaller", "score", level, "difference", level, "p")


def _row(sweep: Sweep, point: Point) -> tuple[str, ...]:
    return (
        f"{label(sweep, point)}{f' {FITTED}' if point.fitted else ''}",
        BEST if point.best else "",
        point.verdict.value,
        MISSING if point.bytes is None else _plain(point.bytes),
        MISSING if point.factor is None else f"{point.factor:.1f}x",
        MISSING if point.score is None else score(point.score),
        MISSING if point.low is None or point.high is None else f"[{score(point.low)}, {score(point.high)}]",
        MISSING if point.difference is None else signed(point.difference),
        interval(point.difference_low, point.difference_high),
        p_value(point.p_adjusted),
    )


def _plain(n_bytes: float) -> str:
    whole = round(n_bytes)
    return f"{whole:,}" if abs(n_bytes - whole) < 0.05 else f"{n_bytes:,.1f}"


# -- for programs ------------------------------------------------------------------------------------------------


def as_json(sweep: Sweep, outcome: Outcome) -> dict[str, Any]:
    """Everything at full precision; null where there is nothing."""
    return {
        "encoders": [
            {"name": each.name, "fingerprint": each.fingerprint, "form": each.form, "dimension": each.dimension}
            for each in sweep.encoders
        ],
        "alpha": sweep.alpha,
        "method": sweep.method.value,
        "corrected": list(sweep.corrections),
        "tasks": [_task(part) for part in sweep.tasks],
        "mean": None if sweep.mean is None else {"points": _points(sweep.mean)},
        "notes": list(notes(sweep)),
        **what_failed(outcome),
        "provenance": {"files": list(sweep.files), "versions": versions()},
    }


def what_failed(outcome: Outcome) -> dict[str, Any]:
    """What could not be scored, and how much was encoded."""
    return {
        "failures": [
            {"encoder": each.encoder, "task": each.task, "message": each.error.message, "hint": each.error.hint}
            for each in outcome.failures
        ],
        "unfit": [{"encoder": name, "task": unfit.task, "reason": unfit.reason} for name, unfit in outcome.unfit],
        "encoded": outcome.encoded,
        "cached": outcome.cached,
        "finished_before": outcome.skipped,
    }


def _task(part: Part) -> dict[str, Any]:
    task = part.task
    if task is None:
        return {"name": part.name, "points": _points(part)}
    return {
        "name": part.name,
        "type": task.task.type,
        "metric": task.main_score.metric,
        "fingerprint": task.task.fingerprint,
        "points": _points(part),
    }


def _points(part: Part) -> list[dict[str, Any]]:
    return [{**asdict(point), "verdict": point.verdict.value, "fitted": list(point.fitted)} for point in part.points]
