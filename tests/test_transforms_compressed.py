"""Transforms that keep fewer bytes a value: quantisation, largest values; and the bytes of all transforms."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_array
from sklearn.cluster import KMeans
from transform_steps import EPS, SAMPLE, change, make, matrices, normal, quick, ready, sparse

from evalkit.adapters.transforms.pq import ITERATIONS
from evalkit.embedding.forms import bytes_of
from evalkit.search import TopKSearch, document_tie_keys
from evalkit.types import Role, Similarity, Vectors

# -- quantize ----------------------------------------------------------------------------------------------------


@quick
@given(sample=matrices, data=st.data())
def test_int8_is_off_by_half_a_step_at_most_and_clips_outside(sample: Vectors, data: st.DataObject) -> None:
    x = data.draw(arrays(np.float32, (3, sample.shape[1]), elements=st.floats(-1000, 1000, width=32)))
    low, high = sample.min(axis=0).astype(np.float64), sample.max(axis=0).astype(np.float64)
    out = change("quantize:int8", x, sample)
    rounding = EPS * np.maximum(np.abs(low), np.abs(high)) + np.finfo(np.float32).tiny
    assert (np.abs(out - np.clip(x, low, high)) <= (high - low) / 255 / 2 + rounding).all()
    assert (out >= low - rounding).all()
    assert (out <= high + rounding).all()


def test_int8_has_at_most_256_values_and_repeating_it_does_nothing() -> None:
    x = normal(5000, 2)
    once = change("quantize:int8", x)
    assert max(len(np.unique(column)) for column in once.T) <= 256
    np.testing.assert_allclose(change("quantize:int8", once, x), once, rtol=1e-6)


def test_a_constant_dimension_stays_what_it_is() -> None:
    x = SAMPLE.copy()
    x[:, 2] = 0.7
    assert (change("quantize:int8", x)[:, 2] == np.float32(0.7)).all()
    assert (change("quantize:int8,compare=codes", x)[:, 2] == -128).all()
    assert (change("quantize:int8", SAMPLE, x)[:, 2] == np.float32(0.7)).all()


def test_int8_does_not_overflow_where_sentence_transformers_5_did() -> None:
    """`((embeddings - starts) / steps - 128).astype(np.int8)`: `quantize_embeddings` of its version 5.0.0."""
    sample = np.array([[-1.0], [1.0]], dtype=np.float32)
    x = np.array([[-0.005], [1.0], [1.1], [-1.1]], dtype=np.float32)
    # Written out to the end: what a cast of a number beyond the type gives is up to the processor.
    wide = ((x - sample.min()) / (2 / 255) - 128).astype(np.int64)
    overflowed = ((wide + 128) % 256 - 128)[:, 0]
    assert overflowed[2] < overflowed[0]
    assert overflowed[3] > overflowed[0]
    codes = change("quantize:int8,compare=codes", x, sample)[:, 0]
    assert codes[[0, 2, 3]].tolist() == [-2, 127, -128]  # 0.995 / (2 / 255) is 126.9, rounded down
    assert codes[1] in (126, 127)
    np.testing.assert_allclose(change("quantize:int8", x, sample)[:, 0], [-1 / 255, 1, 1, -1], atol=EPS)


def test_only_what_is_above_zero_is_a_one() -> None:
    x = np.array([[0.0, -0.0, 1e-30, -1e-30, 2]], dtype=np.float32)
    assert change("quantize:ubinary", x).tolist() == [[-1, -1, 1, -1, 1]]


@pytest.mark.parametrize("d", [7, 12, 384])
def test_binary_vectors_are_ranked_as_hamming_distance_ranks_them_ties_included(d: int) -> None:
    x, queries = np.random.default_rng(d).standard_normal((2, 60, d)).astype(np.float32)
    transform = make("quantize:binary")
    assert transform.compared(Similarity.COSINE) is Similarity.DOT
    assert transform.compared(Similarity.MAXSIM) is Similarity.MAXSIM
    documents, ties = change("quantize:binary", x), document_tie_keys([f"d{i:02}" for i in range(60)])
    search = TopKSearch(change("quantize:binary", queries), ties, 60, transform.compared(Similarity.COSINE))
    search.add(np.arange(60), documents)
    hamming = ((queries > 0)[:, None] != (x > 0)[None]).sum(axis=2)
    expected = [np.lexsort((-ties, row)) for row in hamming]
    found = search.result()
    np.testing.assert_array_equal(found.documents, expected)
    np.testing.assert_array_equal(found.scores, d - 2 * np.sort(hamming, axis=1))


# -- pq, topk ----------------------------------------------------------------------------------------------------


def test_product_quantisation_takes_the_nearest_centroid_of_each_piece() -> None:
    out = change("pq:m=3,bits=4", SAMPLE)
    for piece, found in zip(np.split(SAMPLE, 3, axis=1), np.split(out, 3, axis=1), strict=True):
        centroids = np.unique(found, axis=0)
        assert len(centroids) <= 16
        distances = np.linalg.norm(piece[:, None].astype(np.float64) - centroids[None], axis=2)
        np.testing.assert_allclose(np.linalg.norm(piece - found, axis=1), distances.min(axis=1), rtol=1e-5)


def test_product_quantisation_loses_as_little_as_scikit_learns_kmeans() -> None:
    """One piece is k-means itself; from other starts it loses about as much."""
    lost = ((SAMPLE - change("pq:m=1,bits=4", SAMPLE)) ** 2).sum()
    others = [KMeans(16, n_init=1, max_iter=ITERATIONS, random_state=seed).fit(SAMPLE).inertia_ for seed in range(8)]
    assert lost < 1.15 * max(others)


def test_product_quantisation_keeps_what_has_no_more_values_than_centroids() -> None:
    """Few enough different pieces are kept as they are, unless a random start leaves two of them to one centroid."""
    x = np.repeat(np.array([[0, 0], [10, 0], [0, 10], [10, 10]], np.float32), 40, axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert set(np.unique(change("pq:m=2,bits=2", x)).round(6)) == {0, 10}


def test_product_quantisation_is_the_same_each_time_and_another_with_another_seed() -> None:
    once = change("pq:m=4,bits=4", SAMPLE)
    np.testing.assert_array_equal(change("pq:m=4,bits=4", SAMPLE), once)
    assert not np.array_equal(change("pq:m=4,bits=4,seed=1", SAMPLE), once)


@quick
@given(matrices, st.integers(1, 9))
def test_the_largest_values_are_kept_and_of_equal_ones_the_first(x: Vectors, k: int) -> None:
    k = min(k, x.shape[1])
    x = np.round(x / 40)  # so that magnitudes are often equal
    expected = np.zeros_like(x)
    for row, out in zip(x, expected, strict=True):
        chosen = sorted(range(len(row)), key=lambda i, row=row: (-abs(row[i]), i))[:k]
        out[chosen] = row[chosen]
    once = change(f"topk:{k}", x)
    np.testing.assert_array_equal(once, expected)
    np.testing.assert_array_equal(change(f"topk:{k}", once), once)
    np.testing.assert_array_equal(change(f"topk:{k}", csr_array(x)).toarray(), expected)


def test_sparse_vectors_stay_sparse_and_short_ones_whole() -> None:
    x = sparse()
    before = x.copy()
    out = change("topk:4", x)
    assert isinstance(out, csr_array)
    assert out.dtype == np.float32
    assert out.has_sorted_indices
    assert np.diff(out.indptr).max() == 4
    assert (x != before).nnz == 0
    assert (change("topk:1000", x) != x).nnz == 0
    np.testing.assert_array_equal(change("topk:4", x[5:9]).toarray(), out.toarray()[5:9])


def test_sparse_vectors_in_disorder_are_left_as_they_are() -> None:
    """Places out of order, a zero that is stored, one place twice."""
    values, places = np.array([1, -9, 0, 3, 4], dtype=np.float32), np.array([5, 2, 1, 0, 0])
    x = csr_array((values.copy(), places.copy(), np.array([0, 3, 5])), shape=(2, 6))
    assert change("topk:1", x).toarray().tolist() == [[0, 0, -9, 0, 0, 0], [7, 0, 0, 0, 0, 0]]
    np.testing.assert_array_equal(x.data, values)
    np.testing.assert_array_equal(x.indices, places)


# -- bytes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("truncate:5", 20),
        ("normalize", 48),
        ("center", 48),
        ("pca:5", 20),
        ("whiten", 48),
        ("project:7", 28),
        ("quantize:int8", 12),
        ("quantize:int8,compare=codes", 12),
        ("quantize:binary", 2),  # 12 bits
        ("quantize:ubinary", 2),
        ("pq:m=3,bits=4", 2),  # 12 bits
        ("pq:m=4,bits=6", 3),
        ("topk:3", 18),  # four bytes a value and two for where it stands
    ],
)
def test_bytes_of_a_vector(step: str, expected: float) -> None:
    applied = ready(step, SAMPLE)
    assert applied.bytes_of(applied(SAMPLE, role=Role.TEXT)) == expected


def test_bytes_of_sparse_vectors() -> None:
    x = sparse()
    assert ready("normalize").bytes_of(x) == bytes_of(x)
    top = change("topk:2", x)
    assert ready("topk:2").bytes_of(top) == pytest.approx(top.nnz / 40 * 6)
    wide = csr_array((x.data, x.indices, x.indptr), shape=(40, 65537))
    top = change("topk:2", wide)
    assert ready("topk:2").bytes_of(top) == pytest.approx(top.nnz / 40 * 8)
    assert ready("topk:2").bytes_of(np.eye(3, 4, dtype=np.float32)) == 6
