"""Drawing in whole numbers, so that a picture is the same to the bit on every machine.

Shapes are decided on a grid four times as fine as the pixels; the share of a pixel that they cover softens their edges.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from random import Random

    from evalkit.types import IntArray
    from evalkit_tasks.pictures.protocol import Pixels

SIDE = 64
"""Pixels along a picture's side."""
FINE = 4
"""Points of the fine grid along a pixel's side."""
WIDTH = SIDE * FINE
"""Points along a picture's side."""

Mask: TypeAlias = NDArray[np.bool_]
"""(WIDTH, WIDTH) the points that a shape covers."""

_UNIT = 1024  # sines are whole multiples of its reciprocal: libraries that differ in the last bit give the same
_SHARES = FINE * FINE


def whole(source: Random, low: int, high: int) -> int:
    """A whole number from low to high, both included, each equally likely."""
    return low + int(source.random() * (high - low + 1))


def colour(source: Random, low: int, high: int) -> IntArray:
    """(3,) a whole number from low to high for each channel."""
    return np.array([whole(source, low, high) for _ in range(3)], dtype=np.int64)


def ground(source: Random, base: IntArray, slope: int) -> IntArray:
    """(SIDE, SIDE, 3) a background whose channels each change by up to twice `slope` from edge to edge."""
    down, right = colour(source, -slope, slope), colour(source, -slope, slope)
    steps = np.arange(SIDE, dtype=np.int64) * 2 - (SIDE - 1)
    tilt = steps[:, None, None] * down + steps[None, :, None] * right
    return np.asarray(base + tilt // (2 * SIDE))


def paint(picture: IntArray, mask: Mask, ink: IntArray) -> IntArray:
    """The picture with a shape of one colour on it."""
    covered = mask.reshape(SIDE, FINE, SIDE, FINE).sum(axis=(1, 3))[:, :, None]
    return np.asarray((picture * (_SHARES - covered) + ink * covered + _SHARES // 2) // _SHARES)


def as_pixels(picture: IntArray) -> Pixels:
    """Values beyond black and white are cut."""
    return picture.clip(0, 255).astype(np.uint8)


def disc(x: int, y: int, radius: int) -> Mask:
    """A disc; lengths in points of the fine grid, as everywhere below."""
    across, down = _offsets(x, y)
    return np.asarray(across**2 + down**2 <= radius**2)


def square(x: int, y: int, half: int) -> Mask:
    """An upright square of side 2 `half`."""
    across, down = _offsets(x, y)
    return np.asarray((abs(across) <= half) & (abs(down) <= half))


def diamond(x: int, y: int, half: int) -> Mask:
    """A square on its corner, 2 `half` wide."""
    across, down = _offsets(x, y)
    return np.asarray(abs(across) + abs(down) <= half)


def bar(x: int, y: int, half: int, thick: int, degrees: int) -> Mask:
    """A rectangle of 2 `half` by 2 `thick`, turned anticlockwise from lying."""
    along, beside = _turned(x, y, degrees)
    return np.asarray((abs(along) <= half * _UNIT) & (abs(beside) <= thick * _UNIT))


def ellipse(x: int, y: int, half: int, thick: int, degrees: int) -> Mask:
    """An ellipse of half axes `half` and `thick`, turned anticlockwise from lying."""
    along, beside = _turned(x, y, degrees)
    return np.asarray((along * thick) ** 2 + (beside * half) ** 2 <= (half * thick * _UNIT) ** 2)


def _offsets(x: int, y: int) -> tuple[IntArray, IntArray]:
    points = np.arange(WIDTH, dtype=np.int64)
    return points[None, :] - x, points[:, None] - y


def _turned(x: int, y: int, degrees: int) -> tuple[IntArray, IntArray]:
    across, down = _offsets(x, y)
    cosine, sine = (round(_UNIT * part(math.radians(degrees))) for part in (math.cos, math.sin))
    return across * cosine - down * sine, across * sine + down * cosine
