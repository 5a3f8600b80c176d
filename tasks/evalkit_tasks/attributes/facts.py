"""Facts of the world: names whose order an encoder can only know, for the texts do not tell it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import asin, cos, radians, sin, sqrt
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit_tasks.attributes.generated import spread
from evalkit_tasks.attributes.parts import Row, logarithm
from evalkit_tasks.attributes.wording import capital
from evalkit_tasks.stress.draws import draw, stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_TABLES = Path(__file__).parent / "tables"
_LONDON = (51.5, -0.1)
_EARTH = 6371.0
"""Mean radius in kilometres."""


@dataclass(frozen=True)
class Table:
    """A table of public figures and the sentences that its names are put in.

    Attributes:
        description: What is ordered, and in which unit.
        file: Names and figures, with tabs between them.
        value: Of a row, from its figures.
        sentences: With `{x}` for the name, by group.
        source: Where the figures are from, and of which year.
        high: A text that is far up, for the axis without any example.
        low: A text that is far down.
    """

    description: str
    file: str
    value: Callable[..., float]
    sentences: Mapping[str, str]
    source: str
    high: str
    low: str


def _from_london(latitude: float, longitude: float) -> int:
    """Along a great circle by the haversine formula, in kilometres, to the nearest ten."""
    there, here = radians(latitude), radians(_LONDON[0])
    east = radians(longitude - _LONDON[1])
    chord = sin((there - here) / 2) ** 2 + cos(there) * cos(here) * sin(east / 2) ** 2
    return 10 * round(2 * _EARTH * asin(sqrt(chord)) / 10)


def _plain(value: float) -> float:
    return int(value) if value == int(value) else value


def _latitude(latitude: float, _: float) -> float:
    return _plain(latitude)


_CITY_SOURCE = "coordinates of cities to a tenth of a degree, public knowledge, compared with GeoNames (2026)"
_CITY = {
    "moved": "A friend of ours has moved to {x}.",
    "born": "She was born in {x} and never lost the accent.",
    "meeting": "The next conference takes place in {x}.",
}
TABLES: Mapping[str, Table] = {
    "RankAtomicNumber": Table(
        "the 118 chemical elements by atomic number",
        "elements.tsv",
        _plain,
        {
            "name": "The chemical element {x}.",
            "known": "What do chemists know about {x}?",
            "table": "{X} has a square of its own in the periodic table.",
        },
        "atomic numbers and names of IUPAC (2016)",
        "A very heavy chemical element with a high atomic number.",
        "A very light chemical element with a low atomic number.",
    ),
    "RankCountryPopulation": Table(
        "147 countries by population, as logarithms of millions, estimates for July 2021",
        "populations.tsv",
        logarithm,
        {
            "question": "How many people live in {x}?",
            "letter": "A letter from {x} arrived this morning.",
            "travel": "Last summer they travelled through {x}.",
            "yearbook": "The statistical yearbook of {x} has appeared.",
        },
        "The World Factbook (CIA, public domain), estimates for July 2021, rounded",
        "A country with a very large population.",
        "A country with a very small population.",
    ),
    "RankMountainHeight": Table(
        "106 mountains by height above sea level, in metres",
        "mountains.tsv",
        _plain,
        {
            "question": "How high is {x}?",
            "picture": "A photograph of {x} hangs above the desk.",
            "climb": "He has always wanted to climb {x}.",
        },
        "heights as commonly published (national surveys, as of 2023); sources differ by some metres",
        "One of the highest mountains of the world.",
        "A low mountain, hardly more than a hill.",
    ),
    "RankCityDistance": Table(
        "123 cities by distance from London along a great circle, in kilometres to the nearest ten",
        "cities.tsv",
        _from_london,
        {"question": "How far is it from London to {x}?", **_CITY},
        _CITY_SOURCE,
        "A city on the other side of the world, very far from London.",
        "A city very close to London.",
    ),
    "RankCityLatitude": Table(
        "123 cities by latitude, in degrees north",
        "cities.tsv",
        _latitude,
        {"question": "How far north or south does {x} lie?", **_CITY},
        _CITY_SOURCE,
        "A city in the far north.",
        "A city in the far south.",
    ),
    "RankIndependenceYear": Table(
        "107 countries by the year in which they became independent, from 1776 to 2011",
        "independence.tsv",
        _plain,
        {
            "question": "When did {x} become independent?",
            "day": "{X} celebrates its independence every year.",
            "flag": "The flag of {x} flew above the embassy.",
        },
        "years of independence, public knowledge, compared with a public list of independence days (2021)",
        "A country that became independent only recently.",
        "A country that became independent long ago.",
    ),
}


def facts(name: str, seed: int) -> Iterator[Row]:
    """Texts and values of a table, one a row, in no order.

    Args:
        name: Of the task.
        seed: Of every draw.
    """
    table, source = TABLES[name], stream(seed, name)
    figures = sorted((table.value(*numbers), called) for called, numbers in read_table(table.file))
    sentences = spread(source, list(table.sentences.items()), len(figures))
    made = [
        Row(sentence.replace("{x}", called).replace("{X}", capital(called)), value, group)
        for (value, called), (group, sentence) in zip(figures, sentences, strict=True)
    ]
    yield from draw(source, made, len(made))


@cache
def read_table(file: str) -> tuple[tuple[str, tuple[float, ...]], ...]:
    """The rows of a table that ships: name and figures."""
    lines = (line.split("\t") for line in (_TABLES / file).read_text(encoding="utf-8").splitlines())
    return tuple((name, tuple(map(float, figures))) for name, *figures in lines)
