"""Multilabel classification and regression against mteb's own scores on made-up data.

`golden/mteb_labels.json` is written by `golden/make_mteb_labels.py` from mteb 2.26.24; it names the versions.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import toml

import evalkit
from evalkit.types import Similarity
from evalkit_tasks.stratify import stratified_by_labels, stratified_by_value

GOLDEN = Path(__file__).parent / "golden"
sys.path.insert(0, str(GOLDEN))
import toy_labels  # noqa: E402

RECORD = json.loads((GOLDEN / "mteb_labels.json").read_text())
SCORES: dict[str, dict[str, Any]] = RECORD["scores"]
MULTILABEL = ("accuracy", "f1", "lrap", "hamming")
REGRESSION = ("kendalltau", "mae", "mse", "rmse", "r2")

# What a `task.toml` says where mteb's task class sets the attribute.
PROTOCOLS: dict[str, dict[str, Any]] = {
    "more": {"samples_per_label": 16, "n_experiments": 4},
    "sampled": {"max_eval_samples": 60},
    "all": {"max_eval_samples": 0, "n_experiments": 3},
    "logistic": {"classifier": "MultiOutputClassifier"},
    "regression_plain_drawn": {"n_samples": 120},
    "regression_plain_few": {"n_samples": 15, "n_experiments": 4},
    "regression_whole_drawn": {"n_samples": 150},
}


class Toy:
    """The vectors of `toy_labels.py` as an encoder."""

    name = fingerprint = "toy-labels"
    similarity = Similarity.COSINE

    def encode(self, texts: Any, **_: Any) -> Any:
        return toy_labels.encode(texts)


def write_jsonl(path: Path, columns: dict[str, list[Any]], **renamed: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    names = [renamed.get(name, name) for name in columns]
    rows = [dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def compare(name: str, folder: Path, metrics: tuple[str, ...]) -> Any:
    [result] = evalkit.evaluate(Toy(), folder, cache=False)
    [cell] = result.cells
    golden = SCORES[name]
    assert {metric: cell.scores[metric] for metric in metrics} == {
        metric: None if golden[metric] is None else pytest.approx(golden[metric], abs=2e-5) for metric in metrics
    }
    assert result.main_score.metric == metrics[0]
    return cell


@pytest.mark.parametrize("name", [name for name in SCORES if name.startswith("multilabel")])
def test_multilabel_classification(name: str, tmp_path: Path) -> None:
    _, kind, *variant = name.split("_")
    protocol = PROTOCOLS.get("".join(variant), {})
    folder = toml(tmp_path / "Toy", "MultilabelClassification", **protocol)
    for split, columns in toy_labels.multilabel(kind).items():
        write_jsonl(folder / f"{split}.jsonl", columns, label="labels")
    cell = compare(name, folder, MULTILABEL)
    for metric in MULTILABEL:
        by_experiment = [scores[metric] for scores in SCORES[name]["scores_per_experiment"]]
        assert cell.repeats[metric] == pytest.approx(by_experiment, abs=1e-9)
    assert ("lrap_votes" in cell.scores) == (variant != ["logistic"])


@pytest.mark.parametrize("name", [name for name in SCORES if name.startswith("regression")])
def test_regression(name: str, tmp_path: Path) -> None:
    folder = toml(tmp_path / "Toy", "Regression", **PROTOCOLS.get(name, {}))
    for split, columns in toy_labels.regression(name.split("_")[1]).items():
        write_jsonl(folder / f"{split}.jsonl", columns)
    if name == "regression_constant":
        # In mteb's 32-bit numbers the mean of 90 times 0.7 is not 0.7, and R2 divides by that; scikit-learn means 0.
        assert SCORES[name]["r2"] < -1e14
        assert compare(name, folder, REGRESSION[:-1]).scores["r2"] == 0
        return
    cell = compare(name, folder, REGRESSION)
    if "drawn" not in name and "few" not in name:
        # mteb fits the same ten times over; we once.
        assert cell.repeats == {}
        return
    for metric in REGRESSION:
        by_experiment = [scores[metric] for scores in SCORES[name]["scores_per_experiment"]]
        assert cell.repeats[metric] == pytest.approx(by_experiment, abs=2e-5)
        assert len(set(by_experiment)) > 1


def test_samples_are_those_that_mteb_draws() -> None:
    samples = RECORD["samples"]
    for (labels, size), rows in zip(toy_labels.label_samples(), samples["by_labels"], strict=True):
        assert stratified_by_labels(labels, size, seed=42) == rows
    for (values, size), rows in zip(toy_labels.value_samples(), samples["by_value"], strict=True):
        assert stratified_by_value(np.array(values), size, seed=42).tolist() == rows


def test_subsets_are_averaged_as_mteb_does(tmp_path: Path) -> None:
    """Splits with different subsets: `TaskResult.get_score` is the plain mean over all cells, as ours is."""
    cells = RECORD["subsets"]["cells"]
    folder = toml(tmp_path / "Toy", "MultilabelClassification", ("dev", "test"), n_experiments=3)
    text = (folder / "task.toml").read_text().replace("[protocol]", 'main_score = "lrap"\n[protocol]')
    (folder / "task.toml").write_text(text)
    for split, entries in cells.items():
        for entry in entries:
            name = entry["hf_subset"]
            columns = toy_labels.multilabel("plain", ((f"train-{name}", 150), (f"{split}-{name}", 60)))
            write_jsonl(folder / name / "train.jsonl", columns[f"train-{name}"], label="labels")
            write_jsonl(folder / name / f"{split}.jsonl", columns[f"{split}-{name}"], label="labels")
    [result] = evalkit.evaluate(Toy(), folder, cache=False)
    found = {(cell.split, cell.subset): cell.scores["lrap"] for cell in result.cells}
    expected = {(split, entry["hf_subset"]): entry["lrap"] for split, entries in cells.items() for entry in entries}
    assert found == pytest.approx(expected, abs=1e-9)
    assert len(found) == 5  # two subsets in dev, three in test: a mean of means would differ
    assert result.main_score.value == pytest.approx(RECORD["subsets"]["main_score"], abs=1e-9)
    of_splits = [sum(e["lrap"] for e in entries) / len(entries) for entries in cells.values()]
    assert abs(sum(of_splits) / 2 - RECORD["subsets"]["main_score"]) > 1e-4
