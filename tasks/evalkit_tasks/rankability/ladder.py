"""The rungs of the ladder on one split: out-of-fold predictions of every item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.repeats import run_repeats
from evalkit_tasks.rankability.axis import extremes, halves, ridge, standardised, two_extremes
from evalkit_tasks.rankability.head import head
from evalkit_tasks.rankability.measures import mean, spearman

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.types import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Fold:
    """One of the folds.

    Attributes:
        number: 0, 1, ...
        train: Rows that are learnt from.
        test: Rows that are predicted.
    """

    number: int
    train: IntArray
    test: IntArray


@dataclass(frozen=True, eq=False)
class Predictions:
    """Out-of-fold predictions.

    Attributes:
        linear: (n,) of the linear axis.
        nonlinear: (n,) of the non-linear head.
        few: (n, repeats, sizes) standardised positions along the few-shot axes.
        sizes: Number of shots of each; 2 are the two extremes.
    """

    linear: FloatArray
    nonlinear: FloatArray
    few: FloatArray
    sizes: tuple[int, ...]

    def curve(self, values: FloatArray) -> dict[int, list[float]]:
        """Spearman of every repeat by number of shots; 0 where the axis tells no item from another."""
        return {
            size: [float(np.nan_to_num(spearman(values, self.few[:, r, s]))) for r in range(self.few.shape[1])]
            for s, size in enumerate(self.sizes)
        }


def make_folds(n: int, count: int, seed: int, *, shuffle: bool) -> list[Fold]:
    """scikit-learn's `KFold`, in file order."""
    from sklearn.model_selection import KFold

    kfold = KFold(count, shuffle=shuffle, random_state=seed if shuffle else None)
    return [Fold(number, train, test) for number, (train, test) in enumerate(kfold.split(np.arange(n)))]


def shot_sizes(n_train: int) -> tuple[int, ...]:
    """2, 4, 8, ... below the number of training items; with all of them it is the linear axis."""
    return tuple(2**power for power in range(1, max(2, n_train).bit_length()) if 2**power < n_train)


def out_of_fold(X: FloatArray, y: FloatArray, folds: Sequence[Fold], alpha: float, workers: int) -> FloatArray:
    """(n,) predictions of the linear axis."""

    def run(fold: Fold) -> FloatArray:
        return ridge(X[fold.train], y[fold.train], alpha)(X[fold.test])

    return _gathered(folds, run_repeats(run, folds, workers=workers))


def predict(
    X: FloatArray, y: FloatArray, folds: Sequence[Fold], *, alpha: float, repeats: int, seed: int, workers: int
) -> Predictions:
    """Linear axis, non-linear head and few-shot axes.

    Args:
        X: (n, d) float64.
        y: (n,).
        folds: Every row is in the test part of one.
        alpha: Penalty of every ridge.
        repeats: Draws of the shots in every fold.
        seed: Of the draws, and of the head.
        workers: Folds that may run side by side.
    """
    sizes = shot_sizes(min(len(fold.train) for fold in folds))

    def run(fold: Fold) -> tuple[FloatArray, FloatArray]:
        known, wanted, test = X[fold.train], y[fold.train], X[fold.test]
        both = np.stack([ridge(known, wanted, alpha)(test), head(known, wanted, test, seed)], axis=1)
        return both, few_shot(X, y, fold, sizes, alpha=alpha, repeats=repeats, seed=seed)

    done = run_repeats(run, folds, workers=workers)
    both = _gathered(folds, [each[0] for each in done])
    return Predictions(both[:, 0], both[:, 1], _gathered(folds, [each[1] for each in done]), sizes)


def few_shot(
    X: FloatArray, y: FloatArray, fold: Fold, sizes: Sequence[int], *, alpha: float, repeats: int, seed: int
) -> FloatArray:
    """(len(fold.test), repeats, len(sizes)) standardised positions of the test items along few-shot axes.

    Each repeat shuffles the training items once; n shots are the first n of them, so that a curve grows by adding
    shots. Two shots are the two extremes of all training items.
    """
    directions = np.empty((X.shape[1], repeats, len(sizes)))
    for repeat in range(repeats):
        rng = np.random.default_rng([seed, fold.number, repeat])
        order = rng.permutation(fold.train)
        directions[:, repeat, 0] = two_extremes(X[order], y[order], rng)
        for column, size in enumerate(sizes[1:], start=1):
            directions[:, repeat, column] = ridge(X[order[:size]], y[order[:size]], alpha).direction
    rows = np.concatenate([fold.test, fold.train])
    positions = X[rows] @ directions.reshape(X.shape[1], -1)
    n_test = len(fold.test)
    return standardised(positions, np.arange(n_test, len(rows)))[:n_test].reshape(n_test, repeats, len(sizes))


def extremes_score(X: FloatArray, y: FloatArray, fraction: float, seed: int) -> float:
    """Spearman, on one half of the items, along the axis between the ends of the other half."""
    learnt, tested = halves(len(y), seed)
    return spearman(y[tested], X[tested] @ extremes(X[learnt], y[learnt], fraction))


def transfer_scores(
    X: FloatArray, y: FloatArray, groups: IntArray, left_out: Sequence[int], alpha: float
) -> dict[int, float]:
    """Spearman within each group along the axis of all other groups, by the group's code; nan where undefined."""
    scores = {}
    for group in left_out:
        tested = groups == group
        scores[group] = spearman(y[tested], ridge(X[~tested], y[~tested], alpha)(X[tested]))
    return scores


def transfer_mean(scores: Sequence[float]) -> float:
    """Mean over the groups in which there is an order to keep."""
    return mean([score for score in scores if np.isfinite(score)])


def _gathered(folds: Sequence[Fold], parts: Sequence[FloatArray]) -> FloatArray:
    """The folds' test items in the order of the rows."""
    rows = np.concatenate([fold.test for fold in folds])
    stacked = np.concatenate(parts)
    out = np.empty_like(stacked)
    out[rows] = stacked
    return out
