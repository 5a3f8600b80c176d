"""Queries that belong together and are scored together: two that must both be right, several ways to ask, parts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

import numpy as np

from evalkit.errors import DataError
from evalkit.metrics.retrieval import retrieval_metrics
from evalkit.observations import Observations
from evalkit.protocols import CellScores
from evalkit.ranking import best_of_candidates
from evalkit.search import document_tie_keys
from evalkit.types import Candidates, Qrels
from evalkit_tasks.ranked import (
    Ranked,
    RankedTask,
    RetrievalParameters,
    mean_statistics,
    means,
    structure,
    tie_ranges,
    tie_warning,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.protocols import Cell
    from evalkit.types import FloatArray, IntArray
    from evalkit_tasks.base import Parameters

Groups: TypeAlias = Literal["", "paired", "robustness", "subqueries"]
MERGED = "max_over_subqueries_"


class GroupedParameters(RetrievalParameters):
    """mteb's parameters.

    Attributes:
        groups: Which queries belong together, by their ids, and what is said of them beside the metrics of retrieval.
            ``paired``: ``X_q1`` and ``X_q2``; ``paired_accuracy`` is the share of pairs of which both have a relevant
            document first (mteb's NevIR). ``robustness``: ``X_...``; ``robustness_at_10`` is the mean over the groups
            of the lowest nDCG at 10 (InstructIR). ``subqueries``: ``X_..._last``, all but the last part; the metrics
            ``max_over_subqueries_...`` rank by the largest score that any of the queries gives (MindSmallReranking).
    """

    groups: Groups = ""


class GroupedTask(RankedTask):
    """A task that ranks documents, whose queries may belong together."""

    parameters_type: ClassVar[type[Parameters]] = GroupedParameters
    parameters: GroupedParameters

    def metrics(self) -> tuple[str, ...]:
        """Those of groups, and each measure at each cut-off."""
        plain = super().metrics()
        return (*group_metrics(self.parameters.groups, plain, self.parameters.k_values), *plain)

    def score(self, cell: Cell, rankings: Ranked) -> CellScores:
        """By query, or by group of queries."""
        if not self.parameters.groups:
            return super().score(cell, rankings)
        return group_scores(rankings, self.parameters.groups, self.main_score)


def group_metrics(groups: Groups, plain: Sequence[str], cutoffs: Sequence[int]) -> tuple[str, ...]:
    """Names of what is said of groups, with these cut-offs."""
    if groups == "paired":
        return ("paired_accuracy",) if 1 in cutoffs else ()
    if groups == "robustness":
        return ("robustness_at_10",) if 10 in cutoffs else ()
    return tuple(f"{MERGED}{name}" for name in plain) if groups == "subqueries" else ()


def group_scores(rankings: Ranked, groups: Groups, main_score: str) -> CellScores:
    """The metrics of groups; those of retrieval too, as observations where all groups are of one size.

    Args:
        rankings: The rankings of all queries.
        groups: Which belong together.
        main_score: The metric that is warned about where the order of equal scores decides it.

    Raises:
        DataError: A pair is not whole.
    """
    grouped = _Groups.of(rankings.data.query_ids, groups)
    merged = _merged(rankings, grouped) if groups == "subqueries" else None
    own = merged.columns if merged else _of_groups(rankings, grouped, groups)
    named = {f"{MERGED}{name}" if merged else name: values for name, values in own.items()}
    alike = len(set(grouped.sizes.tolist())) == 1
    columns = {**named, **({name: grouped.mean(values) for name, values in rankings.columns.items()} if alike else {})}
    ties = tie_ranges(rankings)
    if merged:
        ties |= {f"{MERGED}{name}": range_ for name, range_ in tie_ranges(merged).items()}
    values, left_out = structure(rankings.data)
    return CellScores(
        Observations(unit="group", ids=grouped.names, columns=columns, statistics=mean_statistics(columns)),
        extra={} if alike else means(rankings.columns),
        warnings=(*tie_warning(ties, main_score), *left_out),
        data={**values, "groups": len(grouped.names)},
        ties=ties,
    )


@dataclass(frozen=True)
class _Groups:
    """Which queries belong together.

    Attributes:
        names: (n_groups,) what their ids have in common.
        of_query: (n_queries,) group of each query.
    """

    names: tuple[str, ...]
    of_query: IntArray

    @classmethod
    def of(cls, ids: Sequence[str], groups: Groups) -> _Groups:
        """By the ids of the queries."""
        rows: dict[str, int] = {}
        found = [rows.setdefault(_group_name(identifier, groups), len(rows)) for identifier in ids]
        of_query = np.array(found, dtype=np.int64)
        if groups == "paired":
            _check_pairs(ids, tuple(rows))
        return cls(tuple(rows), of_query)

    @property
    def sizes(self) -> IntArray:
        """(n_groups,) how many queries each has."""
        return np.bincount(self.of_query, minlength=len(self.names))

    def mean(self, values: FloatArray) -> FloatArray:
        """(n_groups,) mean over the queries of each."""
        return np.asarray(np.bincount(self.of_query, weights=values) / self.sizes)

    def least(self, values: FloatArray) -> FloatArray:
        """(n_groups,) lowest value of each."""
        lowest = np.full(len(self.names), np.inf)
        np.minimum.at(lowest, self.of_query, values)
        return lowest


def _group_name(identifier: str, groups: Groups) -> str:
    # As in mteb: an id without "_" is a group of its own, or of the empty name where the last part goes.
    return identifier.rpartition("_")[0] if groups == "subqueries" else identifier.partition("_")[0]


def _check_pairs(ids: Sequence[str], names: Sequence[str]) -> None:
    wanted = {f"{name}_{side}" for name in names for side in ("q1", "q2")}
    if wanted != set(ids):
        odd = min(wanted ^ set(ids))
        raise DataError(
            f'Query {odd!r} has no judgements, or no pair: ids must be X_q1 and X_q2 for groups = "paired".',
            hint="Give both queries of every pair judgements, or remove `groups` from task.toml.",
        )


def _of_groups(rankings: Ranked, grouped: _Groups, groups: Groups) -> dict[str, FloatArray]:
    """(n_groups,) what is said of each, without another ranking."""
    if groups == "paired" and "recall_at_1" in rankings.columns:
        return {"paired_accuracy": (grouped.least(rankings.columns["recall_at_1"]) == 1).astype(np.float64)}
    if groups == "robustness" and "ndcg_at_10" in rankings.columns:
        return {"robustness_at_10": grouped.least(rankings.columns["ndcg_at_10"])}
    return {}


def _merged(rankings: Ranked, grouped: _Groups) -> Ranked:
    """The rankings of groups: every document by the largest score that any query of the group gives it.

    The judgements are those of a group's last query: in mteb all of a group have the same.
    """
    data, top = rankings.data, rankings.top
    query, place = np.nonzero(top.documents >= 0)
    group, documents, scores = grouped.of_query[query], top.documents[query, place], top.scores[query, place]
    keys, of_key = np.unique(group * len(data.documents) + documents, return_inverse=True)
    best = np.full(len(keys), -np.inf, dtype=np.float32)
    np.maximum.at(best, of_key, scores)
    groups, documents = np.divmod(keys, len(data.documents))
    counts = np.bincount(groups, minlength=len(grouped.names))
    candidates = Candidates(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), documents)
    ties = document_tie_keys(data.document_ids)
    most = min(max(rankings.cutoffs), int(counts.max(initial=1)))
    ranking = best_of_candidates(candidates, best, ties, most)
    last = np.zeros(len(grouped.names), dtype=np.int64)
    last[grouped.of_query] = np.arange(len(grouped.of_query))
    qrels = _of_queries(data.qrels, last)
    return replace(
        rankings,
        data=replace(data, qrels=qrels),
        top=ranking,
        columns=retrieval_metrics(ranking, qrels, rankings.cutoffs),
    )


def _of_queries(qrels: Qrels, rows: IntArray) -> Qrels:
    """The judgements of some queries, in the order in which they are named."""
    counts = np.diff(qrels.offsets)[rows]
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    places = np.arange(offsets[-1]) + np.repeat(qrels.offsets[rows] - offsets[:-1], counts)
    return Qrels(offsets, qrels.documents[places], qrels.relevance[places])
