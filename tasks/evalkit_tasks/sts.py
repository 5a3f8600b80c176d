"""Semantic textual similarity: does the similarity of two vectors follow people's judgement of two sentences?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from evalkit.data.jsonl import is_number
from evalkit.observations import parse_statistic
from evalkit_tasks.base import Parameters
from evalkit_tasks.sentence_pairs import SentencePairTask
from evalkit_tasks.similarity import MEASURES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.data.jsonl import Check
    from evalkit.observations import Statistic
    from evalkit.types import FloatArray


class STSParameters(Parameters):
    """mteb's parameters; the range of the scores decides no correlation and is kept for the record."""

    min_score: float = 0
    max_score: float = 5


class STSTask(SentencePairTask[STSParameters]):
    """Spearman and Pearson correlation of similarity and gold score, over pairs.

    Source: mteb 2.26.24, `AnySTSEvaluator`: cosine is one minus scikit-learn's paired cosine distance; Manhattan and
    Euclidean are negated distances; `spearman` and `pearson` use the encoder's own similarity. `dot_*` is ours.
    """

    parameters_type: ClassVar[type[Parameters]] = STSParameters
    default_main_score: ClassVar[str] = "cosine_spearman"

    gold_field: ClassVar[str] = "score"
    is_gold: ClassVar[Check] = staticmethod(is_number)
    gold_column: ClassVar[str] = "gold"

    def gold(self, values: Sequence[Any]) -> FloatArray:
        """(n,) scores that people gave."""
        return np.array(values, dtype=np.float64)

    def statistics(self, own: str) -> Mapping[str, Statistic]:
        """Metric names as in mteb; the unprefixed ones use the encoder's own similarity."""
        named = {"": own, **{f"{measure}_": measure for measure in MEASURES}}
        return {
            f"{prefix}{kind}": parse_statistic(f"{kind}(gold, {column})")
            for prefix, column in named.items()
            for kind in ("pearson", "spearman")
        }
