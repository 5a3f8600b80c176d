"""Forest plot: every encoder's score with its interval, best first, the tiers as bands."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from evalkit.plots import BETTER, FONT, GREY, INK, PALE, figure, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evalkit.types import FloatArray

_ROW = 0.24
_WIDTH = 8.0


@dataclass(frozen=True, eq=False)
class Forest:
    """What a forest plot shows, best first.

    Attributes:
        labels: Names of the encoders.
        values: (E,) score.
        low: (E,) lower end of the interval; nan where there is none.
        high: (E,) upper end.
        tiers: (E,) tier, 0 where nothing is known.
        title: What the scores are.
        axis: What the axis shows.
        note: A sentence below, such as who is left out.
    """

    labels: Sequence[str]
    values: FloatArray
    low: FloatArray
    high: FloatArray
    tiers: Sequence[int]
    title: str
    axis: str
    note: str = ""


def draw_forest(forest: Forest) -> Figure:
    """Draw it; belongs inside `style`."""
    n = len(forest.labels)
    canvas = figure(_WIDTH, 1.1 + _ROW * n + (0.2 if forest.note else 0))
    axes = canvas.add_subplot()
    rows = np.arange(n)
    _bands(axes, forest)
    known = np.isfinite(forest.low) & np.isfinite(forest.high)
    axes.hlines(rows[known], forest.low[known], forest.high[known], color=INK, linewidth=1.4, zorder=2)
    axes.scatter(forest.values, rows, s=26, color=BETTER, edgecolor="white", linewidth=0.6, zorder=3)
    axes.set_yticks(rows, [shortened(label) for label in forest.labels])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(n - 0.5, -0.5)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=GREY, alpha=0.35, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_xlabel(f"{forest.axis}\n{forest.note}" if forest.note else forest.axis)
    axes.set_title(forest.title)
    return canvas


def _bands(axes: Axes, forest: Forest) -> None:
    """Every other run of one tier on a pale ground, its number at the right."""
    for number, (tier, start, stop) in enumerate(_runs(forest.tiers)):
        if number % 2 == 0:
            axes.axhspan(start - 0.5, stop - 0.5, color=PALE, linewidth=0, zorder=0)
        if tier:
            middle = (start + stop - 1) / 2
            axes.text(1.01, middle, f"tier {tier}", transform=axes.get_yaxis_transform(), va="center", size=FONT - 1)


def _runs(tiers: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Tier, first row and end of every run of rows of one tier."""
    start = 0
    for tier, members in groupby(tiers):
        stop = start + len(list(members))
        yield tier, start, stop
        start = stop
