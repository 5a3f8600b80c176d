"""Numbers, names and units in words: what the pages of several commands have in common."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit_leaderboard.hardest import HardUnit

MISSING = "—"
_WIDEST = 110
"""Characters of a unit that are shown; JSON has it whole."""
# Control characters drive terminals, single surrogates are no text, and overrides of the direction hide what follows.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class Table:
    """Strings in rows.

    Attributes:
        title: What the table shows.
        headers: Name of each column.
        rows: One string for each column.
        left: How many columns are text; the others are numbers.
    """

    title: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1


def counted(n: int, noun: str) -> str:
    """A number and its noun, such as ``1 query`` or ``2 queries``."""
    if n == 1:
        return f"1 {noun}"
    return f"{n:,} {plural(noun)}"


def plural(noun: str) -> str:
    """The plural of a noun, such as ``queries``."""
    return f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"


def some(names: Sequence[str], limit: int = 5) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def cut(words: str, widest: int = _WIDEST) -> str:
    """A text, or its beginning where it is long."""
    return words if len(words) <= widest else f"{words[: widest - 3]}..."


def visible(text: str) -> str:
    """A line of text; a replacement character stands for each one that cannot or must not be shown."""
    return _UNPRINTABLE.sub(_REPLACEMENT, text)


def printable(text: str) -> str:
    """A text of any number of lines on one, as far as it is `visible`."""
    return visible(" ".join(text.split()))


def score(value: float) -> str:
    """A score."""
    return f"{value:.4f}"


def signed(value: float) -> str:
    """A difference of scores."""
    return f"{value:+.4f}"


def interval(low: float | None, high: float | None) -> str:
    """An interval of a difference."""
    return MISSING if low is None or high is None else f"[{signed(low)}, {signed(high)}]"


def p_value(p: float | None) -> str:
    """A p value; never 0."""
    if p is None:
        return MISSING
    return "<0.0001" if p < 0.0001 else f"{p:.4f}"


def settling_title(power: float) -> str:
    """What stands above the sentences that say what would settle what is open."""
    return f"What would settle it (with a chance of {100 * power:g}%):"


def unit_name(unit: HardUnit) -> str:
    """The name of a unit, with its cell unless that is the usual one."""
    usual = (unit.split, unit.subset) == ("test", "default")
    return printable(unit.id if usual else f"{unit.split}/{unit.subset}/{unit.id}")


def what_it_is(unit: HardUnit, a: str = "A", b: str = "B") -> str:
    """Text, what is true of it, what each made of it.

    Args:
        unit: The unit.
        a: What the first encoder is called.
        b: What the second is called.
    """
    parts = [cut(printable(unit.text))] if unit.text is not None else []
    parts += [f"{name} {value}" for name, value in unit.shared.items()]
    for side, seen in ((a, unit.seen_a), (b, unit.seen_b)):
        parts += [f"{side}: " + ", ".join(f"{name} {value}" for name, value in seen.items())] if seen else []
    return printable(" | ".join(parts)) or MISSING
