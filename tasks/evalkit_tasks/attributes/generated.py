"""Texts of the generated attributes: templates and numbers of asides are drawn without regard to the value."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from evalkit_tasks.attributes.asides import asides
from evalkit_tasks.attributes.chance import whole
from evalkit_tasks.attributes.numbers import NUMBER_DIGITS, NUMBER_SIX_DIGITS, NUMBER_WORDS, PRICES, TEMPERATURES
from evalkit_tasks.attributes.parts import Attribute, Row, Template, logarithm, number
from evalkit_tasks.attributes.sizes import AREAS, DURATIONS, LENGTHS
from evalkit_tasks.attributes.times import AGES, DATES, DAYS_OF_YEAR, YEARS
from evalkit_tasks.stress.draws import draw, stream

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from random import Random

ATTRIBUTES: Mapping[str, Attribute] = {
    "RankNumberDigits": NUMBER_DIGITS,
    "RankNumberSixDigits": NUMBER_SIX_DIGITS,
    "RankNumberWords": NUMBER_WORDS,
    "RankYears": YEARS,
    "RankDates": DATES,
    "RankDaysOfYear": DAYS_OF_YEAR,
    "RankPrices": PRICES,
    "RankLengths": LENGTHS,
    "RankAreas": AREAS,
    "RankDurations": DURATIONS,
    "RankTemperatures": TEMPERATURES,
    "RankAges": AGES,
}
_MOST_ASIDES = 3

T = TypeVar("T")


def rows(name: str, items: int, seed: int) -> Iterator[Row]:
    """Texts and values of a generated attribute, in no order.

    Args:
        name: Of the attribute.
        items: How many.
        seed: Of every draw.
    """
    attribute, source = ATTRIBUTES[name], stream(seed, name)
    ways = [(template, count) for template in attribute.templates for count in range(_MOST_ASIDES + 1)]
    seen: set[str] = set()
    for template, count in spread(source, ways, items):
        row = _row(source, attribute, attribute.target(source), template, count)
        while row.text in seen:
            row = _row(source, attribute, attribute.target(source), template, count + 1)
        seen.add(row.text)
        yield row


def spread(source: Random, ways: Sequence[T], items: int) -> list[T]:
    """Each way as often as any other, in random order.

    The values play no part in it. Were every way spread evenly over them, the mean of its other items would tell an
    item by what it lacks, and an axis that learns nothing but templates would come out far below zero.
    """
    return draw(source, [ways[place % len(ways)] for place in range(items)], items)


def _row(source: Random, attribute: Attribute, target: int, template: Template, count: int) -> Row:
    told, value = template.form(source, target)
    sentences = asides(source, count, attribute.apart)
    sentences.insert(whole(source, 0, count), template.sentence.replace("{x}", told))
    scale = logarithm if attribute.in_logarithm else number
    return Row(" ".join(sentences), scale(value), template.name)
