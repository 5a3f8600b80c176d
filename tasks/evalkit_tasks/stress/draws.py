"""Random draws that are the same on every machine, for every Python and every hash seed.

Of Python's generator only `random()` is used, which is promised to stay as it is; what is made of it is spelt out here.
"""

from __future__ import annotations

from hashlib import sha256
from random import Random
from typing import TypeVar

T = TypeVar("T")


def stream(seed: int, purpose: str) -> Random:
    """A generator of its own for each purpose, so that no part of a data set depends on the size of another."""
    return Random(int.from_bytes(sha256(f"{purpose} {seed}".encode()).digest(), "big"))


def draw(source: Random, pool: list[T], size: int) -> list[T]:
    """Draw different elements, each order of them equally likely.

    The first of them are the same whatever the size.

    Args:
        source: The generator.
        pool: Drawn from; its order is changed.
        size: At most the pool's.
    """
    n, random = len(pool), source.random
    for place in range(size):
        other = place + int(random() * (n - place))
        pool[place], pool[other] = pool[other], pool[place]
    return pool[:size]
