"""The structure of judgements: against double loops, closed forms and published numbers."""

from __future__ import annotations

import json
import tracemalloc
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import helpers
import numpy as np
import pytest
import scipy.linalg
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import evalkit
from evalkit.data import read_retrieval
from evalkit.errors import EvalkitError
from evalkit.metrics import structure as module
from evalkit.metrics.structure import forster, qrel_structure, sign_rank
from evalkit.types import Qrels
from evalkit_tasks.stress.structure_command import structure

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

N_DOCUMENTS = 9
GRAPHS = ("query_density", "query_strength", "document_density")

relevant_sets = st.lists(st.sets(st.integers(0, N_DOCUMENTS - 1)), min_size=1, max_size=12)


def as_qrels(sets: Sequence[Collection[int]], grade: int = 1) -> Qrels:
    sizes = [len(each) for each in sets]
    return Qrels(
        offsets=np.cumsum([0, *sizes]),
        documents=np.array([row for each in sets for row in each], dtype=np.int64),
        relevance=np.full(sum(sizes), grade),
    )


def values(sets: Sequence[Collection[int]], n_documents: int = N_DOCUMENTS) -> dict[str, float]:
    return qrel_structure(as_qrels(sets), n_documents).values


def bounds(sets: Sequence[Collection[int]], n_documents: int) -> tuple[int, int, int, int]:
    rank = sign_rank(as_qrels(sets), n_documents)
    assert rank is not None
    return rank.lower, rank.upper, rank.dimension_lower, rank.dimension_upper


def as_sets(matrix: np.ndarray) -> list[list[int]]:
    return [np.flatnonzero(row).tolist() for row in matrix]


def naive(sets: Sequence[set[int]]) -> dict[str, float]:
    """Every pair looked at, one by one."""
    n = len(sets)
    joined, strength = 0, 0.0
    for one in range(n):
        for other in range(n):
            if one != other and sets[one] & sets[other]:
                joined += 1
                strength += len(sets[one] & sets[other]) / len(sets[one] | sets[other])
    documents = sorted(set().union(*sets))
    m = len(documents)
    together = sum(any({one, other} <= each for each in sets) for one, other in combinations(documents, 2))
    return {
        "query_density": joined / (n * (n - 1)) if n > 1 else 0.0,
        "query_strength": strength / n,
        "document_density": together / (m * (m - 1) / 2) if m > 1 else 0.0,
    }


# -- graphs ------------------------------------------------------------------------------------------------------


@given(relevant_sets)
def test_the_graphs_are_those_of_a_double_loop(sets: list[set[int]]) -> None:
    found = values(sets)
    assert {name: found[name] for name in GRAPHS} == pytest.approx(naive(sets), abs=1e-12)


@given(relevant_sets, st.randoms())
def test_the_order_of_queries_and_documents_changes_nothing(sets: list[set[int]], random: object) -> None:
    queries, documents = list(sets), list(range(N_DOCUMENTS))
    random.shuffle(queries)  # type: ignore[attr-defined]
    random.shuffle(documents)  # type: ignore[attr-defined]
    found, again = values(sets), values([{documents[row] for row in each} for each in queries])
    names = [name for name in found if not name.endswith("_lower")]  # a search finds these; it may find less
    assert {name: again[name] for name in names} == pytest.approx({name: found[name] for name in names}, abs=1e-12)


@given(relevant_sets, st.integers(1, 7))
@settings(max_examples=30)
def test_small_blocks_give_the_same(sets: list[set[int]], block: int) -> None:
    whole = values(sets)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK", block)
        assert values(sets) == pytest.approx(whole, abs=1e-12)


def test_disjoint_queries_have_density_0_and_one_shared_document_gives_1() -> None:
    apart = values([{i} for i in range(50)], 60)
    assert [apart[name] for name in GRAPHS] == [0, 0, 0]
    together = values([{0}] * 50, 60)
    assert [together[name] for name in GRAPHS] == [1, 49, 0]
    hub = values([{0, i + 1} for i in range(50)], 60)
    assert hub["query_density"] == 1
    assert hub["query_strength"] == pytest.approx(49 / 3)
    assert hub["document_density"] == pytest.approx(50 / (51 * 50 / 2))
    assert [values([range(9)] * 4)[name] for name in GRAPHS] == [1, 3, 1]


def test_one_query_or_none_relevant_has_no_pairs() -> None:
    assert [values([{1}])[name] for name in GRAPHS] == [0, 0, 0]
    nothing = values([set(), set()])
    assert [nothing[name] for name in GRAPHS] == [0, 0, 0]
    assert nothing["relevant_per_query"] == nothing["relevant_documents"] == 0
    assert (nothing["sign_rank_lower"], nothing["sign_rank_upper"]) == (1, 1)


def test_only_relevant_judgements_count() -> None:
    qrels = Qrels(np.array([0, 2, 4, 5]), np.array([0, 1, 1, 2, 0]), np.array([1, 0, 2, -1, 3]))
    found = qrel_structure(qrels, 10).values
    assert found == qrel_structure(as_qrels([{0}, {1}, {0}]), 10).values | {"judged_documents": 3}
    assert found["queries"] == 3
    assert found["documents"] == 10
    assert found["relevant_documents"] == 2
    assert found["relevant_per_query"] == 1


def test_documents_that_no_query_asks_for_do_not_thin_the_graph_out() -> None:
    sets = [{0, 1}, {1, 2}]
    assert values(sets, 50_000) == values(sets, 4) | {"documents": 50_000}


def test_the_released_limit_small_has_the_papers_numbers(shared_data: Path) -> None:
    # Weller et al. 2025, table of the appendix on density: LIMIT .085481, 28.4653. PROBES.md: .0854815, 28.46533, .966.
    data = read_retrieval(shared_data / "tasks" / "LIMITSmallRetrieval", "test")
    found = qrel_structure(data.qrels, len(data.documents)).values
    assert found["query_density"] == pytest.approx(0.0854815, abs=5e-8)
    assert found["query_strength"] == pytest.approx(28.46533, abs=5e-6)
    assert found["document_density"] == pytest.approx(0.966, abs=5e-4)
    assert (found["queries"], found["documents"], found["relevant_per_query"]) == (1000, 46, 2)
    # Every pair of some five documents is a query: 2k + 1 is reached from below.
    assert (found["sign_rank_lower"], found["sign_rank_upper"]) == (5, 5)
    assert (found["dimension_lower"], found["dimension_upper"]) == (4, 4)


def test_scifact_has_the_papers_numbers(shared_data: Path) -> None:
    # The same table: SciFact .001449, .4222.
    data = read_retrieval(shared_data / "tasks" / "SciFact", "test")
    found = qrel_structure(data.qrels, len(data.documents)).values
    assert found["query_density"] == pytest.approx(0.001449, abs=5e-7)
    assert found["query_strength"] == pytest.approx(0.4222, abs=5e-5)


# -- size --------------------------------------------------------------------------------------------------------


def test_a_hundred_thousand_queries_with_one_answer_are_counted() -> None:
    found = values([{0}] * 100_000, 10)
    assert found["query_density"] == 1
    assert found["query_strength"] == 99_999


def test_a_graph_that_is_too_large_is_left_out_and_said_so() -> None:
    found = qrel_structure(as_qrels([(0, i + 1) for i in range(100_000)]), 100_001)
    assert "query_density" not in found.values
    assert "query_strength" not in found.values
    assert found.values["document_density"] == pytest.approx(2 / 100_001)
    [sentence] = found.left_out
    assert helpers.is_a_sentence(sentence)
    assert "query_density and query_strength are left out" in sentence
    assert "sign_rank_lower" not in found.values


def test_a_dense_graph_is_counted_in_bounded_memory() -> None:
    qrels = as_qrels([(0, i + 1) for i in range(4000)])
    tracemalloc.start()
    found = qrel_structure(qrels, 4001).values
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found["query_strength"] == pytest.approx(3999 / 3)
    assert peak < 300e6  # 178 MB; all pairs at once take 705


# -- sign rank ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "k"), [(7, 1), (7, 2), (9, 3), (11, 4)])
def test_all_k_subsets_have_sign_rank_2k_plus_1(n: int, k: int) -> None:
    # Equality: by Radon's theorem no fewer dimensions separate all k-subsets of 2k + 1 points or more.
    sets = [each for size in range(k + 1) for each in combinations(range(n), size)]
    assert bounds(sets, n) == (2 * k + 1, 2 * k + 1, 2 * k, 2 * k)


def test_sign_ranks_that_are_known() -> None:
    assert bounds([{i} for i in range(4)], 4)[:2] == (3, 3)  # the signed identity
    assert bounds([{0}, {0, 1}], 2) == (2, 2, 1, 1)
    assert bounds([range(6)] * 3, 6) == (1, 1, 1, 1)
    assert bounds([set(range(6)) - {i} for i in range(6)], 6)[:2] == (3, 3)  # as its negative
    assert bounds([range(i) for i in range(8)], 8)[0] == 2  # nested sets: one threshold a query


def test_copies_of_queries_and_documents_change_no_bound() -> None:
    sets = [each for size in range(3) for each in combinations(range(6), size)]
    doubled = [[row + shift for row in each for shift in (0, 6)] for each in sets]
    assert bounds(sets * 3, 6) == bounds(sets, 6) == bounds(doubled, 12)


@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_no_lower_bound_is_above_a_rank_that_is_reached(seed: int, rank: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.standard_normal((60, rank)) @ rng.standard_normal((rank, 12))
    lower, upper, _, _ = bounds(as_sets(scores > 0), 12)
    assert lower <= min(rank, upper)
    k = int(rng.integers(1, 5))
    best = np.argsort(-scores, axis=1)[:, :k]  # rank dimensions rank these sets first
    _, _, least, enough = bounds(best.tolist(), 12)
    assert least <= min(rank, enough)


@given(relevant_sets)
@settings(deadline=None)
def test_the_upper_bound_is_reached_on_the_moment_curve(sets: list[set[int]]) -> None:
    """The construction of the docstring, in whole numbers: with 2k coordinates beside the constant one."""
    k = max(min(len(each), N_DOCUMENTS - len(each)) for each in sets)
    for each in sets:
        few = each if len(each) <= k else set(range(N_DOCUMENTS)) - each
        sign = -1 if few is each else 1
        query = sign * np.atleast_1d(np.poly([root for root in few for _ in range(2)])).astype(object)[::-1]
        assert len(query) <= 2 * k + 1
        scores = [sum(round(c) * t**i for i, c in enumerate(query) if i) for t in range(N_DOCUMENTS)]
        inside = [scores[row] for row in each]
        outside = [scores[row] for row in range(N_DOCUMENTS) if row not in each]
        assert not inside or not outside or min(inside) > max(outside)
    lower, upper, least, enough = bounds(sets, N_DOCUMENTS)
    assert lower <= upper <= 2 * k + 1
    assert least <= enough <= max(2 * k, 1)


@pytest.mark.parametrize("n", [1, 2, 4, 16, 64])
def test_forsters_bound_is_sqrt_n_for_hadamard_matrices(n: int) -> None:
    # Forster 2002: the sign rank of an n x n Hadamard matrix is at least sqrt(n); 4, 16, 64 must not round to more.
    assert forster(scipy.linalg.hadamard(n)) == int(np.ceil(np.sqrt(n)))
    assert forster(np.ones((3, 5))) == 1


def test_forsters_bound_counts_where_it_is_the_larger() -> None:
    matrix = scipy.linalg.hadamard(128) > 0
    assert (
        bounds(as_sets(matrix), 128)[0] == 12
    )  # ceil(sqrt(128)); 8 columns at most have all their patterns in 128 rows


def test_large_matrices_have_no_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    sets = [{i} for i in range(20)]
    assert sign_rank(as_qrels(sets), 20) is not None
    monkeypatch.setattr(module, "LARGEST_MATRIX", 399)
    assert sign_rank(as_qrels(sets), 20) is None
    assert "sign_rank_lower" not in values(sets, 20)


# -- in results and on the command line --------------------------------------------------------------------------


def test_a_result_holds_the_structure_of_each_cell(tmp_path: Path) -> None:
    folder = helpers.retrieval(tmp_path / "Retrieval")
    [result] = evalkit.evaluate(helpers.Counting(), folder, output=tmp_path / "out", cache=False)
    data = read_retrieval(folder, "test")
    assert result.cells[0].data == qrel_structure(data.qrels, len(data.documents)).values
    [again] = evalkit.load_results(tmp_path / "out")
    assert again == result
    [other] = evalkit.evaluate(helpers.Counting(), helpers.sts(tmp_path / "STS"), cache=False)
    assert other.cells[0].data == {}


def test_show_prints_the_structure(tmp_path: Path) -> None:
    folder = helpers.retrieval(tmp_path / "Retrieval")
    evalkit.evaluate(helpers.Counting(), [folder, helpers.sts(tmp_path / "STS")], output=tmp_path / "out", cache=False)
    page = helpers.call_cli("show", tmp_path / "out" / helpers.HOME / "Retrieval.json").stdout
    rows = {tuple(line.rsplit(maxsplit=1)) for line in page.splitlines() if line}
    assert {("queries", "8"), ("documents", "30"), ("relevant per query", "2"), ("query density", "0")} <= rows
    assert {("sign rank lower", "3"), ("sign rank upper", "3")} <= rows
    assert "queries" not in helpers.call_cli("show", tmp_path / "out" / helpers.HOME / "STS.json").stdout


def command(*arguments: object) -> str:
    app = typer.Typer()
    app.command()(structure)
    done = CliRunner().invoke(app, [str(each) for each in arguments])
    if done.exception is not None:
        raise done.exception
    return done.stdout


def test_the_command_needs_no_encoder(tmp_path: Path) -> None:
    helpers.retrieval(tmp_path / "Toy")
    page = command("Toy", "--data", tmp_path)
    assert "query density" in page
    assert "test: sign rank: exactly 3." in page
    assert "test: dimensions that rank every query right: exactly 2." in page
    found = json.loads(command("Toy", "--data", tmp_path, "--json"))
    assert found["test"]["relevant_per_query"] == 2
    assert json.loads(command("QuickRetrieval", "--json"))["test"]["queries"] == 279


def test_the_command_says_what_it_had_to_leave_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helpers.retrieval(tmp_path / "Toy")
    monkeypatch.setattr(module, "LARGEST_GRAPH", 1)
    monkeypatch.setattr(module, "LARGEST_MATRIX", 1)
    page = command("Toy", "--data", tmp_path)
    assert "no bounds of the sign rank" in page
    assert "document_density is left out" in page


@pytest.mark.parametrize(
    ("name", "words"), [("QuickSTS", "of the type STS, not Retrieval"), ("Nothing", "Unknown task 'Nothing'")]
)
def test_the_command_refuses_what_has_no_judgements(name: str, words: str) -> None:
    with pytest.raises(EvalkitError, match=words) as caught:
        command(name)
    assert caught.value.hint


def test_free_vectors_can_be_tried(tmp_path: Path) -> None:
    # helpers.retrieval: 8 queries of two neighbouring documents each.
    helpers.retrieval(tmp_path / "Tiny")
    page = command("Tiny", "--data", tmp_path, "--dim", 1, "--dim", 16)
    assert "test: free unit vectors of 16 dimensions rank every query right" in page
    assert "free unit vectors of 1 dimensions put" in page  # on a line no more than two sets of two come first
    values = json.loads(command("Tiny", "--data", tmp_path, "--dim", 16, "--json"))["test"]
    assert values["reached_16"] == 1.0
