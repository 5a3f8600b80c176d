"""Semantic textual similarity: does the similarity of two vectors follow people's judgement of two sentences?"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from evalkit.data.jsonl import is_number, is_text
from evalkit.observations import Observations, Statistic, parse_statistic
from evalkit.protocols import CellScores, Encoder
from evalkit.types import Role, Similarity
from evalkit_tasks.base import FolderTask, Parameters

if TYPE_CHECKING:
    from evalkit.protocols import Cell, Workbench
    from evalkit.types import FloatArray, Vectors

_CHECKS = {"sentence1": is_text, "sentence2": is_text, "score": is_number}
_BLOCK = 1024  # rows at a time: two blocks of 64-bit vectors stay in the processor's cache
_MEASURES = ("cosine", "dot", "manhattan", "euclidean")


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
        return tuple(_statistics(Similarity.COSINE))

    def evaluate(self, cell: Cell, bench: Workbench) -> CellScores:
        """Score one cell."""
        table = self.folder.table(cell.subset, cell.split, _CHECKS)
        n = len(table["score"])
        bench.expect(2 * n)
        vectors = bench.embed(table["sentence1"] + table["sentence2"], role=Role.TEXT)
        columns = {"gold": np.array(table["score"], dtype=np.float64), **similarities(vectors[:n], vectors[n:])}
        statistics = _statistics(bench.scorer.similarity if isinstance(bench.scorer, Encoder) else Similarity.COSINE)
        observations = Observations(unit="pair", columns=columns, statistics=statistics)
        return CellScores(observations, warnings=self.notes(cell))


def similarities(first: Vectors, second: Vectors) -> dict[str, FloatArray]:
    """Similarity of each pair of rows by four measures.

    Args:
        first: (n, d).
        second: (n, d).

    Returns:
        (n,) float64 each; the larger, the more alike.
    """
    out = {name: np.empty(len(first)) for name in _MEASURES}
    for start in range(0, len(first), _BLOCK):
        rows = slice(start, start + _BLOCK)
        x, y = first[rows].astype(np.float64), second[rows].astype(np.float64)
        difference = x - y
        out["dot"][rows] = (x * y).sum(axis=1)
        out["manhattan"][rows] = -np.abs(difference).sum(axis=1)
        out["euclidean"][rows] = -np.sqrt((difference * difference).sum(axis=1))
        # Half the squared distance of unit vectors, as scikit-learn has it: equal vectors give exactly 1.
        unit = _unit(x) - _unit(y)
        out["cosine"][rows] = 1 - 0.5 * (unit * unit).sum(axis=1)
    return out


def _unit(x: FloatArray) -> FloatArray:
    norms = np.sqrt((x * x).sum(axis=1, keepdims=True))
    norms[norms == 0] = 1
    unit: FloatArray = x / norms
    return unit


def _statistics(own: Similarity) -> dict[str, Statistic]:
    """Metric names as in mteb; the unprefixed ones use the encoder's own similarity."""
    named = {"": str(own), **{f"{measure}_": measure for measure in _MEASURES}}
    return {
        f"{prefix}{kind}": parse_statistic(f"{kind}(gold, {column})")
        for prefix, column in named.items()
        for kind in ("pearson", "spearman")
    }
