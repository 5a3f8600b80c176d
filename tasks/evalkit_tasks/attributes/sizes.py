"""Lengths, areas and durations: the unit matters more than the number."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from evalkit_tasks.attributes.amounts import Unit, amount, amount_in_words
from evalkit_tasks.attributes.chance import any_size
from evalkit_tasks.attributes.parts import Attribute, Form, Template

if TYPE_CHECKING:
    from random import Random


def _unit(size: str, one: str, many: str = "", short: str = "") -> Unit:
    many = many or one + "s"
    return Unit(Fraction(size), one, many, short or many)


_LENGTHS = (
    _unit("0.001", "millimetre", short="mm"),
    _unit("0.01", "centimetre", short="cm"),
    _unit("1", "metre", short="m"),
    _unit("1000", "kilometre", short="km"),
    _unit("0.0254", "inch", "inches"),
    _unit("0.3048", "foot", "feet", "ft"),
    _unit("1609.344", "mile"),
)
_AREAS = (
    _unit("0.0001", "square centimetre", short="cm²"),
    _unit("1", "square metre", short="m²"),
    _unit("10000", "hectare", short="ha"),
    _unit("1000000", "square kilometre", short="km²"),
    _unit("0.09290304", "square foot", "square feet", "sq ft"),
    _unit("4046.8564224", "acre"),
    _unit("2589988.110336", "square mile"),
)
_DURATIONS = (
    _unit("1", "second", short="s"),
    _unit("60", "minute", short="min"),
    _unit("3600", "hour", short="h"),
    _unit("86400", "day"),
    _unit("604800", "week"),
    _unit("2629800", "month"),  # a twelfth of a year of 365.25 days
    _unit("31557600", "year"),
)


def _forms(units: tuple[Unit, ...], step: Fraction) -> tuple[Form, Form]:
    """Ways to tell an amount in digits and in words; `step` is what the target counts, in the base unit."""

    def digits(source: Random, target: int) -> tuple[str, Fraction]:
        return amount(source, target * step, units)

    def words(source: Random, target: int) -> tuple[str, Fraction]:
        return amount_in_words(source, target * step, units)

    return digits, words


_length, _length_in_words = _forms(_LENGTHS, Fraction(1, 10**6))
_area, _area_in_words = _forms(_AREAS, Fraction(1, 10**6))
_duration, _duration_in_words = _forms(_DURATIONS, Fraction(1))

LENGTHS = Attribute(
    "lengths from 1 mm to 1,000 km, as many of each power of ten, as logarithms of metres",
    lambda source: any_size(source, 4, 12),
    (
        Template("measured", "By her own measurement it is {x} long.", _length),
        Template("apart", "The two marks are {x} apart.", _length),
        Template("drawing", "Length according to the drawing: {x}.", _length),
        Template("missing", "In the end {x} of cable were missing.", _length),
        Template("spoken", "It must be {x} from one end to the other, he said.", _length_in_words),
    ),
    frozenset({"length"}),
    "It is 1,000 kilometres long.",
    "It is one millimetre long.",
    in_logarithm=True,
)
AREAS = Attribute(
    "areas from 1 cm² to 10,000 km², as many of each power of ten, as logarithms of square metres",
    lambda source: any_size(source, 3, 16),
    (
        Template("covers", "Altogether it covers {x}.", _area),
        Template("report", "Area according to the report: {x}.", _area),
        Template("painted", "They had marked {x} on the map in red.", _area),
        Template("dispute", "The dispute is about {x}, neither more nor less.", _area),
        Template("spoken", "That makes {x}, said the surveyor.", _area_in_words),
    ),
    frozenset({"length"}),
    "It covers 10,000 square kilometres.",
    "It covers one square centimetre.",
    in_logarithm=True,
)
DURATIONS = Attribute(
    "durations from 1 second to some 300 years, as many of each power of ten, as logarithms of seconds",
    lambda source: any_size(source, 1, 10),
    (
        Template("lasted", "From beginning to end it lasted {x}.", _duration),
        Template("waited", "Between the two signals there were {x}.", _duration),
        Template("log", "Elapsed time in the log: {x}.", _duration),
        Template("left", "According to the display there are {x} left.", _duration),
        Template("spoken", "It takes {x}, as everybody knows.", _duration_in_words),
    ),
    frozenset({"duration", "age"}),
    "It lasted 300 years.",
    "It lasted one second.",
    in_logarithm=True,
)
