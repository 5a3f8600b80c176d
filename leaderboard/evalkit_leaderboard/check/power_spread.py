"""How far the differences of paired units spread: seen in pairs of encoders, assumed from one, or given."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit_leaderboard.significance import analytic_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.types import FloatArray

CORRELATION = 0.8
"""Assumed between the units of an encoder and of its next version where nothing shows it."""
CORRELATIONS = (0.5, 0.95)
"""What is not surprising: two encoders of different makes, and one encoder at another precision."""

PAIRS = "pairs"
ASSUMED = "assumed"
GIVEN = "given"
_NEGLIGIBLE = 1e-12


@dataclass(frozen=True)
class Spread:
    """Standard deviation of one unit's paired differences, in the units of the score.

    Attributes:
        sd: What is counted with.
        low: The lowest that was seen, or follows from the highest correlation.
        high: The highest that was seen, or follows from the lowest correlation.
        source: `PAIRS`, `ASSUMED` or `GIVEN`.
        pairs: How many pairs of encoders showed it.
    """

    sd: float
    low: float
    high: float
    source: str
    pairs: int = 0


@dataclass(frozen=True)
class Assumption:
    """What the user said about it.

    Attributes:
        sd: The spread itself; None where it is not given.
        correlation: Correlation between the two sides' units; None for pairs of encoders where there are some, and
            `CORRELATION` where there are none.
    """

    sd: float | None = None
    correlation: float | None = None

    @property
    def source(self) -> str:
        """Where a spread comes from, if pairs of encoders are there."""
        if self.sd is not None:
            return GIVEN
        return PAIRS if self.correlation is None else ASSUMED

    @property
    def used(self) -> float:
        """The correlation that is assumed where one is."""
        return CORRELATION if self.correlation is None else self.correlation


def spread_of(values: FloatArray, assumption: Assumption) -> Spread | None:
    """The spread of the differences of a candidate's units from its baseline's.

    By default the median over pairs of encoders that differ, else sd sqrt(2 (1 - r)) with an encoder's own spread sd
    and an assumed correlation r, which holds for two sides of equal spread.

    Args:
        values: (E, n) value of every unit for every encoder, at least two units; a row with nan is missing.
        assumption: What the user said.

    Returns:
        None where neither pairs nor units differ.
    """
    if assumption.sd is not None:
        return Spread(assumption.sd, assumption.sd, assumption.sd, GIVEN)
    rows = values[np.isfinite(values).all(axis=1)]
    seen = _seen(rows) if assumption.correlation is None else None
    return seen or _assumed(rows, assumption.used)


def _seen(rows: FloatArray) -> Spread | None:
    """From pairs of encoders."""
    if len(rows) < 2:
        return None
    each = analytic_pairs(rows, draws=0).se[np.triu_indices(len(rows), 1)] * math.sqrt(rows.shape[1])
    each = each[each > _NEGLIGIBLE * max(float(np.abs(rows).max()), 1.0)]  # namesakes with equal results show nothing
    if not len(each):
        return None
    return Spread(float(np.median(each)), float(each.min()), float(each.max()), PAIRS, len(each))


def _assumed(rows: FloatArray, correlation: float) -> Spread | None:
    """From the encoders' own spread."""
    own = float(np.median(rows.std(axis=1, ddof=1))) if len(rows) else 0.0
    if own <= _NEGLIGIBLE:
        return None

    def at(r: float) -> float:
        return own * math.sqrt(2 * (1 - r))

    least, most = sorted((correlation, *CORRELATIONS))[:: len(CORRELATIONS)]
    return Spread(at(correlation), at(most), at(least), ASSUMED)


def over_tasks(parts: Sequence[tuple[Spread, int]]) -> tuple[Spread, float]:
    """The spread of the mean over tasks as one of all their units together, and its degrees of freedom.

    Its standard error sd / sqrt(n) is that of `significance.analytic_board`: independent tasks, Welch's degrees of
    freedom. The ends are those of all tasks at once.

    Args:
        parts: Spread and number of units, at least 2, of every task.
    """
    n = sum(units for _, units in parts)

    def together(end: str) -> float:
        return math.sqrt(n * sum(getattr(spread, end) ** 2 / units for spread, units in parts)) / len(parts)

    variances = [(spread.sd**2 / units, units) for spread, units in parts]
    df = sum(v for v, _ in variances) ** 2 / sum(v**2 / (units - 1) for v, units in variances)
    sources = {spread.source for spread, _ in parts}
    source = sources.pop() if len(sources) == 1 else ASSUMED
    pairs = min(spread.pairs for spread, _ in parts)
    return Spread(together("sd"), together("low"), together("high"), source, pairs), df
