"""Two encoders on the same texts: how alike is what they make of them?

None of the measures needs labels, or the same dimension on both sides. What each one does not see differs, so they are
read together:

| measure | does not change under | changes under |
|---|---|---|
| CKA | rotation, one scale for all, a shift | a scale of its own for each direction |
| mutual neighbours | rotation, a scale of its own for each vector | a shift |
| relative representations | rotation, a scale of its own for each vector | a shift |
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, nan
from typing import TYPE_CHECKING

import numpy as np

from evalkit.diagnostics.neighbours import K as NEIGHBOURS
from evalkit.diagnostics.neighbours import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalkit.types import AnyArray, FloatArray, IntArray, Vectors

MOST = 20_000
"""Texts that all pairs are looked at of; above that a seeded sample stands for them."""
ANCHORS = 300
"""Anchors of the relative representations, as in Moschella et al.; half of the texts where that is fewer."""
FEWEST = 2 * (NEIGHBOURS + 2)
"""With fewer texts the nearest neighbours, or anchors, would be all that there are."""
_BLOCK = 512
"""Rows that are in memory in double precision at a time."""
_CONSTANT = 1e-6
"""Below this share of their size, differences are rounding errors of float32."""
_CANCELLED = 1e-12
"""Below this share of its terms, a sum is rounding errors of float64."""


@dataclass(frozen=True)
class Agreement:
    """How alike two encoders see the same texts; 1 is the same, nan is undefined (vectors that are all equal).

    Attributes:
        n: Texts that were looked at.
        of: Texts that there were; more than `n` where `n` are a sample.
        cka: Linear CKA as published, from the biased HSIC: above 0 for unrelated vectors where texts are few.
        cka_debiased: Linear CKA from the unbiased HSIC: around 0 for unrelated vectors.
        mutual_neighbours: Mean share of the nearest neighbours that are the same.
        mutual_chance: What unrelated vectors have on average.
        neighbours: How many neighbours count.
        relative_correlation: Mean over the texts of Pearson's r of the two relative representations.
        relative_cosine: Mean over the texts of their cosine; high already where all cosines are.
        relative_jaccard: Mean over the texts of the overlap of their nearest anchors.
        jaccard_chance: What unrelated vectors have on average.
        anchors: How many anchors there are.
    """

    n: int
    of: int
    cka: float
    cka_debiased: float
    mutual_neighbours: float
    mutual_chance: float
    neighbours: int
    relative_correlation: float
    relative_cosine: float
    relative_jaccard: float
    jaccard_chance: float
    anchors: int


@dataclass(frozen=True)
class Relative:
    """Agreement of two relative representations; see `relative_agreement`."""

    correlation: float
    cosine: float
    jaccard: float


def agreement(x: Vectors, y: Vectors, *, seed: int = 0) -> Agreement:
    """Every measure of two encoders on the same texts.

    Args:
        x: (n, d1) vectors of one encoder, row i for text i; of distinct texts, as a repeated one is its own neighbour.
        y: (n, d2) vectors of the other.
        seed: Decides the anchors, and the sample of more than `MOST` texts.

    Raises:
        ValueError: The rows do not match, or there are fewer than `FEWEST`.
    """
    _check(x, y)
    of = len(x)
    rows, anchors = drawn(of, seed)
    if len(rows) < of:
        x, y = x[rows], y[rows]
    relative = relative_agreement(x, y, anchors)
    return Agreement(
        n=len(x),
        of=of,
        cka=linear_cka(x, y, debiased=False),
        cka_debiased=linear_cka(x, y),
        mutual_neighbours=mutual_neighbours(x, y),
        mutual_chance=NEIGHBOURS / (len(x) - 1),
        neighbours=NEIGHBOURS,
        relative_correlation=relative.correlation,
        relative_cosine=relative.cosine,
        relative_jaccard=relative.jaccard,
        jaccard_chance=jaccard_by_chance(len(anchors), NEIGHBOURS),
        anchors=len(anchors),
    )


def drawn(n: int, seed: int) -> tuple[IntArray, IntArray]:
    """The rows that stand for n texts, ascending, and the places of the anchors among them.

    The rows are all of them up to `MOST`.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    rows = sample(n, generator)
    anchors = generator.choice(len(rows), min(ANCHORS, len(rows) // 2), replace=False, shuffle=False)
    return rows, np.sort(anchors).astype(np.int64)


def sample(n: int, generator: np.random.Generator) -> IntArray:
    """(at most `MOST`,) ascending rows out of n."""
    if n <= MOST:
        return np.arange(n)
    return np.sort(generator.choice(n, MOST, replace=False, shuffle=False)).astype(np.int64)


# -- CKA ---------------------------------------------------------------------------------------------------------


def linear_cka(x: Vectors, y: Vectors, *, debiased: bool = True) -> float:
    """Linear centred kernel alignment: HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)) with K = X X', L = Y Y'.

    Plain: HSIC = |X'Y|_F^2 of the centred vectors (Kornblith et al. 2019, "Similarity of Neural Network
    Representations Revisited", equation 4). Unrelated isotropic Gaussians have sqrt(d1 d2 / ((n + d1)(n + d2))), not 0.

    Debiased: the unbiased HSIC of Song et al. 2012 ("Feature Selection via Dependence Maximization", equation 5), which
    is the bias-corrected distance covariance of Szekely and Rizzo 2014, with K and L without their diagonals:

        (tr KL + (1'K1)(1'L1) / ((n - 1)(n - 2)) - 2 / (n - 2) 1'KL1) / (n (n - 3))

    For centred vectors it needs only X'Y and the lengths of the rows, never an (n, n) matrix. It is around 0 for
    unrelated vectors, and may be below.

    Args:
        x: (n, d1) vectors.
        y: (n, d2) vectors of the same texts.
        debiased: Which of the two.

    Returns:
        At most 1; nan for fewer than 4 texts, where one side is constant, or, debiased, where all its pairs are equally
        similar.
    """
    if len(x) < 4 or not (_varies(x) and _varies(y)):
        return nan
    centres = x.mean(axis=0, dtype=np.float64), y.mean(axis=0, dtype=np.float64)
    hsic = _unbiased_hsic if debiased else _biased_hsic
    own = hsic(x, x, centres[0], centres[0]), hsic(y, y, centres[1], centres[1])
    return hsic(x, y, *centres) / float(np.sqrt(own[0] * own[1])) if min(own) > 0 else nan


def _biased_hsic(x: Vectors, y: Vectors, x_centre: FloatArray, y_centre: FloatArray) -> float:
    cross, _, _ = _products(x, y, x_centre, y_centre)
    return float(np.vdot(cross, cross))


def _unbiased_hsic(x: Vectors, y: Vectors, x_centre: FloatArray, y_centre: FloatArray) -> float:
    # Of centred vectors K1 = 0, so that without its diagonal k it is -k, and 1'K1 is -sum(k).
    cross, k, l = _products(x, y, x_centre, y_centre)  # noqa: E741  The names of the paper.
    n, both = len(x), float(k @ l)
    squares = float(np.vdot(cross, cross))
    sums = float(k.sum() * l.sum()) / ((n - 1) * (n - 2))
    total = squares - both + sums - 2 / (n - 2) * both
    # Where all pairs are equally similar, as for orthonormal rows, nothing is left but rounding errors.
    return total / (n * (n - 3)) if abs(total) > _CANCELLED * (squares + both + sums) else 0.0


def _products(
    x: Vectors, y: Vectors, x_centre: FloatArray, y_centre: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(d1, d2) X'Y of the centred vectors, and (n,) squared length of each row of either side."""
    cross = np.zeros((x.shape[1], y.shape[1]))
    k, l = np.empty(len(x)), np.empty(len(x))  # noqa: E741
    for block in _blocks(len(x)):
        a, b = x[block] - x_centre, y[block] - y_centre
        cross += a.T @ b
        k[block], l[block] = np.einsum("ij,ij->i", a, a), np.einsum("ij,ij->i", b, b)
    return cross, k, l


# -- neighbours --------------------------------------------------------------------------------------------------


def mutual_neighbours(x: Vectors, y: Vectors, k: int = NEIGHBOURS) -> float:
    """Mutual k-NN: mean over the texts of |N_x and N_y| / k, N the k nearest other texts by cosine.

    Huh et al. 2024, "The Platonic Representation Hypothesis", appendix A. Unrelated vectors have k / (n - 1) on
    average. Of equally near neighbours those in later rows count, on both sides.

    Args:
        x: (n, d1) vectors.
        y: (n, d2) vectors of the same texts.
        k: How many neighbours count.

    Returns:
        0 to 1; nan where there are not more than k other texts or one side is constant.
    """
    if len(x) <= k + 1 or not (_varies(x) and _varies(y)):
        return nan
    lists = nearest(x, x, k), nearest(y, y, k)
    return float(_overlap(*lists).sum()) / lists[0].size


def _largest(values: AnyArray, k: int) -> IntArray:
    """(n, k) columns of the largest values of each row."""
    return np.argpartition(values, -k, axis=1)[:, -k:]


def _overlap(one: IntArray, other: IntArray) -> IntArray:
    """(n,) how many entries of each row are in both."""
    both = np.sort(np.concatenate([one, other], axis=1), axis=1)
    return np.asarray((both[:, 1:] == both[:, :-1]).sum(axis=1))


# -- relative representations ------------------------------------------------------------------------------------


def relative_agreement(x: Vectors, y: Vectors, anchors: IntArray, k: int = NEIGHBOURS) -> Relative:
    """Agreement of the relative representations: each text as its cosines to the same anchors.

    Moschella et al. 2023, "Relative representations enable zero-shot latent space communication", equation 1. They do
    not change at all when one side is rotated. Pearson's r and the cosine of a text's two representations, and the
    Jaccard index of its k nearest anchors, each as the mean over the texts that are no anchors.

    Args:
        x: (n, d1) vectors.
        y: (n, d2) vectors of the same texts.
        anchors: (m,) rows of the anchors.
        k: How many of the nearest anchors count.

    Returns:
        Each at most 1; nan where there are not more than k anchors, no other text, or one side is constant.
    """
    rest = np.setdiff1d(np.arange(len(x)), anchors)
    if len(anchors) <= k or not len(rest) or not (_varies(x) and _varies(y)):
        return Relative(nan, nan, nan)
    a, b = _unit(x), _unit(y)
    found = [_relative_rows(a, b, anchors, rest[block], k) for block in _blocks(len(rest))]
    correlation, cosine, jaccard = (_mean(np.concatenate(part)) for part in zip(*found, strict=True))
    return Relative(correlation, cosine, jaccard)


def jaccard_by_chance(anchors: int, k: int) -> float:
    """The mean Jaccard index of two independent choices of k anchors; what they share is hypergeometric."""
    ways = comb(anchors, k)
    return sum(comb(k, both) * comb(anchors - k, k - both) / ways * both / (2 * k - both) for both in range(1, k + 1))


def _relative_rows(
    a: Vectors, b: Vectors, anchors: IntArray, rows: IntArray, k: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Correlation, cosine and Jaccard index of each of some rows."""
    one = (a[rows] @ a[anchors].T).astype(np.float64)
    other = (b[rows] @ b[anchors].T).astype(np.float64)
    shared = _overlap(_largest(one, k), _largest(other, k))
    return _cosines(_centred(one), _centred(other)), _cosines(one, other), shared / (2 * k - shared)


def _centred(rows: FloatArray) -> FloatArray:
    return np.asarray(rows - rows.mean(axis=1, keepdims=True))


def _cosines(one: FloatArray, other: FloatArray) -> FloatArray:
    """(n,) cosine of each row with its partner; nan where one of them is nothing but rounding errors."""
    lengths = np.linalg.norm(one, axis=1), np.linalg.norm(other, axis=1)
    there = np.minimum(*lengths) > _CONSTANT * np.sqrt(one.shape[1])
    cosines = np.full(len(one), nan)
    cosines[there] = np.einsum("ij,ij->i", one[there], other[there]) / (lengths[0] * lengths[1])[there]
    return cosines


def _mean(values: FloatArray) -> float:
    """The mean of those that are defined; nan where none is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else nan


# -- both --------------------------------------------------------------------------------------------------------


def _check(x: Vectors, y: Vectors) -> None:
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y):
        raise ValueError(f"Vectors of the same texts have equally many rows: {x.shape} and {y.shape} have not.")
    if len(x) < FEWEST:
        raise ValueError(f"The agreement of two encoders needs {FEWEST} distinct texts, not {len(x)}.")


def _varies(vectors: Vectors) -> bool:
    """Whether the vectors differ by more than rounding errors."""
    centre = vectors.mean(axis=0, dtype=np.float64)
    spread = sum(float(np.square(vectors[block] - centre).sum()) for block in _blocks(len(vectors)))
    size = float(np.einsum("ij,ij->", vectors, vectors, dtype=np.float64))
    return spread > _CONSTANT**2 * size


def _unit(vectors: Vectors) -> Vectors:
    """The vectors at length 1; a zero vector stays zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, np.finfo(np.float32).tiny), dtype=np.float32)


def _blocks(n: int) -> Iterator[slice]:
    for start in range(0, n, _BLOCK):
        yield slice(start, min(start + _BLOCK, n))
