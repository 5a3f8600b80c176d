"""Write `mteb_labels.json`: mteb's own scores on the data of `toy_labels.py`.

    pip install mteb==2.26.24 scikit-learn==1.9.1
    python tests/golden/make_mteb_labels.py

mteb is not needed to run the tests; this is where their numbers come from.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from datasets import Dataset, DatasetDict
from mteb.abstasks.abstask import _multilabel_subsampling
from mteb.abstasks.multilabel_classification import AbsTaskMultilabelClassification
from mteb.abstasks.regression import AbsTaskRegression
from mteb.results import TaskResult
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier

sys.path.insert(0, str(Path(__file__).parent))
import make_mteb
import toy_labels

HERE = Path(__file__).parent
LOGISTIC = MultiOutputClassifier(estimator=LogisticRegression())  # as FSD2019Kaggle, BirdSet and others have it
SUBSETS = {"dev": ["de", "en"], "test": ["de", "en", "fr"]}


class Toy(make_mteb.Toy):
    """The vectors of `toy_labels.py` behind mteb's interface."""

    def encode(self, inputs: Any, **kwargs: Any) -> Any:
        return toy_labels.encode([text for batch in inputs for text in batch["text"]])


def run(base: type, kind: str, main: str, columns: dict[str, Any], split: str = "test", **attributes: Any) -> Any:
    data = DatasetDict({name: Dataset.from_dict(each) for name, each in columns.items()})
    return make_mteb.run(base, kind, main, {"default": data}, split, Toy(), **attributes)


def multilabels() -> dict[str, Any]:
    out = {}
    for kind in ("plain", "edges"):
        for variant, attributes in {
            "": {},
            "_more": {"samples_per_label": 16, "n_experiments": 4},
            "_sampled": {"max_eval_samples": 60},
            "_all": {"max_eval_samples": None, "n_experiments": 3},
            **({"_logistic": {"evaluator_model": LOGISTIC}} if kind == "plain" else {}),
        }.items():
            out[f"multilabel_{kind}{variant}"] = run(
                AbsTaskMultilabelClassification,
                "MultilabelClassification",
                "accuracy",
                toy_labels.multilabel(kind),
                **attributes,
            )
    return out


def regressions() -> dict[str, Any]:
    variants = {
        "plain": {},
        "plain_drawn": {"n_samples": 120},
        "plain_few": {"n_samples": 15, "n_experiments": 4},
        "whole_drawn": {"n_samples": 150},
        "constant": {},
    }
    return {
        f"regression_{name}": run(
            AbsTaskRegression, "Regression", "kendalltau", toy_labels.regression(name.split("_")[0]), **attributes
        )
        for name, attributes in variants.items()
    }


def samples() -> dict[str, list[list[int]]]:
    """Rows that mteb draws, by labels and by value."""
    by_labels = []
    for labels, size in toy_labels.label_samples():
        data = DatasetDict({"test": Dataset.from_dict({"label": labels, "row": range(len(labels))})})
        drawn = _multilabel_subsampling(data, seed=42, splits=["test"], n_samples=size)
        by_labels.append(list(drawn["test"]["row"]))
    by_value = []
    for values, size in toy_labels.value_samples():
        data = DatasetDict({"test": Dataset.from_dict({"value": values, "row": range(len(values))})})
        drawn = AbsTaskRegression.stratified_subsampling(data, seed=42, n_samples=size)
        by_value.append(list(drawn["test"]["row"]))
    return {"by_labels": by_labels, "by_value": by_value}


def subsets() -> dict[str, Any]:
    """Every cell run alone, and what mteb makes of them; the splits have different subsets."""
    scores: dict[str, list[dict[str, Any]]] = {}
    for split, names in SUBSETS.items():
        for name in names:
            columns = toy_labels.multilabel("plain", ((f"train-{name}", 150), (f"{split}-{name}", 60)))
            train, test = columns.values()
            found = run(
                AbsTaskMultilabelClassification,
                "MultilabelClassification",
                "lrap",
                {"train": train, split: test},
                split,
                n_experiments=3,
            )
            language = {"de": "deu-Latn", "en": "eng-Latn", "fr": "fra-Latn"}[name]
            kept = {"main_score": found["main_score"], "accuracy": found["accuracy"], "lrap": found["lrap"]}
            scores.setdefault(split, []).append({**kept, "hf_subset": name, "languages": [language]})
    result = TaskResult(
        dataset_revision="1", task_name="Toy", mteb_version="2.26.24", scores=scores, evaluation_time=1.0
    )
    return {"cells": scores, "main_score": float(result.get_score()), "fast": float(result._get_score_fast())}


def main() -> None:
    packages = {name: version(name) for name in ("mteb", "scikit-learn", "numpy", "scipy", "datasets", "pandas")}
    goldens = {**multilabels(), **regressions()}
    record = {
        "made_by": "tests/golden/make_mteb_labels.py",
        "packages": packages,
        "scores": goldens,
        "samples": samples(),
        "subsets": subsets(),
    }
    (HERE / "mteb_labels.json").write_text(json.dumps(record, indent=1, allow_nan=False) + "\n")
    print({name: scores.get("main_score") for name, scores in goldens.items()}, record["subsets"]["main_score"])


if __name__ == "__main__":
    main()
