"""Summarization: is the machine's summary that is nearest to people's summaries the one that people rate highest?"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from evalkit.data.jsonl import columns, is_number, is_text, rows
from evalkit.errors import DataError
from evalkit.observations import Observations, parse_statistic
from evalkit.protocols import CellScores
from evalkit.types import Role
from evalkit_tasks.base import FolderTask, Parameters
from evalkit_tasks.similarity import own_measure, similarities

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from evalkit.protocols import Cell, Workbench
    from evalkit.types import AnyArray, FloatArray, Vectors

_MEASURES = ("cosine", "dot")
_KINDS = ("pearson", "spearman")


def is_summaries(value: Any) -> bool:
    """A list of at least one string."""
    return isinstance(value, list) and len(value) > 0 and all(map(is_text, value))


def is_ratings(value: Any) -> bool:
    """A list of numbers."""
    return isinstance(value, list) and all(map(is_number, value))


_CHECKS = {"text": is_text, "human_summaries": is_summaries, "machine_summaries": is_summaries, "relevance": is_ratings}


class SummarizationParameters(Parameters):
    """mteb's parameters; the range of the ratings decides no correlation and is kept for the record.

    Attributes:
        kind: ``legacy`` averages each correlation with its p-value, as mteb's SummEval does by mistake (its issue
            1156; SummEvalSummarization.v2 does not). Its numbers only serve to compare with published ones.
    """

    kind: Literal["", "legacy"] = ""
    min_score: float = 0
    max_score: float = 5


class SummarizationTask(FolderTask[SummarizationParameters]):
    """Correlation, within each text, of people's ratings of machine summaries and how near these are to people's own.

    A machine summary is as near as to the nearest of the human summaries. The correlations are averaged over the
    texts where there is one; texts where people rate all summaries alike, and those where the encoder does, have none,
    and warnings count them.

    Source: mteb 2.26.24, `SummarizationEvaluator`. The texts themselves are not embedded.
    """

    parameters_type: ClassVar[type[Parameters]] = SummarizationParameters
    default_main_score: ClassVar[str] = "cosine_spearman"

    def metrics(self) -> tuple[str, ...]:
        """Correlations of every similarity; those without prefix use the encoder's own."""
        return tuple(_statistics("cosine"))

    def texts(self, cell: Cell) -> Mapping[Role, Sequence[str]]:
        """The summaries that a cell embeds, those of people first."""
        return {Role.TEXT: _all_summaries(self._table(cell))}

    def evaluate(self, cell: Cell, bench: Workbench) -> CellScores:
        """Score one cell."""
        table = self._table(cell)
        summaries = _all_summaries(table)
        bench.expect(len(summaries))
        rated = _rated(table, bench.embed(summaries, role=Role.TEXT))
        # Which texts people do not order is known without the encoder; the others stay, so that encoders compare.
        kept = [row for row, each in enumerate(rated) if not each.alike]
        chosen = [rated[row] for row in kept]
        observations = Observations(
            unit="text",
            ids=tuple(map(str, kept)),
            columns=_correlations(chosen, legacy=self.parameters.kind == "legacy"),
            statistics={name: parse_statistic(text) for name, text in _statistics(own_measure(bench.scorer)).items()},
        )
        said = _left_out(len(rated) - len(kept), sum(each.unordered for each in chosen))
        return CellScores(observations, warnings=(*said, *self.notes(cell)))

    def _table(self, cell: Cell) -> dict[str, list[Any]]:
        path = self.folder.base(cell.subset) / f"{cell.split}.jsonl"
        table = columns(path, _CHECKS)
        for row, (summaries, ratings) in enumerate(zip(table["machine_summaries"], table["relevance"], strict=True)):
            if len(summaries) != len(ratings):
                raise DataError(
                    f"{path}:{_line(path, row)}: {len(summaries)} machine summaries and {len(ratings)} ratings of "
                    "their relevance.",
                    hint="Give one rating a machine summary.",
                )
        return table


@dataclass(frozen=True)
class _Rated:
    """The machine summaries of one text.

    Attributes:
        ratings: (m,) people's.
        nearness: (m,) similarity to the nearest human summary, by measure.
    """

    ratings: FloatArray
    nearness: Mapping[str, FloatArray]

    @property
    def alike(self) -> bool:
        """Whether people rate all of them alike."""
        return bool((self.ratings == self.ratings[0]).all())

    @property
    def unordered(self) -> bool:
        """Whether the encoder has all of them equally near, by any measure: mteb leaves the text out of all scores."""
        return any(bool((values == values[0]).all()) for values in self.nearness.values())


def _all_summaries(table: Mapping[str, list[Any]]) -> list[str]:
    sides = (table["human_summaries"], table["machine_summaries"])
    return [summary for side in sides for summaries in side for summary in summaries]


def _rated(table: Mapping[str, list[Any]], vectors: Vectors) -> list[_Rated]:
    """Ratings and nearness of every text, from the vectors of `_all_summaries`."""
    sizes = [len(each) for side in ("human_summaries", "machine_summaries") for each in table[side]]
    blocks = np.split(vectors, np.cumsum(sizes)[:-1])
    n = len(table["text"])
    return [
        _Rated(np.array(ratings, dtype=np.float64), _nearness(machine, human))
        for human, machine, ratings in zip(blocks[:n], blocks[n:], table["relevance"], strict=True)
    ]


def _nearness(machine: Vectors, human: Vectors) -> dict[str, FloatArray]:
    """(m,) similarity of each machine summary to the nearest human one, by measure."""
    pairs = similarities(np.repeat(machine, len(human), axis=0), np.tile(human, (len(machine), 1)))
    return {measure: pairs[measure].reshape(len(machine), len(human)).max(axis=1) for measure in _MEASURES}


def _correlations(rated: Sequence[_Rated], *, legacy: bool) -> dict[str, AnyArray]:
    """(n_texts,) each correlation of each measure."""
    correlate = _with_p_value if legacy else _correlation

    def of(each: _Rated, measure: str, kind: str) -> float:
        return float("nan") if each.unordered else correlate(kind, each.ratings, each.nearness[measure])

    return {
        f"{measure}_{kind}": np.array([of(each, measure, kind) for each in rated], float)
        for measure in _MEASURES
        for kind in _KINDS
    }


def _correlation(kind: str, ratings: FloatArray, nearness: FloatArray) -> float:
    sample = Observations(unit="summary", columns={"gold": ratings, "predicted": nearness})
    return parse_statistic(f"{kind}(gold, predicted)").value(sample)


def _with_p_value(kind: str, ratings: FloatArray, nearness: FloatArray) -> float:
    """Mean of a correlation and its p-value."""
    from scipy import stats

    return float(np.mean(getattr(stats, f"{kind}r")(ratings, nearness)))


def _statistics(own: str) -> dict[str, str]:
    """Metric names as in mteb; the unprefixed ones use the encoder's own similarity."""
    named = {"": own, **{f"{measure}_": measure for measure in _MEASURES}}
    return {
        f"{prefix}{kind}": f"mean_defined({measure}_{kind})" for prefix, measure in named.items() for kind in _KINDS
    }


def _left_out(alike: int, unordered: int) -> tuple[str, ...]:
    by_people = (f"{alike} of the texts are left out: people rate all their summaries alike.",) if alike else ()
    why = "the encoder has all their summaries equally near."
    return (*by_people, *((f"{unordered} of the texts have no correlation: {why}",) if unordered else ()))


def _line(path: Path, row: int) -> int:
    """Number of the line that holds a row."""
    return next(number for number, _ in islice(rows(path), row, None))
