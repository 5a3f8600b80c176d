"""Score against what an encoder costs: dimensions and bytes of a vector, seconds of encoding."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from evalkit.plots import BETTER, FONT, GREY, INK, WORSE, figure, shortened, text_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evalkit.types import AnyArray, FloatArray

_FEW = 10
"""Up to so many encoders, points have names; more have numbers and a list."""
_WIDTH, _HEIGHT = 6.4, 4.4
_ROW = 0.24
_POINT = 0.06
_BAR = 0.015
"""Inches on either side of an interval that no name should cover."""
_APART = 0.012
"""Share of the scale between points of one cost."""
_TICKS = 9
_LEADER = 0.16
"""Inches beyond which a name is tied to its point by a line."""
_AXIS = (0.75, 0.75)
"""Inches left of and below the axes."""
_KINDS: tuple[dict[str, Any], ...] = (
    {"color": BETTER, "marker": "o"},
    {"color": WORSE, "marker": "s"},
    {"color": INK, "marker": "^"},
    {"color": GREY, "marker": "D"},
)
"""Looks of points, one for each group of them."""
_Box: TypeAlias = tuple[float, float, float, float]
"""Left, lower, right and upper end, in inches."""


@dataclass(frozen=True, eq=False)
class Cost:
    """What the picture shows; points in the order of their numbers.

    Attributes:
        labels: Names of the encoders.
        cost: (E,) cost, above 0; drawn on a logarithmic scale.
        score: (E,) score.
        low: (E,) lower end of its interval; nan where there is none.
        high: (E,) upper end.
        title: What is shown.
        cost_axis: What the cost is.
        score_axis: What the score is.
        base: 2 where the scale should have powers of two, otherwise 10.
        second: A second scale at the top: its name, and what one unit of cost is on it.
        note: A sentence below.
        groups: What each point belongs to, drawn alike; empty where all belong together.
        longest: Characters of a label that are shown.
    """

    labels: Sequence[str]
    cost: FloatArray
    score: FloatArray
    low: FloatArray
    high: FloatArray
    title: str
    cost_axis: str
    score_axis: str
    base: int = 10
    second: tuple[str, float] | None = None
    note: str = ""
    groups: Sequence[str] = ()
    longest: int = 40


def draw_cost(cost: Cost) -> Figure:
    """Draw it; belongs inside `style`."""
    few = len(cost.labels) <= _FEW
    names = [shortened(label, cost.longest) for label in cost.labels]
    listed = [] if few else [f"{at}  {name}" for at, name in enumerate(names, start=1)]
    aside = 0.3 + max(map(text_width, listed), default=0.0)
    height = max(_HEIGHT, 0.6 + _ROW * len(listed))
    top, right = (0.85 if cost.second else 0.5), (0.3 if few else 0.2)
    canvas = figure(_AXIS[0] + _WIDTH + right + (0 if few else aside), _AXIS[1] + height + top)
    canvas.set_layout_engine("none")
    width, total = (float(side) for side in canvas.get_size_inches())
    axes = canvas.add_axes((_AXIS[0] / width, _AXIS[1] / total, _WIDTH / width, height / total))
    _scales(axes, cost)
    _points(axes, cost)
    axes.set_title(cost.title)
    _named(axes, cost, names if few else [str(at) for at in range(1, len(names) + 1)], (_WIDTH, height))
    for row, words in enumerate(listed):
        x, y = (_AXIS[0] + _WIDTH + right) / width, (_AXIS[1] + height - _ROW * (row + 0.7)) / total
        canvas.text(x, y, words, va="center")
    canvas.text(0.2 / width, 0.12 / total, cost.note, size=FONT - 1)
    return canvas


def frontier(cost: FloatArray, score: FloatArray) -> list[int]:
    """The points that no cheaper or equally cheap one reaches, by cost."""
    best, found = -math.inf, []
    for at in np.lexsort((-score, cost)):
        if score[at] > best:
            best = float(score[at])
            found.append(int(at))
    return found


def _scales(axes: Axes, cost: Cost) -> None:
    from matplotlib.ticker import NullLocator

    low, high = float(cost.cost.min()), float(cost.cost.max())
    margin = max(1.6, (high / low) ** 0.1)
    ticks = ticks_between(low / margin, high * margin, cost.base)
    axes.set_xlabel(cost.cost_axis)
    axes.set_ylabel(cost.score_axis)
    axes.grid(color=GREY, alpha=0.3, linewidth=0.5)
    axes.set_axisbelow(True)
    scales = [(axes, 1.0)]
    if cost.second is not None:
        above = axes.twiny()
        above.set_xlabel(cost.second[0])
        scales.append((above, cost.second[1]))
    for each, factor in scales:
        each.set_xscale("log")
        each.set_xlim(low / margin, high * margin)
        each.set_xticks(ticks, [_plain(tick * factor) for tick in ticks])
        each.xaxis.set_minor_locator(NullLocator())


def ticks_between(low: float, high: float, base: int) -> list[float]:
    """At most `_TICKS` round numbers on a logarithmic scale: the finest series that fits."""
    steps = ((1.0,),) if base == 2 else ((1.0, 1.5, 2.0, 3.0, 5.0, 7.0), (1.0, 2.0, 5.0), (1.0,))
    powers = range(math.floor(math.log(low, base)), math.ceil(math.log(high, base)) + 1)
    for series in steps:
        ticks = [step * float(base) ** power for power in powers for step in series]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) <= _TICKS:
            return ticks
    return ticks[:: math.ceil(len(ticks) / _TICKS)]


def _plain(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _points(axes: Axes, cost: Cost) -> None:
    x, known = beside(cost.cost), _known(cost)
    axes.vlines(x[known], cost.low[known], cost.high[known], color=GREY, linewidth=0.9, zorder=2)
    groups = np.array(cost.groups or [""] * len(x))
    for kind, group in zip(itertools.cycle(_KINDS), dict.fromkeys(groups.tolist()), strict=False):
        of = groups == group
        axes.scatter(x[of], cost.score[of], s=24, edgecolor="white", linewidth=0.6, zorder=4, **kind)
    best = frontier(cost.cost, cost.score)
    line: dict[str, Any] = {"color": INK, "linewidth": 0.9, "linestyle": (0, (4, 3)), "drawstyle": "steps-post"}
    axes.plot(x[best], cost.score[best], zorder=1, **line)


def beside(cost: FloatArray) -> FloatArray:
    """(E,) where points are drawn: those of one cost a little apart, so that no interval hides another."""
    low, high = float(cost.min()), float(cost.max())
    step = _APART * max(math.log(high / low), 1.0)
    drawn = np.array(cost, dtype=np.float64)
    for value in np.unique(cost):
        same = np.flatnonzero(cost == value)
        drawn[same] = value * np.exp(step * (np.arange(len(same)) - (len(same) - 1) / 2))
    return drawn


def _known(cost: Cost) -> AnyArray:
    """(E,) which points have an interval."""
    return np.asarray(np.isfinite(cost.low) & np.isfinite(cost.high))


def _named(axes: Axes, cost: Cost, names: Sequence[str], size: tuple[float, float]) -> None:
    """Names beside their points, each at the first of several places where it covers nothing."""
    points = _inches(axes, cost, cost.score, size)
    taken = [_box(x, y, 2 * _POINT, 2 * _POINT) for x, y in points]
    taken += _steps(points[frontier(cost.cost, cost.score)])
    taken += _bars(
        _inches(axes, cost, cost.low, size)[_known(cost)], _inches(axes, cost, cost.high, size)[_known(cost)]
    )
    scale = axes.transAxes
    for at, name in enumerate(names):
        width, height = text_width(name, FONT - 1), 0.14
        x, y = (float(side) for side in points[at])
        place = _free(x, y, width, height, taken, size)
        taken.append(_box(*place, width, height))
        if _needs_leader(at, place, (width, height), points):
            axes.plot(*(np.array([points[at], place]) / size).T, transform=scale, color=INK, linewidth=0.5, zorder=3)
        words: dict[str, Any] = {"ha": "center", "va": "center", "size": FONT - 1, "zorder": 3.5, "transform": scale}
        # A white ground, below the points; an outline would lose the words in the comments of the file.
        words["bbox"] = {"facecolor": "white", "edgecolor": "none", "pad": 0.4}
        axes.text(place[0] / size[0], place[1] / size[1], name, **words)


def _inches(axes: Axes, cost: Cost, heights: FloatArray, size: tuple[float, float]) -> FloatArray:
    """(E, 2) places above the points' costs, in inches from the lower left corner of the axes."""
    places = np.column_stack([beside(cost.cost), heights])
    shares = axes.transAxes.inverted().transform(axes.transData.transform(places))
    return np.asarray(shares * np.array(size))


def _bars(low: FloatArray, high: FloatArray) -> list[_Box]:
    """Intervals as thin boxes."""
    return [(x - _BAR, y, x + _BAR, top) for (x, y), (_, top) in zip(low.tolist(), high.tolist(), strict=True)]


def _needs_leader(at: int, place: tuple[float, float], extent: tuple[float, float], points: FloatArray) -> bool:
    """Whether a name is far from its point, or hardly nearer to it than to another."""
    beside = np.maximum(np.abs(points - place) - np.array(extent) / 2, 0.0)
    distance = np.hypot(beside[:, 0], beside[:, 1])
    nearest_other = np.delete(distance, at).min(initial=math.inf)
    return bool(distance[at] > _LEADER or distance[at] > 0.8 * nearest_other)


def _steps(points: FloatArray) -> list[_Box]:
    """The line of the best as thin boxes."""
    across = [(x, y - 0.02, right, y + 0.02) for (x, y), (right, _) in itertools.pairwise(points.tolist())]
    up = [(x - 0.02, low, x + 0.02, high) for (_, low), (x, high) in itertools.pairwise(points.tolist())]
    return [*across, *up]


def _free(
    x: float, y: float, width: float, height: float, taken: Sequence[_Box], size: tuple[float, float]
) -> tuple[float, float]:
    """Centre of the place around a point, near first, that covers least of what is taken."""
    best, least = (x, y), math.inf
    for reach in (0.0, 0.08, 0.16, 0.24, 0.32, 0.45, 0.6):
        for right, up in ((1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1), (0, 1), (0, -1)):
            shift = _POINT + 0.03 + reach
            centre = x + right * (width / 2 + shift), y + up * (height / 2 + shift)
            covered = _covered(_box(*centre, width, height), taken, size) + 0.001 * reach
            if covered < least - 1e-9:
                best, least = centre, covered
    return best


def _box(x: float, y: float, width: float, height: float) -> _Box:
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _covered(box: _Box, taken: Sequence[_Box], size: tuple[float, float]) -> float:
    """Area shared with what is taken, and outside the axes."""
    inside = max(0.0, min(box[2], size[0]) - max(box[0], 0.0)) * max(0.0, min(box[3], size[1]) - max(box[1], 0.0))
    area = (box[2] - box[0]) * (box[3] - box[1])
    shared = sum(
        max(0.0, min(box[2], other[2]) - max(box[0], other[0]))
        * max(0.0, min(box[3], other[3]) - max(box[1], other[1]))
        for other in taken
    )
    return shared + (area - inside)
