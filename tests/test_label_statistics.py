"""Statistics of label sets and of predicted numbers, against scikit-learn and SciPy on the sample written out."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau
from sklearn import metrics

from evalkit.observations import Observations, parse_statistic
from evalkit.observations.multilabel import label_bits, label_members

SETS = ("subset_accuracy", "jaccard", "label_accuracy", "label_f1", "label_f1_micro")
NUMBERS = ("mae", "mse", "rmse", "r2", "kendall_mean")


def label_sets(seed: int, n: int = 12, n_labels: int = 4, repeats: int = 3, share: float = 0.4) -> Observations:
    generator = np.random.default_rng(seed)
    label = generator.random((n, n_labels)) < share
    label[0, 0] = True
    # As in a task, nobody is predicted to have a label that no example has.
    predicted = [(label ^ (generator.random((n, n_labels)) < 0.3)) & label.any(axis=0) for _ in range(repeats)]
    columns = {"label": label_bits(label), "predicted": np.hstack([label_bits(each) for each in predicted])}
    statistics = {name: parse_statistic(f"{name}(label, predicted)") for name in SETS}
    return Observations(unit="example", columns=columns, statistics=statistics)


def matrices(obs: Observations, rows: np.ndarray, *, all_labels: bool) -> list[tuple[np.ndarray, np.ndarray]]:
    """Label and prediction of every experiment, without the labels that no example has."""
    bits, predicted = obs.columns["label"], obs.columns["predicted"]
    words = bits.shape[1]
    label = label_members(bits)
    there = (label if all_labels else label[rows]).any(axis=0)
    return [
        (label[rows][:, there], label_members(predicted[rows, start : start + words])[:, there])
        for start in range(0, predicted.shape[1], words)
    ]


def samples_jaccard(y: np.ndarray, p: np.ndarray) -> float:
    """mteb's `hamming_score`."""
    union = (y | p).sum(axis=1)
    return float(np.where(union == 0, 1.0, (y & p).sum(axis=1) / np.maximum(union, 1)).mean())


SET_ORACLES: dict[str, Any] = {
    "subset_accuracy": lambda y, p: (y == p).all(axis=1).mean(),
    "jaccard": samples_jaccard,
    "label_accuracy": lambda y, p: (y == p).mean(),
    "label_f1": lambda y, p: metrics.f1_score(y, p, average="macro", zero_division=0),
    "label_f1_micro": lambda y, p: metrics.f1_score(y, p, average="micro", zero_division=0),
}


def set_score(obs: Observations, name: str, rows: np.ndarray) -> float:
    # Means over examples keep the labels of the whole data; a quotient over labels is of those in the sample.
    kept = matrices(obs, rows, all_labels=not name.startswith("label_f1"))
    if not kept[0][0].shape[1]:
        return float("nan")
    if name.startswith("label_f1") and kept[0][0].shape[1] == 1:
        # scikit-learn takes a single column for the two classes of one label.
        return float(np.mean([metrics.f1_score(y[:, 0], p[:, 0], zero_division=0) for y, p in kept]))
    return float(np.mean([SET_ORACLES[name](y, p) for y, p in kept]))


def numbers(seed: int, n: int = 12, repeats: int = 3, levels: int = 5, dtype: type = np.float64) -> Observations:
    generator = np.random.default_rng(seed)
    gold = generator.integers(0, levels, n).astype(np.float64)
    predicted = (gold[:, None] + generator.integers(-2, 3, (n, repeats)) / 2).astype(dtype)
    statistics = {name: parse_statistic(f"{name}(gold, predicted)") for name in NUMBERS}
    return Observations(unit="example", columns={"gold": gold, "predicted": predicted}, statistics=statistics)


NUMBER_ORACLES: dict[str, Any] = {
    "mae": metrics.mean_absolute_error,
    "mse": metrics.mean_squared_error,
    "rmse": metrics.root_mean_squared_error,
    "r2": metrics.r2_score,
    "kendall_mean": lambda y, p: kendalltau(y, p).statistic,
}


def number_score(obs: Observations, name: str, rows: np.ndarray) -> float:
    gold, predicted = obs.columns["gold"][rows], obs.columns["predicted"][rows].astype(np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a single unit
        return float(np.mean([NUMBER_ORACLES[name](gold, column) for column in predicted.T]))


CASES = [(label_sets, set_score, name) for name in SETS] + [(numbers, number_score, name) for name in NUMBERS]


@pytest.mark.parametrize(("make", "oracle", "name"), CASES, ids=[name for *_, name in CASES])
@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 14), repeats=st.integers(1, 3), data=st.data())
def test_values_weights_and_jackknife_are_the_oracles(
    make: Any, oracle: Any, name: str, seed: int, n: int, repeats: int, data: Any
) -> None:
    obs = make(seed, n, repeats=repeats)
    every = np.arange(n)
    assert obs.value(name) == pytest.approx(oracle(obs, name, every), abs=1e-12, nan_ok=True)
    counts = np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    drawn = np.repeat(every, counts)
    expected = oracle(obs, name, drawn) if len(drawn) else np.nan
    assert obs.weighted(name, counts[None])[0] == pytest.approx(expected, abs=1e-12, nan_ok=True)
    left_out = [oracle(obs, name, np.delete(every, row)) if n > 1 else np.nan for row in every]
    assert obs.statistics[name].leave_one_out(obs) == pytest.approx(left_out, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize(("make", "oracle", "name"), CASES, ids=[name for *_, name in CASES])
def test_repeats_are_the_experiments(make: Any, oracle: Any, name: str) -> None:
    obs = make(7)
    repeats = obs.repeats()[name]
    assert len(repeats) == 3
    assert len(set(repeats)) > 1
    assert np.mean(repeats) == pytest.approx(obs.value(name), abs=1e-12)
    assert name not in make(7, repeats=1).repeats()


def test_no_units_score_nothing() -> None:
    columns = {"label": np.zeros((0, 1), dtype=np.int64), "predicted": np.zeros((0, 2), dtype=np.int64)}
    statistics = {name: parse_statistic(f"{name}(label, predicted)") for name in SETS}
    obs = Observations(unit="example", columns=columns, statistics=statistics)
    assert all(np.isnan(value) for value in obs.scores().values())
    columns = {"gold": np.zeros(0), "predicted": np.zeros((0, 2))}
    statistics = {name: parse_statistic(f"{name}(gold, predicted)") for name in NUMBERS}
    obs = Observations(unit="example", columns=columns, statistics=statistics)
    assert all(np.isnan(value) for value in obs.scores().values())


@pytest.mark.parametrize("n_labels", [1, 7, 62, 63, 64, 126, 130])
def test_sets_of_any_size_come_back_from_their_bits(n_labels: int) -> None:
    members = np.random.default_rng(n_labels).random((20, n_labels)) < 0.5
    bits = label_bits(members)
    assert bits.shape == (20, -(-n_labels // 63))
    assert bits.min() >= 0
    unpacked = label_members(bits)
    np.testing.assert_array_equal(unpacked[:, :n_labels], members)
    assert not unpacked[:, n_labels:].any()


@pytest.mark.parametrize("name", SETS)
def test_more_labels_than_a_number_has_bits(name: str) -> None:
    obs = label_sets(3, n=30, n_labels=130)
    assert obs.columns["predicted"].shape == (30, 9)
    every = np.arange(30)
    assert obs.value(name) == pytest.approx(set_score(obs, name, every), abs=1e-12)
    left_out = [set_score(obs, name, np.delete(every, row)) for row in every]
    assert obs.statistics[name].leave_one_out(obs) == pytest.approx(left_out, abs=1e-12)


def test_columns_of_different_widths_are_refused() -> None:
    columns = {"label": np.zeros((3, 2), dtype=np.int64), "predicted": np.zeros((3, 3), dtype=np.int64)}
    with pytest.raises(ValueError, match="needs 2 numbers a set in both columns"):
        Observations(unit="e", columns=columns, statistics={"f1": parse_statistic("label_f1(label, predicted)")})


def test_a_constant_gold_column_explains_nothing_unless_every_prediction_is_right() -> None:
    gold = np.full(90, 0.7)
    assert gold.mean() != 0.7
    for shift, expected in ((0.0, 1.0), (0.5, 0.0)):
        columns = {"gold": gold, "predicted": gold + shift}
        obs = Observations(unit="e", columns=columns, statistics={"r2": parse_statistic("r2(gold, predicted)")})
        assert obs.value("r2") == expected


@pytest.mark.parametrize("name", NUMBERS)
def test_predictions_in_32_bits_score_as_in_64(name: str) -> None:
    single, double = numbers(5, dtype=np.float32), numbers(5)
    assert single.columns["predicted"].dtype == np.float32
    assert single.value(name) == double.value(name)
