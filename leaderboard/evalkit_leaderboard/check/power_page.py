"""What a check could decide, in a table and sentences for people, and as JSON for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from evalkit_leaderboard.check.evidence import TASKS
from evalkit_leaderboard.check.power import TIMES, Ability, Forecast, Kind, Outlooks, Plan
from evalkit_leaderboard.check.power_spread import ASSUMED, CORRELATIONS, GIVEN, PAIRS
from evalkit_leaderboard.check.settings import MEAN
from evalkit_leaderboard.phrases import MISSING, Table, counted, score, some
from evalkit_leaderboard.units import EXPERIMENTS, UNITS

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEFT = 2
_HEADERS = (
    "task", "verdict", "has", "spread", "from ... to", "margin",
    "passes from a margin of", "units to pass", "chance to pass",
    "finds from a loss of", "units to find", "chance to find",
)  # fmt: skip


def table(outlooks: Outlooks) -> Table:
    """One row a task, then the mean and the suites."""
    return Table("", _HEADERS, tuple(_row(each) for each in outlooks.forecasts), left=_LEFT)


def notes(outlooks: Outlooks) -> Iterator[str]:
    """How to read the table, where the spread is from, and what cannot be decided."""
    yield from _meaning(outlooks)
    yield from _spreads(outlooks)
    yield from _whole(outlooks)
    yield from (f"{some(names)}: {reason}" for reason, names in _reasons(outlooks).items())
    if any(each.basis == EXPERIMENTS for each in outlooks.forecasts):
        yield "Experiments stand for units that were not published: their error is that of drawing samples, not texts."


def as_json(outlooks: Outlooks) -> dict[str, Any]:
    """Everything at full precision; null where there is nothing."""
    settings = outlooks.settings
    return {
        "alpha": outlooks.alpha,
        "power": settings.power,
        "strict": settings.strict,
        "looks": settings.looks,
        "encoders": list(outlooks.encoders),
        "corrected": {"method": "Holm", "family": outlooks.family},
        "loss_to_find": f"{TIMES:g} margins",
        "chance_that_all_pass": outlooks.passes,
        "lines": [_line(each) for each in outlooks.forecasts],
        "notes": list(notes(outlooks)),
    }


# -- the table ---------------------------------------------------------------------------------------------------


def _row(each: Forecast) -> tuple[str, ...]:
    spread = each.spread
    return (
        _name(each),
        _verdict(each),
        counted(each.n, each.unit),
        MISSING if spread is None else score(spread.sd),
        MISSING if spread is None or spread.low == spread.high else f"{score(spread.low)} ... {score(spread.high)}",
        f"{each.margin:g}",
        *_plan(each.passing),
        *_plan(each.finding),
    )


def _name(each: Forecast) -> str:
    return {Kind.TASK: each.name, Kind.MEAN: "mean of all tasks", Kind.SUITE: f"suite {each.name}"}[each.kind]


def _verdict(each: Forecast) -> str:
    if each.ability is Ability.NEEDS and each.needed is not None:
        return f"needs {each.needed:,} (has {each.n:,})"
    return str(each.ability.value)


def _plan(plan: Plan | None) -> tuple[str, str, str]:
    if plan is None:
        return MISSING, MISSING, MISSING
    return score(plan.detectable), f"{plan.needed:,}", _percent(plan.chance)


_HARDLY = 0.001


def _percent(chance: float) -> str:
    """Never a certainty that there is not."""
    if chance > 0.999:
        return ">99.9%"
    return "<0.1%" if chance < _HARDLY else f"{chance:.1%}"


# -- the sentences -----------------------------------------------------------------------------------------------


def _meaning(outlooks: Outlooks) -> Iterator[str]:
    settings, alpha, family = outlooks.settings, outlooks.alpha, outlooks.family
    chance = f"with a chance of {100 * settings.power:g}%"
    yield f"To pass: a candidate that is no different, {chance}, by a one-sided test at {alpha:.3g}."
    worse = "that it is worse at all" if settings.strict else "that it is worse by more than the margin"
    level = f"at {alpha / max(family, 1):.3g}"
    if family > 1:
        level += (
            f": {alpha:.3g} over {counted(family, 'line')} of a check of one encoder, where Holm's method starts (a "
            "suite: over the lines of a check of its tasks; several encoders: so many times as many lines)"
        )
    yield f"To find: a candidate that loses {TIMES:g} margins, {chance}, by the proof {worse}, {level}."
    if any(each.kind is not Kind.TASK and each.basis == UNITS for each in outlooks.forecasts):
        yield "The units that a mean needs are those of all its tasks together, in the shares of now."
    if settings.looks > 1:
        yield f"{alpha:.3g} is the error rate of the last of {settings.looks} planned looks; earlier ones add chances."


def _spreads(outlooks: Outlooks) -> Iterator[str]:
    """Where the spread of the differences is from; the mean has that of its tasks."""
    sources: dict[str, list[Forecast]] = {}
    for each in outlooks.forecasts:
        if each.spread is not None and (each.kind is Kind.TASK or each.basis == TASKS):
            sources.setdefault(each.spread.source, []).append(each)
    for source, lines in sources.items():
        names = some([_name(each) for each in lines], 2)
        yield f"Spread of the paired differences ({names}): {_SOURCES[source](outlooks, lines)}"


def _from_pairs(_: Outlooks, lines: list[Forecast]) -> str:
    pairs = max(each.spread.pairs for each in lines if each.spread is not None)
    return (
        f"the median over {counted(pairs, 'pair')} of encoders, with the least and the most. Two encoders differ more "
        "than one and its next version mostly do, so that this is on the safe side; --sd takes another."
    )


def _from_assumption(outlooks: Outlooks, _: list[Forecast]) -> str:
    r, given = outlooks.assumption.used, outlooks.assumption.correlation is not None
    least, most = sorted((r, *CORRELATIONS))[:: len(CORRELATIONS)]
    fewer, more = ((1 - other) / (1 - r) for other in (most, least))
    why = "as given" if given else "as no pair of encoders shows it"
    return (
        f"assumed, {why}. It is that of one encoder's units times sqrt(2 (1 - r)), with r = {r:g} for the correlation "
        f"of baseline and candidate; from r = {most:g} to {least:g} the units needed are {fewer:.2g} to {more:.2g} "
        f"times as many. {'' if given else '--correlation takes another r; '}--sd takes the spread itself."
    )


def _as_given(outlooks: Outlooks, _: list[Forecast]) -> str:
    return f"{outlooks.assumption.sd:g} on every task, as given."


_SOURCES = {PAIRS: _from_pairs, ASSUMED: _from_assumption, GIVEN: _as_given}


def _whole(outlooks: Outlooks) -> Iterator[str]:
    """What all lines do together: one that cannot pass stops the whole."""
    lines = [each for each in outlooks.forecasts if each.kind is not Kind.SUITE]
    if outlooks.passes is None:
        without = some([_name(each) for each in lines if each.passing is None])
        yield f"A check of all of them passes only what is bit-identical, as nothing can be tested on {without}."
    elif len(lines) > 1:
        chance = f"at least {_percent(outlooks.passes)}" if outlooks.passes >= _HARDLY else "next to nothing"
        yield f"Every line must pass: the chance that all of them do, if the candidate is no different, is {chance}."


def _reasons(outlooks: Outlooks) -> dict[str, list[str]]:
    """Why something cannot be decided, and the lines that each reason is about: imports would repeat one for each."""
    found: dict[str, list[str]] = {}
    for each in outlooks.forecasts:
        if each.reason:
            found.setdefault(each.reason, []).append(_name(each))
    return found


# -- for programs ------------------------------------------------------------------------------------------------


def _line(each: Forecast) -> dict[str, Any]:
    fields = asdict(each)
    fields["pass"], fields["find"] = fields.pop("passing"), fields.pop("finding")
    return {**fields, "name": MEAN if each.kind is Kind.MEAN else each.name, "needed": each.needed}
