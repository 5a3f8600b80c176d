"""Figures that look the same on every machine, and SVG files that are the same byte for byte.

matplotlib is imported here and nowhere else, and only when something is drawn.
"""

from __future__ import annotations

import io
import warnings
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from evalkit.errors import EvalkitError
from evalkit.store import write_atomic

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#1a1a1a"
GREY = "#8c8c8c"
PALE = "#ececec"
BETTER = "#1f4e79"
WORSE = "#f2b880"
"""Dark blue and pale orange: apart in colour, and in black and white as dark and light."""
FONT = 9.0
_POINTS = 72
"""Points in an inch."""
_HINTING = 1.05
"""On a grid of pixels letters come out a little wider than their outlines."""
_STYLE = {
    # Letters as outlines: no font has to be there where the picture is looked at. The words stay in comments.
    "svg.fonttype": "path",
    "svg.hashsalt": "evalkit",
    "font.family": ["DejaVu Sans"],
    "font.size": FONT,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.8,
    "axes.titlesize": FONT + 1,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.parse_math": False,
    "axes.unicode_minus": True,
}


@contextmanager
def style() -> Iterator[None]:
    """The look of all pictures, whatever matplotlibrc the user has.

    Raises:
        EvalkitError: matplotlib is not installed.
    """
    matplotlib = _matplotlib()
    with matplotlib.rc_context(), warnings.catch_warnings():
        # A letter that the font lacks becomes a box; the word stands in the file's comments all the same.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def figure(width: float, height: float) -> Figure:
    """An empty figure, in inches; belongs inside `style`."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def bare(figure: Figure) -> Axes:
    """Axes without frame and ticks, in inches with the origin at the upper left, for what is drawn by hand."""
    width, height = (float(side) for side in figure.get_size_inches())
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    return axes


def svg(figure: Figure) -> str:
    """A figure as SVG, the same for the same figure."""
    out = io.BytesIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue().decode("utf-8")


def save(figure: Figure, path: Path) -> Path:
    """Write a figure as SVG.

    Raises:
        StoreError: The file cannot be written.
    """
    write_atomic(path, svg(figure))
    return path


@cache
def text_width(text: str, size: float = FONT, *, bold: bool = False) -> float:
    """Width of a text in inches, as `style` draws it."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    font = get_font(findfont(FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")))
    font.set_size(size, _POINTS)
    font.set_text(text)
    return _HINTING * float(font.get_width_height()[0]) / 64 / _POINTS


def shortened(name: str, longest: int = 48) -> str:
    """A name that leaves room for the picture: the middle of a long one gives way, as its ends tell names apart."""
    if len(name) <= longest:
        return name
    head = (longest - 1) // 2
    return f"{name[:head]}…{name[-(longest - 1 - head) :]}"


def _matplotlib() -> Any:
    try:
        import matplotlib
    except ImportError:
        raise EvalkitError(
            "Pictures need matplotlib, which is not installed.", hint="Run: pip install 'evalkit-embeddings[plots]'"
        ) from None
    return matplotlib
