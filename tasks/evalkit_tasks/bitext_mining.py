"""Bitext mining: is the nearest of all sentences in the other language the translation?"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from evalkit.data.jsonl import is_text
from evalkit.errors import CellError
from evalkit.observations import Observations, parse_statistic
from evalkit.protocols import CellScores, Encoder
from evalkit.search import TopKSearch
from evalkit.types import Role, Similarity
from evalkit_tasks.base import FolderTask, Parameters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.protocols import Cell, Workbench
    from evalkit.types import IntArray

CHUNK = 16_384
"""Sentences of the other language that are embedded and searched at a time: memory follows it."""
_CHECKS = {"sentence1": is_text, "sentence2": is_text}
_STATISTICS = {
    "precision": "precision_weighted(label, predicted)",
    "recall": "recall_weighted(label, predicted)",
    "f1": "f1_weighted(label, predicted)",
    "accuracy": "accuracy(label, predicted)",
}


class BitextParameters(Parameters):
    """mteb's parameters.

    Attributes:
        average: How the classes are averaged; each sentence of the other language is a class.
        query_chunk_size: Queries that mteb searches at a time: it decides no score and is kept for the record.
    """

    average: Literal["weighted"] = "weighted"
    query_chunk_size: int = 100


class BitextMiningTask(FolderTask[BitextParameters]):
    """Weighted F1 of taking, for each first sentence, the nearest second sentence of all for its translation.

    The pair's place is its class, so that a second sentence that is nearest to many costs precision. Only this
    direction counts; for the other one exchange the fields.

    Source: mteb 2.26.24, `AbsTaskBitextMining`. Of equally near sentences the first counts, as in mteb where there
    are 64 or more (its choice among fewer follows from how a library partitions them).
    """

    parameters_type: ClassVar[type[Parameters]] = BitextParameters
    default_main_score: ClassVar[str] = "f1"

    def metrics(self) -> tuple[str, ...]:
        """Of the predicted translations."""
        return tuple(_STATISTICS)

    def texts(self, cell: Cell) -> Mapping[Role, Sequence[str]]:
        """The sentences that a cell embeds."""
        table = self.folder.table(cell.subset, cell.split, _CHECKS)
        return {Role.TEXT: table["sentence1"] + table["sentence2"]}

    def evaluate(self, cell: Cell, bench: Workbench) -> CellScores:
        """Score one cell."""
        table = self.folder.table(cell.subset, cell.split, _CHECKS)
        predicted = nearest(table["sentence1"], table["sentence2"], bench)
        columns = {"label": np.arange(len(predicted)), "predicted": predicted}
        statistics = {metric: parse_statistic(text) for metric, text in _STATISTICS.items()}
        observations = Observations(unit="pair", columns=columns, statistics=statistics)
        return CellScores(observations, warnings=self.notes(cell))


def nearest(queries: Sequence[str], candidates: Sequence[str], bench: Workbench) -> IntArray:
    """(n_queries,) row of the candidate that is nearest to each query, by the encoder's similarity; exact.

    Equal candidates are searched once, and of equally near ones the first is taken.

    Raises:
        CellError: A similarity is too large for a 32-bit number.
    """
    first = _first_rows(candidates)
    distinct = list(first)
    bench.expect(len(queries) + len(distinct))
    # The larger tie key wins, so the keys descend.
    ties = np.arange(len(distinct))[::-1]
    vectors = bench.embed(queries, role=Role.TEXT)
    search = TopKSearch(vectors, ties, 1, _similarity(bench), workers=bench.workers)
    for start in range(0, len(distinct), CHUNK):
        chunk = distinct[start : start + CHUNK]
        search.add(np.arange(start, start + len(chunk)), bench.embed(chunk, role=Role.TEXT))
    found = search.result().documents[:, 0]
    if (found < 0).any():
        raise CellError("A similarity is no finite number.", hint="Normalise the encoder's vectors.")
    return np.fromiter(first.values(), np.int64)[found]


def _first_rows(texts: Sequence[str]) -> dict[str, int]:
    """Each distinct text, in order, and the row where it first stands."""
    rows: dict[str, int] = {}
    for row, text in enumerate(texts):
        rows.setdefault(text, row)
    return rows


def _similarity(bench: Workbench) -> Similarity:
    return bench.scorer.similarity if isinstance(bench.scorer, Encoder) else Similarity.COSINE
