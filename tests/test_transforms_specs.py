"""What transforms are fitted on, and the errors of their specs and of vectors that do not fit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import is_a_sentence, jsonl
from transform_steps import SAMPLE, change, make

from evalkit.adapters.transforms.fitting import SIZE, Fit
from evalkit.errors import CellError, DataError, EncoderError, EvalkitError

# -- what they are fitted on -------------------------------------------------------------------------------------


def test_a_sample_depends_on_the_seed_and_not_on_order_or_copies() -> None:
    texts = [f"text {i}" for i in range(200)]
    fit = Fit(size=20)
    chosen = fit.sample(texts)
    assert len(set(chosen)) == 20
    assert fit.sample(texts[::-1] + texts) == chosen
    assert set(Fit(size=20, seed=1).sample(texts)) != set(chosen)
    assert set(Fit(size=40).sample(texts)) > set(chosen)
    assert sorted(Fit().sample(texts)) == sorted(texts)
    assert Fit().sample(texts) == Fit().sample(texts[::-1])
    # A larger set leaves those that it has in common where they were.
    assert len(set(fit.sample(texts + [f"more {i}" for i in range(20)])) & set(chosen)) > 10
    assert fit.sample(["half a pair \ud800"]) == ["half a pair \ud800"]


def test_texts_of_a_file_and_what_a_result_says_of_it(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "secret-folder" / "texts.jsonl", [{"text": "one", "label": 3}, {"text": "two"}])
    fit = make(f"pca:4,fit={path},fit_size=7,seed=3").fit
    assert fit.texts() == ["one", "two"]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert fit.record() == {"texts": {"file": "texts.jsonl", "sha256": digest}, "size": 7, "seed": 3}
    assert "secret-folder" not in json.dumps(make(f"whiten:fit={path}").parameters)
    plain = tmp_path / "texts.txt"
    plain.write_bytes("one\r\n\n two \nthr\u2028ee".encode())
    assert make("center", {"fit": str(plain)}).fit.texts() == ["one", " two ", "thr\u2028ee"]
    assert make("center").fit.record() == {"texts": "task", "size": SIZE, "seed": 0}
    assert make("center:fit=task").fit.path is None


def test_another_content_is_another_transform(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "texts.jsonl", [{"text": "one"}])
    before = make(f"center:fit={path}").parameters
    jsonl(path, [{"text": "two"}])
    assert make(f"center:fit={path}").parameters != before


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.jsonl", b'{"text": "x"}\n{"txt": "y"}\n', "a.jsonl:2: field 'text' is missing or no string."),
        ("a.jsonl", b'{"text": "x"}\n{"text": 5}\n', "a.jsonl:2: field 'text' is missing or no string."),
        ("a.jsonl", b"{\n", "a.jsonl:1: no valid JSON"),
        ("a.txt", b"one\n\xff\n", "a.txt:2: not UTF-8"),
        ("a.txt", b"\n \n", "a.txt holds no texts."),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, content: bytes, expected: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        make(f"center:fit={tmp_path / name}").fit.texts()
    assert expected in str(caught.value)
    assert is_a_sentence(str(caught.value))


# -- errors ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("truncate", "The truncate transform needs an argument. For example truncate:128."),
        ("truncate:lots", "The truncate transform's option dim='lots' is not a whole number."),
        ("truncate:0", "dim='0' is not a whole number from 1 to"),
        ("truncate:5,k=2", "The truncate transform has no option 'k'. It knows dim."),
        ("truncate:5,dim=6", "The truncate transform's option 'dim' is given twice."),
        ("normalize:5", "The normalize transform takes no argument '5'. It knows no options."),
        ("normalize:d=5", "The normalize transform has no option 'd'. It knows none."),
        ("center:64", "The center transform takes no argument '64'. It knows fit, fit_size, seed."),
        ("pca", "For example pca:64."),
        ("pca:64,fit_sise=5", "has no option 'fit_sise'. Did you mean fit_size?"),
        ("pca:64,fit=texts.csv", "option fit='texts.csv' is not the name of a .txt or .jsonl file."),
        ("pca:64,fit=nowhere.txt", "nowhere.txt does not exist. Correct fit= of pca, or leave it out."),
        ("project", "For example project:128."),
        ("project:8,fit=a.txt", "has no option 'fit'"),
        ("quantize", "For example quantize:int8 or quantize:binary."),
        ("quantize:int4", "option to='int4' is not one of int8, binary, ubinary."),
        ("quantize:int8,compare=bits", "compare='bits' is not one of values, codes."),
        ("quantize:binary,compare=codes", "The quantize:binary transform has no option 'compare'."),
        ("pq", "For example pq:48."),
        ("pq:48,bits=99", "bits='99' is not a whole number from 1 to 12."),
        ("topk", "For example topk:64."),
        ("layer", "For example layer:6."),
        ("layer:none", "layer='none' is not a whole number."),
        ("prompt", "For example prompt:off"),
        ("prompt:on", "mode='on' is not off by itself, or prompts by role"),
        ("prompt:off,query=a", "mode='off' is not off by itself"),
        ("prompt:queri=a", "has no option 'queri'. Did you mean query?"),
    ],
)
def test_a_wrong_spec_says_what_was_expected(step: str, expected: str) -> None:
    with pytest.raises(EvalkitError) as caught:
        make(step)
    assert expected in str(caught.value)
    assert is_a_sentence(str(caught.value))


@pytest.mark.parametrize(
    ("step", "n", "expected"),
    [
        ("truncate:13", 200, "truncate:13 asks for 13 dimensions of vectors that have 12. Ask for at most 12."),
        ("topk:13", 200, "topk:13 asks for 13 dimensions of vectors that have 12."),
        ("pca:13", 200, "pca:13 asks for 13 dimensions of vectors that have 12."),
        ("pca:8", 8, "pca:8 must be fitted on at least 9 different texts, and there are 8."),
        ("whiten", 1, "whiten must be fitted on at least 2 different texts, and there are 1."),
        ("whiten:8", 8, "whiten:8 must be fitted on at least 9 different texts"),
        ("center", 0, "center must be fitted on at least 1 different texts, and there are 0."),
        ("quantize:int8", 0, "quantize:int8 must be fitted on at least 1 different texts"),
        ("pq:5", 200, "pq:5 cannot cut vectors of 12 dimensions into 5 equal pieces. Choose one of 1, 2, 3, 4, 6, 12."),
        ("pq:4", 200, "pq with 8 bits must be fitted on at least 256 vectors, and there are 200. Take bits=7"),
    ],
)
def test_vectors_that_do_not_fit(step: str, n: int, expected: str) -> None:
    with pytest.raises(CellError) as caught:
        change(step, SAMPLE[:n])
    assert expected in str(caught.value)
    assert is_a_sentence(str(caught.value))


def test_vectors_that_do_not_vary() -> None:
    constant = np.ones((20, 4), dtype=np.float32)
    with pytest.raises(CellError, match="whiten was fitted on vectors that vary in 0 dimensions only"):
        change("whiten", constant)
    assert not change("pca:2", constant).any()


def test_the_encoder_itself_can_be_changed_only_where_it_says_how() -> None:
    class Plain:
        name = "plain"

    for step, what in (("layer:3", "layers"), ("prompt:off", "prompts")):
        with pytest.raises(EncoderError, match=f"plain has no {what} that") as caught:
            make(step).rebase(Plain())
        assert is_a_sentence(str(caught.value))
        with pytest.raises(EvalkitError, match="changes the encoder itself, not its vectors"):
            make(step).apply(None)


def test_the_encoder_is_told_what_to_change() -> None:
    class Able:
        name = "able"

        def with_layer(self, layer: int) -> Any:
            return ("layer", layer)

        def with_prompts(self, prompts: Mapping[str, str]) -> Any:
            return ("prompts", prompts)

    assert make("layer:3").rebase(Able()) == ("layer", 3)
    assert make("prompt:off").rebase(Able()) == ("prompts", {})
    said = {"query": "Question: ", "text": "Text: "}
    assert make("prompt:query=Question: ,document=,text=Text: ").rebase(Able()) == ("prompts", said)
    assert make("prompt:query=Question:%20,text=Text:%20").rebase(Able()) == ("prompts", said)
    assert make("prompt:query=a%2C b").rebase(Able()) == ("prompts", {"query": "a, b"})
    assert make("prompt", {"query": "a, 5%20"}).rebase(Able()) == ("prompts", {"query": "a, 5%20"})
