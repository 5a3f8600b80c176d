"""Retrieval metrics of every query at once, equal to trec_eval's, and what ties between scores leave open.

Everything is computed from the few retrieved documents that are relevant ("hits"), so that no query and no document
is ever looked at one by one. Documents without a judgement, and those with a grade of 0 or below, are not relevant and
gain nothing. A query without any relevant document scores 0 everywhere.

Sources: trec_eval 9 (``m_ndcg_cut.c``, ``m_map_cut.c``, ``m_recall.c``, ``m_P.c``, ``m_success.c``); ``mrr`` of mteb.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.types import TopK

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalkit.types import AnyArray, FloatArray, IntArray, Qrels

_BLOCK = 1 << 21
"""Ranks looked at a time, for the sake of memory."""


def retrieval_metrics(top: TopK, qrels: Qrels, cutoffs: Sequence[int]) -> dict[str, FloatArray]:
    """Metrics of every query at every cutoff.

    Args:
        top: Documents retrieved for each query, (n_queries, any).
        qrels: Judgements of the same queries, no document judged twice for one query.
        cutoffs: How many documents count, such as ``(1, 3, 5, 10, 20, 100, 1000)``; each at least 1.

    Returns:
        (n_queries,) values from 0 to 1 by name: ``ndcg_at_k`` (gain: the grade), ``map_at_k`` (over all relevant
        documents, not at most k), ``recall_at_k``, ``precision_at_k`` (of k, even if fewer were retrieved),
        ``mrr_at_k`` and ``hit_rate_at_k``, for each k.

    Raises:
        ValueError: If there are judgements of more or fewer queries, or a cutoff is below 1.
    """
    if len(top.documents) != len(qrels):
        raise ValueError(f"{len(top.documents)} queries were searched, {len(qrels)} are judged.")
    if min(cutoffs, default=1) < 1:
        raise ValueError(f"Cutoffs start at 1, not at {min(cutoffs)}.")
    hits, ideal = _hits(top, qrels, max(cutoffs, default=1)), _ideal(qrels)
    n_relevant = np.bincount(ideal.query, minlength=len(qrels))
    columns: dict[str, FloatArray] = {}
    for cutoff in cutoffs:
        columns |= _metrics_at(cutoff, hits.before(cutoff), ideal.before(cutoff), n_relevant)
    return columns


def without_identical(top: TopK, same: IntArray) -> TopK:
    """Drop the document that is the query itself; the rest moves up.

    As mteb's ``ignore_identical_ids``, which drops it after the best 1000 were taken: such a query keeps one less.

    Args:
        top: The ranking.
        same: (n_queries,) row of the document whose id equals the query's id, -1 where there is none.
    """
    return _dropped(top, top.documents == same[:, None])


def without_first(top: TopK) -> TopK:
    """Drop the best document of every query; the rest moves up.

    As mteb's ``skip_first_result``. Where the best tie, mteb drops whichever its heap yields first; this drops the
    one that our tie rule puts first.
    """
    return _dropped(top, np.broadcast_to(np.arange(top.documents.shape[1]) == 0, top.documents.shape))


@dataclass(frozen=True)
class _Hits:
    """Relevant documents, by query and then rank.

    Attributes:
        query: (n,) row of the query.
        rank: (n,) place in the query's ranking, from 0.
        gain: (n,) grade.
    """

    query: IntArray
    rank: IntArray
    gain: FloatArray

    def before(self, cutoff: int) -> _Hits:
        """Those among the first ``cutoff`` documents."""
        kept = self.rank < cutoff
        return _Hits(self.query[kept], self.rank[kept], self.gain[kept])

    def total(self, values: AnyArray, n_queries: int) -> FloatArray:
        """(n_queries,) sum of a value of each hit."""
        sums: FloatArray = np.bincount(self.query, weights=values, minlength=n_queries).astype(np.float64, copy=False)
        return sums

    def discounted_gain(self, n_queries: int) -> FloatArray:
        """(n_queries,) sum of gains, each divided by log2(rank + 2)."""
        return self.total(self.gain / np.log2(self.rank + 2), n_queries)

    @property
    def number(self) -> IntArray:
        """(n,) how many hits of the query come before each."""
        return _place_in_run(self.query)


def _metrics_at(cutoff: int, hits: _Hits, ideal: _Hits, n_relevant: IntArray) -> dict[str, FloatArray]:
    n_queries = len(n_relevant)
    n_hits = hits.total(np.ones(len(hits.query)), n_queries)
    number = hits.number
    precisions = hits.total((number + 1) / (hits.rank + 1), n_queries)
    return {
        f"ndcg_at_{cutoff}": _ratio(hits.discounted_gain(n_queries), ideal.discounted_gain(n_queries)),
        f"map_at_{cutoff}": _ratio(precisions, n_relevant),
        f"recall_at_{cutoff}": _ratio(n_hits, n_relevant),
        f"precision_at_{cutoff}": n_hits / cutoff,
        f"mrr_at_{cutoff}": hits.total((number == 0) / (hits.rank + 1), n_queries),
        f"hit_rate_at_{cutoff}": (n_hits > 0).astype(np.float64),
    }


def _ratio(part: AnyArray, whole: AnyArray) -> FloatArray:
    """Part / whole, 0 where the whole is."""
    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)


def _place_in_run(values: IntArray) -> IntArray:
    """(n,) how many equal values come right before each of (n,) grouped ones."""
    starts = np.flatnonzero(np.r_[True, values[1:] != values[:-1]]) if len(values) else values
    return np.arange(len(values)) - np.repeat(starts, np.diff(np.r_[starts, len(values)]))


def _ideal(qrels: Qrels) -> _Hits:
    """The ranking that holds all relevant documents, best first."""
    relevant = qrels.relevance > 0
    query, gain = qrels.query_of[relevant], qrels.relevance[relevant].astype(np.float64)
    order = np.lexsort((-gain, query))
    return _Hits(query[order], _place_in_run(query[order]), gain[order])


def _hits(top: TopK, qrels: Qrels, cutoff: int) -> _Hits:
    """The relevant documents among the first ``cutoff``."""
    judged = _Judged.of(qrels)
    found = [judged.find(top.documents[rows, :cutoff], rows.start) for rows in _blocks(top)]
    query, rank, gain = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return _Hits(query, rank, gain.astype(np.float64))


def _blocks(top: TopK) -> Iterator[slice]:
    """Blocks of queries that are small enough to work on; at least one, though it be empty."""
    n_queries, width = top.documents.shape
    step = max(1, _BLOCK // max(width, 1))
    for start in range(0, max(n_queries, 1), step):
        yield slice(start, min(start + step, n_queries))


@dataclass(frozen=True)
class _Judged:
    """Relevant documents of all queries, for looking up.

    Attributes:
        keys: (n,) query * span + document, ascending.
        gains: (n,) grades.
        span: One more than the largest document.
        any_query: (span + 1,) whether a document is relevant to any query, which rules out most at little cost; the
            last stands for -1 and for everything beyond.
    """

    keys: IntArray
    gains: IntArray
    span: int
    any_query: AnyArray

    @classmethod
    def of(cls, qrels: Qrels) -> _Judged:
        relevant = qrels.relevance > 0
        documents = qrels.documents[relevant]
        span = int(documents.max(initial=-1)) + 1
        keys = qrels.query_of[relevant] * span + documents
        order = np.argsort(keys)
        any_query = np.zeros(span + 1, dtype=bool)
        any_query[documents] = True
        return cls(keys[order], qrels.relevance[relevant][order], span, any_query)

    def find(self, documents: IntArray, first_query: int) -> tuple[IntArray, IntArray, IntArray]:
        """Query, rank and grade of the relevant ones among (n_queries, k) documents."""
        query, rank = np.nonzero(self.any_query[np.minimum(documents, self.span)])
        keys = (query + first_query) * self.span + documents[query, rank]
        place = np.searchsorted(self.keys, keys)
        place[place == len(self.keys)] = 0
        hit = self.keys[place] == keys
        return query[hit] + first_query, rank[hit], self.gains[place[hit]]


def _dropped(top: TopK, drop: AnyArray) -> TopK:
    """Without the documents marked; the rest moves up and the end is padded."""
    documents = np.where(drop, -1, top.documents)
    scores = np.where(drop, np.float32(-np.inf), top.scores)
    order = np.argsort(drop, axis=1, kind="stable")
    return TopK(np.take_along_axis(documents, order, axis=1), np.take_along_axis(scores, order, axis=1))
