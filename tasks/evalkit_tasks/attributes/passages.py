"""Texts whose value is their own length: here the length shall tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit_tasks.attributes.asides import listed
from evalkit_tasks.attributes.chance import whole
from evalkit_tasks.attributes.generated import spread
from evalkit_tasks.attributes.parts import Row
from evalkit_tasks.stress.draws import draw, stream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

NAME = "RankTextLength"
DESCRIPTION = "passages of one to six sentences on four everyday subjects; the value is the number of characters"
HIGH = "A very long text of many sentences."
LOW = "A very short text."

_MOST = 6


def passages(items: int, seed: int) -> Iterator[Row]:
    """Passages and their numbers of characters, in no order.

    Args:
        items: How many.
        seed: Of every draw.
    """
    source = stream(seed, NAME)
    topics: dict[str, list[str]] = {}
    for topic, sentence in listed("prose.tsv"):
        topics.setdefault(topic, []).append(sentence)
    made: dict[str, str] = {}
    for topic in spread(source, list(topics), items):
        text = _passage(source, topics[topic])
        while text in made:
            text = _passage(source, topics[topic])
        made[text] = topic
    yield from (Row(text, len(text), topic) for text, topic in made.items())


def _passage(source: Random, sentences: list[str]) -> str:
    return " ".join(draw(source, sentences, whole(source, 1, _MOST)))
