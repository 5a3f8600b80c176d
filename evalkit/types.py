"""Names for the values that travel between the modules: arrays, roles, judgements, rankings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]
Vectors: TypeAlias = NDArray[np.float32]
IntArray: TypeAlias = NDArray[np.int64]
AnyArray: TypeAlias = NDArray[Any]


class Role(StrEnum):
    """What a text is to the task; encoders with prompts treat the three differently."""

    TEXT = "text"
    QUERY = "query"
    DOCUMENT = "document"


class Similarity(StrEnum):
    """How the vectors of an encoder are meant to be compared."""

    COSINE = "cosine"
    DOT = "dot"


@dataclass(frozen=True)
class Qrels:
    """Relevance judgements of all queries, as one compressed-row table.

    Attributes:
        offsets: (n_queries + 1,) where each query's judgements start and end.
        documents: (n_judgements,) row of the judged document in the corpus.
        relevance: (n_judgements,) grade; at least 1 is relevant, 0 and below are not.
    """

    offsets: IntArray
    documents: IntArray
    relevance: IntArray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def query_of(self) -> IntArray:
        """(n_judgements,) row of the query that each judgement belongs to."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))


@dataclass(frozen=True)
class TopK:
    """The best documents of every query, best first.

    Attributes:
        documents: (n_queries, k) rows of the corpus; -1 where a query has fewer than k documents.
        scores: (n_queries, k) similarity; -inf beside a -1.
    """

    documents: IntArray
    scores: Vectors
