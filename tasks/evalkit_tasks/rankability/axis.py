"""Directions in the space of the vectors, each learnt in closed form, and where items lie along them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from evalkit.types import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Axis:
    """A direction and an offset: the item x lies at x @ direction + offset.

    Attributes:
        direction: (d,).
        offset: What is added.
    """

    direction: FloatArray
    offset: float

    def __call__(self, X: FloatArray) -> FloatArray:
        """(n,) where the rows of X lie along it."""
        return np.asarray(X @ self.direction + self.offset)


def ridge(X: FloatArray, y: FloatArray, alpha: float) -> Axis:
    """The axis w that minimises |y - Xw - b|^2 + alpha |w|^2, as scikit-learn's `Ridge` has it (b is not penalised).

    One symmetric system, of the dimensions or of the items, whichever are fewer; with alpha above 0 it always has
    one solution, also where there are more dimensions than items.

    Args:
        X: (n, d).
        y: (n,).
        alpha: Above 0.
    """
    from scipy.linalg import solve

    mean, level = X.mean(axis=0), float(y.mean())
    centred = X - mean
    if X.shape[1] <= len(X):
        gram = centred.T @ centred
        gram.flat[:: len(gram) + 1] += alpha
        direction = solve(gram, centred.T @ (y - level), assume_a="pos")
    else:
        gram = centred @ centred.T
        gram.flat[:: len(gram) + 1] += alpha
        direction = centred.T @ solve(gram, y - level, assume_a="pos")
    return Axis(direction, level - float(mean @ direction))


def two_extremes(X: FloatArray, y: FloatArray, rng: np.random.Generator) -> FloatArray:
    """(d,) from the item of lowest to the item of highest value; of equals one is drawn."""
    low, high = (rng.choice(np.flatnonzero(y == end)) for end in (y.min(), y.max()))
    return np.asarray(X[high] - X[low])


def extremes(X: FloatArray, y: FloatArray, fraction: float) -> FloatArray:
    """(d,) mean of the items at the upper end less mean of those at the lower end.

    Args:
        X: (n, d).
        y: (n,).
        fraction: Share of the items at each end, rounded to whole items, at least one.
    """
    order = np.argsort(y, kind="stable")
    k = max(1, round(fraction * len(y)))
    return np.asarray(X[order[-k:]].mean(axis=0) - X[order[:k]].mean(axis=0))


def halves(n: int, seed: int) -> tuple[IntArray, IntArray]:
    """Rows that make the axis of the extremes, and rows that it is tested on."""
    rows = np.random.default_rng(seed).permutation(n)
    return rows[: n // 2], rows[n // 2 :]


def standardised(positions: FloatArray, train: IntArray) -> FloatArray:
    """(n, m) positions in units of the training items' spread, from their mean; 0 where they have no spread.

    Axes of different folds have different lengths and offsets; so scaled, their positions can be ranked together.

    Args:
        positions: (n, m) positions of all items along m axes.
        train: Rows of the training items.
    """
    there = positions[train]
    spread = there.std(axis=0)
    # An axis of rounding errors is none.
    real = spread > 1e-12 * np.maximum(np.abs(there).max(axis=0), 1e-300)
    out = np.zeros_like(positions)
    np.divide(positions - there.mean(axis=0), spread, out=out, where=real)
    return out
