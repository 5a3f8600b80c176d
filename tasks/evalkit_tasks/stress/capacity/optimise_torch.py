"""The optimisation in PyTorch, by its own gradients and its own Adam; on a CUDA device where there is one."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.errors import EvalkitError
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

    Raises:
        EvalkitError: PyTorch is not installed.
    """
    began = time.perf_counter()
    descent = _Descent(relevant, dimension, seed, law)
    loss, steps = descent.run()
    scores = descent.scores()
    return Reached(
        solved=separated(scores, relevant),
        accuracy=accuracy(scores, relevant),
        loss=loss,
        steps=steps,
        seconds=time.perf_counter() - began,
    )


def info_nce(queries: Any, documents: Any, pairs: Any, law: Law) -> Any:
    """The loss, as the released code has it.

    Args:
        queries: (Q, d) tensor.
        documents: (n, d) tensor.
        pairs: (Q, n) tensor, 0 or 1.
        law: Its temperature.
    """
    logits = queries @ documents.T / law.temperature
    return -(logits.log_softmax(dim=1) * pairs).sum() / pairs.sum()


class _Descent:
    def __init__(self, relevant: AnyArray, dimension: int, seed: int, law: Law) -> None:
        self._torch = torch = _pytorch()
        device = "cuda" if torch.cuda.is_available() else "cpu"
        vectors = torch.tensor(start(len(relevant), relevant.shape[1], dimension, seed), device=device)
        self._queries = vectors[: len(relevant)].clone().requires_grad_()
        self._documents = vectors[len(relevant) :].clone().requires_grad_()
        self._pairs = torch.tensor(relevant.astype(np.float32), device=device)
        self._relevant = relevant
        self._law = law
        decays = (law.first_decay, law.second_decay)
        both = [self._queries, self._documents]
        self._adam = torch.optim.Adam(both, lr=law.learning_rate, betas=decays, eps=law.epsilon, fused=True)

    def run(self) -> tuple[float, int]:
        """Move the vectors; returns the last loss and the number of steps."""
        law, patience, loss = self._law, Patience(self._law), math.nan
        for step in range(law.most_steps):
            loss = self._step()
            if patience.ends(loss):
                return loss, step + 1
            if step % law.look_every == 0 and separated(self.scores(), self._relevant):
                return loss, step + 1
        return loss, law.most_steps

    def scores(self) -> Vectors:
        """(Q, n) inner products."""
        with self._torch.no_grad():
            scores: Vectors = (self._queries @ self._documents.T).cpu().numpy()
        return scores

    def _step(self) -> float:
        self._adam.zero_grad()
        loss = info_nce(self._queries, self._documents, self._pairs, self._law)
        loss.backward()
        self._adam.step()
        with self._torch.no_grad():
            for vectors in (self._queries, self._documents):
                vectors /= vectors.norm(dim=1, keepdim=True)
        return float(loss.item())


def _pytorch() -> Any:
    try:
        import torch
    except ImportError:
        raise EvalkitError(
            "The backend torch needs PyTorch, which is not installed.",
            hint="Take --backend numpy: the same law, and on a CPU the faster one.",
        ) from None
    return torch
