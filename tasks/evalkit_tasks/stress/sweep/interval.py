"""Student's t interval of a mean over units. The leaderboard has its own, which tasks may not import."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.types import AnyArray


def mean_interval(groups: Sequence[AnyArray], alpha: float = 0.05) -> tuple[float, float] | None:
    """Interval of the mean of the groups' means; units are drawn independently within each group.

    For one group it is the textbook interval with n - 1 degrees of freedom. For several (cells of a task) the degrees
    of freedom are those of Welch 1947 and Satterthwaite 1946: (sum v)^2 / sum(v^2 / (n - 1)), v the squared
    standard error of each group's mean.

    Args:
        groups: (n,) value of every unit, for each group.
        alpha: One less the nominal coverage.

    Returns:
        Lower and upper end; None where a group has fewer than two units or no values differ, so that nothing is known
        of the error.
    """
    from scipy.special import stdtrit

    if not groups or min(map(len, groups)) < 2:
        return None
    variances = np.array([np.var(values, ddof=1) / len(values) for values in groups])
    total = float(variances.sum())
    if not 0 < total < np.inf:
        return None
    freedom = total**2 / float((variances**2 / np.array([len(values) - 1 for values in groups])).sum())
    mean = float(np.mean([np.mean(values) for values in groups]))
    half = float(stdtrit(freedom, 1 - alpha / 2)) * total**0.5 / len(groups)
    return mean - half, mean + half
