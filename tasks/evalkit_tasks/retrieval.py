"""Retrieval: are the judged documents of a query ranked first among all documents?"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from evalkit.data import RetrievalData, read_retrieval
from evalkit.data.retrieval import retrieval_files
from evalkit_tasks.ranked import RankedTask, RetrievalParameters, score_retrieval, search

if TYPE_CHECKING:
    from pathlib import Path

    from evalkit.protocols import Cell

__all__ = ["RetrievalParameters", "RetrievalTask", "score_retrieval", "search"]


class RetrievalTask(RankedTask):
    """nDCG, MAP, recall, precision, MRR and hit rate of exact search, per query.

    Source: mteb 2.26.24, `AbsTaskRetrieval`; the metrics are trec_eval's, ties go to the larger document id.
    mteb rounds to five decimals, evalkit does not.
    """

    default_main_score: ClassVar[str] = "ndcg_at_10"

    def files(self, cell: Cell) -> list[Path]:
        """Corpus, queries and judgements."""
        return retrieval_files(self.folder.base(cell.subset), cell.split)

    def data(self, cell: Cell) -> RetrievalData:
        """All documents, and the queries that have judgements."""
        return read_retrieval(self.folder.base(cell.subset), cell.split)
