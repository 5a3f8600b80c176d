"""Transforms of vectors: closed forms, other libraries, and what their results must not depend on."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.decomposition import PCA
from transform_steps import EPS, SAMPLE, D, change, make, matrices, normal, quick, ready, sparse

from evalkit.adapters.transforms.rows import PRODUCT_BLOCK, each_product
from evalkit.diagnostics.spectrum import isoscore
from evalkit.fingerprint import digest_json
from evalkit.protocols import Transform
from evalkit.types import Form, Role, TokenVectors, Vectors

ROWWISE = ("truncate:5", "normalize", "center", "pca:5", "whiten", "project:7", "quantize:int8")
ROWWISE += ("quantize:int8,compare=codes", "quantize:binary", "pq:m=4,bits=4", "topk:3")


some_rows = st.lists(st.integers(0, len(SAMPLE) - 1), min_size=1, max_size=30)


# -- what all have in common -------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ROWWISE)
@settings(quick, max_examples=25)
@given(rows=some_rows)
def test_a_row_does_not_depend_on_those_beside_it(step: str, rows: list[int]) -> None:
    """Any rows in any order, so permutations and chunks too; the same bits."""
    applied = ready(step, SAMPLE)
    whole = applied(SAMPLE, role=Role.TEXT)
    np.testing.assert_array_equal(applied(SAMPLE[rows], role=Role.QUERY), whole[rows])


@pytest.mark.parametrize("step", ROWWISE)
@pytest.mark.parametrize("n", [PRODUCT_BLOCK - 1, PRODUCT_BLOCK, PRODUCT_BLOCK + 1, 5000])
def test_blocks_leave_no_seams(step: str, n: int) -> None:
    x = normal(n, seed=3)
    applied = ready(step, SAMPLE)
    whole = applied(x, role=Role.TEXT)
    assert whole.dtype == np.float32
    assert len(whole) == n
    halves = [applied(half, role=Role.TEXT) for half in np.array_split(x, 7)]
    np.testing.assert_array_equal(np.concatenate(halves), whole)


def test_products_do_not_depend_on_how_many_rows_there_are_not_even_in_double_precision() -> None:
    """What float32 mostly hides: the last twelve bits of each product."""
    x, matrix = normal(600, 384), normal(384, 70).astype(np.float64)

    def last_bits(rows: Vectors) -> Vectors:
        return each_product(rows, matrix, 70, lambda product: product.copy().view(np.int64) & 0xFFF)

    whole = last_bits(x)
    for start, stop in ((0, 1), (599, 600), (1, 4), (250, 263), (0, 256), (100, 599)):
        np.testing.assert_array_equal(last_bits(x[start:stop]), whole[start:stop])


@pytest.mark.parametrize("step", ROWWISE)
def test_equal_rows_come_out_equal_wherever_they_stand(step: str) -> None:
    x = np.tile(normal(7, seed=4), (90, 1))
    out = change(step, x, SAMPLE)
    np.testing.assert_array_equal(out, np.tile(out[:7], (90, 1)))


@pytest.mark.parametrize("step", ROWWISE)
def test_what_is_given_is_never_written_to(step: str) -> None:
    x, sample = SAMPLE[:50].copy(), SAMPLE.copy()
    x.flags.writeable = sample.flags.writeable = False
    change(step, x, sample)
    np.testing.assert_array_equal(x, SAMPLE[:50])


@pytest.mark.parametrize("step", ROWWISE)
def test_no_rows_and_rows_in_another_memory_order(step: str) -> None:
    applied = ready(step, SAMPLE)
    whole = applied(SAMPLE, role=Role.TEXT)
    assert applied(SAMPLE[:0], role=Role.TEXT).shape == (0, whole.shape[1])
    np.testing.assert_array_equal(applied(np.asfortranarray(SAMPLE), role=Role.TEXT), whole)


@pytest.mark.parametrize("step", ROWWISE)
def test_several_vectors_a_text_are_changed_one_by_one(step: str) -> None:
    several = TokenVectors.of([SAMPLE[:3], SAMPLE[3:4], SAMPLE[4:]])
    transform = make(step)
    assert Form.MULTI in transform.takes
    assert transform.gives(Form.MULTI) is Form.MULTI
    applied, alone = transform.apply(several), transform.apply(SAMPLE)
    out = applied(several, role=Role.DOCUMENT)
    expected = alone(SAMPLE, role=Role.DOCUMENT)
    np.testing.assert_array_equal(out.offsets, several.offsets)
    np.testing.assert_array_equal(out.vectors, expected)
    # 200 vectors are of three texts.
    assert applied.bytes_of(out) == pytest.approx(alone.bytes_of(expected) * 200 / 3)


@pytest.mark.parametrize("step", [*ROWWISE, "layer:3", "prompt:off"])
def test_the_contract_is_kept_and_the_parameters_are_json(step: str) -> None:
    transform = make(step)
    assert isinstance(transform, Transform)
    assert transform.name == step.partition(":")[0]
    assert isinstance(json.loads(json.dumps(transform.parameters))["version"], int)
    assert transform.decodes is (transform.name in ("quantize", "pq") and "codes" not in step)
    assert hasattr(transform, "fit") is transform.fitted
    assert hasattr(transform, "rebase") is (transform.name in ("layer", "prompt"))


def test_every_parameter_is_part_of_the_parameters() -> None:
    steps = [
        "pca:5",
        "pca:6",
        "pca:5,seed=1",
        "pca:5,fit_size=9",
        "project:5",
        "project:5,seed=1",
        "whiten",
        "whiten:5",
    ]
    steps += ["quantize:int8", "quantize:int8,compare=codes", "quantize:binary", "quantize:ubinary", "truncate:5"]
    steps += [
        "pq:4",
        "pq:4,bits=4",
        "pq:4,seed=2",
        "topk:4",
        "topk:5",
        "layer:1",
        "layer:2",
        "prompt:off",
        "prompt:text=A",
    ]
    steps += ["center", "center:seed=1", "normalize"]
    digests = {digest_json([make(step).name, make(step).parameters]) for step in steps}
    assert len(digests) == len(steps)


def test_an_option_may_stand_in_either_place() -> None:
    told = make("pca:64,seed=7").parameters
    assert make("pca:dim=64,seed=7").parameters == told
    assert make("pca:64", {"seed": "7"}).parameters == told
    assert make("pca", {"dim": "64", "seed": "7"}).parameters == told
    assert make("pq:m=48,bits=6").parameters == make("pq:48,bits=6").parameters


# -- truncate, normalize, center ---------------------------------------------------------------------------------


def test_truncating_nothing_changes_nothing() -> None:
    assert change(f"truncate:{D}", SAMPLE).tobytes() == SAMPLE.tobytes()


def test_zero_vectors_stay_zero() -> None:
    x = SAMPLE.copy()
    x[3, :5] = 0
    assert not change("truncate:5", x)[3].any()
    assert not change("normalize", np.zeros((2, 3), np.float32)).any()


@quick
@given(matrices)
def test_normalised_vectors_have_length_one_and_are_normalised_already(x: Vectors) -> None:
    once = change("normalize", x)
    lengths = np.linalg.norm(once.astype(np.float64), axis=1)
    np.testing.assert_allclose(lengths, (np.abs(x).max(axis=1) > 0).astype(float), atol=1e-6)
    np.testing.assert_allclose(change("normalize", once), once, atol=EPS)


def test_sparse_vectors_are_normalised_as_dense_ones_are() -> None:
    x = csr_array(sparse().toarray() * (np.arange(40) != 3)[:, None])
    out = change("normalize", x)
    np.testing.assert_allclose(out.toarray(), change("normalize", x.toarray()), atol=EPS)
    assert not np.shares_memory(out.data, x.data)


def test_centred_vectors_have_mean_zero_and_centring_again_does_nothing() -> None:
    once = change("center", SAMPLE)
    np.testing.assert_allclose(once.mean(axis=0, dtype=np.float64), 0, atol=1e-6)
    np.testing.assert_allclose(once - once[0], SAMPLE - SAMPLE[0], atol=1e-5)
    np.testing.assert_allclose(change("center", once), once, atol=1e-6)


# -- pca, whiten, project ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [200, 9])
def test_pca_is_that_of_scikit_learn(n: int) -> None:
    """More vectors than dimensions, and fewer; its signs make the entry of largest magnitude positive, as ours."""
    oracle = PCA(5, svd_solver="full").fit(SAMPLE[:n].astype(np.float64))
    applied = ready("pca:5", SAMPLE[:n])
    expected = oracle.transform(SAMPLE.astype(np.float64))
    np.testing.assert_allclose(applied(SAMPLE, role=Role.TEXT), expected, atol=1e-5)
    assert applied.learned["explained"] == pytest.approx(oracle.explained_variance_ratio_.sum())


def test_pca_with_all_dimensions_keeps_the_inner_products_of_centred_vectors() -> None:
    rotated, centred = change(f"pca:{D}", SAMPLE), SAMPLE - SAMPLE.mean(axis=0, dtype=np.float64)
    np.testing.assert_allclose(rotated @ rotated.T, centred @ centred.T, rtol=1e-4, atol=1e-3)


def test_pca_of_mirrored_vectors_has_mirrored_signs_only_where_they_are_mirrored() -> None:
    """The same subspace, found from the same vectors in another order, comes with the same signs."""
    order = np.random.default_rng(1).permutation(len(SAMPLE))
    np.testing.assert_allclose(change("pca:5", SAMPLE, SAMPLE[order]), change("pca:5", SAMPLE), atol=1e-4)


def test_whitening_at_full_rank_gives_isoscore_one_on_its_fit_set() -> None:
    out = change("whiten", SAMPLE).astype(np.float64)
    covariance = np.cov(out.T)
    np.testing.assert_allclose(covariance, np.eye(D), atol=1e-6)
    assert isoscore(np.linalg.eigvalsh(covariance), D) == pytest.approx(1, abs=1e-9)
    assert ready("whiten", SAMPLE).learned == {"dimensions": D, "dropped": 0}


def test_whitening_is_the_formula() -> None:
    """(x - mu) U diag(s^-1/2), with another decomposition: distances are those of Mahalanobis."""
    x, inverse = SAMPLE.astype(np.float64), np.linalg.inv(np.cov(SAMPLE.T.astype(np.float64)))
    out = change("whiten", SAMPLE)
    expected = np.sqrt((x[0] - x[1]) @ inverse @ (x[0] - x[1]))
    assert np.linalg.norm(out[0] - out[1]) == pytest.approx(expected, rel=1e-5)


def test_whitening_drops_dimensions_without_variance_and_says_how_many() -> None:
    flat = np.hstack([SAMPLE, SAMPLE[:, :2] + SAMPLE[:, 2:4], np.full((len(SAMPLE), 1), 3, np.float32)])
    applied = ready("whiten", flat)
    assert applied.learned == {"dimensions": D, "dropped": 3}
    np.testing.assert_allclose(np.cov(applied(flat, role=Role.TEXT).T), np.eye(D), atol=1e-5)
    few = ready("whiten", SAMPLE[:6])
    assert few.learned == {"dimensions": 5, "dropped": D - 5}


def test_whitening_to_fewer_dimensions_keeps_the_first() -> None:
    np.testing.assert_array_equal(change("whiten:4", SAMPLE), change("whiten", SAMPLE)[:, :4])


def test_projection_keeps_inner_products_on_average() -> None:
    x = normal(2, 6, seed=5)
    drawn = [change(f"project:400,seed={seed}", x) for seed in range(60)]
    products = [float(out[0] @ out[1]) for out in drawn]
    # The variance of one product is (|x|^2 |y|^2 + (x y)^2) / k.
    spread = math.sqrt((x[0] @ x[0] * (x[1] @ x[1]) + (x[0] @ x[1]) ** 2) / 400 / 60)
    assert abs(np.mean(products) - x[0] @ x[1]) < 4 * spread


def test_a_smaller_projection_is_the_start_of_a_larger_one() -> None:
    small, large = change("project:4", SAMPLE), change("project:16", SAMPLE)
    np.testing.assert_allclose(small, large[:, :4] * 2, rtol=1e-6)
    assert not np.allclose(change("project:4,seed=1", SAMPLE), small)


def test_sparse_vectors_are_projected_as_dense_ones_are() -> None:
    x, transform = sparse(), make("project:16")
    assert transform.gives(Form.SPARSE) is Form.DENSE
    out = transform.apply(None)(x, role=Role.TEXT)
    np.testing.assert_allclose(out, change("project:16", x.toarray()), rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(transform.apply(None)(x[10:20], role=Role.TEXT), out[10:20])
