"""What all tasks have in common in which documents are ranked for queries: parameters, rankings, metrics a query."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field

from evalkit.metrics.retrieval import retrieval_metrics, without_first, without_identical
from evalkit.metrics.structure import qrel_structure
from evalkit.metrics.ties import tie_means
from evalkit.observations import Observations, parse_statistic
from evalkit.protocols import CellScores
from evalkit.ranking import rank
from evalkit.search import document_tie_keys
from evalkit.types import Form, Ranking, Role
from evalkit_tasks.base import FolderTask, Parameters

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from evalkit.data import RetrievalData
    from evalkit.observations import Statistic
    from evalkit.protocols import Cell, Workbench
    from evalkit.types import Candidates, FloatArray, Qrels, TopK

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


class RankedTask(FolderTask[RetrievalParameters]):
    """A task that ranks documents; a type says how its data are read, and maybe how rankings are scored."""

    parameters_type: ClassVar[type[Parameters]] = RetrievalParameters
    lexical = True
    forms = tuple(Form)

    @abstractmethod
    def data(self, cell: Cell) -> RetrievalData:
        """Queries, documents and judgements of a cell."""

    def metrics(self) -> tuple[str, ...]:
        """Each measure at each cut-off."""
        cutoffs = self.parameters.k_values
        accuracy = ("accuracy",) if 1 in cutoffs else ()
        return (*(f"{measure}_at_{cutoff}" for measure in _MEASURES for cutoff in cutoffs), *accuracy)

    def texts(self, cell: Cell) -> Mapping[Role, Sequence[str]]:
        """Queries, and the documents that any of them is given to rank."""
        data = self.data(cell)
        wanted = data.documents
        if data.candidates is not None:
            wanted = [data.documents[row] for row in np.unique(data.candidates.documents)]
        return {Role.QUERY: data.queries, Role.DOCUMENT: wanted}

    def evaluate(self, cell: Cell, bench: Workbench) -> CellScores:
        """Score one cell."""
        data = self.data(cell)
        scores = self.score(cell, ranked(data, bench, self.parameters))
        return replace(scores, warnings=(*scores.warnings, *data.notes, *self.notes(cell)))

    def score(self, cell: Cell, rankings: Ranked) -> CellScores:  # noqa: ARG002
        """The scores of rankings."""
        return query_scores(rankings, self.main_score)


@dataclass(frozen=True)
class Ranked:
    """The rankings of a cell.

    Attributes:
        data: What was ranked.
        top: The rankings, after what the protocol removes from them.
        columns: (n_queries,) each metric.
        cutoffs: Those of the metrics.
    """

    data: RetrievalData
    top: TopK
    columns: Mapping[str, FloatArray]
    cutoffs: tuple[int, ...]


def score_retrieval(
    data: RetrievalData, bench: Workbench, parameters: RetrievalParameters, main_score: str = "ndcg_at_10"
) -> CellScores:
    """Rank documents for every query and measure the rankings.

    Args:
        data: Corpus, queries, judgements.
        bench: The encoder or lexical scorer.
        parameters: The protocol.
        main_score: The metric that is warned about where the order of equal scores decides it.
    """
    return query_scores(ranked(data, bench, parameters), main_score)


def ranked(data: RetrievalData, bench: Workbench, parameters: RetrievalParameters) -> Ranked:
    """The rankings by whatever the bench holds, and the metrics of every query."""
    top = _after_search(search(data, bench, parameters.top_k), data, parameters)
    columns = retrieval_metrics(top, data.qrels, parameters.k_values)
    return Ranked(data, top, columns, parameters.k_values)


def search(data: RetrievalData, bench: Workbench, top_k: int) -> TopK:
    """The best documents of every query, by whatever the bench holds."""
    most = top_k
    if data.candidates is not None:
        # A ranking has room for so many documents for every query, whether it has them or not.
        most = min(top_k, int(np.diff(data.candidates.offsets).max(initial=1)))
    return rank(
        Ranking(data.queries, data.documents, document_tie_keys(data.document_ids), most, data.candidates), bench
    )


def query_scores(rankings: Ranked, main_score: str) -> CellScores:
    """Means over the queries, what ties leave open, and what the judgements ask for.

    Args:
        rankings: The rankings.
        main_score: The metric that is warned about where the order of equal scores decides it.
    """
    data, columns = rankings.data, rankings.columns
    observations = Observations(
        unit="query", ids=tuple(data.query_ids), columns=columns, statistics=mean_statistics(columns)
    )
    ties = tie_ranges(rankings)
    values, left_out = structure(data)
    return CellScores(observations, warnings=(*tie_warning(ties, main_score), *left_out), data=values, ties=ties)


def mean_statistics(columns: Iterable[str]) -> dict[str, Statistic]:
    """The mean of every column, and under the name that mteb has for it in multiple-choice tasks recall at 1."""
    names = list(columns)
    accuracy = {name.replace("recall_at_1", "accuracy"): name for name in names if name.endswith("recall_at_1")}
    means = {**{name: name for name in names}, **accuracy}
    return {metric: parse_statistic(f"mean({name})") for metric, name in means.items()}


def means(columns: Mapping[str, FloatArray], prefix: str = "") -> dict[str, float]:
    """The same means as numbers, for scores whose units are others; `prefix` stands before each name."""
    sample = Observations(unit="query", columns=columns, statistics=mean_statistics(columns))
    return {f"{prefix}{name}": value for name, value in sample.scores().items()}


def tie_ranges(rankings: Ranked) -> dict[str, tuple[float, float]]:
    """Lowest and highest mean of the metrics that the order of equal scores leaves open."""
    ties = tie_means(rankings.top, rankings.data.qrels, rankings.cutoffs, rankings.columns)
    if "recall_at_1" in ties:
        ties["accuracy"] = ties["recall_at_1"]
    return ties


def tie_warning(ties: Mapping[str, tuple[float, float]], main_score: str) -> tuple[str, ...]:
    """What the order of equally scored documents alone can make of the headline."""
    if main_score not in ties:
        return ()
    worst, best = ties[main_score]
    return (f"Ties decide: {main_score} lies between {worst:.4f} and {best:.4f} by the order of equal scores alone.",)


def structure(data: RetrievalData) -> tuple[dict[str, float], tuple[str, ...]]:
    """What the judgements ask for, as numbers by name, and a sentence for each number that is too large to compute."""
    if data.candidates is not None:
        return _candidate_structure(data.qrels, data.candidates, len(data.documents)), ()
    found = qrel_structure(data.qrels, len(data.documents))
    return found.values, found.left_out


def _candidate_structure(qrels: Qrels, candidates: Candidates, n_documents: int) -> dict[str, float]:
    """Sizes, and the share of relevant judgements that are among the candidates: no recall can be larger.

    How relevant sets overlap says nothing where no query is given the others' documents.
    """
    relevant = qrels.relevance > 0
    judged = (qrels.query_of * n_documents + qrels.documents)[relevant]
    given = candidates.query_of * n_documents + candidates.documents
    n_queries = max(len(qrels), 1)
    return {
        "queries": len(qrels),
        "documents": n_documents,
        "relevant_documents": len(np.unique(qrels.documents[relevant])),
        "relevant_per_query": len(judged) / n_queries,
        "candidates_per_query": len(given) / n_queries,
        "relevant_among_candidates": float(np.isin(judged, given).mean()) if len(judged) else 0.0,
    }


def _after_search(top: TopK, data: RetrievalData, parameters: RetrievalParameters) -> TopK:
    if parameters.ignore_identical_ids:
        rows = {identifier: row for row, identifier in enumerate(data.document_ids)}
        top = without_identical(top, np.array([rows.get(query, -1) for query in data.query_ids], dtype=np.int64))
    return without_first(top) if parameters.skip_first_result else top
