"""Draws of the generated attributes: whole numbers only, so that no machine rounds otherwise than another."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

T = TypeVar("T")


def pick(source: Random, pool: Sequence[T]) -> T:
    """One element, each equally likely."""
    return pool[int(source.random() * len(pool))]


def whole(source: Random, first: int, last: int) -> int:
    """A whole number, both ends included, each equally likely."""
    return first + int(source.random() * (last - first + 1))


def any_size(source: Random, fewest: int, most: int) -> int:
    """A whole number of so many digits, each number of digits equally likely: close to uniform in the logarithm."""
    digits = whole(source, fewest, most)
    return whole(source, 10 ** (digits - 1), 10**digits - 1)
