"""Critical number of documents against dimension: ours, the paper's, and its cubic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalkit.plots import BETTER, FONT, GREY, INK, WORSE, figure, save, style
from evalkit_tasks.stress.capacity import published
from evalkit_tasks.stress.capacity.fit import fit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from evalkit_tasks.stress.capacity.measure import Capacity

_WIDTH, _HEIGHT = 4.3, 4.4
_NEAR, _FAR = 40, 12
"""Size of the paper's points where there are few and where there are many."""
_BAND = "Band: 95 % interval of the cubic, if the truth is one. Its extrapolation is fragile."
_NOTE = "Bars: the seeds' range. In theory {} dimensions (dotted) suffice for any n."


def draw(found: Sequence[Capacity], k: int, path: Path) -> Path:
    """Write the picture as SVG.

    Args:
        found: What was measured, one dimension at least.
        k: Relevant documents of a query; the paper has numbers for 2.
        path: The file.

    Raises:
        EvalkitError: matplotlib is not installed, or the file cannot be written.
    """
    with style():
        return save(_picture(found, k), path)


def _picture(found: Sequence[Capacity], k: int) -> Figure:
    panels = 2 if k == published.RELEVANT else 1
    canvas = figure(_WIDTH * panels, _HEIGHT)
    near, *others = canvas.subplots(1, panels, squeeze=False)[0]
    _panel(near, found, k, _NEAR)
    dimensions = [each.dimension for each in found]
    near.set_xlim(min(dimensions) - 0.6, max(dimensions) + 0.6)
    near.set_ylim(0, 1.25 * _highest(found, k))
    near.set_ylabel(f"critical n: documents with every top-{k} query answered")
    near.set_title("Measured dimensions")
    for far in others:
        _panel(far, found, k, _FAR)
        far.set_xlim(0, 1.03 * max(*published.CRITICAL, *dimensions))
        far.set_ylim(bottom=0)
        far.set_title("All dimensions of the paper")
    near.legend(loc="upper left", frameon=False, fontsize=FONT - 1)
    note = f"{_NOTE.format(2 * k)} {_BAND if others else ''}"
    canvas.supxlabel(note, size=FONT - 1.5, x=0.01, ha="left")
    return canvas


def _panel(axes: Axes, found: Sequence[Capacity], k: int, size: float) -> None:
    from matplotlib.ticker import MaxNLocator

    if k == published.RELEVANT:
        _paper(axes, size)
    axes.axvline(2 * k, color=GREY, linewidth=0.9, linestyle=":", zorder=1)
    at = [each.dimension for each in found]
    largest = np.array([each.largest for each in found])
    below = largest - [each.least for each in found]
    axes.errorbar(
        at, largest, yerr=[below, np.zeros_like(below)], fmt="o", color=BETTER, markersize=4, elinewidth=1.1,
        capsize=2.5, label="measured here", zorder=4,
    )  # fmt: skip
    axes.set_xlabel("dimensions d")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(color=GREY, alpha=0.3, linewidth=0.5)
    axes.set_axisbelow(True)


def _paper(axes: Axes, size: float) -> None:
    dimensions, numbers = list(published.CRITICAL), list(published.CRITICAL.values())
    fine = np.linspace(dimensions[0], dimensions[-1], 300)
    value, low, high = np.moveaxis(fit(published.CRITICAL).at(fine), -1, 0)
    axes.fill_between(fine, low, high, color=WORSE, alpha=0.45, linewidth=0, zorder=2)
    axes.plot(fine, value, color=INK, linewidth=1, label="cubic through the paper's numbers", zorder=3)
    axes.scatter(
        dimensions, numbers, s=size, facecolor="white", edgecolor=INK, linewidth=0.8, label="the paper", zorder=3.5
    )


def _highest(found: Sequence[Capacity], k: int) -> float:
    """Of what stands within the measured dimensions."""
    papers = (published.critical(each.dimension, k) or 0 for each in found)
    return max(*(each.largest for each in found), *papers)
