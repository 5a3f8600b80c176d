"""The law of the optimisation, whoever carries it out: constants, start, stopping rule, and what counts as solved.

Source: the code that Weller et al. (2025) released, `code/free_embedding_experiment.py` of google-deepmind/limit at
16792755.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from evalkit.types import AnyArray, Vectors


@dataclass(frozen=True)
class Law:
    """Constants of the optimisation; the defaults are those of the released code.

    Attributes:
        learning_rate: Of Adam.
        first_decay: Adam's decay of the mean of the gradients.
        second_decay: Adam's decay of the mean of their squares.
        epsilon: What Adam adds to the root of the latter.
        temperature: What inner products are divided by.
        patience: Steps without gain after which it ends.
        least_gain: By how much a loss must fall below the lowest before to be a gain.
        most_steps: Steps after which it ends in any case.
        look_every: Steps from one look at the accuracy to the next; the first comes after the first step.
    """

    learning_rate: float = 0.01
    first_decay: float = 0.9
    second_decay: float = 0.999
    epsilon: float = 1e-8
    temperature: float = 0.1
    patience: int = 1_000
    least_gain: float = 1e-5
    most_steps: int = 100_000
    look_every: int = 50


@dataclass(frozen=True)
class Reached:
    """Where an optimisation ended.

    Attributes:
        solved: Whether every query has all its relevant documents above all others.
        accuracy: Share of the relevant documents that are among the top k of their queries, k their number.
        loss: InfoNCE at the last step, in nats.
        steps: How many there were.
        seconds: How long they took.
    """

    solved: bool
    accuracy: float
    loss: float
    steps: int
    seconds: float


class Patience:
    """Tells when the loss has ceased to fall.

    Args:
        law: Its patience and least gain.
    """

    def __init__(self, law: Law) -> None:
        self._law = law
        self._best = math.inf
        self._idle = 0

    def ends(self, loss: float) -> bool:
        """Whether it ends after a step of this loss."""
        if loss < self._best - self._law.least_gain:
            self._best = loss
            self._idle = 0
        else:
            self._idle += 1
        return self._idle >= self._law.patience


def start(n_queries: int, n_documents: int, dimension: int, seed: int) -> Vectors:
    """Unit vectors in random directions, the same for every backend.

    Returns:
        (n_queries + n_documents, dimension) float32, queries first.
    """
    generator = np.random.Generator(np.random.PCG64([seed, dimension, n_queries, n_documents]))
    vectors = generator.standard_normal((n_queries + n_documents, dimension)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def separated(scores: AnyArray, relevant: AnyArray) -> bool:
    """Whether every query scores each of its relevant documents above each other document; a tie is none above.

    Args:
        scores: (Q, n) scores.
        relevant: (Q, n) bool.
    """
    lowest = np.where(relevant, scores, np.inf).min(axis=1)
    highest = np.where(relevant, -np.inf, scores).max(axis=1)
    return bool((lowest > highest).all())


def accuracy(scores: AnyArray, relevant: AnyArray) -> float:
    """Share of relevant documents among the top k of their query, k their number; others win ties.

    Args:
        scores: (Q, n) scores.
        relevant: (Q, n) bool, at least one true.
    """
    order = np.lexsort((relevant, -scores), axis=1)
    found = np.take_along_axis(relevant, order, axis=1)
    top = np.arange(relevant.shape[1]) < relevant.sum(axis=1, keepdims=True)
    return float((found & top).sum() / relevant.sum())
