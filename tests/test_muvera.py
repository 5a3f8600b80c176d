"""`muvera`: the checks that its definition must pass, an oracle text by text, and MaxSim approximated."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.adapters.transforms import muvera
from evalkit.adapters.transforms.muvera import Muvera, bits_of, count_sketch, gray_partitions, load
from evalkit.errors import EncoderError
from evalkit.protocols import Transform
from evalkit.search.maxsim import max_sim
from evalkit.types import Form, Role, Similarity, TokenVectors

if TYPE_CHECKING:
    from evalkit.types import Vectors


def unit(rng: np.random.Generator, counts: Any, dimension: int = 12) -> TokenVectors:
    drawn = [rng.standard_normal((count, dimension)) for count in counts]
    return TokenVectors.of([(text / np.linalg.norm(text, axis=1, keepdims=True)).astype(np.float32) for text in drawn])


def each(texts: TokenVectors) -> list[Vectors]:
    return [texts.vectors[start:stop] for start, stop in pairwise(texts.offsets)]


def encoded(settings: Muvera, texts: TokenVectors, role: Role) -> Vectors:
    return settings.apply(None)(texts, role=role)


def test_without_partitions_it_is_the_sum_times_the_mean() -> None:
    rng = np.random.default_rng(0)
    queries, documents = unit(rng, [3, 5]), unit(rng, [1, 7, 9])
    plain = Muvera(k_sim=0, repetitions=1, projection=0)
    found = encoded(plain, queries, Role.QUERY) @ encoded(plain, documents, Role.DOCUMENT).T
    expected = [[query.sum(axis=0) @ document.mean(axis=0) for document in each(documents)] for query in each(queries)]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    more = Muvera(k_sim=0, repetitions=7, projection=0)
    found = encoded(more, queries, Role.QUERY) @ encoded(more, documents, Role.DOCUMENT).T
    np.testing.assert_allclose(found, 7 * np.array(expected), atol=1e-5)


def test_one_vector_a_document_adds_up_the_query_vectors_of_its_partition() -> None:
    """No fill, no projection: as often as a query vector shares the partition, its inner product counts."""
    rng = np.random.default_rng(1)
    queries, documents = unit(rng, [4, 6]), unit(rng, [1] * 5)
    plain = Muvera(k_sim=3, repetitions=6, projection=0, fill=False, seed=5)
    found = encoded(plain, queries, Role.QUERY) @ encoded(plain, documents, Role.DOCUMENT).T
    expected = np.zeros((2, 5))
    for repetition in range(6):
        planes = np.random.default_rng([5, 0, repetition]).standard_normal((12, 3))
        signs = [[tuple(vector @ planes > 0) for vector in text] for text in each(queries)]
        for row, document in enumerate(documents.vectors):
            for query, (text, sides) in enumerate(zip(each(queries), signs, strict=True)):
                together = [side == tuple(document @ planes > 0) for side in sides]
                expected[query, row] += text[together].sum(axis=0) @ document
    np.testing.assert_allclose(found, expected, atol=1e-5)
    # Many repetitions of the same text: every vector shares its own partition.
    alone = encoded(plain, documents, Role.QUERY) @ encoded(plain, documents, Role.DOCUMENT).T
    np.testing.assert_allclose(np.diag(alone), 6, rtol=1e-5)


@given(st.integers(0, 2**32), st.integers(0, 4), st.integers(1, 3), st.sampled_from([0, 5]), st.booleans())
@settings(deadline=None, max_examples=40)
def test_text_by_text_and_partition_by_partition(seed: int, k: int, repetitions: int, width: int, fill: bool) -> None:
    rng = np.random.default_rng(seed)
    texts = unit(rng, rng.integers(1, 8, 5))
    chosen = Muvera(k_sim=k, repetitions=repetitions, projection=width, seed=seed, fill=fill)
    found = {role: encoded(chosen, texts, role) for role in Role}
    expected: dict[Role, list[Any]] = {role: [] for role in Role}
    for text in each(texts):
        for role in Role:
            parts = [oracle(text, chosen, repetition, role) for repetition in range(repetitions)]
            expected[role].append(np.concatenate(parts))
    for role in Role:
        np.testing.assert_allclose(found[role], expected[role], atol=1e-5)
        assert found[role].dtype == np.float32


def oracle(text: Vectors, chosen: Muvera, repetition: int, role: Role) -> Any:
    """The encoding of one text in one repetition, one partition after the other."""
    dimension, partitions = text.shape[1], 2**chosen.k_sim
    planes = np.random.default_rng([chosen.seed, 0, repetition]).standard_normal((dimension, chosen.k_sim))
    signs = (text.astype(np.float64) @ planes) > 0
    vectors = text.astype(np.float64)
    if chosen.projection:
        rng = np.random.default_rng([chosen.seed, 1, repetition])
        vectors = vectors @ count_sketch(dimension, chosen.projection, rng).toarray()
    places, corners = [], {}
    for row in signs:
        number = 0
        for bit in row:
            number = 2 * number + (int(bit) ^ (number & 1))
        places.append(number)
    for bits in np.ndindex(*[2] * chosen.k_sim):
        number = 0
        for bit in bits:
            number = 2 * number + (bit ^ (number & 1))
        corners[number] = bits
    assert sorted(corners) == list(range(partitions))
    out = np.zeros((partitions, vectors.shape[1]))
    for partition in range(partitions):
        members = [vector for vector, place in zip(vectors, places, strict=True) if place == partition]
        if members:
            out[partition] = np.sum(members, axis=0) if role is Role.QUERY else np.mean(members, axis=0)
        elif chosen.fill and role is not Role.QUERY:
            far = [sum(bool(a) != bool(b) for a, b in zip(row, corners[partition], strict=True)) for row in signs]
            out[partition] = vectors[int(np.argmin(far))]
    return out.ravel()


def test_partitions_are_numbered_by_gray_code() -> None:
    """Neighbours in number differ in one sign; by hand: signs 110 are 1, then 2 + (1 ^ 1) = 2, then 4 + (0 ^ 0) = 4."""
    bits = np.array(list(np.ndindex(2, 2, 2)))
    numbers = gray_partitions(bits)
    assert numbers[6] == 4
    assert sorted(numbers.tolist()) == list(range(8))
    ordered = bits[np.argsort(numbers)]
    assert (np.abs(np.diff(ordered, axis=0)).sum(axis=1) == 1).all()
    assert bits_of(numbers).tolist() == list(range(8))
    assert gray_partitions(np.zeros((4, 0), dtype=np.int64)).tolist() == [0] * 4


def test_more_of_it_comes_closer_to_max_sim() -> None:
    rng = np.random.default_rng(3)
    centres = unit(rng, [40], 24).vectors
    drawn = [
        centres[rng.integers(0, 40, count)] + 0.1 * rng.standard_normal((count, 24))
        for count in rng.integers(4, 20, 80)
    ]
    texts = TokenVectors.of([(text / np.linalg.norm(text, axis=1, keepdims=True)) for text in drawn])
    queries, documents = texts.take(range(20)), texts.take(range(20, 80))
    exact = max_sim(queries, documents)

    def closeness(chosen: Muvera) -> float:
        found = encoded(chosen, queries, Role.QUERY) @ encoded(chosen, documents, Role.DOCUMENT).T
        return float(np.mean([np.corrcoef(*pair)[0, 1] for pair in zip(found, exact, strict=True)]))

    coarse = closeness(Muvera(k_sim=1, repetitions=1, projection=0))
    fine = closeness(Muvera(k_sim=5, repetitions=40, projection=0))
    assert coarse < fine
    assert fine > 0.85
    # A count sketch keeps inner products on average: nearly as close with a sixteenth of the values.
    sketched = Muvera(k_sim=5, repetitions=40, projection=0, final=1920)
    assert encoded(sketched, queries, Role.QUERY).shape == (20, 1920)
    assert closeness(sketched) > 0.75


def test_each_text_alone_and_equal_texts_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = unit(np.random.default_rng(4), [3, 9, 1, 30])
    many = texts.take([0, 1, 2, 3, 1, 0])
    chosen = Muvera(k_sim=4, repetitions=3, projection=5, final=50)
    found = encoded(chosen, many, Role.DOCUMENT)
    assert found[0].tolist() == found[5].tolist()
    assert found[1].tolist() == found[4].tolist()
    for row in range(4):
        assert encoded(chosen, texts.take([row]), Role.DOCUMENT)[0].tolist() == found[row].tolist()
    monkeypatch.setattr(muvera, "BLOCK_VALUES", 100)
    assert encoded(chosen, many, Role.DOCUMENT).tolist() == found.tolist()


def test_what_it_says_of_itself() -> None:
    step = load("k_sim=2,repetitions=3,projection=5,seed=8,fill=off", {})
    assert isinstance(step, Transform)
    assert step.parameters == {
        "version": 1, "k_sim": 2, "repetitions": 3, "projection": 5, "final": 0, "seed": 8, "fill": False,
    }  # fmt: skip
    assert load("", {}) == Muvera()
    assert (step.gives(Form.MULTI), step.compared(Similarity.MAXSIM), step.fitted) == (
        Form.DENSE,
        Similarity.DOT,
        False,
    )
    vectors = encoded(step, unit(np.random.default_rng(0), [2]), Role.QUERY)
    assert vectors.shape == (1, 3 * 4 * 5)
    assert step.apply(None).bytes_of(vectors) == 4 * 60
    empty = TokenVectors(np.zeros(1, dtype=np.int64), np.zeros((0, 4), dtype=np.float32))
    assert encoded(step, empty, Role.QUERY).shape == (0, 60)


def test_seeds_and_every_parameter_matter() -> None:
    texts = unit(np.random.default_rng(0), [5, 6])
    base = {"k_sim": 2, "repetitions": 2, "projection": 3, "seed": 0}
    others = [base, *({**base, **more} for more in ({"seed": 1}, {"k_sim": 1}, {"projection": 4}, {"fill": False}))]
    found = [encoded(Muvera(**each), texts, Role.DOCUMENT) for each in others]  # type: ignore[arg-type]
    assert len({vectors.tobytes() for vectors in found}) == len(found)
    assert encoded(Muvera(**base), texts, Role.DOCUMENT).tolist() == found[0].tolist()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("k_sim=-1", "whole number from 0"),
        ("k_sim=40", "whole number from 0 to 16"),
        ("repetitions=0", "whole number from 1"),
        ("ksim=4", "Did you mean k_sim"),
        ("4", "k_sim"),
        ("fill=perhaps", "true or false"),
    ],
)
def test_options_that_cannot_be_are_a_sentence(argument: str, expected: str) -> None:
    with pytest.raises(EncoderError, match=expected):
        load(argument, {})


def test_encodings_of_absurd_length_are_refused() -> None:
    with pytest.raises(EncoderError, match="16777216 values of each text"):
        encoded(Muvera(k_sim=16, repetitions=16, projection=16), unit(np.random.default_rng(0), [1]), Role.QUERY)


@pytest.mark.slow
def test_memory_follows_the_result() -> None:
    texts = unit(np.random.default_rng(0), [40] * 3000, 16)
    chosen = Muvera(k_sim=6, repetitions=10, projection=16, final=64)  # 10,240 values before the last projection
    tracemalloc.start()
    found = encoded(chosen, texts, Role.DOCUMENT)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.shape == (3000, 64)
    assert most < 160e6  # all encodings at once would be 246 MB in double precision
