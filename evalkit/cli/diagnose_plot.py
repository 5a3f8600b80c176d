"""The picture of `evalkit diagnose`: spectra on two logarithmic axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalkit import plots
from evalkit.diagnostics.spectrum import FIRST_RANK, LAST_RANK

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from evalkit.cli.diagnosed import Diagnosed

_WIDTH, _HEIGHT = 6.4, 4.0
_SMALLEST = 1e-9
_MOST_NAMED = 8
_DASHES = ("-", "--", ":", "-.")


def draw(encoder: str, found: Sequence[Diagnosed], path: Path) -> Path:
    """Write the spectra of an encoder's vectors on some texts as SVG.

    Raises:
        EvalkitError: matplotlib is not installed, or the file cannot be written.
    """
    with plots.style():
        figure = plots.figure(_WIDTH, _HEIGHT)
        axes = figure.add_subplot()
        for place, each in enumerate(found):
            _line(axes, each, place, len(found))
        if len(found) == 1:
            _fit(axes, found[0])
        _logarithmic(axes)
        axes.set_xlabel("principal direction")
        axes.set_ylabel("share of the variance")
        axes.set_title(f"Spectrum of {plots.shortened(encoder)}")
        axes.legend(frameon=False, loc="lower left")
        return plots.save(figure, path)


def _logarithmic(axes: Axes) -> None:
    """Powers of ten as plain numbers: formulas are not set in these pictures."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda rank, _: f"{rank:g}"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g} %"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_minor_formatter(NullFormatter())


def _line(axes: Axes, each: Diagnosed, place: int, n: int) -> None:
    shares = each.diagnosis.spectrum
    shares = shares[shares > _SMALLEST]
    shade = plots.BETTER if n == 1 or place % 2 == 0 else plots.GREY
    texts = f"{plots.shortened(each.texts)} ({each.diagnosis.n:,} texts)"
    label = texts if place < _MOST_NAMED else None
    axes.plot(
        np.arange(1, len(shares) + 1), shares, color=shade, linestyle=_DASHES[place // 2 % len(_DASHES)], label=label
    )


def _fit(axes: Axes, each: Diagnosed) -> None:
    """The power law of alpha-ReQ, through the middle of the ranks that it is fitted to."""
    alpha, shares = each.diagnosis.values["alpha_req"], each.diagnosis.spectrum
    if alpha is None:
        return
    ranks = np.arange(FIRST_RANK, min(LAST_RANK, int((shares > _SMALLEST).sum())) + 1)
    weights = 1 / ranks
    level = float(np.average(np.log(shares[ranks - 1]) + alpha * np.log(ranks), weights=weights))
    axes.plot(ranks, np.exp(level - alpha * np.log(ranks)), color=plots.WORSE, linewidth=3, zorder=0)
    middle = ranks[len(ranks) // 2]
    axes.annotate(
        f"alpha-ReQ {alpha:.2f}",
        (float(middle), float(np.exp(level - alpha * np.log(middle)))),
        xytext=(8, 6),
        textcoords="offset points",
        color=plots.INK,
    )
