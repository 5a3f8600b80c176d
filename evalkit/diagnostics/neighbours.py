"""Who is whose neighbour: exact lists of nearest rows, and what can be read off them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalkit.search import TopKSearch
from evalkit.types import OF_VECTORS, Similarity

if TYPE_CHECKING:
    from evalkit.types import FloatArray, IntArray, Vectors

K = 10
"""Neighbours that are looked at."""
SPARE = 4
"""Neighbours more than those, where a list in single precision is put in order anew in double."""
_BLOCK = 512
_EQUAL_NORMS = 1e-4
_WIDEST_SCALE = 2.0


def nearest(
    queries: Vectors, rows: Vectors, k: int, similarity: Similarity = Similarity.COSINE, *, workers: int = 1
) -> IntArray:
    """(q, k) the rows nearest to each query, nearest first, itself left out.

    Args:
        queries: (q, d) query i is row i, perhaps in other coordinates.
        rows: (n > k, d).
        k: Neighbours of each.
        similarity: How vectors are compared.
        workers: Threads.
    """
    everyone = np.arange(len(rows))
    search = TopKSearch(queries, everyone, k + 1, similarity, workers=workers)
    search.add(everyone, rows)
    found = search.result().documents
    # Among many copies a row may not find itself; then the last one found goes instead.
    other = found != np.arange(len(found))[:, None]
    other[other.all(axis=1), -1] = False
    kept: IntArray = found[other].reshape(len(found), k)
    return kept


def equal_norms(rows: Vectors) -> bool:
    """Whether all rows have one length, so that cosine, inner product and distance order neighbours alike."""
    norms = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
    return bool(norms.max() - norms.min() <= _EQUAL_NORMS * norms.max())


def nearest_by_distance(rows: Vectors, k: int, *, workers: int = 1) -> IntArray:
    """(n, k) the rows at the smallest Euclidean distance, itself left out, in nearly ascending order.

    |x - y|^2 = |x|^2 - 2 (x . y - |y|^2 / 2): with one more coordinate it is a search by inner product.
    """
    centred = rows.astype(np.float64)
    centred -= centred.mean(axis=0)  # shifts no distance, and leaves single precision more digits for it
    half = np.einsum("ij,ij->i", centred, centred) / 2
    documents = np.column_stack([centred, -half]).astype(np.float32)
    queries = np.column_stack([centred, np.ones(len(rows))]).astype(np.float32)
    return nearest(queries, documents, k, Similarity.DOT, workers=workers)


def distances(rows: Vectors, neighbours: IntArray, k: int) -> FloatArray:
    """(n, k) Euclidean distances to the nearest of the given neighbours, ascending, in double precision."""
    out = np.empty((len(rows), k))
    for start in range(0, len(rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        apart = rows[neighbours[block]].astype(np.float64) - rows[block, None]
        out[block] = np.sort(np.sqrt(np.einsum("ijk,ijk->ij", apart, apart)), axis=1)[:, :k]
    return out


def occurrences(neighbours: IntArray) -> IntArray:
    """(n,) N_k: in how many lists of k neighbours each row is."""
    return np.bincount(neighbours.ravel(), minlength=len(neighbours)).astype(np.int64)


def hubness(counts: IntArray) -> float:
    """Hubness: skewness of N_k, mean((N - k)^3) / mean((N - k)^2)^(3/2). Invariant under rotation.

    0 where every row is neighbour equally often; large where a few rows, the hubs, are neighbours of very many.

    Source: Radovanovic et al. 2010, "Hubs in space: Popular nearest neighbors in high-dimensional data", equation 1.

    Args:
        counts: (n,) `occurrences`, or a sample of them.

    Returns:
        The skewness; NaN where all counts are equal.
    """
    apart = counts - counts.mean()
    variance = float((apart**2).mean())
    return float((apart**3).mean()) / variance**1.5 if variance > 0 else float("nan")


def disagreement(left: IntArray, right: IntArray) -> FloatArray:
    """(n,) share of each row's neighbours in one list that are not in the other.

    Args:
        left: (n, k) neighbours, each once in a row.
        right: (n, k) neighbours, each once in a row.
    """
    shared = (left[:, :, None] == right[:, None, :]).any(axis=2)
    share: FloatArray = 1 - shared.mean(axis=1)
    return share


def cosine_dot_disagreement(rows: Vectors, n_queries: int, *, workers: int = 1) -> FloatArray:
    """(n_queries,) share of the ten nearest by cosine that are not among the ten nearest by inner product.

    0 where all vectors have one length. Invariant under rotation and one scale for all.

    Args:
        rows: (n, d).
        n_queries: Rows, the first ones, whose neighbours are looked for among all.
        workers: Threads.
    """
    queries = rows[:n_queries]
    by_cosine, by_dot = (nearest(queries, rows, K, similarity, workers=workers) for similarity in OF_VECTORS)
    return disagreement(by_cosine, by_dot)


def rescaling_disagreement(rows: Vectors, n_queries: int, *, seed: int = 0, workers: int = 1) -> FloatArray:
    """(n_queries,) share of the ten nearest by cosine that change when queries are scaled by D and the rest by 1 / D.

    D is diagonal with entries between 1/2 and 2, uniform in their logarithm. Every inner product of a query and a row
    stays what it was: a model trained on inner products alone cannot tell the two apart, but cosines can. Depends on
    the coordinates, so a rotation changes it.

    Source: Steck et al. 2024, "Is cosine-similarity of embeddings really about similarity?", section 2.2, for D; the
    range of its entries is evalkit's own.

    Args:
        rows: (n, d).
        n_queries: Rows, the first ones, whose neighbours are looked for among all.
        seed: Of D.
        workers: Threads.
    """
    exponents = np.random.default_rng(seed).uniform(-1, 1, rows.shape[1])
    scale = (_WIDEST_SCALE**exponents).astype(np.float32)
    queries = rows[:n_queries]
    before = nearest(queries, rows, K, workers=workers)
    return disagreement(before, nearest(queries * scale, rows / scale, K, workers=workers))
