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
from evalkit.spec import Spec, parse_pairs, parse_spec


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


def test_transforms_are_refused_by_name() -> None:
    with pytest.raises(EvalkitError, match=r"no transforms \('\|' at character 8\)"):
        parse_spec("st:path| truncate:128")


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
