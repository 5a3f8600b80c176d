"""V-measure of clusterings: of documents drawn from a corpus, and of given sets.

With f(w) = w log w the entropy of weights w that sum to N is log N - sum f(w) / N, and the mutual information of
a contingency table is (sum f(cells) - sum f(rows) - sum f(columns) + f(N)) / N. So the score of a weighted sample
needs three sums, and leaving out a document changes one term in each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.observations.ranks import dense
from evalkit.observations.statistic import Evaluator, Sample, Statistic, ratio

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.types import AnyArray, FloatArray, IntArray


@dataclass(frozen=True)
class _Sums:
    """What the V-measure depends on; every field (b,), or a scalar.

    Attributes:
        total: Weight of all draws.
        f_labels: Sum of w log w over the labels.
        f_clusters: The same over the clusters.
        f_cells: The same over the (label, cluster) cells.
        labels: How many labels have weight.
        clusters: How many clusters have weight.
    """

    total: AnyArray
    f_labels: AnyArray
    f_clusters: AnyArray
    f_cells: AnyArray
    labels: AnyArray
    clusters: AnyArray

    def v_measure(self) -> FloatArray:
        """2 MI / (H(labels) + H(clusters)); 1 for one label in one cluster or nothing at all, 0 for one of either.

        These are scikit-learn's conventions: an entropy of 0 makes homogeneity (completeness) 1.
        """
        total = np.maximum(self.total, np.finfo(np.float64).tiny)
        log_total = np.log(total)
        h_labels, h_clusters = log_total - self.f_labels / total, log_total - self.f_clusters / total
        information = (self.f_cells - self.f_labels - self.f_clusters) / total + log_total
        score = np.clip(ratio(2 * information, h_labels + h_clusters, empty=0.0), 0.0, 1.0)
        one_label, one_cluster = self.labels <= 1, self.clusters <= 1
        return np.where(one_label & one_cluster, 1.0, np.where(one_label | one_cluster, 0.0, score))


class _Contingency:
    """Which documents of one clustering fall into which label, cluster and cell, and how often each was drawn."""

    def __init__(self, label: IntArray, cluster: IntArray, draws: IntArray) -> None:
        """Takes (n,) codes and counts; a document with a negative code or no draws takes no part."""
        self.n = len(label)
        self.units = np.flatnonzero((label >= 0) & (cluster >= 0) & (draws > 0))
        self.draws = draws[self.units].astype(np.float64)
        labels, clusters = dense(label[self.units]), dense(cluster[self.units])
        cells = dense(labels * (clusters.max(initial=0) + 1) + clusters)
        self.codes = (labels, clusters, cells)

    def sums(self, weights: FloatArray) -> _Sums:
        """The sums under (n, b) weights of the documents."""
        labels, clusters, cells = (self._grouped(codes, weights) for codes in self.codes)
        f_labels, f_clusters, f_cells = (_f(groups).sum(axis=0) for groups in (labels, clusters, cells))
        present = ((groups > 0).sum(axis=0) for groups in (labels, clusters))
        return _Sums(labels.sum(axis=0), f_labels, f_clusters, f_cells, *present)

    def sums_left_out(self) -> _Sums:
        """The sums without each document: every field (n,)."""
        groups = [np.bincount(codes, self.draws) for codes in self.codes]
        fs, present = [], []
        for group, codes in zip(groups, self.codes, strict=True):
            rest = group[codes] - self.draws
            fs.append(self._spread(_f(group).sum(), _f(rest) - _f(group[codes])))
            present.append(self._spread(len(group), -1.0 * (rest == 0)))
        total = self._spread(self.draws.sum(), -self.draws)
        return _Sums(total, *fs, *present[:2])

    def _grouped(self, codes: IntArray, weights: FloatArray) -> FloatArray:
        """(groups, b) weight of every group."""
        from scipy.sparse import csr_array

        shape = (codes.max(initial=-1) + 1, self.n)
        return np.asarray(csr_array((self.draws, (codes, self.units)), shape=shape) @ weights)

    def _spread(self, base: float, change: AnyArray) -> FloatArray:
        """(n,) the base, changed where a document takes part."""
        values = np.full(self.n, float(base))
        values[self.units] += change
        return values


class VMeasure(Statistic):
    """V-measure (beta 1) of clusterings of draws from a corpus; mean over all repeats of all levels.

    Every level is a triple of columns: the documents' label codes (-1: takes no part at this level), their
    cluster in each repeat, and how often each repeat drew them (with replacement; 0 and cluster -1: not).
    """

    name = "v_measure"
    parameters = ("label", "cluster", "draws")
    repeated = frozenset({"cluster", "draws"})
    variadic = True

    def check(self, columns: Mapping[str, AnyArray]) -> None:
        """Check also that clusters and draws have the same repeats.

        Raises:
            ValueError: If not.
        """
        super().check(columns)
        for _, cluster, draws in self._levels():
            if columns[cluster].shape != columns[draws].shape:
                raise ValueError(f"{self} needs columns {cluster!r} and {draws!r} of one shape.")

    def value(self, obs: Sample) -> float:
        """Mean over the repeats of all levels."""
        return float(np.mean(self._scores(obs)))

    def repeats(self, obs: Sample) -> list[float]:
        """V-measure of every repeat, level after level."""
        return [float(score) for score in self._scores(obs)]

    def leave_one_out(self, obs: Sample) -> FloatArray:
        """(n,) the score without each document, in O(n) a repeat."""
        if len(obs) < 2:
            return super().leave_one_out(obs)
        by_repeat = [table.sums_left_out().v_measure() for table in self._tables(obs)]
        return np.asarray(np.mean(by_repeat, axis=0))

    def _levels(self) -> list[tuple[str, str, str]]:
        return list(zip(self.columns[0::3], self.columns[1::3], self.columns[2::3], strict=True))

    def _tables(self, obs: Sample) -> list[_Contingency]:
        """One contingency a repeat, level after level."""
        return [
            _Contingency(obs.columns[label], obs.matrix(cluster)[:, repeat], obs.matrix(draws)[:, repeat])
            for label, cluster, draws in self._levels()
            for repeat in range(obs.matrix(cluster).shape[1])
        ]

    def _scores(self, obs: Sample) -> list[float]:
        if not len(obs):
            return [float("nan")]
        ones = np.ones((len(obs), 1))
        return [float(table.sums(ones).v_measure()[0]) for table in self._tables(obs)]

    def _evaluator(self, obs: Sample) -> tuple[Evaluator, int]:
        tables = self._tables(obs)

        def evaluate(W: FloatArray) -> FloatArray:
            weights = np.ascontiguousarray(W.T)
            return np.asarray(np.mean([table.sums(weights).v_measure() for table in tables], axis=0))

        return evaluate, 2 * len(obs) + 4 * max(sum(map(len, table.codes)) for table in tables)


class VMeasureSets(Statistic):
    """V-measure of every given set of documents, averaged over the sets: mteb's legacy protocol.

    A set with a single label counts 1.0, whatever its clusters; a set without weight does not count.
    """

    name = "v_measure_sets"
    parameters = ("label", "cluster", "set")

    def value(self, obs: Sample) -> float:
        """Mean over the sets."""
        scores = self.repeats(obs)
        return float(np.mean(scores)) if scores else float("nan")

    def repeats(self, obs: Sample) -> list[float]:
        """V-measure of every set, in the order of the set codes."""
        return [float(_set_score(table.sums(np.ones((table.n, 1))))[0]) for _, table in self._tables(obs)]

    def leave_one_out(self, obs: Sample) -> FloatArray:
        """(n,) the score without each document; a set of one document then no longer counts."""
        tables = self._tables(obs)
        scores = np.array(self.repeats(obs))
        total, counted = np.full(len(obs), scores.sum()), np.full(len(obs), float(len(tables)))
        for (members, table), score in zip(tables, scores, strict=True):
            alone = table.n == 1
            total[members] += -score if alone else _set_score(table.sums_left_out()) - score
            counted[members] -= alone
        return ratio(total, counted, empty=np.nan)

    def _tables(self, obs: Sample) -> list[tuple[IntArray, _Contingency]]:
        """The members of every set and their contingency, in which each of them takes part once."""
        label, cluster, of = (dense(obs.columns[column]) for column in self.columns)
        sets = (np.flatnonzero(of == code) for code in range(of.max(initial=-1) + 1))
        return [(members, _Contingency(label[members], cluster[members], np.ones_like(members))) for members in sets]

    def _evaluator(self, obs: Sample) -> tuple[Evaluator, int]:
        tables = self._tables(obs)

        def evaluate(W: FloatArray) -> FloatArray:
            total, counted = np.zeros(len(W)), np.zeros(len(W))
            for members, table in tables:
                weights = np.ascontiguousarray(W[:, members].T)
                there = weights.any(axis=0)
                total += np.where(there, _set_score(table.sums(weights)), 0.0)
                counted += there
            return ratio(total, counted, empty=np.nan)

        return evaluate, 6 * len(obs)


def _set_score(sums: _Sums) -> FloatArray:
    """V-measure of a given set; 1.0 where it has at most one label, as mteb's legacy protocol has it."""
    return np.where(sums.labels <= 1, 1.0, sums.v_measure())


def _f(weights: AnyArray) -> FloatArray:
    """Product w log w, 0 at 0."""
    from scipy.special import xlogy

    return np.asarray(xlogy(weights, weights))
