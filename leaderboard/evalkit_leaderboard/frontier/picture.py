"""Score against bytes of a vector, every chain with its interval, and the frontier as a line."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from evalkit.plots import save, style
from evalkit_leaderboard.frontier.page import FITTED, label
from evalkit_leaderboard.plots.cost import Cost, draw_cost

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evalkit_leaderboard.frontier.measured import Point, Sweep


def draw(sweep: Sweep, path: Path) -> Path | None:
    """Draw the mean over the tasks, or the only task; None where no chain has a score and bytes.

    Raises:
        EvalkitError: matplotlib is not installed, or the file cannot be written.
    """
    points = [point for point in sweep.headline.points if point.score is not None and point.bytes]
    if not points:
        return None
    with style():
        return save(draw_cost(cost(sweep, points)), path)


def cost(sweep: Sweep, points: Sequence[Point]) -> Cost:
    """What the picture shows, of points that have a score and bytes."""
    names = list(dict.fromkeys(point.encoder for point in points))
    return Cost(
        labels=[f"{label(sweep, point)}{f' {FITTED}' if point.fitted else ''}" for point in points],
        cost=_numbers([point.bytes for point in points]),
        score=_numbers([point.score for point in points]),
        low=_numbers([point.low for point in points]),
        high=_numbers([point.high for point in points]),
        title=_title(sweep, names),
        cost_axis="bytes per vector",
        score_axis=_score(sweep),
        base=2,
        note=_note(points),
        groups=[point.encoder for point in points],
        longest=64,
    )


def _numbers(values: Sequence[float | None]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([math.nan if value is None else value for value in values], dtype=np.float64)


def _title(sweep: Sweep, names: Sequence[str]) -> str:
    who = names[0] if len(names) == 1 else f"{len(names)} encoders"
    where = sweep.headline.name if sweep.mean is None else f"mean over {len(sweep.tasks)} tasks"
    return f"{who} behind transforms: {where}"


def _score(sweep: Sweep) -> str:
    task = sweep.headline.task
    what = "mean of the main scores" if task is None else task.main_score.metric
    return f"{what}, {100 * (1 - sweep.alpha):g} % interval"


def _note(points: Sequence[Point]) -> str:
    fitted = f" {FITTED} fitted on the scored texts." if any(point.fitted for point in points) else ""
    return f"Dashed: the best score for the bytes.{fitted}"
