"""Every protocol against mteb's own scores on made-up data: `golden/mteb_toy.json`, written by `golden/make_mteb.py`.

Real data and real vectors are in `test_golden_real.py`; here are the corners that those do not reach: ties, identical
ids, skipped first results, cross-validation, label levels, drawn samples, dot products.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

import evalkit
from evalkit.types import Similarity

GOLDEN = Path(__file__).parent / "golden"
sys.path.insert(0, str(GOLDEN))
import toy  # noqa: E402

RECORD = json.loads((GOLDEN / "mteb_toy.json").read_text())
SCORES: dict[str, dict[str, Any]] = RECORD["scores"]


class Toy:
    """The vectors of `toy.py` as an encoder."""

    def __init__(self, similarity: Similarity = Similarity.COSINE) -> None:
        self.name = f"toy-{similarity}"
        self.fingerprint = self.name
        self.similarity = similarity

    def encode(self, texts: Any, **_: Any) -> Any:
        return toy.encode(texts)


def write_jsonl(path: Path, columns: dict[str, list[Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_task(folder: Path, kind: str, protocol: dict[str, Any], split: str = "test") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f'name = "Toy"\ntype = "{kind}"\neval_splits = ["{split}"]\n[protocol]']
    lines += [f"{key} = {json.dumps(value)}" for key, value in protocol.items()]
    (folder / "task.toml").write_text("\n".join(lines))
    return folder


def compare(name: str, folder: Path, similarity: Similarity = Similarity.COSINE) -> dict[str, float | None]:
    """Every number that both report, to 1e-6 (retrieval: to mteb's five decimals)."""
    [result] = evalkit.evaluate(Toy(similarity), folder, cache=False)
    scores = dict(result.cells[0].scores)
    tolerance = 5.1e-6 if name.startswith("retrieval") else 1e-6
    shared = {key: value for key, value in SCORES[name].items() if key in scores and isinstance(value, float)}
    if name == "sts_cosine":
        # mteb's "own similarity" is a float32 product in which equal sentences score 1 only up to the last bit, so
        # that rounding orders them; ours ties them, as mteb's own cosine_spearman does.
        del shared["spearman"]
    assert result.main_score.metric in shared
    different = {key: (scores[key], value) for key, value in shared.items() if abs(scores[key] - value) > tolerance}
    assert not different
    assert result.main_score.value == pytest.approx(SCORES[name]["main_score"], abs=tolerance)
    return scores


@pytest.mark.parametrize("share", ["all", "half"])
@pytest.mark.parametrize("kind", ["strings", "numbers", "paths", "number_paths"])
def test_clustering(kind: str, share: str, tmp_path: Path) -> None:
    protocol = {"max_documents_per_cluster": 256, "n_clusters": 4, "k_mean_batch_size": 64}
    if share == "half":
        protocol["max_fraction_of_documents_to_embed"] = 0.5
    folder = write_task(tmp_path / "Toy", "Clustering", protocol)
    write_jsonl(folder / "test.jsonl", toy.clustering(kind))
    scores = compare(f"clustering_{kind}_{share}", folder)
    assert {"v_measure", "v_measure_std", "ami", "ami_std"} <= scores.keys()


def test_clustering_of_given_sets(tmp_path: Path) -> None:
    columns = toy.clustering("strings")
    cuts = [slice(0, 120), slice(120, 260), slice(260, 300)]
    sets = {name: [columns[name][cut] for cut in cuts] for name in ("text", "label")}
    folder = write_task(tmp_path / "Toy", "Clustering", {"kind": "legacy"})
    write_jsonl(
        folder / "test.jsonl",
        {
            "texts": [*sets["text"], ["bread alone 1", "bread alone 2"]],
            "labels": [*sets["label"], ["bread", "bread"]],
        },
    )
    compare("clustering_sets", folder)


@pytest.mark.parametrize("folds", [False, True])
@pytest.mark.parametrize("n_labels", [2, 5])
def test_classification(n_labels: int, folds: bool, tmp_path: Path) -> None:
    split = "train" if folds else "test"
    folder = write_task(tmp_path / "Toy", "Classification", {"is_cross_validation": folds}, split)
    for name, columns in toy.classification(n_labels).items():
        write_jsonl(folder / f"{name}.jsonl", columns)
    scores = compare(f"classification_{n_labels}{'_folds' if folds else ''}", folder)
    assert ("ap" in scores) == (n_labels == 2)


@pytest.mark.parametrize(
    ("variant", "protocol"),
    [("plain", {}), ("dot", {}), ("ignore", {"ignore_identical_ids": True}), ("skip", {"skip_first_result": True})],
)
def test_retrieval(variant: str, protocol: dict[str, Any], tmp_path: Path) -> None:
    protocol = {"k_values": [1, 3, 10, 100], "top_k": 100, **protocol}
    folder = write_task(tmp_path / "Toy", "Retrieval", protocol)
    raw = toy.retrieval()
    write_jsonl(folder / "corpus.jsonl", {"_id": list(raw["documents"]), "text": list(raw["documents"].values())})
    write_jsonl(folder / "queries.jsonl", {"_id": list(raw["queries"]), "text": list(raw["queries"].values())})
    lines = [f"{q}\t{d}\t{grade}" for q, judged in raw["qrels"].items() for d, grade in judged.items()]
    (folder / "qrels").mkdir()
    (folder / "qrels" / "test.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *lines, ""]))
    compare(f"retrieval_{variant}", folder, Similarity.DOT if variant == "dot" else Similarity.COSINE)


@pytest.mark.parametrize("similarity", [Similarity.COSINE, Similarity.DOT])
def test_sts(similarity: Similarity, tmp_path: Path) -> None:
    folder = write_task(tmp_path / "Toy", "STS", {})
    write_jsonl(folder / "test.jsonl", toy.sts())
    compare(f"sts_{similarity}", folder, similarity)
