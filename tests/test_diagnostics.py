"""Label-free diagnostics: planted truths, closed forms, oracles, and what they must not depend on."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import skew

from evalkit.diagnostics import NAMES, Diagnosis, diagnose_vectors
from evalkit.diagnostics.dimension import mle_dimension, two_nn
from evalkit.diagnostics.neighbours import (
    K,
    cosine_dot_disagreement,
    disagreement,
    distances,
    equal_norms,
    hubness,
    nearest,
    nearest_by_distance,
    occurrences,
    rescaling_disagreement,
)
from evalkit.diagnostics.pairs import alignment, mean_cosine, pair_means, unit
from evalkit.diagnostics.spectrum import (
    RANKME_EPSILON,
    alpha_req,
    effective_rank,
    isoscore,
    nesum,
    participation_ratio,
    rankme,
    stable_rank,
)
from evalkit.types import OF_VECTORS, FloatArray, IntArray, Similarity, Vectors


def gaussian(n: int, d: int, seed: int = 0) -> Vectors:
    return np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)


def uneven(n: int = 400, d: int = 24, seed: int = 0) -> Vectors:
    """Vectors as encoders have them: a common direction, a falling spectrum, lengths that differ."""
    return gaussian(n, d, seed) * (np.arange(1, d + 1) ** -0.7).astype(np.float32) + np.float32(0.3)


def rotation(d: int, seed: int = 1) -> FloatArray:
    orthogonal, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((d, d)))
    return orthogonal


# -- spectra: planted truths -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "d"), [(5, 40), (40, 40), (64, 16)])
def test_orthonormal_rows_have_a_rankme_of_their_number(n: int, d: int) -> None:
    rows = np.linalg.qr(np.random.default_rng(0).standard_normal((max(n, d), max(n, d))))[0][:n, :d]
    if n <= d:
        singular = np.linalg.svd(rows, compute_uv=False)
        assert rankme(singular) == pytest.approx(n, rel=1e-4)  # but for the 1e-7 in the formula
        assert effective_rank(singular) == pytest.approx(n, rel=1e-12)
        assert stable_rank(singular) == pytest.approx(n, rel=1e-12)
    else:  # more rows than dimensions: orthonormal columns
        columns = np.linalg.qr(np.random.default_rng(0).standard_normal((n, d)))[0]
        assert rankme(np.linalg.svd(columns, compute_uv=False)) == pytest.approx(d, rel=1e-4)


def test_one_direction_has_rank_one() -> None:
    singular = np.array([3.0, 0.0, 0.0])
    assert rankme(singular) == pytest.approx(1, abs=1e-5)
    assert effective_rank(singular) == stable_rank(singular) == participation_ratio(singular) == nesum(singular) == 1


@pytest.mark.parametrize(("k", "d"), [(1, 7), (2, 7), (7, 7), (3, 300), (300, 300)])
def test_k_equal_directions_of_d(k: int, d: int) -> None:
    eigenvalues = np.array([2.5] * k + [0.0] * (d - k))
    assert participation_ratio(eigenvalues) == pytest.approx(k, rel=1e-12)
    assert nesum(eigenvalues) == pytest.approx(k, rel=1e-12)
    assert isoscore(eigenvalues, d) == pytest.approx((k - 1) / (d - 1), abs=1e-12)


def test_the_isoscore_of_isotropic_vectors_tends_to_one() -> None:
    # The participation ratio of n Gaussian vectors is about d / (1 + (d + 1) / n): the mean of tr(S^2) is known.
    for n, tolerance in ((100, 0.06), (1000, 0.006), (100_000, 1e-4)):
        score = isoscore(np.linalg.eigvalsh(np.cov(gaussian(n, 10).T)), 10)
        assert score == pytest.approx((10 / (1 + 11 / n) - 1) / 9, abs=tolerance)


def published_isoscore(vectors: FloatArray) -> float:
    """Algorithm 1 of Rudman et al. 2022, step by step."""
    d = vectors.shape[1]
    centred = vectors - vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    variances = (centred @ axes.T).var(axis=0, ddof=1)
    normalised = math.sqrt(d) * variances / np.linalg.norm(variances)
    defect = np.linalg.norm(normalised - 1) / math.sqrt(2 * (d - math.sqrt(d)))
    used = (d - defect**2 * (d - math.sqrt(d))) ** 2 / d**2
    return float((d * used - 1) / (d - 1))


@pytest.mark.parametrize("d", [2, 5, 24])
def test_the_isoscore_is_that_of_the_published_algorithm(d: int) -> None:
    vectors = uneven(300, d)
    assert diagnose_vectors(vectors).values["isoscore"] == pytest.approx(
        published_isoscore(vectors.astype(np.float64)), abs=1e-12
    )


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, 2.5])
def test_a_power_law_gives_its_exponent(alpha: float) -> None:
    assert alpha_req(7 * np.arange(1, 301) ** -alpha) == pytest.approx(alpha, abs=1e-9)


def test_alpha_is_fitted_as_the_authors_code_does() -> None:
    # fastssl/utils/powerlaw.py, stringer_get_powerlaw with trange = np.arange(3, 100): normal equations, weights 1/rank
    eigenvalues = np.sort(np.random.default_rng(0).gamma(0.3, size=150))[::-1]
    ranks = np.arange(4, 101)
    x = np.column_stack([-np.log(ranks), np.ones(len(ranks))])
    weighted = x / ranks[:, None]
    alpha, _ = np.linalg.solve(x.T @ weighted, weighted.T @ np.log(eigenvalues[3:100]))
    assert alpha_req(eigenvalues) == pytest.approx(alpha, rel=1e-9)


def test_alpha_needs_ten_ranks() -> None:
    assert math.isnan(alpha_req(np.ones(12)))
    assert alpha_req(np.ones(13)) == pytest.approx(0, abs=1e-12)
    assert math.isnan(alpha_req(np.array([1.0] * 12 + [0.0] * 50)))


@pytest.mark.parametrize(("n", "d"), [(300, 24), (60, 200)])
def test_spectral_values_are_those_of_a_singular_value_decomposition(n: int, d: int) -> None:
    vectors = uneven(n, d).astype(np.float64)
    raw = np.linalg.svd(vectors, compute_uv=False)
    centred = np.linalg.svd(vectors - vectors.mean(axis=0), compute_uv=False)
    found = diagnose_vectors(vectors.astype(np.float32))
    shares = raw / raw.sum() + RANKME_EPSILON
    expected = {
        "rankme": math.exp(-(shares * np.log(shares)).sum()),
        "effective_rank": effective_rank(centred[centred > 1e-9]),
        "stable_rank": np.linalg.norm(vectors) ** 2 / np.linalg.norm(vectors, 2) ** 2,
        "participation_ratio": (centred**2).sum() ** 2 / (centred**4).sum(),
        "nesum": (centred**2).sum() / centred[0] ** 2,
    }
    assert {name: found.values[name] for name in expected} == pytest.approx(expected, rel=1e-6)
    assert found.spectrum == pytest.approx(centred**2 / (centred**2).sum(), abs=1e-9)
    assert len(found.spectrum) == min(n, d)


# -- pairs -------------------------------------------------------------------------------------------------------


def test_the_mean_cosine_is_that_of_all_pairs() -> None:
    rows = unit(uneven(200))
    cosines = rows @ rows.T
    expected = cosines[~np.eye(200, dtype=bool)].mean()
    assert mean_cosine(rows.sum(axis=0), 200) == pytest.approx(expected, abs=1e-14)
    assert diagnose_vectors(uneven(200)).values["anisotropy"] == pytest.approx(expected, abs=1e-12)


def test_angles_and_uniformity_are_those_of_all_pairs() -> None:
    rows = unit(uneven(1500))  # more than one block
    apart = ~np.eye(1500, dtype=bool)
    cosines = (rows @ rows.T)[apart]
    found = pair_means(uneven(1500))
    assert found.mean_angle == pytest.approx(np.degrees(np.arccos(cosines)).mean(), abs=1e-4)
    squared = ((rows[:300, None] - rows[None, :300]) ** 2).sum(axis=2)[~np.eye(300, dtype=bool)]
    assert pair_means(uneven(1500)[:300]).uniformity == pytest.approx(np.log(np.exp(-2 * squared).mean()), abs=1e-5)


def test_orthogonal_vectors_are_at_right_angles() -> None:
    found = pair_means(np.eye(40, dtype=np.float32))
    assert found.mean_angle == pytest.approx(90)
    assert found.uniformity == pytest.approx(-4)


def test_opposite_and_equal_pairs_bound_the_alignment() -> None:
    rows = gaussian(50, 6)
    assert alignment(rows, 3 * rows) == pytest.approx(0, abs=1e-12)
    assert alignment(rows, -rows) == pytest.approx(4, abs=1e-12)
    assert alignment(np.eye(4, dtype=np.float32), np.roll(np.eye(4, dtype=np.float32), 1, axis=0)) == pytest.approx(2)


def test_errors_of_pair_means_are_those_of_repeated_samples() -> None:
    vectors = uneven(4000)
    generator = np.random.default_rng(0)
    found = [pair_means(vectors[generator.choice(4000, 200, replace=False)]) for _ in range(60)]
    for value, error in (("mean_angle", "mean_angle_error"), ("uniformity", "uniformity_error")):
        spread = np.std([getattr(each, value) for each in found], ddof=1)
        stated = np.mean([getattr(each, error) for each in found])
        assert 0.7 < stated / spread < 1.4, value  # 60 draws know a standard deviation to about 9 %


# -- neighbours --------------------------------------------------------------------------------------------------


def brute_force(queries: FloatArray, rows: FloatArray, k: int, similarity: Similarity) -> IntArray:
    left, right = (unit(queries), unit(rows)) if similarity is Similarity.COSINE else (queries, rows)
    scores = left.astype(np.float64) @ right.T.astype(np.float64)
    scores[np.arange(len(left)), np.arange(len(left))] = -np.inf
    return np.argsort(-scores, axis=1)[:, :k]


@pytest.mark.parametrize("similarity", OF_VECTORS)
def test_nearest_rows_are_those_of_a_full_sort(similarity: Similarity) -> None:
    rows = uneven(700)
    assert np.array_equal(nearest(rows[:300], rows, 10, similarity), brute_force(rows[:300], rows, 10, similarity))


def test_distances_are_those_of_a_full_sort() -> None:
    rows = uneven(600) + np.float32(50)  # far from the origin
    exact = rows.astype(np.float64)
    full = np.sqrt(((exact[:, None] - exact[None]) ** 2).sum(axis=2))
    np.fill_diagonal(full, np.inf)
    expected = np.sort(full, axis=1)[:, :10]
    assert distances(rows, nearest_by_distance(rows, 14), 10) == pytest.approx(expected, rel=1e-9)


def test_a_row_is_never_its_own_neighbour_even_among_copies() -> None:
    rows = np.concatenate([np.repeat(gaussian(1, 5), 40, axis=0), gaussian(20, 5, seed=1)])
    found = nearest(rows, rows, 10)
    assert found.shape == (60, 10)
    assert not (found == np.arange(60)[:, None]).any()
    assert (distances(rows, nearest_by_distance(rows, 14), 10)[:40] == 0).all()


def test_hubness_is_the_skewness_of_how_often_rows_are_neighbours() -> None:
    neighbours = nearest(uneven(500), uneven(500), 10)
    counts = occurrences(neighbours)
    assert counts.sum() == 5000
    assert counts[7] == sum(7 in row for row in neighbours.tolist())
    assert hubness(counts) == pytest.approx(skew(counts), rel=1e-12)


def test_a_ring_has_no_hubs() -> None:
    angles = 2 * np.pi * np.arange(60) / 60
    ring = np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)
    counts = occurrences(nearest(ring, ring, 2))
    assert (counts == 2).all()
    assert math.isnan(hubness(counts))


def test_a_row_near_all_others_is_a_hub() -> None:
    rows = gaussian(300, 60) + np.float32(1)
    with_hub = np.concatenate([rows, rows.mean(axis=0, keepdims=True)])
    counts = occurrences(nearest(with_hub, with_hub, 10))
    assert counts[-1] > 150
    assert hubness(counts) > 8 > 4 > hubness(occurrences(nearest(rows, rows, 10)))


def test_lists_disagree_by_what_they_do_not_share() -> None:
    left, right = np.array([[1, 2, 3, 4], [5, 6, 7, 8]]), np.array([[4, 3, 2, 1], [5, 1, 2, 3]])
    assert disagreement(left, right).tolist() == [0.0, 0.75]


def test_vectors_of_one_length_have_one_order() -> None:
    rows = unit(uneven()).astype(np.float32)
    assert equal_norms(rows)
    assert not equal_norms(uneven())
    assert cosine_dot_disagreement(rows, 100).mean() == 0
    lengths = np.random.default_rng(0).lognormal(sigma=1, size=(len(rows), 1)).astype(np.float32)
    assert cosine_dot_disagreement(rows * lengths, 100).mean() > 0.5


def test_rescaled_axes_keep_inner_products_and_change_cosine_neighbours() -> None:
    rows = uneven(300)
    exponents = np.random.default_rng(0).uniform(-1, 1, rows.shape[1])  # D of Steck et al., as the function draws it
    scale = (2.0**exponents).astype(np.float32)
    queries, others = rows * scale, rows / scale
    assert queries @ others.T == pytest.approx(rows @ rows.T, abs=1e-4)
    before, after = (
        brute_force(left, right, K, Similarity.COSINE) for left, right in ((rows, rows), (queries, others))
    )
    expected = np.mean([len(set(a) - set(b)) / K for a, b in zip(before.tolist(), after.tolist(), strict=True)])
    assert rescaling_disagreement(rows, 300).mean() == pytest.approx(expected, abs=1e-12)
    assert expected > 0.1
    assert rescaling_disagreement(rows, 300, seed=1).mean() != expected


# -- intrinsic dimension -----------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    # The project's reference values, which are those of 5,000 points; tolerance: two standard errors of four draws.
    ("d", "expected", "tolerance"),
    [(2, 1.99, 0.03), (5, 5.05, 0.11), (10, 9.74, 0.14), (20, 17.4, 0.4)],
)
def test_two_nn_of_gaussian_points(d: int, expected: float, tolerance: float) -> None:
    draws = []
    for seed in range(4):
        points = gaussian(5000, d, seed)
        draws.append(two_nn(distances(points, nearest_by_distance(points, 6), 2)))
    assert np.mean(draws) == pytest.approx(expected, abs=tolerance)


def test_dimensions_of_a_plane_in_many_dimensions() -> None:
    points = np.random.default_rng(0).uniform(size=(2000, 2)) @ rotation(50)[:2]
    found = diagnose_vectors(points.astype(np.float32)).values
    assert found["two_nn"] == pytest.approx(2, abs=0.1)
    assert found["mle_dimension"] == pytest.approx(2, abs=0.1)


@pytest.mark.slow
def test_dimensions_are_those_of_scikit_dimension() -> None:
    skdim = pytest.importorskip("skdim", reason="scikit-dimension is not installed")
    points = gaussian(1000, 8)
    apart = distances(points, nearest_by_distance(points, 14), K)
    # Its empirical distribution starts at 0 where the paper's starts at 1/n.
    assert two_nn(apart) == pytest.approx(skdim.id.TwoNN(discard_fraction=0.1).fit(points).dimension_, rel=5e-3)
    assert mle_dimension(apart) == pytest.approx(skdim.id.MLE().fit(points, n_neighbors=K).dimension_, rel=1e-6)


def test_the_likelihood_dimension_averages_inverses() -> None:
    given_distances = np.array([[1.0, math.e, math.e**2], [1.0, 1.0, math.e**4]])
    # inverses: mean(2, 1) = 1.5 and mean(4, 4) = 4, so 2 / 5.5; averaged dimensions would give (1/1.5 + 1/4) / 2
    assert mle_dimension(given_distances) == pytest.approx(2 / 5.5)


def test_two_nn_drops_the_largest_tenth() -> None:
    generator = np.random.default_rng(0)
    ratios = (1 - generator.uniform(size=2000)) ** (-1 / 3)  # Pareto: exactly dimension 3
    clean = np.column_stack([np.ones(2000), np.sort(ratios)])
    assert two_nn(clean) == pytest.approx(3, abs=0.15)
    spoilt = clean.copy()
    spoilt[-150:, 1] *= 1000
    assert two_nn(spoilt) == two_nn(clean)


def test_copies_have_no_say_in_the_dimension() -> None:
    apart = np.sort(np.random.default_rng(0).uniform(1, 2, (100, 10)), axis=1)
    copies = np.concatenate([np.zeros((30, 1)), np.ones((30, 9))], axis=1)
    both = np.concatenate([apart, copies])
    assert two_nn(both) == two_nn(apart)
    assert mle_dimension(both) == mle_dimension(apart)
    assert math.isnan(two_nn(copies))
    assert math.isnan(mle_dimension(copies))
    assert math.isnan(two_nn(np.ones((5, 4))))


# -- invariance --------------------------------------------------------------------------------------------------

DISCRETE = {"hubness": 0.1, "cosine_dot_disagreement": 0.01}
"""A neighbour that changes with the last bit moves these by a step."""


def assert_equal(left: Diagnosis, right: Diagnosis, but: set[str] = frozenset(), rel: float = 1e-3) -> None:  # type: ignore[assignment]
    for name in set(left.values) - but:
        assert left.values[name] == pytest.approx(right.values[name], rel=rel, abs=DISCRETE.get(name, 1e-4)), name


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_all_but_the_rescaling_test_are_invariant_under_rotation(seed: int) -> None:
    vectors = uneven(200, 20, seed)
    turned = (vectors.astype(np.float64) @ rotation(20, seed + 1)).astype(np.float32)
    assert_equal(diagnose_vectors(vectors), diagnose_vectors(turned), but={"rescaling_disagreement"})


def test_the_rescaling_test_is_not_invariant_under_rotation() -> None:
    vectors = uneven(400)
    turned = (vectors.astype(np.float64) @ rotation(24)).astype(np.float32)
    before, after = (diagnose_vectors(each).values["rescaling_disagreement"] for each in (vectors, turned))
    assert abs((before or 0) - (after or 0)) > 0.01


@pytest.mark.parametrize("factor", [1e-3, 64.0, 1e4])
def test_one_scale_for_all_changes_nothing(factor: float) -> None:
    assert_equal(diagnose_vectors(uneven()), diagnose_vectors(uneven() * np.float32(factor)), rel=1e-4)


def test_a_shift_changes_what_is_not_centred_and_nothing_else() -> None:
    shifted = diagnose_vectors(uneven() + np.float32(2))
    moved = {"rankme", "stable_rank", "anisotropy", "mean_angle", "uniformity"}
    by_cosine = {"hubness", "cosine_dot_disagreement", "rescaling_disagreement"}
    before = diagnose_vectors(uneven())
    assert_equal(before, shifted, but=moved | by_cosine)
    for name in moved:
        assert shifted.values[name] != pytest.approx(before.values[name], rel=0.05), name


def test_lengths_matter_to_the_spectrum_and_not_to_the_cosines() -> None:
    lengths = np.random.default_rng(3).lognormal(sigma=0.5, size=(400, 1)).astype(np.float32)
    before, after = diagnose_vectors(uneven()), diagnose_vectors(uneven() * lengths)
    for name in ("anisotropy", "mean_angle", "uniformity", "hubness", "rescaling_disagreement"):
        assert after.values[name] == pytest.approx(before.values[name], rel=1e-3, abs=0.01), name
    for name in ("stable_rank", "cosine_dot_disagreement"):
        assert after.values[name] != pytest.approx(before.values[name], rel=0.02), name


def test_every_diagnostic_has_its_place() -> None:
    found = diagnose_vectors(uneven(), pairs=(uneven(), uneven(seed=1)))
    assert tuple(found.values) == NAMES
    assert tuple(diagnose_vectors(uneven()).values) == tuple(name for name in NAMES if name != "alignment")
    assert all(isinstance(value, float) and math.isfinite(value) for value in found.values.values())
