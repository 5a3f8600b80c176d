"""Sentences beside the one that tells the value: they vary the length, and most of them hold numbers of their own."""

from __future__ import annotations

import re
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit_tasks.attributes.chance import any_size, pick, whole
from evalkit_tasks.attributes.wording import capital, grouped, in_words
from evalkit_tasks.stress.draws import draw

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from random import Random

_LISTS = Path(__file__).parent / "lists"


def asides(source: Random, count: int, apart: Collection[str]) -> list[str]:
    """Different sentences, none of a kind that could be taken for the value.

    Args:
        source: Of the draws.
        count: How many.
        apart: Kinds that are left out, such as `price`.
    """
    pool = [sentence for kind, sentence in listed("asides.tsv") if kind not in apart]
    return [_filled(source, sentence) for sentence in draw(source, pool, count)]


@cache
def listed(name: str) -> tuple[tuple[str, str], ...]:
    """The rows of a list that ships: kind and sentence."""
    lines = (_LISTS / name).read_text(encoding="utf-8").splitlines()
    return tuple((kind, sentence) for kind, _, sentence in (line.partition("\t") for line in lines))


def _filled(source: Random, sentence: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: _BLANKS[found[1]](source), sentence)


def _small(source: Random, in_digits: float = 0.7) -> str:
    number = whole(source, 2, 90)
    return str(number) if source.random() < in_digits else in_words(number)


_BLANKS: Mapping[str, Callable[[Random], str]] = {
    "small": _small,
    "digits": partial(_small, in_digits=1),
    "small28": lambda source: str(whole(source, 1, 28)),
    "Small": lambda source: capital(in_words(whole(source, 2, 90))),
    "many": lambda source: grouped(any_size(source, 3, 7)),
    "code": lambda source: "".join(pick(source, "0123456789") for _ in range(whole(source, 2, 8))),
    "year": lambda source: str(whole(source, 1000, 2024)),
}
