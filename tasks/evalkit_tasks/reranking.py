"""Reranking: are the relevant ones of the documents that a query is given ranked first?"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from evalkit.data.reranking import read_reranking, reranking_files
from evalkit_tasks.grouped import GroupedTask

if TYPE_CHECKING:
    from pathlib import Path

    from evalkit.data import RetrievalData
    from evalkit.protocols import Cell


class RerankingTask(GroupedTask):
    """The metrics of retrieval over the documents that each query is given.

    Relevant documents that a query is not given count as not found. A query that is given none scores 0.

    Source: mteb 2.26.24, `AbsTaskRetrieval` with ``top_ranked``, and `AbsTaskReranking` for lines of positives and
    negatives.
    """

    default_main_score: ClassVar[str] = "map_at_1000"
    candidates = True

    def files(self, cell: Cell) -> list[Path]:
        """One file of positives and negatives; or corpus, queries, judgements and candidates."""
        return reranking_files(self.folder.base(cell.subset), cell.split)

    def data(self, cell: Cell) -> RetrievalData:
        """The queries with their candidates."""
        return read_reranking(self.folder.base(cell.subset), cell.split)
