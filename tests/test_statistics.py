"""Every statistic against scipy or scikit-learn, and against its own definition on replicated samples."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from sklearn import metrics as sk

from evalkit.observations import (
    F1,
    STATISTICS,
    Accuracy,
    AveragePrecision,
    Kendall,
    Mean,
    Observations,
    Pearson,
    Spearman,
    Statistic,
    VMeasure,
    VMeasureSets,
    parse_statistic,
)
from evalkit.observations.ranks import concordance, dense

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")
EXACT = {"rtol": 1e-12, "atol": 1e-12, "equal_nan": True}
CORRELATIONS = {
    "pearson": scipy_stats.pearsonr,
    "spearman": scipy_stats.spearmanr,
    "kendall": scipy_stats.kendalltau,
}
CLASSIFICATION = {
    "accuracy": sk.accuracy_score,
    "f1": lambda y, p: sk.f1_score(y, p, average="macro", zero_division=0),
    "f1_weighted": lambda y, p: sk.f1_score(y, p, average="weighted", zero_division=0),
    "precision": lambda y, p: sk.precision_score(y, p, average="macro", zero_division=0),
    "precision_weighted": lambda y, p: sk.precision_score(y, p, average="weighted", zero_division=0),
    "recall": lambda y, p: sk.recall_score(y, p, average="macro", zero_division=0),
    "recall_weighted": lambda y, p: sk.recall_score(y, p, average="weighted", zero_division=0),
}
BINARY = {
    "ap": lambda y, p: sk.average_precision_score(y, p, average="macro"),
    "ap_weighted": lambda y, p: sk.average_precision_score(y, p, average="weighted"),
}


def quietly(oracle, *arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return oracle(*arguments)


@st.composite
def numbers(draw, n):
    """Numbers with ties, without, constant, or with one far outlier."""
    kind = draw(st.sampled_from(["tied", "smooth", "constant", "outlier"]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if kind == "tied":
        return rng.integers(0, 4, n).astype(float)
    if kind == "constant":
        return np.full(n, 0.1)
    values = rng.normal(size=n) + draw(st.sampled_from([0.0, 100.0]))
    if kind == "outlier":
        values[0] = 1e6
    return values


@st.composite
def correlated(draw, least=2):
    n = draw(st.integers(least, 14))
    columns = {"gold": draw(numbers(n)), "predicted": draw(numbers(n))}
    return table(columns, *(f"{name}(gold, predicted)" for name in CORRELATIONS))


@st.composite
def classified(draw, n_labels=None):
    n, r = draw(st.integers(2, 14)), draw(st.integers(1, 3))
    k = n_labels or draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    columns = {"label": rng.integers(0, k, n), "predicted": rng.integers(0, draw(st.integers(1, k)), (n, r))}
    names = [*CLASSIFICATION, *(BINARY if n_labels == 2 else ())]
    return table(columns, *(f"{name}(label, predicted)" for name in names))


@st.composite
def clustered(draw):
    n, r, levels = draw(st.integers(2, 14)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    columns = {}
    for level in range(levels):
        draws = rng.integers(0, 4, (n, r))
        columns[f"label_{level}"] = rng.integers(-1, draw(st.integers(1, 4)), n)
        columns[f"cluster_{level}"] = np.where(draws > 0, rng.integers(0, draw(st.integers(1, 4)), (n, r)), -1)
        columns[f"draws_{level}"] = draws
    return table(columns, f"v_measure({', '.join(columns)})")


@st.composite
def given_sets(draw):
    n = draw(st.integers(2, 14))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sizes = {name: draw(st.integers(1, 4)) for name in ("label", "cluster", "set")}
    return table(
        {name: rng.integers(0, size, n) for name, size in sizes.items()}, "v_measure_sets(label, cluster, set)"
    )


@st.composite
def averaged(draw):
    n, r = draw(st.integers(1, 14)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return table({"x": rng.random(n), "xs": rng.random((n, r))}, "mean(x)", "mean(xs)")


ANYTHING = st.one_of(correlated(), classified(), classified(2), clustered(), given_sets(), averaged())


def table(columns, *statistics):
    return Observations(unit="unit", columns=columns, statistics={text: parse_statistic(text) for text in statistics})


def rows(obs, index):
    columns = {name: values[index] for name, values in obs.columns.items()}
    return Observations(unit=obs.unit, columns=columns, statistics=obs.statistics)


@given(averaged())
def test_means_equal_numpy_to_the_last_bit(obs):
    assert obs.value("mean(x)") == np.mean(obs.columns["x"])
    assert obs.value("mean(xs)") == pytest.approx(np.mean(obs.columns["xs"]), abs=1e-12)


@given(correlated())
def test_correlations_equal_scipy(obs):
    for name, oracle in CORRELATIONS.items():
        expected = quietly(oracle, obs.columns["gold"], obs.columns["predicted"]).statistic
        np.testing.assert_allclose(obs.value(f"{name}(gold, predicted)"), expected, **EXACT)


@pytest.mark.parametrize("name", CORRELATIONS)
def test_correlations_of_float32_predictions_are_computed_in_float64(name):
    rng = np.random.default_rng(0)
    gold, predicted = rng.random(500).round(1), rng.random(500).astype(np.float32)
    obs = table({"gold": gold, "predicted": predicted}, f"{name}(gold, predicted)")
    expected = CORRELATIONS[name](gold, predicted.astype(np.float64)).statistic
    np.testing.assert_allclose(obs.value(f"{name}(gold, predicted)"), expected, **EXACT)


@given(classified())
def test_classification_equals_sklearn(obs):
    compare_experiments(obs, CLASSIFICATION)


@given(classified(2))
def test_two_labels_equal_sklearn(obs):
    compare_experiments(obs, BINARY)


def compare_experiments(obs, oracles):
    for name, oracle in oracles.items():
        metric = f"{name}(label, predicted)"
        expected = [quietly(oracle, obs.columns["label"], column) for column in obs.columns["predicted"].T]
        np.testing.assert_allclose(obs.value(metric), np.mean(expected), **EXACT)
        np.testing.assert_allclose(obs.statistics[metric].repeats(obs) or expected, expected, **EXACT)


def test_average_precision_of_labels_called_1_and_2():
    label, predicted = np.array([0, 1, 1, 0, 1]), np.array([0, 1, 0, 1, 1])
    obs = table({"label": label, "predicted": predicted}, "ap(label, predicted, positive=0)")
    assert obs.value("ap(label, predicted, positive=0)") == pytest.approx(
        sk.average_precision_score(label + 1, predicted + 1), abs=1e-12
    )


def test_average_precision_with_predictions_beyond_the_two_labels():
    label, predicted = np.array([0, 1, 1, 0, 1, 0]), np.array([2, 1, 0, 1, 2, 3])
    obs = table({"label": label, "predicted": predicted}, "ap(label, predicted)")
    expected = sk.average_precision_score(label, predicted)
    np.testing.assert_allclose(obs.value("ap(label, predicted)"), expected, **EXACT)


@given(clustered())
def test_v_measure_equals_sklearn_on_the_draws(obs):
    (metric,) = obs.statistics
    expected = []
    for level in range(len(obs.columns) // 3):
        label = obs.columns[f"label_{level}"]
        for cluster, draws in zip(obs.columns[f"cluster_{level}"].T, obs.columns[f"draws_{level}"].T, strict=True):
            times = np.where(label >= 0, draws, 0)
            expected.append(sk.v_measure_score(np.repeat(label, times), np.repeat(cluster, times)))
    np.testing.assert_allclose(obs.statistics[metric].repeats(obs), expected, **EXACT)
    np.testing.assert_allclose(obs.value(metric), np.mean(expected), **EXACT)


@given(given_sets())
def test_v_measure_of_sets_equals_sklearn(obs):
    (metric,) = obs.statistics
    label, cluster, of = (obs.columns[name] for name in ("label", "cluster", "set"))
    expected = [
        1.0 if len(set(label[of == code])) <= 1 else sk.v_measure_score(label[of == code], cluster[of == code])
        for code in np.unique(of)
    ]
    np.testing.assert_allclose(obs.statistics[metric].repeats(obs), expected, **EXACT)
    np.testing.assert_allclose(obs.value(metric), np.mean(expected), **EXACT)


def test_v_measure_at_the_size_of_mteb():
    rng = np.random.default_rng(0)
    n = 16384
    label, draws = rng.integers(0, 30, n), rng.multinomial(n, np.full(n, 1 / n))
    cluster = np.where(draws > 0, np.where(rng.random(n) < 0.5, label, rng.integers(0, 30, n)), -1)
    obs = table({"l": label, "c": cluster, "d": draws}, "v_measure(l, c, d)")
    expected = sk.v_measure_score(np.repeat(label, draws), np.repeat(cluster, draws))
    np.testing.assert_allclose(obs.value("v_measure(l, c, d)"), expected, **EXACT)


@given(ANYTHING, st.data())
def test_whole_weights_are_replications(obs, data):
    seed, mostly = data.draw(st.integers(0, 2**32 - 1)), data.draw(st.integers(1, 3))
    W = np.random.default_rng(seed).integers(0, mostly + 1, (5, len(obs)))
    W[0], W[1] = 1, 0
    for metric in obs.statistics:
        scores = obs.weighted(metric, W)
        assert np.isnan(scores[1])
        replicated = [rows(obs, np.repeat(np.arange(len(obs)), weights)).value(metric) for weights in W]
        np.testing.assert_allclose(scores, replicated, rtol=1e-11, atol=1e-11, equal_nan=True)


@given(ANYTHING, st.sampled_from([0.5, 3.0, 1 / 3]))
def test_only_proportions_of_weights_matter(obs, factor):
    W = np.random.default_rng(len(obs)).exponential(size=(3, len(obs)))
    for metric in obs.statistics:
        expected = obs.weighted(metric, W)
        np.testing.assert_allclose(obs.weighted(metric, factor * W), expected, rtol=1e-9, atol=1e-9, equal_nan=True)


@given(ANYTHING)
def test_pseudo_values_are_leave_one_out(obs):
    n = len(obs)
    assume(n > 1)
    for metric in obs.statistics:
        left_out = np.array([rows(obs, np.delete(np.arange(n), i)).value(metric) for i in range(n)])
        expected = n * obs.value(metric) - (n - 1) * left_out
        np.testing.assert_allclose(obs.pseudo_values(metric), expected, rtol=1e-9, atol=1e-9, equal_nan=True)


@given(ANYTHING)
def test_closed_leave_one_out_equals_the_generic_one(obs):
    for statistic in obs.statistics.values():
        generic = Statistic.leave_one_out(statistic, obs)
        np.testing.assert_allclose(statistic.leave_one_out(obs), generic, rtol=1e-9, atol=1e-9, equal_nan=True)


@given(ANYTHING, st.randoms(use_true_random=False))
def test_the_order_of_the_units_does_not_matter(obs, random):
    order = random.sample(range(len(obs)), len(obs))
    shuffled = rows(obs, order)
    for metric in obs.statistics:
        np.testing.assert_allclose(shuffled.value(metric), obs.value(metric), **EXACT)
        expected = obs.pseudo_values(metric)[order]
        np.testing.assert_allclose(shuffled.pseudo_values(metric), expected, rtol=1e-9, atol=1e-9, equal_nan=True)


@given(ANYTHING)
def test_scores_stay_within_their_bounds(obs):
    W = np.random.default_rng(0).exponential(size=(4, len(obs)))
    for metric in obs.statistics:
        scores = np.append(obs.weighted(metric, W), obs.value(metric))
        assert np.all(np.isnan(scores) | ((scores >= -1.0) & (scores <= 1.0 + 1e-12)))


@given(st.integers(0, 60), st.integers(0, 2**32 - 1))
def test_concordance_counts_pairs(n, seed):
    rng = np.random.default_rng(seed)
    x, y = dense(rng.integers(0, 9, n)), dense(rng.integers(0, 9, n))
    naive = (np.sign(x[:, None] - x) * np.sign(y[:, None] - y)).sum(axis=1)
    np.testing.assert_array_equal(concordance(x, y), naive)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_spearman_jackknife_of_many_units(seed):
    rng = np.random.default_rng(seed)
    gold = rng.integers(0, 6, 300).astype(float)
    predicted = (gold + rng.normal(size=300)).round(rng.integers(0, 3))
    obs = table({"gold": gold, "predicted": predicted}, "spearman(gold, predicted)")
    spearman = obs.statistics["spearman(gold, predicted)"]
    expected = [scipy_stats.spearmanr(np.delete(gold, i), np.delete(predicted, i)).statistic for i in range(300)]
    np.testing.assert_allclose(spearman.leave_one_out(obs), expected, **EXACT)


@pytest.mark.parametrize("name", CORRELATIONS)
def test_what_is_undefined_is_nan_without_a_warning(name):
    metric = f"{name}(gold, predicted)"
    for gold in ([], [1.0], [2.0, 2.0, 2.0], [1.0, 2.0, np.nan]):
        obs = table({"gold": gold, "predicted": np.arange(len(gold), dtype=float)}, metric)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert np.isnan(obs.value(metric))
            assert np.isnan(obs.pseudo_values(metric)).all()
            assert np.isnan(obs.weighted(metric, np.ones((2, len(gold))))).all()


@pytest.mark.parametrize("name", CORRELATIONS)
def test_a_nan_without_weight_does_no_harm(name):
    metric = f"{name}(gold, predicted)"
    obs = table({"gold": [1.0, np.nan, 2.0, 4.0], "predicted": [1.0, 2.0, 2.0, 3.0]}, metric)
    scores = obs.weighted(metric, np.array([[1, 0, 1, 1], [1, 1, 1, 1]]))
    np.testing.assert_allclose(scores, [rows(obs, [0, 2, 3]).value(metric), np.nan], **EXACT)


def test_a_mean_with_a_nan_is_nan_only_where_it_takes_part():
    obs = table({"x": [1.0, np.nan, 3.0]}, "mean(x)")
    assert np.isnan(obs.value("mean(x)"))
    np.testing.assert_array_equal(obs.weighted("mean(x)", np.array([[1, 0, 1], [0, 1, 1]])), [2.0, np.nan])


@pytest.mark.parametrize("name", STATISTICS)
def test_an_empty_sample_has_no_score(name):
    statistic = STATISTICS[name](*STATISTICS[name].parameters)
    columns = {column: np.zeros(0, dtype=int) for column in statistic.columns}
    obs = Observations(unit="u", columns=columns, statistics={"m": statistic})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(obs.value("m"))
        assert len(obs.pseudo_values("m")) == 0
        assert np.isnan(obs.weighted("m", np.ones((2, 0)))).all()


def test_extremes_do_not_overflow():
    obs = table({"gold": [1e200, -1e200, 3e199, 0.0], "predicted": [4.0, 1.0, 3.0, 2.0]}, "pearson(gold, predicted)")
    expected = scipy_stats.pearsonr(obs.columns["gold"], obs.columns["predicted"]).statistic
    np.testing.assert_allclose(obs.value("pearson(gold, predicted)"), expected, **EXACT)
    np.testing.assert_allclose(obs.weighted("pearson(gold, predicted)", np.ones((1, 4))), expected, **EXACT)


def test_ranks_of_infinities():
    gold, predicted = [1.0, 2.0, 3.0, 4.0], [-np.inf, 0.0, 5.0, 4.0]
    obs = table({"gold": gold, "predicted": predicted}, "spearman(gold, predicted)")
    np.testing.assert_allclose(obs.value("spearman(gold, predicted)"), 0.8, **EXACT)


@pytest.mark.parametrize("weights", [np.ones(3), np.ones((2, 4)), -np.ones((1, 3))])
def test_bad_weights_are_refused(weights):
    obs = table({"x": [1.0, 2.0, 3.0]}, "mean(x)")
    with pytest.raises(ValueError, match="weight"):
        obs.weighted("mean(x)", weights)


def test_chunks_change_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    columns = {"gold": rng.integers(0, 9, 40).astype(float), "predicted": rng.random(40)}
    obs = table(columns, *(f"{name}(gold, predicted)" for name in CORRELATIONS))
    W = rng.integers(0, 3, (23, 40))
    whole = [obs.weighted(metric, W) for metric in obs.statistics]
    monkeypatch.setattr("evalkit.observations.statistic.BUDGET", 1)
    monkeypatch.setattr("evalkit.observations.correlation.BUDGET", 1)
    for metric, expected in zip(obs.statistics, whole, strict=True):
        np.testing.assert_allclose(obs.weighted(metric, W), expected, rtol=1e-13, atol=1e-13)


STATISTICS_AND_TEXTS = [
    (Mean("ndcg_at_10"), "mean(ndcg_at_10)"),
    (Pearson("gold", "cosine"), "pearson(gold, cosine)"),
    (Kendall("gold", "cosine"), "kendall(gold, cosine)"),
    (Accuracy("label", "predicted"), "accuracy(label, predicted)"),
    (F1("label", "predicted"), "f1(label, predicted)"),
    (AveragePrecision("label", "predicted", positive=0), "ap(label, predicted, positive=0)"),
    (AveragePrecision("label", "predicted", positive=1), "ap(label, predicted)"),
    (VMeasure("l", "c", "d", "l1", "c1", "d1"), "v_measure(l, c, d, l1, c1, d1)"),
    (VMeasureSets("label", "cluster", "set"), "v_measure_sets(label, cluster, set)"),
]


@pytest.mark.parametrize(("statistic", "text"), STATISTICS_AND_TEXTS)
def test_statistics_are_values(statistic, text):
    assert str(statistic) == text
    assert parse_statistic(text) == statistic
    assert parse_statistic(text.replace(", ", " ,")) == statistic
    assert hash(parse_statistic(text)) == hash(statistic)
    assert eval(repr(statistic)) == statistic
    assert statistic != Spearman("gold", "other")


def test_statistics_are_frozen():
    with pytest.raises(AttributeError):
        Mean("x").columns = ("y",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mean", "should read like"),
        ("meen(x)", "did you mean 'mean'"),
        ("mean(x, y)", "takes the columns"),
        ("mean()", "cannot be a column"),
        ("v_measure(l, c)", "takes the columns"),
        ("spearman(a, b, c, d)", "takes the columns"),
        ("mean(x, level=1)", "has no option 'level'"),
        ("ap(label, predicted, positive=yes)", "invalid literal"),
    ],
)
def test_what_is_no_statistic(text, message):
    with pytest.raises(ValueError, match=message):
        parse_statistic(text)
