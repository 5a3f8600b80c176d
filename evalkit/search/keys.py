"""Candidates as integers: score above tie rank, so that partitioning and sorting integers settles ties too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from evalkit.types import TopK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.types import AnyArray, IntArray, Vectors

Keys: TypeAlias = NDArray[np.uint64]
"""A float32 score (as an integer of the same order) in the upper half, a document's tie rank in the lower."""

BUFFERED_KEYS = 1 << 24
"""Keys that all queries together may hold beyond their best ``top_k``."""
HALF = np.uint64(32)
LOW = np.uint64(0xFFFFFFFF)
HIGH = np.uint64(0xFFFFFFFF << 32)

_SIGN = np.uint32(1 << 31)
_LOWEST = np.finfo(np.float32).min


def _sortable(scores: Vectors) -> Keys:
    """Integers below 2**32 in the order of the scores, as uint64; 0.0 and -0.0 are equal."""
    bits = (scores + np.float32(0)).view(np.uint32)
    return np.where(bits & _SIGN, ~bits, bits | _SIGN).astype(np.uint64)


def _scores_of(keys: Keys) -> Vectors:
    """The scores in the upper halves of keys."""
    bits = (keys >> HALF).astype(np.uint32)
    return np.where(bits & _SIGN, bits ^ _SIGN, ~bits).view(np.float32)


@dataclass(frozen=True)
class TieOrder:
    """Documents in the order of their tie keys.

    Attributes:
        rank: (n_documents,) uint32 rank of each row.
        row: (n_documents,) uint32 row of each rank.
    """

    rank: AnyArray
    row: AnyArray

    @classmethod
    def of(cls, tie_keys: IntArray) -> TieOrder:
        """The order of (n_documents,) keys; equal ones rank in the order given."""
        row = np.argsort(tie_keys, kind="stable").astype(np.uint32)
        rank = np.empty(len(row), dtype=np.uint32)
        rank[row] = np.arange(len(row), dtype=np.uint32)
        return cls(rank, row)


def buffers(sizes: Sequence[int], top_k: int) -> list[BestKeys]:
    """One buffer a block of queries; with many queries each has less to spare."""
    spare = BUFFERED_KEYS // max(sum(sizes), 1)
    return [BestKeys(size, top_k, spare=max(64, min(spare, max(top_k, 512)))) for size in sizes]


class BestKeys:
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
        keys = (_sortable(scores.ravel()[passing]) << HALF) | ranks[column]
        while len(keys):
            query, keys = self._insert(query, keys)

    def _passes(self, scores: Vectors, ranks: AnyArray) -> AnyArray:
        """(n_queries, c) whether a score gets in; ties are looked at only where they are many (constant scores)."""
        passes: AnyArray = scores >= self._threshold
        if np.count_nonzero(passes) > passes.size // 4:
            passes &= (scores > self._threshold) | (ranks >= (self._floor & LOW)[:, None])
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


def decoded(blocks: Sequence[Keys], ties: TieOrder, top_k: int) -> TopK:
    """Rows and scores of keys, padded to ``top_k`` or, where there are fewer, the number of documents."""
    shape = (sum(len(keys) for keys in blocks), min(top_k, len(ties.row)))
    documents = np.full(shape, -1, dtype=np.int64)
    scores = np.full(shape, -np.inf, dtype=np.float32)
    start = 0
    for keys in blocks:
        query, place = np.nonzero(keys)
        documents[start + query, place] = ties.row[keys[query, place] & LOW]
        scores[start + query, place] = _scores_of(keys[query, place])
        start += len(keys)
    return TopK(documents=documents, scores=scores)
