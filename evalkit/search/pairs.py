"""Scores of given pairs, for embeddings of every form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.search.copies import text_hashes
from evalkit.search.maxsim import BLOCK_VECTORS, max_sim
from evalkit.search.norms import normalise, row_norms
from evalkit.search.sparse import canonical
from evalkit.types import Similarity, TokenVectors

if TYPE_CHECKING:
    from evalkit.search.keys import Keys
    from evalkit.types import Embeddings, IntArray, Vectors

BLOCK_VALUES = 1 << 20
"""Values gathered from either side at a time."""
_MANY = 0.25
"""Share of all pairs from which on all of them are scored."""
_QUERIES = 256


def pair_scores(
    queries: Embeddings, documents: Embeddings, query_rows: IntArray, document_rows: IntArray, similarity: Similarity
) -> Vectors:
    """(n,) float32 score of each pair, computed in float64 where a text is one vector.

    Equal vectors get equal scores. The memory needed beyond the embeddings is bounded, but for some numbers a pair
    and a text, and for the longest text.

    Args:
        queries: Those of one side.
        documents: Those of the other, of the same form and dimension.
        query_rows: (n,) row of each pair's query.
        document_rows: (n,) row of each pair's document.
        similarity: How vectors are compared.
    """
    pairs = np.asarray(query_rows, dtype=np.int64), np.asarray(document_rows, dtype=np.int64)
    cosine = similarity is Similarity.COSINE
    if isinstance(queries, TokenVectors) and isinstance(documents, TokenVectors):
        return _text_scores(queries, documents, *pairs, cosine=cosine)
    return _row_scores(queries, documents, *pairs, cosine=cosine)


def _row_scores(
    queries: Any, documents: Any, query_rows: IntArray, document_rows: IntArray, *, cosine: bool
) -> Vectors:
    """Of dense or sparse rows, gathered a block of pairs at a time."""
    scores = np.empty(len(query_rows), dtype=np.float32)
    step = max(1, BLOCK_VALUES // max(_values_a_row(queries), _values_a_row(documents), 1))
    for start in range(0, len(scores), step):
        left, right = (
            _wide(side[rows[start : start + step]])
            for side, rows in ((queries, query_rows), (documents, document_rows))
        )
        products = np.asarray((left * right).sum(axis=1))
        scores[start : start + step] = products / (row_norms(left) * row_norms(right)) if cosine else products
    return scores


def _values_a_row(vectors: Any) -> int:
    """How many a row has, on average; of a sparse array those that are not zero."""
    values = vectors.size if isinstance(vectors, np.ndarray) else vectors.nnz
    return int(values // max(vectors.shape[0], 1))


def _wide(rows: Any) -> Any:
    return (rows if isinstance(rows, np.ndarray) else canonical(rows)).astype(np.float64)


def _text_scores(
    queries: TokenVectors, documents: TokenVectors, query_rows: IntArray, document_rows: IntArray, *, cosine: bool
) -> Vectors:
    """By MaxSim: a query at a time with its documents, and equal pairs once."""
    asked, place = _distinct_pairs(text_hashes(queries)[query_rows], text_hashes(documents)[document_rows])
    if len(asked) > _MANY * len(queries) * len(documents):
        return _of_all(queries, documents, query_rows[asked], document_rows[asked], cosine=cosine)[place]
    scores = np.empty(len(asked), dtype=np.float32)
    order = np.argsort(query_rows[asked], kind="stable")
    for run in np.split(order, np.flatnonzero(np.diff(query_rows[asked][order])) + 1):
        for part in _parts(run, documents.counts[document_rows[asked[run]]]):
            pairs = asked[part]
            query, candidates = queries.take(query_rows[pairs[:1]]), documents.take(document_rows[pairs])
            scores[part] = max_sim(_unit(query), _unit(candidates))[0] if cosine else max_sim(query, candidates)[0]
    return scores[place]


def _of_all(
    queries: TokenVectors, documents: TokenVectors, query_rows: IntArray, document_rows: IntArray, *, cosine: bool
) -> Vectors:
    """By all documents for some queries at a time: one large product is faster than many small ones."""
    scores = np.empty(len(query_rows), dtype=np.float32)
    against = _unit(documents) if cosine else documents
    for start in range(0, len(queries), _QUERIES):
        block = queries.take(np.arange(start, min(start + _QUERIES, len(queries))))
        table = max_sim(_unit(block) if cosine else block, against)
        pairs = np.flatnonzero((query_rows >= start) & (query_rows < start + len(block)))
        scores[pairs] = table[query_rows[pairs] - start, document_rows[pairs]]
    return scores


def _distinct_pairs(left: Keys, right: Keys) -> tuple[IntArray, IntArray]:
    """The first of all equal pairs, and the place of every pair among those."""
    _, first, place = np.unique(np.stack([left, right], axis=1), axis=0, return_index=True, return_inverse=True)
    return first, place.reshape(-1)


def _parts(run: IntArray, counts: IntArray) -> list[IntArray]:
    """A query's pairs in parts of about `BLOCK_VECTORS` vectors of documents."""
    return np.split(run, np.flatnonzero(np.diff(np.cumsum(counts) // BLOCK_VECTORS)) + 1) if len(run) else []


def _unit(texts: TokenVectors) -> TokenVectors:
    return TokenVectors(texts.offsets, normalise(texts.vectors))
