"""The items of a rankability task: a text, its value, and maybe the group that it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.data.jsonl import columns, is_number, is_text
from evalkit.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from evalkit.types import FloatArray, IntArray

FEWEST = 30
"""Fewer items than this leave folds so small that no score says anything."""


def is_group(value: Any) -> bool:
    """The name of a group, a string."""
    return isinstance(value, str)


_CHECKS = {"text": is_text, "value": is_number, "group": is_group}


@dataclass(frozen=True, eq=False)
class Items:
    """What is put in order.

    Attributes:
        texts: The texts.
        values: (n,) float64, the value of each.
        groups: (n,) code of the group (template, domain) of each; None where there are none.
        names: Names that the codes stand for, sorted.
    """

    texts: list[str]
    values: FloatArray
    groups: IntArray | None = None
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.texts)


def read_items(path: Path) -> Items:
    """The items of a split.

    Raises:
        DataError: The file is malformed, has fewer than 30 items or one value only, or names a group for some items
            but not for others.
    """
    table = columns(path, _CHECKS, optional=frozenset({"group"}))
    values = values_of(table["value"], path, "Rankability")
    return Items(table["text"], values, *_groups(table["group"], path))


def values_of(given: list[float], path: Path, kind: str) -> FloatArray:
    """(n,) float64 values that can be put in order.

    Args:
        given: The value of each item.
        path: Where they are from.
        kind: The task type, for the message.

    Raises:
        DataError: There are fewer than 30, or only one value.
    """
    values = np.array(given, dtype=np.float64)
    if len(values) < FEWEST:
        raise DataError(f"{path} has {len(values)} items.", hint=f"{kind} needs {FEWEST} or more.")
    if (values == values[0]).all():
        raise DataError(
            f"{path}: every item has the value {values[0]:g}, which leaves nothing to put in order.",
            hint="Give items of at least two different values.",
        )
    return values


def _groups(given: list[str | None], path: Path) -> tuple[IntArray | None, tuple[str, ...]]:
    named = [group for group in given if group is not None]
    if not named:
        return None, ()
    if len(named) < len(given):
        row = given.index(None) + 1
        raise DataError(f"{path}: item {row} has no group, though others have.", hint="Give one to all, or to none.")
    names, codes = np.unique(np.array(named, dtype=object).astype(str), return_inverse=True)
    return codes.reshape(-1).astype(np.int64), tuple(map(str, names))
