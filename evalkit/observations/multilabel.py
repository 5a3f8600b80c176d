"""Scores of predicted sets of labels, with scikit-learn's definitions for label indicator matrices.

A set is kept as bits: label j is bit j % 63 of number j // 63, so that up to 63 labels need one number a set and one
number a set and experiment, as single labels do. `label_bits` packs sets, `label_members` unpacks them.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.observations.means import RowMean
from evalkit.observations.statistic import Evaluator, Sample, Statistic, ratio

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.types import AnyArray, FloatArray, IntArray

WORD = 63
"""Labels in one number: the bits of an int64 without its sign."""

_ONES = np.array([byte.bit_count() for byte in range(256)], dtype=np.int64)


def label_bits(members: AnyArray) -> IntArray:
    """Pack sets of labels.

    Args:
        members: (n, L) whether each label is in each set.

    Returns:
        (n, ceil(L / 63)) int64, none of them negative.
    """
    n, n_labels = members.shape
    padded = np.zeros((n, -(-n_labels // WORD) * WORD), dtype=np.int64)
    padded[:, :n_labels] = members
    return np.asarray((padded.reshape(n, -1, WORD) << np.arange(WORD)).sum(axis=2))


def label_members(bits: AnyArray) -> AnyArray:
    """(..., W) numbers of `label_bits` as (..., 63 W) booleans."""
    members = (bits[..., None] >> np.arange(WORD)) & 1
    return np.asarray(members.reshape(*bits.shape[:-1], -1), dtype=np.bool_)


class _LabelSets(Statistic):
    """A score of predicted label sets: `label` is (n, W), `predicted` (n, r W), one experiment after the other."""

    parameters = ("label", "predicted")
    repeated = frozenset({"label", "predicted"})

    def check(self, columns: Mapping[str, AnyArray]) -> None:
        """Check that every experiment has as many numbers a set as the labels have.

        Raises:
            ValueError: If not.
        """
        super().check(columns)
        label, predicted = (1 if columns[name].ndim == 1 else columns[name].shape[1] for name in self.columns)
        if predicted % label:
            raise ValueError(f"{self} needs {label} numbers a set in both columns, not {predicted} predicted ones.")

    def _bits(self, obs: Sample) -> tuple[IntArray, IntArray]:
        """(n, 1, W) and (n, r, W)."""
        label, predicted = (obs.matrix(column) for column in self.columns)
        n, width = label.shape
        return label[:, None, :], predicted.reshape(n, predicted.shape[1] // width, width)


class _SetMean(_LabelSets, RowMean):
    """A score that every example has of its own; mean over experiments."""


class SubsetAccuracy(_SetMean):
    """Share of the examples whose predicted set is exactly theirs: scikit-learn's accuracy of label sets."""

    name = "subset_accuracy"

    def _rows(self, obs: Sample) -> FloatArray:
        label, predicted = self._bits(obs)
        return np.asarray((label == predicted).all(axis=2), dtype=np.float64)


class Jaccard(_SetMean):
    """Labels in both sets as a share of those in either, 1 where both are empty; mteb calls it ``hamming``."""

    name = "jaccard"

    def _rows(self, obs: Sample) -> FloatArray:
        label, predicted = self._bits(obs)
        return ratio(_sizes(label & predicted), _sizes(label | predicted), empty=1.0)


class LabelAccuracy(_SetMean):
    """Share of the labels that are rightly in or out of the predicted set: one less scikit-learn's ``hamming_loss``.

    The labels are those that some example has.
    """

    name = "label_accuracy"

    def _rows(self, obs: Sample) -> FloatArray:
        label, predicted = self._bits(obs)
        there = np.bitwise_or.reduce(label, axis=0, keepdims=True)
        n_labels = _sizes(there).item() if len(label) else 0
        wrong = _sizes((label ^ predicted) & there)
        return 1.0 - ratio(wrong, np.full(wrong.shape, n_labels), empty=0.0)


@dataclass(frozen=True)
class _Members:
    """Who has which label, r experiments at once.

    Attributes:
        label: (n, L) true labels, each of which some example has.
        predicted: (r, n, L) predicted ones.
    """

    label: AnyArray
    predicted: AnyArray


class _LabelRatio(_LabelSets):
    """A quotient of two sums over the labels, mean over experiments.

    A label counts where an example of the sample has it, as the labels of a data set are those that occur in it.
    """

    def value(self, obs: Sample) -> float:
        """Mean over the experiments."""
        return float(np.mean(self._experiments(obs)))

    def repeats(self, obs: Sample) -> list[float]:
        """Score of every experiment; empty where there is only one."""
        scores = self._experiments(obs)
        return [float(score) for score in scores] if len(scores) > 1 else []

    def leave_one_out(self, obs: Sample) -> FloatArray:
        """(n,) the score without each example: only the labels that it has, or is predicted to have, change."""
        if len(obs) < 2:
            return super().leave_one_out(obs)
        members = self._members(obs)
        return np.asarray(np.mean([self._left_out(members.label, each) for each in members.predicted], axis=0))

    @abstractmethod
    def _parts(self, support: FloatArray, predicted: FloatArray, hits: FloatArray) -> tuple[FloatArray, FloatArray]:
        """What every label adds to the two sums, from how often it is true, predicted and both."""

    def _counting(self, support: FloatArray, predicted: FloatArray, hits: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The parts, 0 for a label that no example has."""
        top, bottom = self._parts(support, predicted, hits)
        return np.where(support > 0, top, 0.0), np.where(support > 0, bottom, 0.0)

    def _members(self, obs: Sample) -> _Members:
        label, predicted = (label_members(bits) for bits in self._bits(obs))
        there = label.any(axis=(0, 1))
        return _Members(label[:, 0, there], np.moveaxis(predicted[..., there], 1, 0))

    def _experiments(self, obs: Sample) -> FloatArray:
        """(r,) score of every experiment."""
        if not len(obs):
            return np.array([np.nan])
        members = self._members(obs)
        support = members.label.sum(axis=0, dtype=np.float64)
        predicted = members.predicted.sum(axis=1, dtype=np.float64)
        hits = (members.predicted & members.label).sum(axis=1, dtype=np.float64)
        top, bottom = self._counting(np.broadcast_to(support, hits.shape), predicted, hits)
        return ratio(top.sum(axis=1), bottom.sum(axis=1), empty=np.nan)

    def _evaluator(self, obs: Sample) -> tuple[Evaluator, int]:
        members = self._members(obs)
        label = _indicator(members.label)
        pairs = [(_indicator(each), _indicator(each & members.label)) for each in members.predicted]

        def evaluate(W: FloatArray) -> FloatArray:
            weights = np.ascontiguousarray(W.T)
            support = label @ weights
            total = np.zeros(len(W))
            for predicted, hits in pairs:
                top, bottom = self._counting(support, predicted @ weights, hits @ weights)
                total += ratio(top.sum(axis=0), bottom.sum(axis=0), empty=np.nan)
            return total / len(pairs)

        return evaluate, 2 * len(obs) + 8 * members.label.shape[1]

    def _left_out(self, label: AnyArray, predicted: AnyArray) -> FloatArray:
        """(n,) score of one experiment without each example."""
        both = label & predicted
        counts = [each.sum(axis=0, dtype=np.float64) for each in (label, predicted, both)]
        unit, column = np.nonzero(label | predicted)
        lowered = [
            count[column] - each[unit, column] for count, each in zip(counts, (label, predicted, both), strict=True)
        ]
        sums = []
        for whole, touched in zip(self._counting(*counts), self._counting(*lowered), strict=True):
            change = np.bincount(unit, weights=touched - whole[column], minlength=len(label))
            sums.append(whole.sum() + change)
        # The lower sum is of whole numbers, hence exactly 0 where no label is left.
        return ratio(sums[0], sums[1], empty=np.nan)


class LabelF1(_LabelRatio):
    """F1 of each label, mean over the labels (macro)."""

    name = "label_f1"

    def _parts(self, support: FloatArray, predicted: FloatArray, hits: FloatArray) -> tuple[FloatArray, FloatArray]:
        return ratio(2 * hits, support + predicted, empty=0.0), np.ones(support.shape)


class LabelF1Micro(_LabelRatio):
    """F1 of all pairs of an example and a label (micro)."""

    name = "label_f1_micro"

    def _parts(self, support: FloatArray, predicted: FloatArray, hits: FloatArray) -> tuple[FloatArray, FloatArray]:
        return 2 * hits, support + predicted


def _sizes(bits: IntArray) -> IntArray:
    """(...) how many labels the (..., W) sets hold."""
    return np.asarray(_ONES[np.ascontiguousarray(bits).view(np.uint8)].sum(axis=-1))


def _indicator(members: AnyArray) -> AnyArray:
    """(L, n) sparse matrix of (n, L) booleans."""
    from scipy.sparse import csr_array

    indicator: AnyArray = csr_array(members.T.astype(np.float64))
    return indicator
