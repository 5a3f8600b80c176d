"""Not worse by more than a margin, worse by more than it, or the same within it: one-sided intervals and TOST."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit_leaderboard.significance.distributions import check_alpha, t_above, t_quantile

if TYPE_CHECKING:
    from evalkit_leaderboard.significance.intervals import Interval


@dataclass(frozen=True)
class Margins:
    """A difference against a margin, each bound one-sided with error alpha, in the units of the score.

    Attributes:
        difference: Candidate less baseline; None where it is undefined.
        lower: With confidence 1 - alpha the true difference is above this; None without a standard error.
        upper: With confidence 1 - alpha it is below this.
        p_non_inferior: p value of "worse than the baseline by the margin or more"; small: not inferior.
        p_inferior: p value of "worse by no more than the margin"; small: a regression beyond the margin.
        p_equivalent: p value of "differs by the margin or more", the larger of two one-sided tests (TOST).
        margin: The margin, above 0.
        alpha: Error of each bound.
        note: A sentence, where a number is missing.
    """

    difference: float | None
    lower: float | None
    upper: float | None
    p_non_inferior: float | None
    p_inferior: float | None
    p_equivalent: float | None
    margin: float
    alpha: float
    note: str = ""

    @property
    def non_inferior(self) -> bool:
        """Whether the lower bound is above -margin."""
        return self.lower is not None and self.lower > -self.margin

    @property
    def inferior(self) -> bool:
        """Whether the upper bound is below -margin."""
        return self.upper is not None and self.upper < -self.margin

    @property
    def equivalent(self) -> bool:
        """Whether both bounds are within the margin."""
        return self.non_inferior and self.upper is not None and self.upper < self.margin


def margins(difference: float, se: float, df: float, *, margin: float, alpha: float = 0.05) -> Margins:
    """One-sided t bounds and p values of a difference against a margin.

    Source: Schuirmann 1987 (TOST); the one-sided test at alpha and the bound at 1 - alpha agree.

    Args:
        difference: Candidate less baseline.
        se: Its standard error, above 0.
        df: Degrees of freedom of the standard error; ``inf`` for the normal distribution.
        margin: How much worse is tolerated, above 0.
        alpha: Error of each bound.

    Raises:
        ValueError: If the margin or alpha is out of range, or the standard error is not positive.
    """
    check_alpha(alpha)
    _check_margin(margin)
    if not se > 0:
        raise ValueError(f"A standard error must be above 0, not {se}.")
    half = float(t_quantile(1 - alpha, df)) * se
    above, below = (float(t_above((margin + sign * difference) / se, df)) for sign in (1, -1))
    inferior = float(t_above(-(margin + difference) / se, df))
    return Margins(difference, difference - half, difference + half, above, inferior, max(above, below), margin, alpha)


def margins_of(interval: Interval, *, margin: float, alpha: float = 0.05) -> Margins:
    """`margins` of the t interval of (n,) paired differences; without a spread only the difference and the note.

    Raises:
        ValueError: If the margin or alpha is out of range.
    """
    if interval.estimate is not None and interval.se is not None:
        return margins(interval.estimate, interval.se, interval.n - 1, margin=margin, alpha=alpha)
    check_alpha(alpha)
    _check_margin(margin)
    return Margins(interval.estimate, None, None, None, None, None, margin, alpha, interval.note)


def _check_margin(margin: float) -> None:
    if not margin > 0:
        raise ValueError(f"A margin must be above 0, not {margin}.")
