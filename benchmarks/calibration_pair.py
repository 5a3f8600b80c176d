"""Two models on one task: means, then scores that are no means; intervals, tests, margins and power."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from calibration_lines import Line, Promise
from calibration_truths import (
    ACCURACY,
    HEAVY,
    LARGE_LOSSES,
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
from evalkit.types import FloatArray
from evalkit_leaderboard.significance import (
    Interval,
    Paired,
    compare,
    flip_test,
    generator_of,
    margins_of,
    multiplier,
    promised_power,
    t_interval,
)
from evalkit_leaderboard.significance.observed import moved_to
from evalkit_leaderboard.significance.paired import FEW

ALPHA, POWER = 0.05, 0.8
SIZES = (30, 100, 300, 1000)
MEANS = "Two models, one task: means"
SCORES = "Two models, one task: scores that are no means"
NOT_MOVED = "not the default, around the jackknife's estimate: "
MARGINS = "Two models, one task: not worse by more than a margin"

_SPARSE = "three examples differ on average: few sign patterns, so the test is cautious and the interval rough"
_TEN = "ten examples differ on average: p takes few values"
_LATTICE = "most units tie: the sum takes few values, many flips equal it, and p jumps past alpha"
_LARGE = "the mean of 30 is skewed (t's error is .055), and sign flips are cautious where units tie"
_SKEW = "t's known weakness: the mean of few, very skewed differences is skewed itself"
_SKEW_POWER = "skewed: where the mean is high the spread is too, so that small effects are found more often"
_NORMAL_POWER = "the formula is that of the normal distribution; t with 29 degrees of freedom finds .773"
_TAIL_POWER = "73 % of samples of 30 or 100 have less spread than the true one, so that more is found"
_TIED_POWER = "the formula is that of the normal distribution; differences skewed to the left find less"
_FLIPS_POWER = "sign flips are cautious where units tie; t would find .72 to .77"
WHY = {
    (ACCURACY.name, 30): _SPARSE,
    (ACCURACY.name, 100): _TEN,
    (TIED.name, 30): _LATTICE,
    (TIED.name, 100): _LATTICE,
    (LARGE_LOSSES.name, 30): _LARGE,
    **{(SKEWED.name, n): _SKEW for n in SIZES},
}
WHY_POWER = {
    SKEWED.name: _SKEW_POWER,
    HEAVY.name: _TAIL_POWER,
    TIED.name: _TIED_POWER,
    LARGE_LOSSES.name: _TIED_POWER,
    ACCURACY.name: _TIED_POWER,
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
        for n, simulations in ((100, 1000), (300, 1000), (1000, 1000), (3000, 300)):
            yield f"v-measure {n}", partial(clustering, n, simulations)
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
        false += _found(result)
        a, b, delta = truth.draw(generator, n, effect)
        other = compare(a, b, confirm=False, seed=seed)
        covered += _covers(other, delta)
        found += _found(other) and (other.difference or 0) > 0
        one += _covers(t_interval(b), 0.5) if truth is NORMAL else 0
    why = WHY.get((truth.name, n), "")
    line = partial(Line, MEANS, truth=truth.name, models=2, n=str(n), simulations=simulations)
    head = truth is NORMAL or (truth is TIED and n >= FEW)
    lines = [
        line("error", f"compare: {method}", promise=Promise.EXACT, nominal=ALPHA, hits=false, why=why, headline=head),
        line("coverage of the difference", "compare: t interval", promise=Promise.EXACT, nominal=1 - ALPHA,
             hits=covered, why=why, headline=head),
        line("power", f"compare: {method}", promise=Promise.EXACT, hits=found,
             nominal=promised_power(n, effect, 1.0, alpha=ALPHA),
             why=_FLIPS_POWER if n < FEW and why and truth is not SKEWED else WHY_POWER.get(truth.name, _NORMAL_POWER)),
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
    a, b, _ = truth.draw(generator_of("calibration", "spread"), 400_000, 0.0)
    sd = float((a - b).std())
    for _ in range(simulations):
        b, a, delta = truth.draw(generator, n, effect)
        at_margin = margins_of(t_interval(a - b), margin=delta, alpha=ALPHA)
        passed += at_margin.non_inferior
        failed += at_margin.inferior
        equal += at_margin.equivalent
        a, b, _ = truth.draw(generator, n, 0.0)
        good += margins_of(t_interval(a - b), margin=delta, alpha=ALPHA).non_inferior
    why = "one-sided bounds feel skewness, here of a tied worse candidate, fully" if truth is TIED else ""
    line = partial(Line, MARGINS, truth=truth.name, models=2, n=str(n), simulations=simulations, why=why)
    head = truth is NORMAL
    return [
        line("error: passed, worse by the margin", "margins_of", promise=Promise.EXACT, nominal=ALPHA, hits=passed,
             headline=head),
        line("error: called a regression, worse by the margin", "margins_of", promise=Promise.EXACT, nominal=ALPHA,
             hits=failed),
        line("error: called equivalent, worse by the margin", "margins_of", promise=Promise.AT_MOST, nominal=ALPHA,
             hits=equal),
        line("power: passed, as good as the baseline", "margins_of", promise=Promise.EXACT, hits=good,
             nominal=promised_power(n, delta, sd, alpha=ALPHA, two_sided=False),
             why=WHY_POWER.get(truth.name, _NORMAL_POWER)),
    ]  # fmt: skip


# -- scores that are no means ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Why:
    """Reasons for misses: of differences and of scores."""

    difference: str = ""
    score: str = ""


_RARE = Why(score="macro F1 of few examples a class is skewed")


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
    cautious = "few pairs: the jackknife's error is too large, of a continuous Spearman by 13 % at 30 and 4 % at 100"
    skewed = "the correlation of few pairs is skewed"
    why = Why(cautious, skewed) if n <= 100 else Why()
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
        why = Why() if n > 100 else _RARE if statistic is F1 else Why(score="a share of few examples is skewed")
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
    name = "v_measure, 10 topics, 5 draws"
    return _two_scores(name, draw, (0.8, 0.7), truth, n, simulations, Why(), headline=False)


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
    why: Why,
    *,
    headline: bool,
) -> list[Line]:
    """Error for equal models, coverage and power for unequal ones, coverage of a score; twice.

    The leaderboard, `compare_observations` and `score_interval` move pseudo-values to the published score. Their
    interval is about what n such units give on average: the expected score, here the mean over the simulations. For
    comparison, pseudo-values as they are: around the jackknife's estimate of the score of all units there are.
    """
    better, worse = qualities
    board, jackknife = np.zeros(2, dtype=np.int64), np.zeros(4, dtype=np.int64)
    method = ""
    published = np.empty((simulations, 2))
    halves = np.full((simulations, 2), np.nan)  # of the difference, of the better one's score
    for seed in range(simulations):
        values, scores = _values(draw((better, better)))
        moved = compare(*_moved(values, scores), confirm=False, seed=seed)
        method = moved.method or method
        board[0] += _found(moved)
        jackknife[0] += _found(compare(*values, confirm=False, seed=seed))
        values, published[seed] = _values(draw((better, worse)))
        moved, other = (compare(*rows, confirm=False, seed=seed) for rows in (_moved(values, published[seed]), values))
        board[1] += _found(moved) and (moved.difference or 0) > 0
        own = t_interval(values[0])
        jackknife[1] += _covers(other, truth[0] - truth[1])
        jackknife[2] += _covers(own, truth[0])
        jackknife[3] += _found(other) and (other.difference or 0) > 0
        halves[seed] = [_half(moved), _half(own)]
    centred = published - published.mean(axis=0)
    around = np.abs(np.column_stack([centred[:, 0] - centred[:, 1], centred[:, 0]])) <= halves
    line = partial(Line, SCORES, truth=name, models=2, n=str(n), simulations=simulations)
    exact = Promise.EXACT
    both, one = partial(line, promise=exact, nominal=1 - ALPHA), "leaderboard: t around published scores"
    lines = [
        line("error", f"leaderboard: {method}", promise=exact, nominal=ALPHA, hits=board[0], why=why.difference,
             headline=headline),
        both("coverage of the difference", one, hits=int(around[:, 0].sum()), why=why.difference, headline=headline),
        both("coverage of one score", one, hits=int(around[:, 1].sum()), why=why.score),
        line("power", f"leaderboard: {method}", promise=Promise.NONE, nominal=0.0, hits=board[1]),
    ]  # fmt: skip
    if np.allclose(values.mean(axis=1), published[-1], rtol=0, atol=1e-9):
        return lines  # a mean: the pseudo-values are the values, and both are the same
    return [
        *lines,
        line("error", f"{NOT_MOVED}{method}", promise=exact, nominal=ALPHA, hits=jackknife[0], default=False),
        both("coverage of the difference", f"{NOT_MOVED}t", hits=jackknife[1], default=False),
        both("coverage of one score", f"{NOT_MOVED}t", hits=jackknife[2], default=False),
        line("power", f"{NOT_MOVED}{method}", promise=Promise.NONE, nominal=0.0, hits=jackknife[3], default=False),
    ]  # fmt: skip


def _values(observations: list[Observations]) -> tuple[FloatArray, FloatArray]:
    """(2, n) pseudo-values as the jackknife has them and the (2,) published scores."""
    pseudo = np.stack([each.pseudo_values("score") for each in observations])
    return pseudo, np.array([each.value("score") for each in observations])


def _moved(values: FloatArray, scores: FloatArray) -> FloatArray:
    """The pseudo-values as the engine has them: with the published score as mean."""
    return np.stack([moved_to(row, float(score)) for row, score in zip(values, scores, strict=True)])


def _found(result: Paired) -> bool:
    return result.p is not None and result.p <= ALPHA


def _half(interval: Interval | Paired) -> float:
    """Half the width; 0 where there is no interval."""
    return 0.0 if interval.low is None or interval.high is None else (interval.high - interval.low) / 2


def _covers(interval: Interval | Paired, truth: float) -> bool:
    return interval.low is not None and interval.high is not None and interval.low <= truth <= interval.high
