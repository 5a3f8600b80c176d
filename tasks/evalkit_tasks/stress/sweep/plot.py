"""The headline against the dimension, one curve an encoder and reduction, the paper's rows beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from evalkit.plots import BETTER, FONT, GREY, INK, figure, save, shortened, style, text_width
from evalkit_tasks.stress.sweep.reduce import Reduction

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evalkit_tasks.stress.sweep.record import Curve, Point, PublishedScore, Sweep

_WIDTH, _HEIGHT = 8.6, 5.2
_COLOURS = (BETTER, "#e08214", "#111111", "#4daf9c", "#8073ac", "#b35806")
"""Apart in lightness too; markers tell encoders apart where colours do not."""
_MARKERS = "osD^vPX*"
_LINES = {Reduction.TRUNCATE: "-", Reduction.PCA: (0, (4, 2))}
_NAMES = {Reduction.TRUNCATE: "first dimensions", Reduction.PCA: "principal components"}
_NUDGE = 0.035
"""Powers of two by which curves stand apart, so that no interval hides another."""
_KEY = 0.6
"""Inches of a line's sample in the legend."""
_GAP = 0.052
"""Between the names of the paper's models, as a share of the axis."""


class _Line(NamedTuple):
    label: str
    points: tuple[Point, ...]
    encoder: int
    reduction: str


def draw(sweep: Sweep, path: Path) -> Path:
    """Write the picture as SVG.

    Raises:
        EvalkitError: matplotlib is not installed, or the file cannot be written.
    """
    with style():
        return save(draw_sweep(sweep), path)


def draw_sweep(sweep: Sweep) -> Figure:
    """Draw it; belongs inside `style`."""
    lines = [line for at, curve in enumerate(sweep.encoders) for line in _lines(at, curve)]
    canvas = figure(_WIDTH, _HEIGHT + 0.19 * len(lines) / _columns(lines))
    axes = canvas.add_subplot()
    for place, line in enumerate(lines):
        _curve(axes, line, sweep.task.main_score, place - (len(lines) - 1) / 2)
    _scales(axes, sweep, lines)
    _published(axes, sweep)
    axes.set_title(f"{sweep.task.name}: {sweep.task.main_score} against the dimension of the vectors")
    canvas.legend(loc="outside lower left", frameon=False, fontsize=FONT - 0.5, ncols=_columns(lines))
    return canvas


def _columns(lines: Sequence[_Line]) -> int:
    """Columns of the legend: two where there are many lines, and room."""
    widest = max(text_width(line.label) for line in lines)
    return 2 if len(lines) > 4 and 2 * (widest + _KEY) < _WIDTH else 1


def _lines(at: int, curve: Curve) -> Iterator[_Line]:
    name = shortened(curve.encoder.name, 40)
    for reduction in dict.fromkeys(point.reduction for point in curve.points):
        points = tuple(point for point in curve.points if point.reduction == reduction)
        how = _NAMES[Reduction(reduction)] if reduction in _NAMES else "no vectors"
        whole = len(points) == 1 and points[0].dimension == curve.encoder.dimension
        yield _Line(f"{name}, {'whole vectors' if whole and points[0].dimension else how}", points, at, reduction)


def _curve(axes: Axes, line: _Line, metric: str, place: float) -> None:
    colour = _COLOURS[line.encoder % len(_COLOURS)]
    known = [point for point in line.points if point.scores[metric].value is not None]
    if not known:
        return
    if known[0].dimension is None:
        _level(axes, known[0], metric, line.label, colour)
        return
    at = [float(point.dimension or 1) * 2 ** (place * _NUDGE) for point in known]
    values = [_value(point, metric) for point in known]
    full = line.reduction == Reduction.TRUNCATE
    axes.errorbar(
        at, values, yerr=_errors(known, metric), label=line.label, color=colour, linewidth=1.4, capsize=2.5,
        elinewidth=0.9, linestyle=_LINES[Reduction(line.reduction)], marker=_MARKERS[line.encoder % len(_MARKERS)],
        markersize=5, markerfacecolor=colour if full else "white", zorder=3,
    )  # fmt: skip


def _level(axes: Axes, point: Point, metric: str, label: str, colour: str) -> None:
    """A scorer without vectors: a line across, its interval as a band."""
    estimate = point.scores[metric]
    axes.axhline(_value(point, metric), color=colour, linewidth=1.4, linestyle=(0, (1, 1.5)), label=label, zorder=2)
    if estimate.low is not None and estimate.high is not None:
        axes.axhspan(estimate.low, estimate.high, color=colour, alpha=0.12, linewidth=0, zorder=1)


def _value(point: Point, metric: str) -> float:
    return float(point.scores[metric].value or 0.0)


def _errors(points: Sequence[Point], metric: str) -> list[list[float]]:
    """How far the intervals reach below and above; 0 where there is none."""
    estimates = [(_value(point, metric), point.scores[metric]) for point in points]
    below = [0.0 if each.low is None else value - each.low for value, each in estimates]
    above = [0.0 if each.high is None else each.high - value for value, each in estimates]
    return [below, above]


def _scales(axes: Axes, sweep: Sweep, lines: Sequence[_Line]) -> None:
    from matplotlib.ticker import NullLocator

    ours = {point.dimension for line in lines for point in line.points if point.dimension is not None}
    theirs = {row.dimension for row in sweep.published if row.dimension is not None}
    ticks = _ticks(ours | theirs)
    axes.set_xscale("log", base=2)
    axes.set_xlim(ticks[0] / 1.3, ticks[-1] * 1.3)
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_ylim(bottom=0)
    axes.set_ylim(top=max(axes.get_ylim()[1], 1.04 * _highest(sweep)))
    axes.grid(color=GREY, alpha=0.3, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_ylabel(sweep.task.main_score)
    axes.set_xlabel("\n".join(_below(sweep)))


def _ticks(dims: Iterable[int]) -> list[int]:
    """Powers of two from the smallest to the largest dimension."""
    low, high = min(dims, default=1), max(dims, default=1)
    return [1 << power for power in range(low.bit_length() - 1, (high - 1).bit_length() + 1)]


def _below(sweep: Sweep) -> Iterator[str]:
    yield "dimensions"
    queries = max((curve.queries for curve in sweep.encoders), default=0)
    level = 100 * (1 - float(str(sweep.parameters["alpha"])))
    yield f"Bars: {level:g} % t interval over {queries:,} queries."
    for fitted in dict.fromkeys(curve.fitted_on for curve in sweep.encoders if curve.fitted_on):
        yield f"Principal components are fitted on {fitted}."
    if sweep.published:
        yield "Grey: whole vectors as Weller et al. 2025 have them; not all of these rows reproduce."


def _published(axes: Axes, sweep: Sweep) -> None:
    """The paper's rows in grey, named in a column at the right.

    Those without a dimension stand at the edge, an arrow where they are above the axis.
    """
    rows = [row for row in sweep.published if sweep.task.main_score in row.scores]
    rows.sort(key=lambda row: row.scores[sweep.task.main_score])
    top, edge = axes.get_ylim()[1], axes.get_xlim()[1]
    places = _spread([row.scores[sweep.task.main_score] / top for row in rows])
    for row, place in zip(rows, places, strict=True):
        score, x = row.scores[sweep.task.main_score], float(row.dimension or edge)
        y = min(score, top)
        axes.plot(x, y, marker=_marker(row, score, top), color=GREY, markersize=6, clip_on=False)
        label = row.model if row.dimension else f"{row.model} (no single vector)"
        joint: dict[str, Any] = {"arrowstyle": "-", "color": GREY, "linewidth": 0.5, "shrinkA": 0, "shrinkB": 3}
        joint["relpos"] = (0.0, 0.5)
        axes.annotate(
            f"{label} {score:.3f}", xy=(x, y), xytext=(1.03, place), textcoords="axes fraction", va="center",
            size=FONT - 1, color=INK, arrowprops=joint, annotation_clip=False,
        )  # fmt: skip


def _highest(sweep: Sweep) -> float:
    """The paper's best score of a model that has a place on the axis; the others must not flatten the curves."""
    metric = sweep.task.main_score
    return max((row.scores.get(metric, 0.0) for row in sweep.published if row.dimension is not None), default=0.0)


def _marker(row: PublishedScore, score: float, top: float) -> str:
    if score > top:
        return "^"
    return "_" if row.dimension is None else "o"


def _spread(places: Sequence[float]) -> list[float]:
    """Rising places at least `_GAP` apart, each as near to where it was as that and the upper end, 1, allow."""
    out: list[float] = []
    for place in places:
        out.append(max(place, out[-1] + _GAP) if out else place)
    ceiling = 1.0
    for at in reversed(range(len(out))):
        out[at] = min(out[at], ceiling)
        ceiling = out[at] - _GAP
    return out
