"""Baselines and candidates whose true difference is known, as the result records that a check reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from scipy.stats import norm

from evalkit.observations import Mean, Observations, Spearman
from evalkit.schema import CellRecord, EncoderRecord, Environment, MainScore, Result, TaskRecord
from evalkit.types import FloatArray
from evalkit_leaderboard.check.evidence import gather
from evalkit_leaderboard.check.pairing import Pair
from evalkit_leaderboard.check.report import EncoderCheck, Report
from evalkit_leaderboard.check.settings import MEAN, Settings
from evalkit_leaderboard.check.verdicts import judge
from evalkit_leaderboard.frame import Located

Generator = np.random.Generator
SD = 0.15
"""Standard deviation of the paired differences."""


@dataclass(frozen=True)
class Truth:
    """A baseline and a candidate on one task.

    Attributes:
        name: What the tables call it.
        draw: Takes a generator, a number of units and the true loss; returns what the two sides observed.
        sd: Takes the true loss; the standard deviation of a unit's difference, nan where the score is no mean.
    """

    name: str
    draw: Callable[[Generator, int, float], tuple[Observations, Observations]]
    sd: Callable[[float], float]


def mean_of(values: FloatArray) -> Observations:
    """Units whose mean is the score."""
    return Observations(unit="query", columns={"score": values}, statistics={"score": Mean("score")})


def _means(pair: Callable[[Generator, int, float], tuple[FloatArray, FloatArray]]) -> Callable[..., object]:
    def draw(generator: Generator, n: int, loss: float) -> tuple[Observations, Observations]:
        baseline, candidate = pair(generator, n, loss)
        return mean_of(baseline), mean_of(candidate)

    return draw


def _normal(generator: Generator, n: int, loss: float) -> tuple[FloatArray, FloatArray]:
    baseline = 0.5 + 0.2 * generator.normal(size=n)
    return baseline, baseline - loss + SD * generator.normal(size=n)


def _heavy(generator: Generator, n: int, loss: float) -> tuple[FloatArray, FloatArray]:
    baseline = 0.5 + 0.2 * generator.normal(size=n)
    return baseline, baseline - loss + SD / np.sqrt(3) * generator.standard_t(3, size=n)


def _outcomes(changed: Callable[[float], tuple[float, float]]) -> Callable[..., tuple[FloatArray, FloatArray]]:
    """Hits and misses; some turn into misses, others into hits."""

    def pair(generator: Generator, n: int, loss: float) -> tuple[FloatArray, FloatArray]:
        lost, won = changed(loss)
        drawn = generator.random(n)
        baseline = np.where(drawn < lost, 1.0, np.where(drawn < lost + won, 0.0, generator.random(n) < 0.7))
        return baseline, np.where(drawn < lost, 0.0, np.where(drawn < lost + won, 1.0, baseline))

    return pair


def _outcomes_sd(changed: Callable[[float], tuple[float, float]]) -> Callable[[float], float]:
    return lambda loss: float(np.sqrt(sum(changed(loss)) - loss**2))


def _both_ways(loss: float) -> tuple[float, float]:
    """One unit in ten changes."""
    return 0.05 + loss / 2, 0.05 - loss / 2


def _one_way(loss: float) -> tuple[float, float]:
    """Some lose everything, none wins."""
    return loss, 0.0


def _pairs(generator: Generator, n: int, loss: float) -> tuple[Observations, Observations]:
    """Sentence pairs: gold scores in steps, and similarities of two encoders that err alike."""
    latent, shared = generator.normal(size=(2, n))
    gold = np.round(2 * np.clip(2.5 + 1.4 * latent, 0, 5)) / 2
    sides = []
    for quality in (0.85, _quality(loss)):
        noise = np.sqrt(0.8) * shared + np.sqrt(0.2) * generator.normal(size=n)
        sides.append(_ranked(gold, quality * latent + np.sqrt(1 - quality**2) * noise))
    return sides[0], sides[1]


def _ranked(gold: FloatArray, predicted: FloatArray) -> Observations:
    columns = {"gold": gold, "predicted": predicted}
    return Observations(unit="pair", columns=columns, statistics={"score": Spearman("gold", "predicted")})


@cache
def _quality(loss: float) -> float:
    """Correlation with the latent score at which Spearman's with the gold score is lower by a loss."""
    if not loss:
        return 0.85
    low, high = 0.2, 0.85
    wanted = _spearman(0.85) - loss
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if _spearman(middle) < wanted else (low, middle)
    return low


_Z = norm.ppf((np.arange(200_000) + 0.5) / 200_000)
_STEPS = np.round(2 * np.clip(2.5 + 1.4 * _Z, 0, 5))
_SHARES = np.array([np.mean(step == _STEPS) for step in range(11)])
_MIDRANKS = (np.cumsum(_SHARES) - _SHARES / 2)[_STEPS.astype(int)]


def _spearman(quality: float) -> float:
    """Correlation of the mid-ranks of the gold score with the rank of a prediction, over the population.

    The rank of q Z + sqrt(1 - q^2) E has the mean Phi(q Z / sqrt(2 - q^2)) where Z is known.
    """
    rank = norm.cdf(quality * _Z / np.sqrt(2 - quality**2))
    covariance = np.mean((_MIDRANKS - 0.5) * (rank - 0.5))
    return float(covariance / np.sqrt(np.mean((_MIDRANKS - 0.5) ** 2) / 12))


NORMAL = Truth("normal, sd .15", _means(_normal), lambda _: SD)  # type: ignore[arg-type]
HEAVY = Truth("heavy tails: t with 3 df, sd .15", _means(_heavy), lambda _: SD)  # type: ignore[arg-type]
DISCRETE = Truth("0/1, 10 % change", _means(_outcomes(_both_ways)), _outcomes_sd(_both_ways))  # type: ignore[arg-type]
LOSSES = Truth("0/1, a few lose all, none wins", _means(_outcomes(_one_way)), _outcomes_sd(_one_way))  # type: ignore[arg-type]
PAIRS = Truth("Spearman, gold in steps", _pairs, lambda _: float("nan"))


# -- as records --------------------------------------------------------------------------------------------------


def record(encoder: EncoderRecord, task: str, observed: Observations) -> Located:
    """A result as a run writes it."""
    score = float(observed.value("score"))
    cell = CellRecord(
        split="test",
        subset="default",
        languages=("eng-Latn",),
        scores={"score": score},
        observations=observed.to_json(),
    )
    made = Result(
        task=TaskRecord(name=task, type="Simulated", fingerprint=f"{task}-data", protocol={}),
        encoder=encoder,
        main_score=MainScore(metric="score", value=score),
        cells=(cell,),
        environment=Environment(evalkit="0", python="3", platform="simulated", packages={}),
        timing=None,
    )
    return Path(encoder.name) / f"{task}.json", made


def encoder(name: str, side: str = "") -> EncoderRecord:
    """An encoder; the two sides differ by their fingerprint, as an encoder and its next version do."""
    return EncoderRecord(name=name, fingerprint=f"{name}-{side}", spec=name, similarity="cosine")


def paired(name: str, tasks: Mapping[str, tuple[Observations, Observations]]) -> Pair:
    """Baseline and candidate of one encoder on some tasks."""
    old, new = encoder(name, "baseline"), encoder(name, "candidate")
    return Pair(name, old, new, {task: (record(old, task, a), record(new, task, b)) for task, (a, b) in tasks.items()})


def checked(pairs: Sequence[Pair], settings: Settings, alpha: float | None = None) -> Report:
    """What `check` reports of pairs in memory: its own functions, without files, texts and history."""
    evidence = [gather(pair, settings) for pair in pairs]
    flat = [
        (pair.label, each)
        for pair, of in zip(pairs, evidence, strict=True)
        for each in (*of.tasks, *([of.mean] if of.mean else []))
    ]
    lines, family = judge(flat, settings, settings.alpha if alpha is None else alpha)
    encoders = []
    for pair in pairs:
        mine = [line for line in lines if line.encoder == pair.label]
        tasks = tuple(line for line in mine if line.name != MEAN)
        mean = next((line for line in mine if line.name == MEAN), None)
        encoders.append(EncoderCheck(pair.label, pair.baseline, pair.candidate, tasks, mean))
    return Report(
        settings, "baseline", "candidate", tuple(encoders), settings.alpha if alpha is None else alpha, family
    )
