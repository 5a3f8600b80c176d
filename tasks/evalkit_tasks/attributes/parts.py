"""What a generated attribute is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import log10
from random import Random

Target = Callable[[Random], int]
"""Draws about what a value shall be, in the attribute's own steps."""
Form = Callable[[Random, int], tuple[str, Fraction | int]]
"""Says a target, in words of its own choosing, and what it has then said to the point."""


@dataclass(frozen=True)
class Row:
    """A text, its value and the template that it was made with."""

    text: str
    value: float
    group: str


@dataclass(frozen=True)
class Template:
    """A way to tell a value.

    Attributes:
        name: The group of its texts.
        sentence: With `{x}` where the value is told.
        form: How it is told.
    """

    name: str
    sentence: str
    form: Form


@dataclass(frozen=True)
class Attribute:
    """An attribute whose texts are generated.

    Attributes:
        description: What is ordered, and in which unit.
        target: Draws the values.
        templates: The ways to tell one.
        apart: Kinds of asides that could be taken for the value.
        high: A text that is far up, for the axis without any example.
        low: A text that is far down.
        in_logarithm: Whether the value is the logarithm of what is told. The order is the same, but an axis that is
            learnt by least squares would see nothing but the few largest ones.
    """

    description: str
    target: Target
    templates: tuple[Template, ...]
    apart: frozenset[str]
    high: str
    low: str
    in_logarithm: bool = False


def templates(form: Form, **sentences: str) -> tuple[Template, ...]:
    """Templates of one form."""
    return tuple(Template(name, sentence, form) for name, sentence in sentences.items())


def number(value: Fraction | int) -> float | int:
    """A whole number, or the float next to it."""
    exact = Fraction(value)
    return int(exact) if exact.denominator == 1 else float(exact)


def logarithm(value: Fraction | float) -> float:
    """To the base of ten and six decimals: coarser than what machines compute differently."""
    return round(log10(value), 6)
