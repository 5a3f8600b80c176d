"""What a leaderboard is asked for. Cheap to import: the command line reads its choices from here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

ALPHA = 0.05


class Question(StrEnum):
    """What a difference is to hold for."""

    THESE = "these"
    """These tasks are all that counts; other queries, pairs, documents could have been drawn for them."""
    LIKE = "like"
    """The tasks stand for others of their types, which could have been in the benchmark as well."""


class By(StrEnum):
    """What the columns beside the means are."""

    TASK = "task"
    TYPE = "type"
    LANGUAGE = "language"
    ENCODER = "encoder"


class Family(StrEnum):
    """Which comparisons are corrected together."""

    ALL = "all"
    """Every pair of encoders in every column."""
    TASK = "task"
    """Every pair of encoders within a column."""
    BASELINE = "baseline"
    """Every encoder against the baseline, in every column."""


class Method(StrEnum):
    """What the comparisons rest on where there are units."""

    ANALYTIC = "analytic"
    """Student's t; many pairs by max-T over draws from the normal distribution."""
    RESAMPLE = "resample"
    """Sign flips that all pairs share; many pairs by max-T over the same flips."""


class Aggregate(StrEnum):
    """How the scores of a row become one number."""

    MEAN = "mean"
    MEAN_TYPE = "mean-type"
    BORDA = "borda"
    BORDA_SHARED = "borda-shared"


class Format(StrEnum):
    """How a leaderboard is printed."""

    TABLE = "table"
    MARKDOWN = "markdown"
    CSV = "csv"
    JSON = "json"
    LATEX = "latex"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a leaderboard is asked for.

    Attributes:
        question: None for *these tasks* where there are units, *tasks like these* where there are none.
        by: What the columns are.
        baseline: Label, name or glob of the encoder that every row is compared with; None for the first row.
        alpha: Error rate: family-wise for what is called proven, one less the coverage for intervals.
        family: Which comparisons are corrected together; None for `BASELINE` with a baseline and `ALL` without.
        method: What comparisons rest on.
        aggregate: How a row becomes one number.
        diagnostics: Whether the diagnostics of the vectors are shown beside the scores.
    """

    question: Question | None = None
    by: By = By.TASK
    baseline: str | None = None
    alpha: float = ALPHA
    family: Family | None = None
    method: Method = Method.ANALYTIC
    aggregate: Aggregate = Aggregate.MEAN
    diagnostics: bool = False
