"""Names for the values that travel between the modules: arrays, roles, judgements, rankings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scipy.sparse import csr_array

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
    MAXSIM = "maxsim"
    """Of several vectors a text: over those of the query, the sum of the largest inner product with any of the
    document's (Khattab and Zaharia 2020, ColBERT)."""


OF_VECTORS = (Similarity.COSINE, Similarity.DOT)
"""How single vectors can be compared."""


class Form(StrEnum):
    """What an encoder makes of a text."""

    DENSE = "dense"
    """One vector: all texts' are a (n, d) float32 array."""
    SPARSE = "sparse"
    """One vector with few values that are not zero: all texts' are a (n, d) float32 `scipy.sparse.csr_array`."""
    MULTI = "multi"
    """Several vectors, mostly one a token: all texts' are `TokenVectors`."""


@dataclass(frozen=True)
class TokenVectors:
    """Several vectors for each of n texts.

    Attributes:
        offsets: (n + 1,) where each text's vectors start and end; every text has at least one.
        vectors: (offsets[-1], d) float32.
    """

    offsets: IntArray
    vectors: Vectors

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def counts(self) -> IntArray:
        """(n,) vectors of each text."""
        return np.diff(self.offsets)

    @classmethod
    def of(cls, texts: Sequence[Vectors]) -> TokenVectors:
        """From one (n_tokens, d) array a text."""
        offsets = np.concatenate([[0], np.cumsum([len(each) for each in texts])]).astype(np.int64)
        stacked = np.concatenate(list(texts)) if len(texts) else np.zeros((0, 1))
        return cls(offsets, np.ascontiguousarray(stacked, dtype=np.float32))

    def take(self, rows: Sequence[int] | IntArray) -> TokenVectors:
        """The vectors of some texts, in the order in which they are named."""
        chosen = np.asarray(rows, dtype=np.int64)
        counts = self.counts[chosen]
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        places = np.arange(offsets[-1]) + np.repeat(self.offsets[chosen] - offsets[:-1], counts)
        return TokenVectors(offsets, self.vectors[places])


Embeddings: TypeAlias = "Vectors | csr_array | TokenVectors"
"""What an encoder makes of n texts, by its `Form`."""


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


@dataclass(frozen=True)
class Candidates:
    """The documents that each query is given to rank, where it is not the whole corpus.

    Attributes:
        offsets: (n_queries + 1,) where each query's candidates start and end.
        documents: (n_candidates,) their rows in the corpus, each once a query.
    """

    offsets: IntArray
    documents: IntArray

    @property
    def query_of(self) -> IntArray:
        """(n_candidates,) row of the query that each candidate belongs to."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))

    @classmethod
    def of(cls, lists: Sequence[Sequence[int] | IntArray]) -> Candidates:
        """From one list of rows a query."""
        offsets = np.concatenate([[0], np.cumsum([len(each) for each in lists])]).astype(np.int64)
        rows = [np.asarray(each, dtype=np.int64) for each in lists] or [np.zeros(0, dtype=np.int64)]
        return cls(offsets, np.concatenate(rows))


@dataclass(frozen=True)
class Ranking:
    """A ranking problem: which documents come first for each query?

    Attributes:
        queries: (n_queries) texts.
        documents: (n_documents) texts.
        ties: (n_documents,) rank of each document's id; of two equal scores the larger comes first.
        top_k: How many documents each query gets at most.
        candidates: The documents to choose from, by query; None for all.
    """

    queries: Sequence[str]
    documents: Sequence[str]
    ties: IntArray
    top_k: int
    candidates: Candidates | None = None
