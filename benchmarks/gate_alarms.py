"""False alarms and false passes, on one task, on many, and over several looks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np
from calibration_lines import Line, Promise
from gate_truths import DISCRETE, HEAVY, LOSSES, NORMAL, PAIRS, SD, Generator, Truth, checked, mean_of, paired

from evalkit.observations import Observations
from evalkit_leaderboard.check.looks import look_alphas
from evalkit_leaderboard.check.pairing import Pair
from evalkit_leaderboard.check.settings import Settings, Spending
from evalkit_leaderboard.significance import generator_of

ALPHA = 0.05
ONE = "One task, one encoder: false alarms and false passes"
MANY = "Several tasks and encoders: one false alarm anywhere is a false alarm"
LOOKS = "Five looks at one candidate, each with 200 more units"
SIZES = (300, 1000, 5000)

_RARE = "where fewer lose by chance, the spread is smaller too, and Student's t passes too easily"
_PASSES = {
    300: f"three lose on average, and one or none passes; {_RARE}: .198 by the binomial distribution",
    1000: f"ten lose on average, and five or fewer pass; {_RARE}: .066 by the binomial distribution",
    5000: f"fifty lose on average, and 39 or fewer pass; {_RARE}: .064 by the binomial distribution",
}


def experiments(scale: float) -> Iterator[tuple[str, Callable[[], list[Line]]]]:
    """Name and experiment; `scale` is the share of the simulations that are made."""
    quick = scale < 1
    for n in SIZES[:2] if quick else SIZES:
        yield f"one {n}", partial(one_task, NORMAL, n, int((4000 if n < 5000 else 2000) * scale))
    if not quick:
        for truth in (HEAVY, DISCRETE, LOSSES, PAIRS):
            for n in SIZES:
                yield f"one {truth.name} {n}", partial(one_task, truth, n, 2000 if n < 5000 else 1000)
    for tasks, encoders in ((4, 1),) if quick else ((1, 3), (4, 1), (4, 3), (12, 1), (12, 3)):
        simulations = int(min(2000, 18_000 / (tasks * encoders)) * scale)
        yield f"many {tasks} x {encoders}", partial(many, tasks, encoders, simulations)
    yield "looks", partial(several_looks, int(3000 * scale))


def one_task(truth: Truth, n: int, simulations: int) -> list[Line]:
    """Both errors at the losses at which they are most likely, and what happens where nothing has changed."""
    generator = generator_of("gate", "one", truth.name, str(n))
    settings = Settings(alpha=ALPHA)
    counted = {loss: Counter[int]() for loss in (0.0, settings.margin)}
    strict = 0
    for _ in range(simulations):
        for loss, exits in counted.items():
            exits[checked([paired("encoder", {"T": truth.draw(generator, n, loss)})], settings).exit_code] += 1
        same = checked([paired("encoder", {"T": truth.draw(generator, n, 0.0)})], replace(settings, strict=True))
        strict += same.exit_code == 1
    line = partial(Line, ONE, truth=truth.name, models=1, n=str(n), simulations=simulations, headline=truth is NORMAL)
    passing = _PASSES[n] if truth is LOSSES else ""
    at_margin = "margin .01, true loss .01"
    sided = Promise.AT_MOST
    lines = [
        line("false alarm (exit 1)", "margin .01, no loss", promise=sided, nominal=ALPHA, hits=counted[0.0][1]),
        line("false alarm (exit 1)", at_margin, promise=sided, nominal=ALPHA, hits=counted[0.01][1]),
        line("false pass (exit 0)", at_margin, promise=sided, nominal=ALPHA, hits=counted[0.01][0], why=passing),
    ]  # fmt: skip
    if truth is not LOSSES:  # without a loss it has no difference at all
        lines.append(line("false alarm (exit 1)", "--strict, no loss", promise=sided, nominal=ALPHA, hits=strict))
    return lines


# -- many --------------------------------------------------------------------------------------------------------


def many(tasks: int, encoders: int, simulations: int, n: int = 300) -> list[Line]:
    """Every task of every encoder at the loss at which alarms are most likely; then one task alone for passes."""
    generator = generator_of("gate", "many", str(tasks), str(encoders))
    settings = Settings(alpha=ALPHA)
    alarms = strict = passes = 0
    lines = 0
    for _ in range(simulations):
        report = checked(_pairs(generator, tasks, encoders, n, [settings.margin] * tasks), settings)
        alarms += report.exit_code == 1
        lines = report.family
        same = checked(_pairs(generator, tasks, encoders, n, [0.0] * tasks), replace(settings, strict=True))
        strict += same.exit_code == 1
        # Wide margins let all else pass, so that only the task at its margin can stop the whole.
        lone = replace(settings, margin=0.06)
        passes += checked(_pairs(generator, tasks, encoders, n, [0.06] + [0.0] * (tasks - 1)), lone).exit_code == 0
    truth = f"{NORMAL.name}; {_count(tasks, 'task')} of {_count(encoders, 'encoder')}"
    line = partial(
        Line, MANY, truth=truth, models=lines, n=str(n), simulations=simulations, promise=Promise.AT_MOST,
        nominal=ALPHA, headline=True,
    )  # fmt: skip
    return [
        line("false alarm (exit 1)", "margin .01, true loss .01 everywhere", hits=alarms),
        line("false alarm (exit 1)", "--strict, no loss", hits=strict),
        line("false pass (exit 0)", "margin .06, true loss .06 on one task of each encoder", hits=passes),
    ]


def _pairs(generator: Generator, tasks: int, encoders: int, n: int, losses: list[float]) -> list[Pair]:
    """Encoders whose changes have half of their variance in common, as after the upgrade of a library."""
    drawn: list[dict[str, tuple[Observations, Observations]]] = [{} for _ in range(encoders)]
    for task, loss in zip(range(tasks), losses, strict=True):
        difficulty, shared = generator.normal(size=(2, n))
        for mine in drawn:
            baseline = 0.5 + 0.2 * difficulty + 0.1 * generator.normal(size=n)
            change = SD * np.sqrt(0.5) * (shared + generator.normal(size=n)) - loss
            mine[f"T{task:02}"] = (mean_of(baseline), mean_of(baseline + change))
    return [paired(f"encoder {at}", mine) for at, mine in enumerate(drawn)]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


# -- looks -------------------------------------------------------------------------------------------------------


def several_looks(simulations: int, looks: int = 5, n: int = 1000) -> list[Line]:
    """All units so far at every look; an alarm at any look is an alarm, and a pass at any is a pass."""
    lines = []
    settings = Settings(alpha=ALPHA)
    methods = {str(spending.value): look_alphas(looks, ALPHA, spending) for spending in reversed(Spending)}
    methods["every look at alpha, as without --looks"] = np.full(looks, ALPHA)
    generator = generator_of("gate", "looks")
    hits = {name: Counter[int]() for name in methods}
    for _ in range(simulations):
        baseline = 0.5 + 0.2 * generator.normal(size=n)
        candidate = baseline - settings.margin + SD * generator.normal(size=n)
        sides = (baseline, candidate)
        for name, alphas in methods.items():
            seen = {_look(sides, n * (at + 1) // looks, settings, float(alpha)) for at, alpha in enumerate(alphas)}
            hits[name].update(seen)
    for name, codes in hits.items():
        promise = Promise.NONE if name.startswith("every") else Promise.AT_MOST
        check = name if promise is Promise.NONE else f"--looks {looks} --spending {name}"
        line = partial(
            Line, LOOKS, truth=NORMAL.name, models=1, n=f"{n // looks} to {n}", promise=promise, nominal=ALPHA,
            simulations=simulations, headline=True,
        )  # fmt: skip
        lines += [
            line("false alarm (exit 1) at one look or another", f"{check}, true loss .01", hits=codes[1]),
            line("false pass (exit 0) at one look or another", f"{check}, true loss .01", hits=codes[0]),
        ]
    return lines


def _look(sides: tuple[np.ndarray, np.ndarray], n: int, settings: Settings, alpha: float) -> int:
    baseline, candidate = sides
    pair = paired("encoder", {"T": (mean_of(baseline[:n]), mean_of(candidate[:n]))})
    return checked([pair], settings, alpha).exit_code
