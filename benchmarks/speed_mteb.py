"""mteb's side of `speed.py`: `task.evaluate` on `datasets` in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from datasets import Dataset, DatasetDict
from mteb.abstasks.classification import AbsTaskClassification
from mteb.abstasks.clustering import AbsTaskClustering
from mteb.abstasks.retrieval import AbsTaskRetrieval
from mteb.abstasks.sts import AbsTaskSTS
from mteb.abstasks.task_metadata import TaskMetadata
from mteb.models.abs_encoder import AbsEncoder
from mteb.models.model_meta import ModelMeta, ScoringFunction
from speed_data import Workload, look_up


class Lookup(AbsEncoder):
    """The vectors behind mteb's interface."""

    def __init__(self, vectors: Any) -> None:
        self.model = None
        self.vectors = vectors
        self.mteb_model_meta = ModelMeta.create_empty(
            overwrites={"name": "lookup/lookup", "similarity_fn_name": ScoringFunction.COSINE}
        )

    def encode(self, inputs: Any, **_: Any) -> Any:
        """Their vectors."""
        return look_up(self.vectors, [text for batch in inputs for text in batch["text"]])


def prepare(work: Workload) -> Callable[[], dict[str, float]]:
    """What is to be measured; it returns every score."""
    task, encoder = _TASKS[work.case.kind](work), Lookup(work.vectors)

    def run() -> dict[str, float]:
        scores = task.evaluate(encoder, "test", encode_kwargs={"batch_size": 32})["default"]
        return {name: value for name, value in scores.items() if isinstance(value, float) and "nauc" not in name}

    return run


def _task(base: type, kind: str, main_score: str, dataset: Any, **attributes: Any) -> Any:
    metadata = TaskMetadata(
        name="Memory", description="made up", dataset={"path": "memory/memory", "revision": "1"}, type=kind,
        category="t2t", eval_splits=["test"], eval_langs=["eng-Latn"], main_score=main_score, modalities=["text"],
        reference=None, date=None, domains=None, task_subtypes=None, license=None, annotations_creators=None,
        dialect=None, sample_creation=None, bibtex_citation=None,
    )  # fmt: skip
    task = type("Memory", (base,), {"metadata": metadata, **attributes})()
    task.dataset, task.data_loaded = dataset, True
    return task


def _sts(work: Workload) -> Any:
    [n] = work.case.sizes
    table = {"sentence1": work.texts(0, n), "sentence2": work.texts(n, n), "score": work.columns["score"].tolist()}
    return _task(AbsTaskSTS, "STS", "cosine_spearman", {"default": {"test": Dataset.from_dict(table)}})


def _classification(work: Workload) -> Any:
    n, m = work.case.sizes
    labels = work.columns["label"].tolist()
    train = Dataset.from_dict({"text": work.texts(0, n), "label": labels[:n]})
    test = Dataset.from_dict({"text": work.texts(n, m), "label": labels[n:]})
    data = DatasetDict({"train": train, "test": test})
    return _task(AbsTaskClassification, "Classification", "accuracy", data)


def _clustering(work: Workload) -> Any:
    table = {"sentences": work.texts(0, *work.case.sizes), "labels": work.columns["label"].tolist()}
    data = {"default": {"test": Dataset.from_dict(table)}}
    return _task(AbsTaskClustering, "Clustering", "v_measure", data, max_fraction_of_documents_to_embed=None)


def _retrieval(work: Workload) -> Any:
    n, m = work.case.sizes
    corpus = {"id": [f"d{row}" for row in range(n)], "title": work.titles(n), "text": work.texts(0, n)}
    queries = {"id": [f"q{row}" for row in range(m)], "text": work.texts(n, m)}
    qrels: dict[str, dict[str, int]] = {}
    judgements = np.stack([work.columns[key] for key in ("query", "document", "grade")], axis=1)
    for query, document, grade in judgements.tolist():
        qrels.setdefault(f"q{query}", {})[f"d{document}"] = grade
    data = {
        "corpus": Dataset.from_dict(corpus), "queries": Dataset.from_dict(queries), "relevant_docs": qrels,
        "top_ranked": None,
    }  # fmt: skip
    return _task(AbsTaskRetrieval, "Retrieval", "ndcg_at_10", {"default": {"test": data}})


_TASKS: dict[str, Callable[[Workload], Any]] = {
    "sts": _sts,
    "retrieval": _retrieval,
    "classification": _classification,
    "clustering": _clustering,
}
