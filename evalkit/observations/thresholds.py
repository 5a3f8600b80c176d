"""Two classes told apart by a score: average precision, and the best that one threshold can do.

All of them read two running counts over the distinct scores, the highest first: how many units score at least as
much (accepted), and how many of those are positive (hits). A threshold thus never splits equal scores. A weighted
sample changes the counts; leaving out one unit lowers those from its own score on by at most one each.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evalkit.observations.statistic import Evaluator, Sample, Statistic, ratio

if TYPE_CHECKING:
    from evalkit.types import AnyArray, FloatArray, IntArray


@dataclass(frozen=True)
class _Ranking:
    """Units in the order of one score.

    Attributes:
        positive: (n,) whether a unit is positive, as 0 or 1.
        group: (n,) place of each unit's score among the distinct ones, the highest first.
        order: (n,) the units, the highest score first.
        starts: (g,) where each distinct score starts in `order`.
    """

    positive: FloatArray
    group: IntArray
    order: IntArray
    starts: IntArray

    @classmethod
    def of(cls, label: AnyArray, score: AnyArray) -> _Ranking:
        _, codes = np.unique(score, return_inverse=True)
        group = codes.max() - codes.reshape(-1)
        order = np.argsort(group, kind="stable")
        starts = np.searchsorted(group[order], np.arange(group.max() + 1))
        return cls((label == 1).astype(np.float64), group, order, starts)

    def counts(self, W: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(b, g) accepted and hits at each distinct score under (b, n) weights."""
        sorted_weights = W[:, self.order]
        positives = sorted_weights * self.positive[self.order]
        accepted, hits = (np.add.reduceat(each, self.starts, axis=1) for each in (sorted_weights, positives))
        return np.cumsum(accepted, axis=1), np.cumsum(hits, axis=1)


class Counts(NamedTuple):
    """What accepting the units from some score on means, for (..., g) scores.

    Attributes:
        accepted: Units that score at least as much.
        hits: Positive ones among them.
        total: All units.
        positives: All positive ones.
    """

    accepted: FloatArray
    hits: FloatArray
    total: AnyArray
    positives: AnyArray


class Ranked(Statistic):
    """A score of labels (1 is positive) ranked by a column; of several columns, that which does best.

    Taking the best of several columns after having seen the labels is optimistic: compare it only with its like.
    """

    parameters = ("label", "score")
    variadic = True

    def leave_one_out(self, obs: Sample) -> FloatArray:
        """(n,) the score without each unit, in closed form."""
        if len(obs) < 2 or self._missing(obs).any():
            return super().leave_one_out(obs)
        return np.asarray(np.max([self._left_out(ranking) for ranking in self._rankings(obs)], axis=0))

    @abstractmethod
    def _score(self, accepted: FloatArray, hits: FloatArray) -> FloatArray:
        """(b,) scores from the (b, g) counts."""

    @abstractmethod
    def _left_out(self, ranking: _Ranking) -> FloatArray:
        """(n,) the score of one ranking without each unit."""

    def _rankings(self, obs: Sample) -> list[_Ranking]:
        labels, scores = self.columns[::2], self.columns[1::2]
        return [
            _Ranking.of(obs.columns[label], obs.columns[score]) for label, score in zip(labels, scores, strict=True)
        ]

    def _missing(self, obs: Sample) -> AnyArray:
        """(n,) whether a unit lacks one of its scores."""
        return np.asarray(np.isnan([obs.columns[score] for score in self.columns[1::2]]).any(axis=0))

    def _evaluator(self, obs: Sample) -> tuple[Evaluator, int]:
        rankings, missing = self._rankings(obs), self._missing(obs)

        def evaluate(W: FloatArray) -> FloatArray:
            scores = np.max([self._score(*ranking.counts(W)) for ranking in rankings], axis=0)
            scores[W[:, missing].any(axis=1)] = np.nan
            return np.asarray(scores)

        return evaluate, 8 * len(obs)


class RankedAveragePrecision(Ranked):
    """Average precision of a ranking, as scikit-learn's ``average_precision_score``; 0 without a positive unit."""

    name = "ranked_ap"

    def _score(self, accepted: FloatArray, hits: FloatArray) -> FloatArray:
        gained = np.diff(hits, axis=1, prepend=0.0)
        total = (gained * ratio(hits, accepted, empty=0.0)).sum(axis=1)
        return ratio(total, hits[:, -1], empty=0.0)

    def _left_out(self, ranking: _Ranking) -> FloatArray:
        """Above the unit's score nothing changes; from it on, precision is (hits - label) / (accepted - 1)."""
        accepted, hits = (counts[0] for counts in ranking.counts(np.ones((1, len(ranking.group)))))
        gained = np.diff(hits, prepend=0.0)
        above = np.concatenate([[0.0], np.cumsum(gained * hits / accepted)])
        below_hits = _from_end(ratio(gained * hits, accepted - 1, empty=0.0))
        below_gained = _from_end(ratio(gained, accepted - 1, empty=0.0))
        group, label = ranking.group, ranking.positive
        own = (gained[group] - label) * ratio(hits[group] - label, accepted[group] - 1, empty=0.0)
        below = below_hits[group + 1] - label * below_gained[group + 1]
        return ratio(above[group] + own + below, hits[-1] - label, empty=0.0)


class BestThreshold(Ranked):
    """What the best threshold gives. It accepts something and rejects something, so it needs two distinct scores.

    Source: mteb 2.26.24, `AbsTaskPairClassification`. Of equally good thresholds the highest counts, and where none
    does any good the score is 0.
    """

    def _score(self, accepted: FloatArray, hits: FloatArray) -> FloatArray:
        counts = Counts(accepted, hits, accepted[:, -1:], hits[:, -1:])
        goal = self._goal(counts)
        best = np.argmax(goal, axis=1)[:, None]
        return np.asarray(np.take_along_axis(self._told(goal, counts), best, axis=1)[:, 0])

    def _left_out(self, ranking: _Ranking) -> FloatArray:
        """The best threshold above the unit's score, where the counts stay, or from it on, where they are lower."""
        accepted, hits = (counts[0] for counts in ranking.counts(np.ones((1, len(ranking.group)))))
        total, positives = accepted[-1] - 1, hits[-1]
        scores = np.empty(len(ranking.group))
        for label in (0.0, 1.0):
            above = Counts(accepted, hits, total, positives - label)
            from_it = Counts(accepted - 1, hits - label, total, positives - label)
            units = ranking.positive == label
            scores[units] = self._joined(above, from_it)[ranking.group[units]]
        return scores

    def _joined(self, above: Counts, from_it: Counts) -> FloatArray:
        """(g,) what the best of the thresholds before each place, counted as `above`, and the others tells."""
        upper, lower = self._goal(above), self._goal(from_it)
        before, onwards = _best_before(upper), _best_from(lower)
        stays = upper[before] >= lower[onwards]
        stays[0] = False
        return np.where(stays, self._told(upper, above)[before], self._told(lower, from_it)[onwards])

    def _goal(self, counts: Counts) -> FloatArray:
        """(..., g) what is to be large, 0 for a threshold that accepts nothing or everything."""
        proper = (counts.accepted > 0) & (counts.accepted < counts.total)
        return np.where(proper, self._quality(counts), 0.0)

    @abstractmethod
    def _quality(self, counts: Counts) -> FloatArray:
        """(..., g) how good each threshold is."""

    def _told(self, goal: FloatArray, counts: Counts) -> FloatArray:  # noqa: ARG002
        """(..., g) what is reported of each threshold."""
        return goal


class BestAccuracy(BestThreshold):
    """The best accuracy that a threshold gives."""

    name = "best_accuracy"

    def _quality(self, counts: Counts) -> FloatArray:
        right = 2 * counts.hits - counts.accepted + counts.total - counts.positives
        return ratio(right, counts.total, empty=0.0)


class BestF1(BestThreshold):
    """The best F1 that a threshold gives."""

    name = "best_f1"

    def _quality(self, counts: Counts) -> FloatArray:
        # In mteb's order of operations: rounding alone decides between equally good thresholds.
        precision, recall = _precision(counts), _recall(counts)
        return ratio(2 * precision * recall, precision + recall, empty=0.0)


class PrecisionAtBestF1(BestF1):
    """Precision at the threshold with the best F1; of several columns the largest, each at its own threshold."""

    name = "best_f1_precision"

    def _told(self, goal: FloatArray, counts: Counts) -> FloatArray:
        return np.where(goal > 0, _precision(counts), 0.0)


class RecallAtBestF1(BestF1):
    """Recall at the threshold with the best F1; of several columns the largest, each at its own threshold."""

    name = "best_f1_recall"

    def _told(self, goal: FloatArray, counts: Counts) -> FloatArray:
        return np.where(goal > 0, _recall(counts), 0.0)


def _precision(counts: Counts) -> FloatArray:
    return ratio(counts.hits, counts.accepted, empty=0.0)


def _recall(counts: Counts) -> FloatArray:
    return ratio(counts.hits, counts.positives, empty=0.0)


def _from_end(values: FloatArray) -> FloatArray:
    """(g + 1,) sums of the values from each place on; 0 beyond the last."""
    return np.append(np.cumsum(values[::-1])[::-1], 0.0)


def _best_before(goal: FloatArray) -> IntArray:
    """(g,) place of the first largest value before each place; 0 for the first place, which has none before it."""
    largest = np.maximum.accumulate(goal)
    rises = np.append(True, goal[1:] > largest[:-1])
    return np.append(0, np.maximum.accumulate(np.where(rises, np.arange(len(goal)), 0))[:-1])


def _best_from(goal: FloatArray) -> IntArray:
    """(g,) place of the first largest value from each place on."""
    backwards = goal[::-1]
    largest = np.maximum.accumulate(backwards)
    rises = np.append(True, backwards[1:] >= largest[:-1])
    latest = np.maximum.accumulate(np.where(rises, np.arange(len(goal)), 0))
    return np.asarray(len(goal) - 1 - latest[::-1])
