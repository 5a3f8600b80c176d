"""Does a ranking follow when the instruction changes?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from evalkit.types import FloatArray, IntArray, TopK

_BLOCK = 1 << 21
"""Ranks looked at a time, for the sake of memory."""


def rank_changes(top: TopK, original: IntArray, changed: IntArray, documents: IntArray) -> FloatArray:
    """How far documents fall that a changed instruction makes irrelevant: the parts of p-MRR.

    With r the rank under the original instruction and s that under the changed one, s / r - 1 where the document did
    not fall (r >= s), else 1 - r / s: from -1 (it rose to the top from far below) over 0 (nothing changed) to 1. A
    document that was not retrieved stands right behind the last one that was.

    Source: Weller et al., "FollowIR: Evaluating and Teaching Information Retrieval Models to Follow Instructions"
    (arXiv 2403.15246); mteb 2.26.24, `rank_score`.

    Args:
        top: The rankings.
        original: (n,) row of the query with its original instruction.
        changed: (n,) row of the query with the changed one.
        documents: (n,) row of the document.

    Returns:
        (n,) float64.
    """
    before, after = _ranks(top, original, documents), _ranks(top, changed, documents)
    return np.where(before >= after, after / before - 1, 1 - before / after)


def _ranks(top: TopK, queries: IntArray, documents: IntArray) -> FloatArray:
    """(n,) place of each document in a query's ranking, from 1."""
    ranks = np.empty(len(queries))
    step = max(1, _BLOCK // max(top.documents.shape[1], 1))
    for start in range(0, len(queries), step):
        found = top.documents[queries[start : start + step]]
        same = found == documents[start : start + step, None]
        ranks[start : start + step] = np.where(same.any(axis=1), same.argmax(axis=1), (found >= 0).sum(axis=1)) + 1
    return ranks
