"""Embeddings of every form through bench and cache: packed, kept apart, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import helpers
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.sparse import csr_array, random_array

from evalkit.embedding import EmbeddingCache, EncoderBench, forms
from evalkit.errors import CellError
from evalkit.protocols import TaskInfo
from evalkit.types import Form, Role, Similarity, TokenVectors

TASK = TaskInfo("T", "Retrieval")
VALUES = st.floats(-8, 8, width=32)


class Formed(helpers.Counting):
    """A well-behaved encoder of any form."""

    def __init__(self, form: Form, **more: Any) -> None:
        super().__init__(**more)
        self.form = form

    def encode(self, texts: Sequence[str], **told: Any) -> Any:
        vectors = super().encode(texts, **told)
        if self.form is Form.SPARSE:
            return csr_array(np.where(vectors > 0.3, vectors, 0))
        if self.form is Form.MULTI:
            return TokenVectors.of(
                [np.stack([row] * (1 + len(text) % 3)) for row, text in zip(vectors, texts, strict=True)]
            )
        return vectors


def dense(embeddings: Any) -> np.ndarray:
    """One row a text that says all of it."""
    if isinstance(embeddings, TokenVectors):
        widest = int(embeddings.counts.max()) * embeddings.vectors.shape[1]
        rows = [embeddings.take([row]).vectors.ravel() for row in range(len(embeddings))]
        return np.stack([np.pad(row, (0, widest - len(row)), constant_values=np.inf) for row in rows])
    return embeddings if isinstance(embeddings, np.ndarray) else embeddings.toarray()


@given(hnp.arrays(np.float32, st.tuples(st.integers(1, 6), st.integers(1, 7)), elements=VALUES))
def test_dense_and_sparse_ones_come_back_as_they_were(vectors: np.ndarray) -> None:
    assert np.array_equal(dense(forms.unpacked(forms.packed(vectors), Form.DENSE)), vectors)
    matrix = csr_array(vectors)
    back = forms.unpacked(forms.packed(matrix), Form.SPARSE)
    assert np.array_equal(dense(back), vectors)
    assert forms.count_of(back) == len(vectors)
    assert forms.dimension_of(back) == vectors.shape[1]


@given(st.lists(st.integers(1, 4), min_size=1, max_size=5), st.integers(1, 5), st.booleans(), st.randoms())
def test_several_vectors_come_back_as_they_were(counts: list[int], d: int, half: bool, draw: Any) -> None:
    rng = np.random.default_rng(draw.randrange(2**32))
    made = [rng.normal(size=(count, d)).astype(np.float16 if half else np.float32) for count in counts]
    tokens = TokenVectors.of([each.astype(np.float32) for each in made])
    packed = forms.packed(tokens)
    assert sum(map(len, packed)) == 4 * len(counts) + sum(counts) * d * (2 if half else 4)  # half loses nothing here
    back = forms.unpacked(packed, Form.MULTI)
    assert isinstance(back, TokenVectors)
    assert np.array_equal(back.offsets, tokens.offsets)
    assert np.array_equal(back.vectors, tokens.vectors)


@settings(max_examples=40)
@given(st.permutations(list(range(7))), st.sampled_from(list(Form)), st.integers(1, 6))
def test_parts_in_any_order_make_the_whole(order: list[int], form: Form, cut: int) -> None:
    encoder = Formed(form)
    texts = ["x" * row for row in range(7)]
    whole = encoder.encode(texts, role=Role.TEXT, task=TASK, batch_size=1)
    assembly = forms.Assembly(7)
    for rows in (order[:cut], order[cut:]):
        assembly.put(rows, forms.take(whole, rows))
    assert np.array_equal(dense(assembly.result()), dense(whole))


@pytest.mark.parametrize("form", list(Form))
def test_what_was_encoded_once_comes_from_the_cache(form: Form) -> None:
    cache = EmbeddingCache()
    texts = [helpers.sentence(number) for number in range(50)]
    first, again = Formed(form), Formed(form)
    one = EncoderBench(first, TASK, cache=cache, batch_size=2).embed_any([*texts[:30], texts[3]], role=Role.DOCUMENT)
    bench = EncoderBench(again, TASK, cache=cache)
    both = bench.embed_any(texts, role=Role.DOCUMENT)
    assert again.texts == sorted(texts[30:], key=len, reverse=True)
    assert (bench.tally.cached, bench.tally.encoded) == (30, 20)
    assert np.array_equal(dense(forms.take(both, range(30))), dense(forms.take(one, range(30))))
    assert np.array_equal(dense(forms.take(one, [30])), dense(forms.take(one, [3])))


def test_one_fingerprint_in_two_forms_shares_nothing() -> None:
    cache = EmbeddingCache()
    for form in Form:
        encoder = Formed(form)
        EncoderBench(encoder, TASK, cache=cache).embed_any(["a", "b"], role=Role.TEXT)
        assert encoder.texts == ["a", "b"], form


def test_bytes_are_those_that_an_index_keeps() -> None:
    texts = ["one", "three", "fives"]
    expected = {Form.DENSE: 4 * 16, Form.MULTI: (4 * 16) * (1 + 3 + 3) / 3}
    for form, size in expected.items():
        bench = EncoderBench(Formed(form), TASK)
        bench.embed_any(["a query"], role=Role.QUERY)
        assert bench.cost() == {}
        bench.embed_any(texts, role=Role.DOCUMENT)
        assert bench.cost()["bytes_per_text"] == pytest.approx(size)
    bench = EncoderBench(Formed(Form.SPARSE), TASK)
    matrix = bench.embed_any(texts, role=Role.DOCUMENT)
    assert bench.cost()["bytes_per_text"] == pytest.approx(6 * np.count_nonzero(dense(matrix)) / 3)


def test_flops_of_sparse_vectors_are_the_expected_products() -> None:
    """By hand: (1/2 + 1) terms in common on average; terms of the queries 2 and 1, of the document 2."""
    vectors = {"q1": [1, 2, 0], "q2": [0, 1, 0], "d": [3, 1, 0]}

    class Sparse(helpers.Counting):
        form = Form.SPARSE

        def encode(self, texts: Sequence[str], **_: Any) -> Any:
            return csr_array(np.array([vectors[text] for text in texts], dtype=np.float32))

    bench = EncoderBench(Sparse(), TASK)
    bench.embed_any(["q1", "q2"], role=Role.QUERY)
    bench.embed_any(["d"], role=Role.DOCUMENT)
    cost = bench.cost()
    assert (cost["flops"], cost["query_terms"], cost["document_terms"]) == (1.5, 1.5, 2.0)


@pytest.mark.parametrize(
    ("form", "returned", "said"),
    [
        (Form.DENSE, csr_array(np.eye(2, 16, dtype=np.float32)), "does not say that its form is sparse"),
        (Form.DENSE, TokenVectors.of([np.ones((1, 3)), np.ones((2, 3))]), "does not say that its form is multi"),
        (Form.SPARSE, np.ones((2, 16), np.float32), "says that its form is sparse but returned ndarray"),
        (Form.SPARSE, csr_array(np.full((2, 4), np.nan)), "NaN values, first for the text 'a'"),
        (Form.SPARSE, csr_array(np.ones((3, 4))), "returned 3 vectors for 2 texts"),
        (Form.MULTI, np.ones((2, 16), np.float32), "says that its form is multi"),
        (Form.MULTI, [np.ones((2, 3)), np.ones((0, 3))], "no vector at all for the text 'b'"),
        (Form.MULTI, [np.ones((2, 3))], "returned 1 vectors for 2 texts"),
        (Form.MULTI, [np.ones((2, 3)), np.full((2, 3), np.inf)], "infinite values, first for the text 'b'"),
    ],
)
def test_what_is_no_embedding_of_its_form_is_refused(form: Form, returned: Any, said: str) -> None:
    encoder = Formed(form)
    encoder.encode = lambda *_, **__: returned  # type: ignore[method-assign,assignment]
    with pytest.raises(CellError, match=said):
        EncoderBench(encoder, TASK).embed_any(["a", "b"], role=Role.TEXT)


def test_a_task_of_dense_vectors_says_what_would_make_them() -> None:
    with pytest.raises(CellError, match="makes sparse embeddings") as caught:
        EncoderBench(Formed(Form.SPARSE), TASK).embed(["a"], role=Role.TEXT)
    assert "project" in caught.value.hint


def test_explicit_zeros_and_repeated_places_of_a_sparse_matrix_are_put_right() -> None:
    encoder = Formed(Form.SPARSE)
    raw = csr_array((np.array([1, 2, 0], np.float32), np.array([0, 0, 1]), np.array([0, 3])), shape=(1, 4))
    encoder.encode = lambda *_, **__: raw  # type: ignore[method-assign,assignment]
    found: Any = EncoderBench(encoder, TASK).embed_any(["a"], role=Role.TEXT)
    assert (found.nnz, found.toarray().tolist()) == (1, [[3, 0, 0, 0]])
    assert raw.nnz == 3  # the encoder's own is left alone


def test_zero_rows_are_found_in_every_form() -> None:
    vectors = random_array((6, 5), density=0.5, rng=1, dtype=np.float32).toarray()
    vectors[[1, 4]] = 0
    assert forms.zero_rows(vectors).tolist() == [1, 4]
    assert forms.zero_rows(csr_array(vectors)).tolist() == [1, 4]
    assert forms.zero_rows(TokenVectors.of([row[None] for row in vectors])).tolist() == [1, 4]
    assert Similarity.MAXSIM == "maxsim"
