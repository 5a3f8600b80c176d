"""How near any two vectors are: cosines, angles and distances of pairs. All are invariant under rotation and length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from evalkit.types import FloatArray, Vectors

_BLOCK = 1024


@dataclass(frozen=True)
class PairMeans:
    """Means over all pairs of different rows, with their standard errors as estimates for all rows there are.

    Attributes:
        mean_angle: Degrees.
        uniformity: Logarithm of the mean kernel.
        mean_angle_error: The standard error; so `uniformity_error`.
    """

    mean_angle: float
    uniformity: float
    mean_angle_error: float
    uniformity_error: float


def unit(vectors: Vectors) -> FloatArray:
    """(n, d) float64 rows of length 1; a zero row stays zero."""
    rows = vectors.astype(np.float64)
    norms = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    return rows / np.where(norms > 0, norms, 1)[:, None]


def mean_cosine(unit_sum: FloatArray, n: int) -> float:
    """Anisotropy: the mean cosine of two different vectors, (|sum u|^2 - n) / (n (n - 1)); exact, without any pair.

    Source: Ethayarajh 2019, "How contextual are contextualized word representations?", for the measure; the closed
    form is |sum u|^2 = n + sum of the cosines of different vectors.

    Args:
        unit_sum: (d,) sum of the vectors, each divided by its length.
        n: How many they are, at least 2.
    """
    return float((unit_sum @ unit_sum - n) / (n * (n - 1)))


def pair_means(vectors: Vectors) -> PairMeans:
    """Mean angle and uniformity over all pairs of different rows, block by block.

    Mean angle: mean of arccos(u_i . u_j). Uniformity: log of the mean of exp(-2 |u_i - u_j|^2), with u the vectors
    divided by their lengths; 0 where all are one vector, about -4 where many dimensions are used evenly.

    Source: Wang and Isola 2020, "Understanding contrastive representation learning through alignment and uniformity on
    the hypersphere", section 4.1.2, t = 2. The standard errors are those of U-statistics (Hoeffding 1948): twice the
    standard deviation of the rows' means over the square root of n.

    Args:
        vectors: (n, d), none of them zero, n at least 2.
    """
    rows = unit(vectors).astype(np.float32)
    angles, kernels = np.empty(len(rows)), np.empty(len(rows))
    for start in range(0, len(rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        angles[block], kernels[block] = _row_means(rows, block)
    return PairMeans(
        mean_angle=float(angles.mean()),
        uniformity=float(np.log(kernels.mean())),
        mean_angle_error=_error(angles),
        uniformity_error=_error(kernels) / float(kernels.mean()),
    )


def _row_means(rows: Vectors, block: slice) -> tuple[FloatArray, FloatArray]:
    """For each row of a block its mean angle in degrees to all other rows, and its mean kernel."""
    cosines = np.clip(rows[block] @ rows.T, -1, 1)
    own = np.arange(len(cosines)), np.arange(len(cosines)) + block.start
    others = len(rows) - 1
    kernels = np.exp(4 * cosines - 4)  # |u - v|^2 = 2 - 2 u . v
    kernels[own] = 0
    angles = np.arccos(cosines, out=cosines)
    angles[own] = 0
    return np.degrees(angles.sum(axis=1, dtype=np.float64) / others), kernels.sum(axis=1, dtype=np.float64) / others


def _error(row_means: FloatArray) -> float:
    return 2 * float(row_means.std(ddof=1)) / float(np.sqrt(len(row_means)))


def alignment(left: Vectors, right: Vectors) -> float:
    """Alignment: mean of |u_i - v_i|^2 over pairs that mean the same, lengths taken away. 0 to 4; 2 at a right angle.

    Source: Wang and Isola 2020 (see `pair_means`), section 4.1.1, exponent 2.

    Args:
        left: (n, d) one of each pair.
        right: (n, d) the other.
    """
    return float(((unit(left) - unit(right)) ** 2).sum(axis=1).mean())
