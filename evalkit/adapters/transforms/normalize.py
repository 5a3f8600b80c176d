"""``normalize``: each vector divided by its Euclidean norm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from evalkit.adapters.options import Options
from evalkit.adapters.transforms.rows import ANY_ROWS, AppliedRows, Rows, RowTransform, unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.types import Form

NAME = "normalize"


def load(argument: str, options: Mapping[str, str]) -> Normalize:
    """``normalize``.

    Raises:
        EncoderError: It is given an argument or an option.
    """
    Options.of_step(NAME, argument, options, ())
    return Normalize()


@dataclass(frozen=True)
class Normalize(RowTransform):
    """Vectors of length 1; a zero vector stays zero."""

    name: ClassVar[str] = NAME
    takes: ClassVar[frozenset[Form]] = ANY_ROWS

    @property
    def parameters(self) -> Mapping[str, Any]:
        """It has none."""
        return {"version": 1}

    def ready(self, sample: object) -> AppliedRows:  # noqa: ARG002
        """Nothing is fitted."""
        return AppliedRows(_normalized)


def _normalized(rows: Rows) -> Rows:
    return unit(rows) if isinstance(rows, np.ndarray) else _normalized_sparse(rows)


def _normalized_sparse(rows: Rows) -> Rows:
    from scipy.sparse import csr_array

    values = rows.data.astype(np.float64)
    counts = np.diff(rows.indptr)
    row_of = np.repeat(np.arange(len(counts)), counts)
    norms = np.sqrt(np.bincount(row_of, weights=values * values, minlength=len(counts)))[row_of]
    scaled = np.divide(values, norms, out=np.zeros_like(values), where=norms > 0)
    return csr_array((scaled.astype(np.float32), rows.indices.copy(), rows.indptr.copy()), shape=rows.shape)
