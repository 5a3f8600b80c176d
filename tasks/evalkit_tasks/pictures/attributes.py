"""What the pictures are ordered by, and how one of each is drawn: everything but the value varies freely.

Shapes are as often lighter than the ground as darker, so that how bright a picture is says nothing of how many or how
large they are. Where there are two ways to draw a value they are the groups, and an axis must carry from one to the
other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isqrt
from typing import TYPE_CHECKING

import numpy as np

from evalkit_tasks.pictures.canvas import (
    FINE,
    WIDTH,
    as_pixels,
    bar,
    colour,
    diamond,
    disc,
    ellipse,
    ground,
    paint,
    square,
    whole,
)
from evalkit_tasks.pictures.light import gains

if TYPE_CHECKING:
    from random import Random

    from evalkit.types import IntArray
    from evalkit_tasks.pictures.protocol import Pixels

_SLOPE = 15  # of a background
_CONTRAST = (40, 70)  # of shape and ground, in every channel
_MOST_DOTS = 20
_MARGIN = FINE  # between two shapes, and between a shape and the edge
_AREA = (WIDTH * WIDTH * 3 // 100, WIDTH * WIDTH * 10 // 100)  # of all dots together
_RADIUS = (6, 13)  # of a dot
_HALVES = (WIDTH // 20, WIDTH * 3 // 10)  # half the width of a single shape
_LEVELS = (60, 195)
_DEGREES = (0, 90)
_MIREDS = (100, 333)  # a million over the kelvins: steps that look alike
_PATCHES = 8
_SHAPES = (disc, square, diamond)

Draw = Callable[["Random", int, str], "Pixels"]
"""(source of chance, step of the scale, group) to (SIDE, SIDE, 3) pixels."""


@dataclass(frozen=True)
class Attribute:
    """Something that pictures can be ordered by.

    Attributes:
        draw: Draws one picture.
        low: Smallest step of its scale.
        high: Largest step.
        groups: Ways of drawing it.
        poles: What the lowest and the highest picture are in words.
        description: Of the task.
        value: What a step of the scale is worth.
    """

    draw: Draw
    low: int
    high: int
    groups: tuple[str, ...]
    poles: tuple[str, str]
    description: str
    value: Callable[[int], float] = float


def _count(source: Random, count: int, group: str) -> Pixels:
    """Dots that never touch; all of one size, which either is drawn freely or shares out an area that is."""
    area = whole(source, *_AREA)
    radius = whole(source, *_RADIUS) if group == "equal dots" else max(1, isqrt(area * 113 // (355 * count)))
    base = colour(source, 75, 180)
    picture = ground(source, base, _SLOPE)
    ink = _ink(source, base)
    dots = [disc(x, y, radius) for x, y in _apart(source, count, radius)]
    return as_pixels(paint(picture, np.logical_or.reduce(dots), ink))


def _apart(source: Random, count: int, radius: int) -> list[tuple[int, int]]:
    """Centres of discs, drawn anew until none is nearer than the margin to another."""
    places: list[tuple[int, int]] = []
    nearest = (2 * radius + _MARGIN) ** 2
    while len(places) < count:
        x, y = _place(source, radius)
        if all((x - a) ** 2 + (y - b) ** 2 >= nearest for a, b in places):
            places.append((x, y))
    return places


def _size(source: Random, half: int, group: str) -> Pixels:
    shape = {"disc": disc, "square": square}[group]
    base = colour(source, 75, 180)
    x, y = _place(source, half)
    return as_pixels(paint(ground(source, base, _SLOPE), shape(x, y, half), _ink(source, base)))


def _brightness(source: Random, level: int, group: str) -> Pixels:  # noqa: ARG001
    """A scene of coloured patches, shifted as a whole to the mean that is asked for."""
    scene = _scene(source, -30, 30)
    return as_pixels(scene - round(int(scene.sum()) / scene.size) + level)


def _rotation(source: Random, degrees: int, group: str) -> Pixels:
    shape = {"bar": bar, "ellipse": ellipse}[group]
    half = whole(source, WIDTH // 6, WIDTH // 3)
    thick = whole(source, half // 6, half // 3)
    base = colour(source, 75, 180)
    x, y = _place(source, half)
    return as_pixels(paint(ground(source, base, _SLOPE), shape(x, y, half, thick, degrees), _ink(source, base)))


def _temperature(source: Random, mired: int, group: str) -> Pixels:  # noqa: ARG001
    """A scene of greyish patches under a weak or strong light of that colour."""
    scene = _scene(source, 70, 115)
    strength = whole(source, 60, 110)
    return as_pixels(scene * gains(kelvin(mired)) * strength // (100 * 1024))


def kelvin(mired: int) -> float:
    """Colour temperature of a step of the scale of light, which runs from cold to warm."""
    return round(1e6 / mired, 1)


def _scene(source: Random, low: int, high: int) -> IntArray:
    picture = ground(source, colour(source, low, high), 0)
    for _ in range(_PATCHES):
        half = whole(source, WIDTH // 16, WIDTH // 4)
        shape = _SHAPES[whole(source, 0, len(_SHAPES) - 1)]
        x, y = whole(source, 0, WIDTH - 1), whole(source, 0, WIDTH - 1)
        picture = paint(picture, shape(x, y, half), colour(source, low, high))
    return picture


def _ink(source: Random, base: IntArray) -> IntArray:
    """A colour that is lighter than the ground in all channels, or darker."""
    sign = 1 if source.random() < 0.5 else -1
    return base + sign * colour(source, *_CONTRAST)


def _place(source: Random, half: int) -> tuple[int, int]:
    """Centre of a shape that lies within the picture."""
    low, high = half + _MARGIN, WIDTH - 1 - half - _MARGIN
    return whole(source, low, high), whole(source, low, high)


ATTRIBUTES = {
    "PictureCount": Attribute(
        _count,
        1,
        _MOST_DOTS,
        ("equal area", "equal dots"),
        ("a picture of one dot", "a picture of very many dots"),
        "How many dots are there? In one group the dots together cover an area that has nothing to do with their "
        "number, in the other each dot has a size that has nothing to do with it.",
    ),
    "PictureSize": Attribute(
        _size,
        *_HALVES,
        ("disc", "square"),
        ("a picture of a tiny shape", "a picture of a huge shape"),
        "How wide is the shape, in percent of the picture?",
        lambda half: round(200 * half / WIDTH, 2),
    ),
    "PictureBrightness": Attribute(
        _brightness,
        *_LEVELS,
        (),
        ("a dark picture", "a bright picture"),
        "How bright is the picture? The mean of its pixels is the answer, so every encoder that sees pixels can know.",
    ),
    "PictureRotation": Attribute(
        _rotation,
        *_DEGREES,
        ("bar", "ellipse"),
        ("a picture of a lying bar", "a picture of a standing bar"),
        "By how many degrees is the long shape turned, from lying to standing?",
    ),
    "PictureTemperature": Attribute(
        _temperature,
        *_MIREDS,
        (),
        ("a picture in cold bluish light", "a picture in warm orange light"),
        "How warm is the light, in mired (a million over the kelvins of its colour temperature)?",
    ),
}
"""The built-in tasks of pictures, by name."""
