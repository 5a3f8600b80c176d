"""The search that fits embeddings of a form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalkit.search.maxsim import MaxSimSearch
from evalkit.search.sparse import SparseSearch
from evalkit.search.topk import TopKSearch
from evalkit.types import Similarity, TokenVectors

if TYPE_CHECKING:
    from evalkit.search.streaming import CorpusSearch
    from evalkit.types import Embeddings, IntArray


def open_search(
    queries: Embeddings, tie_keys: IntArray, top_k: int, similarity: Similarity, *, workers: int = 1
) -> CorpusSearch:
    """A search for queries of any form, to which the documents' embeddings of the same form are then added.

    Args:
        queries: Those of the q queries.
        tie_keys: (n_documents,) of `document_tie_keys`.
        top_k: How many documents a query gets.
        similarity: How vectors are compared.
        workers: Threads that share out the queries; results do not depend on their number.
    """
    if isinstance(queries, TokenVectors):
        return MaxSimSearch(queries, tie_keys, top_k, similarity, workers=workers)
    if isinstance(queries, np.ndarray):
        return TopKSearch(queries, tie_keys, top_k, similarity, workers=workers)
    return SparseSearch(queries, tie_keys, top_k, similarity, workers=workers)
