"""Encoder specs and fingerprints."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import EvalkitError
from evalkit.fingerprint import digest_file, digest_json, digest_parts, short
from evalkit.plugins import Plugins
from evalkit.spec import EXAMPLES, GRAMMAR, Spec, parse_pairs, parse_spec, without_secrets


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bm25", ("bm25", "", {})),
        ("hashing:dim=512", ("hashing", "dim=512", {})),
        ("bm25:k1=0.9,b=0.4", ("bm25", "k1=0.9,b=0.4", {})),
        ("bm25?stemmer=off", ("bm25", "", {"stemmer": "off"})),
        ("st:org/name?max_length=128&device=cpu", ("st", "org/name", {"max_length": "128", "device": "cpu"})),
        ("precomputed:dir/a b.npz?name=minilm", ("precomputed", "dir/a b.npz", {"name": "minilm"})),
        ("python:module:attr", ("python", "module:attr", {})),
        ("python:./x.py:attr?name=a", ("python", "./x.py:attr", {"name": "a"})),
        ("st:p?prompt.query=query: &dtype=float16", ("st", "p", {"prompt.query": "query: ", "dtype": "float16"})),
        ("st:p?prompt.STS=a%26b%7Cc%25=d?", ("st", "p", {"prompt.STS": "a&b|c%=d?"})),
        ("st:p?name=", ("st", "p", {"name": ""})),
        ("  bm25 ", ("bm25", "", {})),
    ],
)
def test_parts(text: str, expected: tuple[str, str, dict[str, str]]) -> None:
    spec = parse_spec(text)
    assert (spec.scheme, spec.argument, dict(spec.options)) == expected
    assert spec.text == text.strip()


@pytest.mark.parametrize(
    ("text", "expected", "at"),
    [
        ("", "the name of an encoder family", 1),
        (":x", "the name of an encoder family", 1),
        ("9x", "the name of an encoder family", 1),
        ("bm25 k1", "':' and an argument", 5),
        ("st:", "an argument after ':'", 4),
        ("st:?device=cpu", "an argument after ':'", 4),
        ("bm25?", "key=value", 6),
        ("st:path?device", "key=value", 9),
        ("st:path?device=cpu&", "key=value", 20),
        ("st:path?=cpu", "key=value", 9),
        ("st:path?a=1&a=2", "'a' only once", 13),
    ],
)
def test_errors_say_what_was_expected_and_where(text: str, expected: str, at: int) -> None:
    with pytest.raises(EvalkitError) as caught:
        parse_spec(text)
    assert expected in caught.value.message
    assert f"at character {at}," in caught.value.message
    assert caught.value.hint


def shown(spec: Spec) -> tuple[object, ...]:
    steps = [(step.scheme, step.argument, dict(step.options)) for step in spec.steps]
    return spec.scheme, spec.argument, dict(spec.options), steps


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bm25|truncate:8", ("bm25", "", {}, [("truncate", "8", {})])),
        ("st:a b | truncate:8 ", ("st", "a b", {}, [("truncate", "8", {})])),
        (
            "st:p?name=a b | quantize:binary?x=1 | rescore",
            ("st", "p", {"name": "a b"}, [("quantize", "binary", {"x": "1"}), ("rescore", "", {})]),
        ),
        ("st:p?prompt.query=query:%20 | normalize", ("st", "p", {"prompt.query": "query: "}, [("normalize", "", {})])),
        ("http:https://h:8/v1?model=x | pca:8", ("http", "https://h:8/v1", {"model": "x"}, [("pca", "8", {})])),
        # Signs of hybrids and rerankers mean nothing elsewhere.
        ("st:a + b * [c] > d", ("st", "a + b * [c] > d", {}, [])),
    ],
)
def test_steps(text: str, expected: tuple[object, ...]) -> None:
    spec = parse_spec(text)
    assert shown(spec) == expected
    assert spec.text == text.strip()
    for step in spec.steps:
        assert text[step.at :].startswith(step.text)


def test_a_hybrid() -> None:
    spec = parse_spec("hybrid:[st:A | truncate:8 * .4 + splade:B/c+d * 2e-1 + bm25]?fusion=rrf&k=60")
    assert (spec.scheme, dict(spec.options), spec.weights) == ("hybrid", {"fusion": "rrf", "k": "60"}, (0.4, 0.2, 1.0))


def test_parts_bind_as_the_grammar_says() -> None:
    hybrid = parse_spec("hybrid:[st:A | truncate:8 * .4 + rerank:bm25 > cross:P * .2 + hybrid:[x + y]?k=1 * 3]")
    assert [shown(part) for part in hybrid.parts] == [
        ("st", "A", {}, [("truncate", "8", {})]),
        ("rerank", "", {}, []),
        ("hybrid", "", {"k": "1"}, []),
    ]
    assert hybrid.weights == (0.4, 0.2, 3.0)
    assert [part.text for part in hybrid.parts[1].parts] == ["bm25", "cross:P"]
    loose = parse_spec("rerank:st:A | truncate:8 > st:B?name=b | pca:4")
    assert [shown(part) for part in loose.parts] == [
        ("st", "A", {}, [("truncate", "8", {})]),
        ("st", "B", {"name": "b"}, [("pca", "4", {})]),
    ]
    assert not loose.steps
    held = parse_spec("rerank:[st:A > st:B?name=b]?top_k=50 | pca:4")
    assert shown(held) == ("rerank", "", {"top_k": "50"}, [("pca", "4", {})])


@pytest.mark.parametrize(
    ("text", "expected", "at"),
    [
        ("st:p |", "the name of a transform", 7),
        ("st:p | 9x", "the name of a transform", 8),
        ("st:p | truncate:", "an argument after ':'", 17),
        ("st:p | truncate:8?x", "key=value", 19),
        ("hybrid:bm25", "'[' and the parts of the hybrid", 8),
        ("hybrid:[bm25]", "' + ' and another part", 13),
        ("hybrid:[bm25 * x + st:p]", "a weight", 16),
        ("hybrid:[bm25 * inf + st:p]", "a weight", 16),
        ("hybrid:[bm25 + st:p", "or ']'", 20),
        ("hybrid:[bm25 + 7]", "the name of an encoder family", 16),
        ("hybrid:[bm25 + st:p] x", "and a transform, or the end", 22),
        ("hybrid:[bm25 + st:p]?k", "key=value", 22),
        ("rerank:bm25", "' > ' and what reranks", 12),
        ("rerank:[bm25 > st:p", "']'", 20),
    ],
)
def test_errors_in_what_is_combined(text: str, expected: str, at: int) -> None:
    with pytest.raises(EvalkitError) as caught:
        parse_spec(text)
    assert expected in caught.value.message
    assert f"at character {at}," in caught.value.message
    written, mark, advice = caught.value.hint.split("\n")
    assert written == text
    assert mark == " " * (at - 1) + "^"
    assert "evalkit list encoders --spec" in advice


def test_an_error_points_at_its_part() -> None:
    plugins = Plugins.installed()
    with pytest.raises(EvalkitError, match="Unknown transform 'truncat'") as caught:
        plugins.check_spec("hybrid:[bm25 + hashing | truncat:8]")
    assert caught.value.hint.split("\n")[1].index("^") == "hybrid:[bm25 + hashing | truncat:8]".index("truncat")
    assert "truncate" in caught.value.hint
    with pytest.raises(EvalkitError) as caught:
        plugins.load_encoder("hashing | truncate:8 | quantize:int9")
    assert caught.value.hint.split("\n")[1].index("^") == "hashing | truncate:8 | quantize:int9".index("quantize")
    with pytest.raises(EvalkitError, match="Unknown encoder 'bm26'") as caught:
        plugins.check_spec("bm26")
    assert "^" not in caught.value.hint  # all of it is wrong: nothing to point at


def test_every_example_of_the_grammar_can_be_read() -> None:
    for text in EXAMPLES:
        Plugins.installed().check_spec(text)
    assert "hybrid:[" in GRAMMAR


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://me:pw@h/v1?model=x", "http://***@h/v1?model=x"),
        ("http:https://h/v1%3Fapi_key%3Dsk-1?model=x", "http:https://h/v1%3Fapi_key%3D***?model=x"),
        (
            "hybrid:[bm25 + http://h?model=x&token=abc | truncate:8]",
            "hybrid:[bm25 + http://h?model=x&token=*** | truncate:8]",
        ),
        ("http://h?model=x&key_env=MY_KEY", "http://h?model=x&key_env=MY_KEY"),
        ("st:user@host/name", "st:user@host/name"),
    ],
)
def test_secrets_are_not_shown(text: str, expected: str) -> None:
    assert without_secrets(text) == expected


def test_an_error_about_a_spec_with_a_secret_does_not_show_it() -> None:
    with pytest.raises(EvalkitError) as caught:
        parse_spec("http://me:hunter2@h?model=x | 9")
    assert "hunter2" not in str(caught.value)


SIGNS = st.text(alphabet=" |*+>[]?&=:ab.1%", max_size=30)


@given(st.sampled_from(["hybrid:[", "rerank:", "rerank:[", "st:p | ", ""]), SIGNS)
def test_any_signs_are_parsed_or_refused_at_a_place_that_is_there(start: str, rest: str) -> None:
    text = start + rest
    try:
        parse_spec(text)
    except EvalkitError as error:
        place = re.search(r"at character (\d+),", error.message)
        assert place
        assert 1 <= int(place[1]) <= len(text) + 1


def test_pairs() -> None:
    assert parse_pairs("k1=0.9,b=0.4", ",") == {"k1": "0.9", "b": "0.4"}
    with pytest.raises(EvalkitError, match="key=value at character 8"):
        parse_pairs("k1=0.9,b", ",")


def test_a_spec_is_frozen() -> None:
    spec = parse_spec("bm25?k1=1")
    with pytest.raises(AttributeError):
        spec.scheme = "st"  # type: ignore[misc]
    with pytest.raises(TypeError):
        spec.options["k1"] = "2"  # type: ignore[index]


@given(st.text(max_size=40))
def test_any_text_is_parsed_or_refused_with_a_sentence(text: str) -> None:
    try:
        spec = parse_spec(text)
    except EvalkitError as error:
        assert error.message.endswith(".")
        assert error.hint
    else:
        assert isinstance(spec, Spec)
        assert spec.scheme


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=4), JSON, max_size=5))
def test_the_order_of_keys_decides_nothing(value: dict[str, object]) -> None:
    assert digest_json(value) == digest_json(dict(reversed(value.items())))


def test_digest_json_is_canonical() -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", digest_json({"a": 1}))
    assert digest_json((1, 2)) == digest_json([1, 2])
    assert digest_json({"a": 1}) != digest_json({"a": "1"})
    with pytest.raises(ValueError, match="not JSON compliant"):
        digest_json(float("nan"))


def test_digest_json_never_changes() -> None:
    """A digest is kept in files: one that moved would orphan every stored result."""
    assert digest_json({"b": "ü", "a": [1, 2]}) == hashlib.sha256('{"a":[1,2],"b":"ü"}'.encode()).hexdigest()


def test_digest_parts_keeps_neighbours_apart() -> None:
    assert digest_parts("ab", "c") != digest_parts("a", "bc")
    assert digest_parts("a", b"b") == digest_parts("a", np.frombuffer(b"b", dtype=np.uint8))
    assert digest_parts() != digest_parts("")


def test_digest_file(tmp_path: Path) -> None:
    data = bytes(range(256)) * 9000
    (tmp_path / "f").write_bytes(data)
    assert digest_file(tmp_path / "f") == hashlib.sha256(data).hexdigest()
    assert short(digest_file(tmp_path / "f")) == hashlib.sha256(data).hexdigest()[:12]
