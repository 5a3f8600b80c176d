"""The eigenvalues behind the spectral diagnostics, from what a stream of vectors has kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.diagnostics.stream import WIDEST_GRAM

if TYPE_CHECKING:
    from evalkit.diagnostics.stream import VectorStream
    from evalkit.types import FloatArray

_DOUBLE = float(np.finfo(np.float64).eps)
_SINGLE = float(np.finfo(np.float32).eps)
_EQUAL = 1e-12
"""Share of the squared length below which variance is rounding of single precision."""


@dataclass(frozen=True)
class Spectra:
    """Eigenvalues of sums of x x^T, descending, min(n, d) of them.

    Attributes:
        raw: (r,) of the vectors as they are.
        centred: (r,) of the vectors less their mean: n times those of the covariance.
        n: Vectors that they are of: all, or a sample.
    """

    raw: FloatArray
    centred: FloatArray
    n: int

    @property
    def constant(self) -> bool:
        """Whether all vectors are one, up to rounding."""
        return bool(self.centred.sum() <= _EQUAL * self.raw.sum())

    @property
    def above_rounding(self) -> FloatArray:
        """(r,) the centred eigenvalues, with 0 for those that rounding of the float32 vectors alone may give."""
        floor = self.raw[0] * len(self.raw) * _SINGLE**2
        return np.where(self.centred > floor, self.centred, 0.0)


def spectra(stream: VectorStream) -> Spectra:
    """From the Gram matrix (d, d), or from (n, n) where there are fewer vectors than dimensions.

    Vectors too long for a Gram matrix of all, and too many for one of (n, n), are sampled.
    """
    if stream.gram is not None and stream.n >= stream.dimension:
        mean = stream.total / stream.n
        return Spectra(_eigenvalues(stream.gram), _eigenvalues(stream.gram - stream.n * np.outer(mean, mean)), stream.n)
    return _of_rows(stream)


def _of_rows(stream: VectorStream) -> Spectra:
    rows = stream.rows()[:WIDEST_GRAM].astype(np.float64)
    zeros = stream.zeros if len(rows) == stream.n - stream.zeros else 0
    n = len(rows) + zeros
    products = np.zeros((n, n))
    products[: len(rows), : len(rows)] = rows @ rows.T
    half = products - products.mean(axis=0)
    centred = half - half.mean(axis=1)[:, None]
    r = min(n, stream.dimension)
    return Spectra(_eigenvalues(products)[:r], _eigenvalues(centred)[:r], n)


def _eigenvalues(matrix: FloatArray) -> FloatArray:
    """(m,) eigenvalues of a symmetric matrix that has none below zero, descending; what is only rounding is 0."""
    values = np.linalg.eigvalsh(matrix)[::-1]
    return np.where(values > values[0] * len(values) * _DOUBLE, values, 0.0)
