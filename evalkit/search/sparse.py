"""Exact top-k over sparse vectors, by an inverted index of each block of documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalkit.search.copies import ragged_hashes
from evalkit.search.norms import row_norms
from evalkit.search.streaming import CorpusSearch
from evalkit.types import Similarity

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from evalkit.search.keys import Keys
    from evalkit.types import IntArray, Vectors

BLOCK_ROWS = 4096
BLOCK_QUERIES = 512


class SparseQueries:
    """Some queries; a sparse array has a shape but no length."""

    def __init__(self, vectors: csr_array) -> None:
        self.vectors = vectors

    def __len__(self) -> int:
        return int(self.vectors.shape[0])


class SparseSearch(CorpusSearch):
    """Exact top-k by inner product or cosine of sparse vectors, for a corpus that arrives in chunks.

    See `CorpusSearch`. A document that has no term in common with a query scores 0, and is a result like any other.
    Every score is summed up in the order of the query's terms, whatever else is scored beside it.

    Args:
        queries: (q, d) float32.
        tie_keys: (n_documents,) of `document_tie_keys`.
        top_k: How many documents a query gets.
        similarity: How vectors are compared.
        block_rows: Documents scored at a time.
        block_queries: Queries scored at a time.
        workers: Threads that share out the queries.
    """

    def __init__(
        self,
        queries: csr_array,
        tie_keys: IntArray,
        top_k: int,
        similarity: Similarity,
        *,
        block_rows: int = BLOCK_ROWS,
        block_queries: int = BLOCK_QUERIES,
        workers: int = 1,
    ) -> None:
        self._cosine = similarity is Similarity.COSINE
        self._block_rows = block_rows
        prepared = self._prepared(canonical(queries))
        starts = range(0, prepared.shape[0], block_queries)
        blocks = [SparseQueries(prepared[start : start + block_queries]) for start in starts]
        super().__init__(blocks, None, tie_keys, top_k, workers=workers)

    def add(self, rows: IntArray, embeddings: csr_array) -> None:
        """Score a chunk of the corpus, (c, d)."""
        for start in range(0, len(rows), self._block_rows):
            taken = slice(start, start + self._block_rows)
            self._add_block(rows[taken], canonical(embeddings[taken]))

    def _add_block(self, rows: IntArray, documents: csr_array) -> None:
        postings = self._prepared(documents).T.tocsr()

        def score(queries: SparseQueries) -> Vectors:
            scores = self._workers.buffer(len(queries), len(rows))
            (queries.vectors @ postings).toarray(out=scores)
            return scores

        self._offer(rows, sparse_hashes(documents), score)

    def _score_staged(self) -> None:
        """Nothing waits: what a document scores does not depend on its block."""

    def _prepared(self, vectors: csr_array) -> csr_array:
        return _normalised(vectors) if self._cosine else vectors


def canonical(vectors: csr_array) -> csr_array:
    """Float32, each row's indices ascending and once, without zeros; the array given is not written to."""
    from scipy.sparse import csr_array

    copy = csr_array(vectors, dtype=np.float32, copy=True)
    copy.sum_duplicates()
    copy.eliminate_zeros()
    return copy


def sparse_hashes(vectors: csr_array) -> Keys:
    """(n,) hash of every row of a canonical array."""
    words = np.stack([vectors.indices.astype(np.uint64), vectors.data.view(np.uint32).astype(np.uint64)], axis=1)
    return ragged_hashes(words, vectors.indptr.astype(np.int64))


def _normalised(vectors: csr_array) -> csr_array:
    from scipy.sparse import csr_array

    scale = np.repeat(row_norms(vectors), np.diff(vectors.indptr))
    data = (vectors.data / scale).astype(np.float32)
    return csr_array((data, vectors.indices, vectors.indptr), shape=vectors.shape)
