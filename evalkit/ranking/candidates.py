"""Scores of given candidates, and the best of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalkit.types import Candidates, TopK

if TYPE_CHECKING:
    from evalkit.types import IntArray, Vectors


def best_of_candidates(candidates: Candidates, scores: Vectors, ties: IntArray, top_k: int) -> TopK:
    """The best candidates of every query.

    Args:
        candidates: The documents that each query has.
        scores: (n_candidates,) their scores; one that is NaN or minus infinity is no result.
        ties: (n_documents,) of two equal scores the larger comes first.
        top_k: How many documents a query gets.

    Returns:
        (n_queries, top_k), best first.
    """
    valid = scores > -np.inf
    query, document, score = candidates.query_of[valid], candidates.documents[valid], scores[valid]
    order = np.lexsort((-ties[document], -score, query))
    query, document, score = query[order], document[order], score[order]
    place = np.arange(len(query)) - np.searchsorted(query, query, side="left")
    kept = place < top_k
    n_queries = len(candidates.offsets) - 1
    documents = np.full((n_queries, top_k), -1, dtype=np.int64)
    values = np.full((n_queries, top_k), -np.inf, dtype=np.float32)
    documents[query[kept], place[kept]] = document[kept]
    values[query[kept], place[kept]] = score[kept]
    return TopK(documents, values)


def candidates_of(*tops: TopK) -> Candidates:
    """The documents that any of some rankings of the same queries has found, by row."""
    found = np.concatenate([top.documents for top in tops], axis=1)
    return Candidates.of([np.unique(row[row >= 0]) for row in found])


def scores_in(top: TopK, candidates: Candidates, n_documents: int) -> Vectors:
    """(n_candidates,) float32 scores that a ranking of the same queries gives candidates; minus infinity for none."""
    found = top.documents >= 0
    keys = np.nonzero(found)[0] * n_documents + top.documents[found]
    scores = np.full(len(candidates.documents), -np.inf, dtype=np.float32)
    if not len(keys):
        return scores
    order = np.argsort(keys)
    wanted = candidates.query_of * n_documents + candidates.documents
    place = np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)
    same = keys[order][place] == wanted
    scores[same] = top.scores[found][order][place[same]]
    return scores
