"""Similarity of pairs of vectors, by every measure that mteb knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalkit.protocols import Encoder
from evalkit.types import Similarity

if TYPE_CHECKING:
    from evalkit.protocols import Scorer
    from evalkit.types import FloatArray, Vectors

MEASURES = ("cosine", "dot", "manhattan", "euclidean")
_BLOCK = 1024  # rows at a time: two blocks of 64-bit vectors stay in the processor's cache


def own_measure(scorer: Scorer) -> str:
    """The measure by which an encoder means its vectors to be compared: one vector a text has no other than these."""
    similarity = scorer.similarity if isinstance(scorer, Encoder) else Similarity.COSINE
    return "cosine" if similarity is Similarity.COSINE else "dot"


def similarities(first: Vectors, second: Vectors) -> dict[str, FloatArray]:
    """Similarity of each pair of rows by four measures.

    Args:
        first: (n, d).
        second: (n, d).

    Returns:
        (n,) float64 each; the larger, the more alike.
    """
    out = {name: np.empty(len(first)) for name in MEASURES}
    for start in range(0, len(first), _BLOCK):
        rows = slice(start, start + _BLOCK)
        x, y = first[rows].astype(np.float64), second[rows].astype(np.float64)
        difference = x - y
        out["dot"][rows] = (x * y).sum(axis=1)
        out["manhattan"][rows] = -np.abs(difference).sum(axis=1)
        out["euclidean"][rows] = -np.sqrt((difference * difference).sum(axis=1))
        # Half the squared distance of unit vectors, as scikit-learn has it: equal vectors give exactly 1.
        unit = _unit(x) - _unit(y)
        out["cosine"][rows] = 1 - 0.5 * (unit * unit).sum(axis=1)
    return out


def _unit(x: FloatArray) -> FloatArray:
    norms = np.sqrt((x * x).sum(axis=1, keepdims=True))
    norms[norms == 0] = 1
    unit: FloatArray = x / norms
    return unit
