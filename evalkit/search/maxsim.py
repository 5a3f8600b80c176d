"""Exact top-k by MaxSim over texts of several vectors each, in products of bounded size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalkit.search.copies import distinct_texts, text_hashes
from evalkit.search.norms import normalise
from evalkit.search.streaming import CorpusSearch
from evalkit.types import Similarity, TokenVectors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from evalkit.types import IntArray, Vectors

    Buffer = Callable[[int, int], Vectors]

BLOCK_DOCUMENTS = 2048
BLOCK_VECTORS = 8192
"""Vectors of documents scored at a time; a longer document makes a block of its own."""
BLOCK_QUERIES = 512
QUERY_VECTORS = 512
"""Vectors of queries multiplied at a time: with `BLOCK_VECTORS` a 16 MB product for each thread."""


class MaxSimSearch(CorpusSearch):
    """Exact top-k by MaxSim, for a corpus that arrives in chunks.

    See `CorpusSearch`. MaxSim is the sum, over the vectors of the query, of the largest inner product with any vector
    of the document (Khattab and Zaharia 2020, "ColBERT", equation 3). Where the vectors are to be compared by cosine,
    each is divided by its norm first.

    The memory needed grows with the longest text too, but no product is larger than `BLOCK_VECTORS` by
    `QUERY_VECTORS`.

    Args:
        queries: The q queries; copied, never written to.
        tie_keys: (n_documents,) of `document_tie_keys`.
        top_k: How many documents a query gets.
        similarity: How vectors are compared.
        block_vectors: Vectors of documents scored at a time.
        query_vectors: Vectors of queries multiplied at a time.
        workers: Threads that share out the queries.
    """

    def __init__(
        self,
        queries: TokenVectors,
        tie_keys: IntArray,
        top_k: int,
        similarity: Similarity,
        *,
        block_vectors: int = BLOCK_VECTORS,
        query_vectors: int = QUERY_VECTORS,
        workers: int = 1,
    ) -> None:
        self._cosine = similarity is Similarity.COSINE
        self._block_vectors = block_vectors
        self._query_vectors = query_vectors
        self._staged: list[TokenVectors] = []
        self._staged_rows: list[IntArray] = []
        distinct, query_of = distinct_texts(_copied(queries))
        blocks = list(text_blocks(self._prepared(distinct), query_vectors, BLOCK_QUERIES))
        super().__init__(blocks, query_of, tie_keys, top_k, workers=workers)

    def add(self, rows: IntArray, embeddings: TokenVectors) -> None:
        """Score a chunk of the corpus, c texts."""
        start = 0
        while start < len(rows):
            end = start + self._room(embeddings, start)
            if end == start:
                self._score_staged()
                continue
            # Copied: the chunk is the caller's.
            self._staged.append(_copied(between(embeddings, start, end)))
            self._staged_rows.append(np.array(rows[start:end]))
            start = end

    def _room(self, texts: TokenVectors, start: int) -> int:
        """How many of the texts from one on have room in the block being filled; any one has in an empty block."""
        held = sum(len(part.vectors) for part in self._staged)
        most = BLOCK_DOCUMENTS - sum(map(len, self._staged))
        last = texts.offsets[start] + self._block_vectors - held
        fits = int(np.searchsorted(texts.offsets, last, side="right")) - 1 - start
        return min(max(fits, 0 if self._staged else 1), most)

    def _score_staged(self) -> None:
        if self._staged:
            rows, documents = np.concatenate(self._staged_rows), joined(self._staged)
            self._staged, self._staged_rows = [], []
            self._add_block(rows, documents)

    def _add_block(self, rows: IntArray, documents: TokenVectors) -> None:
        # Before they are normalised: the last bit of a norm may depend on where in memory its row lies.
        hashes = text_hashes(documents)
        prepared = self._prepared(documents)

        def score(queries: TokenVectors) -> Vectors:
            return max_sim(queries, prepared, self._block_vectors, self._query_vectors, self._workers.buffer)

        self._offer(rows, hashes, score)

    def _prepared(self, texts: TokenVectors) -> TokenVectors:
        return TokenVectors(texts.offsets, normalise(texts.vectors.copy())) if self._cosine else texts


def max_sim(
    queries: TokenVectors,
    documents: TokenVectors,
    block_vectors: int = BLOCK_VECTORS,
    query_vectors: int = QUERY_VECTORS,
    buffer: Buffer | None = None,
) -> Vectors:
    """(n_queries, n_documents) sums of the largest inner products, by products of bounded size.

    Args:
        queries: Texts of at least one vector each.
        documents: Texts of at least one vector each.
        block_vectors: Vectors of documents multiplied at a time.
        query_vectors: Vectors of queries multiplied at a time.
        buffer: Where a product of some rows and columns is written to; without it, to new memory.
    """
    buffer = buffer or _fresh
    scores = np.zeros((len(queries), len(documents)), dtype=np.float32)
    for start, end in _spans(queries.offsets[-1], query_vectors):
        largest = _largest(queries.vectors[start:end], documents, block_vectors, buffer)
        first, last, places = _segments(queries.offsets, start, end)
        scores[first:last] += np.add.reduceat(largest, places, axis=0)
    return scores


def _largest(queries: Vectors, documents: TokenVectors, block_vectors: int, buffer: Buffer) -> Vectors:
    """(n_vectors, n_documents) largest inner product of each vector with any of each document."""
    largest = np.full((len(queries), len(documents)), -np.inf, dtype=np.float32)
    for start, end in _spans(documents.offsets[-1], block_vectors):
        product = np.matmul(queries, documents.vectors[start:end].T, out=buffer(len(queries), end - start))
        first, last, places = _segments(documents.offsets, start, end)
        np.maximum(largest[:, first:last], np.maximum.reduceat(product, places, axis=1), out=largest[:, first:last])
    return largest


def _fresh(rows: int, columns: int) -> Vectors:
    return np.empty((rows, columns), dtype=np.float32)


def _spans(n: int, size: int) -> Iterator[tuple[int, int]]:
    for start in range(0, int(n), size):
        yield start, min(start + size, int(n))


def _segments(offsets: IntArray, start: int, end: int) -> tuple[int, int, IntArray]:
    """The texts (from, up to) that have vectors between two places, and where each begins after the first place."""
    first = int(np.searchsorted(offsets, start, side="right")) - 1
    last = int(np.searchsorted(offsets, end, side="left"))
    return first, last, np.maximum(offsets[first:last], start) - start


def text_blocks(texts: TokenVectors, vectors: int, most: int) -> Iterator[TokenVectors]:
    """The texts in blocks of at most so many vectors and texts; one that alone has more is a block of its own."""
    start = 0
    while start < len(texts):
        fits = int(np.searchsorted(texts.offsets, texts.offsets[start] + vectors, side="right")) - 1
        end = min(max(fits, start + 1), start + most, len(texts))
        yield between(texts, start, end)
        start = end


def between(texts: TokenVectors, start: int, end: int) -> TokenVectors:
    """The texts from one row up to another; a view."""
    offsets = texts.offsets[start : end + 1]
    return TokenVectors(offsets - offsets[0], texts.vectors[offsets[0] : offsets[-1]])


def joined(parts: list[TokenVectors]) -> TokenVectors:
    """Several texts after one another; not copied where there is one part only."""
    if len(parts) == 1:
        return parts[0]
    counts = np.concatenate([part.counts for part in parts])
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return TokenVectors(offsets, np.concatenate([part.vectors for part in parts]))


def _copied(texts: TokenVectors) -> TokenVectors:
    return TokenVectors(texts.offsets.copy(), texts.vectors.copy())
