"""Semantic textual similarity: does the similarity of two vectors follow people's judgement of two sentences?"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from evalkit.data.jsonl import is_number, is_text
from evalkit.observations import Observations, Statistic, parse_statistic
from evalkit.protocols import CellScores
from evalkit.types import Role
from evalkit_tasks.base import FolderTask, Parameters
from evalkit_tasks.similarity import MEASURES, own_measure, similarities

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.protocols import Cell, Workbench

_CHECKS = {"sentence1": is_text, "sentence2": is_text, "score": is_number}


class STSParameters(Parameters):
    """mteb's parameters; the range of the scores decides no correlation and is kept for the record."""

    min_score: float = 0
    max_score: float = 5


class STSTask(FolderTask[STSParameters]):
    """Spearman and Pearson correlation of similarity and gold score, over pairs.

    Source: mteb 2.26.24, `AnySTSEvaluator`: cosine is one minus scikit-learn's paired cosine distance; Manhattan and
    Euclidean are negated distances; `spearman` and `pearson` use the encoder's own similarity. `dot_*` is ours.
    """

    parameters_type: ClassVar[type[Parameters]] = STSParameters
    default_main_score: ClassVar[str] = "cosine_spearman"

    def metrics(self) -> tuple[str, ...]:
        """Correlations of every similarity."""
        return tuple(_statistics("cosine"))

    def texts(self, cell: Cell) -> Mapping[Role, Sequence[str]]:
        """The sentences that a cell embeds."""
        table = self.folder.table(cell.subset, cell.split, _CHECKS)
        return {Role.TEXT: table["sentence1"] + table["sentence2"]}

    def evaluate(self, cell: Cell, bench: Workbench) -> CellScores:
        """Score one cell."""
        table = self.folder.table(cell.subset, cell.split, _CHECKS)
        n = len(table["score"])
        bench.expect(2 * n)
        vectors = bench.embed(table["sentence1"] + table["sentence2"], role=Role.TEXT)
        columns = {"gold": np.array(table["score"], dtype=np.float64), **similarities(vectors[:n], vectors[n:])}
        statistics = _statistics(own_measure(bench.scorer))
        observations = Observations(unit="pair", columns=columns, statistics=statistics)
        return CellScores(observations, warnings=self.notes(cell))


def _statistics(own: str) -> dict[str, Statistic]:
    """Metric names as in mteb; the unprefixed ones use the encoder's own similarity."""
    named = {"": own, **{f"{measure}_": measure for measure in MEASURES}}
    return {
        f"{prefix}{kind}": parse_statistic(f"{kind}(gold, {column})")
        for prefix, column in named.items()
        for kind in ("pearson", "spearman")
    }
