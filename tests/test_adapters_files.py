"""Encoders that live in files: model2vec's folders, and vectors that somebody else computed."""

from __future__ import annotations

import json
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evalkit.adapters import hub, model2vec, precomputed
from evalkit.errors import EncoderError
from evalkit.protocols import TaskInfo
from evalkit.testing import check_encoder
from evalkit.types import Role, Similarity

TASK = TaskInfo("STSBenchmark", "STS")
TEXTS = ["a cat", "two dogs", "", "a cat", "日本語", "the " * 500]


def encode(encoder: Any, texts: list[str] = TEXTS) -> Any:
    return encoder.encode(texts, role=Role.TEXT, task=TASK, batch_size=32)


# -- model2vec ---------------------------------------------------------------------------------------------------


@pytest.fixture
def static_model(tmp_path: Path) -> Path:
    """A tiny static model, saved as model2vec saves one."""
    pytest.importorskip("model2vec")
    from model2vec import StaticModel
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    words = ["[UNK]", "a", "cat", "dog", "two"]
    tokenizer = Tokenizer(WordLevel({word: row for row, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    vectors = np.random.default_rng(0).normal(size=(len(words), 6)).astype(np.float32)
    StaticModel(vectors, tokenizer, normalize=True).save_pretrained(tmp_path / "tiny")
    return tmp_path / "tiny"


def test_model2vec(static_model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    encoder = model2vec.load(str(static_model), {})
    assert encoder.name == "tiny"
    check_encoder(encoder)
    library = import_module("model2vec").StaticModel.from_pretrained(static_model)
    np.testing.assert_array_equal(encode(encoder, ["a cat", "two dog"]), library.encode(["a cat", "two dog"]))
    assert capfd.readouterr() == ("", "")


def test_model2vec_fingerprint(static_model: Path) -> None:
    prints = [
        model2vec.load(str(static_model), options).fingerprint
        for options in ({}, {"name": "other"}, {"dim": "3"}, {"max_length": "1"}, {"max_length": "0"})
    ]
    assert prints[0] == prints[1]
    assert len(set(prints)) == 4


def test_a_model_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("model2vec")
    monkeypatch.setattr(model2vec, "hub_reachable", lambda: False)
    with pytest.raises(EncoderError, match="no such model or cannot be reached"):
        model2vec.load("nobody/no-such-model", {})
    with pytest.raises(EncoderError, match="there is no such folder"):
        model2vec.load(str(tmp_path / "absent"), {})
    with pytest.raises(EncoderError, match="cannot load the folder"):
        model2vec.load(str(tmp_path), {})


def test_names_of_models(tmp_path: Path) -> None:
    assert hub.model_name("org/name") == "org/name"
    for name, expected in {
        "mine": "mine",
        "pack/model": "pack/model",
        "run/checkpoint-500": "run/checkpoint-500",
    }.items():
        (tmp_path / name).mkdir(parents=True)
        assert hub.model_name(str(tmp_path / name)) == expected


# -- precomputed -------------------------------------------------------------------------------------------------


@pytest.fixture
def vectors() -> Any:
    return np.random.default_rng(1).normal(size=(len(set(TEXTS)), 5)).astype(np.float32)


def _write_npz(path: Path, texts: list[str], vectors: Any) -> Path:
    keys = np.array([list(sha256(text.encode()).digest()) for text in texts], dtype=np.uint8)
    np.savez(path, sha256=keys, vectors=vectors)
    return path


def _write_parquet(path: Path, texts: list[str], vectors: Any, *, fixed: bool) -> Path:
    pyarrow = pytest.importorskip("pyarrow")
    values = pyarrow.array(np.asarray(vectors).ravel())
    dim = np.shape(vectors)[1]
    column = (
        pyarrow.FixedSizeListArray.from_arrays(values, dim)
        if fixed
        else pyarrow.ListArray.from_arrays(np.arange(0, len(values) + 1, dim, dtype=np.int32), values)
    )
    import_module("pyarrow.parquet").write_table(pyarrow.table({"text": texts, "vector": column, "more": texts}), path)
    return path


@pytest.mark.parametrize("kind", ["npz", "list", "fixed"])
def test_precomputed(kind: str, tmp_path: Path, vectors: Any) -> None:
    texts = list(dict.fromkeys(TEXTS))
    if kind == "npz":
        path = _write_npz(tmp_path / "tiny.npz", texts, vectors)
    else:
        path = _write_parquet(tmp_path / "tiny.parquet", texts, vectors, fixed=kind == "fixed")
    encoder = precomputed.load(str(path), {})
    assert encoder.name == "tiny"
    expected = vectors[[texts.index(text) for text in TEXTS]]
    np.testing.assert_array_equal(encode(encoder), expected)
    check_encoder(encoder, TEXTS)


def test_precomputed_missing_texts(tmp_path: Path, vectors: Any) -> None:
    encoder = precomputed.load(str(_write_npz(tmp_path / "v.npz", list(dict.fromkeys(TEXTS)), vectors)), {})
    with pytest.raises(EncoderError) as caught:
        encode(encoder, ["a cat", "x" * 200, "new"])
    assert caught.value.message == f"v has no vector for 2 of 3 texts, first for '{'x' * 57}...'."


def test_precomputed_fingerprint_and_options(tmp_path: Path, vectors: Any) -> None:
    path = _write_npz(tmp_path / "v.npz", list(dict.fromkeys(TEXTS)), vectors)
    plain = precomputed.load(str(path), {})
    named = precomputed.load(str(path), {"name": "minilm"})
    dot = precomputed.load(str(path), {"similarity": "dot"})
    assert named.name == "minilm"
    assert dot.similarity is Similarity.DOT
    assert plain.fingerprint == named.fingerprint != dot.fingerprint
    _write_npz(path, list(dict.fromkeys(TEXTS)), vectors + 1)
    assert precomputed.load(str(path), {}).fingerprint != plain.fingerprint


def test_precomputed_half_precision_becomes_float32(tmp_path: Path, vectors: Any) -> None:
    path = _write_npz(tmp_path / "v.npz", list(dict.fromkeys(TEXTS)), vectors.astype(np.float16))
    assert encode(precomputed.load(str(path), {})).dtype == np.float32


def test_precomputed_files_that_are_unfit(tmp_path: Path, vectors: Any) -> None:
    cases: dict[str, str] = {"absent.npz": "does not exist", "file.txt": "neither .npz nor .parquet"}
    (tmp_path / "noise.npz").write_bytes(b"noise")
    cases["noise.npz"] = "cannot be read"
    (tmp_path / "noise.parquet").write_bytes(b"noise")
    cases["noise.parquet"] = "cannot be read"
    np.savez(tmp_path / "other.npz", a=vectors)
    cases["other.npz"] = "has no array 'sha256'"
    np.savez(tmp_path / "keys.npz", sha256=np.zeros((5, 32)), vectors=vectors)
    cases["keys.npz"] = "not (n, 32) uint8"
    _write_npz(tmp_path / "short.npz", TEXTS[:2], vectors)
    cases["short.npz"] = "holds 2 texts and vectors of shape (5, 5)"
    _write_npz(tmp_path / "words.npz", TEXTS[:1], np.array([["a"]]))
    cases["words.npz"] = "which are no numbers"
    np.savez(tmp_path / "pickle.npz", sha256=np.array([object()]), vectors=vectors)
    cases["pickle.npz"] = "cannot be read"
    for name, expected in cases.items():
        with pytest.raises(EncoderError) as caught:
            precomputed.load(str(tmp_path / name), {})
        assert expected in caught.value.message, name


def test_precomputed_parquet_that_is_unfit(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = import_module("pyarrow.parquet")
    tables = {
        "has no column 'vector'": {"text": ["a"]},
        "of different lengths": {"text": ["a", "b"], "vector": [[1.0], [1.0, 2.0]]},
        "is no string": {"text": [None, "b"], "vector": [[1.0], [2.0]]},
    }
    for expected, columns in tables.items():
        parquet.write_table(pyarrow.table(columns), tmp_path / "t.parquet")
        with pytest.raises(EncoderError, match=expected):
            precomputed.load(str(tmp_path / "t.parquet"), {})


def test_precomputed_minilm(shared_data: Path) -> None:
    encoder = precomputed.load(str(shared_data / "minilm_vectors.npz"), {"name": "minilm"})
    lines = (shared_data / "tasks" / "STSBenchmark" / "test.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    vectors = encode(encoder, [row["sentence1"] for row in rows])
    assert vectors.shape == (len(rows), 384)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
