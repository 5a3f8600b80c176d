"""What a classical test returns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """A test statistic and its p value; None where there is none, and `note` says why.

    Attributes:
        statistic: The test statistic.
        p: Two-sided p value, unless the test says otherwise.
        n: Units (tasks, pairs, folds) it rests on.
        method: Name of the test.
        df: Degrees of freedom, where there are any.
        note: A sentence, where a number is missing.
    """

    statistic: float | None
    p: float | None
    n: int
    method: str
    df: float | None = None
    note: str = ""
