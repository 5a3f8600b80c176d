"""What is kept of vectors that pass by once, in chunks: sums, the Gram matrix, and a sample of rows."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from evalkit.errors import EncoderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.types import AnyArray, FloatArray, Vectors

SAMPLE = 20_000
"""Rows kept for what needs neighbours; all of them where there are no more."""
WIDEST_GRAM = 4096
"""Dimensions up to which the Gram matrix (d, d) is summed over all rows, 128 MB of it."""
_CHUNK = 4096


class VectorStream:
    """Sums over vectors, and a sample of them.

    A text counts once, however often it comes, with the vector that it has first. Neither the order of the texts nor
    the way they are cut into chunks matters, beyond rounding. The memory needed grows with d^2 and d times the
    sample, and by about 70 bytes a text.

    Args:
        sample: Most rows to keep: those of the smallest hash of their text.

    Attributes:
        n: Texts so far.
        zeros: How many of them have the zero vector, which has no direction and is in no sample.
        total: (d,) sum of the vectors.
        unit_total: (d,) sum of the vectors, each divided by its length.
        gram: (d, d) sum of x x^T, in double precision; None where d is over `WIDEST_GRAM`.
        squares: Sum of |x|^2.
    """

    def __init__(self, sample: int = SAMPLE) -> None:
        self.n = 0
        self.zeros = 0
        self.total: FloatArray = np.zeros(0)
        self.unit_total: FloatArray = np.zeros(0)
        self.gram: FloatArray | None = None
        self.squares = 0.0
        self._seen: set[int] = set()
        self._sample = _Sample(sample)

    @property
    def dimension(self) -> int:
        """Length d of the vectors; 0 before there are any."""
        return len(self.total)

    @property
    def complete(self) -> bool:
        """Whether the sample holds every row that is not zero."""
        return self.n - self.zeros <= self._sample.size

    def rows(self) -> Vectors:
        """(at most the sample's size, d) the sampled rows, in the order of their hashes, which is a random one."""
        return self._sample.rows()

    def add(self, texts: Sequence[str], vectors: Vectors) -> None:
        """Take in texts and their vectors, which are neither written to nor kept.

        Args:
            texts: (n,) texts.
            vectors: (n, d) float32.

        Raises:
            EncoderError: Vectors of another length than before, or values that are not finite.
        """
        keys = [_hash(text) for text in texts]
        fresh = [row for row, key in enumerate(keys) if self._is_new(key)]
        for start in range(0, len(fresh), _CHUNK):
            chosen = fresh[start : start + _CHUNK]
            self._add(np.array([keys[row] for row in chosen], dtype=np.uint64), vectors[chosen])

    def _is_new(self, key: int) -> bool:
        before = len(self._seen)
        self._seen.add(key)
        return len(self._seen) > before

    def _add(self, keys: AnyArray, vectors: Vectors) -> None:
        self._check(vectors)
        rows = vectors.astype(np.float64)
        squares = np.einsum("ij,ij->i", rows, rows)
        there = squares > 0
        self.n += len(rows)
        self.zeros += int((~there).sum())
        self.total += rows.sum(axis=0)
        self.squares += float(squares.sum())
        if self.gram is not None:
            self.gram += rows.T @ rows
        self.unit_total += (1 / np.sqrt(squares[there])) @ rows[there]
        self._sample.add(keys[there], vectors[there])

    def _check(self, vectors: Vectors) -> None:
        d = vectors.shape[1]
        if not self.dimension:
            self.total, self.unit_total = np.zeros(d), np.zeros(d)
            self.gram = np.zeros((d, d)) if d <= WIDEST_GRAM else None
        if d != self.dimension:
            raise EncoderError(
                f"There are vectors of length {d} after vectors of length {self.dimension}.",
                hint="All vectors of an encoder must have one length.",
            )
        if not np.isfinite(vectors).all():
            raise EncoderError(
                "Some vectors hold NaN or infinite values.",
                hint="Diagnose finite vectors; check the encoder's weights.",
            )


class _Sample:
    """The rows of the smallest keys."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._keys: list[AnyArray] = []
        self._rows: list[Vectors] = []
        self._held = 0
        self._bound: int | None = None

    def add(self, keys: AnyArray, rows: Vectors) -> None:
        if self._bound is not None:
            small = keys < np.uint64(self._bound)
            keys, rows = keys[small], rows[small]
        self._keys.append(keys)
        self._rows.append(rows)
        self._held += len(keys)
        if self._held > self.size + _CHUNK:
            self._shrink()

    def rows(self) -> Vectors:
        if not self._rows:
            return np.zeros((0, 0), dtype=np.float32)
        self._shrink()
        return self._rows[0]

    def _shrink(self) -> None:
        keys = np.concatenate(self._keys)
        order = np.argsort(keys)[: self.size]
        self._rows = [np.concatenate(self._rows)[order]]
        self._keys = [keys[order]]
        self._held = len(order)
        if self._held == self.size:
            self._bound = int(keys[order[-1]])


def _hash(text: str) -> int:
    """64 bits of a text: random to the eye, the same everywhere."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
