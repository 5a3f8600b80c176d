"""The units that got worst, with their texts where the data are at hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from evalkit_leaderboard.check.report import Line, Verdict
from evalkit_leaderboard.hardest import described, lost_most, paired_cells
from evalkit_leaderboard.units import UNITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit_leaderboard.frame import Frame
    from evalkit_leaderboard.hardest import Texts


def with_worst(
    lines: Sequence[Line], frame: Frame | None, count: int, texts: Texts
) -> tuple[tuple[Line, ...], tuple[str, ...]]:
    """The lines of one encoder with the units that got worst, and why texts are missing, in sentences.

    Args:
        lines: One line a task.
        frame: Row 0 the baseline, row 1 the candidate.
        count: How many units to name for each task.
        texts: Where their texts are found.
    """
    if frame is None or not count:
        return tuple(lines), ()
    found = [_worst(line, frame, count, texts) if _changed(line) else (line, "") for line in lines]
    return tuple(line for line, _ in found), tuple(reason for _, reason in found if reason)


def _changed(line: Line) -> bool:
    return line.basis == UNITS and line.verdict is not Verdict.INCOMPARABLE and line.p != 1.0


def _worst(line: Line, frame: Frame, count: int, texts: Texts) -> tuple[Line, str]:
    column = frame.tasks.index(line.name)
    units = lost_most(paired_cells(frame, column), count)
    if not units:
        return line, ""
    shown, reason = texts.of(frame.task(column), units)
    worst = (described(cell, row, text) for (cell, row), text in zip(units, shown, strict=True))
    return replace(line, worst=tuple(worst)), reason
