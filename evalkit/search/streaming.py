"""What every search over a corpus in chunks has in common: the best of each query, ties, equal documents."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.search.copies import Copies, expanded
from evalkit.search.keys import BestKeys, TieOrder, buffers, decoded
from evalkit.search.workers import BlockWorkers
from evalkit.types import TopK

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evalkit.search.keys import Keys
    from evalkit.types import Embeddings, IntArray, Vectors


class CorpusSearch(ABC):
    """Exact top-k over a corpus that arrives in chunks.

    Documents come by score descending, then tie key descending. Results never depend on how the corpus is cut into
    chunks, nor on the order of its rows beyond the last bit of a score. Equal documents always have equal scores and
    equal queries equal results. A score that is NaN or minus infinity is no result.

    The memory needed grows with the queries' results and, by 17 bytes a document, with the corpus.

    Args:
        blocks: The different queries, in blocks that are scored at a time; each has a length.
        query_of: (q,) place of every query among them, None where all are different.
        tie_keys: (n_documents,) of `document_tie_keys`.
        top_k: How many documents a query gets.
        workers: Threads that share out the blocks; results do not depend on their number.
    """

    def __init__(
        self, blocks: Sequence[Any], query_of: IntArray | None, tie_keys: IntArray, top_k: int, *, workers: int
    ) -> None:
        self._top_k = top_k
        self._query_of = query_of
        self._ties = TieOrder.of(tie_keys)
        self._blocks = blocks
        self._best = buffers([len(block) for block in blocks], min(top_k, len(tie_keys)))
        self._hashes = np.zeros(len(tie_keys), dtype=np.uint64)
        self._added = np.zeros(len(tie_keys), dtype=bool)
        self._workers = BlockWorkers(min(workers, max(len(blocks), 1)))

    @abstractmethod
    def add(self, rows: IntArray, embeddings: Any) -> None:
        """Score a chunk of the corpus.

        Args:
            rows: (c,) rows of the corpus, each added once in all.
            embeddings: Those of the c documents; not written to and not kept.
        """

    def result(self) -> TopK:
        """The best of all documents added so far, (q, top_k); -1 and -inf where there are fewer documents."""
        self._score_staged()
        copies = Copies.among(self._hashes, self._added, self._ties)
        top = decoded([expanded(best.ordered(), copies) for best in self._best], self._ties, self._top_k)
        if self._query_of is None:
            return top
        return TopK(documents=top.documents[self._query_of], scores=top.scores[self._query_of])

    @abstractmethod
    def _score_staged(self) -> None:
        """Score what was added and not yet scored."""

    def _offer(self, rows: IntArray, hashes: Keys, score: Callable[[Any], Vectors]) -> None:
        """Let every block of queries take the best of some rows.

        Args:
            rows: (c,) rows of the corpus.
            hashes: (c,) of their embeddings as they were given.
            score: Gives the (len(block), c) scores, contiguous, of a block of queries.
        """
        self._hashes[rows] = hashes
        self._added[rows] = True
        ranks = self._ties.rank[rows]

        def take(queries: Embeddings, best: BestKeys) -> None:
            best.offer(score(queries), ranks)

        self._workers.each(take, self._blocks, self._best)
