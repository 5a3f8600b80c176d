"""Best and worst order of equally scored documents, written for clarity: the oracle of `evalkit.metrics.ties`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evalkit.metrics.retrieval import retrieval_metrics
from evalkit.types import FloatArray, Qrels, TopK

Columns = dict[str, FloatArray]


def tie_range(top: TopK, qrels: Qrels, cutoffs: Sequence[int]) -> tuple[Columns, Columns]:
    """Lowest and highest values of every metric; ties with documents that were not retrieved are not considered."""
    return (
        retrieval_metrics(worst_order(top, qrels), qrels, cutoffs),
        retrieval_metrics(best_order(top, qrels), qrels, cutoffs),
    )


def best_order(top: TopK, qrels: Qrels) -> TopK:
    """Documents of equal score by grade descending."""
    return _reordered(top, qrels, sign=-1)


def worst_order(top: TopK, qrels: Qrels) -> TopK:
    """Documents of equal score by grade ascending."""
    return _reordered(top, qrels, sign=1)


def _reordered(top: TopK, qrels: Qrels, *, sign: int) -> TopK:
    documents = top.documents.copy()
    for query in range(len(documents)):
        grades = _grades(qrels, query)
        groups = np.concatenate([[0], np.cumsum(top.scores[query, 1:] != top.scores[query, :-1])])
        keys = [
            (group, sign * grades.get(int(document), 0))
            for group, document in zip(groups, documents[query], strict=True)
        ]
        order = sorted(range(len(keys)), key=lambda at: keys[at])
        documents[query] = documents[query][order]
    return TopK(documents=documents, scores=top.scores)


def _grades(qrels: Qrels, query: int) -> dict[int, int]:
    """Gain of every relevant document; a grade of 0 or below gains nothing."""
    rows = slice(qrels.offsets[query], qrels.offsets[query + 1])
    pairs = zip(qrels.documents[rows].tolist(), qrels.relevance[rows].tolist(), strict=True)
    return {document: grade for document, grade in pairs if grade > 0}
