"""Exact search against brute force on vectors whose products are exact, and equal scores for equal vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.search import TopKSearch, copies, document_tie_keys, score_top_k
from evalkit.search import keys as sort_keys
from evalkit.types import OF_VECTORS, Similarity, TopK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.types import IntArray, Vectors

RNG = np.random.default_rng


def searched(
    queries: Vectors,
    corpus: Vectors,
    keys: IntArray,
    top_k: int,
    similarity: Similarity = Similarity.DOT,
    *,
    order: Sequence[int] | None = None,
    cuts: Sequence[int] = (),
    **blocks: int,
) -> TopK:
    rows = np.arange(len(corpus)) if order is None else np.array(order, dtype=np.int64)
    index = TopKSearch(queries, keys, top_k, similarity, **blocks)
    for chunk in np.split(rows, sorted(cuts)):
        index.add(chunk, corpus[chunk])
    return index.result()


def brute_force(scores: Vectors, keys: IntArray, top_k: int) -> tuple[list[list[int]], list[list[float]]]:
    """Rows and scores, each query sorted by (-score, -key) in plain Python."""
    documents, best = [], []
    for row in scores.tolist():
        order = sorted(range(len(row)), key=lambda document: (-row[document], -keys[document]))[:top_k]
        padding = min(top_k, len(keys)) - len(order)
        documents.append(order + [-1] * padding)
        best.append([row[document] for document in order] + [-np.inf] * padding)
    return documents, best


def assert_same(found: TopK, expected: tuple[list[list[int]], list[list[float]]]) -> None:
    assert found.documents.tolist() == expected[0]
    assert found.scores.tolist() == expected[1]
    assert found.documents.dtype == np.int64
    assert found.scores.dtype == np.float32


@st.composite
def searches(draw: st.DrawFn) -> tuple[Vectors, Vectors, IntArray, int]:
    """Small integer vectors, with many equal rows and many equal scores."""
    rng = RNG(draw(st.integers(0, 2**32)))
    dimension, n_documents = draw(st.integers(1, 9)), draw(st.integers(1, 60))
    spread = draw(st.integers(0, 3))
    queries = rng.integers(-spread, spread + 1, (draw(st.integers(1, 8)), dimension))
    corpus = rng.integers(-spread, spread + 1, (n_documents, dimension))
    if draw(st.booleans()):
        corpus = corpus[rng.integers(0, draw(st.integers(1, n_documents)), n_documents)]
    keys = rng.permutation(n_documents)
    return queries.astype(np.float32), corpus.astype(np.float32), keys, draw(st.integers(1, 70))


@given(searches(), st.data())
@settings(deadline=None, max_examples=200)
def test_equal_to_brute_force_however_cut(case: tuple[Vectors, Vectors, IntArray, int], data: st.DataObject) -> None:
    queries, corpus, keys, top_k = case
    found = searched(
        queries,
        corpus,
        keys,
        top_k,
        order=data.draw(st.permutations(range(len(corpus)))),
        cuts=data.draw(st.lists(st.integers(0, len(corpus)), max_size=4)),
        block_rows=data.draw(st.integers(1, 70)),
        block_queries=data.draw(st.integers(1, 9)),
    )
    assert_same(found, brute_force(queries @ corpus.T, keys, top_k))


@pytest.mark.parametrize("top_k", [1, 10, 100])
@pytest.mark.parametrize("kind", ["signs", "constant", "few values", "distinct"])
def test_long_streams_overflow_every_buffer(monkeypatch: pytest.MonkeyPatch, kind: str, top_k: int) -> None:
    monkeypatch.setattr(sort_keys, "BUFFERED_KEYS", 1)
    rng = RNG(7)
    corpus = {
        "signs": rng.choice([-1, 1], (3000, 8)),
        "constant": np.ones((3000, 5)),
        "few values": rng.integers(0, 2, (3000, 4)),
        "distinct": np.arange(3000)[:, None] * np.array([[1, 0, 2]]),
    }[kind].astype(np.float32)
    queries = rng.integers(-2, 3, (13, corpus.shape[1])).astype(np.float32)
    keys = rng.permutation(3000)
    found = searched(queries, corpus, keys, top_k, block_rows=700, block_queries=5)
    assert_same(found, brute_force(queries @ corpus.T, keys, top_k))


@pytest.mark.parametrize("similarity", OF_VECTORS)
@pytest.mark.parametrize("dimension", [1, 7, 33, 100])
def test_equal_vectors_score_exactly_equal(similarity: Similarity, dimension: int) -> None:
    rng = RNG(dimension)
    distinct = rng.standard_normal((150, dimension), dtype=np.float32)
    source = rng.integers(0, 150, 1100)
    queries = rng.standard_normal((20, dimension), dtype=np.float32)
    keys = rng.permutation(1100)
    found = searched(queries, distinct[source], keys, 1100, similarity, cuts=[301, 302, 640], block_rows=97)
    for documents, scores in zip(found.documents, found.scores, strict=True):
        values = [np.unique(scores[source[documents] == group]) for group in range(150)]
        assert max(map(len, values)) == 1
        assert documents.tolist() == documents[np.lexsort((-keys[documents], -scores))].tolist()


def test_copies_of_the_best_documents_fill_the_result_by_id() -> None:
    """Nothing but ids decides among copies, even if all were scored long before the one with the largest id."""
    rng = RNG(3)
    queries = rng.standard_normal((6, 65), dtype=np.float32)
    corpus = rng.standard_normal((40, 65), dtype=np.float32)[np.arange(4000) % 40]
    keys = np.arange(4000)
    found = searched(queries, corpus, keys, 10, block_rows=333)
    best = (queries @ corpus[:40].T).argmax(axis=1)
    assert found.documents.tolist() == [[3960 + row - 40 * place for place in range(10)] for row in best]
    assert np.ptp(found.scores, axis=1).tolist() == [0] * 6


@pytest.mark.parametrize("similarity", OF_VECTORS)
def test_equal_queries_get_equal_results(similarity: Similarity) -> None:
    rng = RNG(11)
    source = rng.integers(0, 9, 301)
    queries = rng.standard_normal((9, 37), dtype=np.float32)[source]
    corpus = rng.standard_normal((500, 37), dtype=np.float32)
    found = searched(queries, corpus, np.arange(500), 50, similarity, block_queries=100)
    for group in range(9):
        assert len(np.unique(found.scores[source == group], axis=0)) == 1
        assert len(np.unique(found.documents[source == group], axis=0)) == 1


def test_cosine_normalises_and_zero_stays_zero() -> None:
    corpus = np.array([[3, 4], [0, 0], [-6, -8], [30, 40], [-0.0, 0]], dtype=np.float32)
    found = searched(corpus[:2], corpus, np.arange(5), 5, Similarity.COSINE)
    assert found.documents.tolist() == [[3, 0, 4, 1, 2], [4, 3, 2, 1, 0]]
    np.testing.assert_allclose(found.scores, [[1, 1, 0, 0, -1], [0, 0, 0, 0, 0]], atol=1e-6)


@pytest.mark.parametrize("cuts", [[], [1], [100, 200, 777], range(0, 1000, 16)])
def test_cutting_changes_not_a_bit(cuts: Sequence[int]) -> None:
    rng = RNG(5)
    queries, corpus = (rng.standard_normal((n, 31), dtype=np.float32) for n in (17, 1000))
    keys = rng.permutation(1000)
    whole = searched(queries, corpus, keys, 30, Similarity.COSINE, block_rows=128)
    cut = searched(queries, corpus, keys, 30, Similarity.COSINE, block_rows=128, cuts=cuts)
    assert cut.documents.tobytes() == whole.documents.tobytes()
    assert cut.scores.tobytes() == whole.scores.tobytes()


def test_close_to_double_precision() -> None:
    rng = RNG(9)
    queries, corpus = (rng.standard_normal((n, 384), dtype=np.float32) for n in (40, 6000))
    found = searched(queries, corpus, np.arange(6000), 100, Similarity.COSINE)
    unit = [
        x.astype(np.float64) / np.linalg.norm(x.astype(np.float64), axis=1, keepdims=True) for x in (queries, corpus)
    ]
    expected = -np.sort(-(unit[0] @ unit[1].T), axis=1)[:, :100]
    np.testing.assert_allclose(found.scores, expected, atol=1e-6)


def test_inputs_are_not_written_to() -> None:
    queries, corpus = (RNG(1).standard_normal((n, 4), dtype=np.float32) for n in (2, 9))
    for array in (queries, corpus):
        array.flags.writeable = False
    searched(queries, corpus, np.arange(9), 3, Similarity.COSINE)


def test_other_layouts_and_dtypes() -> None:
    corpus = RNG(2).integers(-3, 4, (50, 6))
    expected = searched(corpus[:5].astype(np.float32), corpus.astype(np.float32), np.arange(50), 7)
    for other in (corpus.astype(np.float64), np.asfortranarray(corpus.astype(np.float32)), corpus.astype(np.float16)):
        found = searched(other[:5], other, np.arange(50), 7)
        assert found.documents.tolist() == expected.documents.tolist()


def test_result_may_be_asked_for_in_between() -> None:
    corpus = RNG(4).integers(-3, 4, (80, 5)).astype(np.float32)
    index = TopKSearch(corpus[:6], np.arange(80), 9, Similarity.DOT)
    for stop in (30, 80):
        index.add(np.arange(stop - 50 if stop == 80 else 0, stop), corpus[stop - 50 if stop == 80 else 0 : stop])
        assert_same(index.result(), brute_force(corpus[:6] @ corpus[:stop].T, np.arange(80), 9))


def test_no_documents_and_no_queries() -> None:
    empty = np.empty((0, 3), dtype=np.float32)
    one = np.ones((1, 3), dtype=np.float32)
    nothing = searched(one, empty, np.arange(0), 2)
    assert (nothing.documents.tolist(), nothing.scores.tolist()) == ([[]], [[]])
    assert searched(empty, one, np.arange(1), 2).documents.shape == (0, 1)


def test_memory_follows_the_documents_where_more_are_asked_for() -> None:
    queries, corpus = np.ones((3, 2), dtype=np.float32), np.ones((5, 2), dtype=np.float32)
    assert searched(queries, corpus, np.arange(5), 10**9).documents.tolist() == [[4, 3, 2, 1, 0]] * 3
    assert score_top_k([queries @ corpus.T], np.arange(5), 10**9).scores.shape == (3, 5)


def test_nan_is_no_result() -> None:
    corpus = np.array([[np.nan], [1], [-1]], dtype=np.float32)
    assert searched(corpus[1:2], corpus, np.arange(3), 3).documents.tolist() == [[1, 2, -1]]
    assert searched(corpus[1:2], corpus, np.arange(3), 2).documents.tolist() == [[1, 2]]


@given(st.data())
@settings(deadline=None, max_examples=100)
def test_given_scores_equal_to_brute_force(data: st.DataObject) -> None:
    rng = RNG(data.draw(st.integers(0, 2**32)))
    n_queries, n_documents = data.draw(st.integers(0, 8)), data.draw(st.integers(1, 60))
    spread = data.draw(st.integers(0, 20))
    scores = rng.integers(-spread, spread + 1, (n_queries, n_documents)).astype(np.float32)
    keys, top_k = rng.permutation(n_documents), data.draw(st.integers(1, 70))
    chunks = np.split(scores, sorted(data.draw(st.lists(st.integers(0, n_queries), max_size=3))))
    found = score_top_k(chunks, keys, top_k, block_columns=data.draw(st.integers(1, 70)))
    assert_same(found, brute_force(scores, keys, top_k))


def test_given_scores_of_minus_infinity_are_no_results() -> None:
    scores = np.array([[0, -np.inf, np.inf, np.nan]], dtype=np.float32)
    found = score_top_k([scores], np.arange(4), 4)
    assert found.documents.tolist() == [[2, 0, -1, -1]]


@given(st.lists(st.text(max_size=4), unique=True))
def test_tie_keys_rank_utf8_bytes(ids: list[str]) -> None:
    keys = document_tie_keys(ids)
    ordered = sorted(ids, key=lambda text: text.encode("utf-8", "surrogatepass"))
    assert [ordered[key] for key in keys] == ids


def test_hash_of_sign_patterns_never_collides() -> None:
    bits = (np.arange(1 << 16)[:, None] >> np.arange(16)) & 1
    signs = np.ascontiguousarray(bits * 2 - 1, dtype=np.float32)
    assert len(np.unique(copies.row_hashes(signs))) == 1 << 16
    assert len(np.unique(copies.row_hashes(np.hstack([signs, signs[:, :5]])))) == 1 << 16


def test_hash_takes_no_notice_of_the_sign_of_zero() -> None:
    rows = np.array([[0.0, 1, -0.0], [-0.0, 1, 0.0], [0, -1, 0]], dtype=np.float32)
    hashes = copies.row_hashes(rows)
    assert hashes[0] == hashes[1] != hashes[2]


def test_scores_survive_as_keys_in_order() -> None:
    tiny = np.finfo(np.float32).smallest_subnormal
    scores = np.array([np.finfo(np.float32).min, -2, -1, -tiny, 0, tiny, 1, 2, np.inf], dtype=np.float32)
    keys = sort_keys._sortable(scores)
    assert (np.diff(keys.astype(np.int64)) > 0).all()
    assert sort_keys._scores_of(keys << np.uint64(32)).tolist() == scores.tolist()
    assert sort_keys._sortable(np.array([-0.0], dtype=np.float32)) == keys[4]


@pytest.mark.parametrize("similarity", OF_VECTORS)
def test_results_do_not_depend_on_the_number_of_workers(similarity: Similarity) -> None:
    rng = RNG(11)
    queries, corpus = (rng.standard_normal((n, 33)).astype(np.float32) for n in (150, 900))
    corpus[300:400] = corpus[:100]
    found = []
    for workers in (1, 2, 5):
        search = TopKSearch(queries, np.arange(900), 50, similarity, block_rows=128, block_queries=40, workers=workers)
        search.add(np.arange(900), corpus)
        found.append(search.result())
    assert_same(found[1], (found[0].documents.tolist(), found[0].scores.tolist()))
    assert_same(found[2], (found[0].documents.tolist(), found[0].scores.tolist()))
