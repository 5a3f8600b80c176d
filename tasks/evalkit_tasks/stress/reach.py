"""How many distinct top-k sets can an encoder's document vectors produce? Counted over random and real queries.

A direction ranks the documents; the k best are its top-k set. Of C(n, k) sets some may belong to no direction at all
(Weller et al. 2025), and many belong to so few that queries hardly ever find them. Random directions show how many do
come up, for several k: a ladder.

Only inner products with the documents matter, and those of a Gaussian direction are Gaussian themselves. So the n
scores are drawn at once, from their own mean and covariance, and no direction of D numbers ever is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.errors import EvalkitError
from evalkit.search import TopKSearch, document_tie_keys, score_top_k
from evalkit.types import Similarity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.random import Generator

    from evalkit.data import RetrievalData
    from evalkit.types import AnyArray, FloatArray, IntArray, Qrels, Vectors

ISOTROPIC, LIKE_QUERIES, REAL, CONTROL = "all directions", "like the queries", "real queries", "control"
_SCORES = 4_000_000
"""Scores that are in memory at a time, 32 MB in float64."""
_WAITING = 1 << 18
"""Sets that wait to be counted together: merging costs as much as all sets that are known."""
_LARGEST_CODE = 2**63


@dataclass(frozen=True)
class Draws:
    """What is asked for.

    Attributes:
        relevant: Sizes of the top sets, k.
        draws: Random queries of each kind.
        seed: Of every random draw.

    Raises:
        EvalkitError: A size or the number of draws is below 1.
    """

    relevant: tuple[int, ...] = (1, 2, 3)
    draws: int = 1_000_000
    seed: int = 42

    def __post_init__(self) -> None:
        object.__setattr__(self, "relevant", tuple(sorted(set(self.relevant))))
        if not self.relevant or self.relevant[0] < 1 or self.draws < 1:
            raise EvalkitError("Top sets and draws are counted from 1.", hint="Give --relevant 1,2,3 --draws 1000000.")


@dataclass(frozen=True)
class Reached:
    """The top-k sets that queries of one kind have produced.

    Attributes:
        kind: What the queries are.
        k: Size of the sets.
        queries: How many queries there were.
        distinct: Distinct sets.
        possible: C(n, k).
        at_least: Chao's lower bound of how many sets these queries can produce, seen and unseen; see `chao1`. None for
            the task's own queries, which are no random sample.
        new: Good's estimate of the chance that one more query produces a set not seen before (Good 1953):
            sets seen once / queries. None for the task's own queries.
        needed: Distinct sets of this size that judgements of the task ask for.
        needed_reached: How many of them were produced by any query of this kind.
    """

    kind: str
    k: int
    queries: int
    distinct: int
    possible: int
    at_least: float | None
    new: float | None
    needed: int
    needed_reached: int

    @property
    def share(self) -> float:
        """Share of the possible sets."""
        return self.distinct / self.possible


@dataclass(frozen=True)
class Reach:
    """The whole ladder.

    Attributes:
        documents: How many there are, n.
        dimension: Length of their vectors, D.
        spanned: Dimensions that the centred document vectors span. With n - 1 of them every set has a direction
            that ranks it first, as affinely independent points allow any order; with fewer it may or may not.
        copies: Documents whose vector another one has too: no query ranks them apart.
        rungs: By k, then by kind.
    """

    documents: int
    dimension: int
    spanned: int
    copies: int
    rungs: tuple[Reached, ...]


def reach(
    data: RetrievalData,
    documents: Vectors,
    queries: Vectors,
    similarity: Similarity,
    draws: Draws,
    progress: Callable[[int], None] | None = None,
) -> Reach:
    """Count the top-k sets of a task's documents.

    Kinds of queries: directions from the standard normal distribution; directions from the normal distribution with
    the mean and the covariance of the encoder's own query vectors; the task's queries; and, as control,
    all directions before random document vectors of the same dimension.

    Args:
        data: The task's data.
        documents: (n, D) vectors of its documents.
        queries: (m, D) vectors of its queries.
        similarity: For cosine all vectors are divided by their norms first.
        draws: Sizes, number and seed.
        progress: Called with the number of queries since the last call.

    Raises:
        EvalkitError: A set is as large as the corpus, or too large to be counted.
    """
    n, sizes = len(documents), draws.relevant
    _check_sizes(n, sizes)
    ties = document_tie_keys(data.document_ids)
    needed = {k: needed_sets(data.qrels, k, n) for k in sizes}
    X, Q = _prepared(documents, similarity), _prepared(queries, similarity)
    laws = {
        ISOTROPIC: isotropic(X),
        LIKE_QUERIES: like(X, Q),
        CONTROL: isotropic(_random_like(X, np.random.default_rng([draws.seed, 0]))),
    }
    counted = {REAL: _real(documents, queries, ties, similarity, sizes)}
    for stream, (kind, law) in enumerate(laws.items(), start=1):
        counted[kind] = law.count(ties, draws, np.random.default_rng([draws.seed, stream]), progress)
    order = (ISOTROPIC, LIKE_QUERIES, CONTROL, REAL)
    rungs = [_reached(kind, k, counted[kind][k], n, needed[k]) for k in sizes for kind in order]
    distinct = np.unique(X, axis=0, return_counts=True)[1]
    return Reach(n, documents.shape[1], spanned(X), int(distinct[distinct > 1].sum()), tuple(rungs))


# -- laws of queries ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class ScoreLaw:
    """A normal distribution of the scores of n documents: mean + factor z, z standard normal.

    Attributes:
        mean: (n,).
        factor: (n, r).
    """

    mean: FloatArray
    factor: FloatArray

    def count(
        self, ties: IntArray, draws: Draws, generator: Generator, progress: Callable[[int], None] | None = None
    ) -> dict[int, SetCounts]:
        """Draw queries and count their top sets, by size; blocks do not change what is drawn."""
        n, r = self.factor.shape
        step = max(1, _SCORES // (n + r))
        counts = {k: SetCounts(n) for k in draws.relevant}
        for start in range(0, draws.draws, step):
            rows = min(step, draws.draws - start)
            scores = (generator.standard_normal((rows, r)) @ self.factor.T + self.mean).astype(np.float32)
            _count(score_top_k([scores], ties, max(counts)).documents, counts)
            if progress is not None:
                progress(rows)
        return counts


def isotropic(documents: FloatArray) -> ScoreLaw:
    """Scores of a standard normal direction."""
    return ScoreLaw(np.zeros(len(documents)), _compressed(documents))


def like(documents: FloatArray, queries: FloatArray) -> ScoreLaw:
    """Scores of a normal direction with the mean and the (unbiased) covariance of given queries."""
    mean = queries.mean(axis=0)
    spread = _triangle(queries - mean) / math.sqrt(max(len(queries) - 1, 1))
    return ScoreLaw(documents @ mean, _compressed(documents @ spread.T))


def _compressed(factor: FloatArray) -> FloatArray:
    """(n, min(n, r)) a factor of the same covariance."""
    if factor.shape[1] <= len(factor):
        return factor
    return _triangle(factor.T).T


def _triangle(X: FloatArray) -> FloatArray:
    """(min(n, D), D) R with the inner products of X's columns: R'R = X'X."""
    return np.asarray(np.linalg.qr(X, mode="r"))


def _prepared(vectors: Vectors, similarity: Similarity) -> FloatArray:
    X = vectors.astype(np.float64)
    return np.asarray(X / _norms(X)) if similarity is Similarity.COSINE else X


def _norms(X: FloatArray) -> FloatArray:
    return np.asarray(np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1e-12))


def _random_like(X: FloatArray, generator: Generator) -> FloatArray:
    """Random directions with the lengths of given vectors."""
    drawn = generator.standard_normal(X.shape)
    return np.asarray(drawn / _norms(drawn) * _norms(X))


def spanned(X: FloatArray) -> int:
    """Dimensions of the smallest flat that holds all points."""
    n, dimension = X.shape
    centred = X - X.mean(axis=0)
    if n <= dimension:
        return int(np.linalg.matrix_rank(centred))
    variances = np.linalg.eigvalsh(centred.T @ centred)
    return int((variances > variances.max(initial=0.0) * dimension * np.finfo(np.float64).eps).sum())


# -- sets --------------------------------------------------------------------------------------------------------


class SetCounts:
    """How often each set of documents came up.

    Args:
        documents: How many documents there are, n.
    """

    def __init__(self, documents: int) -> None:
        self._documents = documents
        self._codes = np.empty(0, dtype=np.int64)
        self._counts = np.empty(0, dtype=np.int64)
        self._waiting: list[IntArray] = []
        self._n_waiting = 0

    def add(self, sets: IntArray) -> None:
        """Count (q, k) sets."""
        self._waiting.append(encoded(sets, self._documents))
        self._n_waiting += len(sets)
        if self._n_waiting >= _WAITING:
            self._merge()

    def result(self) -> tuple[IntArray, IntArray]:
        """Rising codes of the sets, as `encoded` gives them, and how often each came up."""
        self._merge()
        return self._codes, self._counts

    def _merge(self) -> None:
        codes, counts = np.unique(np.concatenate([self._codes[:0], *self._waiting]), return_counts=True)
        self._waiting, self._n_waiting = [], 0
        merged, place = np.unique(np.concatenate([self._codes, codes]), return_inverse=True)
        total = np.zeros(len(merged), dtype=np.int64)
        np.add.at(total, place, np.concatenate([self._counts, counts]))
        self._codes, self._counts = merged, total


def encoded(sets: IntArray, documents: int) -> IntArray:
    """(q,) a number for each row of (q, k) distinct documents, the same for any order."""
    codes = np.zeros(len(sets), dtype=np.int64)
    for column in np.sort(sets, axis=1).T:
        codes = codes * documents + column
    return codes


def needed_sets(qrels: Qrels, k: int, documents: int) -> IntArray:
    """Codes of the distinct sets of relevant documents that have k members."""
    relevant = qrels.relevance >= 1
    query, document = qrels.query_of[relevant], qrels.documents[relevant]
    sizes = np.bincount(query, minlength=len(qrels))
    return np.unique(encoded(document[sizes[query] == k].reshape(-1, k), documents))


def chao1(counts: IntArray) -> float:
    """Lower bound of how many classes a sample comes from, by those that it has once and twice.

    S + f1 (f1 - 1) / (2 (f2 + 1)), where S classes were seen, f1 of them once and f2 twice: the bias-corrected form
    of the bound of Chao 1984 ("Nonparametric estimation of the number of classes in a population").

    Args:
        counts: (S,) how often each class was seen.
    """
    once, twice = int((counts == 1).sum()), int((counts == 2).sum())
    return len(counts) + once * (once - 1) / (2 * (twice + 1))


def _count(best: IntArray, counts: Mapping[int, SetCounts]) -> None:
    for k, each in counts.items():
        each.add(best[:, :k])


def _real(
    documents: Vectors, queries: Vectors, ties: IntArray, similarity: Similarity, sizes: Sequence[int]
) -> dict[int, SetCounts]:
    """The sets that the task's own search finds."""
    search = TopKSearch(queries, ties, max(sizes), similarity)
    search.add(np.arange(len(documents)), documents)
    counts = {k: SetCounts(len(documents)) for k in sizes}
    _count(search.result().documents, counts)
    return counts


def _reached(kind: str, k: int, found: SetCounts, n: int, needed: AnyArray) -> Reached:
    codes, counts = found.result()
    possible, queries = math.comb(n, k), int(counts.sum())
    drawn = kind != REAL
    return Reached(
        kind=kind,
        k=k,
        queries=queries,
        distinct=len(codes),
        possible=possible,
        at_least=min(chao1(counts), float(possible)) if drawn else None,
        new=float((counts == 1).sum()) / queries if drawn else None,
        needed=len(needed),
        needed_reached=int(np.isin(needed, codes).sum()),
    )


def _check_sizes(n: int, sizes: Sequence[int]) -> None:
    if sizes[-1] >= n:
        raise EvalkitError(f"{n} documents have one top set of {sizes[-1]} at most.", hint="Give smaller --relevant.")
    if n ** sizes[-1] > _LARGEST_CODE:
        raise EvalkitError(
            f"Sets of {sizes[-1]} among {n:,} documents are too many to be numbered.", hint="Give smaller --relevant."
        )
