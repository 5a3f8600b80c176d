"""Bayesian signed-rank test with a region of practical equivalence (ROPE)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit_leaderboard.significance.intervals import vector

if TYPE_CHECKING:
    from evalkit.types import AnyArray, FloatArray

BUDGET = 16 << 20
"""Bytes that the weights of one chunk may take."""


@dataclass(frozen=True)
class Posterior:
    """Posterior chances that a pair of tasks drawn at random is mostly worse, equivalent or better for A.

    Attributes:
        worse: P(A is practically worse); None where there are no tasks.
        equivalent: P(the difference is within the region).
        better: P(A is practically better).
        rope: Half width of the region, in the units of the score.
        n: Tasks.
        note: A sentence, where the numbers are missing.
    """

    worse: float | None
    equivalent: float | None
    better: float | None
    rope: float
    n: int
    note: str = ""


def signed_rank_posterior(
    differences: AnyArray, *, rope: float = 0.01, prior: float = 0.5, draws: int = 50_000, seed: int = 0
) -> Posterior:
    """The Bayesian counterpart of Wilcoxon's signed-rank test over tasks.

    A Dirichlet process puts the weight `prior` on a difference of 0 and 1 on every task. For each draw of weights w,
    the masses of w_i w_j with (d_i + d_j) / 2 below, within and above the region are compared; the posterior is how
    often each is largest. Source: Benavoli, Corani, Demsar and Zaffalon 2017 (JMLR 18), section 4.2.1.

    Args:
        differences: (n,) A less B on every task.
        rope: Half width of the region of practical equivalence, at least 0; its border belongs to it.
        prior: Weight of the pseudo-observation at 0, above 0.
        draws: How many Dirichlet draws.
        seed: From `seed_of`.

    Raises:
        ValueError: If rope, prior or draws is out of range, or a difference is no finite number.
    """
    values = vector(differences)
    if rope < 0 or not prior > 0 or draws < 1 or not np.isfinite(values).all():
        raise ValueError("Finite differences, rope >= 0, prior > 0 and at least one draw are needed.")
    if not len(values):
        return Posterior(None, None, None, rope, 0, "There are no tasks to compare on.")
    with_prior = np.concatenate([[0.0], values])
    generator = np.random.default_rng(seed)
    largest = np.zeros(3, dtype=np.int64)
    step = max(1, BUDGET // (8 * len(with_prior)))
    for start in range(0, draws, step):
        weights = generator.standard_exponential((min(step, draws - start), len(with_prior)))
        weights[:, 0] = generator.standard_gamma(prior, len(weights))
        winners = np.argmax(region_masses(with_prior, weights, rope), axis=1)
        largest += np.bincount(winners, minlength=3)
    worse, equivalent, better = (float(count) / draws for count in largest)
    return Posterior(worse, equivalent, better, rope, len(values))


def region_masses(values: FloatArray, weights: FloatArray, rope: float) -> FloatArray:
    """(b, 3) masses of the pairs of values whose mean is below -rope, within, and above rope.

    Args:
        values: (n,) differences.
        weights: (b, n) weights, at least 0; a row's masses sum to the square of its sum.
        rope: Half width of the region.
    """
    order = np.argsort(values, kind="stable")
    ordered, sorted_weights = values[order], weights[:, order]
    # With the values in order, the partners of i below the region are the first few, those above the last few.
    up_to = np.concatenate([np.zeros((len(weights), 1)), np.cumsum(sorted_weights, axis=1)], axis=1)
    sums = ordered[:, None] + ordered
    below, not_above = (sums < -2 * rope).sum(axis=1), (sums <= 2 * rope).sum(axis=1)
    worse = (sorted_weights * up_to[:, below]).sum(axis=1)
    better = (sorted_weights * (up_to[:, -1:] - up_to[:, not_above])).sum(axis=1)
    return np.stack([worse, up_to[:, -1] ** 2 - worse - better, better], axis=1)
