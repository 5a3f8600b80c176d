"""The control: 2k dimensions answer every top-k subset of any number of documents, by construction.

Documents lie on the trigonometric moment curve (cos t, sin t, ..., cos kt, sin kt), n of them at equal distances; their
hull is a cyclic polytope (Carathéodory 1911). For a subset S the polynomial prod_{a in S} (1 - cos(t - t_a)) is of
degree k, zero with double roots at S and positive elsewhere; its coefficients, negated, are the query, and the constant
term is the same for all documents. All documents have one length, and the length of a query does not matter: cosine
answers the same as the inner product. So a low critical n is a limit of the training, and of the precision: the
smallest gap falls as (2 pi / n)^(2k).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from evalkit.errors import EvalkitError
from evalkit_tasks.stress.capacity.subsets import subsets

if TYPE_CHECKING:
    from evalkit.types import AnyArray, FloatArray, IntArray

MOST_WORK = 2 * 10**10
"""Scores that a check of all subsets may take: some minutes."""
MOST_RELEVANT = 6
SCANNED = 1_000
"""Up to so many documents it is looked for where a number type breaks."""
_BLOCK = 4_000_000


class Precision(StrEnum):
    """How vectors are kept and scores compared."""

    FLOAT64 = "float64"
    FLOAT32 = "float32"
    FLOAT16 = "float16"

    @property
    def scores(self) -> str:
        """The type of the scores: search engines multiply float16 into float32."""
        return "float64" if self is Precision.FLOAT64 else "float32"


@dataclass(frozen=True)
class Answered:
    """How many of all k-subsets the construction answers.

    Attributes:
        queries: C(n, k).
        answered: Those with all of their documents strictly above all others.
        gap: The smallest difference between a query's lowest relevant and highest other score, for unit vectors.
    """

    queries: int
    answered: int
    gap: float

    @property
    def share(self) -> float:
        """Of the queries."""
        return self.answered / self.queries


def documents(n: int, k: int) -> FloatArray:
    """(n, 2k) unit vectors."""
    angles = 2 * np.pi * np.arange(n) / n
    turns = np.outer(angles, np.arange(1, k + 1))
    vectors: FloatArray = np.stack([np.cos(turns), np.sin(turns)], axis=2).reshape(n, 2 * k) / np.sqrt(k)
    return vectors


def queries(chosen: IntArray, n: int) -> FloatArray:
    """(Q, 2k) unit vectors for (Q, k) subsets of n documents."""
    n_queries, k = chosen.shape
    powers = np.ones((n_queries, 1), dtype=np.complex128)
    for root in np.exp(2j * np.pi * chosen.T / n):
        # 1 - cos(t - a) = 1 - (e^-ia e^it + e^ia e^-it) / 2, multiplied into the powers of e^it so far.
        longer = np.pad(powers, ((0, 0), (1, 1)))
        longer[:, 2:] -= powers * root.conj()[:, None] / 2
        longer[:, :-2] -= powers * root[:, None] / 2
        powers = longer
    positive = powers[:, k + 1 :]
    vectors: FloatArray = np.stack([-positive.real, positive.imag], axis=2).reshape(n_queries, 2 * k)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def answered(n: int, k: int, precision: Precision = Precision.FLOAT64) -> Answered:
    """Build the polytope and ask it for every k-subset.

    Args:
        n: Documents, more than k.
        k: Relevant documents of a query.
        precision: What vectors are rounded to.

    Raises:
        EvalkitError: No such polytope, or more subsets than can be asked.
    """
    _check(n, k)
    chosen, kept = subsets(n, k), _rounded(documents(n, k), precision)
    right, gap = 0, np.inf
    rows = max(1, _BLOCK // n)
    for first in range(0, len(chosen), rows):
        block = chosen[first : first + rows]
        scores = (_rounded(queries(block, n), precision) @ kept.T).astype(precision.scores)
        gaps = _gaps(scores, block)
        right += int((gaps > 0).sum())
        gap = min(gap, float(gaps.min()))
    return Answered(len(chosen), right, gap)


def breaks_at(k: int, precision: Precision, most: int = SCANNED) -> int | None:
    """The fewest documents at which the construction misses a subset; None up to `most`.

    Only subsets that fit within 2k + 1 neighbours are asked, and only documents near them compared: there the gaps are
    smallest. So up to one document less every such subset is answered, and above that some are not.
    """
    return next((n for n in range(k + 1, most + 1) if not _holds_nearby(n, k, precision)), None)


def _holds_nearby(n: int, k: int, precision: Precision) -> bool:
    width = min(n, 2 * k + 1)
    pattern = np.array([row for row in subsets(width, k) if row[0] == 0])
    near = np.arange(-k - 1, width + k + 1) if n > width + 2 * k + 2 else np.arange(n)
    shifts = np.arange(n)
    chosen = (pattern[None] + shifts[:, None, None]) % n
    rivals = (near[None] + shifts[:, None]) % n
    kept = _rounded(documents(n, k), precision)
    asked = _rounded(queries(chosen.reshape(-1, k), n), precision).reshape(n, len(pattern), 2 * k)
    scores = (asked @ kept[rivals].transpose(0, 2, 1)).astype(precision.scores)
    relevant = (rivals[:, None, :, None] == chosen[:, :, None, :]).any(axis=3)
    lowest = np.where(relevant, scores, np.inf).min(axis=2)
    return bool((lowest > np.where(relevant, -np.inf, scores).max(axis=2)).all())


def _rounded(vectors: FloatArray, precision: Precision) -> FloatArray:
    """In the type and back: products are then exact to float64, the same on every machine, and rounded as scores."""
    return vectors.astype(precision.value).astype(np.float64)


def _gaps(scores: AnyArray, chosen: IntArray) -> AnyArray:
    lowest: AnyArray = np.take_along_axis(scores, chosen, axis=1).min(axis=1)
    np.put_along_axis(scores, chosen, -np.inf, axis=1)
    lowest -= scores.max(axis=1)
    return lowest


def _check(n: int, k: int) -> None:
    if k < 1 or n <= k:
        raise EvalkitError(
            f"There are no {k}-subsets of {n} documents to tell apart.", hint="Take 1 <= relevant < documents."
        )
    if k > MOST_RELEVANT:
        raise EvalkitError(
            f"The control is built for up to {MOST_RELEVANT} relevant documents, not {k}.", hint="Take fewer."
        )
    if n * math.comb(n, k) > MOST_WORK:
        raise EvalkitError(
            f"All {k}-subsets of {n:,} documents are {math.comb(n, k):,} queries, too many to ask.",
            hint="Take fewer documents or fewer relevant ones.",
        )
