"""Published results in memory, the same whatever the age of their file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

TOOL = "mteb"
UNKNOWN = "unknown"
UNDETERMINED = "und-Zyyy"
"""The language of a cell that names none: mteb leaves a cell without languages out of a task's mean."""
EXTERNAL = "external"
"""The revision of results that were not computed by mteb but taken from a model card."""


@dataclass(frozen=True)
class Source:
    """Where a file lies and whom it is about.

    Attributes:
        file: Path below the imported folder.
        model: Name of the model, such as ``intfloat/e5-small``.
        revision: Its revision.
        similarity: How its vectors are compared, as model_meta.json has it.
        dimension: Length of its vectors, likewise.
        experiment: Whether the model was run with other arguments than its own.
    """

    file: str
    model: str
    revision: str
    similarity: str = UNKNOWN
    dimension: int | None = None
    experiment: bool = False


@dataclass(frozen=True)
class Scores:
    """One cell of a file.

    Attributes:
        main: The main score; None where it is missing or not finite.
        values: Every metric; None where it is not finite.
        repeats: Every repeat, by metric.
        languages: Codes of the subset's languages.
        undefined: Metrics that were null, NaN or infinite.
        lost: Keys of values that are no numbers.
    """

    main: float | None
    values: Mapping[str, float | None]
    repeats: Mapping[str, tuple[float, ...]]
    languages: tuple[str, ...] = ()
    undefined: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


@dataclass(frozen=True)
class Published:
    """One file.

    Attributes:
        source: Where it lies.
        task: Name of the task.
        cells: Its cells, by split and subset.
        old: Whether it has the layout from before mteb 1.11.
        dataset_revision: Revision of the data.
        version: mteb's version, or a range of them.
        date: When it was computed, UTC, ISO 8601.
        seconds: How long it took.
        kg_co2: What it emitted.
        metric: Name of the main score, and
        type: type of the task, where evalkit wrote the file.
    """

    source: Source
    task: str
    cells: Mapping[tuple[str, str], Scores]
    old: bool = False
    dataset_revision: str | None = None
    version: str | None = None
    date: str | None = None
    seconds: float | None = None
    kg_co2: float | None = None
    metric: str | None = None
    type: str | None = None
