"""The optimisation in NumPy, with the gradient written out. The default: on a CPU no other backend is faster.

At the sizes that matter (45 to 4,000 queries, 10 to 90 documents) a step is some 25 calls on arrays that fit in the
processor's cache. An automatic differentiation spends more than that on its bookkeeping; `benchmarks/capacity.md` has
the figures.
"""

from __future__ import annotations

import math
import time
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import ThreadpoolController

from evalkit_tasks.stress.capacity.law import Law, Patience, Reached, accuracy, separated, start

if TYPE_CHECKING:
    from evalkit.types import AnyArray, Vectors


def optimise(relevant: AnyArray, dimension: int, seed: int, law: Law) -> Reached:
    """Optimise free vectors until they answer every query or the law ends it.

    Args:
        relevant: (Q, n) bool, which documents are relevant to which query.
        dimension: Of the vectors.
        seed: Of the start.
        law: The constants.
    """
    began = time.perf_counter()
    # One thread: the products are small, and the same on every machine.
    with _libraries().limit(limits=1, user_api="blas"):
        vectors = start(len(relevant), relevant.shape[1], dimension, seed)
        loss, steps = _descend(vectors, relevant, law)
        scores = _scores(vectors, len(relevant))
    return Reached(
        solved=separated(scores, relevant),
        accuracy=accuracy(scores, relevant),
        loss=loss,
        steps=steps,
        seconds=time.perf_counter() - began,
    )


@cache
def _libraries() -> ThreadpoolController:
    # Finding them takes longer than a small optimisation.
    return ThreadpoolController()


def _descend(vectors: Vectors, relevant: AnyArray, law: Law) -> tuple[float, int]:
    """Move the vectors; returns the last loss and the number of steps."""
    objective, adam, patience = InfoNCE(relevant, vectors.shape[1], law), _Adam(vectors, law), Patience(law)
    loss = math.nan
    for step in range(law.most_steps):
        loss = objective(vectors)
        adam.move(objective.gradient)
        if patience.ends(loss):
            return loss, step + 1
        if step % law.look_every == 0 and separated(_scores(vectors, len(relevant)), relevant):
            return loss, step + 1
    return loss, law.most_steps


def _scores(vectors: Vectors, n_queries: int) -> Vectors:
    scores: Vectors = vectors[:n_queries] @ vectors[n_queries:].T
    return scores


class InfoNCE:
    """Mean over all relevant pairs of -log softmax over all documents, and its gradient.

    With z the logits, s_q the sum of exp z over the documents, R the 0/1 relevance, r_q its row sums and N = sum r,
    the loss is sum_q (r_q / N) log s_q - sum R z / N, and its gradient in z is (r_q / N) softmax - R / N. Other
    relevant documents of a query stand in the denominator too, as in the released code.

    Args:
        relevant: (Q, n) bool.
        dimension: Of the vectors.
        law: Its temperature.

    Attributes:
        gradient: (Q + n, dimension) float32, queries first, at the vectors last called with.
    """

    def __init__(self, relevant: AnyArray, dimension: int, law: Law) -> None:
        n_queries, n_documents = relevant.shape
        total = relevant.sum()
        self._pairs: Vectors = (relevant / total).astype(np.float32)
        self._weights: Vectors = (relevant.sum(axis=1) / total).astype(np.float32)
        self._ones = np.ones(n_documents, dtype=np.float32)
        self._logits = np.empty((n_queries, n_documents), dtype=np.float32)
        self._slopes = np.empty_like(self._logits)
        self._sums = np.empty(n_queries, dtype=np.float32)
        self._scale = np.float32(1 / law.temperature)
        self.gradient = np.empty((n_queries + n_documents, dimension), dtype=np.float32)

    def __call__(self, vectors: Vectors) -> float:
        """The loss in nats.

        Args:
            vectors: (Q + n, dimension) float32, queries first; of unit length, so that no exponential overflows.
        """
        split = len(self._sums)
        queries, documents = vectors[:split], vectors[split:] * self._scale
        np.matmul(queries, documents.T, out=self._logits)
        np.exp(self._logits, out=self._slopes)
        np.dot(self._slopes, self._ones, out=self._sums)
        loss = np.dot(np.log(self._sums), self._weights) - np.dot(self._logits.ravel(), self._pairs.ravel())
        np.divide(self._weights, self._sums, out=self._sums)
        self._slopes *= self._sums[:, None]
        self._slopes -= self._pairs
        np.matmul(self._slopes, documents, out=self.gradient[:split])
        np.matmul(self._slopes.T, queries, out=self.gradient[split:])
        self.gradient[split:] *= self._scale
        return float(loss)


class _Adam:
    """Adam (Kingma and Ba 2015) on vectors in place, each brought back to unit length after every step."""

    def __init__(self, vectors: Vectors, law: Law) -> None:
        self._vectors = vectors
        self._law = law
        self._first = np.zeros_like(vectors)
        self._second = np.zeros_like(vectors)
        self._work = np.empty_like(vectors)
        self._ones = np.ones(vectors.shape[1], dtype=np.float32)
        self._steps = 0

    def move(self, gradient: Vectors) -> None:
        """One step; the gradient is written over."""
        law, work = self._law, self._work
        self._steps += 1
        np.subtract(gradient, self._first, out=work)
        work *= np.float32(1 - law.first_decay)
        self._first += work
        np.multiply(gradient, gradient, out=gradient)
        gradient -= self._second
        gradient *= np.float32(1 - law.second_decay)
        self._second += gradient
        # Both corrections of the bias are numbers, so they are taken out of the arrays.
        first = 1 - law.first_decay**self._steps
        second = math.sqrt(1 - law.second_decay**self._steps)
        np.sqrt(self._second, out=work)
        work += np.float32(law.epsilon * second)
        np.divide(self._first, work, out=work)
        work *= np.float32(law.learning_rate * second / first)
        self._vectors -= work
        self._to_unit_length()

    def _to_unit_length(self) -> None:
        np.multiply(self._vectors, self._vectors, out=self._work)
        lengths = np.sqrt(np.dot(self._work, self._ones))
        self._vectors /= lengths[:, None]
