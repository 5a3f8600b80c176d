"""Numbers, years and days of the month in English words, and numbers in digits."""

from __future__ import annotations

_UNITS = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
)
_TENS = ("", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
    "twenty": "twentieth",
    "thirty": "thirtieth",
}


def in_words(number: int) -> str:
    """A whole number from 0 to below 10^12, as in "two million, three hundred thousand and four"."""
    if number < 20:
        return _UNITS[number]
    if number < 100:
        tens, rest = divmod(number, 10)
        return f"{_TENS[tens]}-{_UNITS[rest]}" if rest else _TENS[tens]
    scale, name = next(each for each in _SCALES if number >= each[0])
    count, rest = divmod(number, scale)
    head = f"{in_words(count)} {name}"
    if not rest:
        return head
    return f"{head}{' and' if rest < 100 else ',' if scale > 100 else ''} {in_words(rest)}"


def year_in_words(year: int) -> str:
    """A year from 1000 to 2999 as it is said, as in "eighteen forty-seven"."""
    century, rest = divmod(year, 100)
    if century % 10 == 0 and rest < 10:
        return in_words(year)
    if rest == 0:
        return f"{in_words(century)} hundred"
    return f"{in_words(century)} {'oh ' if rest < 10 else ''}{in_words(rest)}"


def ordinal(day: int) -> str:
    """A day of the month, as in 2nd."""
    teens = 10 < day % 100 < 20
    return f"{day}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"


def ordinal_in_words(day: int) -> str:
    """A day of the month, as in "twenty-second"."""
    head, hyphen, last = in_words(day).rpartition("-")
    return f"{head}{hyphen}{_ORDINALS.get(last, last + 'th')}"


def grouped(number: int) -> str:
    """With a comma before every three digits."""
    return f"{number:,}"


def capital(text: str) -> str:
    """The same with its first letter in upper case, and no other one changed."""
    return text[:1].upper() + text[1:]
