"""The encoder families that need no transformer: options, known answers, independence of batch and order."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Mapping
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evalkit.adapters import bm25, extras, hashing, model2vec, precomputed, random, wordllama
from evalkit.adapters.options import Options
from evalkit.errors import EncoderError, EvalkitError
from evalkit.protocols import Encoder, LexicalScorer, TaskInfo
from evalkit.testing import check_encoder
from evalkit.types import Role

TASK = TaskInfo("STSBenchmark", "STS")
TEXTS = ["a cat", "two dogs", "", "a cat", "日本語", "the " * 500]


def encode(encoder: Any, texts: list[str] = TEXTS, batch_size: int = 32) -> Any:
    return encoder.encode(texts, role=Role.TEXT, task=TASK, batch_size=batch_size)


# -- all ---------------------------------------------------------------------------------------------------------


def test_importing_the_adapters_imports_nothing_heavy(root: Path) -> None:
    names = "bm25 hashing random sentence_transformers model2vec precomputed wordllama python"
    code = (
        "import sys, importlib\n"
        f"for name in {names.split()!r}: assert callable(importlib.import_module('evalkit.adapters.' + name).load)\n"
        "heavy = 'torch transformers sentence_transformers sklearn scipy bm25s Stemmer model2vec wordllama pyarrow'\n"
        "assert not set(heavy.split()) & set(sys.modules), set(heavy.split()) & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True)


@pytest.mark.parametrize("name", ["bm25", "hashing", "random", "wordllama"])
def test_the_contract_is_kept(name: str) -> None:
    check_encoder(import_module(f"evalkit.adapters.{name}").load("", {}))


@pytest.mark.parametrize("name", ["bm25", "hashing", "random", "wordllama"])
def test_protocols(name: str) -> None:
    encoder = import_module(f"evalkit.adapters.{name}").load("", {})
    assert isinstance(encoder, LexicalScorer if name == "bm25" else Encoder)
    assert encoder.name == name
    assert len(encoder.fingerprint) == 64


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("bm25", {"k1": "0.9"}),
        ("bm25", {"stemmer": "off"}),
        ("bm25", {"stopwords": "off"}),
        ("bm25", {"method": "atire"}),
        ("hashing", {"dim": "64"}),
        ("hashing", {"words": "off"}),
        ("hashing", {"chars": "2-4"}),
        ("random", {"seed": "1"}),
        ("random", {"dim": "8"}),
        ("wordllama", {"dim": "64"}),
    ],
)
def test_every_option_changes_the_fingerprint_and_the_name(name: str, options: Mapping[str, str]) -> None:
    load = import_module(f"evalkit.adapters.{name}").load
    plain, chosen = load("", {}), load("", options)
    assert plain.fingerprint != chosen.fingerprint
    ((key, value),) = options.items()
    assert chosen.name == f"{name}-{key}={value}"
    assert load(f"{key}={value}", {}).fingerprint == chosen.fingerprint
    named = load("", {**options, "name": "mine"})
    assert (named.name, named.fingerprint) == ("mine", chosen.fingerprint)


# -- options -----------------------------------------------------------------------------------------------------


def test_unknown_option_is_one_sentence_with_the_nearest_name() -> None:
    with pytest.raises(EncoderError) as caught:
        hashing.load("dimm=3", {})
    assert str(caught.value) == (
        "The hashing encoder has no option 'dimm'. Did you mean dim? It knows chars, dim, name, words."
    )


@pytest.mark.parametrize(
    ("load", "argument", "expected"),
    [
        (bm25.load, "k1=x", "option k1='x' is not a number"),
        (bm25.load, "k1=-1", "is not a number from 0 to 1e+09"),
        (bm25.load, "k1=nan", "is not a number from"),
        (bm25.load, "b=1.5", "is not a number from 0 to 1"),
        (bm25.load, "stopwords=xx", "is not off or a language of bm25s"),
        (bm25.load, "stemmer=klingon", "is not one of off, arabic"),
        (bm25.load, "method=tfidf", "is not one of lucene, robertson"),
        (hashing.load, "dim=0", "is not a whole number from 1"),
        (hashing.load, "dim=1.5", "is not a whole number"),
        (hashing.load, "words=2-1", "is not off or a range"),
        (hashing.load, "words=off,chars=off", "is not a range when chars is off too"),
        (random.load, "seed=-1", "is not a whole number from 0"),
        (wordllama.load, "dim=65", "is not one of 64, 128, 256"),
        (precomputed.load, "", "needs an argument"),
        (model2vec.load, "", "needs an argument"),
    ],
)
def test_malformed_options(load: Any, argument: str, expected: str) -> None:
    with pytest.raises(EncoderError) as caught:
        load(argument, {})
    assert expected in caught.value.message
    assert caught.value.hint


def test_an_option_given_twice() -> None:
    with pytest.raises(EvalkitError, match="'k1' is given twice"):
        bm25.load("k1=1", {"k1": "2"})


def test_flags_and_families() -> None:
    options = Options("x", {"a": "Yes", "b": "0", "prompt.query": "q: "}, ("a", "b", "c", "prompt."))
    assert options.flag("a", False)
    assert not options.flag("b", True)
    assert options.flag("c", True)
    assert options.family("prompt.") == {"query": "q: "}
    with pytest.raises(EncoderError, match="is not true or false"):
        Options("x", {"a": "maybe"}, ("a",)).flag("a", False)
    with pytest.raises(EncoderError, match="is not some text"):
        Options("x", {"name": " "}, ()).name("n")
    with pytest.raises(EncoderError, match=r"has no option 'prompt\.'"):
        Options("x", {"prompt.": "q"}, ("prompt.",))


# -- missing extras ----------------------------------------------------------------------------------------------


def test_a_missing_extra_is_one_sentence() -> None:
    with pytest.raises(EncoderError) as caught:
        extras.require("sentence_transformers_missing_here", extra="sentence-transformers", scheme="st")
    assert caught.value.hint == "Run: pip install 'evalkit-embeddings[sentence-transformers]'"
    assert caught.value.message.endswith("which is not installed.")


def test_a_broken_library_is_not_called_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_library.py").write_text("import a_dependency_that_is_missing")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(EncoderError, match="is installed but cannot be imported: No module named 'a_dependency"):
        extras.require("broken_library", extra="x", scheme="st")


@pytest.mark.parametrize(
    ("name", "argument", "library", "extra"),
    [
        ("wordllama", "", "wordllama", "demo"),
        ("model2vec", "x", "model2vec", "model2vec"),
        ("sentence_transformers", "x", "sentence_transformers", "sentence-transformers"),
    ],
)
def test_each_family_names_its_extra(
    name: str, argument: str, library: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(module: str) -> Any:
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    adapter = import_module(f"evalkit.adapters.{name}")
    monkeypatch.setattr("importlib.import_module", missing)
    with pytest.raises(EncoderError) as caught:
        adapter.load(argument, {})
    assert library.replace("_", "-") in caught.value.message
    assert f"[{extra}]" in caught.value.hint


# -- bm25 --------------------------------------------------------------------------------------------------------


def test_bm25_is_bm25s_to_the_bit() -> None:
    generator = np.random.default_rng(0)
    words = [f"word{n}" for n in range(60)]
    corpus = [" ".join(generator.choice(words, size=generator.integers(0, 30))) for _ in range(200)]
    queries = [" ".join(generator.choice([*words, "unknown"], size=6)) for _ in range(40)]
    for method in bm25.METHODS:
        scorer = bm25.load("", {"method": method})
        index = scorer.index(corpus)
        scores = index.scores(queries)
        model: Any = index._model
        for row, tokens in zip(scores, scorer.tokens(queries), strict=True):
            np.testing.assert_array_equal(row, model.get_scores(tokens))


def test_bm25_without_terms() -> None:
    scorer = bm25.load("", {})
    assert scorer.index([]).scores(["cat"]).shape == (1, 0)
    assert scorer.index(["", "the of"]).scores(["cat", ""]).tolist() == [[0, 0], [0, 0]]
    scores = scorer.index(["cats", "", "dog"]).scores(["", "the", "unseen", "cat"])
    assert scores.shape == (4, 3)
    assert scores.dtype == np.float32
    assert not scores[:3].any()
    assert (scores[3] > 0).tolist() == [True, False, False]
    assert scorer.index(["cat"]).scores([]).shape == (0, 1)


def test_bm25_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    bm25.load("", {}).index(["a cat", "a dog"]).scores(["cat"])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("task", ["SciFact", "LIMITSmallRetrieval"])
@pytest.mark.parametrize("parameters", [(1.2, 0.75), (0.9, 0.4)])
def test_bm25_reproduces_the_reference(task: str, parameters: tuple[float, float], shared_data: Path) -> None:
    """bm25s 0.3.16, `reference/bm25.json`: stop words en, Snowball stemmer."""
    k1, b = parameters
    rows = json.loads((shared_data / "reference" / "bm25.json").read_text())
    wanted = {"task": task, "k1": k1, "b": b, "stopwords": "en", "stemmer": "english"}
    (reference,) = [row for row in rows if wanted.items() <= row.items()]
    measured = _retrieval_scores(shared_data / "tasks" / task, bm25.load(f"k1={k1},b={b}", {}))
    for metric, value in measured.items():
        assert value == pytest.approx(reference[metric], abs=6e-6), metric


def _retrieval_scores(folder: Path, scorer: bm25.BM25) -> dict[str, float]:
    """Recall and nDCG the plain way, ties by document id descending: an oracle apart from `evalkit.metrics`."""
    corpus = {row["_id"]: f"{row.get('title', '')} {row['text']}".strip() for row in _jsonl(folder / "corpus.jsonl")}
    queries = {row["_id"]: row["text"] for row in _jsonl(folder / "queries.jsonl")}
    qrels: dict[str, dict[str, int]] = {}
    for line in (folder / "qrels" / "test.tsv").read_text().splitlines()[1:]:
        query, document, grade = line.split("\t")
        qrels.setdefault(query, {})[document] = int(grade)
    names = np.array(list(corpus))
    scores = scorer.index(list(corpus.values())).scores([queries[query] for query in qrels])
    by_id = np.argsort(names)[::-1]
    values: dict[str, list[float]] = {}
    discount = 1 / np.log2(np.arange(2, 12))
    for row, judged in zip(scores, qrels.values(), strict=True):
        top = names[by_id[np.argsort(-row[by_id], kind="stable")[:20]]]
        gains = np.array([judged.get(name, 0) for name in top])
        for k in (2, 10, 20):
            values.setdefault(f"recall@{k}", []).append((gains[:k] > 0).sum() / sum(g > 0 for g in judged.values()))
        ideal = np.sort(list(judged.values()))[::-1][:10]
        values.setdefault("ndcg@10", []).append((gains[:10] @ discount) / (ideal @ discount[: len(ideal)]))
    return {metric: float(np.mean(column)) for metric, column in values.items()}


def _jsonl(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


# -- hashing and random ------------------------------------------------------------------------------------------


def test_hashing_vectors_have_length_one_and_see_overlap() -> None:
    vectors = encode(hashing.load("", {}), ["a small cat sat", "a small cat sits", "quarterly revenue", ""])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1, 0], abs=1e-6)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.3
    assert (vectors < 0).any()


def test_hashing_never_changes() -> None:
    """Stored results name this fingerprint: other vectors need another one (raise the version in it)."""
    encoder = hashing.load("", {})
    assert encoder.fingerprint[:12] == "6a12f000d71e"
    assert sha256((encode(encoder, ["The cat sat."]) * 1e4).round().astype("<i4").tobytes()).hexdigest()[:12] == (
        "109872595535"
    )


def test_random_never_changes() -> None:
    encoder = random.load("", {})
    assert encoder.fingerprint[:12] == "dc5288c31dcb"
    assert sha256((encode(encoder, ["The cat sat."]) * 1e4).round().astype("<i4").tobytes()).hexdigest()[:12] == (
        "cdb4fc058c00"
    )


def test_random_is_gaussian_and_its_texts_are_independent() -> None:
    vectors = encode(random.load("dim=200", {}), [f"text {n}" for n in range(500)]).astype(np.float64)
    assert vectors.mean() == pytest.approx(0, abs=0.01)
    assert vectors.std() == pytest.approx(1, abs=0.01)
    assert (vectors**4).mean() == pytest.approx(3, abs=0.1)
    correlation = np.corrcoef(vectors) - np.eye(len(vectors))
    assert np.abs(correlation).max() < 6 / np.sqrt(200)


def test_random_seed_gives_other_vectors() -> None:
    one, two = (encode(random.load(f"seed={seed}", {}), ["a"])[0] for seed in (1, 2))
    assert abs(float(np.corrcoef(one, two)[0, 1])) < 0.5


def test_random_does_not_depend_on_chunks() -> None:
    texts = [str(n) for n in range(random.CHUNK + 5)]
    encoder = random.load("dim=4", {})
    np.testing.assert_array_equal(encode(encoder, texts)[-3:], encode(encoder, texts[-3:]))


# -- wordllama ---------------------------------------------------------------------------------------------------


def test_wordllama_does_not_depend_on_neighbours() -> None:
    encoder = wordllama.load("", {})
    together = encode(encoder, TEXTS, batch_size=64)
    alone = np.concatenate([encode(encoder, [text]) for text in TEXTS])
    np.testing.assert_array_equal(together, alone)
    assert not together[2].any()


def test_wordllama_leaves_the_root_logger_alone(root: Path) -> None:
    code = (
        "import logging\n"
        "from evalkit.adapters import wordllama\n"
        "wordllama.load('', {})\n"
        "assert not logging.getLogger().handlers and logging.getLogger().level == logging.WARNING\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True)


def test_wordllama_knows_what_sentences_mean() -> None:
    vectors = encode(wordllama.load("", {}), ["a kitten sleeps", "the cat naps", "interest rates rose"])
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    assert unit[0] @ unit[1] > unit[0] @ unit[2]


def test_root_logger_is_restored() -> None:
    root_logger = logging.getLogger()
    handlers, level = list(root_logger.handlers), root_logger.level
    with extras.root_logger_untouched():
        root_logger.addHandler(logging.NullHandler())
        root_logger.setLevel(1)
    assert (root_logger.handlers, root_logger.level) == (handlers, level)
