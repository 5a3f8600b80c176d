"""Pair classification: does one threshold of similarity tell pairs that belong together from those that do not?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from evalkit.data.jsonl import is_text
from evalkit.observations import Observations, Statistic, parse_statistic
from evalkit.protocols import CellScores
from evalkit.types import Role
from evalkit_tasks.base import FolderTask, Parameters
from evalkit_tasks.similarity import MEASURES, own_measure, similarities

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.protocols import Cell, Workbench

_KINDS = {
    "accuracy": "best_accuracy",
    "f1": "best_f1",
    "precision": "best_f1_precision",
    "recall": "best_f1_recall",
    "ap": "ranked_ap",
}


def is_pair_label(value: Any) -> bool:
    """0 or 1; whether the two sentences belong together."""
    return isinstance(value, int | float) and value in (0, 1)


_CHECKS = {"sentence1": is_text, "sentence2": is_text, "label": is_pair_label}


class PairClassificationTask(FolderTask[Parameters]):
    """Average precision of similarity as a score for the label, and accuracy and F1 at the best threshold, over pairs.

    Each measure has its own threshold, chosen on the pairs that it is then scored on. `max_*` is the best over the
    measures, chosen after the fact too: both flatter, and `cosine_ap` is the plain number. `precision` and `recall`
    belong to the threshold with the best F1; `similarity_*` uses the encoder's own similarity.

    Source: mteb 2.26.24, `AbsTaskPairClassification`: a threshold never splits equal scores, and accepts at least one
    pair and rejects at least one.
    """

    parameters_type: ClassVar[type[Parameters]] = Parameters
    default_main_score: ClassVar[str] = "max_ap"

    def metrics(self) -> tuple[str, ...]:
        """Each score by each measure, and the best over them."""
        return tuple(_statistics("cosine"))

    def texts(self, cell: Cell) -> Mapping[Role, Sequence[str]]:
        """The sentences that a cell embeds."""
        table = self.folder.table(cell.subset, cell.split, _CHECKS)
        return {Role.TEXT: table["sentence1"] + table["sentence2"]}

    def evaluate(self, cell: Cell, bench: Workbench) -> CellScores:
        """Score one cell."""
        table = self.folder.table(cell.subset, cell.split, _CHECKS)
        n = len(table["label"])
        bench.expect(2 * n)
        vectors = bench.embed(table["sentence1"] + table["sentence2"], role=Role.TEXT)
        columns = {"label": np.array(table["label"], dtype=np.int64), **similarities(vectors[:n], vectors[n:])}
        statistics = _statistics(own_measure(bench.scorer))
        observations = Observations(unit="pair", columns=columns, statistics=statistics)
        return CellScores(observations, warnings=(*_one_class(table["label"]), *self.notes(cell)))


def _one_class(labels: Sequence[int]) -> tuple[str, ...]:
    """A warning where there is nothing to tell apart."""
    if len(set(labels)) > 1:
        return ()
    return (f"Every pair has the label {int(labels[0])}: these scores say nothing of the encoder.",)


def _statistics(own: str) -> dict[str, Statistic]:
    """Metric names as in mteb, in its order."""
    named = {"similarity": own, **{measure: measure for measure in MEASURES}}
    single = {
        f"{prefix}_{name}": parse_statistic(f"{kind}(label, {column})")
        for prefix, column in named.items()
        for name, kind in _KINDS.items()
    }
    every = ", ".join(f"label, {measure}" for measure in MEASURES)
    return single | {f"max_{name}": parse_statistic(f"{kind}({every})") for name, kind in _KINDS.items()}
