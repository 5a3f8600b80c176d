"""``pool:4``: fewer vectors a text, each the centre of similar ones; ``pool:mean``: one vector a text."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from evalkit.adapters.options import TRANSFORM, Options, no_argument
from evalkit.adapters.transforms.rows import unit
from evalkit.embedding.forms import bytes_of
from evalkit.errors import EncoderError
from evalkit.search.copies import distinct_texts
from evalkit.types import Form, Role, Similarity, TokenVectors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from evalkit.types import Embeddings, IntArray, Vectors

NAME = "pool"
MEAN = "mean"
KMEANS, WARD = "kmeans", "ward"
MULTI = frozenset({Form.MULTI})
_KNOWN = ("factor", "k", "method", "queries", "protected", "seed")


def load(argument: str, options: Mapping[str, str]) -> Pool | MeanPool:
    """``pool:4``, ``pool:k=8``, ``pool:4,method=ward``, ``pool:mean``.

    Options: ``factor`` (a text keeps this part of its vectors) or ``k`` (at most so many); ``method`` ``kmeans``
    (the default) or ``ward``; ``queries=on`` pools queries too (by default with k-means only); ``protected`` first
    vectors are kept as they are (by default 1 with Ward, 0 with k-means); ``seed`` of k-means.

    Raises:
        EncoderError: Neither or both of factor and k are given, or an option is unknown or malformed.
    """
    chosen = Options.of_step(NAME, argument, options, _KNOWN, main="factor")
    if not {"factor", "k"} & chosen.given.keys():
        raise no_argument(NAME, "pool:4", kind=TRANSFORM)
    if chosen.given.get("factor") == MEAN:
        return _mean(chosen)
    if "factor" in chosen.given and "k" in chosen.given:
        raise EncoderError("pool takes a factor or k, not both.", hint="Remove one.")
    method = chosen.choice("method", KMEANS, (KMEANS, WARD))
    return Pool(
        factor=chosen.number("factor", 1.0, least=1.0) if "factor" in chosen.given else None,
        k=chosen.integer("k", 1) if "k" in chosen.given else None,
        method=method,
        queries=chosen.flag("queries", method == KMEANS),
        protected=chosen.integer("protected", int(method == WARD), least=0),
        seed=chosen.integer("seed", 0, least=0),
    )


def _mean(chosen: Options) -> MeanPool:
    if len(chosen.given) > 1:
        raise EncoderError("pool:mean has no options.", hint="Write pool:mean alone.")
    return MeanPool()


@dataclass(frozen=True)
class MeanPool:
    """The mean of a text's vectors, divided by its norm."""

    name: ClassVar[str] = NAME
    takes: ClassVar[frozenset[Form]] = MULTI
    fitted: ClassVar[bool] = False
    decodes: ClassVar[bool] = False

    @property
    def parameters(self) -> Mapping[str, Any]:
        """That it is the mean."""
        return {"version": 1, "method": MEAN}

    def gives(self, form: Form) -> Form:  # noqa: ARG002
        """One vector a text."""
        return Form.DENSE

    def compared(self, similarity: Similarity) -> Similarity:
        """MaxSim of one vector each is their inner product."""
        return Similarity.DOT if similarity is Similarity.MAXSIM else similarity

    def apply(self, sample: Embeddings | None) -> AppliedPool:  # noqa: ARG002
        """Nothing is fitted."""
        return AppliedPool(lambda texts, _: means(texts))


@dataclass(frozen=True)
class Pool:
    """The centres of clusters of a text's vectors, divided by their norm.

    A text of n vectors, those protected not counted, gets n // factor clusters and at least one; a text that has no
    more vectors than clusters keeps them, divided by their norm.

    With k-means, queries and documents are clustered: Veneroso et al. 2025, "CRISP: Clustering Multi-Vector
    Representations for Denoising and Pruning", here without the training that the paper adds. With Ward's method on
    cosine distances, documents are, and their first vector is kept: Clavié, Chaffin and Adams 2024, "Reducing the
    Footprint of Multi-Vector Retrieval with Minimal Performance Impact via Token Pooling", as in sentence-transformers'
    `HierarchicalTokenPooling`.
    """

    factor: float | None
    k: int | None
    method: str = KMEANS
    queries: bool = True
    protected: int = 0
    seed: int = 0
    name: ClassVar[str] = NAME
    takes: ClassVar[frozenset[Form]] = MULTI
    fitted: ClassVar[bool] = False
    decodes: ClassVar[bool] = False

    @property
    def parameters(self) -> Mapping[str, Any]:
        """How many clusters, how they are found, and of which texts."""
        size = {"k": self.k} if self.k is not None else {"factor": self.factor}
        seed = {"seed": self.seed} if self.method == KMEANS else {}
        told = {"method": self.method, "queries": self.queries, "protected": self.protected}
        return {"version": 1, **size, **told, **seed}

    def gives(self, form: Form) -> Form:
        """The same form."""
        return form

    def compared(self, similarity: Similarity) -> Similarity:
        """The same similarity."""
        return similarity

    def apply(self, sample: Embeddings | None) -> AppliedPool:  # noqa: ARG002
        """Nothing is fitted."""
        return AppliedPool(self._pooled)

    def _pooled(self, texts: TokenVectors, role: Role) -> TokenVectors:
        if role is Role.QUERY and not self.queries:
            return texts
        # Equal texts come out equal, whatever the last bit of a distance does to their clusters.
        distinct, place = distinct_texts(TokenVectors(texts.offsets, unit(texts.vectors)))
        with _quiet_and_alone():
            pooled = TokenVectors.of(
                [self._centres(distinct.vectors[start:stop]) for start, stop in pairwise(distinct.offsets)]
            )
        return pooled if place is None else pooled.take(place)

    def _centres(self, vectors: Vectors) -> Vectors:
        kept = min(self.protected, self.k - 1) if self.k is not None else self.protected
        rest = vectors[kept:]
        clusters = max(self.k - kept if self.k is not None else int(len(rest) // (self.factor or 1)), 1)
        if len(rest) <= clusters:
            return vectors
        labels = _kmeans(rest, clusters, self.seed) if self.method == KMEANS else _ward(rest, clusters)
        return np.concatenate([vectors[:kept], unit(_centres(rest, labels))])


@dataclass(frozen=True)
class AppliedPool:
    """A function of texts and their role, as a `evalkit.protocols.Applied`."""

    function: Callable[[TokenVectors, Role], Embeddings]

    def __call__(self, vectors: Embeddings, *, role: Role) -> Embeddings:
        """Pooled vectors."""
        assert isinstance(vectors, TokenVectors)
        return self.function(vectors, role) if len(vectors) else self._none(vectors, role)

    def bytes_of(self, vectors: Embeddings) -> float:
        """Bytes a text, on average: 4 a value."""
        return bytes_of(vectors)

    def _none(self, vectors: TokenVectors, role: Role) -> Embeddings:
        one = TokenVectors(np.array([0, 1]), np.zeros((1, vectors.vectors.shape[1]), dtype=np.float32))
        made = self.function(one, role)
        return vectors if isinstance(made, TokenVectors) else made[:0]


@contextmanager
def _quiet_and_alone() -> Iterator[None]:
    """One BLAS thread, and no warning where a text has fewer different vectors than clusters."""
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def means(texts: TokenVectors) -> Vectors:
    """(n, d) float32: the mean of each text's vectors, divided by its norm."""
    sums = np.add.reduceat(texts.vectors.astype(np.float64), texts.offsets[:-1], axis=0)
    return unit(np.asarray(sums / texts.counts[:, None], dtype=np.float32))


def _centres(vectors: Vectors, labels: IntArray) -> Vectors:
    """Means of the vectors of each label, in the order in which labels first occur."""
    _, first, place = np.unique(labels, return_index=True, return_inverse=True)
    cluster = np.argsort(np.argsort(first))[place]
    counts = np.bincount(cluster)
    ordered = vectors[np.argsort(cluster, kind="stable")].astype(np.float64)
    sums = np.add.reduceat(ordered, np.cumsum(counts) - counts, axis=0)
    return np.asarray(sums / counts[:, None], dtype=np.float32)


def _kmeans(vectors: Vectors, clusters: int, seed: int) -> IntArray:
    from sklearn.cluster import KMeans

    labels: IntArray = KMeans(clusters, n_init=1, random_state=seed).fit_predict(vectors.astype(np.float64))
    return labels


def _ward(vectors: Vectors, clusters: int) -> IntArray:
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    distances = np.clip(1 - vectors @ vectors.T, 0, 2)
    labels: IntArray = fcluster(linkage(squareform(distances, checks=False), "ward"), clusters, "maxclust")
    return labels
