"""Two models on the same units: difference, interval, p value and effect sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit_leaderboard.significance.distributions import check_alpha, t_two_sided
from evalkit_leaderboard.significance.intervals import (
    NEGLIGIBLE,
    is_constant,
    t_interval,
    vector,
)
from evalkit_leaderboard.significance.signflip import FLIPS, flip_test

if TYPE_CHECKING:
    from evalkit.types import AnyArray, FloatArray

FEW = 50
"""Below this many units the p value is that of the sign-flip test rather than of Student's t."""


@dataclass(frozen=True)
class Paired:
    """How much better A is than B, in the units of the score.

    Attributes:
        n: Units that both models have.
        difference: Mean of A less that of B; None where it is undefined.
        se: Standard error of the difference; None without a spread.
        low: Lower end of its t interval; None without a spread.
        high: Upper end.
        t: Student's t; None without a spread.
        p_t: Its two-sided p value.
        p_flip: Two-sided p value of the sign-flip test; None if it was not asked for, or says nothing.
        p: The p value to report: sign flips below `FEW` units, otherwise t.
        method: Where `p` comes from: ``"t"``, ``"sign flips"``, or empty.
        d_z: Cohen's d of the paired differences: mean over standard deviation; None without a spread.
        wins: Units on which A is better.
        ties: Units on which they are equal.
        losses: Units on which B is better.
        better: Share of units on which A is better, a tie counting half; None without units.
        alpha: One less the coverage of the interval.
        note: A sentence, where a number is missing.
    """

    n: int
    difference: float | None
    se: float | None
    low: float | None
    high: float | None
    t: float | None
    p_t: float | None
    p_flip: float | None
    p: float | None
    method: str
    d_z: float | None
    wins: int
    ties: int
    losses: int
    better: float | None
    alpha: float
    note: str = ""


def compare(
    a: AnyArray, b: AnyArray, *, alpha: float = 0.05, flips: int = FLIPS, seed: int = 0, confirm: bool = True
) -> Paired:
    """Compare two models by their (pseudo-)values.

    If all differences are equal but not 0, there is no t, yet the signs alone have a p value and that is reported.

    Args:
        a: (n,) value of every unit for A.
        b: (n,) the same units for B.
        alpha: One less the coverage of the interval.
        flips: How many sign patterns the sign-flip test draws.
        seed: From `seed_of`.
        confirm: Whether the sign-flip test is made where t is the default.

    Raises:
        ValueError: If the two differ in length or are not one-dimensional, or alpha is no error rate.
    """
    check_alpha(alpha)
    a, b = vector(a), vector(b)
    if len(a) != len(b):
        raise ValueError(f"Paired values must be of the same units, not {len(a)} and {len(b)}.")
    differences = unit_differences(a, b)
    interval = t_interval(differences, alpha=alpha)
    t = None if interval.se is None or interval.estimate is None else interval.estimate / interval.se
    p_t = None if t is None else float(t_two_sided(t, len(a) - 1))
    needed = confirm or t is None or len(a) < FEW
    p_flip = flip_test(differences, flips=flips, seed=seed) if needed and _says_something(differences) else None
    p, method = _reported(p_t, p_flip, len(a))
    return Paired(
        n=len(a),
        difference=interval.estimate,
        se=interval.se,
        low=interval.low,
        high=interval.high,
        t=t,
        p_t=p_t,
        p_flip=p_flip,
        p=p,
        method=method,
        d_z=None if t is None else t / float(np.sqrt(len(a))),
        wins=int(np.count_nonzero(differences > 0)),
        ties=int(np.count_nonzero(differences == 0)),
        losses=int(np.count_nonzero(differences < 0)),
        better=superiority(differences),
        alpha=alpha,
        note=_note(differences, interval.note),
    )


def superiority(differences: FloatArray) -> float | None:
    """Share of units on which A is better, a tie counting half; None if there are none or one is undefined.

    Source: the probability of superiority of Grissom and Kim 2005, for dependent groups.
    """
    if not len(differences) or np.isnan(differences).any():
        return None
    return float(np.mean((np.sign(differences) + 1) / 2))


def unit_differences(a: FloatArray, b: FloatArray) -> FloatArray:
    """(n,) differences; those within rounding errors of the values are exactly 0, or all the same if they are so."""
    with np.errstate(invalid="ignore"):
        differences = a - b
    if not np.isfinite(differences).all():
        return differences
    scale = float(np.abs(np.concatenate([a, b])).max(initial=0.0))
    if len(differences) and is_constant(differences, scale=scale):
        differences = np.full_like(differences, differences.mean())
    return np.where(np.abs(differences) <= NEGLIGIBLE * scale, 0.0, differences)


def _says_something(differences: FloatArray) -> bool:
    """Whether the signs of the differences can be more or less likely than others."""
    return len(differences) > 1 and bool(np.isfinite(differences).all() and differences.any())


def _reported(p_t: float | None, p_flip: float | None, n: int) -> tuple[float | None, str]:
    if p_flip is not None and (p_t is None or n < FEW):
        return p_flip, "sign flips"
    return (None, "") if p_t is None else (p_t, "t")


def _note(differences: FloatArray, note: str) -> str:
    """The interval's note, said of a difference."""
    if not note or len(differences) < 2 or not np.isfinite(differences).all():
        return note
    if not differences.any():
        return f"The two do not differ on any of {len(differences)} units."
    return f"The two differ by the same amount on all {len(differences)} units: the p value is that of their signs."
