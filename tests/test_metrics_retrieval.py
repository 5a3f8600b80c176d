"""Retrieval metrics against pytrec_eval and naive oracles."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st
from tie_orders import best_order, tie_range, worst_order

from evalkit.metrics import retrieval
from evalkit.metrics.retrieval import retrieval_metrics, without_first, without_identical
from evalkit.types import Qrels, TopK

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CUTOFFS = (1, 2, 3, 5, 10, 1000)
TREC_NAMES = {"ndcg": "ndcg_cut", "map": "map_cut", "recall": "recall", "precision": "P", "hit_rate": "success"}

Judgements = dict[int, int]
Run = dict[int, int]


def as_qrels(judgements: Sequence[Mapping[int, int]]) -> Qrels:
    sizes = [len(judged) for judged in judgements]
    return Qrels(
        offsets=np.cumsum([0, *sizes]),
        documents=np.array([row for judged in judgements for row in judged], dtype=np.int64),
        relevance=np.array([grade for judged in judgements for grade in judged.values()], dtype=np.int64),
    )


def as_top(runs: Sequence[Mapping[int, float]], k: int) -> TopK:
    """Row = rank of the id here, so ties go to the larger row."""
    documents = np.full((len(runs), k), -1, dtype=np.int64)
    scores = np.full((len(runs), k), -np.inf, dtype=np.float32)
    for query, run in enumerate(runs):
        for place, (row, score) in enumerate(ranked(run)[:k]):
            documents[query, place], scores[query, place] = row, score
    return TopK(documents, scores)


def ranked(run: Mapping[int, float]) -> list[tuple[int, float]]:
    return sorted(run.items(), key=lambda item: (item[1], item[0]), reverse=True)


def document_id(row: int) -> str:
    return f"d{row:04d}"


def trec(judgements: Sequence[Mapping[int, int]], runs: Sequence[Mapping[int, float]]) -> dict[str, list[float]]:
    """Columns of pytrec_eval, by our names; 0 for the queries that it leaves out.

    Grades below -1 are given to it as -1: it counts documents by grade, and writes outside of its array there.
    """
    cutoffs = ",".join(map(str, CUTOFFS))
    evaluator = pytrec_eval.RelevanceEvaluator(
        {
            f"q{i}": {document_id(row): max(grade, -1) for row, grade in judged.items()}
            for i, judged in enumerate(judgements)
        },
        {f"{name}.{cutoffs}" for name in TREC_NAMES.values()},
    )
    found = evaluator.evaluate(
        {f"q{i}": {document_id(row): float(score) for row, score in run.items()} for i, run in enumerate(runs)}
    )
    return {
        f"{ours}_at_{k}": [found.get(f"q{i}", {}).get(f"{theirs}_{k}", 0.0) for i in range(len(runs))]
        for ours, theirs in TREC_NAMES.items()
        for k in CUTOFFS
    }


def naive_mrr(judged: Mapping[int, int], run: Mapping[int, float], k: int) -> float:
    """mteb's, which sorts by (score, id) descending and stops at the first relevant document."""
    for place, (row, _) in enumerate(ranked(run)[:k]):
        if judged.get(row, 0) > 0:
            return 1.0 / (place + 1)
    return 0.0


@st.composite
def evaluations(draw: st.DrawFn) -> tuple[list[Judgements], list[Run]]:
    rows = st.integers(0, draw(st.integers(0, 30)))
    n_queries = draw(st.integers(1, 5))
    grades = st.integers(-2, draw(st.integers(0, 4)))
    judgements = st.dictionaries(rows, grades, max_size=12)
    runs = st.dictionaries(rows, st.integers(-3, 3), max_size=20)
    return (
        draw(st.lists(judgements, min_size=n_queries, max_size=n_queries)),
        draw(st.lists(runs, min_size=n_queries, max_size=n_queries)),
    )


@given(evaluations())
@settings(deadline=None, max_examples=300)
def test_equal_to_trec_eval(evaluation: tuple[list[Judgements], list[Run]]) -> None:
    judgements, runs = evaluation
    columns = retrieval_metrics(as_top(runs, 25), as_qrels(judgements), CUTOFFS)
    for name, expected in trec(judgements, runs).items():
        np.testing.assert_allclose(columns[name], expected, rtol=0, atol=1e-12, err_msg=name)


@given(evaluations())
@settings(deadline=None)
def test_mrr_equal_to_mteb(evaluation: tuple[list[Judgements], list[Run]]) -> None:
    judgements, runs = evaluation
    columns = retrieval_metrics(as_top(runs, 25), as_qrels(judgements), CUTOFFS)
    for k in CUTOFFS:
        expected = [naive_mrr(judged, run, k) for judged, run in zip(judgements, runs, strict=True)]
        assert columns[f"mrr_at_{k}"].tolist() == expected


@given(evaluations())
@settings(deadline=None)
def test_bounds_and_shapes(evaluation: tuple[list[Judgements], list[Run]]) -> None:
    judgements, runs = evaluation
    for values in retrieval_metrics(as_top(runs, 25), as_qrels(judgements), CUTOFFS).values():
        assert values.shape == (len(runs),)
        assert values.dtype == np.float64
        assert ((values >= 0) & (values <= 1 + 1e-12)).all()


@given(evaluations())
@settings(deadline=None, max_examples=30)
def test_blocks_of_queries_change_nothing(evaluation: tuple[list[Judgements], list[Run]]) -> None:
    judgements, runs = evaluation
    top, qrels = as_top(runs, 25), as_qrels(judgements)
    whole, best = retrieval_metrics(top, qrels, CUTOFFS), best_order(top, qrels)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retrieval, "_BLOCK", 1)
        for name, values in retrieval_metrics(top, qrels, CUTOFFS).items():
            assert values.tolist() == whole[name].tolist()
        assert best_order(top, qrels).documents.tolist() == best.documents.tolist()


def test_no_queries() -> None:
    columns = retrieval_metrics(as_top([], 3), as_qrels([]), (1, 10))
    assert {len(values) for values in columns.values()} == {0}


def test_nothing_retrieved() -> None:
    columns = retrieval_metrics(as_top([{}], 0), as_qrels([{3: 1}]), (1, 10))
    assert {values.tolist()[0] for values in columns.values()} == {0.0}


def test_documents_beyond_every_judgement_are_not_relevant() -> None:
    top = TopK(np.array([[9, 2, -1]]), np.array([[3, 2, -np.inf]], dtype=np.float32))
    assert retrieval_metrics(top, as_qrels([{2: 1}]), [3])["mrr_at_3"].tolist() == [0.5]


def test_judgements_of_other_queries_do_not_count() -> None:
    columns = retrieval_metrics(as_top([{1: 1}, {1: 1}], 1), as_qrels([{1: 1}, {0: 1}]), [1])
    assert columns["recall_at_1"].tolist() == [1.0, 0.0]


def test_different_numbers_of_queries_are_refused() -> None:
    with pytest.raises(ValueError, match="1 queries were searched, 2 are judged"):
        retrieval_metrics(as_top([{0: 1}], 1), as_qrels([{0: 1}, {0: 1}]), [1])


def test_cutoff_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="Cutoffs start at 1"):
        retrieval_metrics(as_top([{0: 1}], 1), as_qrels([{0: 1}]), [0])


def orders_within_ties(run: Mapping[int, int]) -> list[list[int]]:
    """Every ranking that keeps the scores in order."""
    scores = [score for _, score in ranked(run)]
    return [list(order) for order in permutations(run) if [run[row] for row in order] == scores]


@given(
    st.dictionaries(st.integers(0, 8), st.integers(-1, 3), max_size=6),
    st.dictionaries(st.integers(0, 8), st.integers(0, 2), min_size=1, max_size=6),
)
@settings(deadline=None, max_examples=60)
def test_tie_range_equals_trying_every_order(judged: Judgements, run: Run) -> None:
    top, qrels = as_top([run], 7), as_qrels([judged])
    worst, best = tie_range(top, qrels, (1, 3, 10))
    tried = []
    for order in orders_within_ties(run):
        padded = np.array([order + [-1] * (7 - len(order))])
        tried.append(retrieval_metrics(TopK(padded, top.scores), qrels, (1, 3, 10)))
    for name in worst:
        values = [columns[name][0] for columns in tried]
        assert worst[name][0] == pytest.approx(min(values), abs=1e-12)
        assert best[name][0] == pytest.approx(max(values), abs=1e-12)


def test_orders_within_ties() -> None:
    top = as_top([{0: 1, 1: 1, 2: 1, 3: 5}, {0: 2, 1: 2, 2: 1, 3: 1}], 5)
    qrels = as_qrels([{0: 2, 1: 1, 3: -1}, {1: 1, 2: 3}])
    assert best_order(top, qrels).documents.tolist() == [[3, 0, 1, 2, -1], [1, 0, 2, 3, -1]]
    assert worst_order(top, qrels).documents.tolist() == [[3, 2, 1, 0, -1], [0, 1, 3, 2, -1]]


def test_without_identical() -> None:
    top = as_top([{0: 3, 1: 2, 2: 1}, {0: 3, 1: 2, 2: 1}, {0: 3, 1: 2}, {}], 3)
    kept = without_identical(top, np.array([1, -1, 7, 0]))
    assert kept.documents.tolist() == [[0, 2, -1], [0, 1, 2], [0, 1, -1], [-1, -1, -1]]
    assert kept.scores.tolist()[:3] == [[3, 1, -np.inf], [3, 2, 1], [3, 2, -np.inf]]
    assert top.documents.tolist()[0] == [0, 1, 2]


def test_without_first() -> None:
    kept = without_first(as_top([{0: 3, 1: 2, 2: 1}, {}], 3))
    assert kept.documents.tolist() == [[1, 2, -1], [-1, -1, -1]]
    assert kept.scores.tolist() == [[2, 1, -np.inf], [-np.inf] * 3]
    assert kept.scores.dtype == np.float32
