"""Built-in attributes: what a text tells is its value, nothing else in it does, and the same bytes everywhere."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tomllib
from collections import Counter
from datetime import date, datetime
from fractions import Fraction
from math import log10
from pathlib import Path
from random import Random

import helpers
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, cross_val_predict

import evalkit
from evalkit.errors import EvalkitError
from evalkit_tasks.attributes.__main__ import main
from evalkit_tasks.attributes.amounts import rounded, shown
from evalkit_tasks.attributes.asides import listed
from evalkit_tasks.attributes.facts import TABLES, facts, read_table
from evalkit_tasks.attributes.generated import ATTRIBUTES, spread
from evalkit_tasks.attributes.parts import Row
from evalkit_tasks.attributes.wording import in_words, ordinal, ordinal_in_words, year_in_words
from evalkit_tasks.attributes.write import FILES, NAMES, texts, write_task
from evalkit_tasks.collection import COLLECTION, DATA

LENGTH_BOUND = 0.15
"""Spearman of a value with the characters, words or digits of its text; 0.088 is two standard errors of 500 items."""
FACT_BOUND = 0.2
"""The same for tables, where the length of a name is what it is; 0.18 is two standard errors of 118 items."""
DIGITS_TELL = "RankNumberDigits"
"""A larger number has more digits: no distractor changes that. `RankNumberSixDigits` is the control."""


def shipped(name: str) -> list[Row]:
    lines = (DATA / name / "test.jsonl").read_text(encoding="utf-8").splitlines()
    return [Row(**json.loads(line)) for line in lines]


def told(name: str, group: str) -> list[tuple[str, float]]:
    """What the sentences of a template say in the place of the value, and the value."""
    [template] = (each for each in ATTRIBUTES[name].templates if each.name == group)
    before, after = map(re.escape, template.sentence.split("{x}"))
    pattern = re.compile(f"{before}(.+?){after}(?= [A-Z]|$)")
    rows = [row for row in shipped(name) if row.group == group]
    assert rows
    return [(pattern.search(row.text)[1], row.value) for row in rows]  # type: ignore[index]


# -- words ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "zero"),
        (13, "thirteen"),
        (40, "forty"),
        (99, "ninety-nine"),
        (100, "one hundred"),
        (110, "one hundred and ten"),
        (1000, "one thousand"),
        (1001, "one thousand and one"),
        (1100, "one thousand, one hundred"),
        (82_050, "eighty-two thousand and fifty"),
        (999_999, "nine hundred and ninety-nine thousand, nine hundred and ninety-nine"),
        (2_300_004, "two million, three hundred thousand and four"),
        (10**9, "one billion"),
    ],
)
def test_numbers_in_words(number: int, words: str) -> None:
    assert in_words(number) == words


@given(st.integers(0, 10**12 - 1), st.integers(0, 10**12 - 1))
def test_no_two_numbers_share_their_words(one: int, other: int) -> None:
    assert (in_words(one) == in_words(other)) == (one == other)


@pytest.mark.parametrize(
    ("year", "words"),
    [
        (1000, "one thousand"),
        (1066, "ten sixty-six"),
        (1105, "eleven oh five"),
        (1900, "nineteen hundred"),
        (1947, "nineteen forty-seven"),
        (2000, "two thousand"),
        (2007, "two thousand and seven"),
        (2024, "twenty twenty-four"),
    ],
)
def test_years_in_words(year: int, words: str) -> None:
    assert year_in_words(year) == words


def test_days_of_the_month_as_ordinals() -> None:
    days = " ".join(ordinal(day) for day in (1, 2, 3, 4, 11, 12, 13, 21, 22, 23, 30, 31))
    assert days == "1st 2nd 3rd 4th 11th 12th 13th 21st 22nd 23rd 30th 31st"
    days = " ".join(ordinal_in_words(day) for day in (1, 2, 3, 5, 8, 9, 12, 14, 20, 21, 30, 31))
    assert days == (
        "first second third fifth eighth ninth twelfth fourteenth twentieth twenty-first thirtieth thirty-first"
    )


@given(st.fractions(Fraction(1, 1000), 10**6), st.integers(1, 4))
def test_a_rounded_number_is_near_and_is_shown_as_what_it_is(number: Fraction, digits: int) -> None:
    near = rounded(number, digits)
    assert abs(near - number) <= number * Fraction(1, 2 * 10 ** (digits - 1))
    assert Fraction(shown(near).replace(",", "")) == near
    assert len(re.sub(r"^[0.]+|\D", "", shown(near)).rstrip("0")) <= digits


# -- what a text tells is its value --------------------------------------------------------------------------------

METRES = {"mm": ".001", "millimetre": ".001", "cm": ".01", "centimetre": ".01", "m": "1", "metre": "1", "km": "1000"}
METRES |= {"kilometre": "1000", "inche": ".0254", "inch": ".0254", "ft": ".3048", "feet": ".3048", "foot": ".3048"}
METRES |= {"mile": "1609.344"}
SECONDS = {"second": "1", "": "1", "min": "60", "minute": "60", "h": "3600", "hour": "3600", "day": "86400"}
SECONDS |= {"week": "604800", "month": "2629800", "year": "31557600"}  # of 365.25 days; an "s" alone is taken off
SQUARE_METRES = {"cm²": ".0001", "square centimetre": ".0001", "m²": "1", "square metre": "1", "ha": "10000"}
SQUARE_METRES |= {"hectare": "10000", "km²": "1000000", "square kilometre": "1000000", "sq ft": ".09290304"}
SQUARE_METRES |= {"square feet": ".09290304", "square foot": ".09290304", "acre": "4046.8564224"}
SQUARE_METRES |= {"square mile": "2589988.110336"}


@pytest.mark.parametrize(
    ("name", "units"), [("RankLengths", METRES), ("RankAreas", SQUARE_METRES), ("RankDurations", SECONDS)]
)
def test_amounts_are_worth_their_value(name: str, units: dict[str, str]) -> None:
    for group in [each.name for each in ATTRIBUTES[name].templates if each.name != "spoken"]:
        for text, value in told(name, group):
            number, _, unit = text.partition(" ")
            worth = Fraction(number.replace(",", "")) * Fraction(units[unit.removesuffix("s")])
            assert value == round(log10(worth), 6), text


def test_amounts_in_words_are_worth_their_value() -> None:
    numbers = {in_words(number): number for number in range(1, 10_001)}
    for text, value in told("RankDurations", "spoken"):
        number, _, unit = text.rpartition(" ")
        assert value == round(log10(numbers[number] * Fraction(SECONDS[unit.removesuffix("s")])), 6), text


def test_numbers_are_their_value() -> None:
    for name in ("RankNumberDigits", "RankNumberSixDigits"):
        for group in (each.name for each in ATTRIBUTES[name].templates):
            for text, value in told(name, group):
                number = int(text.replace(",", ""))
                assert value == (number if name == "RankNumberSixDigits" else round(log10(number), 6))
                assert 100_000 <= number <= 999_999 or name == "RankNumberDigits"


def test_numbers_in_words_are_their_value() -> None:
    for text, value in told("RankNumberWords", "total"):
        # Six decimals of the logarithm give the first three digits back.
        assert in_words(int(rounded(Fraction(10**value), 3))) == text


def test_prices_are_their_value() -> None:
    scales = {"k": 1000, "m": 10**6, "million": 10**6, "cent": Fraction(1, 100), "cents": Fraction(1, 100), "": 1}
    for text, value in told("RankPrices", "tag"):
        found = re.fullmatch(r"\$?([\d,.]+) ?([a-z]*)", text)
        assert found, text
        assert value == round(log10(Fraction(found[1].replace(",", "")) * scales[found[2]]), 6), text


def test_temperatures_are_their_value() -> None:
    for text, value in told("RankTemperatures", "reading"):
        assert text == f"{value} °C"
    for text, value in told("RankTemperatures", "fahrenheit"):
        assert value == pytest.approx((int(text.removesuffix(" °F")) - 32) * 5 / 9, abs=0.005)
    for text, value in told("RankTemperatures", "spoken"):
        side = {-1: "below", 0: "", 1: "above"}[(value > 0) - (value < 0)]
        assert text.startswith(in_words(int(abs(value))) if value else "exactly zero")
        assert side in text


def test_dates_are_their_value() -> None:
    formats = {"signed": "%d %B %Y", "deadline": "%d %B %Y", "american": "%B %d, %Y", "stamp": "%Y-%m-%d"}
    for group, form in formats.items():
        for text, value in told("RankDates", group):
            assert (datetime.strptime(text, form).date() - date(1950, 1, 1)).days == value
    for text, value in told("RankDates", "weekday"):
        plain = re.sub(r"(\d)(st|nd|rd|th)", r"\1", text)
        assert (datetime.strptime(plain, "%A, %d %B %Y").date() - date(1950, 1, 1)).days == value
        assert text.startswith(f"{date.fromordinal(date(1950, 1, 1).toordinal() + int(value)):%A}")
    for text, value in told("RankDaysOfYear", "meeting"):
        assert datetime.strptime(f"{text}, 2023", "%B %d, %Y").timetuple().tm_yday == value
    for text, value in told("RankYears", "event"):
        assert text == str(value)


def test_ages_are_their_value() -> None:
    for group in ("form", "turned", "picture"):
        for text, value in told("RankAges", group):
            count, unit = text.split()
            assert value == int(count) / (12 if unit.startswith("month") else 1)


def test_the_value_of_a_passage_is_its_length() -> None:
    assert all(len(row.text) == row.value for row in shipped("RankTextLength"))


# -- nothing else does ---------------------------------------------------------------------------------------------


def correlations(rows: list[Row]) -> dict[str, float]:
    measures = {
        "characters": len,
        "words": lambda text: len(text.split()),
        "digits": lambda text: sum(letter.isdigit() for letter in text),
    }
    counts = {name: [measure(row.text) for row in rows] for name, measure in measures.items()}
    # Tables without any digit have no correlation with their number.
    return {
        name: float(spearmanr([row.value for row in rows], count).statistic)
        for name, count in counts.items()
        if len(set(count)) > 1
    }


@pytest.mark.parametrize("name", NAMES)
def test_length_and_digits_do_not_tell_the_value(name: str) -> None:
    found = correlations(shipped(name))
    if name == "RankTextLength":
        assert found["characters"] == pytest.approx(1)
        return
    if name == DIGITS_TELL:
        assert found.pop("digits") > 0.3
    bound = FACT_BOUND if name in TABLES else LENGTH_BOUND
    assert {key: value for key, value in found.items() if abs(value) > bound} == {}


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_no_aside_can_be_taken_for_the_value(name: str) -> None:
    apart = ATTRIBUTES[name].apart
    assert apart < {kind for kind, _ in listed("asides.tsv")}
    patterns = [
        re.compile(re.sub(r"\\{\w+\\}", ".+", re.escape(sentence)))
        for kind, sentence in listed("asides.tsv")
        if kind in apart
    ]
    assert not [row.text for row in shipped(name) for pattern in patterns if pattern.search(row.text)]


@pytest.mark.parametrize("name", NAMES)
def test_every_template_comes_equally_often(name: str) -> None:
    groups = Counter(row.group for row in shipped(name))
    assert len(groups) == (len(TABLES[name].sentences) if name in TABLES else 4 if name == "RankTextLength" else 5)
    assert min(groups.values()) >= 30
    assert max(groups.values()) - min(groups.values()) <= 1


def test_an_axis_of_the_templates_is_near_zero_on_average() -> None:
    """With templates spread evenly over the values it was -0.20: what is held out is what the others lack."""
    scores = []
    for name in NAMES:
        rows = shipped(name)
        names = sorted({row.group for row in rows})
        X = np.array([[row.group == each for each in names] for row in rows], dtype=np.float64)
        values = np.array([row.value for row in rows])
        predicted = cross_val_predict(Ridge(), X, values, cv=KFold(5, shuffle=True, random_state=42))
        scores.append(spearmanr(values, predicted).statistic)
    # Its standard error over 19 tasks is about 0.02.
    assert abs(np.mean(scores)) < 0.1


@given(st.integers(0, 200), st.integers(1, 12), st.integers(0, 99))
def test_each_way_comes_as_often_as_any_other(items: int, ways: int, seed: int) -> None:
    counts = Counter(dict.fromkeys(range(ways), 0) | Counter(spread(Random(seed), range(ways), items)))
    assert sum(counts.values()) == items
    assert max(counts.values()) - min(counts.values()) <= 1


@pytest.mark.parametrize("name", NAMES)
def test_no_text_comes_twice(name: str) -> None:
    rows = shipped(name)
    assert len({row.text for row in rows}) == len(rows)
    assert not any("{" in row.text for row in rows)


# -- figures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "called", "value"),
    [
        ("RankAtomicNumber", "tungsten", 74),  # IUPAC
        ("RankAtomicNumber", "oganesson", 118),
        ("RankMountainHeight", "Mount Everest", 8849),  # survey of China and Nepal, 2020
        ("RankMountainHeight", "Ben Nevis", 1345),  # Ordnance Survey
        ("RankIndependenceYear", "Ghana", 1957),
        ("RankCityDistance", "New York City", 5570),  # the usual figure for London to New York
        ("RankCityDistance", "Paris", 340),
        ("RankCityLatitude", "Sydney", -33.9),
        ("RankCountryPopulation", "Japan", round(log10(124.7), 6)),  # The World Factbook, July 2021
    ],
)
def test_some_figures(name: str, called: str, value: float) -> None:
    [row] = (row for row in facts(name, 42) if called.casefold() in row.text.casefold())
    assert row.value == value


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_whole(name: str) -> None:
    table = read_table(TABLES[name].file)
    names = [called for called, _ in table]
    assert len(set(names)) == len(names) >= 100
    assert str(len(table)) in TABLES[name].description or name == "RankMountainHeight"
    assert len(shipped(name)) == len(table)


def test_the_elements_are_in_order() -> None:
    assert [number for _, (number,) in read_table("elements.tsv")] == list(range(1, 119))


# -- the same bytes everywhere -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_what_ships_is_what_is_generated(name: str, tmp_path: Path) -> None:
    write_task(name, tmp_path, name)
    for file in FILES:
        assert (DATA / name / file).read_bytes() == (tmp_path / file).read_bytes(), file


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_no_hash_seed_changes_a_byte(hash_seed: str) -> None:
    script = (
        "from evalkit_tasks.attributes.write import NAMES, texts; from hashlib import sha256\n"
        "print(sha256(repr([texts(name) for name in NAMES]).encode()).hexdigest())"
    )
    environment = helpers.environment(PYTHONHASHSEED=hash_seed)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True)
    here = hashlib.sha256(repr([texts(name) for name in NAMES]).encode()).hexdigest()
    assert done.stdout.strip() == here


@pytest.mark.parametrize("name", NAMES)
def test_another_seed_is_another_order(name: str) -> None:
    assert texts(name, seed=1) != texts(name, seed=2)


def test_more_items_are_made_on_demand(tmp_path: Path) -> None:
    for name in ATTRIBUTES:
        made = texts(name, 1500, 7)
        assert len({row.text for row in made}) == 1500, name
    main(["RankYears", str(tmp_path / "Mine"), "--items", "60", "--seed", "7"])
    spec = tomllib.loads((tmp_path / "Mine" / "task.toml").read_text())
    assert spec["name"] == "Mine"
    assert spec["generator"] == {"version": 1, "attribute": "RankYears", "items": 60, "seed": 7}
    assert len((tmp_path / "Mine" / "test.jsonl").read_text().splitlines()) == 60


def test_what_cannot_be_made_is_said(tmp_path: Path) -> None:
    with pytest.raises(EvalkitError, match="too few"):
        texts("RankYears", 29)
    with pytest.raises(EvalkitError, match="its own number"):
        texts("RankAtomicNumber", 60)
    (tmp_path / "Mine").mkdir()
    for arguments in (["RankYears", str(tmp_path / "Mine")], ["RankYears", str(tmp_path / "Other"), "--items", "3"]):
        with pytest.raises(SystemExit) as exit_:
            main(arguments)
        assert helpers.is_a_sentence(str(exit_.value))
    assert helpers.files(tmp_path) == []


# -- as tasks ------------------------------------------------------------------------------------------------------


def test_the_suite_names_every_attribute() -> None:
    assert set(NAMES) <= set(COLLECTION.suites()["rankability"])
    assert {COLLECTION.types()[name] for name in NAMES} == {"Rankability"}


def test_every_task_has_two_texts_for_the_axis_without_examples() -> None:
    for name in NAMES:
        spec = tomllib.loads((DATA / name / "task.toml").read_text(encoding="utf-8"))
        assert set(spec["protocol"]["zero_shot"]) == {"high", "low"}, name


@pytest.mark.slow
def test_a_random_encoder_finds_no_order() -> None:
    [result] = evalkit.evaluate("random", tasks=["RankIndependenceYear"])
    # Three standard errors of 107 items.
    assert abs(result.main_score.value) < 3 / 106**0.5
