"""One pass over the vectors: streaming equals one-shot, order does not matter, samples state their error."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.diagnostics import VectorStream, diagnose, diagnose_vectors, findings, stream, warnings
from evalkit.diagnostics import diagnosis as whole
from evalkit.errors import EncoderError, EvalkitError
from evalkit.types import Vectors


def texts(n: int, salt: str = "") -> list[str]:
    return [f"{salt}text {i}" for i in range(n)]


def vectors(n: int = 300, d: int = 16, seed: int = 0) -> Vectors:
    """Anisotropic, of unequal lengths."""
    generator = np.random.default_rng(seed)
    return (generator.standard_normal((n, d)) * np.arange(1, d + 1) ** -0.5 + 0.2).astype(np.float32)


def assert_same(left: whole.Diagnosis, right: whole.Diagnosis) -> None:
    assert left.values == pytest.approx(right.values, rel=1e-9, abs=1e-12)
    assert left.errors == pytest.approx(right.errors, rel=1e-9)


# -- one pass ----------------------------------------------------------------------------------------------------


@settings(max_examples=10, deadline=None)
@given(cuts=st.lists(st.integers(0, 300), max_size=6), seed=st.integers(0, 1000))
def test_neither_chunks_nor_order_matter(cuts: list[int], seed: int) -> None:
    rows, names = vectors(), texts(300)
    order = np.random.default_rng(seed).permutation(300)
    streamed = VectorStream(sample=100)
    for part in np.split(order, sorted(cuts)):
        streamed.add([names[row] for row in part], rows[part])
    once = VectorStream(sample=100)
    once.add(names, rows)
    assert np.array_equal(streamed.rows(), once.rows())
    assert_same(diagnose(streamed), diagnose(once))


def test_sums_are_those_of_all_vectors() -> None:
    seen = VectorStream(sample=50)
    rows = vectors(9000)  # more than two chunks, and the sample shrinks on the way
    seen.add(texts(9000), rows)
    exact = rows.astype(np.float64)
    assert seen.n == 9000
    assert seen.total == pytest.approx(exact.sum(axis=0), rel=1e-12)
    assert seen.gram == pytest.approx(exact.T @ exact, rel=1e-12)
    assert seen.squares == pytest.approx((exact**2).sum(), rel=1e-12)
    assert len(seen.rows()) == 50
    assert not seen.complete


def test_the_sample_is_that_of_the_smallest_hashes() -> None:
    names = texts(9000)
    seen = VectorStream(sample=50)
    seen.add(names, vectors(9000))
    smallest = sorted(range(9000), key=lambda row: stream._hash(names[row]))[:50]
    assert np.array_equal(seen.rows(), vectors(9000)[smallest])


def test_texts_count_once_with_their_first_vector() -> None:
    rows = vectors(60)
    repeated = VectorStream()
    repeated.add(texts(60), rows)
    repeated.add([*texts(60)[::-1], "text 3", "text 3"], np.concatenate([rows[::-1], rows[:2] + 9]))
    assert repeated.n == 60
    assert_same(diagnose(repeated), diagnose_vectors(rows, texts(60)))


def test_given_vectors_are_neither_changed_nor_kept() -> None:
    rows = vectors(100)
    copy = rows.copy()
    seen = VectorStream()
    seen.add(texts(100), rows)
    before = diagnose(seen)
    assert np.array_equal(rows, copy)
    rows[:] = 0
    assert_same(diagnose(seen), before)


@pytest.mark.parametrize("n", [40, 300])
def test_without_a_gram_matrix_the_spectrum_is_the_same(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = vectors(n, 64)
    rows[3] = 0  # counts in the spectrum, and is in no sample
    expected = diagnose_vectors(rows)
    seen = VectorStream()
    monkeypatch.setattr(stream, "WIDEST_GRAM", 10)
    seen.add(texts(n), rows)
    assert seen.gram is None
    found = diagnose(seen)
    assert found.spectrum_of == n
    for name in ("rankme", "effective_rank", "stable_rank", "isoscore", "nesum", "anisotropy"):
        assert found.values[name] == pytest.approx(expected.values[name], rel=1e-6), name


def test_vectors_too_wide_and_too_many_have_a_sampled_spectrum(monkeypatch: pytest.MonkeyPatch) -> None:
    from evalkit.diagnostics import spectra

    monkeypatch.setattr(stream, "WIDEST_GRAM", 10)
    monkeypatch.setattr(spectra, "WIDEST_GRAM", 200)
    found = diagnose_vectors(vectors(2000, 12))
    assert found.spectrum_of == 200
    exact = vectors(2000, 12).astype(np.float64)
    full = np.linalg.eigvalsh(np.cov(exact.T))[::-1]
    assert found.spectrum == pytest.approx(full / full.sum(), abs=0.03)


# -- samples state their error -----------------------------------------------------------------------------------


def test_what_is_exact_states_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    assert diagnose_vectors(vectors(300)).errors == {}
    monkeypatch.setattr(whole, "PAIRED_ROWS", 200)
    assert set(diagnose_vectors(vectors(300)).errors) == {"mean_angle", "uniformity"}
    monkeypatch.setattr(whole, "QUERIES", 200)
    both = {"cosine_dot_disagreement", "rescaling_disagreement"}
    assert set(diagnose_vectors(vectors(300)).errors) == {"mean_angle", "uniformity", *both}


@pytest.mark.slow
def test_stated_errors_are_those_of_repeated_samples() -> None:
    rows = vectors(20_000, 5)
    found = []
    for salt in range(40):  # another hash of every text, so another sample
        seen = VectorStream(sample=400)
        seen.add(texts(20_000, f"{salt} "), rows)
        found.append(diagnose(seen))
    for name in ("two_nn", "mle_dimension", "hubness"):
        spread = np.std([each.values[name] for each in found], ddof=1)
        stated = np.mean([each.errors[name] for each in found])
        assert 0.6 < stated / spread < 1.6, (name, stated, spread)  # 40 draws know a standard deviation to 11 %


def test_beyond_the_sample_neighbours_are_estimated() -> None:
    seen = VectorStream(sample=400)
    seen.add(texts(3000), vectors(3000, 5))
    found = diagnose(seen)
    assert found.neighbours_of == 400
    assert {"two_nn", "mle_dimension", "hubness"} <= set(found.errors)
    exact = diagnose_vectors(vectors(3000, 5))
    assert exact.neighbours_of == 3000
    assert found.values["two_nn"] == pytest.approx(exact.values["two_nn"], abs=4 * found.errors["two_nn"])


# -- bad input ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (vectors(29), "Diagnostics need at least 30 different texts; there are 29."),
        (np.ones((50, 8), dtype=np.float32), "All 50 vectors are equal: there is nothing to diagnose."),
        (np.full((5000, 3), 0.1, dtype=np.float32), "All 5,000 vectors are equal: there is nothing to diagnose."),
        (np.zeros((50, 8), dtype=np.float32), "at least 30 vectors that are not zero; there are 0."),
        (np.eye(50, 8, dtype=np.float32), "at least 30 vectors that are not zero; there are 8."),
        (vectors(50, 1), "Vectors of one dimension have no directions to diagnose."),
        (np.full((50, 4), np.nan, dtype=np.float32), "Some vectors hold NaN or infinite values."),
        (np.full((50, 4), np.inf, dtype=np.float32), "Some vectors hold NaN or infinite values."),
    ],
)
def test_bad_vectors_are_refused_in_one_sentence(rows: Vectors, said: str) -> None:
    with pytest.raises(EvalkitError) as refused:
        diagnose_vectors(rows)
    assert said in refused.value.message
    assert refused.value.hint


def test_repeated_texts_do_not_make_thirty() -> None:
    with pytest.raises(EvalkitError, match="at least 30 different texts; there are 20"):
        diagnose_vectors(vectors(60), texts(20) * 3)


def test_vectors_of_two_lengths_are_refused() -> None:
    seen = VectorStream()
    seen.add(texts(5), vectors(5, 4))
    with pytest.raises(EncoderError, match="length 6 after vectors of length 4"):
        seen.add(["other"], vectors(1, 6))


def test_more_dimensions_than_texts_are_allowed() -> None:
    found = diagnose_vectors(vectors(40, 500))
    assert len(found.spectrum) == 40
    assert (found.values["rankme"] or 99) <= 40.01
    assert (found.values["isoscore"] or 99) <= 38 / 499
    assert None not in found.values.values()


def test_two_distinct_vectors_leave_some_values_undefined() -> None:
    rows = np.repeat(np.eye(2, 5, dtype=np.float32), 30, axis=0)
    found = diagnose_vectors(rows).values
    assert found["two_nn"] is found["mle_dimension"] is found["alpha_req"] is None
    assert found["nesum"] == pytest.approx(1)
    assert found["stable_rank"] == pytest.approx(2)


def test_zero_vectors_have_no_direction() -> None:
    rows = vectors(200)
    rows[:50] = 0
    found = diagnose_vectors(rows)
    assert (found.n, found.zeros, found.neighbours_of) == (200, 50, 150)
    rest = diagnose_vectors(rows[50:])
    for name in ("anisotropy", "mean_angle", "uniformity", "hubness", "stable_rank"):
        assert found.values[name] == pytest.approx(rest.values[name], rel=1e-9), name


# -- judgements --------------------------------------------------------------------------------------------------


def suspicious(rows: Vectors, similarity: str = "cosine") -> set[str]:
    return {each.name for each in findings(diagnose_vectors(rows), similarity) if each.level == "suspicious"}


def test_even_vectors_are_healthy() -> None:
    rows = vectors(2000, 128, seed=3) - np.float32(0.2)
    assert suspicious(rows / np.linalg.norm(rows, axis=1, keepdims=True)) == set()


def test_collapse_is_told() -> None:
    common = vectors(500, 64) * np.float32(0.02) + np.float32(1)
    assert {"stable_rank", "anisotropy", "uniformity"} <= suspicious(common)
    line = np.random.default_rng(0).standard_normal((500, 1)) @ np.ones((1, 64)) + 1e-3 * vectors(500, 64)
    told = suspicious(line.astype(np.float32))
    assert {"rankme", "effective_rank", "isoscore", "nesum"} <= told


def test_lengths_and_scales_are_warned_of() -> None:
    rows = vectors(500, 32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    assert warnings(diagnose_vectors(rows)) == []
    lengths = np.random.default_rng(0).lognormal(sigma=1, size=(500, 1)).astype(np.float32)
    [said] = warnings(diagnose_vectors(rows * lengths))
    assert said.startswith("Cosine and inner product disagree on ")
    [_, scales] = warnings(diagnose_vectors(rows * lengths), "dot")
    assert "by cosine change under scales" in scales


def test_every_value_is_judged() -> None:
    found = diagnose_vectors(vectors(), pairs=(vectors(), vectors(seed=1)))
    judged = findings(found)
    assert [each.name for each in judged] == [name for name in whole.NAMES if name not in {"n", "dimension"}]
    assert all(each.why and (each.share is None or 0 <= each.share <= 1) for each in judged)
    none = findings(diagnose_vectors(np.repeat(np.eye(2, 5, dtype=np.float32), 30, axis=0)))
    assert {each.name for each in none if each.value is None} == {"alpha_req", "two_nn", "mle_dimension"}
