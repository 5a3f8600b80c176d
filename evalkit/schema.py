"""The result record: what one encoder made of one task. Frozen, strict, versioned.

`schema_version` is an integer. Files of an older version are migrated when they are read (`evalkit.migrations`);
files of a newer one are refused by name. The JSON Schema of each version is committed in `evalkit/schemas/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

SCHEMA_VERSION: Literal[1] = 1


def _finite(value: float | None) -> float | None:
    if value is not None and not (float("-inf") < value < float("inf")):
        raise ValueError("must be finite, or null where it is undefined")
    return value


Score = Annotated[float | None, AfterValidator(_finite)]
"""A number, or None where the metric is undefined (a warning says why); never NaN."""


class Record(BaseModel):
    """Base of all records: frozen, no further fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class TaskRecord(Record):
    """The task as it was scored.

    Attributes:
        fingerprint: Digest of data and protocol; results of one task compare only where it agrees.
        protocol: Every parameter that decides the scores.
    """

    name: str
    type: str
    fingerprint: str
    languages: tuple[str, ...] = ()
    protocol: Mapping[str, Any]


class EncoderRecord(Record):
    """The encoder as it was run.

    Attributes:
        fingerprint: Digest of weights, tokenizer, pooling, prompts, maximum length and dtype, or None where the
            encoder could not say who it is.
        spec: What named it on the command line.
        similarity: cosine, dot or maxsim; lexical or ranker where it has no vectors.
        dimension: Length of its vectors; None where it has none.
        form: dense, sparse or multi (several vectors a text).
        parts: What it is made of where it is made of others: base encoder, transforms, weights.
    """

    name: str
    fingerprint: str | None
    spec: str
    similarity: str
    dimension: int | None = None
    form: str = "dense"
    parts: Mapping[str, Any] = Field(default_factory=dict)


class MainScore(Record):
    """The headline: the mean of the metric over the cells."""

    metric: str
    value: Score


class CellRecord(Record):
    """Scores of one split of one subset, with the observations behind them.

    Attributes:
        scores: Value of each metric.
        repeats: Value of each repeat (experiment, bootstrap, given set), by metric.
        observations: Columns with one row a unit; `evalkit.observations.Observations.from_json` reads them. None where
            the result was imported: published scores have no units behind them.
        data: What the data of the cell are like, whatever the encoder.
        ties: Lowest and highest value of a metric that the order of equally scored documents alone can give, where
            they differ.
        cost: What the encoder's vectors cost: ``bytes_per_text`` that an index keeps for a text (not for a query), and
            what the task has measured beside.
        fits: What the encoder's transforms were fitted on, one entry each.
    """

    split: str
    subset: str
    languages: tuple[str, ...]
    scores: Mapping[str, Score]
    repeats: Mapping[str, tuple[float, ...]] = Field(default_factory=dict)
    observations: Mapping[str, Any] | None
    data: Mapping[str, float] = Field(default_factory=dict)
    ties: Mapping[str, tuple[float, float]] = Field(default_factory=dict)
    cost: Mapping[str, float] = Field(default_factory=dict)
    fits: tuple[Mapping[str, Any], ...] = ()


class Environment(Record):
    """What the scores were computed with."""

    evalkit: str
    python: str
    platform: str
    packages: Mapping[str, str]
    device: str = "cpu"


class Timing(Record):
    """When and how long.

    Attributes:
        started: UTC, ISO 8601.
        seconds: Wall time of the task, encoding included.
        encoding_seconds: Wall time inside the encoder.
        texts_encoded: Distinct texts that the encoder turned into vectors.
        texts_cached: Distinct texts whose vectors came from the cache.
    """

    started: str
    seconds: float
    encoding_seconds: float
    texts_encoded: int
    texts_cached: int


class Imported(Record):
    """Where a result that another tool has computed comes from.

    Attributes:
        tool: The tool, such as ``mteb``.
        version: Its version as the file says it, which may be a range such as ``1.12.85-2.18.7``.
        file: The file, below the folder that was imported.
        encoder_revision: Revision of the encoder that this very result is of.
        dataset_revision: Revision of the data.
        date: When it was computed, UTC, ISO 8601.
        seconds: How long it took.
        kg_co2: What it emitted.
    """

    tool: str
    version: str | None
    file: str
    encoder_revision: str
    dataset_revision: str | None
    date: str | None = None
    seconds: float | None = None
    kg_co2: float | None = None


class Result(Record):
    """One encoder on one task.

    Attributes:
        timing: None where the result was imported.
        imported: None where evalkit itself has computed the result.
        diagnostics: Label-free diagnostics of the vectors of the task's different texts (see `evalkit.diagnostics`);
            None where nobody asked for them, empty where there can be none, with a warning that says why.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    task: TaskRecord
    encoder: EncoderRecord
    main_score: MainScore
    cells: tuple[CellRecord, ...]
    environment: Environment
    timing: Timing | None
    warnings: tuple[str, ...] = ()
    imported: Imported | None = None
    diagnostics: Mapping[str, Score] | None = None

    def __repr__(self) -> str:
        score = self.main_score
        return f"<{self.encoder.name} on {self.task.name}: {score.metric} {score.value}>"


class FinishedCell(Record):
    """A scored cell, with what was said about it."""

    cell: CellRecord
    warnings: tuple[str, ...] = ()


class FinishedCells(Record):
    """What a run keeps of a task that is not finished; it goes away with the result.

    Attributes:
        task: Fingerprint of the task.
        encoder: Fingerprint of the encoder.
    """

    task: str
    encoder: str
    cells: tuple[FinishedCell, ...]


class EncoderFile(Record):
    """`encoder.json` beside the results of an encoder."""

    schema_version: Literal[1] = SCHEMA_VERSION
    encoder: EncoderRecord


def mean_of_cells(metric: str, cells: tuple[CellRecord, ...]) -> float | None:
    """Mean of a metric over the cells; None where one of them has no value (a hole is no zero)."""
    values = [cell.scores.get(metric) for cell in cells]
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


def first_problem(error: ValidationError) -> str:
    """Where a value breaks its model and how, for a message: ``cells.0.scores: Input should be ...``."""
    first = error.errors()[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
