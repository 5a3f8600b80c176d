"""Joint draws of all pairs' statistics under the hypothesis that no two models differ: what max-T compares with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit_leaderboard.significance.multiplicity import Draws, step_down

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.types import AnyArray, FloatArray, IntArray, Vectors


@dataclass(frozen=True, eq=False)
class Null:
    """Draws of models' means, from which every pair's statistic follows by a subtraction.

    Attributes:
        groups: Weights of the pairs (M, M) and draws of the models' means (M, B), one for each group of
            tasks whose pairs have the same weights; a single task is one group of weight 1.
        scale: (M, M) what a pair's weighted difference is multiplied with to put all pairs on one scale.
        exact: Whether the B draws are all there can be, the observed one among them.
    """

    groups: Sequence[tuple[FloatArray, AnyArray]]
    scale: FloatArray
    exact: bool = False

    def draw(self, i: int, j: int) -> AnyArray:
        """(B,) absolute statistic of models i and j."""
        (weights, means), *others = self.groups
        statistic = means[i] - means[j]
        statistic *= float(weights[i, j] * self.scale[i, j])
        for weights, means in others:
            statistic += float(weights[i, j] * self.scale[i, j]) * (means[i] - means[j])
        return np.asarray(np.abs(statistic, out=statistic))

    def together(self, observed: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(M, M) twice: p values of each pair alone, and step-down adjusted for all pairs together.

        Args:
            observed: (M, M) absolute statistics, symmetric; nan where there is none.
        """
        rows, columns = np.triu_indices(len(observed), 1)
        alone, adjusted = step_down(observed[rows, columns], self._pairs(rows, columns), exact=self.exact)
        return symmetric(alone, len(observed)), symmetric(adjusted, len(observed))

    def marginal(self, observed: FloatArray) -> FloatArray:
        """(M, M) p values step-down adjusted for all pairs of the row's model; not symmetric.

        Args:
            observed: (M, M) absolute statistics, symmetric; nan where there is none.
        """
        models = len(observed)
        result = np.ones((models, models))
        for model in range(models):
            others = np.delete(np.arange(models), model)
            draws = self._pairs(np.full(len(others), model), others)
            result[model, others] = step_down(observed[model, others], draws, exact=self.exact)[1]
        return result

    def _pairs(self, rows: IntArray, columns: IntArray) -> Draws:
        return lambda k: self.draw(int(rows[k]), int(columns[k]))


def normal_draws(covariance: FloatArray, draws: int, seed: int) -> Vectors:
    """(M, draws) float32 draws of models' means with the given covariance; only differences have a meaning.

    Args:
        covariance: (M, M) covariance of the means. What the models share may be missing from it.
        draws: How many draws.
        seed: From `seed_of`.
    """
    if not len(covariance):
        return np.zeros((0, draws), dtype=np.float32)
    # Differences do not see what all models share, and without it they keep more digits in float32.
    centred = covariance - covariance.mean(axis=0)
    centred -= centred.mean(axis=1, keepdims=True)
    values, vectors = np.linalg.eigh((centred + centred.T) / 2)
    root = (vectors * np.sqrt(np.maximum(values, 0))).astype(np.float32)
    return np.asarray(root @ np.random.default_rng(seed).standard_normal((len(root), draws), dtype=np.float32))


def inverse_root(variance: FloatArray) -> FloatArray:
    """1 / sqrt of every variance; 0 where it is 0 or unknown."""
    known = np.nan_to_num(variance)
    return np.divide(1.0, np.sqrt(known), out=np.zeros_like(known), where=known > 0)


def symmetric(upper: FloatArray, models: int) -> FloatArray:
    """(M, M) symmetric matrix of p values from its upper triangle; 1 on the diagonal."""
    matrix = np.ones((models, models))
    rows, columns = np.triu_indices(models, 1)
    matrix[rows, columns] = matrix[columns, rows] = upper
    return matrix
