"""Sign flips of paired differences, for all pairs of models at once.

If two models are equally good, the sign of a unit's difference is a coin toss. One matrix of random signs S serves
all pairs, because S (x_i - x_j) = S x_i - S x_j: one product of S with the models' values gives the resampled mean
difference of every pair by a subtraction. Shared signs also keep the dependence between the pairs, which max-T needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit_leaderboard.significance.intervals import vector
from evalkit_leaderboard.significance.multiplicity import share_beyond

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalkit.types import AnyArray, FloatArray, Vectors

FLIPS = 10_000
"""Default number of sign flips."""
CACHE = 2 << 20
"""Bytes of signs that a chunk takes where it can: what the second-level cache holds."""
BUDGET = 128 << 20
"""Bytes of signs that a chunk takes at most."""


@dataclass(frozen=True, eq=False)
class Flips:
    """Mean values of models under sign flips; only differences between models have a meaning.

    Attributes:
        means: (M, B) mean of s_u x_iu over the units u, for every model i and flip; float64 where `exact`, where every
            tie with the observed one counts, otherwise float32.
        exact: Whether the B flips are all 2^n there are.
    """

    means: AnyArray
    exact: bool


def flip(X: AnyArray, *, flips: int = FLIPS, seed: int = 0) -> Flips:
    """Flip the signs of the units of all models together.

    Takes O(B n M) in one chunked product; memory is that of the (M, B) result and one chunk. Where at most `flips`
    sign patterns exist, each is taken once.

    Args:
        X: (M, n) value of every unit for every model.
        flips: How many random sign patterns are drawn, B.
        seed: From `seed_of`. The draws do not depend on the number of models or the size of a chunk.

    Raises:
        ValueError: If X is not a matrix with at least one unit, or flips is below 1.
    """
    return flip_centred(centre(X), flips=flips, seed=seed)


def flip_centred(values: FloatArray, *, flips: int = FLIPS, seed: int = 0, sampled: bool = False) -> Flips:
    """`flip` of (M, n) values that `centre` has been applied to; `sampled` draws patterns however few there are."""
    models, n = values.shape
    if n < 1 or flips < 1:
        raise ValueError(f"Sign flips need at least one unit and one flip, not {n} and {flips}.")
    if not sampled and n < 63 and 2**n <= flips:
        return Flips(values @ _every_sign(n).T / n, exact=True)
    columns = np.ascontiguousarray(values.T, dtype=np.float32)
    means = np.empty((flips, models), dtype=np.float32)
    start = 0
    for signs in _random_signs(n, flips, seed):
        np.matmul(signs, columns, out=means[start : start + len(signs)])
        start += len(signs)
    means /= n
    return Flips(np.ascontiguousarray(means.T), exact=False)


def flip_test(differences: AnyArray, *, flips: int = FLIPS, seed: int = 0) -> float:
    """Two-sided p value of the sign-flip test of (n,) paired differences: (1 + #{|T*| >= |T|}) / (B + 1).

    Source: Fisher 1935, section 21; the + 1: Davison and Hinkley 1997, 4.2.1. With all 2^n patterns it is exact. If all
    differences are 0, p is 1.
    """
    row = vector(differences)
    flipped = flip_centred(row[None], flips=flips, seed=seed)
    return share_beyond(np.abs(flipped.means[0]), abs(float(row.mean())), exact=flipped.exact)


def centre(X: AnyArray) -> FloatArray:
    """(M, n) values less the median model's value of each unit.

    Differences between models stay as they are and lose fewer digits in float32. The median rather than the mean,
    because 0/1 values stay exact.

    Raises:
        ValueError: If X is not a matrix.
    """
    values = np.asarray(X, dtype=np.float64)
    if values.ndim != 2:
        raise ValueError(f"The values must be (models, units), not {values.shape}.")
    return np.asarray(values - np.median(values, axis=0)) if len(values) else values


def _random_signs(n: int, flips: int, seed: int) -> Iterator[Vectors]:
    """Chunks of (b, n) random signs, 64 of them from one draw of the generator."""
    bits = np.random.default_rng(seed).bit_generator
    table = _signs_of_bytes()
    words = -(-n // 64)
    # Few rows at a time stay in the cache; too few would read the values of all models again for each handful.
    step = max(1, min(flips, max(64, CACHE // (4 * n)), BUDGET // (4 * n)))
    for start in range(0, flips, step):
        b = min(step, flips - start)
        drawn = bits.random_raw(b * words).astype("<u8", copy=False).view(np.uint8).reshape(b, 8 * words)
        yield table[drawn[:, : -(-n // 8)]].reshape(b, -1)[:, :n]


def _every_sign(n: int) -> FloatArray:
    """(2^n, n) all patterns of signs."""
    patterns = np.arange(2**n)[:, None] >> np.arange(n)
    return (1 - 2 * (patterns & 1)).astype(np.float64)


def _signs_of_bytes() -> Vectors:
    """(256, 8) the signs that each byte stands for."""
    bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)
    return 2 * bits.astype(np.float32) - 1
