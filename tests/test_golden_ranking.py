"""Ranking given documents, and by instructions, against mteb's own scores on made-up data.

The numbers are those of `golden/mteb_ranking.json`, written by `golden/make_mteb_ranking.py`. Plain retrieval is in
`test_golden_toy.py`.
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
import toy_ranking  # noqa: E402

SCORES: dict[str, dict[str, Any]] = json.loads((GOLDEN / "mteb_ranking.json").read_text())["scores"]
K_VALUES = [1, 3, 10, 100]
ROUNDED = 5.1e-6
"""Half of the last decimal that mteb keeps of most metrics; p-MRR and MRR are not rounded there."""

pytestmark = pytest.mark.parametrize("similarity", ["cosine", "dot"])


class Toy:
    """The vectors of `toy.py` as an encoder."""

    def __init__(self, similarity: str) -> None:
        self.name = self.fingerprint = f"toy-{similarity}"
        self.similarity = Similarity(similarity)

    def encode(self, texts: Any, **_: Any) -> Any:
        return toy.encode(texts)


def jsonl(path: Path, rows: Any) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def tsv(path: Path, rows: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))


def write(folder: Path, kind: str, raw: dict[str, Any] | None = None, main: str = "", **protocol: Any) -> Path:
    folder.mkdir()
    lines = [f'name = "Toy"\ntype = "{kind}"', f'main_score = "{main}"' if main else "", "[protocol]"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in protocol.items()]
    (folder / "task.toml").write_text("\n".join(lines))
    if raw is not None:
        write_beir(folder, raw)
    return folder


def write_beir(folder: Path, raw: dict[str, Any]) -> None:
    told = raw.get("instructions", {})
    jsonl(folder / "corpus.jsonl", ({"_id": name, **texts} for name, texts in raw["documents"].items()))
    queries = ({"_id": name, "text": text, "instruction": told.get(name)} for name, text in raw["queries"].items())
    jsonl(folder / "queries.jsonl", queries)
    judged = ((query, *pair) for query, each in raw["qrels"].items() for pair in each.items())
    tsv(folder / "qrels" / "test.tsv", [("query-id", "corpus-id", "score"), *judged])
    for name, key, header in (("top_ranked", "candidates", []), ("qrels_diff", "changes", ["query-id\tcorpus-id"])):
        if key in raw:
            pairs = ((query, each) for query, some in raw[key].items() for each in some)
            tsv(folder / name / "test.tsv", [*([line] for line in header), *pairs])


def compare(name: str, folder: Path, similarity: str) -> Any:
    """Every number of mteb's, but those of the run itself, is among ours and equal."""
    [result] = evalkit.evaluate(Toy(similarity), folder, cache=False)
    expected = dict(SCORES[f"{name}_{similarity}"])
    main = expected.pop("main_score")
    for key in ("hf_subset", "languages", "main_score"):
        expected.pop(key, None)
    ours = result.cells[0].scores
    different = {
        key: (ours.get(key), value)
        for key, value in expected.items()
        if key not in ours or abs(ours[key] - value) > (1e-12 if "mrr" in key.lower() else ROUNDED)
    }
    assert not different
    assert len(expected) == len(ours)
    assert result.main_score.value == pytest.approx(main, abs=ROUNDED)
    return result


def test_lists_of_positives_and_negatives(similarity: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "Toy", "Reranking")
    jsonl(folder / "test.jsonl", toy_ranking.lists())
    result = compare("lists", folder, similarity)
    assert result.main_score.metric == "map_at_1000"
    assert result.warnings[-1].endswith("2 of 40 queries are left out: they have no positives or no negatives.")
    assert "map_at_1000" in result.cells[0].ties


@pytest.mark.parametrize("ignore", [False, True])
def test_candidates(similarity: str, ignore: bool, tmp_path: Path) -> None:
    protocol = {"k_values": K_VALUES, "top_k": 100, "ignore_identical_ids": ignore}
    folder = write(tmp_path / "Toy", "Reranking", toy_ranking.reranking(), "ndcg_at_10", **protocol)
    result = compare("reranking_ignore" if ignore else "reranking", folder, similarity)
    assert any(text.endswith("1 of 29 queries have no candidates and score 0.") for text in result.warnings)


def test_retrieval_by_instructions(similarity: str, tmp_path: Path) -> None:
    protocol = {"k_values": K_VALUES, "top_k": 100}
    raw = toy_ranking.instructions()
    del raw["candidates"]
    folder = write(tmp_path / "Toy", "InstructionRetrieval", raw, **protocol)
    assert compare("instructions", folder, similarity).main_score.metric == "ndcg_at_10"


def test_changed_instructions(similarity: str, tmp_path: Path) -> None:
    protocol = {"k_values": K_VALUES, "top_k": 100}
    folder = write(tmp_path / "Toy", "InstructionReranking", toy_ranking.follow(), **protocol)
    result = compare("follow", folder, similarity)
    assert result.main_score.metric == "p-MRR"
    observed = evalkit.Results.observations(result)
    assert len(observed) == 28 and observed.scores().keys() == result.cells[0].scores.keys()


def test_changed_instructions_of_some_queries_only(similarity: str, tmp_path: Path) -> None:
    protocol = {"k_values": K_VALUES, "top_k": 100}
    folder = write(tmp_path / "Toy", "InstructionReranking", toy_ranking.follow(complete=False), **protocol)
    result = compare("follow_some", folder, similarity)
    assert list(evalkit.Results.observations(result).scores()) == ["p-MRR"]
    assert any("3 of 55 queries are not there in both forms" in text for text in result.warnings)


@pytest.mark.parametrize("groups", ["paired", "robustness", "subqueries"])
def test_queries_that_belong_together(similarity: str, groups: str, tmp_path: Path) -> None:
    protocol = {"k_values": K_VALUES, "top_k": 100, "groups": groups}
    folder = write(tmp_path / "Toy", "Reranking", toy_ranking.grouped(groups), "map_at_10", **protocol)
    result = compare(groups, folder, similarity)
    observed = evalkit.Results.observations(result)
    assert observed.unit == "group" and len(observed) == 28
    # Groups of one size have the metrics of retrieval as observations too.
    assert ("ndcg_at_10" in observed.statistics) == (groups == "paired")
