"""How far predicted numbers are from the gold ones: errors, explained variance, order; mean over experiments."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.observations.correlation import Kendall
from evalkit.observations.means import RowMean
from evalkit.observations.ranks import dense
from evalkit.observations.statistic import Evaluator, Sample, Statistic, ratio

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.types import AnyArray, FloatArray


class _Prediction(Statistic):
    """A score of predicted numbers."""

    parameters = ("gold", "predicted")
    repeated = frozenset({"predicted"})

    def _errors(self, obs: Sample) -> FloatArray:
        """(n, r) predicted less gold."""
        gold, predicted = (obs.matrix(column).astype(np.float64) for column in self.columns)
        return np.asarray(predicted - gold)


class MeanAbsoluteError(_Prediction, RowMean):
    """Mean of the errors without their signs."""

    name = "mae"

    def _rows(self, obs: Sample) -> FloatArray:
        return np.abs(self._errors(obs))


class MeanSquaredError(_Prediction, RowMean):
    """Mean of the squared errors."""

    name = "mse"

    def _rows(self, obs: Sample) -> FloatArray:
        return np.square(self._errors(obs))


class _ExperimentMean(_Prediction):
    """The mean over experiments of a score that is no mean over the units."""

    def value(self, obs: Sample) -> float:
        """Mean over the experiments."""
        return float(np.mean(self._experiments(obs)))

    def repeats(self, obs: Sample) -> list[float]:
        """Score of every experiment; empty where there is only one."""
        scores = self._experiments(obs)
        return [float(score) for score in scores] if len(scores) > 1 else []

    @abstractmethod
    def _experiments(self, obs: Sample) -> FloatArray:
        """(r,) score of every experiment."""


class _OfWeightedSums(_ExperimentMean):
    """One whose experiments are all scored at once, by sums over weighted units."""

    def _experiments(self, obs: Sample) -> FloatArray:
        return self._scores(obs, np.ones((1, len(obs))))[0] if len(obs) else np.array([np.nan])

    @abstractmethod
    def _scores(self, obs: Sample, W: FloatArray) -> FloatArray:
        """(b, r) score of every experiment under every reweighting."""

    def _evaluator(self, obs: Sample) -> tuple[Evaluator, int]:
        def evaluate(W: FloatArray) -> FloatArray:
            return np.asarray(self._scores(obs, W).mean(axis=1))

        return evaluate, 6 * len(obs)


class RootMeanSquaredError(_OfWeightedSums):
    """Root of each experiment's mean squared error."""

    name = "rmse"

    def leave_one_out(self, obs: Sample) -> FloatArray:
        """(n,) the score without each unit."""
        n = len(obs)
        squares = np.square(self._errors(obs))
        if n < 2 or not np.isfinite(squares).all():
            return super().leave_one_out(obs)
        # Rounding may leave a sum of squares just below 0.
        left = np.maximum(squares.sum(axis=0) - squares, 0.0) / (n - 1)
        return np.asarray(np.sqrt(left).mean(axis=1))

    def _scores(self, obs: Sample, W: FloatArray) -> FloatArray:
        squares = np.square(self._errors(obs))
        return np.sqrt(
            ratio(W @ squares, np.broadcast_to(W.sum(axis=1)[:, None], (len(W), squares.shape[1])), empty=np.nan)
        )


class R2(_OfWeightedSums):
    """Coefficient of determination, as scikit-learn's `r2_score`.

    Of a constant gold column it is 1 where every prediction is right and 0 otherwise; of a single unit it is nan.
    """

    name = "r2"

    def _scores(self, obs: Sample, W: FloatArray) -> FloatArray:
        gold = obs.columns[self.columns[0]].astype(np.float64)
        unexplained = W @ np.square(self._errors(obs))
        spread = _spread(gold, W)[:, None]
        scores = 1.0 - ratio(unexplained, np.broadcast_to(spread, unexplained.shape), empty=1.0)
        scores[(spread == 0) & (unexplained == 0)] = 1.0
        scores[W.sum(axis=1) < 2] = np.nan
        return np.asarray(scores)


def _spread(values: FloatArray, W: FloatArray) -> FloatArray:
    """(b,) weighted sum of squares about the weighted mean, exactly 0 where one value has all the weight."""
    means = ratio(W @ values, W.sum(axis=1), empty=np.nan)
    squares: FloatArray = np.einsum("bn,bn->b", W, np.square(values - means[:, None]))
    codes = dense(values)
    drawn = W > 0
    highest = np.where(drawn, codes, -1).max(axis=1, initial=-1)
    lowest = np.where(drawn, codes, len(codes)).min(axis=1, initial=len(codes))
    squares[highest <= lowest] = 0.0
    return squares


class KendallMean(_ExperimentMean):
    """Kendall's tau-b of each experiment; nan where one of them is."""

    name = "kendall_mean"

    def leave_one_out(self, obs: Sample) -> FloatArray:
        """(n,) the score without each unit."""
        return np.asarray(np.mean([_KENDALL.leave_one_out(each) for each in self._apart(obs)], axis=0))

    def _experiments(self, obs: Sample) -> FloatArray:
        return np.array([_KENDALL.value(each) if len(obs) else np.nan for each in self._apart(obs)])

    def _evaluator(self, obs: Sample) -> tuple[Evaluator, int]:
        found = [_KENDALL._evaluator(each) for each in self._apart(obs)]

        def evaluate(W: FloatArray) -> FloatArray:
            return np.asarray(np.mean([inner(W) for inner, _ in found], axis=0))

        return evaluate, max(width for _, width in found)

    def _apart(self, obs: Sample) -> list[_Experiment]:
        """The units with the predictions of one experiment each."""
        gold, predicted = (obs.matrix(column) for column in self.columns)
        return [_Experiment({"gold": gold[:, 0], "predicted": column}) for column in predicted.T]


@dataclass(frozen=True)
class _Experiment:
    """One experiment as a sample of its own."""

    columns: Mapping[str, AnyArray]

    def __len__(self) -> int:
        return len(self.columns["gold"])

    def matrix(self, column: str) -> AnyArray:
        return np.asarray(self.columns[column])[:, None]


_KENDALL = Kendall("gold", "predicted")
