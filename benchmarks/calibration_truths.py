"""Distributions whose truth is known, to draw models' values from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np
from scipy.stats import norm

from evalkit.types import AnyArray, FloatArray

Generator: TypeAlias = np.random.Generator


@dataclass(frozen=True)
class PairTruth:
    """Values of two models on the same units.

    Attributes:
        name: What the tables call it.
        draw: Takes a generator, a number of units and the standardised true difference that is wanted; returns the
            values of A and of B, and the true difference of their means.
    """

    name: str
    draw: Callable[[Generator, int, float], tuple[FloatArray, FloatArray, float]]


def _shifted(noise: Callable[[Generator, int], tuple[FloatArray, FloatArray]], sd: float) -> Callable[..., object]:
    """Values with units of their own difficulty and noise of mean 0, A's shifted."""

    def draw(generator: Generator, n: int, effect: float) -> tuple[FloatArray, FloatArray, float]:
        units = 0.5 + 0.2 * generator.normal(size=n)
        a, b = noise(generator, n)
        return units + a + effect * sd, units + b, effect * sd

    return draw


def _outcomes(table: dict[tuple[float, float], float], win: tuple[float, float]) -> Callable[..., object]:
    """Outcomes (a, b) with probabilities and equal means; for an effect, some units turn to the winning outcome."""
    values, chances = np.array(list(table)), np.array(list(table.values()))
    assert abs(chances.sum() - 1) < 1e-12 and abs(chances @ (values[:, 0] - values[:, 1])) < 1e-12
    values = np.vstack([values, win])
    differences = values[:, 0] - values[:, 1]

    @cache
    def tilted(effect: float) -> FloatArray:
        low, high = 0.0, 1.0
        for _ in range(60):
            share = (low + high) / 2
            mixed = np.append((1 - share) * chances, share)
            mean = mixed @ differences
            reached = mean >= effect * np.sqrt(mixed @ differences**2 - mean**2)
            low, high = (low, share) if reached else (share, high)
        return np.append((1 - low) * chances, low)

    def draw(generator: Generator, n: int, effect: float) -> tuple[FloatArray, FloatArray, float]:
        mixed = tilted(effect) if effect else np.append(chances, 0.0)
        drawn = values[np.searchsorted(np.cumsum(mixed)[:-1], generator.random(n), side="right")]
        return drawn[:, 0], drawn[:, 1], float(mixed @ differences)

    return draw


def _normal(sd_a: float, sd_b: float) -> Callable[[Generator, int], tuple[FloatArray, FloatArray]]:
    return lambda generator, n: (sd_a * generator.normal(size=n), sd_b * generator.normal(size=n))


def _heavy(generator: Generator, n: int) -> tuple[FloatArray, FloatArray]:
    return 0.1 * generator.standard_t(3, size=n), np.zeros(n)


def _skewed(generator: Generator, n: int) -> tuple[FloatArray, FloatArray]:
    return 0.1 * (generator.lognormal(0, 1, size=n) - np.exp(0.5)), np.zeros(n)


RECALL = {(0, 0): 0.25, (0.5, 0.5): 0.15, (1, 1): 0.3, (0.5, 0): 0.1, (0, 0.5): 0.1, (1, 0.5): 0.03, (0.5, 1): 0.03,
          (1, 0): 0.02, (0, 1): 0.02}  # fmt: skip
LOPSIDED = {(0, 0): 0.1, (0.5, 0.5): 0.15, (1, 1): 0.3, (0.5, 0): 0.15, (1, 0.5): 0.15, (0, 1): 0.15}
RIGHT = {(0, 0): 0.2, (1, 1): 0.7, (1, 0): 0.05, (0, 1): 0.05}

NORMAL = PairTruth("normal, equal variances", _shifted(_normal(0.1, 0.1), np.sqrt(0.02)))  # type: ignore[arg-type]
UNEQUAL = PairTruth("normal, variances 1 : 25", _shifted(_normal(0.05, 0.25), np.sqrt(0.065)))  # type: ignore[arg-type]
TIED = PairTruth("0/.5/1, 70 % ties", _outcomes(RECALL, (1.0, 0.5)))  # type: ignore[arg-type]
LARGE_LOSSES = PairTruth("0/.5/1, small wins, large losses", _outcomes(LOPSIDED, (1.0, 0.5)))  # type: ignore[arg-type]
ACCURACY = PairTruth("0/1, 90 % ties", _outcomes(RIGHT, (1.0, 0.0)))  # type: ignore[arg-type]
HEAVY = PairTruth("heavy tails: t with 3 df", _shifted(_heavy, 0.1 * np.sqrt(3)))  # type: ignore[arg-type]
SKEWED = PairTruth(
    "skewed: lognormal less its mean",
    _shifted(_skewed, 0.1 * np.sqrt((np.e - 1) * np.e)),  # type: ignore[arg-type]
)
PAIR_TRUTHS = (NORMAL, UNEQUAL, TIED, LARGE_LOSSES, ACCURACY, HEAVY, SKEWED)


@dataclass(frozen=True)
class ManyTruth:
    """Values of many models on the same units.

    Attributes:
        name: What the tables call it.
        draw: Takes a generator, (M,) shifts in units of a model's own noise and a number of units; returns (M, n).
            Means are equal where shifts are, and ordered as the shifts are.
    """

    name: str
    draw: Callable[[Generator, FloatArray, int], FloatArray]


def _many_normal(generator: Generator, shifts: FloatArray, n: int) -> FloatArray:
    return 0.2 * generator.normal(size=n) + 0.1 * (generator.normal(size=(len(shifts), n)) + shifts[:, None])


def _many_unequal(generator: Generator, shifts: FloatArray, n: int) -> FloatArray:
    scale = np.geomspace(0.3, 3, len(shifts))[:, None]
    return 0.2 * generator.normal(size=n) + 0.1 * (scale * generator.normal(size=(len(shifts), n)) + shifts[:, None])


def _many_discrete(generator: Generator, shifts: FloatArray, n: int) -> FloatArray:
    latent = 1.5 * generator.normal(size=n) + generator.normal(size=(len(shifts), n)) + shifts[:, None]
    return 0.5 * ((latent > -0.3).astype(np.float64) + (latent > 0.8))


def _many_heavy(generator: Generator, shifts: FloatArray, n: int) -> FloatArray:
    return 0.2 * generator.normal(size=n) + 0.1 * (generator.standard_t(3, size=(len(shifts), n)) + shifts[:, None])


MANY_NORMAL = ManyTruth("normal, equal variances", _many_normal)
MANY_UNEQUAL = ManyTruth("normal, standard deviations 1 to 10", _many_unequal)
MANY_DISCRETE = ManyTruth("0/.5/1, tied", _many_discrete)
MANY_HEAVY = ManyTruth("heavy tails: t with 3 df", _many_heavy)
MANY_TRUTHS = (MANY_NORMAL, MANY_UNEQUAL, MANY_DISCRETE, MANY_HEAVY)


def sentence_pairs(generator: Generator, n: int, qualities: tuple[float, ...], *, steps: bool) -> list[FloatArray]:
    """Gold scores of sentence pairs, from 0 to 5 in steps of .5 or continuous, and the predictions of each model.

    Predictions correlate with the latent gold score by their quality, and with each other beyond it.
    """
    latent, shared = generator.normal(size=(2, n))
    gold = np.round(2 * np.clip(2.5 + 1.4 * latent, 0, 5)) / 2 if steps else latent
    predictions = []
    for quality in qualities:
        noise = np.sqrt(0.5) * (shared + generator.normal(size=n))
        predictions.append(quality * latent + np.sqrt(1 - quality**2) * noise)
    return [gold, *predictions]


PRIORS = np.array([0.4, 0.3, 0.15, 0.1, 0.05])


def classified(generator: Generator, n: int, qualities: tuple[float, ...], experiments: int) -> list[AnyArray]:
    """Labels of five classes, and (n, experiments) predictions of each model.

    An example is easy or hard for all; experiments of a model agree more often than two models do.
    """
    label = generator.choice(len(PRIORS), size=n, p=PRIORS)
    difficulty = generator.normal(size=(n, 1))
    wrong = generator.choice(len(PRIORS), size=n, p=PRIORS)
    predictions: list[AnyArray] = []
    for quality in qualities:
        latent = (difficulty + generator.normal(size=(n, 1)) + generator.normal(size=(n, experiments))) / np.sqrt(3)
        right = latent < norm.ppf(quality)
        own = generator.choice(len(PRIORS), size=(n, 1), p=PRIORS)
        other = np.where(generator.random((n, experiments)) < 0.5, wrong[:, None], own)
        predictions.append(np.where(right, label[:, None], other))
    return [label, *predictions]


def clustered(generator: Generator, n: int, qualities: tuple[float, ...], repeats: int) -> tuple[AnyArray, ...]:
    """Labels of ten topics, (n, repeats) draws of documents, and (n, repeats) clusters of each model; -1 undrawn."""
    label = generator.integers(0, 10, size=n)
    draws = np.stack([np.bincount(generator.integers(0, n, n), minlength=n) for _ in range(repeats)], axis=1)
    clusters = []
    for quality in qualities:
        stray = np.where(generator.random(n) < 0.7, (label + 1) % 10, generator.integers(0, 10, size=n))
        right = (generator.normal(size=(n, 1)) + 0.5 * generator.normal(size=(n, repeats))) / np.sqrt(1.25)
        found = np.where(right < norm.ppf(quality), label[:, None], stray[:, None])
        clusters.append(np.where(draws > 0, found, -1))
    return (label, draws, *clusters)
