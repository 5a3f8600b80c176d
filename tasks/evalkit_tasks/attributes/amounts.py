"""Amounts with a unit: a length of 0.35 km is shown as 350 metres, as 1,150 feet or as 0.35 km, and is worth the same.

What is shown decides the value, exactly, so that rounding for the eye never puts a value out of order.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from evalkit_tasks.attributes.chance import pick, whole
from evalkit_tasks.attributes.wording import grouped, in_words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

_MOST = 10_000  # of a unit; above it a larger one is used


@dataclass(frozen=True)
class Unit:
    """A unit of measurement.

    Attributes:
        size: In the attribute's base unit.
        one: Its name behind the number 1.
        many: Its name behind other numbers.
        short: Its symbol.
    """

    size: Fraction
    one: str
    many: str
    short: str


def amount(source: Random, target: Fraction, units: Sequence[Unit]) -> tuple[str, Fraction]:
    """An amount near the target in a drawn unit, in digits, and what it is worth in the base unit."""
    unit = _unit(source, target, units)
    number = rounded(target / unit.size, whole(source, 2, 3))
    name = pick(source, (unit.short, unit.one if number == 1 else unit.many))
    return f"{shown(number)} {name}", number * unit.size


def amount_in_words(source: Random, target: Fraction, units: Sequence[Unit]) -> tuple[str, Fraction]:
    """The same in words, with a whole number of at most two digits that are not zero."""
    unit = _unit(source, target, units)
    number = max(1, int(rounded(target / unit.size, 2)))
    return f"{in_words(number)} {unit.one if number == 1 else unit.many}", number * unit.size


def rounded(number: Fraction, digits: int) -> Fraction:
    """To so many digits that are not zero, at least one; halves go up."""
    step = Fraction(1)
    while number / step >= 10**digits:
        step *= 10
    while number / step < 10 ** (digits - 1):
        step /= 10
    return (number / step + Fraction(1, 2)).__floor__() * step


def shown(number: Fraction) -> str:
    """A number in digits, with commas and without zeros at the end of its decimals."""
    decimals = 0
    while (number * 10**decimals).denominator != 1:
        decimals += 1
    if not decimals:
        return grouped(int(number))
    scaled = int(number * 10**decimals)
    before, after = divmod(scaled, 10**decimals)
    return f"{grouped(before)}.{after:0{decimals}d}"


def _unit(source: Random, target: Fraction, units: Sequence[Unit]) -> Unit:
    return pick(source, [unit for unit in units if 1 <= target / unit.size < _MOST])
