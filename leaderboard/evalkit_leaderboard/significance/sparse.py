"""Differences that a few units carry: where few changed, or few by much, their spread is too uncertain for Student's t.

If a candidate loses a unit completely now and then, a sample with few such losses has a small mean loss *and* a small
standard error, so that t finds it harmless too easily: with 300 units, each lost with a chance of .01, t calls a margin
of .01 kept in 20 % of all samples.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from evalkit.types import FloatArray

FEW = 20
"""Fewer units than this are few, where most have not changed or have changed by little."""
_SHARE = 6
"""Units by which the differences count as carried must also be fewer than one in so many."""


def with_two_more(differences: FloatArray) -> tuple[float, float] | None:
    """Mean and standard error with two made-up units, one that lost and one that gained as much as the largest change.

    Source: the adjusted Wald interval of paired proportions (Agresti and Min 2005; Bonett and Price 2012), which adds
    one to the units lost and one to the units gained; the largest change takes the place of the 1.

    Args:
        differences: (n,) difference of every unit, exactly 0 where nothing changed.

    Returns:
        None where many units changed, or none.
    """
    if not _few(differences):
        return None
    sizes = np.abs(differences)
    n, largest = len(differences) + 2, float(sizes.max())
    mean = float(differences.sum()) / n
    squares = float(np.square(differences).sum()) + 2 * largest**2
    return mean, math.sqrt((squares / n - mean**2) / (n - 1))


def _few(differences: FloatArray) -> bool:
    """Whether few units changed, or a few carry most of the squares beside many that changed by little.

    How many carry the squares is their participation ratio, (sum d^2)^2 / sum d^4: k where k units changed by the same
    and no other did, about n / 3 for normal differences.
    """
    changed, n = np.count_nonzero(differences), len(differences)
    if 0 < changed < min(FEW, n / 2):
        return True
    squares = np.square(differences)
    return bool(changed and squares.sum() ** 2 < min(FEW, n / _SHARE) * np.square(squares).sum())
