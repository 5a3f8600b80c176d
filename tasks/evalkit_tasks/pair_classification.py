"""Pair classification: does one threshold of similarity tell pairs that belong together from those that do not?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from evalkit.observations import parse_statistic
from evalkit_tasks.base import Parameters
from evalkit_tasks.sentence_pairs import SentencePairTask
from evalkit_tasks.similarity import MEASURES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.data.jsonl import Check
    from evalkit.observations import Statistic
    from evalkit.protocols import Cell, CellScores, Workbench
    from evalkit.types import AnyArray, IntArray

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


class PairClassificationTask(SentencePairTask[Parameters]):
    """Average precision of similarity as a score for the label, and accuracy and F1 at the best threshold, over pairs.

    Each measure has its own threshold, chosen on the pairs that it is then scored on. `max_*` is the best over the
    measures, chosen after the fact too: both flatter, and `cosine_ap` is the plain number. `precision` and `recall`
    belong to the threshold with the best F1; `similarity_*` uses the encoder's own similarity.

    Source: mteb 2.26.24, `AbsTaskPairClassification`: a threshold never splits equal scores, and accepts at least one
    pair and rejects at least one.
    """

    parameters_type: ClassVar[type[Parameters]] = Parameters
    default_main_score: ClassVar[str] = "max_ap"

    gold_field: ClassVar[str] = "label"
    is_gold: ClassVar[Check] = staticmethod(is_pair_label)
    gold_column: ClassVar[str] = "label"

    def gold(self, values: Sequence[Any]) -> IntArray:
        """(n,) 1 where the two belong together."""
        return np.array(values, dtype=np.int64)

    def statistics(self, own: str) -> Mapping[str, Statistic]:
        """Metric names as in mteb, in its order."""
        named = {"similarity": own, **{measure: measure for measure in MEASURES}}
        single = {
            f"{prefix}_{name}": parse_statistic(f"{kind}(label, {column})")
            for prefix, column in named.items()
            for name, kind in _KINDS.items()
        }
        every = ", ".join(f"label, {measure}" for measure in MEASURES)
        return single | {f"max_{name}": parse_statistic(f"{kind}({every})") for name, kind in _KINDS.items()}

    def evaluate(self, cell: Cell, bench: Workbench) -> CellScores:
        """Score one cell."""
        scores = super().evaluate(cell, bench)
        return replace(scores, warnings=(*_one_class(scores.observed.columns["label"]), *scores.warnings))


def _one_class(labels: AnyArray) -> tuple[str, ...]:
    """A warning where there is nothing to tell apart."""
    if len(np.unique(labels)) > 1:
        return ()
    return (f"Every pair has the label {int(labels[0])}: these scores say nothing of the encoder.",)
