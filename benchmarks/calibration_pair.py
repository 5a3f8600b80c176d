"""Two models on one task: means, then scores that are no means; intervals, tests, margins and power."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial

import numpy as np
from calibration_lines import Line, Promise
from calibration_truths import (
    ACCURACY,
    HEAVY,
    NORMAL,
    PAIR_TRUTHS,
    SKEWED,
    TIED,
    UNEQUAL,
    Generator,
    PairTruth,
    classified,
    clustered,
    sentence_pairs,
)

from evalkit.observations import F1, Accuracy, Kendall, Observations, Pearson, Spearman, Statistic, VMeasure
from evalkit_leaderboard.significance import (
    Interval,
    compare,
    flip_test,
    generator_of,
    margins_of,
    multiplier,
    promised_power,
    score_interval,
    t_interval,
    unit_values,
)
from evalkit_leaderboard.significance.paired import FEW

ALPHA, POWER = 0.05, 0.8
SIZES = (30, 100, 300, 1000)
MEANS = "Two models, one task: means"
SCORES = "Two models, one task: scores that are no means"
MARGINS = "Two models, one task: not worse by more than a margin"

_SPARSE = "three examples differ on average: few sign patterns, so the test is cautious and the interval too short"
_SKEW = "t's known weakness: the mean of few, very skewed differences is skewed itself"
_NORMAL_POWER = "the formula is that of the normal distribution; t and few units find a little less"
WHY = {
    (ACCURACY.name, 30): _SPARSE,
    (SKEWED.name, 30): _SKEW,
    (SKEWED.name, 100): _SKEW,
    (SKEWED.name, 300): _SKEW,
    (SKEWED.name, 1000): _SKEW,
}


def experiments(scale: float) -> Iterator[tuple[str, Callable[[], list[Line]]]]:
    """Name and experiment; `scale` is the share of the simulations that are made."""
    quick = scale < 1
    for truth in (NORMAL, TIED) if quick else PAIR_TRUTHS:
        for n in (30, 300) if quick else SIZES:
            yield f"means {truth.name} {n}", partial(means, truth, n, int((5000 if n >= FEW else 4000) * scale))
    for n in (100,) if quick else SIZES:
        yield f"spearman {n}", partial(correlation, Spearman("gold", "a"), n, int(1500 * scale), steps=False)
        if not quick:
            yield f"spearman steps {n}", partial(correlation, Spearman("gold", "a"), n, 1500, steps=True)
        yield f"classified {n}", partial(classification, n, int(1000 * scale))
    if not quick:
        yield "pearson", partial(correlation, Pearson("gold", "a"), 100, 1500, steps=False)
        yield "kendall", partial(correlation, Kendall("gold", "a"), 100, 1500, steps=False)
        for n in (100, 300, 1000):
            yield f"v-measure {n}", partial(clustering, n, 500)
    for truth in (NORMAL,) if quick else (NORMAL, UNEQUAL, TIED, HEAVY):
        for n in (300,) if quick else (30, 300):
            yield f"margins {truth.name} {n}", partial(margin, truth, n, int(4000 * scale))


def means(truth: PairTruth, n: int, simulations: int) -> list[Line]:
    """Error, coverage and power of `compare`'s defaults."""
    generator = generator_of("calibration", "means", truth.name, str(n))
    effect = multiplier(alpha=ALPHA, power=POWER) / np.sqrt(n)
    false = covered = found = one = 0
    method = ""
    for seed in range(simulations):
        a, b, _ = truth.draw(generator, n, 0.0)
        result = compare(a, b, confirm=False, seed=seed)
        method = result.method or method
        false += result.p is not None and result.p <= ALPHA
        a, b, delta = truth.draw(generator, n, effect)
        other = compare(a, b, confirm=False, seed=seed)
        covered += other.low is not None and other.high is not None and other.low <= delta <= other.high
        found += other.p is not None and other.p <= ALPHA and (other.difference or 0) > 0
        one += _covers(t_interval(b), 0.5) if truth is NORMAL else 0
    why = WHY.get((truth.name, n), "")
    line = partial(Line, MEANS, truth=truth.name, models=2, n=str(n), simulations=simulations)
    head = truth in (NORMAL, TIED)
    lines = [
        line("error", f"compare: {method}", promise=Promise.EXACT, nominal=ALPHA, hits=false, why=why, headline=head),
        line("coverage of the difference", "compare: t interval", promise=Promise.EXACT, nominal=1 - ALPHA,
             hits=covered, why=why, headline=head),
        line("power", f"compare: {method}", promise=Promise.EXACT, hits=found, why=why or _NORMAL_POWER,
             nominal=promised_power(n, effect, 1.0, alpha=ALPHA)),
    ]  # fmt: skip
    if truth is NORMAL:
        lines.append(line("coverage of one score", "t_interval", promise=Promise.EXACT, nominal=1 - ALPHA, hits=one))
    if n == 100:
        lines.append(_confirmed(truth, n, simulations // 5))
    return lines


def _confirmed(truth: PairTruth, n: int, simulations: int) -> Line:
    """The sign flips that confirm t."""
    generator = generator_of("calibration", "confirmed", truth.name, str(n))
    false = 0
    for seed in range(simulations):
        a, b, _ = truth.draw(generator, n, 0.0)
        false += flip_test(a - b, flips=1999, seed=seed) <= ALPHA
    why = WHY.get((truth.name, n), "")
    return Line(MEANS, "error", "flip_test", truth.name, 2, str(n), Promise.EXACT, ALPHA, false, simulations, why)


def margin(truth: PairTruth, n: int, simulations: int) -> list[Line]:
    """A candidate that is worse by exactly the margin must pass with alpha; one as good as the baseline often."""
    generator = generator_of("calibration", "margins", truth.name, str(n))
    effect = multiplier(alpha=ALPHA, power=POWER, two_sided=False) / np.sqrt(n)
    passed = failed = equal = good = 0
    for _ in range(simulations):
        b, a, delta = truth.draw(generator, n, effect)
        at_margin = margins_of(t_interval(a - b), margin=delta, alpha=ALPHA)
        passed += at_margin.non_inferior
        failed += at_margin.inferior
        equal += at_margin.equivalent
        a, b, _ = truth.draw(generator, n, 0.0)
        good += margins_of(t_interval(a - b), margin=delta, alpha=ALPHA).non_inferior
    line = partial(Line, MARGINS, truth=truth.name, models=2, n=str(n), simulations=simulations)
    head = truth is NORMAL
    return [
        line("error: passed, worse by the margin", "margins_of", promise=Promise.EXACT, nominal=ALPHA, hits=passed,
             headline=head),
        line("error: called a regression, worse by the margin", "margins_of", promise=Promise.EXACT, nominal=ALPHA,
             hits=failed),
        line("error: called equivalent, worse by the margin", "margins_of", promise=Promise.AT_MOST, nominal=ALPHA,
             hits=equal),
        line("power: passed, as good as the baseline", "margins_of", promise=Promise.EXACT, why=_NORMAL_POWER,
             nominal=promised_power(n, effect, 1.0, alpha=ALPHA, two_sided=False), hits=good),
    ]  # fmt: skip


# -- scores that are no means ------------------------------------------------------------------------------------------


def correlation(statistic: Statistic, n: int, simulations: int, *, steps: bool) -> list[Line]:
    """Sentence pairs: two models as good as each other, and two that are not."""
    kind = type(statistic)
    generator = generator_of("calibration", statistic.name, str(n), str(steps))

    def draw(qualities: tuple[float, float]) -> list[Observations]:
        gold, *predictions = sentence_pairs(generator, n, qualities, steps=steps)
        return [
            Observations(unit="pair", columns={"gold": gold, "a": each}, statistics={"score": kind("gold", "a")})
            for each in predictions
        ]

    truth = _correlation(kind, 0.8, steps), _correlation(kind, 0.7, steps)
    name = f"{statistic.name}, gold {'in steps of .5' if steps else 'continuous'}"
    why = "pseudo-values of few pairs; the jackknife is an approximation for large n" if n <= 100 else ""
    return _two_scores(name, draw, (0.8, 0.7), truth, n, simulations, why, headline=kind is Spearman and n >= 100)


@cache
def _correlation(kind: type[Statistic], quality: float, steps: bool) -> float:
    """The true correlation: in closed form for the bivariate normal, otherwise of 400,000 pairs."""
    if not steps:
        pearson = quality
        return {Pearson: pearson, Spearman: 6 / np.pi * np.arcsin(pearson / 2)}.get(
            kind, 2 / np.pi * np.arcsin(pearson)
        )
    gold, predicted = sentence_pairs(generator_of("calibration", "truth"), 400_000, (quality,), steps=True)
    columns = {"gold": gold, "a": predicted}
    return Observations(unit="pair", columns=columns, statistics={"score": kind("gold", "a")}).value("score")


def classification(n: int, simulations: int) -> list[Line]:
    """Five unequal classes, three experiments: accuracy and macro F1."""
    lines = []
    for statistic in (Accuracy, F1):
        generator = generator_of("calibration", statistic.name, str(n))

        def draw(
            qualities: tuple[float, float], statistic: type[Statistic] = statistic, generator: Generator = generator
        ) -> list[Observations]:
            label, *predictions = classified(generator, n, qualities, 3)
            return [
                Observations(
                    unit="example",
                    columns={"label": label, "predicted": each},
                    statistics={"score": statistic("label", "predicted")},
                )
                for each in predictions
            ]

        truth = _classification(statistic, 0.8), _classification(statistic, 0.7)
        why = "classes of few examples: macro F1 is far from linear there" if statistic is F1 else ""
        name = f"{statistic.name}, 5 classes, 3 experiments"
        lines += _two_scores(
            name, draw, (0.8, 0.7), truth, n, simulations, why, headline=statistic is Accuracy and n >= 100
        )
    return lines


@cache
def _classification(statistic: type[Statistic], quality: float) -> float:
    label, predicted = classified(generator_of("calibration", "truth"), 400_000, (quality,), 3)
    columns = {"label": label, "predicted": predicted}
    obs = Observations(unit="example", columns=columns, statistics={"score": statistic("label", "predicted")})
    return obs.value("score")


def clustering(n: int, simulations: int) -> list[Line]:
    """Ten topics, five draws of the corpus: V-measure."""
    generator = generator_of("calibration", "v-measure", str(n))

    def draw(qualities: tuple[float, float]) -> list[Observations]:
        label, draws, *clusters = clustered(generator, n, qualities, 5)
        return [
            Observations(
                unit="document",
                columns={"label": label, "cluster": each, "draws": draws},
                statistics={"score": VMeasure("label", "cluster", "draws")},
            )
            for each in clusters
        ]

    truth = _clustering(0.8), _clustering(0.7)
    why = "V-measure of few documents is too high by O(clusters x labels / n), and draws make it so once more"
    return _two_scores("v_measure, 10 topics, 5 draws", draw, (0.8, 0.7), truth, n, simulations, why, headline=False)


@cache
def _clustering(quality: float) -> float:
    label, draws, clusters = clustered(generator_of("calibration", "truth"), 400_000, (quality,), 5)
    columns = {"label": label, "cluster": clusters, "draws": draws}
    statistics = {"score": VMeasure("label", "cluster", "draws")}
    return Observations(unit="document", columns=columns, statistics=statistics).value("score")


def _two_scores(
    name: str,
    draw: Callable[[tuple[float, float]], list[Observations]],
    qualities: tuple[float, float],
    truth: tuple[float, float],
    n: int,
    simulations: int,
    why: str,
    *,
    headline: bool,
) -> list[Line]:
    """Error for equal models; coverage and power for unequal ones; coverage of the published score.

    A leaderboard moves pseudo-values to the published score, so that its interval is about what units like these give
    on average (the expected score at this n); the jackknife's own interval is about the score of all units there are.
    """
    better, worse = qualities
    false = covered = found = alone = 0
    method = ""
    published, halves = [], []
    for seed in range(simulations):
        a, b = unit_values(draw((better, better)), "score")
        result = compare(a, b, confirm=False, seed=seed)
        method = result.method or method
        false += result.p is not None and result.p <= ALPHA
        pair = draw((better, worse))
        a, b = unit_values(pair, "score")
        other = compare(a, b, confirm=False, seed=seed)
        delta = truth[0] - truth[1]
        covered += other.low is not None and other.high is not None and other.low <= delta <= other.high
        found += other.p is not None and other.p <= ALPHA and (other.difference or 0) > 0
        own = score_interval(pair[0], "score")
        alone += _covers(own, truth[0])
        published.append(pair[0].value("score"))
        halves.append(0.0 if own.low is None or own.high is None else (own.high - own.low) / 2)
    around = int((np.abs(np.array(published) - np.mean(published)) <= np.array(halves)).sum())
    line = partial(Line, SCORES, truth=name, models=2, n=str(n), simulations=simulations, why=why)
    exact = Promise.EXACT
    return [
        line("error", f"compare: {method}", promise=exact, nominal=ALPHA, hits=false, headline=headline),
        line("coverage of the difference", "compare: t interval", promise=exact, nominal=1 - ALPHA, hits=covered,
             headline=headline),
        line("coverage of one score", "score_interval", promise=exact, nominal=1 - ALPHA, hits=alone),
        line("coverage of one expected score", "t around the published score", promise=exact, nominal=1 - ALPHA,
             hits=around),
        line("power", f"compare: {method}", promise=Promise.NONE, nominal=0.0, hits=found),
    ]  # fmt: skip


def _covers(interval: Interval, truth: float) -> bool:
    return interval.low is not None and interval.high is not None and interval.low <= truth <= interval.high
