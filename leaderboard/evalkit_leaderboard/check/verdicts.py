"""From evidence to verdicts: one-sided tests against the margin, corrected where a false alarm is at stake.

Two claims are tested, each with error alpha. *Regression* on any line fails the whole check, so these p values are
corrected together over every line of every encoder (Holm 1979). *Pass* is claimed of the whole only where every line
passes; such a claim needs no correction (the intersection-union test: Berger 1982); a line's own is for itself alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit_leaderboard.check.report import Line, Verdict
from evalkit_leaderboard.check.settings import MEAN
from evalkit_leaderboard.outlook import outlook
from evalkit_leaderboard.phrases import plural
from evalkit_leaderboard.significance import holm
from evalkit_leaderboard.significance.distributions import TINY, t_above, t_quantile
from evalkit_leaderboard.units import EXPERIMENTS, UNITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.types import FloatArray
    from evalkit_leaderboard.check.evidence import Evidence
    from evalkit_leaderboard.check.settings import Settings

_ROUNDING = 1e-12


@dataclass(frozen=True)
class Tests:
    """One-sided p values of one line; None where nothing can be tested.

    Attributes:
        regression: Of "no worse than the margin", with `strict` of "no worse at all".
        passing: Of "worse by the margin or more".
    """

    regression: float | None
    passing: float | None


def judge(evidence: Sequence[tuple[str, Evidence]], settings: Settings, alpha: float) -> tuple[tuple[Line, ...], int]:
    """The lines with their verdicts, and how many p values were corrected together.

    Args:
        evidence: Label of the encoder and what is known, in the order of the lines.
        settings: Margins are in the evidence already; this says what a regression is.
        alpha: Error rate of this look.
    """
    tests = [one_sided(each, strict=settings.strict) for _, each in evidence]
    p = np.array([np.nan if test.regression is None else test.regression for test in tests])
    adjusted, levels = holm(p), _levels(p, alpha)
    lines = (
        _line(label, each, tests[at], _known(adjusted[at]), float(levels[at]), settings, alpha)
        for at, (label, each) in enumerate(evidence)
    )
    return tuple(lines), int((~np.isnan(p)).sum())


def one_sided(evidence: Evidence, *, strict: bool = False) -> Tests:
    """The two tests of one line.

    Where all units differ by exactly the same there is no spread, and the p value is that of their signs: 2^-n.
    A line without any change belongs to the family with p = 1.
    """
    difference = evidence.difference
    if evidence.incomparable or difference is None:
        return Tests(None, None)
    if unchanged(evidence):
        return Tests(1.0, None)
    tolerated = 0.0 if strict else evidence.margin
    if evidence.se is not None and evidence.df is not None:
        held, error = evidence.cautious or (difference, evidence.se)
        passing = float(t_above((held + evidence.margin) / error, evidence.df))
        return Tests(float(t_above(-(difference + tolerated) / evidence.se, evidence.df)), passing)
    if evidence.basis not in (UNITS, EXPERIMENTS) or evidence.n < 2:
        return Tests(None, None)
    signs = _signs(evidence.n)
    worse, held = -(difference + tolerated), difference + evidence.margin
    return Tests(signs if worse > _ROUNDING else 1.0, signs if held > _ROUNDING else 1.0)


def _signs(n: int) -> float:
    """The p value of n equal signs."""
    return max(0.5**n, TINY)


def unchanged(evidence: Evidence) -> bool:
    """Whether nothing that the score rests on has changed: bit-identical, or no unit differs."""
    rests = evidence.basis in (UNITS, EXPERIMENTS)
    return evidence.identical or (rests and evidence.se is None and evidence.n > 0 and not _matters(evidence))


def _matters(evidence: Evidence) -> bool:
    return abs(evidence.difference or 0.0) > _ROUNDING


def _levels(p: FloatArray, alpha: float) -> FloatArray:
    """(L,) level at which Holm's method has tested each line: the one at which its bound agrees with its verdict."""
    levels = np.full(len(p), alpha)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    level = alpha / max(len(order), 1)
    for rank, at in enumerate(order):
        level = alpha / (len(order) - rank)
        if p[at] > level:
            levels[order[rank:]] = level
            break
        levels[at] = level
    return levels


def _line(
    label: str, evidence: Evidence, tests: Tests, adjusted: float | None, level: float, settings: Settings, alpha: float
) -> Line:
    verdict = _verdict(evidence, tests, adjusted, alpha)
    lower, upper = _bounds(evidence, tests, alpha, level)
    is_open = verdict is Verdict.INCONCLUSIVE
    detectable, needed, if_equal = _ahead(evidence, settings, alpha, level) if is_open else _NONE
    return Line(
        encoder=label,
        name=evidence.name,
        type=evidence.type,
        metric=evidence.metric,
        margin=evidence.margin,
        verdict=verdict,
        reason=_reason(evidence, verdict, upper),
        baseline=evidence.baseline,
        candidate=evidence.candidate,
        difference=evidence.difference,
        lower=lower,
        upper=upper,
        se=evidence.se,
        df=evidence.df,
        n=evidence.n,
        unit=evidence.unit,
        basis=evidence.basis,
        p=tests.regression,
        p_adjusted=adjusted,
        p_pass=tests.passing,
        detectable=detectable,
        needed=needed,
        needed_if_equal=if_equal,
    )


_NONE = (None, None, None)


def _verdict(evidence: Evidence, tests: Tests, adjusted: float | None, alpha: float) -> Verdict:
    if evidence.incomparable:
        return Verdict.INCOMPARABLE
    if unchanged(evidence):
        return Verdict.PASS
    if adjusted is not None and adjusted <= alpha:
        return Verdict.REGRESSION
    if tests.passing is not None and tests.passing <= alpha:
        return Verdict.PASS
    return Verdict.INCONCLUSIVE


def _bounds(evidence: Evidence, tests: Tests, alpha: float, level: float) -> tuple[float | None, float | None]:
    difference = evidence.difference
    if difference is None or evidence.incomparable or tests.regression is None:
        return None, None
    if unchanged(evidence):
        return difference, difference
    if evidence.se is None or evidence.df is None:
        signs = _signs(evidence.n)
        return difference if signs <= alpha else None, difference if signs <= level else None
    held, error = evidence.cautious or (difference, evidence.se)
    lower, upper = (float(t_quantile(1 - each, evidence.df)) for each in (alpha, level))
    return held - lower * error, difference + upper * evidence.se


def _ahead(
    evidence: Evidence, settings: Settings, alpha: float, level: float
) -> tuple[float | None, int | None, int | None]:
    """The margin that the units would decide, and how many decide this one: as observed, and with no difference."""
    difference, se, df, n, power = evidence.difference, evidence.se, evidence.df, evidence.n, settings.power
    if difference is None or se is None or df is None:
        return _NONE
    equal = outlook(evidence.margin, se, n, df, alpha=2 * alpha, power=power)
    routes = [(difference + evidence.margin, alpha if difference > -evidence.margin else level)]
    if settings.strict and difference < 0:
        routes.append((difference, level))
    needed = [outlook(distance, se, n, df, alpha=2 * at, power=power).needed for distance, at in routes]
    return equal.detectable, min((units for units in needed if units is not None), default=None), equal.needed


def _reason(evidence: Evidence, verdict: Verdict, upper: float | None) -> str:
    """Why, in one sentence; what is missing goes before what is proven."""
    if verdict is Verdict.INCOMPARABLE:
        return evidence.incomparable
    if verdict is Verdict.PASS:
        return _why_pass(evidence)
    if verdict is Verdict.REGRESSION:
        beyond = upper is not None and upper < -evidence.margin
        return "It is worse by more than the margin." if beyond else "It is worse, which --strict does not tolerate."
    if evidence.se is None:
        return evidence.note or "No error of the difference is known."
    neither = "Neither a loss beyond the margin nor its absence is proven."
    few = f"Too few {plural(evidence.unit)} differ to trust their small spread." if evidence.cautious else ""
    return " ".join(part for part in (neither, few, evidence.note) if part)


def _why_pass(evidence: Evidence) -> str:
    if evidence.identical:
        return "Bit-identical."
    if unchanged(evidence):
        return "The mean is the same." if evidence.name == MEAN else f"No {evidence.unit} differs."
    small = "It is not worse by the margin or more."
    return f"{small} {evidence.note}".strip() if evidence.name == MEAN else small


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
