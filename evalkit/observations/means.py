"""Statistics that are means over the units: their pseudo-values are the units' own values."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from evalkit.observations.statistic import Evaluator, Sample, Statistic, ratio

if TYPE_CHECKING:
    from evalkit.types import FloatArray


class RowMean(Statistic):
    """Mean over the units of each unit's mean over its repeats; nan while a value that is no number takes part."""

    def value(self, obs: Sample) -> float:
        """Mean over repeats of the mean over units, which is how benchmarks publish it."""
        return float(np.mean(_means(self._rows(obs))))

    def pseudo_values(self, obs: Sample) -> FloatArray:
        """(n,) the mean of every unit over its repeats."""
        return np.asarray(self._rows(obs).mean(axis=1))

    def leave_one_out(self, obs: Sample) -> FloatArray:
        """(n,) the mean without each unit."""
        values, n = self.pseudo_values(obs), len(obs)
        if n < 2 or not np.isfinite(values).all():
            return super().leave_one_out(obs)
        return np.asarray((values.sum() - values) / (n - 1))

    def repeats(self, obs: Sample) -> list[float]:
        """The mean over units of every repeat; empty for a column without repeats."""
        rows = self._rows(obs)
        return [float(mean) for mean in _means(rows)] if rows.shape[1] > 1 else []

    @abstractmethod
    def _rows(self, obs: Sample) -> FloatArray:
        """(n, r) value of every unit in every repeat."""

    def _evaluator(self, obs: Sample) -> tuple[Evaluator, int]:
        values = self.pseudo_values(obs)
        broken = ~np.isfinite(values)
        # A unit with weight 0 is not there, so its nan must not spread: 0 * nan is nan.
        values[broken] = 0.0

        def evaluate(W: FloatArray) -> FloatArray:
            means = ratio(W @ values, W.sum(axis=1), empty=np.nan)
            means[W[:, broken].any(axis=1)] = np.nan
            return means

        return evaluate, len(obs)


class Mean(RowMean):
    """Mean of a column over the units; repeats are averaged within a unit first."""

    name = "mean"
    parameters = ("column",)
    repeated = frozenset({"column"})

    def _rows(self, obs: Sample) -> FloatArray:
        return obs.matrix(self.columns[0]).astype(np.float64)


class DefinedMean(Statistic):
    """Mean of a column over the units where it is defined, not nan; nan where it nowhere is.

    Which units those are may differ between encoders. A unit without value is there all the same, so that encoders
    compare unit by unit: its pseudo-value is the mean, as taking it away changes nothing.
    """

    name = "mean_defined"
    parameters = ("column",)

    def value(self, obs: Sample) -> float:
        """The mean of the defined values, as benchmarks publish it that drop the others."""
        values = self._values(obs)
        defined = values[np.isfinite(values)]
        return float(defined.mean()) if len(defined) else float("nan")

    def leave_one_out(self, obs: Sample) -> FloatArray:
        """(n,) the mean without each unit."""
        values = self._values(obs)
        defined = np.isfinite(values)
        values = np.where(defined, values, 0.0)
        return ratio(values.sum() - values, defined.sum() - defined.astype(np.float64), empty=np.nan)

    def _values(self, obs: Sample) -> FloatArray:
        return np.asarray(obs.matrix(self.columns[0])[:, 0], dtype=np.float64)

    def _evaluator(self, obs: Sample) -> tuple[Evaluator, int]:
        values = self._values(obs)
        defined = np.isfinite(values)
        values = np.where(defined, values, 0.0)

        def evaluate(W: FloatArray) -> FloatArray:
            return ratio(W @ values, W @ defined.astype(np.float64), empty=np.nan)

        return evaluate, len(obs)


class Accuracy(RowMean):
    """Share of the examples whose predicted code is their label; mean over experiments."""

    name = "accuracy"
    parameters = ("label", "predicted")
    repeated = frozenset({"predicted"})

    def _rows(self, obs: Sample) -> FloatArray:
        label, predicted = (obs.matrix(column) for column in self.columns)
        return np.asarray(label == predicted, dtype=np.float64)


class FoldAccuracy(Statistic):
    """Accuracy of each fold of a cross-validation, mean over the folds.

    An example with a negative prediction takes no part in that fold. The folds differ in size, so this is no mean
    over the examples and its pseudo-values are those of the jackknife.
    """

    name = "fold_accuracy"
    parameters = ("label", "predicted")
    repeated = frozenset({"predicted"})

    def repeats(self, obs: Sample) -> list[float]:
        """The accuracy of every fold."""
        return [float(score) for score in self._folds(obs, np.ones((1, len(obs))))[0]]

    def _evaluator(self, obs: Sample) -> tuple[Evaluator, int]:
        def evaluate(W: FloatArray) -> FloatArray:
            return np.asarray(self._folds(obs, W).mean(axis=1))

        return evaluate, 4 * len(obs)

    def _folds(self, obs: Sample, W: FloatArray) -> FloatArray:
        label, predicted = (obs.matrix(column) for column in self.columns)
        return ratio(W @ (label == predicted), W @ (predicted >= 0), empty=np.nan)


def _means(rows: FloatArray) -> FloatArray:
    """(r,) mean of every repeat over the units, nan where it is no finite number."""
    if not len(rows):
        return np.full(rows.shape[1], np.nan)
    with np.errstate(invalid="ignore", over="ignore"):
        # Along the contiguous axis NumPy sums pairwise, so that one column's mean is np.mean of it to the last bit.
        means = np.ascontiguousarray(rows.T).mean(axis=1)
    return np.where(np.isfinite(means), means, np.nan)
