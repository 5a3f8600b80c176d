"""Principal axes of a sample of vectors, for `pca` and `whiten`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.adapters.transforms.rows import blocks

if TYPE_CHECKING:
    from evalkit.types import FloatArray, Vectors

_SINGLE = float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class Axes:
    """Eigenvectors of the covariance of n vectors of length d.

    Attributes:
        mean: (d,).
        directions: (d, r) unit columns, the one of largest variance first, r = min(n, d). The entry of largest
            magnitude of each is positive, so that signs are always the same.
        variances: (r,) their eigenvalues, descending, over n - 1.
    """

    mean: FloatArray
    directions: FloatArray
    variances: FloatArray

    @property
    def above_rounding(self) -> int:
        """How many variances are more than rounding of float32 vectors alone may give: d eps^2 (l_1 + |mu|^2)."""
        scale = self.variances[0] + (self.mean**2).sum()
        return int((self.variances > len(self.mean) * _SINGLE**2 * scale).sum())


def principal_axes(sample: Vectors) -> Axes:
    """Of at least two vectors, in double precision and on one thread: the same on every number of cores."""
    from threadpoolctl import threadpool_limits

    mean = sample.mean(axis=0, dtype=np.float64)
    with threadpool_limits(limits=1, user_api="blas"):
        variances, directions = _of_many(sample, mean) if len(sample) >= len(mean) else _of_few(sample, mean)
    largest = directions[np.abs(directions).argmax(axis=0), np.arange(directions.shape[1])]
    return Axes(mean, directions * np.where(largest < 0, -1.0, 1.0), variances / (len(sample) - 1))


def _of_many(sample: Vectors, mean: FloatArray) -> tuple[FloatArray, FloatArray]:
    gram = np.zeros((len(mean), len(mean)))
    for part in blocks(len(sample)):
        moved = sample[part] - mean
        gram += moved.T @ moved
    variances, directions = np.linalg.eigh(gram)
    return np.maximum(variances[::-1], 0), directions[:, ::-1]


def _of_few(sample: Vectors, mean: FloatArray) -> tuple[FloatArray, FloatArray]:
    _, singular, transposed = np.linalg.svd(sample - mean, full_matrices=False)
    return singular**2, transposed.T
