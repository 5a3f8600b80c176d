"""Retrieval: are the judged documents of a query ranked first among all documents?"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field

from evalkit.data import RetrievalData, read_retrieval
from evalkit.data.retrieval import retrieval_files
from evalkit.errors import CellError
from evalkit.metrics.retrieval import retrieval_metrics, without_first, without_identical
from evalkit.metrics.structure import qrel_structure
from evalkit.metrics.ties import tie_means
from evalkit.observations import Observations, parse_statistic
from evalkit.protocols import CellScores, Encoder, LexicalScorer
from evalkit.search import TopKSearch, document_tie_keys, score_top_k
from evalkit.types import Role, TopK
from evalkit_tasks.base import FolderTask, Parameters

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from evalkit.protocols import Cell, Workbench
    from evalkit.types import IntArray

CHUNK = 16_384
"""Documents that are embedded and searched at a time: memory follows it, not the corpus."""
_LEXICAL_SCORES = 16_000_000  # scores of a lexical index held at a time, 64 MB
_MEASURES = ("ndcg", "map", "recall", "precision", "mrr", "hit_rate")


class RetrievalParameters(Parameters):
    """mteb's parameters.

    Attributes:
        k_values: Cut-offs of the metrics.
        top_k: Documents kept for each query.
        ignore_identical_ids: Remove the document whose id is the query's, after the top k are taken.
        skip_first_result: Remove the best document.
    """

    k_values: tuple[Annotated[int, Field(ge=1)], ...] = Field(default=(1, 3, 5, 10, 20, 100, 1000), min_length=1)
    top_k: int = Field(default=1000, ge=1)
    ignore_identical_ids: bool = False
    skip_first_result: bool = False


class RetrievalTask(FolderTask[RetrievalParameters]):
    """nDCG, MAP, recall, precision, MRR and hit rate of exact search, per query.

    Source: mteb 2.26.24, `AbsTaskRetrieval`; the metrics are trec_eval's, ties go to the larger document id.
    mteb rounds to five decimals, evalkit does not.
    """

    parameters_type: ClassVar[type[Parameters]] = RetrievalParameters
    default_main_score: ClassVar[str] = "ndcg_at_10"
    lexical = True

    def metrics(self) -> tuple[str, ...]:
        """Each measure at each cut-off."""
        cutoffs = self.parameters.k_values
        accuracy = ("accuracy",) if 1 in cutoffs else ()
        return (*(f"{measure}_at_{cutoff}" for measure in _MEASURES for cutoff in cutoffs), *accuracy)

    def files(self, cell: Cell) -> list[Path]:
        """Corpus, queries and judgements."""
        return retrieval_files(self.folder.base(cell.subset), cell.split)

    def evaluate(self, cell: Cell, bench: Workbench) -> CellScores:
        """Score one cell."""
        data = read_retrieval(self.folder.base(cell.subset), cell.split)
        scores = score_retrieval(data, bench, self.parameters, self.main_score)
        return replace(scores, warnings=(*scores.warnings, *self.notes(cell)))


def score_retrieval(
    data: RetrievalData, bench: Workbench, parameters: RetrievalParameters, main_score: str = "ndcg_at_10"
) -> CellScores:
    """Search the corpus for every query and measure the rankings.

    Args:
        data: Corpus, queries, judgements.
        bench: The encoder or lexical scorer.
        parameters: The protocol.
        main_score: The metric that is warned about where the order of equal scores decides it.
    """
    top = _after_search(search(data, bench, parameters.top_k), data, parameters)
    columns = retrieval_metrics(top, data.qrels, parameters.k_values)
    statistics = {name: parse_statistic(f"mean({name})") for name in columns}
    if "recall_at_1" in columns:
        statistics["accuracy"] = parse_statistic("mean(recall_at_1)")  # mteb's name for it in multiple-choice tasks
    observations = Observations(unit="query", ids=tuple(data.query_ids), columns=columns, statistics=statistics)
    ties = tie_means(top, data.qrels, parameters.k_values, columns)
    if "recall_at_1" in ties:
        ties["accuracy"] = ties["recall_at_1"]
    structure = qrel_structure(data.qrels, len(data.documents))
    warnings = (*_tie_warning(ties, main_score), *structure.left_out)
    return CellScores(observations, warnings=warnings, data=structure.values, ties=ties)


def search(data: RetrievalData, bench: Workbench, top_k: int) -> TopK:
    """The best documents of every query, by vectors or by a lexical index."""
    ties = document_tie_keys(data.document_ids)
    if isinstance(bench.scorer, Encoder):
        return _dense(data, bench, bench.scorer, ties, top_k)
    if isinstance(bench.scorer, LexicalScorer):
        return _lexical(data, bench.scorer, ties, top_k)
    raise CellError(
        f"{bench.scorer!r} is neither an encoder nor a lexical scorer.", hint="See docs/write-an-encoder.md."
    )


def _dense(data: RetrievalData, bench: Workbench, encoder: Encoder, ties: IntArray, top_k: int) -> TopK:
    bench.expect(len(data.queries) + len(data.documents))
    queries = bench.embed(data.queries, role=Role.QUERY)
    found = TopKSearch(queries, ties, top_k, encoder.similarity, workers=bench.workers)
    for rows in _chunks(data.documents):
        found.add(rows, bench.embed([data.documents[row] for row in rows], role=Role.DOCUMENT))
    return found.result()


def _chunks(texts: Sequence[str]) -> Iterator[IntArray]:
    """Rows of the corpus, equal texts in one chunk, so that each distinct text is encoded once."""
    order, edges = _by_text(texts)
    for start, stop in itertools.pairwise(edges):
        yield order[start:stop]


def _by_text(texts: Sequence[str]) -> tuple[IntArray, list[int]]:
    """Rows with equal texts beside one another, and where every `CHUNK` distinct texts start and end."""
    n = len(texts)
    if len(set(texts)) == n:
        return np.arange(n), [*range(0, n, CHUNK), n]
    groups: dict[str, int] = {}
    group_of = np.fromiter((groups.setdefault(text, len(groups)) for text in texts), np.int64, n)
    order = np.argsort(group_of, kind="stable")
    return order, np.searchsorted(group_of[order], np.arange(0, len(groups) + CHUNK, CHUNK)).tolist()


def _lexical(data: RetrievalData, scorer: LexicalScorer, ties: IntArray, top_k: int) -> TopK:
    index = scorer.index(data.documents)
    step = max(1, _LEXICAL_SCORES // len(data.documents))
    starts = range(0, len(data.queries), step)
    return score_top_k((index.scores(data.queries[start : start + step]) for start in starts), ties, top_k)


def _after_search(top: TopK, data: RetrievalData, parameters: RetrievalParameters) -> TopK:
    if parameters.ignore_identical_ids:
        rows = {identifier: row for row, identifier in enumerate(data.document_ids)}
        top = without_identical(top, np.array([rows.get(query, -1) for query in data.query_ids], dtype=np.int64))
    return without_first(top) if parameters.skip_first_result else top


def _tie_warning(ties: Mapping[str, tuple[float, float]], main_score: str) -> tuple[str, ...]:
    """What the order of equally scored documents alone can make of the headline."""
    if main_score not in ties:
        return ()
    worst, best = ties[main_score]
    return (f"Ties decide: {main_score} lies between {worst:.4f} and {best:.4f} by the order of equal scores alone.",)
