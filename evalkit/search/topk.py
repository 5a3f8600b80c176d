"""Top-k search over a corpus that arrives in chunks, and over given scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalkit.search.copies import distinct_rows, row_hashes
from evalkit.search.keys import Keys, TieOrder, buffers, decoded
from evalkit.search.norms import normalise
from evalkit.search.streaming import CorpusSearch
from evalkit.types import Similarity, TopK

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evalkit.types import IntArray, Vectors

BLOCK_ROWS = 4096
"""Documents scored at a time: with `BLOCK_QUERIES` an 8 MB product for each thread."""
BLOCK_QUERIES = 512


def document_tie_keys(ids: Sequence[str]) -> IntArray:
    """Rank of every document's id among all ids, for ties: of two equal scores the larger key comes first.

    The order is that of Unicode code points, which is that of UTF-8 bytes, as in trec_eval's ``strcmp``.

    Args:
        ids: (n_documents,) ids; equal ones rank in the order given.

    Returns:
        (n_documents,) a permutation of 0 to n_documents - 1.
    """
    order = sorted(range(len(ids)), key=ids.__getitem__)
    keys = np.empty(len(ids), dtype=np.int64)
    keys[order] = np.arange(len(ids))
    return keys


class TopKSearch(CorpusSearch):
    """Exact top-k by cosine or inner product over a corpus that arrives in chunks.

    See `CorpusSearch`. Cosine is the inner product of rows divided by their norm, or by 1e-12 if that is larger (as in
    ``torch.nn.functional.normalize``; a zero vector stays zero), all in float32.

    Args:
        queries: (q, d) float32; copied, never written to.
        tie_keys: (n_documents,) of `document_tie_keys`.
        top_k: How many documents a query gets.
        similarity: How vectors are compared.
        block_rows: Documents scored at a time.
        block_queries: Queries scored at a time.
        workers: Threads that share out the queries; results do not depend on their number.
    """

    def __init__(
        self,
        queries: Vectors,
        tie_keys: IntArray,
        top_k: int,
        similarity: Similarity,
        *,
        block_rows: int = BLOCK_ROWS,
        block_queries: int = BLOCK_QUERIES,
        workers: int = 1,
    ) -> None:
        self._similarity = similarity
        distinct, query_of = distinct_rows(np.array(queries, dtype=np.float32))
        distinct = self._prepared(distinct)
        self._staged = np.empty((block_rows, distinct.shape[1]), dtype=np.float32)
        self._staged_rows = np.empty(block_rows, dtype=np.int64)
        self._n_staged = 0
        blocks = [distinct[start : start + block_queries] for start in range(0, len(distinct), block_queries)]
        super().__init__(blocks, query_of, tie_keys, top_k, workers=workers)

    def add(self, rows: IntArray, embeddings: Vectors) -> None:
        """Score a chunk of the corpus, (c, d)."""
        start = 0
        while start < len(rows):
            start += self._stage(rows[start:], embeddings[start:])

    def _stage(self, rows: IntArray, vectors: Vectors) -> int:
        """Copy rows to the block being filled and score it once it is full; return how many there was room for."""
        start = self._n_staged
        taken = min(len(self._staged) - start, len(rows))
        self._staged[start : start + taken] = vectors[:taken]
        self._staged_rows[start : start + taken] = rows[:taken]
        self._n_staged += taken
        if self._n_staged == len(self._staged):
            self._score_staged()
        return taken

    def _score_staged(self) -> None:
        rows = self._staged_rows[: self._n_staged]
        staged = self._staged[: self._n_staged]
        self._n_staged = 0
        # Before they are normalised: the last bit of a norm may depend on where in memory its row lies.
        hashes = row_hashes(staged)
        vectors = self._prepared(staged)

        def score(queries: Vectors) -> Vectors:
            return np.matmul(queries, vectors.T, out=self._workers.buffer(len(queries), len(rows)))

        self._offer(rows, hashes, score)

    def _prepared(self, vectors: Vectors) -> Vectors:
        return normalise(vectors) if self._similarity is Similarity.COSINE else vectors


def score_top_k(
    chunks: Iterable[Vectors], tie_keys: IntArray, top_k: int, *, block_columns: int = 2 * BLOCK_ROWS
) -> TopK:
    """The best documents by given scores, for scorers without vectors.

    Args:
        chunks: (any, n_documents) float32 scores of every document, for some queries each, in the queries' order.
            A document with NaN or minus infinity is no result.
        tie_keys: (n_documents,) of `document_tie_keys`.
        top_k: How many documents a query gets.
        block_columns: Documents looked at a time.

    Returns:
        (q, top_k), ordered as by `TopKSearch`.
    """
    ties = TieOrder.of(tie_keys)
    kept = min(top_k, len(tie_keys))
    return decoded([_best_of_scores(chunk, ties, kept, block_columns) for chunk in chunks], ties, top_k)


def _best_of_scores(scores: Vectors, ties: TieOrder, top_k: int, block_columns: int) -> Keys:
    [best] = buffers([len(scores)], top_k)
    for start in range(0, scores.shape[1], block_columns):
        columns = slice(start, start + block_columns)
        best.offer(np.ascontiguousarray(scores[:, columns], dtype=np.float32), ties.rank[columns])
    return best.ordered()
