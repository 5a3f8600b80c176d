"""Search over sparse vectors and over several vectors a text, and scores of given pairs, against brute force."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from test_search import assert_same, brute_force

from evalkit.search import Flops, MaxSimSearch, SparseSearch, TopKSearch, copies, open_search, pair_scores
from evalkit.types import Similarity, TokenVectors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.types import Embeddings, IntArray, TopK, Vectors

RNG = np.random.default_rng


def searched(
    queries: Embeddings,
    documents: Embeddings,
    keys: IntArray,
    top_k: int,
    similarity: Similarity,
    *,
    order: Sequence[int] | None = None,
    cuts: Sequence[int] = (),
    **sizes: int,
) -> TopK:
    kind = MaxSimSearch if isinstance(queries, TokenVectors) else SparseSearch
    index = kind(queries, keys, top_k, similarity, **sizes)
    rows = np.arange(len(keys)) if order is None else np.array(order, dtype=np.int64)
    for chunk in np.split(rows, sorted(cuts)):
        index.add(chunk, documents.take(chunk) if isinstance(documents, TokenVectors) else documents[chunk])
    return index.result()


def texts(rng: np.random.Generator, n: int, most: int, dimension: int, *, whole: bool = True) -> TokenVectors:
    """Several vectors a text; of whole numbers, so that sums of products are exact."""
    sizes = rng.integers(1, most + 1, n)
    draw = (lambda size: rng.integers(-2, 3, size)) if whole else rng.standard_normal
    return TokenVectors.of([draw((size, dimension)).astype(np.float32) for size in sizes])


def split(many: TokenVectors) -> list[Vectors]:
    return [many.vectors[start:stop] for start, stop in zip(many.offsets, many.offsets[1:], strict=False)]


def max_sims(queries: TokenVectors, documents: TokenVectors) -> Vectors:
    """Straight from the definition, one pair after the other."""
    return np.array(
        [[(query @ document.T).max(axis=1).sum() for document in split(documents)] for query in split(queries)],
        dtype=np.float32,
    )


def sparse(rng: np.random.Generator, n: int, dimension: int, density: float, *, whole: bool = True) -> csr_array:
    values = rng.integers(-3, 4, (n, dimension)) if whole else rng.standard_normal((n, dimension))
    return csr_array((values * (rng.random((n, dimension)) < density)).astype(np.float32))


@given(st.integers(0, 2**32), st.data())
@settings(deadline=None, max_examples=80)
def test_sparse_is_brute_force_however_cut(seed: int, data: st.DataObject) -> None:
    rng = RNG(seed)
    n, dimension = data.draw(st.integers(1, 50)), data.draw(st.integers(1, 30))
    queries, documents = (sparse(rng, size, dimension, data.draw(st.floats(0, 0.6))) for size in (7, n))
    if data.draw(st.booleans()):
        documents = documents[rng.integers(0, n, n)]
    keys, top_k = rng.permutation(n), data.draw(st.integers(1, 60))
    found = searched(
        queries,
        documents,
        keys,
        top_k,
        Similarity.DOT,
        order=data.draw(st.permutations(range(n))),
        cuts=data.draw(st.lists(st.integers(0, n), max_size=4)),
        block_rows=data.draw(st.integers(1, 60)),
        block_queries=data.draw(st.integers(1, 9)),
        workers=data.draw(st.integers(1, 3)),
    )
    assert_same(found, brute_force((queries @ documents.T).toarray(), keys, top_k))


@given(st.integers(0, 2**32), st.data())
@settings(deadline=None, max_examples=80)
def test_max_sim_is_brute_force_however_cut(seed: int, data: st.DataObject) -> None:
    rng = RNG(seed)
    n, dimension = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 6))
    queries = texts(rng, data.draw(st.integers(1, 6)), data.draw(st.integers(1, 9)), dimension)
    documents = texts(rng, n, data.draw(st.integers(1, 12)), dimension)
    if data.draw(st.booleans()):
        documents = documents.take(rng.integers(0, n, n))
    keys, top_k = rng.permutation(n), data.draw(st.integers(1, 50))
    found = searched(
        queries,
        documents,
        keys,
        top_k,
        Similarity.MAXSIM,
        order=data.draw(st.permutations(range(n))),
        cuts=data.draw(st.lists(st.integers(0, n), max_size=4)),
        # Smaller than the longest query and the longest document, too.
        block_vectors=data.draw(st.integers(1, 60)),
        query_vectors=data.draw(st.integers(1, 20)),
        workers=data.draw(st.integers(1, 3)),
    )
    assert_same(found, brute_force(max_sims(queries, documents), keys, top_k))


@pytest.mark.parametrize("similarity", [Similarity.DOT, Similarity.COSINE])
def test_sparse_finds_what_dense_finds(similarity: Similarity) -> None:
    rng = RNG(4)
    queries, documents = sparse(rng, 30, 200, 0.1, whole=False), sparse(rng, 900, 200, 0.1, whole=False)
    keys = rng.permutation(900)
    dense = TopKSearch(queries.toarray(), keys, 20, similarity)
    dense.add(np.arange(900), documents.toarray())
    found, expected = searched(queries, documents, keys, 20, similarity, cuts=[100, 101]), dense.result()
    assert found.documents.tolist() == expected.documents.tolist()
    np.testing.assert_allclose(found.scores, expected.scores, rtol=2e-6)


def test_a_document_without_a_common_term_scores_nothing_and_is_a_result() -> None:
    queries = csr_array(np.array([[1, 0, 0]], dtype=np.float32))
    documents = csr_array(np.array([[-1, 0, 0], [0, 1, 0], [2, 0, 0], [0, 0, 0]], dtype=np.float32))
    for similarity, scores in ((Similarity.DOT, [2, 0, 0, -1]), (Similarity.COSINE, [1, 0, 0, -1])):
        found = searched(queries, documents, np.arange(4), 4, similarity)
        assert found.documents.tolist() == [[2, 3, 1, 0]]
        assert found.scores.tolist() == [scores]


def test_sparse_rows_may_be_stored_in_any_way() -> None:
    """Terms out of order, twice, or with a zero: the same vector, so the same score to the last bit."""
    rng = RNG(12)
    halves = rng.standard_normal((50, 2, 4)).astype(np.float32)
    tidy = csr_array(np.pad(halves.sum(axis=1), ((0, 0), (0, 1))))
    values = np.concatenate([halves.reshape(50, 8), np.zeros((50, 1), dtype=np.float32)], axis=1)
    places = np.tile([0, 1, 2, 3, 0, 1, 2, 3, 4], (50, 1))
    mixed = np.argsort(rng.random((50, 9)), axis=1)
    values, places = np.take_along_axis(values, mixed, 1).ravel(), np.take_along_axis(places, mixed, 1).ravel()
    untidy = csr_array((values, places, np.arange(51) * 9), shape=(50, 5))
    query = csr_array(rng.standard_normal((1, 5)).astype(np.float32))
    rows = np.arange(50)
    for similarity in (Similarity.DOT, Similarity.COSINE):
        found, expected = (searched(query, each, rows, 50, similarity) for each in (untidy, tidy))
        assert found.documents.tolist() == expected.documents.tolist()
        assert found.scores.tolist() == expected.scores.tolist()
        pairs = [pair_scores(query, each, rows * 0, rows, similarity).tolist() for each in (untidy, tidy)]
        assert pairs[0] == pairs[1]
    assert untidy.data.tolist() == values.tolist()
    assert untidy.indices.tolist() == places.tolist()


@pytest.mark.parametrize("similarity", [Similarity.MAXSIM, Similarity.COSINE])
@pytest.mark.parametrize("dimension", [33, 100, 128])
def test_equal_texts_score_exactly_equal(similarity: Similarity, dimension: int) -> None:
    rng = RNG(dimension)
    distinct, asked = texts(rng, 60, 30, dimension, whole=False), texts(rng, 5, 3, dimension, whole=False)
    source, query_of = rng.integers(0, 60, 500), rng.integers(0, 5, 40)
    keys = rng.permutation(500)
    found = searched(
        asked.take(query_of), distinct.take(source), keys, 500, similarity, cuts=[77, 300], block_vectors=97
    )
    for documents, scores in zip(found.documents, found.scores, strict=True):
        assert max(len(np.unique(scores[source[documents] == group])) for group in range(60)) == 1
        assert documents.tolist() == documents[np.lexsort((-keys[documents], -scores))].tolist()
    for group in range(5):
        assert len(np.unique(found.scores[query_of == group], axis=0)) == 1


def test_cosine_of_several_vectors_divides_each_by_its_norm() -> None:
    queries = TokenVectors.of([np.array([[3, 0], [0, 5]], dtype=np.float32)])
    documents = TokenVectors.of([np.array([[8, 0]], dtype=np.float32), np.array([[6, 8], [0, 0]], dtype=np.float32)])
    found = searched(queries, documents, np.arange(2), 2, Similarity.COSINE)
    assert found.documents.tolist() == [[1, 0]]
    np.testing.assert_allclose(found.scores, [[1.4, 1.0]], rtol=1e-6)


def test_searches_read_and_do_not_keep_what_they_are_given() -> None:
    rng = RNG(1)
    queries, documents = texts(rng, 4, 5, 3), texts(rng, 9, 5, 3)
    expected = max_sims(queries, documents)
    index = MaxSimSearch(queries, np.arange(9), 9, Similarity.COSINE)
    index.add(np.arange(9), documents)
    assert max_sims(queries, documents).tolist() == expected.tolist()
    index = MaxSimSearch(queries, np.arange(9), 9, Similarity.MAXSIM)
    index.add(np.arange(9), documents)
    queries.vectors[:], documents.vectors[:] = 0, 0
    assert_same(index.result(), brute_force(expected, np.arange(9), 9))


def test_nothing_to_search() -> None:
    empty = TokenVectors(np.zeros(1, dtype=np.int64), np.zeros((0, 4), dtype=np.float32))
    for queries, documents in ((empty, texts(RNG(0), 3, 2, 4)), (csr_array((0, 4)), sparse(RNG(0), 3, 4, 0.5))):
        index = open_search(queries, np.arange(3), 2, Similarity.DOT)
        index.add(np.arange(3), documents)
        assert index.result().documents.shape == (0, 2)
    for queries, documents in ((texts(RNG(0), 3, 2, 4), empty), (sparse(RNG(0), 3, 4, 0.5), csr_array((0, 4)))):
        index = open_search(queries, np.zeros(0, dtype=np.int64), 2, Similarity.DOT)
        index.add(np.zeros(0, dtype=np.int64), documents)
        assert index.result().documents.shape == (3, 0)


def test_the_search_fits_the_form() -> None:
    kinds = [open_search(queries, np.arange(1), 1, Similarity.DOT) for queries in (np.ones((1, 2), dtype=np.float32),)]
    kinds += [open_search(queries, np.arange(1), 1, Similarity.DOT) for queries in (sparse(RNG(0), 1, 2, 1.0),)]
    kinds += [open_search(texts(RNG(0), 1, 2, 4), np.arange(1), 1, Similarity.MAXSIM)]
    assert [type(kind) for kind in kinds] == [TopKSearch, SparseSearch, MaxSimSearch]


def test_memory_follows_the_chunk_and_not_the_corpus() -> None:
    rng = RNG(5)
    asked, chunk = texts(rng, 64, 16, 32, whole=False), texts(rng, 500, 40, 32, whole=False)
    terms, postings = sparse(rng, 64, 500, 0.05), sparse(rng, 500, 500, 0.05)

    def peak(queries: Embeddings, documents: Embeddings, chunks: int) -> int:
        index = open_search(queries, np.arange(500 * chunks), 10, Similarity.DOT)
        tracemalloc.start()
        for number in range(chunks):
            index.add(np.arange(500) + 500 * number, documents)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    for queries, documents in ((asked, chunk), (terms, postings)):
        few, many = peak(queries, documents, 4), peak(queries, documents, 24)
        assert many < 1.2 * few + 1e6, (few, many)


def test_no_product_is_larger_than_said_however_long_the_texts() -> None:
    """3,000 by 60,000 vectors: their products at once would be 720 MB."""
    rng = RNG(6)
    queries = TokenVectors.of([rng.standard_normal((3000, 4)).astype(np.float32)])
    documents = TokenVectors.of([rng.standard_normal((size, 4)).astype(np.float32) for size in (60_000, 1)])
    index = MaxSimSearch(queries, np.arange(2), 2, Similarity.MAXSIM)
    tracemalloc.start()
    index.add(np.arange(2), documents)
    found = index.result()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 40e6
    halves = [
        (queries.vectors @ documents.vectors[part].T).max(axis=1) for part in (slice(0, 30_000), slice(30_000, 60_000))
    ]
    assert found.documents.tolist() == [[0, 1]]
    assert found.scores[0, 0] == pytest.approx(np.maximum(*halves).sum(), rel=1e-5)


@given(st.integers(0, 2**32), st.data())
@settings(deadline=None, max_examples=60)
def test_pairs_score_what_the_whole_matrix_says(seed: int, data: st.DataObject) -> None:
    rng = RNG(seed)
    pairs = rng.integers(0, 5, 30), rng.integers(0, 9, 30)
    few = data.draw(st.booleans())
    with pytest.MonkeyPatch.context() as patch:
        if few:
            patch.setattr("evalkit.search.pairs.BLOCK_VALUES", 3)
            patch.setattr("evalkit.search.pairs.BLOCK_VECTORS", 7)
        queries, documents = texts(rng, 5, 6, 4), texts(rng, 9, 6, 4)
        found = pair_scores(queries, documents, *pairs, Similarity.MAXSIM)
        assert found.tolist() == max_sims(queries, documents)[pairs].tolist()
        queries, documents = sparse(rng, 5, 20, 0.4), sparse(rng, 9, 20, 0.4)
        expected = (queries @ documents.T).toarray()[pairs]
        for left, right in ((queries, documents), (queries.toarray(), documents.toarray())):
            assert pair_scores(left, right, *pairs, Similarity.DOT).tolist() == expected.tolist()


def test_pairs_by_cosine() -> None:
    rng = RNG(2)
    left, right = sparse(rng, 6, 50, 0.5, whole=False), sparse(rng, 6, 50, 0.5, whole=False)
    right.data[: right.indptr[1]] = 0
    dense, other = left.toarray(), right.toarray()
    norms = np.linalg.norm(dense, axis=1) * np.linalg.norm(other, axis=1)
    expected = np.divide((dense * other).sum(axis=1), norms, out=np.zeros(6), where=norms > 0)
    rows = np.arange(6)
    for queries, documents in ((left, right), (dense, other)):
        np.testing.assert_allclose(pair_scores(queries, documents, rows, rows, Similarity.COSINE), expected, atol=1e-7)
    many = texts(rng, 3, 4, 5, whole=False)
    unit = TokenVectors(many.offsets, many.vectors / np.linalg.norm(many.vectors, axis=1, keepdims=True))
    found = pair_scores(many, many, rows[:3], rows[2::-1], Similarity.COSINE)
    np.testing.assert_allclose(found, max_sims(unit, unit)[rows[:3], rows[2::-1]], rtol=1e-6)


@pytest.mark.parametrize("dimension", [1, 33, 65, 100, 128, 384])
@pytest.mark.parametrize("asked", [2, 5, 17])
def test_equal_pairs_score_exactly_equal(dimension: int, asked: int) -> None:
    rng = RNG(dimension)
    source = rng.integers(0, 60, 500)
    query, dense = (rng.standard_normal((size, dimension), dtype=np.float32) for size in (1, 60))
    several, many = (
        TokenVectors.of([rng.standard_normal((size, dimension), dtype=np.float32) for size in sizes])
        for sizes in ([asked], rng.integers(1, 10, 60))
    )
    # A hundred equal queries, each with some documents of its own.
    same, rows = np.zeros(100, dtype=np.int64), np.sort(rng.integers(0, 100, 500))
    left = (query[same], csr_array(query)[same], several.take(same))
    right = (dense[source], csr_array(dense)[source], many.take(source))
    for queries, documents in zip(left, right, strict=True):
        for similarity in (Similarity.DOT, Similarity.COSINE):
            scores = pair_scores(queries, documents, rows, np.arange(500), similarity)
            assert scores.dtype == np.float32
            assert max(len(np.unique(scores[source == group])) for group in range(60)) == 1


def test_no_pairs_at_all() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    for embeddings in (np.ones((2, 3), dtype=np.float32), sparse(RNG(0), 2, 3, 0.5), texts(RNG(0), 2, 3, 4)):
        assert pair_scores(embeddings, embeddings, nothing, nothing, Similarity.DOT).shape == (0,)


def test_a_text_is_known_by_every_value_and_its_length() -> None:
    rng = RNG(3)
    text = rng.standard_normal((6, 5)).astype(np.float32)
    others = [text[:5], text[::-1], np.concatenate([text, text[:1]]), np.zeros_like(text), np.zeros_like(text[:3])]
    for place in range(text.size):
        changed = text.copy()
        changed.flat[place] += 1
        others.append(changed)
    hashes = copies.text_hashes(TokenVectors.of([text, *others]))
    assert len(set(hashes.tolist())) == len(others) + 1
    # Whatever else is hashed beside it, and in whatever place.
    again = copies.text_hashes(TokenVectors.of([*others, np.ones((40, 5), dtype=np.float32), text]))
    assert again[-1] == hashes[0]
    assert copies.text_hashes(TokenVectors.of([text * 0, -text * 0])).tolist()[0] == hashes[4]


@given(st.integers(0, 2**32), st.integers(1, 5))
@settings(deadline=None, max_examples=40)
def test_flops_are_the_mean_number_of_common_terms(seed: int, chunks: int) -> None:
    """Expected multiplications a pair, counted pair by pair (Paria et al. 2020)."""
    rng = RNG(seed)
    queries, documents = sparse(rng, 6, 25, 0.3), sparse(rng, 11, 25, 0.5)
    flops = Flops()
    flops.add_queries(queries)
    for rows in np.array_split(np.arange(11), chunks):
        flops.add_documents(documents[rows])
    common = [
        len(set(np.flatnonzero(query)) & set(np.flatnonzero(document)))
        for query in queries.toarray()
        for document in documents.toarray()
    ]
    assert flops.value() == pytest.approx(np.mean(common))
    assert flops.query_terms == pytest.approx(np.mean((queries.toarray() != 0).sum(axis=1)))
    assert flops.document_terms == pytest.approx(np.mean((documents.toarray() != 0).sum(axis=1)))


def test_flops_of_nothing_are_not_a_number() -> None:
    flops = Flops()
    flops.add_queries(sparse(RNG(0), 2, 5, 0.5))
    assert np.isnan(flops.value())
    assert np.isnan(flops.document_terms)
