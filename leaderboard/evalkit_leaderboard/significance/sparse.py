"""Differences of which most are exactly 0: where few units changed, their spread is known too badly for Student's t.

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
"""Fewer changed units than this count as few, where most units are unchanged."""


def with_two_more(differences: FloatArray) -> tuple[float, float] | None:
    """Mean and standard error with two made-up units, one that lost and one that gained as much as the largest change.

    Source: the adjusted Wald interval of paired proportions (Agresti and Min 2005; Bonett and Price 2012), which adds
    one to the units lost and one to the units gained; the largest change takes the place of the 1.

    Args:
        differences: (n,) difference of every unit, exactly 0 where nothing changed.

    Returns:
        None where many units changed, or none.
    """
    sizes = np.abs(differences)
    changed = np.count_nonzero(sizes)
    if not 0 < changed < min(FEW, len(sizes) / 2):
        return None
    n, largest = len(differences) + 2, float(sizes.max())
    mean = float(differences.sum()) / n
    squares = float(np.square(differences).sum()) + 2 * largest**2
    return mean, math.sqrt((squares / n - mean**2) / (n - 1))
