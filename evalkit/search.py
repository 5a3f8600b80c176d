"""The best documents of every query: exact, streaming over the corpus, with ties decided by the documents' ids.

A candidate is one unsigned 64-bit integer, its float32 score (as an integer of the same order) above the rank of its
document's id, so that partitioning and sorting plain integers settles ties too. Every query keeps a small buffer of
keys and the score that a document has to reach; after the first few thousand documents hardly any does.

The last bit of an inner product depends on the place of the row in the matrix product, so equal documents could come
out unequal. Rows are therefore recognised by a 64-bit hash, and all copies of a document get one score at the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evalkit.types import Similarity, TopK

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evalkit.types import AnyArray, IntArray, Vectors

Keys: TypeAlias = NDArray[np.uint64]

BLOCK_ROWS = 2048
"""Documents scored at a time: with `BLOCK_QUERIES` an 8 MB product, the fastest of 1024 to 8192 on two cores."""
BLOCK_QUERIES = 1024
BUFFERED_KEYS = 1 << 24
"""Keys that all queries together may hold beyond their best ``top_k``."""

_NORM_FLOOR = 1e-12
_SIGN = np.uint32(1 << 31)
_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)
_HIGH = np.uint64(0xFFFFFFFF << 32)
_LOWEST = np.finfo(np.float32).min


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


class TopKSearch:
    """Exact top-k by cosine or inner product over a corpus that arrives in chunks.

    Documents come by score descending, then tie key descending. Results never depend on how the corpus is cut into
    chunks, nor on the order of its rows beyond the last bit of a score. Equal documents always have equal scores and
    equal queries equal results. Cosine is the inner product of rows divided by their norm, or by 1e-12
    if that is larger (as in ``torch.nn.functional.normalize``; a zero vector stays zero), all in float32. A score that
    is NaN or minus infinity is no result.

    The memory needed grows with the queries' results and, by 17 bytes a document, with the corpus.

    Args:
        queries: (q, d) float32; copied, never written to.
        tie_keys: (n_documents,) of `document_tie_keys`.
        top_k: How many documents a query gets.
        similarity: How vectors are compared.
        block_rows: Documents scored at a time.
        block_queries: Queries scored at a time.
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
    ) -> None:
        self._similarity = similarity
        self._top_k = top_k
        distinct, self._query_of = _distinct_rows(self._prepared(np.array(queries, dtype=np.float32)))
        self._ties = _TieOrder.of(tie_keys)
        self._blocks = [distinct[start : start + block_queries] for start in range(0, len(distinct), block_queries)]
        self._best = _buffers([len(block) for block in self._blocks], min(top_k, len(tie_keys)))
        self._hashes = np.zeros(len(tie_keys), dtype=np.uint64)
        self._added = np.zeros(len(tie_keys), dtype=bool)
        self._staged = np.empty((block_rows, distinct.shape[1]), dtype=np.float32)
        self._staged_rows = np.empty(block_rows, dtype=np.int64)
        self._n_staged = 0
        self._product = np.empty(block_rows * min(block_queries, len(distinct)), dtype=np.float32)

    def add(self, rows: IntArray, vectors: Vectors) -> None:
        """Score a chunk of the corpus.

        Args:
            rows: (c,) rows of the corpus, each added once in all.
            vectors: (c, d) their vectors; not written to and not kept.
        """
        start = 0
        while start < len(rows):
            start += self._stage(rows[start:], vectors[start:])

    def result(self) -> TopK:
        """The best of all documents added so far, (q, top_k); -1 and -inf where there are fewer documents."""
        self._score_staged()
        copies = _Copies.among(self._hashes, self._added, self._ties)
        top = _decoded([_expanded(best.ordered(), copies) for best in self._best], self._ties, self._top_k)
        if self._query_of is None:
            return top
        return TopK(documents=top.documents[self._query_of], scores=top.scores[self._query_of])

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
        vectors = self._prepared(self._staged[: self._n_staged])
        self._n_staged = 0
        self._hashes[rows] = _row_hashes(vectors)
        self._added[rows] = True
        ranks = self._ties.rank[rows]
        for queries, best in zip(self._blocks, self._best, strict=True):
            product = self._product[: len(queries) * len(rows)].reshape(len(queries), len(rows))
            best.offer(np.matmul(queries, vectors.T, out=product), ranks)

    def _prepared(self, vectors: Vectors) -> Vectors:
        return _normalise(vectors) if self._similarity is Similarity.COSINE else vectors


def score_top_k(
    chunks: Iterable[Vectors], tie_keys: IntArray, top_k: int, *, block_columns: int = 4 * BLOCK_ROWS
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
    ties = _TieOrder.of(tie_keys)
    kept = min(top_k, len(tie_keys))
    return _decoded([_best_of_scores(chunk, ties, kept, block_columns) for chunk in chunks], ties, top_k)


def _best_of_scores(scores: Vectors, ties: _TieOrder, top_k: int, block_columns: int) -> Keys:
    [best] = _buffers([len(scores)], top_k)
    for start in range(0, scores.shape[1], block_columns):
        columns = slice(start, start + block_columns)
        best.offer(np.ascontiguousarray(scores[:, columns], dtype=np.float32), ties.rank[columns])
    return best.ordered()


def _normalise(vectors: Vectors) -> Vectors:
    """Divide rows by their norm, in place."""
    norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    vectors /= np.maximum(norms, _NORM_FLOOR)[:, None]
    return vectors


def _distinct_rows(vectors: Vectors) -> tuple[Vectors, IntArray | None]:
    """The distinct rows and, unless all are, the place of every row among them."""
    _, first, place = np.unique(_row_hashes(vectors), return_index=True, return_inverse=True)
    if len(first) == len(vectors):
        return vectors, None
    return vectors[first], place


def _row_hashes(vectors: Vectors, block: int = 256) -> Keys:
    """(n,) hash of every row; 0.0 and -0.0 are the same, and blocks are small enough to stay in the cache."""
    hashes = np.empty(len(vectors), dtype=np.uint64)
    for start in range(0, len(vectors), block):
        words = (vectors[start : start + block] + np.float32(0)).view(np.uint32).astype(np.uint64)
        hashes[start : start + block] = _multilinear(words)
    return hashes


def _multilinear(words: Keys) -> Keys:
    """(n,) hash of (n, d) 32-bit words: two sums of words times random numbers, the upper half of each.

    Whatever two different rows hold, either half agrees for a share of at most 2**-32 of all multipliers (Lemire and
    Kaser 2014, "Strongly universal string hashing is fast"), so no pattern in the vectors makes rows collide: among
    ten million distinct rows, any two do with a probability of 3e-6.
    """
    upper, lower = (np.einsum("ij,j->i", words, multipliers) for multipliers in _multipliers(words.shape[1]))
    hashes: Keys = (upper & _HIGH) | (lower >> _HALF)
    return hashes


@cache
def _multipliers(n: int) -> Keys:
    return np.random.default_rng(20260731).integers(0, 2**64, size=(2, n), dtype=np.uint64)


def _sortable(scores: Vectors) -> Keys:
    """Integers below 2**32 in the order of the scores, as uint64; 0.0 and -0.0 are equal."""
    bits = (scores + np.float32(0)).view(np.uint32)
    return np.where(bits & _SIGN, ~bits, bits | _SIGN).astype(np.uint64)


def _scores_of(keys: Keys) -> Vectors:
    """The scores in the upper halves of keys."""
    bits = (keys >> _HALF).astype(np.uint32)
    return np.where(bits & _SIGN, bits ^ _SIGN, ~bits).view(np.float32)


@dataclass(frozen=True)
class _TieOrder:
    """Documents in the order of their tie keys.

    Attributes:
        rank: (n_documents,) uint32 rank of each row.
        row: (n_documents,) uint32 row of each rank.
    """

    rank: AnyArray
    row: AnyArray

    @classmethod
    def of(cls, tie_keys: IntArray) -> _TieOrder:
        row = np.argsort(tie_keys, kind="stable").astype(np.uint32)
        rank = np.empty(len(row), dtype=np.uint32)
        rank[row] = np.arange(len(row), dtype=np.uint32)
        return cls(rank, row)


def _buffers(sizes: Sequence[int], top_k: int) -> list[_BestKeys]:
    """One buffer a block of queries; with many queries each has less to spare."""
    spare = BUFFERED_KEYS // max(sum(sizes), 1)
    return [_BestKeys(size, top_k, spare=max(64, min(spare, max(top_k, 512)))) for size in sizes]


class _BestKeys:
    """The best ``top_k`` keys, and up to ``spare`` that may yet turn out worse, of every query of a block."""

    def __init__(self, n_queries: int, top_k: int, spare: int) -> None:
        self._top_k = top_k
        self._spare = spare
        self._keys = np.zeros((n_queries, top_k + spare), dtype=np.uint64)
        self._filled = np.zeros(n_queries, dtype=np.int64)
        self._floor = np.zeros(n_queries, dtype=np.uint64)
        self._threshold = np.full((n_queries, 1), _LOWEST, dtype=np.float32)

    def offer(self, scores: Vectors, ranks: AnyArray) -> None:
        """Take what is good enough of (n_queries, c) scores, contiguous, of documents with (c,) tie ranks."""
        if self._top_k == 0 or not len(ranks):
            return
        if not self._filled.any():
            self._threshold = _kth_best(scores, self._top_k)
        passing = np.flatnonzero(self._passes(scores, ranks))
        query, column = np.divmod(passing, len(ranks))
        keys = (_sortable(scores.ravel()[passing]) << _HALF) | ranks[column]
        while len(keys):
            query, keys = self._insert(query, keys)

    def _passes(self, scores: Vectors, ranks: AnyArray) -> AnyArray:
        """(n_queries, c) whether a score gets in; ties are looked at only where they are many (constant scores)."""
        passes: AnyArray = scores >= self._threshold
        if np.count_nonzero(passes) > passes.size // 4:
            passes &= (scores > self._threshold) | (ranks >= (self._floor & _LOW)[:, None])
        return passes

    def ordered(self) -> Keys:
        """(n_queries, top_k) best keys, best first; 0 where there are fewer."""
        self._keys[np.arange(self._keys.shape[1]) >= self._filled[:, None]] = 0
        return np.sort(self._keys, axis=1)[:, ::-1][:, : self._top_k]

    def _insert(self, query: IntArray, keys: Keys) -> tuple[IntArray, Keys]:
        """Buffer keys, grouped by query; return those that found no room and may still be among the best."""
        counts = np.bincount(query, minlength=len(self._filled))
        places = np.arange(len(query)) + np.repeat(self._filled - (np.cumsum(counts) - counts), counts)
        fits = places < self._keys.shape[1]
        self._keys[query[fits], places[fits]] = keys[fits]
        self._filled = np.minimum(self._filled + counts, self._keys.shape[1])
        self._compress(np.flatnonzero(self._filled == self._keys.shape[1]))
        left = ~fits & (keys > self._floor[query])
        return query[left], keys[left]

    def _compress(self, full: IntArray) -> None:
        """Keep the best of full buffers, and raise what it takes to get in."""
        if not len(full):
            return
        keys = self._keys[full]
        keys.partition(self._spare, axis=1)
        self._keys[full, : self._top_k] = keys[:, self._spare :]
        self._filled[full] = self._top_k
        self._floor[full] = keys[:, self._spare]
        self._threshold[full, 0] = _scores_of(keys[:, self._spare])


def _kth_best(scores: Vectors, k: int) -> Vectors:
    """(n_queries, 1) score that k of (n_queries, c) reach, the lowest finite one where there are fewer or NaN."""
    if scores.shape[1] < k:
        return np.full((len(scores), 1), _LOWEST, dtype=np.float32)
    reached = np.maximum(np.partition(scores, -k, axis=1)[:, -k], _LOWEST)
    return np.where(np.isnan(scores.max(axis=1)), _LOWEST, reached)[:, None]


@dataclass(frozen=True)
class _Copies:
    """Groups of documents with equal vectors, those of one document left out.

    Attributes:
        group: (n_documents,) group of each tie rank, -1 for none.
        start: (n_groups,) where each group starts in ``members``.
        size: (n_groups,) how many members it has.
        members: Tie ranks, each group's descending.
    """

    group: IntArray
    start: IntArray
    size: IntArray
    members: Keys

    @classmethod
    def among(cls, hashes: Keys, added: AnyArray, ties: _TieOrder) -> _Copies | None:
        """The groups among the rows added, None if all are distinct."""
        found = np.sort(hashes[added])
        repeated = found[1:][found[1:] == found[:-1]]
        if not len(repeated):
            return None
        shared = np.isin(hashes[added], repeated)
        return cls._of(hashes[added][shared], ties.rank[added][shared].astype(np.int64), len(hashes))

    @classmethod
    def _of(cls, hashes: Keys, ranks: IntArray, n_documents: int) -> _Copies:
        order = np.lexsort((-ranks, hashes))
        _, start, size = np.unique(hashes[order], return_index=True, return_counts=True)
        group = np.full(n_documents, -1, dtype=np.int64)
        group[ranks[order]] = np.repeat(np.arange(len(start)), size)
        return cls(group, start, size, ranks[order].astype(np.uint64))

    def expand(self, keys: Keys) -> Keys:
        """Give all copies of each document of one query the score of the best placed, and cut again.

        Exact: a document belongs to the result only if its group's best placed member does, and that one was kept.
        The exception is where the last bit of a score decides, between this group and other documents that tie
        with it at the very end of the result.

        Args:
            keys: (k,) descending, without zeros.

        Returns:
            (k,) descending.
        """
        group = self.group[keys & _LOW]
        groups, first = np.unique(group, return_index=True)
        groups, heads = groups[groups >= 0], keys[first[groups >= 0]]
        size = np.minimum(self.size[groups], len(keys))
        member = np.arange(size.sum()) + np.repeat(self.start[groups] - (np.cumsum(size) - size), size)
        copies = np.repeat(heads & _HIGH, size) | self.members[member]
        return np.sort(np.concatenate((keys[group < 0], copies)))[::-1][: len(keys)]


def _expanded(keys: Keys, copies: _Copies | None) -> Keys:
    """(q, k) keys with the copies of every document found."""
    if copies is None or not keys.size:
        return keys
    for query in np.flatnonzero((copies.group[keys & _LOW] >= 0).any(axis=1)):
        found = keys[query][keys[query] > 0]
        keys[query, : len(found)] = copies.expand(found)
    return keys


def _decoded(blocks: Sequence[Keys], ties: _TieOrder, top_k: int) -> TopK:
    """Rows and scores of keys, padded to ``top_k``."""
    n_queries = sum(len(keys) for keys in blocks)
    documents = np.full((n_queries, top_k), -1, dtype=np.int64)
    scores = np.full((n_queries, top_k), -np.inf, dtype=np.float32)
    start = 0
    for keys in blocks:
        query, place = np.nonzero(keys)
        documents[start + query, place] = ties.row[keys[query, place] & _LOW]
        scores[start + query, place] = _scores_of(keys[query, place])
        start += len(keys)
    return TopK(documents=documents, scores=scores)
