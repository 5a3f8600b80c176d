"""How many units a question needs, and what a number of units can show, from the spread of paired differences.

With m = z_(1 - alpha/2) + z_power (one-sided: z_(1 - alpha)) all three are one formula: m sd = difference sqrt(n).
Source: Lachin 1981; for retrieval Sakai 2016. For one-sided alpha .05 and power .8 m is 2.486.
"""

from __future__ import annotations

import math

from evalkit_leaderboard.significance.distributions import check_alpha, normal_above, normal_quantile


def multiplier(*, alpha: float = 0.05, power: float = 0.8, two_sided: bool = True) -> float:
    """How many standard errors a difference must be for a test to find it with the promised power.

    Raises:
        ValueError: If alpha or power is not between 0 and 1, or the power is no more than alpha.
    """
    tail = _tail(alpha, two_sided)
    if not tail < power < 1:
        raise ValueError(f"The power must be between alpha ({tail}) and 1, not {power}.")
    return float(normal_quantile(1 - tail) + normal_quantile(power))


def units_needed(
    difference: float, sd: float, *, alpha: float = 0.05, power: float = 0.8, two_sided: bool = True
) -> int:
    """Units at which a difference is found with the promised power; at least 2.

    Args:
        difference: The true difference (or margin), in the units of the score; its sign does not matter.
        sd: Standard deviation of the paired differences.
        alpha: Error rate of the test.
        power: Chance of finding it.
        two_sided: Whether the test is.

    Raises:
        ValueError: If the difference is 0, the spread is negative, or alpha or power is out of range.
    """
    if not difference or sd < 0:
        raise ValueError(f"A difference other than 0 and a spread of at least 0 are needed, not {difference}, {sd}.")
    m = multiplier(alpha=alpha, power=power, two_sided=two_sided)
    return max(2, math.ceil((m * sd / difference) ** 2))


def minimum_detectable(n: int, sd: float, *, alpha: float = 0.05, power: float = 0.8, two_sided: bool = True) -> float:
    """The smallest difference that n units show with the promised power.

    Args:
        n: Units.
        sd: Standard deviation of the paired differences.
        alpha: Error rate of the test.
        power: Chance of finding it.
        two_sided: Whether the test is.

    Raises:
        ValueError: If there are no units, the spread is negative, or alpha or power is out of range.
    """
    if n < 1 or sd < 0:
        raise ValueError(f"At least one unit and a spread of at least 0 are needed, not {n} and {sd}.")
    return multiplier(alpha=alpha, power=power, two_sided=two_sided) * sd / math.sqrt(n)


def promised_power(n: int, difference: float, sd: float, *, alpha: float = 0.05, two_sided: bool = True) -> float:
    """Chance that n units show a true difference, by the normal distribution.

    Args:
        n: Units.
        difference: The true difference; for a one-sided test in the direction of the test.
        sd: Standard deviation of the paired differences, above 0.
        alpha: Error rate of the test.
        two_sided: Whether the test is; then finding it on the wrong side counts too, as the definition has it.

    Raises:
        ValueError: If there are no units, the spread is not positive, or alpha is out of range.
    """
    if n < 1 or not sd > 0:
        raise ValueError(f"At least one unit and a spread above 0 are needed, not {n} and {sd}.")
    critical = float(normal_quantile(1 - _tail(alpha, two_sided)))
    shift = difference * math.sqrt(n) / sd
    found = float(normal_above(critical - shift))
    return found + float(normal_above(critical + shift)) if two_sided else found


def _tail(alpha: float, two_sided: bool) -> float:
    check_alpha(alpha)
    return alpha / 2 if two_sided else alpha
