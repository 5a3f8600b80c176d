"""Ranking the documents that queries are given, and by instructions: what the files mean, whoever ranks.

mteb's own scores are in `test_golden_ranking.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import helpers
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ranking_folders import beir, candidates, follow, lists
from scipy.sparse import csr_array

import evalkit
from evalkit.data import TaskFolder
from evalkit.data.reranking import read_reranking
from evalkit.errors import DataError
from evalkit.metrics.instructions import rank_changes
from evalkit.plugins import Plugins
from evalkit.ranking import best_of_candidates
from evalkit.testing import MemoryBench, check_task
from evalkit.types import Form, Ranking, Role, Similarity, TokenVectors, TopK
from evalkit_tasks.instructions import InstructionRerankingTask
from evalkit_tasks.reranking import RerankingTask

FOLDERS: dict[str, Callable[[Path], Path]] = {"lists": lists, "beir": beir, "follow": follow}


class Sparse(helpers.Counting):
    """Few of its values are not zero."""

    form = Form.SPARSE
    similarity = Similarity.DOT

    def encode(self, texts: Any, *, role: Any, task: Any, batch_size: int) -> Any:
        dense = np.stack([helpers.vector(text, 40) for text in texts])
        return csr_array(np.where(dense > 0.7, dense, 0))


class Tokens(helpers.Counting):
    """One vector a word."""

    form = Form.MULTI
    similarity = Similarity.MAXSIM

    def encode(self, texts: Any, *, role: Any, task: Any, batch_size: int) -> Any:
        return TokenVectors.of([np.stack([helpers.vector(word) for word in text.split()]) for text in texts])


class Lengths:
    """A ranker of pairs that likes documents whose length is that of the query."""

    name = "lengths"
    fingerprint = "abcdef" * 6
    needs_candidates = True

    def rank(self, problem: Ranking, bench: Any) -> TopK:
        assert problem.candidates is not None
        queries = np.array([len(text) for text in problem.queries])[problem.candidates.query_of]
        documents = np.array([len(text) for text in problem.documents])[problem.candidates.documents]
        scores = -np.abs(queries - documents).astype(np.float32)
        return best_of_candidates(problem.candidates, scores, problem.ties, problem.top_k)


def task(folder: Path) -> Any:
    return Plugins.installed().open_task(folder)


def scored(folder: Path, scorer: Any = None) -> Any:
    [result] = evalkit.evaluate(scorer or helpers.Counting(), folder, cache=False)
    return result


def column(result: Any, name: str) -> dict[str, float]:
    observed = evalkit.Results.observations(result)
    return dict(zip(observed.ids or (), observed.columns[name].tolist(), strict=True))


# -- contract ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scorer", [None, helpers.Counting(), Sparse(), Tokens(), Lengths()])
@pytest.mark.parametrize("name", list(FOLDERS))
def test_every_kind_of_scorer_keeps_the_contract(name: str, scorer: Any, tmp_path: Path) -> None:
    check_task(task(FOLDERS[name](tmp_path / "T")), scorer)


@pytest.mark.parametrize("name", list(FOLDERS))
def test_a_task_says_the_texts_that_it_embeds(name: str, tmp_path: Path) -> None:
    opened, encoder = task(FOLDERS[name](tmp_path / "T")), helpers.Counting()
    [cell] = opened.cells()
    opened.evaluate(cell, MemoryBench(encoder, opened.info))
    said = opened.texts(cell)
    assert set(encoder.texts) == {*said[Role.QUERY], *said[Role.DOCUMENT]}
    assert opened.candidates and opened.forms == tuple(Form)


def test_forms_of_embeddings_rank_by_their_own_similarity(tmp_path: Path) -> None:
    folder = lists(tmp_path / "L")
    for encoder in (helpers.Counting(), Sparse(), Tokens()):
        result, data = scored(folder, encoder), read_reranking(folder, "test")
        expected = []
        for number, query in enumerate(data.queries):
            rows = data.candidates.documents[slice(*data.candidates.offsets[number : number + 2])]
            likes = [similarity(encoder, query, data.documents[row]) for row in rows]
            order = sorted(zip(np.float32(likes), (data.document_ids[row] for row in rows), strict=True), reverse=True)
            expected.append(float(order[0][1].startswith("apositive")))
        assert list(column(result, "precision_at_1").values()) == expected


def similarity(encoder: Any, query: str, document: str) -> float:
    both = encoder.encode([query, document], role=Role.TEXT, task=None, batch_size=1)
    if isinstance(both, TokenVectors):
        left, right = (both.take([row]).vectors.astype(np.float64) for row in (0, 1))
        return float((left @ right.T).max(axis=1).sum())
    left, right = np.asarray(both.toarray() if isinstance(both, csr_array) else both, dtype=np.float64)
    norms = np.linalg.norm(left) * np.linalg.norm(right) if encoder.similarity is Similarity.COSINE else 1.0
    return float(left @ right / norms)


# -- lists -------------------------------------------------------------------------------------------------------


def test_lists_become_documents_of_their_own(tmp_path: Path) -> None:
    folder = lists(tmp_path / "L")
    rows = [
        {"query": " why ", "positive": [" a ", "a"], "negative": ["b"]},
        {"query": "lost", "positive": [], "negative": ["b"]},
        {"query": "when", "positive": ["b"], "negative": ["c", "c"]},
    ]
    helpers.jsonl(folder / "test.jsonl", rows)
    data = read_reranking(folder, "test")
    assert data.queries == [" why ", "when"]
    assert data.documents == ["a", "a", "b", "b", "c", "c"]
    kinds = (("apositive", 0), ("apositive", 1), ("negative", 0))
    assert data.document_ids[:3] == [f"{kind}_test_query0_0000{number}" for kind, number in kinds]
    assert data.query_ids == ["test_query0", "test_query1"]  # numbered after one was left out, as in mteb
    assert data.qrels.relevance.tolist() == [1, 1, 0, 1, 0, 0]
    assert data.candidates.offsets.tolist() == [0, 3, 6]


def test_a_tie_is_to_the_negatives_advantage(tmp_path: Path) -> None:
    folder = lists(tmp_path / "L")
    helpers.jsonl(folder / "test.jsonl", [{"query": "x y", "positive": ["same"], "negative": ["same"]}])
    result = scored(folder)
    assert result.cells[0].scores["map_at_10"] == 0.5
    assert result.cells[0].ties["map_at_10"] == (0.5, 1.0)
    assert any("Ties decide: map_at_10 lies between 0.5000 and 1.0000" in text for text in result.warnings)


def test_sizes_and_the_ceiling_of_recall_are_told(tmp_path: Path) -> None:
    folder = beir(tmp_path / "B", n_queries=2, given=4)
    helpers.qrels(folder, [("q0", "d0", 2), ("q0", "d29", 1), ("q1", "d3", 1), ("q1", "d4", 0)])
    assert scored(folder).cells[0].data == {
        "queries": 2,
        "documents": 30,
        "relevant_documents": 3,
        "relevant_per_query": 1.5,
        "candidates_per_query": 4,
        "relevant_among_candidates": 2 / 3,  # d29 is not among q0's
    }


# -- candidates --------------------------------------------------------------------------------------------------


def test_only_candidates_are_ranked_and_all_relevant_documents_count(tmp_path: Path) -> None:
    folder = beir(tmp_path / "B", n_queries=2)
    helpers.qrels(folder, [("q0", "d0", 1), ("q0", "d9", 1), ("q1", "d3", 1)])
    candidates(folder, [("q0", "d0"), ("q1", "d7"), ("q1", "d8")])
    assert column(scored(folder), "recall_at_10") == {"q0": 0.5, "q1": 0.0}
    assert column(scored(folder), "precision_at_1") == {"q0": 1.0, "q1": 0.0}


@pytest.mark.parametrize("header", [True, False])
def test_order_repeats_and_the_header_change_nothing(header: bool, tmp_path: Path) -> None:
    pairs = [(f"q{i}", f"d{j}") for i in range(6) for j in range(12)]
    first = scored(candidates(beir(tmp_path / "a" / "B"), pairs))
    second = scored(candidates(beir(tmp_path / "b" / "B"), [*pairs[::-1], *pairs[:20]], header))
    assert first.cells == second.cells


def test_candidates_of_queries_without_judgements_are_passed_over(tmp_path: Path) -> None:
    folder = beir(tmp_path / "B")
    helpers.qrels(folder, [("q1", "d3", 1)])
    assert list(column(scored(folder), "map_at_10")) == ["q1"]


def test_a_query_without_candidates_scores_zero_and_is_told(tmp_path: Path) -> None:
    folder = candidates(beir(tmp_path / "B", n_queries=3), [("q0", "d0"), ("q1", "d3")])
    result = scored(folder)
    assert column(result, "map_at_10") == {"q0": 0.5, "q1": 0.5, "q2": 0.0}  # one of two relevant ones is given
    assert any(text.endswith("1 of 3 queries have no candidates and score 0.") for text in result.warnings)


def test_memory_follows_the_candidates_and_not_the_top_k(tmp_path: Path) -> None:
    seen = []

    class Watching(Lengths):
        def rank(self, problem: Ranking, bench: Any) -> TopK:
            seen.append(problem.top_k)
            return super().rank(problem, bench)

    scored(beir(tmp_path / "B", given=5), Watching())
    assert seen == [5]


@pytest.mark.parametrize("name", ["top_ranked", "qrels", "corpus.jsonl"])
def test_every_file_is_part_of_the_fingerprint(name: str, tmp_path: Path) -> None:
    folder = beir(tmp_path / "B")
    before, path = task(folder).fingerprint, folder / name
    path = path if path.is_file() else path / "test.tsv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-1]))
    assert task(folder).fingerprint != before


# -- malformed ---------------------------------------------------------------------------------------------------

SPOILT: dict[str, tuple[str, str, str, str]] = {
    "positives are no list": ("lists", "test.jsonl", '{"query": "a", "positive": "b", "negative": []}', ":2: field"),
    "a negative is no text": ("lists", "test.jsonl", '{"query": "a", "positive": ["b"], "negative": [1]}', ":2: field"),
    "no negatives": ("lists", "test.jsonl", '{"query": "a", "positive": ["b"]}', ":2: field 'negative' is missing"),
    "query is a list": ("lists", "test.jsonl", '{"query": ["a"], "positive": [], "negative": []}', ":2: field 'query'"),
    "three columns": ("beir", "top_ranked/test.tsv", "q0\td0\t1", ":2: expected query-id and corpus-id"),
    "one column": ("beir", "top_ranked/test.tsv", "q0 d0", ":2: expected query-id and corpus-id"),
    "an unknown query": ("beir", "top_ranked/test.tsv", "q99\td0", ":2: query 'q99' is not in queries.jsonl"),
    "an unknown document": ("beir", "top_ranked/test.tsv", "q0\td99", ":2: document 'd99' is not in corpus.jsonl"),
    "a changed document": ("follow", "qrels_diff/test.tsv", "q0\td99", ":2: document 'd99' is not in corpus.jsonl"),
    "a changed line": ("follow", "qrels_diff/test.tsv", "q0", ":2: expected query-id and corpus-id"),
}


@pytest.mark.parametrize("case", list(SPOILT))
def test_malformed_files_are_named_with_their_line(case: str, tmp_path: Path) -> None:
    kind, name, line, message = SPOILT[case]
    folder = FOLDERS[kind](tmp_path / "T")
    helpers.edit(folder / name, 2, line)
    with pytest.raises(DataError) as caught:
        scored(folder)
    assert f"{name}{message}" in caught.value.message
    assert helpers.is_a_sentence(caught.value.message) and caught.value.hint


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    cases: list[tuple[Path, Callable[[Path], Any], str]] = [
        (
            beir(tmp_path / "A"),
            lambda path: (path / "top_ranked" / "test.tsv").unlink(),
            "top_ranked/test.tsv does not",
        ),
        (beir(tmp_path / "B"), lambda path: candidates(path, []), "top_ranked/test.tsv holds no candidates"),
        (follow(tmp_path / "C"), lambda path: (path / "qrels_diff" / "test.tsv").unlink(), "qrels_diff/test.tsv does"),
        (follow(tmp_path / "D"), lambda path: candidates(path, [("q0-og", "d0")], name="qrels_diff"), "in both forms"),
        (beir(tmp_path / "E"), lists, "has the split both as test.jsonl and as"),
    ]
    for folder, spoil, message in cases:
        spoil(folder)
        with pytest.raises(DataError, match=message) as caught:
            scored(folder)
        assert helpers.is_a_sentence(caught.value.message) and caught.value.hint


def test_lists_without_either_side_are_refused(tmp_path: Path) -> None:
    folder = lists(tmp_path / "L")
    helpers.jsonl(folder / "test.jsonl", [{"query": "a", "positive": [], "negative": ["b"]}])
    with pytest.raises(DataError, match="no line with both positives and negatives"):
        scored(folder)


def test_a_metric_that_the_task_has_not_is_refused(tmp_path: Path) -> None:
    folder = beir(tmp_path / "B", "InstructionRetrieval", "changed_map_at_10")
    with pytest.raises(DataError, match="InstructionRetrieval has no metric 'changed_map_at_10'"):
        InstructionRerankingTask(TaskFolder.open(folder))
    assert RerankingTask(TaskFolder.open(beir(tmp_path / "C"))).main_score == "map_at_10"


# -- changed instructions ----------------------------------------------------------------------------------------


def test_p_mrr_by_hand() -> None:
    """Weller et al. 2024: from rank 1 to 4 is 1 - 1/4, from 4 to 1 is 1/4 - 1."""
    top = TopK(np.array([[5, 6, 7, 8], [6, 7, 8, 5], [6, -1, -1, -1]]), np.zeros((3, 4), np.float32))
    first, second = np.array([0, 1, 0, 0, 0]), np.array([1, 0, 1, 2, 2])
    documents = np.array([5, 5, 9, 6, 8])
    # Document 9 is nowhere: it stands 5th of 4 both times. Document 8 falls off a list of one, from 4th to 2nd.
    expected = [1 - 1 / 4, 1 / 4 - 1, 0, 1 / 2 - 1, 2 / 4 - 1]
    assert rank_changes(top, first, second, documents).tolist() == expected


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 12).flatmap(lambda n: st.tuples(st.permutations(range(n)), st.permutations(range(n)))))
def test_p_mrr_changes_its_sign_with_the_direction(rankings: tuple[list[int], list[int]]) -> None:
    documents = np.arange(len(rankings[0]))
    top = TopK(np.array(rankings), np.zeros((2, len(documents)), np.float32))
    there, back = (
        rank_changes(top, np.full(len(documents), i), np.full(len(documents), 1 - i), documents) for i in (0, 1)
    )
    np.testing.assert_allclose(there, -back)
    assert (np.abs(there) < 1).all()
    assert ((there == 0) == (np.argsort(rankings[0]) == np.argsort(rankings[1]))).all()


def test_the_unit_is_the_query_and_not_its_form(tmp_path: Path) -> None:
    result = scored(follow(tmp_path / "F"))
    observed = evalkit.Results.observations(result)
    assert observed.ids == tuple(f"q{i}" for i in range(5))
    means = [(observed.columns[f"og_{name}"] + observed.columns[f"changed_{name}"]) / 2 for name in ("map_at_3",)]
    assert np.array_equal(means[0], observed.columns["map_at_3"])
    assert result.main_score.metric == "p-MRR"
    assert result.cells[0].data["changed_documents"] == 10


def test_who_ignores_instructions_has_a_p_mrr_of_zero(tmp_path: Path) -> None:
    class Deaf(helpers.Counting):
        def vector(self, text: str, role: Any, task: Any) -> np.ndarray:
            return helpers.vector(text.split(" about ")[0].split(" but ")[0])

    assert scored(follow(tmp_path / "F"), Deaf()).main_score.value == 0
    assert scored(follow(tmp_path / "G")).main_score.value != 0


def test_instructions_belong_to_the_query(tmp_path: Path) -> None:
    opened = task(follow(tmp_path / "F", n=1))
    assert list(opened.texts(opened.cells()[0])[Role.QUERY]) == [
        f"{helpers.sentence(0)} about anything",
        f"{helpers.sentence(0)} but never about rivers",
    ]


# -- queries that belong together --------------------------------------------------------------------------------


def grouped(folder: Path, groups: str, ids: list[str], main: str = "map_at_10") -> Path:
    """Queries of these ids, each with the documents d0 to d4, of which the one of its row is relevant."""
    beir(folder, main=main)
    (folder / "task.toml").write_text((folder / "task.toml").read_text() + f'groups = "{groups}"\n')
    helpers.jsonl(folder / "queries.jsonl", [{"_id": name, "text": helpers.sentence(i)} for i, name in enumerate(ids)])
    helpers.qrels(folder, [(name, f"d{i}", 1) for i, name in enumerate(ids)])
    return candidates(folder, [(name, f"d{i}") for name in ids for i in range(5)])


IDS = {
    "paired": ["a_q1", "a_q2", "b_q2", "b_q1"],
    "robustness": ["a_1", "a_2", "a_3", "b"],
    "subqueries": ["x_a_1", "x_b_1", "x_a_2", "x_a_3"],
}


@pytest.mark.parametrize("groups", list(IDS))
def test_groups_keep_the_contract(groups: str, tmp_path: Path) -> None:
    mains = {"paired": "paired_accuracy", "robustness": "robustness_at_10"}
    main = mains.get(groups, "max_over_subqueries_map_at_10")
    folder = grouped(tmp_path / "G", groups, IDS[groups], main)
    check_task(task(folder))
    assert evalkit.Results.observations(scored(folder)).ids == (
        ("x_a", "x_b") if groups == "subqueries" else ("a", "b")
    )


def test_both_of_a_pair_must_be_right(tmp_path: Path) -> None:
    # A query is the very text of the document of its row, so that it finds it; another text finds nothing.
    folder = grouped(tmp_path / "G", "paired", IDS["paired"], "paired_accuracy")
    assert scored(folder).main_score.value == 1.0
    helpers.edit(folder / "queries.jsonl", 3, '{"_id": "b_q2", "text": "something else"}')
    result = scored(folder)
    assert column(result, "paired_accuracy") == {"a": 1.0, "b": 0.0}
    assert column(result, "recall_at_1")["b"] == 0.5


@pytest.mark.parametrize("ids", [["a_q1", "a_q2", "b_q1"], ["a_q1", "a_q2", "b_q1", "b_q3"], ["a", "b"]])
def test_half_a_pair_is_refused(ids: list[str], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no judgements, or no pair"):
        scored(grouped(tmp_path / "G", "paired", ids))


def test_groups_are_for_tasks_that_have_their_metrics(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="groups"):
        task(grouped(tmp_path / "G", "quintets", ["a"]))
    folder = follow(tmp_path / "F")
    (folder / "task.toml").write_text((folder / "task.toml").read_text() + 'groups = "paired"\n')
    with pytest.raises(DataError, match="means nothing beside changed judgements"):
        task(folder)
    with pytest.raises(DataError, match="has no metric 'paired_accuracy'"):
        task(grouped(tmp_path / "H", "robustness", ["a"], "paired_accuracy"))
