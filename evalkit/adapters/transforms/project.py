"""``project:128``: a random projection; nothing is fitted, and nothing is learned from the texts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from evalkit.adapters.options import TRANSFORM, Options, no_argument
from evalkit.adapters.transforms.rows import ANY_ROWS, AppliedRows, Rows, RowTransform, each_product
from evalkit.types import Form

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.types import FloatArray, Vectors

NAME = "project"


def load(argument: str, options: Mapping[str, str]) -> Project:
    """``project:128`` or ``project:128,seed=1``.

    Raises:
        EncoderError: An option is missing, unknown or malformed.
    """
    chosen = Options.of_step(NAME, argument, options, ("dim", "seed"), main="dim")
    if "dim" not in chosen.given:
        raise no_argument(NAME, "project:128", kind=TRANSFORM)
    return Project(chosen.integer("dim", 1, most=1 << 20), chosen.integer("seed", 0, least=0))


@dataclass(frozen=True)
class Project(RowTransform):
    """R x / sqrt(k) with a matrix R of k rows of standard normal numbers, which keeps inner products on average.

    R is drawn from the seed and the length of the vectors alone, row by row: the first rows of a larger projection
    are those of a smaller one.

    Source: Johnson and Lindenstrauss 1984; Indyk and Motwani 1998 for Gaussian entries.
    """

    dim: int
    seed: int = 0
    name: ClassVar[str] = NAME
    takes: ClassVar[frozenset[Form]] = ANY_ROWS

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Dimensions that come out, and the seed."""
        return {"version": 1, "dim": self.dim, "seed": self.seed}

    def gives(self, form: Form) -> Form:
        """Sparse vectors become dense."""
        return Form.DENSE if form is Form.SPARSE else form

    def ready(self, sample: object) -> AppliedRows:  # noqa: ARG002
        """Nothing is fitted."""
        return AppliedRows(partial(_projected, dim=self.dim, seed=self.seed))


def _projected(rows: Rows, *, dim: int, seed: int) -> Vectors:
    matrix = _matrix(rows.shape[1], dim, seed)
    if isinstance(rows, np.ndarray):
        return each_product(rows, matrix, dim, lambda product: product)
    # SciPy adds up each row by itself, value after value.
    product: Vectors = (rows.astype(np.float64) @ matrix).astype(np.float32)
    return product


@lru_cache(maxsize=2)
def _matrix(dimension: int, dim: int, seed: int) -> FloatArray:
    """(dimension, dim)."""
    drawn = np.random.default_rng([seed, dimension]).standard_normal((dim, dimension))
    matrix: FloatArray = np.ascontiguousarray(drawn.T) / dim**0.5
    matrix.flags.writeable = False
    return matrix
