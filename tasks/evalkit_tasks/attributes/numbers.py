"""Bare numbers, prices and temperatures: the value is told without a unit, or with one that says little."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from evalkit_tasks.attributes.amounts import shown
from evalkit_tasks.attributes.chance import any_size, pick, whole
from evalkit_tasks.attributes.parts import Attribute, Template, templates
from evalkit_tasks.attributes.wording import grouped, in_words

if TYPE_CHECKING:
    from random import Random

_COUNTED = {
    "counter": "The counter in the corner stood at {x}.",
    "result": "After an hour of arithmetic they agreed on {x}.",
    "notebook": "The last line of the notebook says {x} and nothing else.",
    "answer": "Asked how many there were, she said {x} without looking up.",
    "total": "In the end it came to {x} in all.",
}


def _digits(source: Random, target: int) -> tuple[str, int]:
    return pick(source, (grouped(target), str(target))), target


def _words(_: Random, target: int) -> tuple[str, int]:
    return in_words(target), target


def _few_digits(source: Random) -> int:
    """A number of 1 to 9 digits, all but the first one to three of them zero, as numbers are that are said aloud."""
    digits = whole(source, 1, 9)
    told = min(digits, whole(source, 1, 3))
    zeros: int = 10 ** (digits - told)
    return any_size(source, told, told) * zeros


NUMBER_DIGITS = Attribute(
    "numbers from 1 to 10^9 in digits, as many of each number of digits, as logarithms",
    lambda source: any_size(source, 1, 9),
    templates(_digits, **_COUNTED),
    frozenset({"count", "word"}),
    "The number is 900,000,000.",
    "The number is 1.",
    in_logarithm=True,
)
NUMBER_SIX_DIGITS = Attribute(
    "numbers from 100,000 to 999,999: the control of RankNumberDigits, where no number has more digits than another",
    lambda source: whole(source, 100_000, 999_999),
    templates(_digits, **_COUNTED),
    frozenset({"count", "word"}),
    "The number is 990,000.",
    "The number is 100,000.",
)
NUMBER_WORDS = Attribute(
    "numbers from 1 to 10^9 in words, with one to three digits that are not zero, as logarithms",
    _few_digits,
    templates(_words, **_COUNTED),
    frozenset({"count"}),
    "The number is nine hundred million.",
    "The number is one.",
    in_logarithm=True,
)


# -- prices --------------------------------------------------------------------------------------------------------


def _price(source: Random, target: int) -> tuple[str, Fraction]:
    """A price in dollars and cents, in thousands or in millions, as its size allows; the target is in cents."""
    if target < 100:
        return pick(source, (f"$0.{target:02d}", f"{target} cent{'s' if target > 1 else ''}")), Fraction(target, 100)
    if target < 100_000:
        return f"${target // 100}.{target % 100:02d}", Fraction(target, 100)
    if target < 100_000_000:
        thousands = Fraction(target // 10_000, 10)
        return pick(source, (f"${shown(thousands)}k", f"${grouped(int(thousands * 1000))}")), thousands * 1000
    millions = Fraction(target // 10_000_000, 10)
    return pick(source, (f"${shown(millions)} million", f"${shown(millions)}m")), millions * 10**6


def _price_in_words(_: Random, target: int) -> tuple[str, Fraction]:
    """The first two digits of a price, in words."""
    step = 10 ** max(0, len(str(target)) - 2)
    cents = target // step * step
    if cents < 100:
        return f"{in_words(cents)} cent{'s' if cents > 1 else ''}", Fraction(cents, 100)
    dollars, rest = divmod(cents, 100)
    tail = f" and {in_words(rest)} cents" if rest else ""
    return f"{in_words(dollars)} dollar{'s' if dollars > 1 else ''}{tail}", Fraction(cents, 100)


PRICES = Attribute(
    "prices from 1 cent to 10 million dollars, as many of each number of digits, as logarithms",
    lambda source: any_size(source, 1, 9),
    (
        Template("tag", "The tag on the thing in the window says {x}.", _price),
        Template("sold", "At the auction it went for {x} to a bidder on the telephone.", _price),
        Template("asked", "He wants {x} for it and will not take less.", _price),
        Template("receipt", "Receipt: one item, {x}, paid in full.", _price),
        Template("spoken", "It cost me {x}, said the woman behind the counter.", _price_in_words),
    ),
    frozenset({"price"}),
    "It is extremely expensive: ten million dollars.",
    "It is extremely cheap: one cent.",
    in_logarithm=True,
)


# -- temperatures --------------------------------------------------------------------------------------------------


def _celsius(_: Random, target: int) -> tuple[str, int]:
    return f"{'-' * (target < 0)}{abs(target)} °C", target


def _signed(_: Random, target: int) -> tuple[str, int]:
    return f"{'minus ' if target < 0 else 'plus '}{abs(target)} degrees Celsius", target


def _side_of_zero(_: Random, target: int) -> tuple[str, int]:
    if target == 0:
        return "exactly zero degrees Celsius", 0
    degrees = f"{in_words(abs(target))} degree{'s' if abs(target) > 1 else ''}"
    return f"{degrees} Celsius {'below' if target < 0 else 'above'} zero", target


def _fahrenheit(_: Random, target: int) -> tuple[str, Fraction]:
    fahrenheit = (Fraction(target * 9, 5) + 32).__floor__()
    return f"{'-' * (fahrenheit < 0)}{abs(fahrenheit)} °F", round(Fraction(5 * (fahrenheit - 32), 9), 2)


TEMPERATURES = Attribute(
    "temperatures from -60 to 60 °C, some of them told in degrees Fahrenheit, in degrees Celsius",
    lambda source: whole(source, -60, 60),
    (
        Template("reading", "The instrument on the roof reads {x}.", _celsius),
        Template("chamber", "The test chamber is kept at {x} until the evening.", _celsius),
        Template("signed", "By radio they reported {x} and asked for instructions.", _signed),
        Template("spoken", "It is {x} where my sister works at present.", _side_of_zero),
        Template("fahrenheit", "The old thermometer in the hall shows {x}.", _fahrenheit),
    ),
    frozenset({"temperature"}),
    "It is extremely hot, 60 degrees Celsius above zero.",
    "It is extremely cold, 60 degrees Celsius below zero.",
)
