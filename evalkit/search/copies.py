"""Documents with equal vectors, recognised by a hash of their rows, and one score for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from evalkit.search.keys import HALF, HIGH, LOW, Keys, TieOrder

if TYPE_CHECKING:
    from evalkit.types import AnyArray, IntArray, TokenVectors, Vectors


def distinct_rows(vectors: Vectors) -> tuple[Vectors, IntArray | None]:
    """The distinct rows and, unless all are, the place of every row among them."""
    _, first, place = np.unique(row_hashes(vectors), return_index=True, return_inverse=True)
    if len(first) == len(vectors):
        return vectors, None
    return vectors[first], place


def distinct_texts(texts: TokenVectors) -> tuple[TokenVectors, IntArray | None]:
    """The distinct texts and, unless all are, the place of every text among them."""
    _, first, place = np.unique(text_hashes(texts), return_index=True, return_inverse=True)
    if len(first) == len(texts):
        return texts, None
    return texts.take(first), place


def row_hashes(vectors: Vectors, block: int = 256) -> Keys:
    """(n,) hash of every row; 0.0 and -0.0 are the same, and blocks are small enough to stay in the cache."""
    hashes = np.empty(len(vectors), dtype=np.uint64)
    for start in range(0, len(vectors), block):
        words = (vectors[start : start + block] + np.float32(0)).view(np.uint32).astype(np.uint64)
        hashes[start : start + block] = _multilinear(words)
    return hashes


def text_hashes(texts: TokenVectors) -> Keys:
    """(n,) hash of every text's vectors, in their order."""
    hashes = row_hashes(texts.vectors)
    return ragged_hashes(np.stack([hashes >> HALF, hashes & LOW], axis=1), texts.offsets)


def ragged_hashes(words: Keys, offsets: IntArray) -> Keys:
    """(n,) hash of rows of different lengths, row i the pairs of 32-bit words from offsets[i] up to offsets[i + 1]."""
    counts = np.diff(offsets)
    place = np.arange(offsets[-1]) - np.repeat(offsets[:-1], counts)
    multipliers = _place_multipliers(1 << int(counts.max(initial=0)).bit_length())[place]
    upper, lower = (_summed((words * multipliers[:, half]).sum(axis=1), offsets, half) for half in (0, 1))
    return (upper & HIGH) | (lower >> HALF)


def _summed(products: Keys, offsets: IntArray, half: int) -> Keys:
    """(n,) sums of every row's products, and its length times a number of its own."""
    totals = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(products, dtype=np.uint64)])
    lengths = np.diff(offsets).astype(np.uint64)
    sums: Keys = totals[offsets[1:]] - totals[offsets[:-1]] + lengths * _multipliers(1)[half, 0]
    return sums


@cache
def _place_multipliers(n: int) -> Keys:
    """(n, 2, 2) multipliers of each half of a hash and each word of a pair; those of the first places never change."""
    return np.random.default_rng(20261121).integers(0, 2**64, size=(n, 2, 2), dtype=np.uint64)


def _multilinear(words: Keys) -> Keys:
    """(n,) hash of (n, d) 32-bit words: two sums of words times random numbers, the upper half of each.

    Whatever two different rows hold, either half agrees for a share of at most 2**-32 of all multipliers (Lemire and
    Kaser 2014, "Strongly universal string hashing is fast"), so no pattern in the vectors makes rows collide: among
    ten million distinct rows, any two do with a probability of 3e-6.
    """
    upper, lower = (np.einsum("ij,j->i", words, multipliers) for multipliers in _multipliers(words.shape[1]))
    hashes: Keys = (upper & HIGH) | (lower >> HALF)
    return hashes


@cache
def _multipliers(n: int) -> Keys:
    return np.random.default_rng(20260731).integers(0, 2**64, size=(2, n), dtype=np.uint64)


@dataclass(frozen=True)
class Copies:
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
    def among(cls, hashes: Keys, added: AnyArray, ties: TieOrder) -> Copies | None:
        """The groups among the rows added, None if all are distinct."""
        found = np.sort(hashes[added])
        repeated = found[1:][found[1:] == found[:-1]]
        if not len(repeated):
            return None
        shared = np.isin(hashes[added], repeated)
        return cls._of(hashes[added][shared], ties.rank[added][shared].astype(np.int64), len(hashes))

    @classmethod
    def _of(cls, hashes: Keys, ranks: IntArray, n_documents: int) -> Copies:
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
        group = self.group[keys & LOW]
        groups, first = np.unique(group, return_index=True)
        groups, heads = groups[groups >= 0], keys[first[groups >= 0]]
        size = np.minimum(self.size[groups], len(keys))
        member = np.arange(size.sum()) + np.repeat(self.start[groups] - (np.cumsum(size) - size), size)
        copies = np.repeat(heads & HIGH, size) | self.members[member]
        return np.sort(np.concatenate((keys[group < 0], copies)))[::-1][: len(keys)]


def expanded(keys: Keys, copies: Copies | None) -> Keys:
    """(q, k) keys with the copies of every document found."""
    if copies is None or not keys.size:
        return keys
    for query in np.flatnonzero((copies.group[keys & LOW] >= 0).any(axis=1)):
        found = keys[query][keys[query] > 0]
        keys[query, : len(found)] = copies.expand(found)
    return keys
