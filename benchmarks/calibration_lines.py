"""The lines of `calibration.py`'s tables: what was promised, what was measured, and whether chance explains the gap."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from scipy.stats import binom

BAND = 0.95
FAR = 0.999
"""Of hundreds of lines, one in twenty is outside its 95 % band by chance alone; one in a thousand outside this one."""


class Promise(StrEnum):
    """What a nominal level promises."""

    EXACT = "="
    AT_MOST = "≤"
    """Such as a family-wise error where some hypotheses are false, or any error under Holm's method."""
    AT_LEAST = "≥"
    NONE = ""
    """Nothing: the number is only shown."""


@dataclass(frozen=True)
class Line:
    """One measurement.

    Attributes:
        section: Table it stands in.
        measures: What is counted: an error, a coverage, a power.
        method: The engine's function.
        truth: What the values were drawn from.
        models: How many models.
        n: Units, or tasks.
        promise: What the nominal level promises.
        nominal: The nominal level; nan where nothing is promised.
        hits: In how many simulations it happened.
        simulations: Of how many.
        why: The reason for a miss, where it is known.
        headline: Whether `tests/test_calibration.py` looks at it.
        default: Whether the leaderboard does it so; other methods stand there for comparison only.
    """

    section: str
    measures: str
    method: str
    truth: str
    models: int
    n: str
    promise: Promise
    nominal: float
    hits: int
    simulations: int
    why: str = ""
    headline: bool = False
    default: bool = True

    @property
    def measured(self) -> float:
        """Share of the simulations in which it happened."""
        return self.hits / self.simulations

    @property
    def expected(self) -> float:
        """What chance is counted around: the nominal level, or what was measured where nothing is promised."""
        return self.measured if self.promise is Promise.NONE else self.nominal

    def band(self, level: float = BAND) -> tuple[float, float]:
        """The binomial band of shares around the nominal level."""
        low, high = binom.ppf([(1 - level) / 2, (1 + level) / 2], self.simulations, self.expected) / self.simulations
        return float(low), float(high)

    def inside(self, level: float = BAND) -> bool:
        """Whether the measured share is where the promise and chance allow it."""
        low, high = self.band(level)
        if self.promise is Promise.AT_MOST:
            return self.measured <= high
        if self.promise is Promise.AT_LEAST:
            return self.measured >= low
        return low <= self.measured <= high

    @property
    def verdict(self) -> str:
        """Inside or OUTSIDE, and on which side; nothing where nothing is promised."""
        if self.promise is Promise.NONE:
            return ""
        if self.inside():
            return "inside"
        return f"**OUTSIDE**, {'above' if self.measured > self.nominal else 'below'}"

    def reason(self) -> str:
        """Why it is outside, as far as is known."""
        if self.inside(FAR):
            chance = "within the 99.9 % band, so perhaps chance"
            return f"{self.why}; {chance}" if self.why else chance
        return self.why or "not known"

    def record(self) -> dict[str, Any]:
        """All of it, for JSON."""
        low, high = self.band()
        wide_low, wide_high = self.band(0.9999)
        extra = {"measured": self.measured, "low": low, "high": high, "wide_low": wide_low, "wide_high": wide_high}
        return {**asdict(self), **extra, "inside": self.inside()}


HEADER = (
    "measures", "method", "truth", "models", "n", "nominal", "measured", "simulations", "95 % band", "verdict",
)  # fmt: skip


def render(lines: Sequence[Line]) -> str:
    """The tables in Markdown, what is outside first."""
    parts = [*_summary(lines), "", *_outside(lines)]
    for section in dict.fromkeys(line.section for line in lines):
        parts += ["", f"## {section}", "", *_table(line for line in lines if line.section == section)]
    return "\n".join(parts)


def _summary(lines: Sequence[Line]) -> list[str]:
    promised = [line for line in lines if line.default and line.promise is not Promise.NONE]
    missed = [line for line in promised if not line.inside()]
    far = [line for line in missed if not line.inside(FAR)]
    simulations = sum(line.simulations for line in lines)
    exact = sum(line.promise is Promise.EXACT for line in promised)
    return [
        f"{len(promised)} lines with a nominal level ({simulations:,} counted outcomes): "
        f"**{len(promised) - len(missed)} inside** the binomial 95 % band, **{len(missed)} OUTSIDE**, "
        f"{len(far)} of these outside the 99.9 % band too. "
        f"Chance alone would put about {0.05 * exact:.0f} of the {exact} exact levels outside their 95 % band."
    ]


def _outside(lines: Sequence[Line]) -> list[str]:
    missed = [line for line in lines if line.default and line.promise is not Promise.NONE and not line.inside()]
    if not missed:
        return ["Nothing is outside."]
    header = ("outside", "method", "truth", "models", "n", "nominal", "measured", "95 % band", "reason")
    rows = [
        (
            line.measures, line.method, line.truth, str(line.models), line.n, _nominal(line), f"{line.measured:.4f}",
            _band(line), line.reason(),
        )
        for line in missed
    ]  # fmt: skip
    return ["## What is outside", "", *markdown(header, rows)]


def _table(lines: Iterable[Line]) -> list[str]:
    return markdown(
        HEADER,
        [
            (
                line.measures, line.method, line.truth, str(line.models), line.n, _nominal(line),
                f"{line.measured:.4f}", f"{line.simulations:,}", _band(line), line.verdict,
            )
            for line in lines
        ],
    )  # fmt: skip


def _nominal(line: Line) -> str:
    if line.promise is Promise.NONE:
        return ""
    sign = "" if line.promise is Promise.EXACT else f"{line.promise} "
    return f"{sign}{line.nominal:.4f}".rstrip("0")


def _band(line: Line) -> str:
    low, high = line.band()
    if line.promise is Promise.AT_MOST:
        return f"up to {high:.4f}"
    if line.promise is Promise.AT_LEAST:
        return f"from {low:.4f}"
    return f"{low:.4f} to {high:.4f}"


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table."""
    rule = ["---" for _ in header]
    return [f"| {' | '.join(cells)} |" for cells in (header, rule, *rows)]
