"""What ties leave open: the quick way against the plain one, in results and in `evalkit show`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import helpers
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tie_orders import tie_range

import evalkit
from evalkit.metrics import ties as module
from evalkit.metrics.retrieval import retrieval_metrics
from evalkit.metrics.ties import TOLERANCE, tie_means
from evalkit.types import Qrels, Similarity, TopK

CUTOFFS = (1, 2, 3, 5, 10)


def rankings(seed: int, n_queries: int, width: int, n_scores: int, shortest: int) -> tuple[TopK, Qrels]:
    """Rankings of 12 documents with few different scores, some of them short, and judgements of every grade."""
    rng = np.random.default_rng(seed)
    documents = np.stack([rng.permutation(12)[:width] for _ in range(n_queries)])
    scores = -np.sort(rng.integers(0, n_scores, (n_queries, width)), axis=1).astype(np.float32)
    empty = np.arange(width) >= rng.integers(min(shortest, width), width + 1, n_queries)[:, None]
    judged = [rng.permutation(14)[: rng.integers(0, 6)] for _ in range(n_queries)]
    qrels = Qrels(
        np.cumsum([0, *map(len, judged)]),
        np.concatenate(judged).astype(np.int64),
        rng.integers(-1, 4, sum(map(len, judged))),
    )
    return TopK(np.where(empty, -1, documents), np.where(empty, np.float32(-np.inf), scores)), qrels


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 12), st.integers(1, 8), st.integers(0, 12))
@settings(max_examples=200, deadline=None)
def test_the_ranges_are_those_of_the_plain_way(seed: int, n: int, width: int, n_scores: int, shortest: int) -> None:
    top, qrels = rankings(seed, n, width, n_scores, shortest)
    low, high = tie_range(top, qrels, CUTOFFS)
    expected = {name: (low[name].mean(), high[name].mean()) for name in low}
    expected = {name: pair for name, pair in expected.items() if pair[1] - pair[0] > TOLERANCE}
    columns = retrieval_metrics(top, qrels, CUTOFFS)
    found = tie_means(top, qrels, CUTOFFS, columns)
    assert found.keys() == expected.keys()
    for name, pair in found.items():
        assert pair == pytest.approx(expected[name], abs=1e-12)
        assert pair[0] - 1e-12 <= columns[name].mean() <= pair[1] + 1e-12


@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
@settings(max_examples=30, deadline=None)
def test_small_blocks_give_the_same(seed: int, block: int) -> None:
    top, qrels = rankings(seed, 6, 8, 3, 4)
    columns = retrieval_metrics(top, qrels, CUTOFFS)
    whole = tie_means(top, qrels, CUTOFFS, columns)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK", block)
        again = tie_means(top, qrels, CUTOFFS, columns)
    assert again.keys() == whole.keys()
    assert all(again[name] == pytest.approx(whole[name], abs=1e-12) for name in whole)


def test_a_range_by_hand() -> None:
    # Two queries, three documents that all score the same, the second of them relevant to the first query.
    top = TopK(np.tile(np.arange(3), (2, 1)), np.zeros((2, 3), dtype=np.float32))
    qrels = Qrels(np.array([0, 1, 1]), np.array([1]), np.array([1]))
    found = tie_means(top, qrels, (1, 3), retrieval_metrics(top, qrels, (1, 3)))
    assert found["recall_at_1"] == (0, 0.5)
    assert found["mrr_at_3"] == pytest.approx((1 / 6, 0.5))
    assert "recall_at_3" not in found


def test_ties_between_documents_that_are_not_relevant_cost_and_move_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    top = TopK(np.tile(np.arange(5), (3, 1)), np.tile(np.float32([3, 2, 2, 1, 1]), (3, 1)))
    qrels = Qrels(np.array([0, 1, 2, 3]), np.array([0, 0, 9]), np.array([1, 2, 1]))
    columns = retrieval_metrics(top, qrels, CUTOFFS)
    monkeypatch.setattr(module, "retrieval_metrics", lambda *_: pytest.fail("nothing is to be measured again"))
    assert tie_means(top, qrels, CUTOFFS, columns) == {}


def test_a_range_that_is_too_narrow_is_not_told() -> None:
    n = 10_001  # one query of so many moves the mean by less than .0001
    documents = np.tile(np.arange(2), (n, 1))
    scores = np.tile(np.float32([1, 0]), (n, 1))
    scores[0] = 0
    qrels = Qrels(np.arange(n + 1), np.zeros(n, dtype=np.int64), np.ones(n, dtype=np.int64))
    for queries, told in ((n, False), (n - 2, True)):
        top = TopK(documents[:queries], scores[:queries])
        judged = Qrels(qrels.offsets[: queries + 1], qrels.documents[:queries], qrels.relevance[:queries])
        found = tie_means(top, judged, (1,), retrieval_metrics(top, judged, (1,)))
        assert ("recall_at_1" in found) is told


# -- in results --------------------------------------------------------------------------------------------------


class Blind(helpers.Counting):
    """Every text is the same to it, so every ranking is one tie."""

    similarity = Similarity.DOT

    def vector(self, text: str, role: Any, task: Any) -> np.ndarray:
        return np.ones(4, dtype=np.float32)


def test_a_result_holds_the_ranges_and_warns_of_the_headline(tmp_path: Path) -> None:
    folder = helpers.retrieval(tmp_path / "Retrieval", n=20)
    [result] = evalkit.evaluate(Blind(), folder, output=tmp_path / "out", cache=False)
    [cell] = result.cells
    assert cell.ties["ndcg_at_10"] == (0, 1)
    assert cell.ties["accuracy"] == cell.ties["recall_at_1"] == (0, 0.5)
    assert cell.ties.keys() <= cell.scores.keys()
    for name, (low, high) in cell.ties.items():
        assert low <= cell.scores[name] <= high
    assert any("ndcg_at_10 lies between 0.0000 and 1.0000" in text for text in result.warnings)
    [again] = evalkit.load_results(tmp_path / "out")
    assert again == result


def test_without_ties_there_is_nothing_to_tell(tmp_path: Path) -> None:
    [result] = evalkit.evaluate(helpers.Counting(), helpers.retrieval(tmp_path / "Retrieval"), cache=False)
    assert result.cells[0].ties == {}
    assert not any("Ties" in text for text in result.warnings)


def test_show_prints_the_range_beside_the_score(tmp_path: Path) -> None:
    # The numbers of the fixture result-v1.json and of the warning in it.
    done = helpers.run_cli("run", "-m", "bm25", "-t", "QuickRetrieval", "-o", tmp_path)
    [path] = tmp_path.glob("bm25/*/QuickRetrieval.json")
    page = helpers.call_cli("show", path).stdout
    assert "0.1412 (0.1390 to 0.2849 by ties)" in page
    warning = "Ties decide: ndcg_at_10 lies between 0.1390 and 0.2849 by the order of equal scores alone."
    assert warning in page
    assert warning in done.stderr


def test_results_from_before_have_neither_ranges_nor_data() -> None:
    [result] = evalkit.load_results(helpers.FIXTURES / "result-v1.json")
    assert result.cells[0].ties == {}
    assert result.cells[0].data == {}
    assert any("lies between 0.1390 and 0.2849" in text for text in result.warnings)
