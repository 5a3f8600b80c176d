"""Rows divided by their norm, as cosine wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from evalkit.types import FloatArray, Vectors

NORM_FLOOR = 1e-12


def normalise(vectors: Vectors) -> Vectors:
    """Divide rows by their norm, in place; by `NORM_FLOOR` if that is larger, so that a zero vector stays zero."""
    norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    vectors /= np.maximum(norms, NORM_FLOOR)[:, None]
    return vectors


def row_norms(vectors: Vectors | csr_array) -> FloatArray:
    """(n,) norms, at least `NORM_FLOOR`; those of equal rows are equal to the last bit.

    Other than ``einsum``, `sum` over the last axis adds in an order that depends on nothing but its length.
    """
    wide = vectors.astype(np.float64)
    norms: FloatArray = np.sqrt(np.asarray((wide * wide).sum(axis=1)))
    return np.maximum(norms, NORM_FLOOR)
