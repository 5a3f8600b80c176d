"""evalkit's side of `speed.py`: `evalkit.evaluate`, record and all, on data in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import sklearn.cluster
import sklearn.linear_model  # noqa: F401  imported before the clock starts, as mteb has it
from speed_data import Workload, look_up

from evalkit.api import evaluate
from evalkit.data import RetrievalData, TaskFolder
from evalkit.data.retrieval import document_text
from evalkit.data.spec import TaskSpec
from evalkit.protocols import Cell, CellScores, Workbench
from evalkit.types import Qrels, Similarity
from evalkit_tasks.classification import ClassificationTask
from evalkit_tasks.clustering import ClusteringTask, score_clustering
from evalkit_tasks.retrieval import RetrievalTask, score_retrieval
from evalkit_tasks.sts import STSTask


@dataclass(frozen=True)
class Lookup:
    """An `evalkit.protocols.Encoder`."""

    vectors: np.ndarray[Any, Any]
    name: str = "lookup"
    fingerprint: str | None = "lookup"
    similarity: Similarity = Similarity.COSINE

    def encode(self, texts: Sequence[str], **_: Any) -> np.ndarray[Any, Any]:
        """Their vectors."""
        return look_up(self.vectors, texts)


@dataclass(frozen=True)
class MemoryFolder(TaskFolder):
    """A task folder whose tables are in memory.

    Attributes:
        tables: Columns of each split.
    """

    tables: Mapping[str, dict[str, list[Any]]] = field(default_factory=dict)
    subsets = ("default",)
    missing_cells = ()

    def base(self, subset: str) -> Path:  # noqa: ARG002
        """Nowhere: no file is read."""
        return self.path

    def table(self, subset: str, split: str, checks: Any) -> dict[str, list[Any]]:  # noqa: ARG002
        """Columns of a split."""
        return self.tables[split]

    def fingerprint(self, files: Any, protocol: Any) -> str:  # noqa: ARG002
        """Nothing is stored, so nothing needs to be told apart."""
        return "in memory"


class MemoryClustering(ClusteringTask):
    """Without a look at the file for given sets."""

    def evaluate(self, cell: Cell, bench: Workbench) -> CellScores:
        """Score the cell."""
        table = self.folder.table(cell.subset, cell.split, {})
        return score_clustering(table["text"], table["label"], bench, self.parameters)


class MemoryRetrieval(RetrievalTask):
    """Joins titles and texts, and lets go of them, as `read_retrieval` does."""

    qrels: Qrels

    def evaluate(self, cell: Cell, bench: Workbench) -> CellScores:
        """Score the cell, once only."""
        corpus, queries = (self.folder.table(cell.subset, split, {}) for split in ("corpus", "queries"))
        pairs = zip(corpus.pop("title"), corpus.pop("text"), strict=True)
        documents = [document_text(title, text) for title, text in pairs]
        del pairs
        data = RetrievalData(
            document_ids=corpus["_id"],
            documents=documents,
            query_ids=queries["_id"],
            queries=queries["text"],
            qrels=self.qrels,
        )
        return score_retrieval(data, bench, self.parameters, self.main_score)


def prepare(work: Workload) -> Callable[[], dict[str, float]]:
    """What is to be measured; it returns every score."""
    task, encoder = _TASKS[work.case.kind](work), Lookup(work.vectors)

    def run() -> dict[str, float]:
        [result] = evaluate(encoder, task, cache=False)
        return {**result.cells[0].scores, "main_score": result.main_score.value}

    return run


def _folder(kind: str, tables: Mapping[str, dict[str, list[Any]]], **protocol: Any) -> MemoryFolder:
    return MemoryFolder(Path("Memory"), TaskSpec(name="Memory", type=kind, protocol=protocol), tables)


def _sts(work: Workload) -> STSTask:
    [n] = work.case.sizes
    table = {"sentence1": work.texts(0, n), "sentence2": work.texts(n, n), "score": work.columns["score"].tolist()}
    return STSTask(_folder("STS", {"test": table}))


def _classification(work: Workload) -> ClassificationTask:
    n, m = work.case.sizes
    labels = work.columns["label"].tolist()
    tables = {
        "train": {"text": work.texts(0, n), "label": labels[:n]},
        "test": {"text": work.texts(n, m), "label": labels[n:]},
    }
    return ClassificationTask(_folder("Classification", tables))


def _clustering(work: Workload) -> MemoryClustering:
    table = {"text": work.texts(0, *work.case.sizes), "label": work.columns["label"].tolist()}
    return MemoryClustering(_folder("Clustering", {"test": table}))


def _retrieval(work: Workload) -> MemoryRetrieval:
    n, m = work.case.sizes
    corpus = {"_id": [f"d{row}" for row in range(n)], "title": work.titles(n), "text": work.texts(0, n)}
    queries = {"_id": [f"q{row}" for row in range(m)], "text": work.texts(n, m)}
    task = MemoryRetrieval(_folder("Retrieval", {"corpus": corpus, "queries": queries}))
    offsets = np.searchsorted(work.columns["query"], np.arange(m + 1))
    task.qrels = Qrels(offsets, work.columns["document"], work.columns["grade"])
    return task


_TASKS: dict[str, Callable[[Workload], Any]] = {
    "sts": _sts,
    "retrieval": _retrieval,
    "classification": _classification,
    "clustering": _clustering,
}
