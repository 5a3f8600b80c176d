"""Statistics of a ranked label column against scikit-learn, mteb's loops, and their own definition on fewer units."""

from __future__ import annotations

import time
import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from evalkit.observations import Observations, Statistic, parse_statistic

KINDS = ("ranked_ap", "best_accuracy", "best_f1", "best_f1_precision", "best_f1_recall")
ONE = {kind: f"{kind}(label, a)" for kind in KINDS}
BOTH = {f"max_{kind}": f"{kind}(label, a, label, b)" for kind in KINDS}


def mteb_accuracy(label, score):
    """`AbsTaskPairClassification._find_best_acc_and_threshold` of mteb 2.26.24, row by row."""
    rows = sorted(zip(score, label, strict=True), key=lambda row: row[0], reverse=True)
    best, positive, negative = 0, 0, sum(label == 0)
    for i in range(len(rows) - 1):
        positive, negative = (positive + 1, negative) if rows[i][1] == 1 else (positive, negative - 1)
        if rows[i][0] != rows[i + 1][0]:
            best = max(best, (positive + negative) / len(label))
    return best


def mteb_f1(label, score):
    """`AbsTaskPairClassification._find_best_f1_and_threshold` of mteb 2.26.24, row by row."""
    rows = sorted(zip(score, label, strict=True), key=lambda row: row[0], reverse=True)
    best, correct, total = (0.0, 0.0, 0.0), 0, sum(label)
    for i in range(len(rows) - 1):
        correct += rows[i][1] == 1
        if rows[i][0] != rows[i + 1][0] and correct > 0:
            precision, recall = correct / (i + 1), correct / total
            f1 = 2 * precision * recall / (precision + recall)
            best = (f1, precision, recall) if f1 > best[0] else best
    return best


def oracle(label, score):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no positive class
        ap = average_precision_score(label, score)
    return dict(zip(KINDS, (ap, mteb_accuracy(label, score), *mteb_f1(label, score)), strict=True))


def table(label, a, b):
    columns = {"label": np.asarray(label), "a": np.asarray(a), "b": np.asarray(b)}
    statistics = {name: parse_statistic(text) for name, text in {**ONE, **BOTH}.items()}
    return Observations(unit="pair", columns=columns, statistics=statistics)


def rows(obs, index):
    return table(*(obs.columns[name][index] for name in ("label", "a", "b")))


@st.composite
def pairs(draw):
    """Labels, maybe of one class, and two scores: with ties, without, or constant."""
    n, rng = draw(st.integers(1, 16)), np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    label = rng.random(n) < draw(st.sampled_from([0.0, 0.3, 0.5, 1.0]))
    kinds = draw(st.tuples(*[st.sampled_from([1, 3, 6, 1000])] * 2))
    return table(label.astype(int), *(rng.integers(0, kind, n) / 7 for kind in kinds))


@given(pairs())
@settings(max_examples=150)
def test_values_equal_mteb_and_scikit_learn(obs):
    by_column = [oracle(obs.columns["label"], obs.columns[name]) for name in ("a", "b")]
    for kind in KINDS:
        assert obs.value(kind) == pytest.approx(by_column[0][kind], abs=1e-12)
        assert obs.value(f"max_{kind}") == pytest.approx(max(each[kind] for each in by_column), abs=1e-12)


@given(pairs(), st.integers(0, 2**32 - 1))
def test_whole_weights_are_replications(obs, seed):
    W = np.random.default_rng(seed).integers(0, 3, (6, len(obs)))
    W[0] = 0
    for metric in obs.statistics:
        scores = obs.weighted(metric, W)
        assert np.isnan(scores[0])
        replicated = [rows(obs, np.repeat(np.arange(len(obs)), each)).value(metric) for each in W[W.any(axis=1)]]
        np.testing.assert_allclose(scores[W.any(axis=1)], replicated, rtol=1e-12, atol=1e-12)


@given(pairs(), st.sampled_from([0.5, 3.0, 1 / 3]))
def test_only_proportions_of_weights_matter(obs, factor):
    W = np.random.default_rng(len(obs)).exponential(size=(3, len(obs)))
    for metric in obs.statistics:
        np.testing.assert_allclose(obs.weighted(metric, factor * W), obs.weighted(metric, W), rtol=1e-9, atol=1e-9)


@given(pairs())
@settings(max_examples=100, deadline=None)
def test_leave_one_out_is_the_score_of_the_others(obs):
    n = len(obs)
    assume(n > 1)
    for metric, statistic in obs.statistics.items():
        others = [rows(obs, np.delete(np.arange(n), unit)).value(metric) for unit in range(n)]
        np.testing.assert_allclose(statistic.leave_one_out(obs), others, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(Statistic.leave_one_out(statistic, obs), others, rtol=1e-12, atol=1e-12)


def test_every_short_ranking_without_each_unit():
    """All labels of eight units: among them are thresholds that are equally good, of which the highest counts."""
    for number in range(256):
        obs = table([number >> unit & 1 for unit in range(8)], range(8), [0] * 8)
        for kind in KINDS:
            statistic = obs.statistics[kind]
            expected = Statistic.leave_one_out(statistic, obs)
            np.testing.assert_allclose(statistic.leave_one_out(obs), expected, rtol=1e-12, atol=1e-12)


@given(pairs(), st.randoms(use_true_random=False))
def test_the_order_of_the_units_does_not_matter(obs, random):
    order = random.sample(range(len(obs)), len(obs))
    for metric in obs.statistics:
        assert rows(obs, order).value(metric) == pytest.approx(obs.value(metric), abs=1e-12)


def test_ties_are_never_split():
    """All scores equal: no threshold tells the classes apart, and the average precision is the share of positives."""
    obs = table([1, 0, 1, 0], [0.5] * 4, [0.5] * 4)
    assert {kind: obs.value(kind) for kind in KINDS} == {**dict.fromkeys(KINDS, 0.0), "ranked_ap": 0.5}


def test_a_missing_score_is_nan_where_it_takes_part():
    obs = table([1, 0, 1], [0.3, np.nan, 0.2], [1.0, 2.0, 3.0])
    for metric in ("ranked_ap", "max_best_f1"):
        assert np.isnan(obs.value(metric))
        scores = obs.weighted(metric, np.array([[1, 0, 1], [1, 1, 1]]))
        np.testing.assert_allclose(scores, [rows(obs, [0, 2]).value(metric), np.nan])
        assert np.isnan(obs.pseudo_values(metric)).all()


def test_the_jackknife_of_many_pairs_is_quick():
    """In closed form: seconds would mean n passes over n units (100,000 pairs as in SprintDuplicateQuestions)."""
    rng = np.random.default_rng(0)
    n = 100_000
    label = (rng.random(n) < 0.1).astype(int)
    obs = table(label, label + rng.normal(size=n), rng.normal(size=n).round(2))
    started = time.process_time()
    for metric in obs.statistics:
        assert np.isfinite(obs.pseudo_values(metric)).all()
    assert time.process_time() - started < 10
