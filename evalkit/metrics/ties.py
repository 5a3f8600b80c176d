"""What the order of equally scored documents alone can make of the mean of every retrieval metric.

Only queries with a relevant document in a tie are looked at, and of their rankings only relevant documents are moved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.metrics.retrieval import retrieval_metrics
from evalkit.types import Qrels, TopK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evalkit.types import AnyArray, FloatArray, IntArray

TOLERANCE = 1e-4
"""Ranges that are no wider are not worth telling."""
_BLOCK = 1 << 21  # ranks looked at a time, for the sake of memory


def tie_means(
    top: TopK, qrels: Qrels, cutoffs: Sequence[int], columns: Mapping[str, FloatArray]
) -> dict[str, tuple[float, float]]:
    """Lowest and highest mean over queries of the metrics that ties leave open.

    Documents that were not retrieved, although they tie with the last one that was, are not considered: where ties
    reach the end of ``top``, the true range may be wider.

    Args:
        top: The rankings, (n_queries, k).
        qrels: Judgements of the same queries, no document judged twice for one query.
        cutoffs: Those of the metrics.
        columns: What `retrieval_metrics` gives for them.

    Returns:
        The range of each metric whose mean can move by more than `TOLERANCE`.
    """
    moves = {name: np.zeros(2) for name in columns}
    for queries, worst, best in _extremes(top, qrels):
        judged = _of_queries(qrels, queries)
        for side, ranking in enumerate((worst, best)):
            for name, values in retrieval_metrics(ranking, judged, cutoffs).items():
                moves[name][side] += (values - columns[name][queries]).sum()
    n_queries = max(len(qrels), 1)
    means = {name: columns[name].mean() + move / n_queries for name, move in moves.items() if move.any()}
    return {name: (float(low), float(high)) for name, (low, high) in means.items() if high - low > TOLERANCE}


def _extremes(top: TopK, qrels: Qrels) -> Iterator[tuple[IntArray, TopK, TopK]]:
    """Queries whose metrics ties can move, block by block, with the worst and the best of their rankings."""
    gains = _gains(qrels, span=int(top.documents.max(initial=-1)) + 1)
    n_queries, width = top.documents.shape
    step = max(1, _BLOCK // max(width, 1))
    for start in range(0, n_queries, step):
        tied = _tied(top, slice(start, start + step))
        rows = np.flatnonzero(tied.any(axis=1))
        found, worst, best = _moved(top.documents[start + rows], tied[rows], gains[start + rows])
        if len(found):
            queries = start + rows[found]
            yield queries, TopK(worst, top.scores[queries]), TopK(best, top.scores[queries])


def _gains(qrels: Qrels, span: int) -> Any:
    """CSR (n_queries, span): grades of the relevant documents below `span`."""
    from scipy.sparse import csr_matrix

    kept = (qrels.relevance > 0) & (qrels.documents < span)
    cells = (qrels.relevance[kept], (qrels.query_of[kept], qrels.documents[kept]))
    return csr_matrix(cells, shape=(len(qrels), span))


def _tied(top: TopK, rows: slice) -> AnyArray:
    """(n, k) whether each document has the score of the one before it; never the first, and no empty place."""
    scores, documents = top.scores[rows], top.documents[rows]
    tied = np.zeros(scores.shape, dtype=bool)
    tied[:, 1:] = (scores[:, 1:] == scores[:, :-1]) & (documents[:, 1:] >= 0)
    return tied


def _moved(documents: IntArray, tied: AnyArray, gains: Any) -> tuple[IntArray, IntArray, IntArray]:
    """Rows with a relevant document in a tie, and their relevant documents in the worst and in the best places.

    Returns:
        (m,) rows, and twice (m, k) documents, -1 where the document is not relevant: it gains nothing anyway.
    """
    row, rank, gain = _relevant(documents, gains)
    in_group = tied.copy()
    in_group[:, :-1] |= tied[:, 1:]
    rows = np.unique(row[in_group[row, rank]])
    kept = np.isin(row, rows)
    row, rank, gain = np.searchsorted(rows, row[kept]), rank[kept], gain[kept]
    first, last = (edge[row, rank] for edge in _edges(tied[rows]))
    # Within a group the best documents stand first, or last where the order is the worst.
    order = np.lexsort((-gain, first, row))
    row, rank, first, last = row[order], rank[order], first[order], last[order]
    group = row * documents.shape[1] + first
    place = np.arange(len(group)) - np.searchsorted(group, group)
    worst, best = np.full((2, len(rows), documents.shape[1]), -1, dtype=np.int64)
    worst[row, last - place] = best[row, first + place] = documents[rows[row], rank]
    return rows, worst, best


def _relevant(documents: IntArray, gains: Any) -> tuple[IntArray, IntArray, IntArray]:
    """Row, rank and grade of the relevant ones among (n, k) documents."""
    to_any = np.zeros(gains.shape[1] + 1, dtype=bool)  # the last stands for -1
    to_any[gains.indices] = True
    row, rank = np.nonzero(to_any[documents])
    # SciPy gives a matrix, not an array, where nothing is asked for.
    gain = np.asarray(gains[row, documents[row, rank]]).ravel() if len(row) else row
    found = gain > 0
    return row[found], rank[found], gain[found]


def _edges(tied: AnyArray) -> tuple[IntArray, IntArray]:
    """(n, k) first and last rank of the group of equal scores that each rank is in."""
    ranks = np.arange(tied.shape[1])
    first = np.maximum.accumulate(np.where(tied, 0, ranks), axis=1)
    ends = np.ones(tied.shape, dtype=bool)
    ends[:, :-1] = ~tied[:, 1:]
    last = np.minimum.accumulate(np.where(ends, ranks, tied.shape[1])[:, ::-1], axis=1)[:, ::-1]
    return first, last


def _of_queries(qrels: Qrels, queries: IntArray) -> Qrels:
    """The judgements of some queries, ascending."""
    kept = np.isin(qrels.query_of, queries)
    counts = np.diff(qrels.offsets)[queries]
    return Qrels(np.concatenate([[0], np.cumsum(counts)]), qrels.documents[kept], qrels.relevance[kept])
