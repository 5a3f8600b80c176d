"""What a check found: one line a task and encoder, one for each encoder's mean, and the verdict of the whole."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from evalkit.errors import EXIT_INCOMPARABLE, EXIT_INCONCLUSIVE, EXIT_REGRESSION
from evalkit_leaderboard.check.settings import Inconclusive, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalkit.schema import EncoderRecord
    from evalkit_leaderboard.hardest import HardUnit


class Verdict(StrEnum):
    """What is proven of a candidate; the order is that of urgency."""

    REGRESSION = "regression"
    """Worse than the baseline by more than the margin; with `strict` worse at all."""
    INCOMPARABLE = "incomparable"
    """Other data, protocol, metric or units, or a result that is missing."""
    INCONCLUSIVE = "inconclusive"
    """Neither a pass nor a regression is proven."""
    PASS = "pass"
    """Not worse by the margin or more, or bit-identical."""


_EXITS = {
    Verdict.REGRESSION: EXIT_REGRESSION,
    Verdict.INCOMPARABLE: EXIT_INCOMPARABLE,
    Verdict.INCONCLUSIVE: EXIT_INCONCLUSIVE,
    Verdict.PASS: 0,
}


@dataclass(frozen=True)
class Line:
    """One task of one encoder, or its mean over the tasks. None is a number that there is not; `reason` says why.

    Attributes:
        encoder: Label of the encoder.
        name: The task, or `settings.MEAN`.
        type: Task type; empty for the mean.
        metric: The main score; empty for the mean.
        margin: How much worse is tolerated.
        verdict: What is proven.
        reason: One sentence that says why.
        baseline: Score of the baseline.
        candidate: Score of the candidate.
        difference: Candidate less baseline.
        lower: One-sided lower bound of the difference with error alpha; above -margin is a pass.
        upper: One-sided upper bound at the level at which Holm's method tests this line; below -margin: a regression.
        se: Standard error of the difference.
        df: Its degrees of freedom.
        n: Units (or experiments, or tasks) that it rests on.
        unit: What one of them is called.
        basis: units, experiments, tasks or nothing.
        p: One-sided p value of "no worse than the margin" (with `strict`: "no worse at all"); small: a regression.
        p_adjusted: The same, corrected by Holm's method over all lines of the check.
        p_pass: One-sided p value of "worse by the margin or more"; small: a pass.
        detectable: Where inconclusive: the smallest margin that these units would decide, with the power asked for.
        needed: Where inconclusive: units that would settle it if the observed difference is the true one.
        needed_if_equal: Where inconclusive: units that would let a candidate pass that is no different.
        worst: The units that got worst, worst first; their `a` is the baseline's value, their `b` the candidate's, so
            that `difference` is what was lost.
    """

    encoder: str
    name: str
    type: str
    metric: str
    margin: float
    verdict: Verdict
    reason: str = ""
    baseline: float | None = None
    candidate: float | None = None
    difference: float | None = None
    lower: float | None = None
    upper: float | None = None
    se: float | None = None
    df: float | None = None
    n: int = 0
    unit: str = "unit"
    basis: str = "nothing"
    p: float | None = None
    p_adjusted: float | None = None
    p_pass: float | None = None
    detectable: float | None = None
    needed: int | None = None
    needed_if_equal: int | None = None
    worst: tuple[HardUnit, ...] = ()


@dataclass(frozen=True)
class EncoderCheck:
    """One encoder of the check.

    Attributes:
        label: What it is called here.
        baseline: The encoder behind the baseline.
        candidate: The encoder behind the candidate; None where the candidate lacks it.
        tasks: One line a task.
        mean: The mean over the comparable tasks; None with fewer than two.
    """

    label: str
    baseline: EncoderRecord
    candidate: EncoderRecord | None
    tasks: tuple[Line, ...]
    mean: Line | None = None

    @property
    def lines(self) -> tuple[Line, ...]:
        """The tasks and, last, the mean."""
        return self.tasks if self.mean is None else (*self.tasks, self.mean)


@dataclass(frozen=True)
class Report:
    """Everything that a check says.

    Attributes:
        settings: What was asked for.
        baseline: What the user called the baseline, such as a folder or a saved baseline's name.
        candidate: The same of the candidate.
        encoders: One entry an encoder of the baseline.
        alpha: Error rate of this look: that of the settings, unless it is spread over several looks.
        family: How many p values were corrected together.
        look: Which of the planned looks this was, from 1.
        notes: What else the reader should know, in sentences.
        warnings: What the reader must know, in sentences.
    """

    settings: Settings
    baseline: str
    candidate: str
    encoders: tuple[EncoderCheck, ...]
    alpha: float
    family: int
    look: int = 1
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def lines(self) -> Iterator[Line]:
        """Every line of every encoder."""
        for encoder in self.encoders:
            yield from encoder.lines

    @property
    def verdict(self) -> Verdict:
        """The most urgent verdict of all lines."""
        found = {line.verdict for line in self.lines()}
        return next(verdict for verdict in Verdict if verdict in found)

    @property
    def exit_code(self) -> int:
        """0 pass, 1 regression, 3 inconclusive, 4 incomparable; an inconclusive check that only warns gives 0."""
        if self.verdict is Verdict.INCONCLUSIVE and self.settings.inconclusive is Inconclusive.WARN:
            return 0
        return _EXITS[self.verdict]
