"""F1, precision, recall and average precision of predicted labels, with scikit-learn's definitions.

All of them read three counts a class: how often it is the label (support), how often it is predicted, and how
often both (hits). A weighted sample changes the counts; leaving out one example lowers at most three of them.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from evalkit.observations.statistic import Evaluator, Sample, Statistic, chunks, ratio

if TYPE_CHECKING:
    from evalkit.types import AnyArray, FloatArray, IntArray


@dataclass(frozen=True)
class _Coded:
    """Labels and predictions as codes of one list of classes.

    Attributes:
        label: (n, r) class of every example, -1 in an experiment that it takes no part in.
        predicted: (n, r) predicted class of every example in every experiment, or -1.
        hits: (n, r) class whose hits the example counts for, -1 for none.
        n_classes: How many classes occur.
    """

    label: IntArray
    predicted: IntArray
    hits: IntArray
    n_classes: int


class Confusion(Statistic):
    """A score of predicted labels, averaged over experiments. A class counts where it is a label or predicted.

    An example with a negative prediction takes no part in that experiment, as in the folds of a cross-validation.

    A quotient of nothing is 0 (scikit-learn's ``zero_division=0``).
    """

    parameters = ("label", "predicted")
    repeated = frozenset({"predicted"})
    by_support: ClassVar[bool] = False
    """Whether classes are averaged by how often they are the label (weighted) or equally (macro)."""
    averages: ClassVar[bool] = True
    """Whether it is an average of the classes' own scores, so that leaving out an example changes two of them."""

    def value(self, obs: Sample) -> float:
        """Mean over the experiments."""
        return float(np.mean(self._experiments(obs)))

    def repeats(self, obs: Sample) -> list[float]:
        """Score of every experiment; empty where there is only one."""
        scores = self._experiments(obs)
        return [float(score) for score in scores] if len(scores) > 1 else []

    def leave_one_out(self, obs: Sample) -> FloatArray:
        """(n,) the score without each example, once for every distinct (label, prediction)."""
        if len(obs) < 2:
            return super().leave_one_out(obs)
        coded = self._coded(obs)
        by_experiment = [self._experiment_left_out(coded, experiment) for experiment in range(coded.predicted.shape[1])]
        return np.asarray(np.mean(by_experiment, axis=0))

    @abstractmethod
    def _per_class(self, support: FloatArray, predicted: FloatArray, hits: FloatArray) -> FloatArray:
        """Score of every class from its counts."""

    def _score(self, support: FloatArray, predicted: FloatArray, hits: FloatArray) -> FloatArray:
        """(..., m) scores from (..., classes, m) counts."""
        weights, scores = self._weighed(support, predicted, hits)
        return ratio(scores.sum(axis=-2), weights.sum(axis=-2), empty=np.nan)

    def _weighed(self, support: FloatArray, predicted: FloatArray, hits: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Weight of every class in the average, and its score times that."""
        weights = support if self.by_support else (support + predicted > 0).astype(np.float64)
        return weights, weights * self._per_class(support, predicted, hits)

    def _hits(self, label: AnyArray, predicted: AnyArray) -> AnyArray:
        """(n, r) whether an example counts among the hits of its predicted class."""
        return np.asarray(label == predicted)

    def _coded(self, obs: Sample) -> _Coded:
        label, predicted = (obs.matrix(column) for column in self.columns)
        both = np.concatenate([label, predicted], axis=1)
        classes = np.unique(both[both >= 0])
        codes = np.searchsorted(classes, both)
        # A negative prediction: the example takes no part in that experiment (the folds of a cross-validation).
        tested = predicted >= 0
        hits = np.where(self._hits(label, predicted) & tested, codes[:, 1:], -1)
        return _Coded(np.where(tested, codes[:, :1], -1), np.where(tested, codes[:, 1:], -1), hits, len(classes))

    def _experiments(self, obs: Sample) -> FloatArray:
        """(r,) score of every experiment."""
        if not len(obs):
            return np.array([np.nan])
        return self._counted(self._coded(obs), np.ones((len(obs), 1)))[:, 0]

    def _counted(self, coded: _Coded, weights: FloatArray) -> FloatArray:
        """(r, b) scores of every experiment under (n, b) weights."""
        counted = (coded.label, coded.predicted, coded.hits)
        support, predicted, hits = (_sums(codes, coded.n_classes, weights) for codes in counted)
        return self._score(support, predicted, hits)

    def _evaluator(self, obs: Sample) -> tuple[Evaluator, int]:
        coded = self._coded(obs)

        def evaluate(W: FloatArray) -> FloatArray:
            return np.asarray(self._counted(coded, np.ascontiguousarray(W.T)).mean(axis=0))

        return evaluate, 2 * len(obs) + 8 * coded.n_classes * coded.predicted.shape[1]

    def _experiment_left_out(self, coded: _Coded, experiment: int) -> FloatArray:
        """(n,) score of one experiment without each example: equal outcomes give equal scores."""
        codes = np.stack([each[:, experiment] for each in (coded.label, coded.predicted, coded.hits)])
        counts = [np.bincount(column[column >= 0], minlength=coded.n_classes).astype(np.float64) for column in codes]
        outcomes, of = np.unique(codes, axis=1, return_inverse=True)
        left_out = self._touched_left_out if self.averages else self._all_left_out
        return left_out(counts, outcomes)[of.reshape(-1)]

    def _all_left_out(self, counts: list[FloatArray], outcomes: IntArray) -> FloatArray:
        """(m,) score without an example of each outcome, from all classes."""
        scores = np.empty(outcomes.shape[1])
        for part in chunks(outcomes.shape[1], 8 * len(counts[0])):
            lowered = (_lowered(count, column[part]) for count, column in zip(counts, outcomes, strict=True))
            scores[part] = self._score(*lowered)
        return scores

    def _touched_left_out(self, counts: list[FloatArray], outcomes: IntArray) -> FloatArray:
        """(m,) the same from the two classes that an outcome names: in bitext mining every unit is a class."""
        label, predicted, _ = outcomes
        touched = np.stack([label, np.where(predicted == label, -1, predicted)])
        lowered = [count[touched] - (column == touched) for count, column in zip(counts, outcomes, strict=True)]
        sums = []
        for before, after in zip(self._weighed(*counts), self._weighed(*lowered), strict=True):
            sums.append(before.sum() + np.where(touched >= 0, after - before[touched], 0.0).sum(axis=0))
        return ratio(sums[1], sums[0], empty=np.nan)


class F1(Confusion):
    """Macro F1."""

    name = "f1"

    def _per_class(self, support: FloatArray, predicted: FloatArray, hits: FloatArray) -> FloatArray:
        return ratio(2 * hits, support + predicted, empty=0.0)


class F1Weighted(F1):
    """F1, classes weighted by their support."""

    name = "f1_weighted"
    by_support = True


class Precision(Confusion):
    """Macro precision."""

    name = "precision"

    def _per_class(self, support: FloatArray, predicted: FloatArray, hits: FloatArray) -> FloatArray:  # noqa: ARG002
        return ratio(hits, predicted, empty=0.0)


class PrecisionWeighted(Precision):
    """Precision, classes weighted by their support."""

    name = "precision_weighted"
    by_support = True


class Recall(Confusion):
    """Macro recall."""

    name = "recall"

    def _per_class(self, support: FloatArray, predicted: FloatArray, hits: FloatArray) -> FloatArray:  # noqa: ARG002
        return ratio(hits, support, empty=0.0)


class RecallWeighted(Recall):
    """Recall, classes weighted by their support."""

    name = "recall_weighted"
    by_support = True


class AveragePrecision(Confusion):
    """Average precision of the hard predictions for two labels, the predicted codes taken as scores.

    That is what mteb reports as ``ap``: scikit-learn's ``average_precision_score(label, predicted)``. Its positive
    label is the value 1, so ``positive=0`` is needed where the two labels are called 1 and 2. Without a positive
    example it is 0, as in scikit-learn.
    """

    name = "ap"
    averages = False
    defaults: ClassVar[dict[str, int]] = {"positive": 1}

    def _hits(self, label: AnyArray, predicted: AnyArray) -> AnyArray:
        return np.broadcast_to(label == self.option("positive"), predicted.shape)

    def _per_class(self, support: FloatArray, predicted: FloatArray, hits: FloatArray) -> FloatArray:  # noqa: ARG002
        """Share of positives at each predicted code times the precision at that threshold."""
        from_top = (..., slice(None, None, -1), slice(None))
        above, positives = (np.cumsum(counts[from_top], axis=-2)[from_top] for counts in (predicted, hits))
        return ratio(hits, hits.sum(axis=-2, keepdims=True), empty=0.0) * ratio(positives, above, empty=0.0)

    def _score(self, support: FloatArray, predicted: FloatArray, hits: FloatArray) -> FloatArray:
        return np.asarray(self._per_class(support, predicted, hits).sum(axis=-2))


class AveragePrecisionWeighted(AveragePrecision):
    """What mteb reports as ``ap_weighted``; for two labels scikit-learn ignores the weighting, so it equals ``ap``."""

    name = "ap_weighted"


def _sums(codes: IntArray, n_classes: int, weights: FloatArray) -> FloatArray:
    """(r, classes, b) weight of every class: (n, r) codes, -1 for none, under (n, b) weights."""
    from scipy.sparse import csr_array

    n, r = codes.shape
    unit, repeat = np.nonzero(codes >= 0)
    rows = repeat * n_classes + codes[unit, repeat]
    indicator = csr_array((np.ones(len(rows)), (rows, unit)), shape=(r * n_classes, n))
    return np.asarray(indicator @ weights).reshape(r, n_classes, -1)


def _lowered(counts: FloatArray, codes: IntArray) -> FloatArray:
    """(classes, m) the counts, column j with one less of the class codes[j]."""
    lowered = np.repeat(counts[:, None], len(codes), axis=1)
    counted = np.flatnonzero(codes >= 0)
    lowered[codes[counted], counted] -= 1.0
    return lowered
