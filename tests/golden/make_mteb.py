"""Write `mteb_toy.json`: mteb's own scores on the data of `toy.py`.

    pip install mteb==2.26.24 scikit-learn==1.9.1
    python tests/golden/make_mteb.py

mteb is not needed to run the tests; this is where their numbers come from.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset, DatasetDict
from mteb.abstasks.classification import AbsTaskClassification
from mteb.abstasks.clustering import AbsTaskClustering
from mteb.abstasks.clustering_legacy import AbsTaskClusteringLegacy
from mteb.abstasks.retrieval import AbsTaskRetrieval
from mteb.abstasks.sts import AbsTaskSTS
from mteb.abstasks.task_metadata import TaskMetadata
from mteb.models.abs_encoder import AbsEncoder
from mteb.models.model_meta import ModelMeta, ScoringFunction

sys.path.insert(0, str(Path(__file__).parent))
import toy

HERE = Path(__file__).parent


class Toy(AbsEncoder):
    """The vectors of `toy.py` behind mteb's interface."""

    def __init__(self, similarity: ScoringFunction = ScoringFunction.COSINE) -> None:
        self.model = None
        self.mteb_model_meta = ModelMeta.create_empty(overwrites={"name": "toy/toy", "similarity_fn_name": similarity})

    def encode(self, inputs: Any, **kwargs: Any) -> Any:
        return toy.encode([text for batch in inputs for text in batch["text"]])


def metadata(kind: str, main_score: str, splits: list[str]) -> TaskMetadata:
    return TaskMetadata(
        name="Toy",
        description="toy",
        dataset={"path": "toy/toy", "revision": "1"},
        type=kind,
        category="t2t",
        eval_splits=splits,
        eval_langs=["eng-Latn"],
        main_score=main_score,
        modalities=["text"],
        reference=None,
        date=None,
        domains=None,
        task_subtypes=None,
        license=None,
        annotations_creators=None,
        dialect=None,
        sample_creation=None,
        bibtex_citation=None,
    )


def run(base: type, kind: str, main: str, dataset: Any, split: str, model: Any = None, **attributes: Any) -> Any:
    task_class = type("ToyTask", (base,), {"metadata": metadata(kind, main, [split]), **attributes})
    task = task_class()
    task.dataset, task.data_loaded = dataset, True
    scores = task.evaluate(model or Toy(), split, encode_kwargs={"batch_size": 32})["default"]
    return json.loads(json.dumps(scores, default=float), parse_constant=lambda _: None)


def clusterings() -> dict[str, Any]:
    out = {}
    for kind in ("strings", "numbers", "paths", "number_paths"):
        columns = toy.clustering(kind)
        data = {"test": Dataset.from_dict({"sentences": columns["text"], "labels": columns["label"]})}
        small = {"max_documents_per_cluster": 256, "n_clusters": 4, "k_mean_batch_size": 64}
        out[f"clustering_{kind}_all"] = run(
            AbsTaskClustering,
            "Clustering",
            "v_measure",
            {"default": data},
            "test",
            max_fraction_of_documents_to_embed=None,
            **small,
        )
        out[f"clustering_{kind}_half"] = run(
            AbsTaskClustering,
            "Clustering",
            "v_measure",
            {"default": data},
            "test",
            max_fraction_of_documents_to_embed=0.5,
            **small,
        )
    columns = toy.clustering("strings")
    sets = [slice(0, 120), slice(120, 260), slice(260, 300)]
    rows = {"sentences": [columns["text"][s] for s in sets], "labels": [columns["label"][s] for s in sets]}
    rows["sentences"].append(["bread alone 1", "bread alone 2"])
    rows["labels"].append(["bread", "bread"])
    out["clustering_sets"] = run(
        AbsTaskClusteringLegacy, "Clustering", "v_measure", {"default": {"test": Dataset.from_dict(rows)}}, "test"
    )
    return out


def classifications() -> dict[str, Any]:
    out = {}
    for n_labels in (2, 5):
        columns = toy.classification(n_labels)
        data = DatasetDict({split: Dataset.from_dict(each) for split, each in columns.items()})
        out[f"classification_{n_labels}"] = run(
            AbsTaskClassification, "Classification", "accuracy", {"default": data}, "test"
        )
        out[f"classification_{n_labels}_folds"] = run(
            AbsTaskClassification, "Classification", "accuracy", {"default": data}, "train", is_cross_validation=True
        )
    return out


def retrievals() -> dict[str, Any]:
    out = {}
    variants = {
        "plain": {},
        "dot": {"model": Toy(ScoringFunction.DOT_PRODUCT)},
        "ignore": {"ignore_identical_ids": True},
        "skip": {"skip_first_result": True},
    }
    for name, options in variants.items():
        raw = toy.retrieval()
        data = {
            "corpus": Dataset.from_list([{"id": i, "text": t, "title": ""} for i, t in raw["documents"].items()]),
            "queries": Dataset.from_list([{"id": i, "text": t} for i, t in raw["queries"].items()]),
            "relevant_docs": raw["qrels"],
            "top_ranked": None,
        }
        model = options.pop("model", None)
        scores = run(
            AbsTaskRetrieval,
            "Retrieval",
            "ndcg_at_10",
            {"default": {"test": data}},
            "test",
            model,
            k_values=(1, 3, 10, 100),
            **options,
        )
        out[f"retrieval_{name}"] = {key: value for key, value in scores.items() if "nauc" not in key}
    return out


def main() -> None:
    packages = {name: version(name) for name in ("mteb", "scikit-learn", "numpy", "scipy", "pytrec_eval-terrier")}
    sts_data = {"default": {"test": Dataset.from_dict(toy.sts())}}
    goldens = {
        **clusterings(),
        **classifications(),
        **retrievals(),
        "sts_cosine": run(AbsTaskSTS, "STS", "cosine_spearman", sts_data, "test"),
        "sts_dot": run(AbsTaskSTS, "STS", "cosine_spearman", sts_data, "test", Toy(ScoringFunction.DOT_PRODUCT)),
    }
    record = {"made_by": "tests/golden/make_mteb.py", "packages": packages, "scores": goldens}
    (HERE / "mteb_toy.json").write_text(json.dumps(record, indent=1, allow_nan=False) + "\n")
    print({name: scores.get("main_score") for name, scores in goldens.items()}, np.__version__)


if __name__ == "__main__":
    main()
