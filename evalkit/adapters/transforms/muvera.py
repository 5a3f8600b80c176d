"""``muvera:k_sim=4,repetitions=20``: one long vector a text whose inner products approximate MaxSim."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from evalkit.adapters.options import Options
from evalkit.adapters.transforms.rows import each_product
from evalkit.errors import EncoderError
from evalkit.search.maxsim import text_blocks
from evalkit.types import Form, Role, Similarity, TokenVectors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scipy.sparse import csr_array

    from evalkit.types import Embeddings, FloatArray, IntArray, Vectors

NAME = "muvera"
BLOCK_VALUES = 1 << 22
"""Values of encodings, and distances between vectors and partitions, that are in memory at a time."""
MOST_VALUES = 1 << 20
_KNOWN = ("k_sim", "repetitions", "projection", "final", "seed", "fill")


def load(argument: str, options: Mapping[str, str]) -> Muvera:
    """``muvera:k_sim=4,repetitions=20,projection=16,final=0,seed=0,fill=on``; the values are the defaults.

    A projection or final dimension of 0 is none at all.

    Raises:
        EncoderError: An option is unknown or malformed.
    """
    chosen = Options.of_step(NAME, argument, options, _KNOWN)
    return Muvera(
        k_sim=chosen.integer("k_sim", 4, least=0, most=16),
        repetitions=chosen.integer("repetitions", 20, most=10_000),
        projection=chosen.integer("projection", 16, least=0),
        final=chosen.integer("final", 0, least=0, most=MOST_VALUES),
        seed=chosen.integer("seed", 0, least=0),
        fill=chosen.flag("fill", True),
    )


@dataclass(frozen=True)
class Muvera:
    """Fixed-dimensional encodings.

    Source: Dhulipala et al. 2024, "MUVERA: Multi-Vector Retrieval via Fixed Dimensional Encodings", with the details of
    the authors' code (`fixed_dimensional_encoding.cc`).

    In each repetition, `k_sim` random hyperplanes cut the space into 2 ** `k_sim` partitions, and a text becomes one
    vector a partition: a query the sum of its vectors there, any other text their mean. With `fill`, a partition
    without vectors of a document gets the one whose signs differ least from the partition's (of several the first).
    Vectors are projected to `projection` values by a count sketch (Charikar et al. 2002) of the repetition's own, and
    the encoding of all repetitions to `final` values by another.
    """

    k_sim: int = 4
    repetitions: int = 20
    projection: int = 16
    final: int = 0
    seed: int = 0
    fill: bool = True
    name: ClassVar[str] = NAME
    takes: ClassVar[frozenset[Form]] = frozenset({Form.MULTI})
    fitted: ClassVar[bool] = False
    decodes: ClassVar[bool] = False

    @property
    def parameters(self) -> Mapping[str, Any]:
        """All of them."""
        sizes = {"k_sim": self.k_sim, "repetitions": self.repetitions, "projection": self.projection}
        return {"version": 1, **sizes, "final": self.final, "seed": self.seed, "fill": self.fill}

    def gives(self, form: Form) -> Form:  # noqa: ARG002
        """One vector a text."""
        return Form.DENSE

    def compared(self, similarity: Similarity) -> Similarity:  # noqa: ARG002
        """By inner product."""
        return Similarity.DOT

    def apply(self, sample: Embeddings | None) -> AppliedMuvera:  # noqa: ARG002
        """Nothing is fitted."""
        return AppliedMuvera(self)


class AppliedMuvera:
    """The encodings as a `evalkit.protocols.Applied`.

    Args:
        settings: What they are like.
    """

    def __init__(self, settings: Muvera) -> None:
        self._settings = settings
        self._drawn: dict[int, _Draws] = {}

    def __call__(self, vectors: Embeddings, *, role: Role) -> Vectors:
        """(n, values) float32 encodings."""
        assert isinstance(vectors, TokenVectors)
        draws = self._draws(vectors.vectors.shape[1])
        encodings = np.empty((len(vectors), draws.length), dtype=np.float32)
        start = 0
        widest = max(1 << self._settings.k_sim, vectors.vectors.shape[1])
        for block in text_blocks(vectors, max(BLOCK_VALUES // widest, 1), max(BLOCK_VALUES // draws.inner, 1)):
            encodings[start : start + len(block)] = draws.encoded(block, role)
            start += len(block)
        return encodings

    def bytes_of(self, vectors: Embeddings) -> float:
        """Bytes a text: 4 a value."""
        assert isinstance(vectors, np.ndarray)
        return float(4 * vectors.shape[1])

    def _draws(self, dimension: int) -> _Draws:
        if dimension not in self._drawn:
            self._drawn[dimension] = _Draws(self._settings, dimension)
        return self._drawn[dimension]


class _Draws:
    """What was drawn at random for vectors of one dimension, and the encodings that come of it."""

    def __init__(self, settings: Muvera, dimension: int) -> None:
        self._settings = settings
        self._dimension = dimension
        self.width = settings.projection or dimension
        self.inner = (settings.repetitions << settings.k_sim) * self.width
        self.length = settings.final or self.inner
        if self.inner > MOST_VALUES:
            raise EncoderError(
                f"muvera would make {self.inner} values of each text.", hint="Lower k_sim, repetitions or projection."
            )

    def encoded(self, texts: TokenVectors, role: Role) -> FloatArray:
        """(n, length) encodings."""
        partitions, repetitions = 1 << self._settings.k_sim, self._settings.repetitions
        places = self._partitions(texts.vectors)
        encodings = np.empty((len(texts), repetitions, partitions * self.width))
        wide = texts.vectors.astype(np.float64)
        for repetition in range(repetitions):
            vectors = wide @ self._sketches[repetition] if self._settings.projection else wide
            cells = _by_partition(texts, vectors, places[:, repetition], partitions, role, fill=self._settings.fill)
            encodings[:, repetition] = cells.reshape(len(texts), -1)
        flat = encodings.reshape(len(texts), -1)
        return flat @ self._final if self._settings.final else flat

    def _partitions(self, vectors: Vectors) -> IntArray:
        """(n, repetitions) partition of each vector."""
        k, repetitions = self._settings.k_sim, self._settings.repetitions
        if not k:
            return np.zeros((len(vectors), repetitions), dtype=np.int64)
        positive = each_product(vectors, self._hyperplanes, k * repetitions, lambda product: product > 0)
        return gray_partitions(positive.reshape(-1, repetitions, k).astype(np.int64))

    @cached_property
    def _hyperplanes(self) -> FloatArray:
        """(d, repetitions * k_sim) normal vectors."""
        drawn = [
            self._rng(0, repetition).standard_normal((self._dimension, self._settings.k_sim))
            for repetition in range(self._settings.repetitions)
        ]
        return np.concatenate(drawn, axis=1)

    @cached_property
    def _sketches(self) -> list[csr_array]:
        repetitions = range(self._settings.repetitions)
        return [count_sketch(self._dimension, self.width, self._rng(1, repetition)) for repetition in repetitions]

    @cached_property
    def _final(self) -> csr_array:
        return count_sketch(self.inner, self.length, self._rng(2, 0))

    def _rng(self, purpose: int, repetition: int) -> np.random.Generator:
        return np.random.default_rng([self._settings.seed, purpose, repetition])


def gray_partitions(bits: IntArray) -> IntArray:
    """Numbers of partitions from (..., k) bits: p becomes 2 p + (bit xor (p & 1)), bit by bit."""
    numbers = np.zeros(bits.shape[:-1], dtype=np.int64)
    for place in range(bits.shape[-1]):
        numbers = 2 * numbers + (bits[..., place] ^ (numbers & 1))
    return numbers


def bits_of(partitions: IntArray) -> IntArray:
    """The bits, as one number each, that `gray_partitions` made partitions of."""
    return partitions ^ (partitions >> 1)


def count_sketch(rows: int, columns: int, rng: np.random.Generator) -> csr_array:
    """(rows, columns) matrix with one 1 or -1 a row, so that inner products are kept on average."""
    from scipy.sparse import csr_array

    places, signs = rng.integers(0, columns, rows), rng.choice([-1.0, 1.0], rows)
    return csr_array((signs, places, np.arange(rows + 1)), shape=(rows, columns))


def _by_partition(
    texts: TokenVectors, vectors: FloatArray, places: IntArray, partitions: int, role: Role, *, fill: bool
) -> FloatArray:
    """(n * partitions, width): of each text and partition, the sum or the mean of the vectors there."""
    from scipy.sparse import csr_array

    cells = np.repeat(np.arange(len(texts)), texts.counts) * partitions + places
    counts = np.bincount(cells, minlength=len(texts) * partitions)
    ones = csr_array(
        (np.ones(len(cells)), np.argsort(cells, kind="stable"), np.concatenate([[0], np.cumsum(counts)])),
        shape=(len(counts), len(cells)),
    )
    sums: FloatArray = ones @ vectors
    if role is Role.QUERY:
        return sums
    sums /= np.maximum(counts, 1)[:, None]
    if fill and (empty := np.flatnonzero(counts == 0)).size:
        sums[empty] = vectors[_nearest(texts, places, partitions).reshape(-1)[empty]]
    return sums


def _nearest(texts: TokenVectors, places: IntArray, partitions: int) -> IntArray:
    """(n, partitions) which vector is nearest to each partition by the bits that differ, of several the first."""
    bits = bits_of(places)[:, None] ^ bits_of(np.arange(partitions))[None, :]
    # NumPy counts bits only from version 2 on.
    differing = sum((bits >> place) & 1 for place in range(partitions.bit_length() - 1))
    ordered = differing * len(places) + np.arange(len(places))[:, None]
    nearest: IntArray = np.minimum.reduceat(ordered, texts.offsets[:-1], axis=0) % len(places)
    return nearest
