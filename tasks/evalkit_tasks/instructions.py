"""Retrieval and reranking by instructions, and whether a changed instruction changes the ranking as it should."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from evalkit.data import RetrievalData, read_retrieval
from evalkit.data.instructions import ORIGINAL, changes_file, read_changes
from evalkit.data.retrieval import candidates_file, retrieval_files
from evalkit.errors import DataError
from evalkit.metrics.instructions import rank_changes
from evalkit.observations import Observations
from evalkit.protocols import CellScores
from evalkit_tasks.grouped import GroupedTask
from evalkit_tasks.ranked import mean_statistics, means, structure, tie_ranges, tie_warning

if TYPE_CHECKING:
    from pathlib import Path

    from evalkit.data.instructions import Changes
    from evalkit.protocols import Cell
    from evalkit.types import FloatArray
    from evalkit_tasks.ranked import Ranked

P_MRR = "p-MRR"
_FORMS = ("og", "changed")


class InstructionRetrievalTask(GroupedTask):
    """Retrieval by query and instruction; with changed judgements also how the rankings follow the change.

    Where a file says which documents a changed instruction makes irrelevant, each query is there in two forms. The
    unit is then the query, not its form: a metric is the mean over both, ``og_`` and ``changed_`` metrics are those
    of one, and p-MRR says how far the documents fell.

    Source: mteb 2.26.24, `AbsTaskRetrieval` and `evaluate_p_mrr_change`.
    """

    default_main_score: ClassVar[str] = "ndcg_at_10"
    candidates: bool = False

    def metrics(self) -> tuple[str, ...]:
        """Those of retrieval; p-MRR and those of either form where there are changed judgements."""
        plain = super().metrics()
        if not (self.main_score == P_MRR or any(self._has_changes(cell) for cell in self.folder.cells())):
            return plain
        if self.parameters.groups:
            raise DataError(
                f"{self.folder.path / 'task.toml'}: protocol.groups means nothing beside changed judgements.",
                hint="Remove it, or qrels_diff.",
            )
        return (P_MRR, *plain, *(f"{form}_{name}" for form in _FORMS for name in plain))

    def files(self, cell: Cell) -> list[Path]:
        """Those of retrieval, and the candidates and the changed judgements where there are any."""
        base = self.folder.base(cell.subset)
        more = [candidates_file(base, cell.split)] if self.candidates else []
        if self._has_changes(cell) or self.main_score == P_MRR:
            more.append(changes_file(base, cell.split))
        return [*retrieval_files(base, cell.split), *more]

    def data(self, cell: Cell) -> RetrievalData:
        """The queries with their instructions."""
        return read_retrieval(self.folder.base(cell.subset), cell.split, with_candidates=self.candidates)

    def score(self, cell: Cell, rankings: Ranked) -> CellScores:
        """By query, or by query in two forms."""
        if not (self._has_changes(cell) or self.main_score == P_MRR):
            return super().score(cell, rankings)
        changes = read_changes(self.folder.base(cell.subset), cell.split, rankings.data)
        return change_scores(rankings, changes, self.main_score)

    def _has_changes(self, cell: Cell) -> bool:
        return changes_file(self.folder.base(cell.subset), cell.split).exists()


class InstructionRerankingTask(InstructionRetrievalTask):
    """As `InstructionRetrievalTask`, over the documents that each query is given."""

    default_main_score: ClassVar[str] = P_MRR
    candidates = True


def change_scores(rankings: Ranked, changes: Changes, main_score: str) -> CellScores:
    """p-MRR and the metrics of retrieval, over queries in two forms.

    Args:
        rankings: The rankings of both forms.
        changes: Which queries are one another's forms, and the documents that the change makes irrelevant.
        main_score: The metric that is warned about where the order of equal scores decides it.
    """
    falls = rank_changes(
        rankings.top, changes.original[changes.unit_of], changes.changed[changes.unit_of], changes.documents
    )
    p_mrr = np.bincount(changes.unit_of, weights=falls) / np.bincount(changes.unit_of)
    n_queries, n_paired = len(rankings.data.query_ids), 2 * len(changes.ids)
    columns = _by_form(rankings, changes) if n_paired == n_queries else {}
    together = {P_MRR: p_mrr, **columns}
    ties = tie_ranges(rankings)
    values, left_out = structure(rankings.data)
    return CellScores(
        Observations(unit="query", ids=changes.ids, columns=together, statistics=mean_statistics(together)),
        extra={} if columns else _means(rankings),
        warnings=(*tie_warning(ties, main_score), *left_out, *_unpaired(n_queries - n_paired, n_queries)),
        data={**values, "changed_documents": len(changes.documents)},
        ties=ties,
    )


def _by_form(rankings: Ranked, changes: Changes) -> dict[str, FloatArray]:
    """(n_units,) each metric, as the mean of both forms and of each."""
    forms = {"og": changes.original, "changed": changes.changed}
    mean = {name: (values[changes.original] + values[changes.changed]) / 2 for name, values in rankings.columns.items()}
    each = {f"{form}_{name}": values[rows] for form, rows in forms.items() for name, values in rankings.columns.items()}
    return {**mean, **each}


def _means(rankings: Ranked) -> dict[str, float]:
    """What mteb gives where some queries have one form only: means over all there are, whosever."""
    original = np.array([identifier.endswith(ORIGINAL) for identifier in rankings.data.query_ids])
    changed = {name: values[~original] for name, values in rankings.columns.items()}
    og = {name: values[original] for name, values in rankings.columns.items()}
    return {**means(rankings.columns), **means(og, "og_"), **means(changed, "changed_")}


def _unpaired(n: int, of: int) -> tuple[str, ...]:
    if not n:
        return ()
    return (
        f"{n} of {of} queries are not there in both forms, or no document changes for them: p-MRR leaves them out, "
        "and nothing is said of the other metrics' uncertainty.",
    )
