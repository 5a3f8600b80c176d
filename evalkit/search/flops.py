"""What a comparison of sparse vectors costs: the FLOPs measure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from evalkit.types import IntArray


class Flops:
    """The multiplications that scoring one document for one query takes, expected over all pairs.

    The sum over all terms of the share of queries times the share of documents in which the term is active, that is,
    not zero (Paria et al. 2020, "Minimizing FLOPs to Learn Efficient Sparse Representations", section 3; Formal et
    al. 2021, "SPLADE", section 4.1). Every text counts, equal ones as often as they are added.
    """

    def __init__(self) -> None:
        self._queries = _Side()
        self._documents = _Side()

    def add_queries(self, vectors: csr_array) -> None:
        """Count some queries, (n, d)."""
        self._queries.add(vectors)

    def add_documents(self, vectors: csr_array) -> None:
        """Count some documents, (n, d)."""
        self._documents.add(vectors)

    def value(self) -> float:
        """The measure; NaN where there are no queries or no documents."""
        if not (self._queries.n and self._documents.n):
            return float("nan")
        shares = (side.active / side.n for side in (self._queries, self._documents))
        return float(np.dot(*shares))

    @property
    def query_terms(self) -> float:
        """Active terms of a query on average; NaN where there are none."""
        return self._queries.mean

    @property
    def document_terms(self) -> float:
        """Active terms of a document on average; NaN where there are none."""
        return self._documents.mean


class _Side:
    """How many texts of one side have each term."""

    def __init__(self) -> None:
        self.n = 0
        self.active: IntArray = np.zeros(0, dtype=np.int64)

    def add(self, vectors: csr_array) -> None:
        counts = np.bincount(vectors.indices[vectors.data != 0], minlength=vectors.shape[1])
        self.active = self.active + counts if self.n else counts
        self.n += int(vectors.shape[0])

    @property
    def mean(self) -> float:
        return float(self.active.sum() / self.n) if self.n else float("nan")
