"""The three forms of embeddings (`evalkit.types.Form`) behind the same few operations: count, choose, join, pack."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from evalkit.types import Form, TokenVectors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scipy.sparse import csr_array

    from evalkit.types import Embeddings, IntArray, Vectors

_HALF = 1 << 31
"""Set in the header of a packed entry whose values are kept in two bytes each, as nothing is lost so."""


def is_dense(embeddings: Embeddings) -> TypeGuard[Vectors]:
    """Whether they are one (n, d) array."""
    return isinstance(embeddings, np.ndarray)


def form_of(embeddings: Embeddings) -> Form:
    """Their form."""
    if isinstance(embeddings, TokenVectors):
        return Form.MULTI
    return Form.DENSE if is_dense(embeddings) else Form.SPARSE


def dimension_of(embeddings: Embeddings) -> int:
    """Length d of each vector."""
    held: Any = embeddings.vectors if isinstance(embeddings, TokenVectors) else embeddings
    return int(held.shape[1])


def count_of(embeddings: Embeddings) -> int:
    """Number of texts."""
    if isinstance(embeddings, TokenVectors):
        return len(embeddings)
    return int(embeddings.shape[0])


def take(embeddings: Embeddings, rows: Sequence[int] | IntArray) -> Embeddings:
    """Those of some texts, in the order in which their rows are named."""
    if isinstance(embeddings, TokenVectors):
        return embeddings.take(rows)
    chosen: Embeddings = embeddings[np.asarray(rows, dtype=np.int64)]
    return chosen


def bytes_of(embeddings: Embeddings) -> float:
    """Bytes that an index keeps for a text on average: 4 a value, and 2 or 4 more for the place of a sparse one."""
    count = max(count_of(embeddings), 1)
    if isinstance(embeddings, TokenVectors):
        return 4.0 * embeddings.vectors.size / count
    if is_dense(embeddings):
        return 4.0 * dimension_of(embeddings)
    place = 2 if dimension_of(embeddings) <= 1 << 16 else 4
    return float((4 + place) * _sparse(embeddings).nnz) / count


def zero_rows(embeddings: Embeddings) -> IntArray:
    """Rows of the texts whose every value is zero."""
    if isinstance(embeddings, TokenVectors):
        nothing = ~embeddings.vectors.any(axis=1)
        return np.flatnonzero(np.minimum.reduceat(nothing, embeddings.offsets[:-1])) if len(embeddings) else _NONE
    if is_dense(embeddings):
        zero = np.flatnonzero(embeddings[:, 0] == 0)
        return zero[~embeddings[zero].any(axis=1)]
    return np.flatnonzero(np.diff(_sparse(embeddings).indptr) == 0)


_NONE = np.zeros(0, dtype=np.int64)


class Assembly:
    """Embeddings of n texts that arrive in parts, in any order.

    Args:
        n: Number of texts.
    """

    def __init__(self, n: int) -> None:
        self._n = n
        self._dense: Vectors | None = None
        self._rows: list[IntArray] = []
        self._parts: list[Embeddings] = []

    def put(self, rows: Sequence[int], embeddings: Embeddings) -> None:
        """Add those of the texts in these rows. Dense ones go to their place at once."""
        if is_dense(embeddings):
            if self._dense is None:
                self._dense = np.empty((self._n, embeddings.shape[1]), dtype=np.float32)
            self._dense[rows] = embeddings
            return
        self._rows.append(np.asarray(rows, dtype=np.int64))
        self._parts.append(embeddings)

    def result(self) -> Embeddings:
        """All of them, in the order of the rows; no text at all gives (0, 1) dense."""
        if self._parts:
            return take(joined(self._parts), np.argsort(np.concatenate(self._rows)))
        return self._dense if self._dense is not None else np.zeros((0, 1), dtype=np.float32)


def joined(parts: Sequence[Embeddings]) -> Embeddings:
    """Several, all of one form, one below the other."""
    if isinstance(parts[0], TokenVectors):
        return _joined_tokens([part for part in parts if isinstance(part, TokenVectors)])
    if is_dense(parts[0]):
        return np.concatenate([part for part in parts if is_dense(part)])
    from scipy.sparse import csr_array, vstack

    return csr_array(vstack([_sparse(part) for part in parts], format="csr"))


def _joined_tokens(parts: Sequence[TokenVectors]) -> TokenVectors:
    counts = np.concatenate([part.counts for part in parts])
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return TokenVectors(offsets, np.concatenate([part.vectors for part in parts]))


def packed(embeddings: Embeddings) -> list[bytes]:
    """Each text's as bytes, little-endian.

    A dense vector is its float32 values alone. The others begin with d as an unsigned 32-bit number: a sparse one
    goes on with the int32 places and then the float32 values of what is not zero; several vectors follow one another,
    as float16 where that loses nothing (then the highest bit of d is set).
    """
    if isinstance(embeddings, TokenVectors):
        return _packed_tokens(embeddings)
    if is_dense(embeddings):
        return [row.tobytes() for row in np.ascontiguousarray(embeddings, dtype="<f4")]
    return _packed_sparse(_sparse(embeddings))


def _packed_tokens(embeddings: TokenVectors) -> list[bytes]:
    with np.errstate(over="ignore"):
        half = embeddings.vectors.astype("<f2")
    fits = bool(np.array_equal(half.astype(np.float32), embeddings.vectors))
    values = half if fits else np.ascontiguousarray(embeddings.vectors, dtype="<f4")
    header = _header(embeddings.vectors.shape[1] | (_HALF if fits else 0))
    return [header + values[start:stop].tobytes() for start, stop in pairwise(embeddings.offsets)]


def _packed_sparse(matrix: csr_array) -> list[bytes]:
    header = _header(matrix.shape[1])
    places, values = matrix.indices.astype("<i4"), matrix.data.astype("<f4")
    return [
        header + places[start:stop].tobytes() + values[start:stop].tobytes() for start, stop in pairwise(matrix.indptr)
    ]


def unpacked(stored: Sequence[bytes], form: Form) -> Embeddings:
    """What `packed` gave the bytes of; at least one text.

    Raises:
        ValueError: Not all of one length d; the message lists the lengths.
    """
    _check_lengths(stored, form)
    if form is Form.MULTI:
        return TokenVectors.of([_tokens(value) for value in stored])
    if form is Form.SPARSE:
        return _unpacked_sparse(stored)
    return np.frombuffer(b"".join(stored), dtype="<f4").reshape(len(stored), -1).astype(np.float32, copy=False)


def _check_lengths(stored: Sequence[bytes], form: Form) -> None:
    lengths = {len(value) // 4 if form is Form.DENSE else _dimension(value) for value in stored}
    if len(lengths) > 1:
        raise ValueError(", ".join(map(str, sorted(lengths))))


def _tokens(value: bytes) -> Vectors:
    half = int.from_bytes(value[:4], "little") & _HALF
    flat = np.frombuffer(value, dtype="<f2" if half else "<f4", offset=4)
    return flat.reshape(-1, _dimension(value)).astype(np.float32, copy=False)


def _unpacked_sparse(stored: Sequence[bytes]) -> csr_array:
    from scipy.sparse import csr_array

    counts = [(len(value) - 4) // 8 for value in stored]
    places = [np.frombuffer(value, "<i4", count, 4) for value, count in zip(stored, counts, strict=True)]
    values = [np.frombuffer(value, "<f4", count, 4 + 4 * count) for value, count in zip(stored, counts, strict=True)]
    offsets = np.concatenate([[0], np.cumsum(counts)])
    shape = (len(stored), _dimension(stored[0]))
    return csr_array((np.concatenate(values), np.concatenate(places), offsets), shape=shape)


def _header(number: int) -> bytes:
    return number.to_bytes(4, "little")


def _dimension(value: bytes) -> int:
    return int.from_bytes(value[:4], "little") & ~_HALF


def _sparse(embeddings: Any) -> csr_array:
    matrix: csr_array = embeddings
    return matrix
