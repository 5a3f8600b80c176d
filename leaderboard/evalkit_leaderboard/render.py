"""A frame and its means as a table of strings, Markdown, CSV or JSON."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from evalkit_leaderboard.aggregate import Means
    from evalkit_leaderboard.frame import Frame

MISSING = "—"
UNDEFINED = "undefined"
DIGITS = 4

INCOMPLETE = (
    f"{MISSING} no result. An encoder that lacks a task has no mean over it (mteb's rule) "
    "and stands below those that lack none."
)
SINGLE_TASKS = "Each task type has one task here, whose score is the mean of the type."


@dataclass(frozen=True)
class Sheet:
    """A leaderboard as strings.

    Attributes:
        headers: Name of each column.
        rows: One string for each column, best encoder first.
        notes: Sentences below it.
    """

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def sheet(frame: Frame, means: Means, *, full: bool = False) -> Sheet:
    """The leaderboard: means first, then the means by type, then the tasks.

    Args:
        frame: The scores.
        means: Their means.
        full: For programs: every decimal, every column, missing values empty. People get `DIGITS` decimals, and no
            means by type where each type has one task and the means would only repeat the tasks.
    """
    kinds = means.types if full or len(means.types) < len(frame.tasks) else ()

    def cells(row: int) -> tuple[str, ...]:
        summary = [means.over_tasks[row], means.over_types[row], *means.by_type[row][: len(kinds)]]
        tasks = (_task_text(frame, row, column, full) for column in range(len(frame.tasks)))
        return (frame.encoders[row], *(_text(value, full) for value in summary), *tasks)

    headers = ("encoder", "mean", "mean of types", *(f"mean {kind}" for kind in kinds), *frame.tasks)
    return Sheet(headers, tuple(cells(row) for row in means.order), tuple(_notes(means, kinds)))


def markdown(board: Sheet) -> str:
    """A GitHub table."""
    rule = ["---", *["---:"] * (len(board.headers) - 1)]
    lines = [_markdown_row(row) for row in (board.headers, rule, *board.rows)]
    return "\n".join([*lines, *(f"\n{note}" for note in board.notes)])


def comma_separated(board: Sheet) -> str:
    """CSV with a header line."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([board.headers, *board.rows])
    return out.getvalue().rstrip("\n")


def as_json(frame: Frame, means: Means) -> dict[str, Any]:
    """Scores and means at full precision, best encoder first; null where there is none."""
    return {
        "tasks": [_task_json(frame, column) for column in range(len(frame.tasks))],
        "encoders": [_encoder_json(frame, means, row) for row in means.order],
    }


def _notes(means: Means, kinds: Sequence[str]) -> Iterator[str]:
    if not kinds and len(means.types) > 1:
        yield SINGLE_TASKS
    if any(map(math.isnan, means.over_tasks)):
        yield INCOMPLETE


def _text(value: float, full: bool) -> str:
    if math.isnan(value):
        return "" if full else MISSING
    return repr(float(value)) if full else f"{value:.{DIGITS}f}"


def _task_text(frame: Frame, row: int, column: int, full: bool) -> str:
    """A score; a result whose score is undefined is another thing than no result."""
    value = frame.main[row, column]
    if math.isnan(value) and (row, column) in frame.results and not full:
        return UNDEFINED
    return _text(value, full)


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _task_json(frame: Frame, column: int) -> dict[str, Any]:
    result = frame.task(column)
    return {
        "name": result.task.name,
        "type": result.task.type,
        "metric": result.main_score.metric,
        "fingerprint": result.task.fingerprint,
    }


def _encoder_json(frame: Frame, means: Means, row: int) -> dict[str, Any]:
    encoder = frame.encoder(row)
    return {
        "label": frame.encoders[row],
        "name": encoder.name,
        "fingerprint": encoder.fingerprint,
        "mean": _or_none(means.over_tasks[row]),
        "mean_of_types": _or_none(means.over_types[row]),
        "mean_by_type": {kind: _or_none(value) for kind, value in zip(means.types, means.by_type[row], strict=True)},
        "scores": {task: _or_none(value) for task, value in zip(frame.tasks, frame.main[row], strict=True)},
    }


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


RENDERERS: dict[str, Callable[[Sheet], str]] = {"markdown": markdown, "csv": comma_separated}
"""Formats that are text made from a sheet."""
