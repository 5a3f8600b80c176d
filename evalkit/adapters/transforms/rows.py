"""What transforms of single vectors have in common: forms, sizes, blocks of rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np

from evalkit.embedding.forms import bytes_of
from evalkit.errors import CellError
from evalkit.search.copies import distinct_rows
from evalkit.types import Form, Similarity, TokenVectors, Vectors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from evalkit.types import AnyArray, Embeddings, FloatArray, Role

DENSE_ROWS = frozenset({Form.DENSE, Form.MULTI})
ANY_ROWS = frozenset(Form)
BLOCK = 4096
"""Rows that are in memory in double precision at a time."""
PRODUCT_BLOCK = 256
"""Rows of every matrix product."""

Rows: TypeAlias = Any
"""(n, d) vectors: a float32 array, or a CSR array for the transforms that take it."""


class RowTransform(ABC):
    """A `evalkit.protocols.Transform` of each vector alone: of a text's only one, or of each of its several."""

    name: ClassVar[str]
    takes: ClassVar[frozenset[Form]] = DENSE_ROWS
    fitted: ClassVar[bool] = False

    @property
    @abstractmethod
    def parameters(self) -> Mapping[str, Any]:
        """Everything that decides what it does."""

    @property
    def decodes(self) -> bool:
        """Whether its vectors live in the space of those it is given."""
        return False

    def gives(self, form: Form) -> Form:
        """The same form."""
        return form

    def compared(self, similarity: Similarity) -> Similarity:
        """The same similarity."""
        return similarity

    def apply(self, sample: Embeddings | None) -> AppliedRows:
        """Get ready; several vectors a text are fitted on as so many vectors.

        Raises:
            CellError: It cannot be fitted on them.
        """
        return self.ready(sample.vectors if isinstance(sample, TokenVectors) else sample)

    @abstractmethod
    def ready(self, sample: Rows) -> AppliedRows:
        """What it does, fitted on (n, d) vectors; they are None where nothing is to be fitted."""


@dataclass(frozen=True)
class AppliedRows:
    """A `evalkit.protocols.Applied` that does one thing to every vector.

    Attributes:
        function: (n, d) vectors to (n, k); the rows do not depend on each other.
        size: Bytes of one of them, on average.
        learned: What came of fitting, as JSON.
    """

    function: Callable[[Rows], Rows]
    size: Callable[[Rows], float] = bytes_of
    learned: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, vectors: Embeddings, *, role: Role) -> Embeddings:  # noqa: ARG002
        """Transformed vectors; the role of the texts is nothing to them."""
        if isinstance(vectors, TokenVectors):
            return TokenVectors(vectors.offsets, self.function(vectors.vectors))
        changed: Embeddings = self.function(vectors)
        return changed

    def bytes_of(self, vectors: Embeddings) -> float:
        """Bytes a text, on average: those of a vector, times the vectors of a text."""
        if isinstance(vectors, TokenVectors):
            return self.size(vectors.vectors) * len(vectors.vectors) / max(len(vectors), 1)
        return self.size(vectors)


def check_dimension(step: str, wanted: int, there: int) -> None:
    """Refuse to keep more dimensions than there are.

    Raises:
        CellError: It is so; the message names both.
    """
    if wanted > there:
        raise CellError(
            f"{step} asks for {wanted} dimensions of vectors that have {there}.", hint=f"Ask for at most {there}."
        )


def check_sample(step: str, needed: int, there: int) -> None:
    """Refuse to be fitted on too few vectors.

    Raises:
        CellError: It is so; the message names both.
    """
    if there < needed:
        raise CellError(
            f"{step} must be fitted on at least {needed} different texts, and there are {there}.",
            hint="Ask for less, or fit it on more texts with fit=FILE.",
        )


def blocks(n: int, size: int = BLOCK) -> Iterator[slice]:
    """Slices that cover n rows."""
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


def each_block(rows: Vectors, width: int, function: Callable[[Vectors], AnyArray]) -> Vectors:
    """(n, width) float32 of a function of rows that do not depend on each other, a few thousand at a time."""
    out = np.empty((len(rows), width), dtype=np.float32)
    for part in blocks(len(rows)):
        out[part] = function(rows[part])
    return out


def unit(rows: Vectors) -> Vectors:
    """(n, d) rows divided by their Euclidean norm, which is computed in double precision; zeros stay zero."""
    return each_block(rows, rows.shape[1], _unit)


def _unit(rows: Vectors) -> FloatArray:
    # The order in which NumPy adds depends on the layout in memory.
    wide = np.array(rows, dtype=np.float64, order="C")
    norms = np.sqrt(np.square(wide).sum(axis=1, keepdims=True))
    scaled: FloatArray = np.divide(wide, norms, out=np.zeros_like(wide), where=norms > 0)
    return scaled


def moved_product(rows: Vectors, mean: FloatArray, matrix: FloatArray) -> Vectors:
    """(n, k) float32: (rows - mean) @ matrix, see `each_product`.

    Args:
        rows: (n, d).
        mean: (d,).
        matrix: (d, k).
    """
    return each_product(rows, matrix, matrix.shape[1], lambda product: product, mean=mean)


def each_product(
    rows: Vectors,
    matrix: FloatArray,
    width: int,
    function: Callable[[FloatArray], AnyArray],
    *,
    mean: FloatArray | float = 0.0,
) -> Vectors:
    """(n, width) float32 of a function of the rows of (rows - mean) @ matrix, in double precision.

    Equal rows come out equal.

    All products are of one shape, the last filled up with zeros: which rows are beside a row, and how many, then
    decides nothing.

    Args:
        rows: (n, d).
        matrix: (d, k).
        width: Length of what comes out.
        function: (b, k) float64 to (b, width); the rows do not depend on each other.
        mean: (d,), or 0.
    """
    distinct, place = distinct_rows(rows)
    out = np.empty((len(distinct), width), dtype=np.float32)
    block = np.zeros((PRODUCT_BLOCK, rows.shape[1]))
    for part in blocks(len(distinct), PRODUCT_BLOCK):
        filled = part.stop - part.start
        block[:filled] = distinct[part]
        block[:filled] -= mean
        block[filled:] = 0
        out[part] = function(block @ matrix)[:filled]
    return out if place is None else out[place]
