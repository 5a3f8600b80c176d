"""Shorter vectors: the first d dimensions, or the first d principal components, from one encoding."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evalkit.protocols import Scorer, TaskInfo, Workbench
    from evalkit.types import Embeddings, FloatArray, Role, Vectors

_ROWS = 4096
"""Rows that are in float64 at a time."""


class Reduction(StrEnum):
    """How vectors are shortened."""

    TRUNCATE = "truncate"
    PCA = "pca"


@dataclass(frozen=True, eq=False)
class Space:
    """The vectors of every text that a task embeds.

    Attributes:
        rows: Row of each text, by role.
        vectors: (n, D) float32, by role; texts that were embedded several times have several rows.
    """

    rows: Mapping[Role, Mapping[str, int]]
    vectors: Mapping[Role, Vectors]

    @property
    def dimension(self) -> int:
        """Length of the vectors, D."""
        return int(next(iter(self.vectors.values())).shape[1])

    def mapped(self, function: Callable[[Vectors], Vectors]) -> Space:
        """The same texts with other vectors."""
        return Space(self.rows, {role: function(vectors) for role, vectors in self.vectors.items()})


class _Behind(ABC):
    """A workbench that stands before another one."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench

    @property
    def scorer(self) -> Scorer:
        """The encoder."""
        return self._bench.scorer

    @property
    def task(self) -> TaskInfo:
        """The task that is being scored."""
        return self._bench.task

    @property
    def workers(self) -> int:
        """How many independent repeats may run side by side."""
        return self._bench.workers

    def expect(self, n_texts: int) -> None:
        """Tell the progress display how many texts will be embedded."""
        self._bench.expect(n_texts)

    def beside(self, scorer: Scorer) -> Workbench:
        """Another encoder on the same task, whose vectors are as they come."""
        return self._bench.beside(scorer)

    @abstractmethod
    def embed(self, texts: Sequence[str], *, role: Role) -> Vectors:
        """(len(texts), d) float32."""

    def embed_any(self, texts: Sequence[str], *, role: Role) -> Embeddings:
        """Only dense vectors can be shortened."""
        return self.embed(texts, role=role)


class Recorder(_Behind):
    """A workbench that keeps the vectors which another one embeds.

    The memory needed is 4 D bytes a text.

    Args:
        bench: The other one.
    """

    def __init__(self, bench: Workbench) -> None:
        super().__init__(bench)
        self._rows: dict[Role, dict[str, int]] = {}
        self._parts: dict[Role, list[Vectors]] = {}

    def embed(self, texts: Sequence[str], *, role: Role) -> Vectors:
        """(len(texts), D) what the other one gives."""
        vectors = self._bench.embed(texts, role=role)
        rows, parts = self._rows.setdefault(role, {}), self._parts.setdefault(role, [])
        start = sum(map(len, parts))
        rows.update({text: start + at for at, text in enumerate(texts)})
        parts.append(vectors)
        return vectors

    def space(self) -> Space:
        """Everything that was embedded so far."""
        self._parts = {role: [np.concatenate(parts)] for role, parts in self._parts.items()}
        return Space(self._rows, {role: parts[0] for role, parts in self._parts.items()})


class Reduced(_Behind):
    """A workbench that gives the first d dimensions of a space's vectors; it encodes nothing.

    They are not scaled: a search by cosine divides them by their own norms, one by inner product takes them as they
    are.

    Args:
        bench: The workbench that the vectors came from.
        space: The vectors.
        dimension: How many dimensions are kept, d.
    """

    def __init__(self, bench: Workbench, space: Space, dimension: int) -> None:
        super().__init__(bench)
        self._space = space
        self._dimension = dimension

    def expect(self, n_texts: int) -> None:
        """Nothing is encoded."""

    def embed(self, texts: Sequence[str], *, role: Role) -> Vectors:
        """(len(texts), d) float32."""
        rows = self._space.rows[role]
        vectors: Vectors = self._space.vectors[role][[rows[text] for text in texts], : self._dimension]
        return vectors


@dataclass(frozen=True, eq=False)
class Components:
    """Principal components of a set of vectors.

    Attributes:
        mean: (D,) mean of the vectors.
        axes: (D, k) orthonormal columns, by falling variance; the entry of largest size in each is positive.
        variances: (k,) variance along each.
        total: Variance along all directions together.
    """

    mean: FloatArray
    axes: FloatArray
    variances: FloatArray
    total: float

    def __call__(self, vectors: Vectors) -> Vectors:
        """(n, k) float32 coordinates of centred vectors."""
        out = np.empty((len(vectors), self.axes.shape[1]), dtype=np.float32)
        for start in range(0, len(vectors), _ROWS):
            out[start : start + _ROWS] = (vectors[start : start + _ROWS] - self.mean) @ self.axes
        return out

    def explained(self, dimension: int) -> float:
        """Share of the variance that the first components have."""
        return float(self.variances[:dimension].sum()) / self.total if self.total > 0 else 0.0


def principal_components(vectors: Vectors) -> Components:
    """All principal components, by eigendecomposition of the covariance in float64.

    n centred vectors span n - 1 dimensions, so there are min(D, n - 1); at least one is given.

    Args:
        vectors: (n, D).
    """
    n, dimension = vectors.shape
    mean = vectors.mean(axis=0, dtype=np.float64)
    covariance = np.zeros((dimension, dimension))
    for start in range(0, n, _ROWS):
        centred = vectors[start : start + _ROWS] - mean
        covariance += centred.T @ centred
    variances, axes = np.linalg.eigh(covariance / max(n - 1, 1))
    kept = max(1, min(dimension, n - 1))
    variances, axes = np.maximum(variances[::-1], 0.0), axes[:, ::-1][:, :kept]
    largest = axes[np.abs(axes).argmax(axis=0), np.arange(kept)]
    return Components(mean, axes * np.where(largest < 0, -1.0, 1.0), variances[:kept], float(variances.sum()))
