"""Which program optimises, and the same for any relevance matrix: `reached`."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from evalkit.errors import EvalkitError
from evalkit_tasks.stress.capacity.law import Law, Reached

if TYPE_CHECKING:
    from collections.abc import Callable

    from evalkit.types import AnyArray

    Optimise: TypeAlias = Callable[[AnyArray, int, int, Law], Reached]

MOST_BYTES = 2**30
"""Of one float32 matrix of queries times documents; an optimisation holds about four such."""


class Backend(StrEnum):
    """What carries the optimisation out."""

    AUTO = "auto"
    NUMPY = "numpy"
    TORCH = "torch"


def resolved(backend: Backend) -> Backend:
    """The backend that AUTO stands for: NumPy, which is several times faster than PyTorch on a CPU at all sizes."""
    return Backend.NUMPY if backend is Backend.AUTO else backend


def optimiser(backend: Backend) -> Optimise:
    """The function of a backend; PyTorch is imported when it is first called."""
    if resolved(backend) is Backend.TORCH:
        from evalkit_tasks.stress.capacity.optimise_torch import optimise as in_torch

        return in_torch
    from evalkit_tasks.stress.capacity.optimise_numpy import optimise as in_numpy

    return in_numpy


def reached(
    qrels: AnyArray, dimension: int, seed: int = 42, *, backend: Backend = Backend.AUTO, law: Law | None = None
) -> Reached:
    """How far free unit vectors of some dimension get with a relevance matrix A.

    Where it is solved, an n-by-Q matrix of that rank orders every query's relevant documents above all others, so the
    row-wise order-preserving rank of A is at most `dimension` and the sign rank of 2A - 1 at most `dimension` + 1.
    Where it is not, nothing is proven: other vectors may exist that this optimisation does not find.

    Args:
        qrels: (Q, n), 0 or 1 (or bool); rows without a relevant document, or with nothing else, hold of themselves.
        dimension: Of the vectors.
        seed: Of the start.
        backend: What optimises.
        law: The constants; those of the released code by default.

    Raises:
        EvalkitError: A matrix or dimension that cannot be, or one that is too large.
    """
    relevant = _checked(np.asarray(qrels), dimension)
    open_rows = relevant[relevant.any(axis=1) & ~relevant.all(axis=1)]
    if not len(open_rows):
        return Reached(solved=True, accuracy=1.0, loss=0.0, steps=0, seconds=0.0)
    return optimiser(backend)(open_rows, dimension, seed, law or Law())


def _checked(qrels: AnyArray, dimension: int) -> AnyArray:
    if dimension < 1:
        raise EvalkitError(f"Vectors of {dimension} dimensions do not exist.", hint="Take 1 or more.")
    if qrels.ndim != 2 or not qrels.size:
        raise EvalkitError("A relevance matrix has queries in rows and documents in columns.")
    if 4 * qrels.size > MOST_BYTES:
        raise EvalkitError(
            f"{qrels.shape[0]:,} queries by {qrels.shape[1]:,} documents are more than the optimisation can hold "
            f"({MOST_BYTES // 4:,} entries).",
            hint="Take fewer queries or documents.",
        )
    if not np.isin(qrels, (0, 1)).all():
        raise EvalkitError("A relevance matrix is 0 or 1 throughout.", hint="Decide which grades count as relevant.")
    return qrels.astype(bool)
