"""What a sweep writes: strict JSON with every number that table and picture show."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003  Pydantic reads annotations at run time
from typing import Literal

from evalkit.schema import EncoderRecord, Environment, Record, Score

SCHEMA_VERSION: Literal[1] = 1


class Estimate(Record):
    """A score with its interval over queries.

    Attributes:
        value: As `evalkit run` has it: the mean over the cells.
        low: Lower end; None where the values show no spread.
        high: Upper end.
    """

    value: Score
    low: Score = None
    high: Score = None


class Point(Record):
    """The task with vectors of one length.

    Attributes:
        reduction: truncate, pca, or none where there are no vectors.
        dimension: Dimensions kept; None where there are no vectors.
        scores: The metrics that are shown, the headline among them.
        explained: Share of the documents' variance that is kept, for pca; the mean over the cells.
        ties: Lowest and highest headline that the order of equal scores alone can give, where they differ.
        warnings: What the task said.
    """

    reduction: str
    dimension: int | None
    scores: Mapping[str, Estimate]
    explained: Score = None
    ties: tuple[float, float] | None = None
    warnings: tuple[str, ...] = ()


class Curve(Record):
    """One encoder.

    Attributes:
        points: By reduction, then by dimension.
        queries: Queries of all cells.
        fitted_on: What the principal components were fitted on; None where there are none.
        notes: What was left out, and why.
        environment: What the scores were computed with.
    """

    encoder: EncoderRecord
    points: tuple[Point, ...]
    queries: int
    fitted_on: str | None = None
    notes: tuple[str, ...] = ()
    environment: Environment


class SweptTask(Record):
    """The task, its `fingerprint` that of the task's results."""

    name: str
    type: str
    fingerprint: str
    main_score: str


class PublishedScore(Record):
    """A row of the paper.

    Attributes:
        dimension: Length of the model's vectors, where it has one vector a text.
        scores: By metric, from 0 to 1.
    """

    model: str
    dimension: int | None
    scores: Mapping[str, float]


class Sweep(Record):
    """A whole sweep.

    Attributes:
        parameters: What was asked for: dims, reductions, alpha.
        published: The paper's rows for tasks of its law.
        published_notes: How to read them.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    kind: Literal["dimension sweep"] = "dimension sweep"
    task: SweptTask
    parameters: Mapping[str, object]
    encoders: tuple[Curve, ...]
    published: tuple[PublishedScore, ...] = ()
    published_notes: tuple[str, ...] = ()
