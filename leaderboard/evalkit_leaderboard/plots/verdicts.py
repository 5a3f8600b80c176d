"""Heat map of pairwise verdicts: who is proven better than whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.plots import (
    BETTER,
    FONT,
    GREY,
    INK,
    PALE,
    WORSE,
    bare,
    figure,
    shortened,
    text_width,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evalkit.types import FloatArray, IntArray

_FEW = 12
"""Up to so many encoders, cells have room for the difference."""
_CELL = {True: 0.56, False: 0.24}
_TOP = 0.85
UNKNOWN = 2
"""Verdict of a pair of which nothing is known."""
_SELF = 3
_SIGNS = {1: "+", -1: "−", 0: "", UNKNOWN: "?", _SELF: ""}
_LEGEND = {
    1: "row proven better",
    -1: "row proven worse",
    0: "cannot be told apart",
    UNKNOWN: "nothing known",
}


@dataclass(frozen=True, eq=False)
class Verdicts:
    """What the heat map shows, best first.

    Attributes:
        labels: Names of the encoders.
        difference: (E, E) row less column.
        verdict: (E, E) 1 row proven better, -1 proven worse, 0 neither, `UNKNOWN`.
        title: What is compared.
        note: A sentence below.
    """

    labels: Sequence[str]
    difference: FloatArray
    verdict: IntArray
    title: str
    note: str = ""


def draw_verdicts(verdicts: Verdicts) -> Figure:
    """Draw it; belongs inside `style`."""
    n = len(verdicts.labels)
    names = [f"{shortened(label)}  {at}" for at, label in enumerate(verdicts.labels, start=1)]
    few = n <= _FEW
    cell = _CELL[few]
    left = 0.3 + max(map(text_width, names))
    bottom = _TOP + cell * n
    width = max(left + cell * n + 0.3, 0.4 + text_width(verdicts.title, FONT + 1, bold=True), _legend_width())
    canvas = figure(max(width, 0.4 + text_width(verdicts.note, FONT - 1)), bottom + 0.85)
    axes = bare(canvas)
    axes.text(0.2, 0.28, verdicts.title, weight="bold", size=FONT + 1)
    _cells(axes, verdicts, left, cell)
    for at, name in enumerate(names):
        axes.text(left - 0.08, _TOP + cell * (at + 0.5), name, ha="right", va="center")
        axes.text(left + cell * (at + 0.5), _TOP - 0.06, str(at + 1), ha="center", va="bottom")
    _legend(axes, bottom + 0.3)
    axes.text(0.2, bottom + 0.65, verdicts.note, size=FONT - 1)
    return canvas


def _cells(axes: Axes, verdicts: Verdicts, left: float, cell: float) -> None:
    from matplotlib.colors import BoundaryNorm, ListedColormap

    n = len(verdicts.labels)
    kinds = np.where(np.eye(n, dtype=bool), _SELF, verdicts.verdict)
    colours = ListedColormap([WORSE, "white", BETTER, PALE, GREY])
    edges = np.arange(n + 1) * cell
    norm = BoundaryNorm([-1.5, -0.5, 0.5, 1.5, 2.5, 3.5], colours.N)
    axes.pcolormesh(left + edges, _TOP + edges, kinds, cmap=colours, norm=norm, edgecolors=GREY, linewidth=0.4)
    for row, column in np.ndindex(n, n):
        words = _words(int(kinds[row, column]), float(verdicts.difference[row, column]), few=n <= _FEW)
        if words:
            place = left + cell * (column + 0.5), _TOP + cell * (row + 0.5)
            colour = "white" if kinds[row, column] == 1 else INK
            axes.text(*place, words, ha="center", va="center", size=FONT - 1, color=colour)


def _words(kind: int, difference: float, *, few: bool) -> str:
    """What stands in a cell: the difference where there is room, otherwise its sign if it is proven."""
    if few and kind in {-1, 0, 1}:
        return f"{difference:+.3f}".replace("-", "−")
    return _SIGNS[kind]


def _legend(axes: Axes, y: float) -> None:
    from matplotlib.patches import Rectangle

    x = 0.2
    fills = {1: BETTER, -1: WORSE, 0: "white", UNKNOWN: PALE}
    for kind, words in _LEGEND.items():
        axes.add_patch(Rectangle((x, y - 0.09), 0.18, 0.18, facecolor=fills[kind], edgecolor=GREY, linewidth=0.6))
        colour = "white" if kind == 1 else INK
        axes.text(x + 0.09, y, _SIGNS[kind], ha="center", va="center", size=FONT - 1, color=colour)
        axes.text(x + 0.25, y, words, va="center", size=FONT - 1)
        x += 0.45 + text_width(words, FONT - 1)


def _legend_width() -> float:
    return 0.4 + sum(0.45 + text_width(words, FONT - 1) for words in _LEGEND.values())
