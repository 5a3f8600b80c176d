"""What would settle an open comparison: what its units can show, and how many would show the observed difference."""

from __future__ import annotations

import math
from dataclasses import dataclass

from evalkit_leaderboard.significance import minimum_detectable, multiplier, units_needed
from evalkit_leaderboard.significance.distributions import t_quantile

POWER = 0.8
_NO_DIFFERENCE = 1e-12


@dataclass(frozen=True)
class Outlook:
    """What would settle a comparison, with the power that was asked for.

    Attributes:
        detectable: The smallest true difference that the present number of units shows.
        needed: Units needed if the observed difference is the true one; None where it is 0.
        alpha: Error rate that this is for.
    """

    detectable: float
    needed: int | None
    alpha: float


def outlook(
    difference: float, se: float, n: int, df: float, *, alpha: float, flips: bool = False, power: float = POWER
) -> Outlook:
    """What would settle a comparison that is open now.

    `units_needed` and `minimum_detectable` are for many units. With few, Student's t takes the normal distribution's
    place, and every further unit adds a degree of freedom.

    Args:
        difference: The observed difference.
        se: Its standard error, above 0.
        n: Units that it rests on.
        df: Degrees of freedom of the standard error.
        alpha: Error rate of the two-sided test; twice that of a one-sided one.
        flips: Whether the test is by sign flips, which give no p below 2^(1 - n).
        power: Chance of settling it.
    """
    sd = se * math.sqrt(n)
    detectable = minimum_detectable(n, sd, alpha=alpha, power=power) * _widening(df, alpha, power)
    if abs(difference) < _NO_DIFFERENCE:
        return Outlook(detectable, None, alpha)
    floor = math.ceil(1 - math.log2(alpha)) if flips else 0
    # What is open now is not settled by what there is.
    return Outlook(detectable, max(_needed(difference, sd, n, df, alpha, power), floor, n + 1), alpha)


def _needed(difference: float, sd: float, n: int, df: float, alpha: float, power: float) -> int:
    """The smallest number that is as large as the normal distribution's, widened for its degrees of freedom."""
    many = units_needed(difference, sd, alpha=alpha, power=power)

    def enough(units: int) -> bool:
        return units >= many * _widening(df + units - n, alpha, power) ** 2

    low, high = many, many
    while not enough(high):
        low, high = high + 1, 2 * high
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return high


def _widening(df: float, alpha: float, power: float) -> float:
    """How much further than for many units a difference must be from 0, in standard errors."""
    freedom = max(df, 1.0)
    quantiles = float(t_quantile(1 - alpha / 2, freedom)) + float(t_quantile(power, freedom))
    return quantiles / multiplier(alpha=alpha, power=power)
