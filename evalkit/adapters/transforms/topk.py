"""``topk:64``: the values of largest magnitude of each vector; the others become zero."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from evalkit.adapters.options import TRANSFORM, Options, no_argument
from evalkit.adapters.transforms.rows import (
    ANY_ROWS,
    AppliedRows,
    Rows,
    RowTransform,
    check_dimension,
    each_block,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.types import Form, Vectors

NAME = "topk"
FLOAT_BYTES = 4
SHORT_INDEX, LONG_INDEX = 2, 4


def load(argument: str, options: Mapping[str, str]) -> TopValues:
    """``topk:64``.

    Raises:
        EncoderError: The number of values is missing or malformed.
    """
    chosen = Options.of_step(NAME, argument, options, ("k",), main="k")
    if "k" not in chosen.given:
        raise no_argument(NAME, "topk:64", kind=TRANSFORM)
    return TopValues(chosen.integer("k", 1))


@dataclass(frozen=True)
class TopValues(RowTransform):
    """The `k` values of largest magnitude; of equal ones those that come first. Dense vectors stay dense.

    An index keeps the values that are not zero, each with the place where it stands.
    """

    k: int
    name: ClassVar[str] = NAME
    takes: ClassVar[frozenset[Form]] = ANY_ROWS

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Values that are kept."""
        return {"version": 1, "k": self.k}

    def ready(self, sample: object) -> AppliedRows:  # noqa: ARG002
        """Nothing is fitted."""
        return AppliedRows(self._kept, size=_bytes)

    def _kept(self, rows: Rows) -> Rows:
        if not isinstance(rows, np.ndarray):
            return _largest_stored(rows, self.k)
        check_dimension(f"{NAME}:{self.k}", self.k, rows.shape[1])
        return each_block(rows, rows.shape[1], partial(_largest, k=self.k))


def _largest(rows: Vectors, *, k: int) -> Vectors:
    magnitudes = np.abs(rows)
    last = np.partition(magnitudes, -k, axis=1)[:, -k, None]
    above, equal = magnitudes > last, magnitudes == last
    places = k - above.sum(axis=1, keepdims=True)
    return np.where(above | (equal & (equal.cumsum(axis=1) <= places)), rows, np.float32(0))


def _largest_stored(rows: Rows, k: int) -> Rows:
    from scipy.sparse import csr_array

    matrix = csr_array(rows, copy=True)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    row_of = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    # Rows in order, within each the largest first; lexsort is stable, so of equal ones the lower index.
    order = np.lexsort((-np.abs(matrix.data), row_of))
    kept = np.empty(len(order), dtype=bool)
    kept[order] = np.arange(len(order)) - matrix.indptr[row_of] < k
    counts = np.bincount(row_of[kept], minlength=matrix.shape[0])
    offsets = np.concatenate([[0], np.cumsum(counts)])
    return csr_array((matrix.data[kept], matrix.indices[kept], offsets), shape=matrix.shape)


def _bytes(rows: Rows) -> float:
    """Of a vector on average; a place has two bytes where that is enough for all dimensions, else four."""
    n, dimension = (int(each) for each in rows.shape)
    kept = int(np.count_nonzero(rows) if isinstance(rows, np.ndarray) else rows.nnz)
    place = SHORT_INDEX if dimension <= 1 << 8 * SHORT_INDEX else LONG_INDEX
    return kept / max(n, 1) * (FLOAT_BYTES + place)
