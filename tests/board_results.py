"""Results in memory for the leaderboard's tests: with units, without, with experiments, with several cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evalkit.observations import Mean, Observations, Spearman
from evalkit.schema import CellRecord, EncoderRecord, Environment, MainScore, Result, TaskRecord, mean_of_cells
from evalkit_leaderboard.board import Board, build
from evalkit_leaderboard.frame import Located, align
from evalkit_leaderboard.options import Aggregate, By, Family, Method, Options, Question

TYPES = {"A": "Retrieval", "B": "Retrieval", "C": "STS", "D": "STS"}


def result(
    encoder: str, task: str, cells: Sequence[CellRecord], *, fingerprint: str = "f", data: str = "d", **more: Any
) -> Located:
    """A result and where it would lie."""
    value = more.pop("value", mean_of_cells("m", tuple(cells)))
    made = Result(
        task=TaskRecord(name=task, type=TYPES.get(task, "Other"), fingerprint=data, protocol={}),
        encoder=EncoderRecord(name=encoder, fingerprint=fingerprint, spec=encoder, similarity="cosine"),
        main_score=MainScore(metric=more.pop("metric", "m"), value=value),
        cells=tuple(cells),
        environment=Environment(evalkit="0", python="3", platform="p", packages={}),
        timing=None,
    )
    return Path(encoder) / fingerprint[:12] / f"{data}-{task}.json", made


def cell(
    values: Sequence[float] | np.ndarray,
    *,
    subset: str = "default",
    languages: Sequence[str] = ("eng-Latn",),
    ids: Sequence[str] | None = None,
) -> CellRecord:
    """A cell whose score is the mean of its units."""
    observations = Observations(
        unit="query", columns={"m": np.asarray(values, dtype=float)}, statistics={"m": Mean("m")}, ids=ids
    )
    return _record(observations, subset, languages)


def ranked(gold: np.ndarray, predicted: np.ndarray) -> CellRecord:
    """A cell whose score is Spearman's rho."""
    columns = {"gold": gold, "predicted": predicted}
    observations = Observations(unit="pair", columns=columns, statistics={"m": Spearman("gold", "predicted")})
    return _record(observations, "default", ("eng-Latn",))


def bare(score: float | None, repeats: Sequence[float] = ()) -> CellRecord:
    """A cell as an import has it: without units, maybe with the scores of repeated experiments."""
    return CellRecord(
        split="test",
        subset="default",
        languages=("eng-Latn",),
        scores={"m": score},
        repeats={"m": tuple(repeats)} if repeats else {},
        observations=None,
    )


def _record(observations: Observations, subset: str, languages: Sequence[str]) -> CellRecord:
    return CellRecord(
        split="test",
        subset=subset,
        languages=tuple(languages),
        scores={metric: None if score != score else score for metric, score in observations.scores().items()},
        observations=observations.to_json(),
    )


def with_units(table: Mapping[str, Mapping[str, Sequence[float] | np.ndarray]]) -> list[Located]:
    """One result for each encoder and task of a table of values."""
    return [result(encoder, task, [cell(values)]) for encoder, row in table.items() for task, values in row.items()]


def without_units(table: Mapping[str, Mapping[str, float | None]]) -> list[Located]:
    """One imported result for each encoder and task of a table of scores."""
    return [result(encoder, task, [bare(score)]) for encoder, row in table.items() for task, score in row.items()]


def board(located: Sequence[Located], **options: Any) -> Board:
    """The leaderboard of some results."""
    kinds = {"by": By, "question": Question, "family": Family, "method": Method, "aggregate": Aggregate}
    return build(align(located), Options(**{name: kinds.get(name, lambda x: x)(it) for name, it in options.items()}))


def drawn(seed: int, tasks: Sequence[str], skills: Mapping[str, float], n: int = 200) -> list[Located]:
    """Encoders that share the difficulty of every unit and differ by their skill and their own noise."""
    rng = np.random.default_rng(seed)
    table: dict[str, dict[str, np.ndarray]] = {encoder: {} for encoder in skills}
    for task in tasks:
        difficulty = rng.normal(0.5, 0.2, n)
        for encoder, skill in skills.items():
            table[encoder][task] = difficulty + skill + rng.normal(0, 0.1, n)
    return with_units(table)
