"""What a model can reach: top-k sets counted against geometry that is known exactly."""

from __future__ import annotations

import itertools
import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import helpers
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.data import RetrievalData, read_retrieval
from evalkit.errors import EvalkitError
from evalkit.types import OF_VECTORS, Qrels, Similarity
from evalkit_tasks.stress import reach as library
from evalkit_tasks.stress.reach import (
    CONTROL,
    ISOTROPIC,
    LIKE_QUERIES,
    REAL,
    Draws,
    Reach,
    Reached,
    SetCounts,
    chao1,
    encoded,
    isotropic,
    like,
    needed_sets,
    reach,
)


def task_data(n: int, queries: int, relevant: tuple[tuple[int, ...], ...] = ()) -> RetrievalData:
    """n documents and queries of which the first have those relevant ones, every other document 0."""
    sets = [*relevant, *([(0,)] * (queries - len(relevant)))]
    offsets = np.cumsum([0, *map(len, sets)])
    documents = np.array([document for each in sets for document in each])
    qrels = Qrels(offsets, documents, np.ones(len(documents), dtype=np.int64))
    ids, names = [f"d{i:03}" for i in range(n)], [f"q{i}" for i in range(queries)]
    return RetrievalData(document_ids=ids, documents=ids, query_ids=names, queries=names, qrels=qrels)


def counted(
    X: Any, Q: Any = None, *sizes: int, draws: int = 20_000, similarity: Similarity = Similarity.DOT, **more: Any
) -> Reach:
    documents = np.asarray(X, dtype=np.float32)
    queries = np.ones((2, documents.shape[1]), np.float32) if Q is None else np.asarray(Q, dtype=np.float32)
    data = task_data(len(documents), len(queries), **more)
    return reach(data, documents, queries, similarity, Draws(sizes or (1, 2, 3), draws))


def rung(found: Reach, kind: str, k: int) -> Reached:
    [each] = [each for each in found.rungs if (each.kind, each.k) == (kind, k)]
    return each


# -- geometry that is known --------------------------------------------------------------------------------------


def test_points_on_a_line_have_two_top_sets_of_every_size() -> None:
    found = counted(np.arange(9.0)[:, None])
    assert [rung(found, ISOTROPIC, k).distinct for k in (1, 2, 3)] == [2, 2, 2]
    assert rung(found, ISOTROPIC, 2).possible == 36
    assert rung(found, ISOTROPIC, 2).share == 2 / 36
    assert rung(found, ISOTROPIC, 2).at_least == 2
    assert found.spanned == 1


@pytest.mark.parametrize("similarity", OF_VECTORS)
def test_points_on_a_circle_have_as_many_top_sets_as_there_are_points(similarity: Similarity) -> None:
    angles = 2 * np.pi * np.arange(11) / 11
    found = counted(np.column_stack([np.cos(angles), np.sin(angles)]), similarity=similarity)
    # A direction that turns once passes n places where the k-th and the next change: n runs of k neighbours.
    assert [rung(found, ISOTROPIC, k).distinct for k in (1, 2, 3)] == [11, 11, 11]
    assert found.spanned == 2


def test_lengths_decide_inner_products_and_no_cosine() -> None:
    angles = 2 * np.pi * np.arange(12) / 12
    lengths = np.where(np.arange(12) % 2, 0.1, 1.0)[:, None]
    X = np.column_stack([np.cos(angles), np.sin(angles)]) * lengths
    assert rung(counted(X), ISOTROPIC, 1).distinct == 6
    assert rung(counted(X, similarity=Similarity.COSINE), ISOTROPIC, 1).distinct == 12


def test_a_cyclic_polytope_in_four_dimensions_reaches_every_pair_but_not_every_triple() -> None:
    # The trigonometric moment curve: a neighbourly polytope, each pair of its vertices is a face.
    angles = 2 * np.pi * np.arange(8) / 8
    curve = np.column_stack([np.cos(angles), np.sin(angles), np.cos(2 * angles), np.sin(2 * angles)])
    found = counted(curve, draws=100_000)
    assert rung(found, ISOTROPIC, 2).distinct == rung(found, ISOTROPIC, 2).possible == 28
    assert rung(found, ISOTROPIC, 3).distinct < 56


def test_orthogonal_vectors_reach_everything() -> None:
    found = counted(np.eye(7))
    assert [rung(found, ISOTROPIC, k).share for k in (1, 2, 3)] == [1, 1, 1]
    assert found.spanned == 6
    assert rung(found, ISOTROPIC, 1).new == 0


def test_the_control_does_not_know_the_documents() -> None:
    found = counted(np.column_stack([np.arange(12.0), np.zeros((12, 5))]))
    assert rung(found, ISOTROPIC, 2).distinct == 2
    assert rung(found, CONTROL, 2).distinct > 40


def test_queries_like_those_given_reach_what_those_reach() -> None:
    angles = 2 * np.pi * np.arange(10) / 10
    X = np.column_stack([np.cos(angles), np.sin(angles)])
    Q = np.column_stack([1 + np.linspace(-0.01, 0.01, 7), np.linspace(0.05, 0.06, 7)])  # all near one direction
    found = counted(X, Q)
    assert rung(found, LIKE_QUERIES, 1).distinct == rung(found, REAL, 1).distinct == 1
    assert rung(found, ISOTROPIC, 1).distinct == 10


def test_documents_with_one_vector_are_counted() -> None:
    assert counted([[1, 0], [0, 1], [1, 0], [2, 2], [0, 1]], None, 1).copies == 4


# -- laws --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "dimension", "m"), [(5, 9, 30), (12, 4, 3), (6, 6, 6)])
def test_scores_have_the_mean_and_the_covariance_of_random_queries(n: int, dimension: int, m: int) -> None:
    generator = np.random.default_rng(3)
    X, Q = generator.standard_normal((n, dimension)), generator.standard_normal((m, dimension)) + 2
    plain, drawn = isotropic(X), like(X, Q)
    assert plain.factor @ plain.factor.T == pytest.approx(X @ X.T)
    assert drawn.factor @ drawn.factor.T == pytest.approx(X @ np.cov(Q.T) @ X.T)
    assert drawn.mean == pytest.approx(X @ Q.mean(axis=0))
    assert not plain.mean.any()
    assert plain.factor.shape[1] == min(n, dimension)


def test_draws_depend_on_the_seed_and_not_on_the_size_of_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    X = np.random.default_rng(4).standard_normal((20, 6)).astype(np.float32)
    data = task_data(20, 3)
    queries = X[:3]

    def once(seed: int) -> Reach:
        return reach(data, X, queries, Similarity.COSINE, Draws((3,), 700, seed))

    first = once(1)
    monkeypatch.setattr(library, "_SCORES", 26 * 13)
    monkeypatch.setattr(library, "_WAITING", 50)
    assert once(1) == first
    assert once(2) != first


# -- sets --------------------------------------------------------------------------------------------------------


def test_every_set_has_a_code_of_its_own_whatever_its_order() -> None:
    sets = np.array(list(itertools.combinations(range(9), 3)))
    codes = encoded(sets, 9)
    assert len(set(codes.tolist())) == math.comb(9, 3)
    assert (encoded(sets[:, [2, 0, 1]], 9) == codes).all()


@given(st.lists(st.lists(st.integers(0, 6), min_size=2, max_size=2, unique=True), min_size=1, max_size=60))
def test_sets_are_counted_as_a_counter_does(pairs: list[list[int]]) -> None:
    found = SetCounts(7)
    for start in range(0, len(pairs), 7):
        found.add(np.array(pairs[start : start + 7]))
        found.result()  # merges on the way change nothing
    codes, counts = found.result()
    expected = Counter(min(pair) * 7 + max(pair) for pair in pairs)
    assert dict(zip(codes.tolist(), counts.tolist(), strict=True)) == expected
    assert sorted(codes.tolist()) == codes.tolist()


def test_chaos_bound_by_hand() -> None:
    # Three classes seen once, two seen twice, one seen five times: 6 + 3 * 2 / (2 * (2 + 1)).
    assert chao1(np.array([1, 1, 1, 2, 2, 5])) == 7
    assert chao1(np.array([4, 2])) == 2
    assert chao1(np.array([1, 1])) == 3


def test_chaos_bound_is_near_a_known_number_of_classes() -> None:
    # Equal chances are where the bound is tight; 400 draws from 300 classes show about 221 of them.
    generator = np.random.default_rng(7)
    bounds = [chao1(np.unique(generator.integers(0, 300, 400), return_counts=True)[1]) for _ in range(200)]
    assert np.mean(bounds) == pytest.approx(300, abs=6)


def test_needed_sets_are_those_of_relevant_documents_of_that_size(tmp_path: Path) -> None:
    folder = helpers.retrieval(tmp_path / "R", n=8, n_queries=5)
    judged = [
        ("q0", "d3", 1), ("q0", "d1", 2), ("q1", "d1", 1), ("q1", "d3", 1), ("q2", "d5", 1), ("q2", "d6", 0),
        ("q3", "d0", 0), ("q4", "d7", 1), ("q4", "d2", 3),
    ]  # fmt: skip
    helpers.qrels(folder, judged)
    qrels = read_retrieval(folder, "test").qrels
    assert needed_sets(qrels, 1, 8).tolist() == [5]
    assert needed_sets(qrels, 2, 8).tolist() == [1 * 8 + 3, 2 * 8 + 7]
    assert needed_sets(qrels, 3, 8).tolist() == []


def test_needed_sets_are_reached_only_where_some_query_has_them() -> None:
    found = counted(np.arange(6.0)[:, None], [[1.0], [2.0]], 2, relevant=((4, 5), (0, 1)), draws=100)
    assert (rung(found, ISOTROPIC, 2).needed, rung(found, ISOTROPIC, 2).needed_reached) == (2, 2)
    assert rung(found, REAL, 2).needed_reached == 1  # both queries point to the right
    assert rung(found, REAL, 2).at_least is None
    assert rung(found, REAL, 2).queries == 2


def test_real_queries_are_ranked_as_brute_force_ranks_them() -> None:
    generator = np.random.default_rng(8)
    X, Q = generator.standard_normal((15, 5)), generator.standard_normal((40, 5))
    best = np.argsort(-(Q @ X.T), axis=1)[:, :3]
    expected = {tuple(sorted(row)) for row in best.tolist()}
    assert rung(counted(X, Q, draws=10), REAL, 3).distinct == len(expected)


# -- mistakes and the command ------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [(0, 1), (), (-2,)])
def test_senseless_sizes_are_refused(sizes: tuple[int, ...]) -> None:
    with pytest.raises(EvalkitError, match="counted from 1"):
        Draws(sizes)


def test_sets_as_large_as_the_corpus_or_beyond_counting_are_refused() -> None:
    with pytest.raises(EvalkitError, match="4 documents have one top set"):
        counted(np.eye(4), None, 4)
    with pytest.raises(EvalkitError, match="too many to be numbered"):
        counted(np.ones((300, 1)), None, 9)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    helpers.retrieval(tmp_path / "data" / "Tiny")
    return tmp_path


def test_the_command_writes_what_it_prints_and_the_same_again(folder: Path) -> None:
    arguments = ["-m", helpers.spec(), "-t", "Tiny", "--draws", "2000", "--relevant", "1,2", "--data", folder / "data"]
    ran = helpers.call_cli("stress", "reach", *arguments, "-o", folder / "reach.json")
    assert ran.returncode == 0, ran.stderr
    record = json.loads((folder / "reach.json").read_text())
    [encoder] = record["encoders"]
    assert record["schema_version"] == 1
    assert [(each["kind"], each["k"]) for each in encoder["rungs"]] == [
        (kind, k) for k in (1, 2) for kind in (ISOTROPIC, LIKE_QUERIES, CONTROL, REAL)
    ]
    for each in encoder["rungs"]:
        assert f"{each['share']:.4f}" in ran.stdout
    assert "Chao" in ran.stdout
    again = helpers.run_cli("stress", "reach", *arguments, "--json")
    assert json.loads(again.stdout) == record


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-m", "bm25"], "bm25 has no vector of a text"),
        (["-m", "hashing", "--relevant", "1,x"], "is no list of numbers"),
        (["-m", "hashing", "-t", "QuickSTS"], "is of the type STS"),
    ],
)
def test_mistakes_are_told_in_a_sentence(arguments: list[str], said: str) -> None:
    ran = helpers.call_cli("stress", "reach", "-t", "QuickRetrieval", *arguments)
    assert ran.returncode == 2
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr
