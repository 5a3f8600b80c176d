"""Critical-difference diagram (Demsar 2006, figure 1): mean ranks over tasks, bars joining those within the distance.

The traditional view: whether two encoders are joined depends on who else is in the pool.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.plots import FONT, GREY, INK, bare, figure, shortened, text_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SCALE_WIDTH = 5.0
_ROW = 0.22
_BAR = 0.13
_TOP = 1.15
"""Where the scale lies; above it are the title and the distance."""
_GAP = 0.12


@dataclass(frozen=True)
class MeanRanks:
    """What the diagram shows, best first.

    Attributes:
        labels: Names of the encoders.
        ranks: Their mean ranks, ascending; 1 is best.
        distance: Critical difference.
        title: What it is about.
        note: A sentence below.
    """

    labels: Sequence[str]
    ranks: Sequence[float]
    distance: float
    title: str
    note: str = ""


def draw_critical(mean: MeanRanks) -> Figure:
    """Draw it; belongs inside `style`."""
    names = [f"{shortened(label, 40)}  {rank:.2f}" for label, rank in zip(mean.labels, mean.ranks, strict=True)]
    half = math.ceil(len(names) / 2)
    bars = _levels(joined(mean.ranks, mean.distance))
    first = _TOP + 0.2 + _BAR * (1 + max((level for _, _, level in bars), default=-1)) + 0.1
    left = 0.3 + max(text_width(name) for name in names[:half])
    right = 0.3 + max((text_width(name) for name in names[half:]), default=0.0)
    width = max(left + _SCALE_WIDTH + right, 0.4 + text_width(mean.title, FONT + 1, bold=True))
    canvas = figure(width, first + _ROW * half + 0.45)
    axes = bare(canvas)
    axes.text(0.2, 0.28, mean.title, weight="bold", size=FONT + 1)
    axes.text(0.2, first + _ROW * half + 0.2, mean.note, size=FONT - 1, color=INK)
    scale = _Scale(left, len(names))
    _scale(axes, scale, mean.distance)
    for start, stop, level in bars:
        y = _TOP + 0.2 + _BAR * level
        ends = scale(mean.ranks[start]) - 0.05, scale(mean.ranks[stop]) + 0.05
        axes.plot(ends, (y, y), color=INK, linewidth=3.2, solid_capstyle="butt", zorder=3)
    _names(axes, scale, names, mean.ranks, first, half)
    return canvas


def joined(ranks: Sequence[float], distance: float) -> list[tuple[int, int]]:
    """First and last of every longest run of neighbours, two or more, that lie within the distance.

    Args:
        ranks: Mean ranks, ascending.
        distance: Critical difference.
    """
    runs: list[tuple[int, int]] = []
    for start, rank in enumerate(ranks):
        stop = max(at for at in range(start, len(ranks)) if ranks[at] - rank < distance or at == start)
        if stop > start and (not runs or stop > runs[-1][1]):
            runs.append((start, stop))
    return runs


class _Scale:
    """From mean rank to inches."""

    def __init__(self, left: float, models: int) -> None:
        self.left, self.models = left, models

    def __call__(self, rank: float) -> float:
        return self.left + _SCALE_WIDTH * (rank - 1) / max(self.models - 1, 1)


def _levels(runs: list[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """The runs with the line each is drawn on: the first that is free there."""
    ends: list[int] = []
    placed = []
    for start, stop in runs:
        level = next((at for at, end in enumerate(ends) if end < start), len(ends))
        ends[level : level + 1] = [stop]
        placed.append((start, stop, level))
    return placed


def _scale(axes: Axes, scale: _Scale, distance: float) -> None:
    n = scale.models
    axes.plot((scale(1), scale(n)), (_TOP, _TOP), color=INK, linewidth=1)
    step = max(1, round(n / 12))
    for rank in range(1, n + 1):
        shown = (rank - 1) % step == 0
        axes.plot((scale(rank),) * 2, (_TOP, _TOP - (0.09 if shown else 0.05)), color=INK, linewidth=0.8)
        if shown:
            axes.text(scale(rank), _TOP - 0.13, str(rank), ha="center", va="bottom")
    stop = scale(min(1 + distance, n))
    y = _TOP - 0.45
    axes.plot((scale(1), stop), (y, y), color=INK, linewidth=1.2)
    for end in (scale(1), stop):
        axes.plot((end, end), (y - 0.05, y + 0.05), color=INK, linewidth=1.2)
    beyond = "" if distance <= n - 1 else ", more than the scale is long"
    axes.text(stop + 0.1, y, f"critical difference {distance:.2f}{beyond}", va="center")


def _names(axes: Axes, scale: _Scale, names: Sequence[str], ranks: Sequence[float], first: float, half: int) -> None:
    """The better half at the left, best on top; the others at the right, worst on top, so that no lines cross."""
    for at, (name, rank) in enumerate(zip(names, ranks, strict=True)):
        at_left = at < half
        y = first + _ROW * (at if at_left else len(names) - 1 - at)
        edge = scale(1) - _GAP if at_left else scale(scale.models) + _GAP
        axes.plot((scale(rank), scale(rank), edge), (_TOP, y, y), color=GREY, linewidth=0.7, zorder=1)
        axes.text(edge + (-0.06 if at_left else 0.06), y, name, ha="right" if at_left else "left", va="center")
