"""Multilabel classification and regression as tasks: the contract, malformed data, corners of the protocols."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import helpers
import numpy as np
import pytest
from helpers import Counting, jsonl, sentence, toml
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import label_ranking_average_precision_score
from sklearn.neighbors import KNeighborsClassifier

import evalkit
from evalkit.errors import EvalkitError
from evalkit.plugins import Plugins
from evalkit.testing import MemoryBench, check_task
from evalkit.types import Role
from evalkit_tasks.label_ranking import label_ranking_precision
from evalkit_tasks.multilabel_classification import draw_examples
from evalkit_tasks.stratify import quantile_bins, stratified_by_labels, stratified_by_value

LABELS = ("red", "green", "blue", "black")


def some_labels(row: int, salt: str = "") -> list[str]:
    return sorted(random.Random(f"{salt}{row}").sample(LABELS, k=1 + row % 3))


def multilabel(folder: Path, n: int = 40, n_test: int = 20, **protocol: Any) -> Path:
    toml(folder, "MultilabelClassification", **{"n_experiments": 3, **protocol})
    for split, size in (("train", n), ("test", n_test)):
        rows = [{"text": sentence(i, split), "labels": some_labels(i, split)} for i in range(size)]
        jsonl(folder / f"{split}.jsonl", rows)
    return folder


def regression(folder: Path, n: int = 60, n_test: int = 20, **protocol: Any) -> Path:
    toml(folder, "Regression", **{"n_experiments": 3, **protocol})
    for split, size in (("train", n), ("test", n_test)):
        rows = [{"text": sentence(i, split), "value": (i * 37 % 101) / 7 - 3} for i in range(size)]
        jsonl(folder / f"{split}.jsonl", rows)
    return folder


def rewrite(folder: Path, split: str, labels: list[Any] | None = None, values: list[float] | None = None) -> None:
    """Give a split these labels or values, one a row."""
    given = [{"labels": each} for each in labels or []] + [{"value": each} for each in values or []]
    jsonl(folder / f"{split}.jsonl", [{"text": sentence(i, split), **each} for i, each in enumerate(given)])


def scored(folder: Path, workers: int = 1) -> Any:
    [result] = evalkit.evaluate(Counting(), folder, cache=False, workers=workers)
    return result


# -- the contract ------------------------------------------------------------------------------------------------

VARIANTS = {
    "neighbours": multilabel,
    "sampled": lambda folder: multilabel(folder, n_test=50, max_eval_samples=20),
    "logistic": lambda folder: multilabel(folder, classifier="MultiOutputClassifier"),
    "regression": regression,
    "regression drawn": lambda folder: regression(folder, n_samples=25),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_the_contract_is_kept(name: str, tmp_path: Path) -> None:
    check_task(Plugins.installed().open_task(VARIANTS[name](tmp_path / "T")))


@pytest.mark.parametrize("name", VARIANTS)
def test_the_number_of_workers_changes_nothing(name: str, tmp_path: Path) -> None:
    folder = VARIANTS[name](tmp_path / "T")
    one, two = (scored(folder, workers).cells[0].model_dump() for workers in (1, 2))
    assert one == two


OTHERS = {
    "classification": helpers.classification,
    "clustering": helpers.clustering,
    "retrieval": helpers.retrieval,
}


def sets(folder: Path) -> Path:
    toml(folder, "Clustering", kind="legacy", spread_seeds=0)
    jsonl(folder / "test.jsonl", [{"texts": [sentence(i) for i in range(8)], "labels": [i % 2 for i in range(8)]}])
    return folder


def rankability(folder: Path) -> Path:
    toml(folder, "Rankability", few_repeats=1)
    text = (folder / "task.toml").read_text() + '[protocol.zero_shot]\nhigh = "much"\nlow = "little"\n'
    (folder / "task.toml").write_text(text)
    jsonl(folder / "test.jsonl", [{"text": sentence(i), "value": i} for i in range(30)])
    return folder


class Recording(Counting):
    """Remembers for which role it was given each text."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[Role, set[str]] = {}

    def vector(self, text: str, role: Any, task: Any) -> np.ndarray:
        self.seen.setdefault(role, set()).add(text)
        return super().vector(text, role, task)


@pytest.mark.parametrize("name", [*VARIANTS, *OTHERS, "sets", "rankability"])
def test_a_task_says_which_texts_it_will_embed(name: str, tmp_path: Path) -> None:
    make = {**VARIANTS, **OTHERS, "sets": sets, "rankability": rankability}[name]
    task = Plugins.installed().open_task(make(tmp_path / "T"))
    [cell] = task.cells()
    encoder = Recording()
    task.evaluate(cell, MemoryBench(encoder, task.info))
    assert {role: set(texts) for role, texts in task.texts(cell).items()} == encoder.seen
    if name in ("sampled", "regression drawn"):
        assert len(encoder.seen[Role.TEXT]) < sum(
            path.read_text().count("\n") for path in (tmp_path / "T").glob("t*.jsonl")
        )


# -- malformed data ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text": "a", "labels": "red"}', "test.jsonl:3: field 'labels' is \"red\"; expected: a list of classes"),
        ('{"text": "a", "labels": [1.5]}', "test.jsonl:3: field 'labels' is [1.5]; expected: a list of classes"),
        ('{"text": "a", "labels": [["red"]]}', "test.jsonl:3: field 'labels'"),
        ('{"text": "a", "label": ["red"]}', "test.jsonl:3: field 'labels' is missing (it has: text, label)"),
        ('{"text": 3, "labels": []}', "test.jsonl:3: field 'text' is 3"),
        ('{"text": "a", "labels": [7]}', "some labels are numbers and some are strings"),
        ('{"text": "a"', "test.jsonl:3: no valid JSON"),
    ],
)
def test_malformed_labels_are_told_with_file_and_line(line: str, message: str, tmp_path: Path) -> None:
    folder = multilabel(tmp_path / "T")
    helpers.edit(folder / "test.jsonl", 3, line)
    with pytest.raises(EvalkitError) as caught:
        scored(folder)
    assert message in str(caught.value)
    assert helpers.is_a_sentence(caught.value.message)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text": "a", "value": "5"}', "train.jsonl:3: field 'value' is \"5\"; expected: a finite number"),
        ('{"text": "a", "value": NaN}', "train.jsonl:3: field 'value' is NaN; expected: a finite number"),
        ('{"text": "a", "value": true}', "train.jsonl:3: field 'value' is true; expected: a finite number"),
        ('{"text": "a"}', "train.jsonl:3: field 'value' is missing"),
    ],
)
def test_malformed_values_are_told_with_file_and_line(line: str, message: str, tmp_path: Path) -> None:
    folder = regression(tmp_path / "T")
    helpers.edit(folder / "train.jsonl", 3, line)
    with pytest.raises(EvalkitError) as caught:
        scored(folder)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("make", "protocol", "message"),
    [
        (multilabel, {"n_neighbors": 0}, "protocol.n_neighbors"),
        (multilabel, {"classifier": "SVC"}, "protocol.classifier"),
        (multilabel, {"max_eval_samples": -1}, "protocol.max_eval_samples"),
        (regression, {"n_samples": 0}, "protocol.n_samples"),
        (regression, {"regressor": "Ridge"}, "protocol.regressor"),
    ],
)
def test_unfit_parameters_are_refused(make: Any, protocol: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(EvalkitError, match=message):
        scored(make(tmp_path / "T", **protocol))


# -- corners of multilabel classification --------------------------------------------------------------------------


def test_a_label_with_few_examples_gives_them_all(tmp_path: Path) -> None:
    labels = [["red"]] * 30 + [["green"]] * 3
    draws = draw_examples(labels, 8, 4, seed=42)
    assert all({30, 31, 32} <= set(rows.tolist()) and len(rows) == 11 for rows in draws)
    assert len({tuple(rows.tolist()) for rows in draws}) == 4


def test_texts_without_labels_are_never_drawn_and_may_be_tested(tmp_path: Path) -> None:
    folder = multilabel(tmp_path / "T")
    rewrite(folder, "train", [[] if i % 2 else some_labels(i) for i in range(60)])
    rewrite(folder, "test", [[] if i % 3 else some_labels(i) for i in range(30)])
    task = Plugins.installed().open_task(folder)
    [cell] = task.cells()
    assert not {sentence(i, "train") for i in range(1, 60, 2)} & set(task.texts(cell)[Role.TEXT])
    assert len(scored(folder).cells[0].scores) == 7


def test_labels_that_no_training_example_has_are_warned_of_and_never_predicted(tmp_path: Path) -> None:
    folder = multilabel(tmp_path / "T")
    rewrite(folder, "test", [["red"], ["green", "zebra"], ["zebra"]] * 5)
    result = scored(folder)
    [warning] = [text for text in result.warnings if "zebra" in text]
    assert warning == "test/default: No training example that was drawn has the label zebra: it cannot be predicted."
    assert result.cells[0].scores["accuracy"] <= 1 / 3
    # A label of the training split alone is no label.
    assert "blue" not in warning
    obs = evalkit.Results.observations(result)
    assert obs.columns["label"].max() == 0b101  # of green, red, zebra the first and the last


@pytest.mark.parametrize(
    ("split", "labels", "protocol", "message"),
    [
        ("test", [[]] * 6, {}, "test.jsonl: the texts have 0 different labels. The type needs at least two."),
        ("test", [["red"]] * 6, {}, "test.jsonl: the texts have 1 different labels."),
        ("train", [[]] * 6, {}, "train.jsonl: an experiment draws 0 labelled examples and needs 5."),
        ("train", [["red"]] * 4, {}, "train.jsonl: an experiment draws 4 labelled examples and needs 5."),
        ("train", [["red"]] * 9, {"classifier": "MultiOutputClassifier"}, "A label's classifier cannot be fitted"),
    ],
)
def test_too_few_labels_are_told(
    split: str, labels: list[list[str]], protocol: dict[str, Any], message: str, tmp_path: Path
) -> None:
    folder = multilabel(tmp_path / "T", **protocol)
    rewrite(folder, split, labels)
    with pytest.raises(EvalkitError) as caught:
        scored(folder)
    assert message in str(caught.value)


def test_the_neighbours_vote_as_scikit_learn_counts(tmp_path: Path) -> None:
    folder = multilabel(tmp_path / "T", n_neighbors=4, n_experiments=1, samples_per_label=100)
    obs = evalkit.Results.observations(scored(folder))
    train, test = ([some_labels(i, split) for i in range(n)] for split, n in (("train", 40), ("test", 20)))
    vectors = {split: np.stack([helpers.vector(sentence(i, split)) for i in range(40)]) for split in ("train", "test")}
    names = sorted(LABELS)
    y, truth = (np.array([[name in each for name in names] for each in rows], dtype=int) for rows in (train, test))
    predicted = KNeighborsClassifier(4).fit(vectors["train"], y).predict(vectors["test"][:20])
    np.testing.assert_array_equal(obs.columns["predicted"][:, 0], predicted @ (1 << np.arange(4)))
    np.testing.assert_array_equal(obs.columns["label"][:, 0], truth @ (1 << np.arange(4)))
    assert obs.value("lrap") == pytest.approx(label_ranking_average_precision_score(truth, predicted), abs=1e-12)


def test_the_sampled_texts_are_named_by_their_rows(tmp_path: Path) -> None:
    folder = multilabel(tmp_path / "T", n_test=50, max_eval_samples=20)
    obs = evalkit.Results.observations(scored(folder))
    rows = [int(name) for name in obs.ids or ()]
    assert rows == sorted(rows)
    assert 15 <= len(rows) <= 25
    labels = [some_labels(row, "test") for row in rows]
    bits = [sum(1 << sorted(LABELS).index(name) for name in each) for each in labels]
    assert obs.columns["label"][:, 0].tolist() == bits


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.integers(1, 7), st.integers(2, 8))
def test_label_ranking_is_scikit_learns(seed: int, n: int, n_labels: int) -> None:
    generator = np.random.default_rng(seed)
    members, scores = generator.random((n, n_labels)) < 0.4, generator.integers(0, 4, (n, n_labels))
    expected = label_ranking_average_precision_score(members, scores)
    assert label_ranking_precision(members, scores).mean() == pytest.approx(expected, abs=1e-12)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.integers(10, 60))
def test_a_sample_by_labels_keeps_their_shares(seed: int, n: int) -> None:
    generator = np.random.default_rng(seed)
    labels = [np.flatnonzero(generator.random(4) < 0.5).tolist() for _ in range(n)]
    rows = stratified_by_labels(labels, n // 2, seed)
    assert rows == sorted(set(rows))
    assert set(rows) <= set(range(n))
    assert rows == stratified_by_labels(labels, n // 2, seed)
    for label in range(4):
        total = sum(label in each for each in labels)
        assert abs(sum(label in labels[row] for row in rows) - total / 2) <= 4


# -- corners of regression -----------------------------------------------------------------------------------------


def test_constant_predictions_and_constant_values_are_undefined_not_errors(tmp_path: Path) -> None:
    folder = regression(tmp_path / "T")
    rewrite(folder, "train", values=[2.5] * 30)
    result = scored(folder)
    assert result.cells[0].scores["kendalltau"] is None
    assert result.main_score.value is None
    assert any("undefined" in text and "kendalltau" in text for text in result.warnings)
    rewrite(folder, "test", values=[2.5] * 10)
    scores = scored(folder).cells[0].scores
    assert scores["kendalltau"] is None
    assert scores["mae"] == pytest.approx(0, abs=1e-6)


def test_one_test_example_has_errors_but_no_order(tmp_path: Path) -> None:
    folder = regression(tmp_path / "T")
    rewrite(folder, "test", values=[1.0])
    scores = scored(folder).cells[0].scores
    assert (scores["kendalltau"], scores["r2"]) == (None, None)
    assert scores["mae"] == pytest.approx(scores["rmse"], abs=1e-12)


def test_equal_experiments_are_made_once(tmp_path: Path) -> None:
    columns = evalkit.Results.observations(scored(regression(tmp_path / "A"))).columns
    assert columns["predicted"].shape == (20, 1)
    columns = evalkit.Results.observations(scored(regression(tmp_path / "B", n_samples=45))).columns
    assert columns["predicted"].shape == (20, 3)


@pytest.mark.parametrize("n_samples", [5, 55])
def test_too_few_for_every_tenth_is_told(n_samples: int, tmp_path: Path) -> None:
    with pytest.raises(EvalkitError, match=rf"no {n_samples} of 60 examples can be drawn"):
        scored(regression(tmp_path / "T", n_samples=n_samples))


def test_constant_values_are_one_stratum() -> None:
    assert quantile_bins(np.full(20, 3.0)).tolist() == [0] * 20
    rows = stratified_by_value(np.full(20, 3.0), 8, seed=1)
    assert len(set(rows.tolist())) == 8


# pandas 3.1.1: pd.qcut(values, 10, labels=False, duplicates="drop"), its codes numbered without gaps.
BINNED = [
    (
        [i * i % 23 / 4 for i in range(25)],
        [0, 0, 2, 5, 7, 1, 6, 1, 8, 6, 4, 3, 3, 4, 6, 8, 1, 6, 1, 7, 5, 2, 0, 0, 0],
    ),
    (
        [0, 0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 3, 4, 5, 6, 6, 7, 7, 7, 7],
        [0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 5, 5, 5],
    ),
    # Here a decile that were not rounded up would lie below the value that it is.
    ([8, 4, 7, 4, 4, 6, 5, 4, 8, 5, 8], [4, 0, 3, 0, 0, 2, 1, 0, 4, 1, 4]),
    ([0.1 * i for i in range(21)], [0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9]),
]


@pytest.mark.parametrize(("values", "codes"), BINNED)
def test_deciles_are_those_of_pandas(values: list[float], codes: list[int]) -> None:
    assert quantile_bins(np.array(values, dtype=np.float64)).tolist() == codes


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.integers(40, 120))
def test_every_decile_gives_its_share(seed: int, n: int) -> None:
    generator = np.random.default_rng(seed)
    values = generator.standard_normal(n)
    codes = quantile_bins(values)
    assert np.bincount(codes).min() >= n // 10
    assert (np.diff(codes[np.argsort(values)]) >= 0).all()
    size = n // 2
    rows = stratified_by_value(values, size, seed)
    assert len(set(rows.tolist())) == size
    drawn = np.bincount(codes[rows], minlength=10)
    assert (np.abs(drawn - np.bincount(codes) / 2) <= 1).all()
