"""Years, dates and ages."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING

from evalkit_tasks.attributes.chance import whole
from evalkit_tasks.attributes.parts import Attribute, Template
from evalkit_tasks.attributes.wording import in_words, ordinal, ordinal_in_words, year_in_words

if TYPE_CHECKING:
    from random import Random

# Spelt out, for what strftime calls them is the locale's business.
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_START = date(1950, 1, 1).toordinal()
_COMMON_YEAR = date(2023, 1, 1).toordinal()


# -- years ---------------------------------------------------------------------------------------------------------


def _year(_: Random, target: int) -> tuple[str, int]:
    return str(target), target


def _year_in_words(_: Random, target: int) -> tuple[str, int]:
    return year_in_words(target), target


YEARS = Attribute(
    "years from 1000 to 2024, all of four digits or in words",
    lambda source: whole(source, 1000, 2024),
    (
        Template("event", "It happened in {x}, long before anybody wrote it down.", _year),
        Template("stone", "The stone above the door bears the number of a year, {x}.", _year),
        Template("chronicle", "Of the year {x} the chronicle tells only that the harvest was good.", _year),
        Template("season", "In the autumn of {x} the two families met for the first time.", _year),
        Template("spoken", "That was in {x}, said the guide.", _year_in_words),
    ),
    frozenset({"year", "date"}),
    "It happened in 2024.",
    "It happened in the year 1000.",
)


# -- dates ---------------------------------------------------------------------------------------------------------


def _day_first(_: Random, target: int) -> tuple[str, int]:
    day = date.fromordinal(_START + target)
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}", target


def _month_first(_: Random, target: int) -> tuple[str, int]:
    day = date.fromordinal(_START + target)
    return f"{_MONTHS[day.month - 1]} {day.day}, {day.year}", target


def _iso(_: Random, target: int) -> tuple[str, int]:
    return date.fromordinal(_START + target).isoformat(), target


def _weekday(_: Random, target: int) -> tuple[str, int]:
    day = date.fromordinal(_START + target)
    return f"{_DAYS[day.weekday()]}, {ordinal(day.day)} {_MONTHS[day.month - 1]} {day.year}", target


DATES = Attribute(
    "dates from 1950 to 2024, in days since the first of January 1950",
    lambda source: whole(source, 0, date(2024, 12, 31).toordinal() - _START),
    (
        Template("signed", "The contract was signed on {x} in the presence of both parties.", _day_first),
        Template("deadline", "Applications had to be handed in by {x} at the latest.", _day_first),
        Template("american", "On {x} the ferry sailed for the first time.", _month_first),
        Template("stamp", "Stamp on the back: {x}, received.", _iso),
        Template("weekday", "They were married on {x}, quietly and without music.", _weekday),
    ),
    frozenset({"year", "date"}),
    "It was in December 2024.",
    "It was in January 1950.",
)


def _day_of_year(target: int) -> tuple[int, str]:
    day = date.fromordinal(_COMMON_YEAR + target - 1)
    return day.day, _MONTHS[day.month - 1]


def _day_and_month(_: Random, target: int) -> tuple[str, int]:
    day, month = _day_of_year(target)
    return f"{day} {month}", target


def _month_and_day(_: Random, target: int) -> tuple[str, int]:
    day, month = _day_of_year(target)
    return f"{month} {day}", target


def _of_the_month(_: Random, target: int) -> tuple[str, int]:
    day, month = _day_of_year(target)
    return f"the {ordinal(day)} of {month}", target


def _of_the_month_in_words(_: Random, target: int) -> tuple[str, int]:
    day, month = _day_of_year(target)
    return f"the {ordinal_in_words(day)} of {month}", target


DAYS_OF_YEAR = Attribute(
    "days of a common year, told by day and month: 1 for the first of January, 365 for the last of December",
    lambda source: whole(source, 1, 365),
    (
        Template("birthday", "Her birthday is on {x}, and she never tells anyone.", _day_and_month),
        Template("meeting", "The committee meets again on {x} in the old town hall.", _month_and_day),
        Template("opening", "Every year the season opens on {x} with a procession.", _of_the_month),
        Template("expiry", "Best before {x}.", _day_and_month),
        Template("spoken", "Come on {x}, she said, and bring your brother.", _of_the_month_in_words),
    ),
    frozenset({"date"}),
    "It is the last day of December.",
    "It is the first day of January.",
)


# -- ages ----------------------------------------------------------------------------------------------------------


def _age(_: Random, target: int) -> tuple[str, Fraction]:
    """The target is in months; below two years the age is told in months."""
    count, unit = (target, "month") if target < 24 else (target // 12, "year")
    return f"{count} {unit}{'s' if count > 1 else ''}", Fraction(count, 12 if unit == "month" else 1)


def _age_before_a_noun(source: Random, target: int) -> tuple[str, Fraction]:
    text, value = _age(source, target)
    count, unit = text.removesuffix("s").split()
    # "An 8-year-old" would tell by its article.
    return f"{count}-{unit}-old", value


def _age_in_words(source: Random, target: int) -> tuple[str, Fraction]:
    text, value = _age(source, target)
    count, unit = text.split()
    return f"{in_words(int(count))} {unit}", value


def _any_age(source: Random) -> int:
    """In months: one in ten below two years, the others to 105 years."""
    infant = source.random() < 0.1
    return whole(source, 1, 23) if infant else whole(source, 24, 105 * 12)


AGES = Attribute(
    "ages from 1 month to 105 years, in years",
    _any_age,
    (
        Template("form", "Age: {x}; no further remarks.", _age),
        Template("turned", "Our neighbour turned {x} old last week.", _age),
        Template("noun", "Among the passengers was one {x} with a red cap.", _age_before_a_noun),
        Template("picture", "The picture shows him at the age of {x}, in front of the house.", _age),
        Template("spoken", "She is {x} old now and looks like her mother.", _age_in_words),
    ),
    frozenset({"age", "duration"}),
    "A very old person, 105 years old.",
    "A newborn baby, one month old.",
)
