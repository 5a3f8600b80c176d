"""Two encoders on the same texts: planted truths, a naive oracle, what each measure does and does not see."""

from __future__ import annotations

import math
from dataclasses import asdict
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.diagnostics import agreement as module
from evalkit.diagnostics.agreement import (
    FEWEST,
    agreement,
    drawn,
    jaccard_by_chance,
    linear_cka,
    mutual_neighbours,
    relative_agreement,
)

MEASURES = ("cka", "cka_debiased", "mutual_neighbours", "relative_correlation", "relative_cosine", "relative_jaccard")


def gaussian(seed: int, n: int = 300, d: int = 24) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def rotation(seed: int, d: int = 24) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0]


def measured(x: np.ndarray, y: np.ndarray, seed: int = 0) -> dict[str, float]:
    found = asdict(agreement(x, y, seed=seed))
    return {name: found[name] for name in MEASURES}


# -- planted truths ----------------------------------------------------------------------------------------------


def test_a_rotated_and_scaled_copy_is_the_same_by_every_measure() -> None:
    x = gaussian(0)
    y = (7 * x @ rotation(1)).astype(np.float32)
    assert measured(x, y) == pytest.approx(dict.fromkeys(MEASURES, 1.0), abs=1e-6)


def test_a_rotation_into_more_dimensions_is_the_same_too() -> None:
    x = gaussian(2, d=8)
    y = (x @ rotation(3, 24)[:8]).astype(np.float32)
    assert measured(x, y) == pytest.approx(dict.fromkeys(MEASURES, 1.0), abs=1e-6)


def test_unrelated_gaussians_are_where_chance_puts_them() -> None:
    # 40 pairs of 200 x 16 and 200 x 32; each mean within four standard errors of its expectation.
    n, d1, d2, anchors = 200, 16, 32, 100
    found = [measured(gaussian(2 * seed, n, d1), gaussian(2 * seed + 1, n, d2), seed) for seed in range(40)]
    expected = {
        "cka_debiased": 0.0,
        "mutual_neighbours": 10 / (n - 1),
        "relative_correlation": 0.0,
        "relative_cosine": 0.0,
        "relative_jaccard": jaccard_by_chance(anchors, 10),
    }
    for name, truth in expected.items():
        values = [each[name] for each in found]
        error = np.std(values, ddof=1) / math.sqrt(len(values))
        assert abs(np.mean(values) - truth) < 4 * error, name
        assert error < 0.005
    # The plain one is far above 0: E|X'Y|^2 = n d1 d2 and E|X'X|^2 = n^2 d1 + n d1^2, nearly.
    biased = math.sqrt(d1 * d2 / ((n + d1) * (n + d2)))
    assert np.mean([each["cka"] for each in found]) == pytest.approx(biased, rel=0.05)


def test_chance_is_said_beside_the_measure() -> None:
    found = agreement(gaussian(0, 101), gaussian(1, 101))
    assert (found.mutual_chance, found.anchors) == (0.1, 50)
    # All pairs of 2 of 3: the same with chance 1/3 (1), otherwise one in common (1/3).
    assert jaccard_by_chance(3, 2) == pytest.approx(1 / 3 + 2 / 3 * 1 / 3)


def test_half_of_the_variance_in_common_lies_between() -> None:
    # X = [S, A], Y = [S, B] with S, A, B independent of equal width: |X'Y|^2 : |X'X|^2 = 1 : 2.
    shared = gaussian(0, 4000, 8)
    x, y = (np.hstack([shared, gaussian(seed, 4000, 8)]) for seed in (1, 2))
    assert linear_cka(x, y) == pytest.approx(0.5, abs=0.02)


def test_published_formula_by_hand() -> None:
    # Orthogonal contrasts of four texts: X'Y = 2 x 2 = 4, |X'X| = 4, |Y'Y|_F = sqrt(16 + 16).
    x = np.array([[1.0], [1], [-1], [-1]], dtype=np.float32)
    y = np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]], dtype=np.float32)
    assert linear_cka(x, y, debiased=False) == pytest.approx(1 / math.sqrt(2))


# -- a naive oracle ----------------------------------------------------------------------------------------------


def naive_cka(x: np.ndarray, y: np.ndarray) -> float:
    n = len(x)
    centring = np.eye(n) - 1 / n

    def hsic(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.trace(a @ centring @ b @ centring))

    a, b = (np.asarray(each, dtype=float) @ np.asarray(each, dtype=float).T for each in (x, y))
    return hsic(a, b) / math.sqrt(hsic(a, a) * hsic(b, b))


def naive_debiased_cka(x: np.ndarray, y: np.ndarray) -> float:
    """By U-centred matrices (Szekely and Rizzo 2014), another form than the one in the module."""
    n = len(x)

    def centred(vectors: np.ndarray) -> np.ndarray:
        k = np.asarray(vectors, dtype=float) @ np.asarray(vectors, dtype=float).T
        np.fill_diagonal(k, 0)
        rows = k.sum(axis=1) / (n - 2)
        k = k - rows[:, None] - rows[None, :] + k.sum() / ((n - 1) * (n - 2))
        np.fill_diagonal(k, 0)
        return k

    a, b = centred(x), centred(y)
    return float((a * b).sum() / math.sqrt((a * a).sum() * (b * b).sum()))


def naive_neighbours(x: np.ndarray, y: np.ndarray, k: int) -> float:
    def nearest(vectors: np.ndarray, i: int) -> set[int]:
        unit = [each / np.linalg.norm(each) for each in np.asarray(vectors, dtype=float)]
        others = sorted((j for j in range(len(unit)) if j != i), key=lambda j: -float(unit[i] @ unit[j]))
        return set(others[:k])

    return float(np.mean([len(nearest(x, i) & nearest(y, i)) / k for i in range(len(x))]))


def naive_relative(x: np.ndarray, y: np.ndarray, anchors: np.ndarray, k: int) -> tuple[float, float, float]:
    sides = []
    for vectors in (x, y):
        unit = np.asarray(vectors, dtype=float) / np.linalg.norm(vectors, axis=1, keepdims=True)
        sides.append(unit @ unit[anchors].T)
    rest = [i for i in range(len(x)) if i not in set(anchors.tolist())]
    correlations = [np.corrcoef(sides[0][i], sides[1][i])[0, 1] for i in rest]
    cosines = [sides[0][i] @ sides[1][i] / np.linalg.norm(sides[0][i]) / np.linalg.norm(sides[1][i]) for i in rest]
    best = [[set(np.argsort(-side[i])[:k].tolist()) for i in rest] for side in sides]
    overlaps = [len(a & b) / len(a | b) for a, b in zip(*best, strict=True)]
    return float(np.mean(correlations)), float(np.mean(cosines)), float(np.mean(overlaps))


@pytest.mark.parametrize("block", [7, 512])
def test_naive_oracle(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(module, "_BLOCK", block)
    shared = gaussian(0, 60, 5)
    x = np.hstack([shared, gaussian(1, 60, 6)]) + 1  # neither centred
    y = np.hstack([gaussian(2, 60, 3), shared]) - 0.5  # nor equally wide
    assert linear_cka(x, y, debiased=False) == pytest.approx(naive_cka(x, y), abs=1e-10)
    assert linear_cka(x, y) == pytest.approx(naive_debiased_cka(x, y), abs=1e-10)
    assert mutual_neighbours(x, y, 4) == pytest.approx(naive_neighbours(x, y, 4), abs=1e-12)
    anchors = np.array([3, 8, 20, 21, 40, 55])
    found = relative_agreement(x, y, anchors, 3)
    assert (found.correlation, found.cosine, found.jaccard) == pytest.approx(naive_relative(x, y, anchors, 3), abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(
    n=st.integers(4, 30),
    d1=st.integers(1, 40),
    d2=st.integers(1, 5),
    seed=st.integers(0, 10**6),
    shift=st.floats(-5, 5),
)
def test_cka_agrees_with_its_definition_also_where_dimensions_outnumber_texts(
    n: int, d1: int, d2: int, seed: int, shift: float
) -> None:
    x, y = gaussian(seed, n, d1) + np.float32(shift), gaussian(seed + 1, n, d2)
    assert linear_cka(x, y, debiased=False) == pytest.approx(naive_cka(x, y), abs=1e-6)
    assert linear_cka(x, y) == pytest.approx(naive_debiased_cka(x, y), abs=1e-5)


# -- what each sees ----------------------------------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), power=st.integers(-8, 8))
def test_no_measure_sees_rotations_or_one_scale_for_all(seed: int, power: int) -> None:
    shared = gaussian(seed, 60, 4)
    x = np.hstack([shared, gaussian(seed + 1, 60, 4)])
    y = np.hstack([shared, gaussian(seed + 2, 60, 4)])
    scaled = (2.0**power * y.astype(float)).astype(np.float32)
    assert measured(x, scaled) == pytest.approx(measured(x, y), abs=1e-12)
    turned = measured(x, (y.astype(float) @ rotation(seed, 8)).astype(np.float32))
    # A rotation moves the last bits, which may swap two neighbours that are all but equally near.
    assert turned == pytest.approx(measured(x, y), abs=5e-3)
    assert turned["cka_debiased"] == pytest.approx(linear_cka(x, y), abs=1e-6)


def test_only_cka_does_not_see_a_shift() -> None:
    x = gaussian(0)
    found = measured(x, x + 2)
    assert (found["cka"], found["cka_debiased"]) == pytest.approx((1, 1), abs=1e-6)
    assert found["mutual_neighbours"] < 0.9
    assert found["relative_correlation"] < 0.9


def test_only_cka_sees_the_lengths_of_vectors() -> None:
    x = gaussian(0)
    lengths = np.exp(np.random.default_rng(1).normal(size=(len(x), 1)))
    found = measured(x, (x * lengths).astype(np.float32))
    assert found["cka_debiased"] < 0.9
    same = ("mutual_neighbours", "relative_correlation", "relative_cosine", "relative_jaccard")
    assert [found[name] for name in same] == pytest.approx([1] * 4, abs=5e-3)


def test_every_measure_sees_a_scale_of_its_own_for_each_direction() -> None:
    x = gaussian(0)
    found = measured(x, x * np.geomspace(0.01, 1, 24).astype(np.float32))
    assert all(found[name] < 0.95 for name in MEASURES)


def test_agreement_falls_as_noise_grows() -> None:
    x = gaussian(0)
    noise = gaussian(1)
    found = [measured(x, x + scale * noise) for scale in (0, 0.3, 1, 3)]
    for name in MEASURES:
        assert all(more[name] > less[name] + 0.01 for more, less in pairwise(found)), name


# -- samples and edges -------------------------------------------------------------------------------------------


def test_large_inputs_are_sampled_with_a_seed_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 100)
    x, y = gaussian(0), gaussian(1)
    first = agreement(x, y, seed=5)
    assert (first.n, first.of, first.mutual_chance) == (100, 300, 10 / 99)
    assert first == agreement(x, y, seed=5)
    assert first != agreement(x, y, seed=6)
    rows, anchors = drawn(300, 5)
    assert len(set(rows.tolist())) == 100
    assert len(set(anchors.tolist())) == 50
    assert anchors.max() < 100
    by_hand = relative_agreement(x[rows], y[rows], anchors)
    assert first.relative_correlation == by_hand.correlation


def test_constant_vectors_have_no_agreement() -> None:
    x = gaussian(0)
    for constant in (np.ones_like(x), np.zeros_like(x), 1 + 1e-8 * x):
        assert all(math.isnan(value) for value in measured(x, constant.astype(np.float32)).values())


def test_equally_similar_pairs_leave_nothing_for_the_debiased_measure() -> None:
    orthonormal = np.eye(60, dtype=np.float32)
    assert math.isnan(linear_cka(orthonormal, gaussian(0, 60)))
    assert 0 < linear_cka(orthonormal, gaussian(0, 60), debiased=False) < 1


def test_a_zero_vector_among_others_is_left_out_of_its_means() -> None:
    x, y = gaussian(0), gaussian(1)
    rest = np.setdiff1d(np.arange(300), drawn(300, 0)[1])
    x[rest[0]] = 0
    without = np.delete(np.arange(300), rest[0])
    anchors = np.searchsorted(without, drawn(300, 0)[1])
    assert measured(x, y)["relative_correlation"] == pytest.approx(
        relative_agreement(x[without], y[without], anchors).correlation, abs=1e-9
    )
    assert all(math.isfinite(value) for value in measured(x, y).values())


def test_too_few_texts_or_other_ones_are_refused() -> None:
    with pytest.raises(ValueError, match=f"needs {FEWEST} distinct texts, not 23"):
        agreement(gaussian(0, 23), gaussian(1, 23))
    with pytest.raises(ValueError, match="equally many rows"):
        agreement(gaussian(0, 30), gaussian(1, 31))
    assert all(math.isfinite(value) for value in measured(gaussian(0, FEWEST), gaussian(1, FEWEST)).values())
