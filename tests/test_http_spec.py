"""`http:` specs: the address, the options, who the encoder is, and where its key comes from."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import helpers
import pytest
from http_server import KEY, TASK

import evalkit
from evalkit.adapters.http import load, load_https
from evalkit.adapters.http.address import endpoint
from evalkit.adapters.http.key import Key, find_key
from evalkit.errors import EncoderError
from evalkit.types import Role, Similarity

URL = "http://localhost:8000/v1"
OPENAI = "https://api.openai.com/v1/embeddings"


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("EVALKIT_HTTP_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def refused(argument: str = URL, **options: str) -> str:
    with pytest.raises(EncoderError) as caught:
        load(argument, {"model": "m", **{key.replace("__", "."): value for key, value in options.items()}})
    assert helpers.is_a_sentence(str(caught.value))
    return str(caught.value)


# -- the address -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argument", "url"),
    [
        ("https://api.openai.com/v1", OPENAI),
        ("https://api.openai.com/v1/", OPENAI),
        ("https://api.openai.com/v1/embeddings", OPENAI),
        ("https://API.OpenAI.com:443/v1", OPENAI),
        ("HTTPS://api.openai.com/v1", OPENAI),
        ("http://localhost:8000", "http://localhost:8000/embeddings"),
        ("http://localhost:80/v1", "http://localhost/v1/embeddings"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1/embeddings"),
        ("https://h/deploy/embeddings%3Fapi-version=2024-10-21", "https://h/deploy/embeddings?api-version=2024-10-21"),
        ("https://h/v1?a=1&b=2", "https://h/v1/embeddings?a=1&b=2"),
        ("https://h/v1%3fa=1%26b=2", "https://h/v1/embeddings?a=1&b=2"),
    ],
)
def test_addresses(argument: str, url: str) -> None:
    assert endpoint(argument) == url


@pytest.mark.parametrize(
    "argument",
    [
        "localhost:8000",
        "ftp://h/v1",
        "http://",
        "http:///v1",
        "http://h:x/v1",
        "http://h:0",
        "http://h/ v",
        "h",
        "//#x",
    ],
)
def test_what_is_no_address(argument: str) -> None:
    assert "is no URL of a server" in refused(argument)


@pytest.mark.parametrize(
    "argument",
    [
        f"https://user:{KEY}@h/v1",
        f"https://{KEY}@h/v1",
        f"https://h/v1%3Fapi_key={KEY}",
        f"https://h/v1%3Fsubscription-key={KEY}",
        f"https://h/v1%3Fx={KEY}",
        f"https://h/v1%3Faccess_token%3D{KEY}%26sig={KEY}",
    ],
)
def test_an_address_with_a_secret_is_refused_and_not_repeated(argument: str) -> None:
    said = refused(argument)
    assert "EVALKIT_HTTP_KEY" in said
    assert KEY[:5] not in said


@pytest.mark.parametrize(
    "options",
    [{"api_key": KEY}, {"key": KEY}, {"token": "x"}, {"field__api_key": "x"}, {"field__user": KEY}, {"revision": KEY}],
)
def test_an_option_with_a_secret_is_refused_and_not_repeated(
    options: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVALKIT_HTTP_KEY", KEY)
    said = refused(**options)
    assert "takes no key in its spec" in said
    assert KEY[:5] not in said


def test_names_that_speak_of_tokens_are_no_secrets() -> None:
    options = {"model": "m", "field.truncate_prompt_tokens": "512", "field.max_tokens": "3"}
    assert load(URL, options).settings.fields == {"": {"truncate_prompt_tokens": 512, "max_tokens": 3}}


# -- the options -------------------------------------------------------------------------------------------------


def test_every_option() -> None:
    encoder = load(
        URL,
        {
            "model": "text-m",
            "name": "mine",
            "dimensions": "256",
            "prompt.query": "query: ",
            "prompt.SciFact": "",
            "field.truncate": "true",
            "field.query.input_type": "query",
            "field.text.n": "2",
            "field.query_kind": '"1"',
            "empty": " ",
            "revision": "r1",
            "similarity": "dot",
            "encoding": "base64",
            "batch": "7",
            "concurrency": "2",
            "retries": "0",
            "timeout": "1.5",
        },
    )
    chosen = encoder.settings
    assert (encoder.name, encoder.similarity) == ("mine", Similarity.DOT)
    assert chosen.prompts == {"query": "query: ", "SciFact": ""}
    assert chosen.fields_of(Role.QUERY) == {"truncate": True, "query_kind": "1", "input_type": "query"}
    assert chosen.fields_of(Role.TEXT) == {"truncate": True, "query_kind": "1", "n": 2}
    assert (chosen.dimensions, chosen.empty, chosen.revision, chosen.encoding) == (256, " ", "r1", "base64")
    assert (chosen.batch, chosen.concurrency, chosen.retries, chosen.timeout) == (7, 2, 0, 1.5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"modell": "m"}, "no option 'modell'"),
        ({"model": " "}, "model=' ' is not some text"),
        ({"dimensions": "0"}, "dimensions='0' is not a whole number"),
        ({"concurrency": "0"}, "concurrency='0' is not"),
        ({"retries": "-1"}, "retries='-1' is not"),
        ({"timeout": "0"}, "timeout='0' is not"),
        ({"encoding": "int8"}, "encoding='int8' is not"),
        ({"similarity": "maxsim"}, "similarity='maxsim' is not"),
        ({"field__model": "x"}, "model is an option of its own"),
        ({"field__query__encoding_format": "x"}, "encoding is an option of its own"),
        ({"field__input": "x"}, "is not a further field"),
        ({"key_header": "X Key: a"}, "is not the name of a header"),
    ],
)
def test_wrong_options(options: dict[str, str], words: str) -> None:
    assert words in refused(**options)


def test_a_model_must_be_named() -> None:
    with pytest.raises(EncoderError, match="needs the model's name"):
        load(URL, {})
    with pytest.raises(EncoderError, match="needs an argument"):
        load("", {"model": "m"})


@pytest.mark.parametrize(
    ("spec", "url"),
    [
        ("http:https://host/v1?model=x", "https://host/v1/embeddings"),
        ("http:http://localhost:8000/v1?model=x", "http://localhost:8000/v1/embeddings"),
        ("http://localhost:8000/v1?model=x", "http://localhost:8000/v1/embeddings"),
        ("https://host/v1?model=x", "https://host/v1/embeddings"),
        ("https://host/v1%3Fa=1?model=x", "https://host/v1/embeddings?a=1"),
        ("http:https://host/v1?model=x&prompt.query=a%26b: ", "https://host/v1/embeddings"),
    ],
)
def test_specs(spec: str, url: str) -> None:
    encoder: Any = evalkit.load_encoder(spec)
    assert encoder.settings.url == url
    assert encoder.settings.model == encoder.name == "x"


def test_a_missing_library_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with pytest.raises(EncoderError) as caught:
        load(URL, {"model": "m"})
    assert caught.value.message == "The http encoder needs httpx2, which is not installed."
    assert caught.value.hint == "Run: pip install 'evalkit-embeddings[http]'"


# -- who it is ---------------------------------------------------------------------------------------------------


def fingerprint(argument: str = URL, **options: str) -> str | None:
    return load(
        argument, {"model": "m", **{key.replace("__", "."): value for key, value in options.items()}}
    ).fingerprint


def test_what_decides_the_vectors_decides_the_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    different = [
        {},
        {"argument": "http://localhost:8001/v1"},
        {"model": "n"},
        {"dimensions": "8"},
        {"prompt__query": "q"},
        {"prompt__document": "q"},
        {"field__a": "1"},
        {"field__query__a": "1"},
        {"field__a": '"1"'},
        {"empty": " "},
        {"revision": "2"},
        {"similarity": "dot"},
    ]
    assert len({fingerprint(**options) for options in different}) == len(different)
    monkeypatch.setenv("EVALKIT_HTTP_KEY", KEY)
    same = [
        {},
        {"argument": f"{URL}/embeddings"},
        {"argument": "http://LOCALHOST:8000/v1/"},
        {"name": "other"},
        {"batch": "3"},
        {"concurrency": "3"},
        {"retries": "3"},
        {"timeout": "3"},
        {"encoding": "base64"},
        {"key_env": "EVALKIT_HTTP_KEY"},
        {"key_header": "api-key"},
    ]
    assert len({fingerprint(**options) for options in same}) == 1


def test_prompts_go_by_the_rules_of_st() -> None:
    encoder = load(URL, {"model": "m", "prompt.query": "q: ", "prompt.SciFact-query": "s: ", "prompt.STS": "t: "})
    assert encoder.variant(Role.QUERY, TASK) == '["s: ", {}]'
    assert encoder.variant(Role.DOCUMENT, TASK) == '["", {}]'
    bare = encoder.with_prompts({})
    assert bare.variant(Role.QUERY, TASK) == '["", {}]'
    assert bare.fingerprint == load(URL, {"model": "m"}).fingerprint


# -- the key -----------------------------------------------------------------------------------------------------

BEARER = {"Authorization": f"Bearer {KEY}"}


@pytest.mark.parametrize(
    ("url", "named", "variables", "headers"),
    [
        (OPENAI, "", {}, {}),
        (OPENAI, "", {"OPENAI_API_KEY": KEY}, BEARER),
        (OPENAI, "", {"OPENAI_API_KEY": "a" * 20, "EVALKIT_HTTP_KEY": KEY}, BEARER),
        (OPENAI, "", {"OPENAI_API_KEY": f" {KEY}\n"}, BEARER),
        ("https://elsewhere.com/v1", "", {"OPENAI_API_KEY": KEY}, {}),
        ("https://api.openai.com.elsewhere.com/v1", "", {"OPENAI_API_KEY": KEY}, {}),
        ("https://notopenai.com/v1", "", {"OPENAI_API_KEY": KEY}, {}),
        ("http://api.openai.com/v1", "", {"OPENAI_API_KEY": KEY}, {}),
        ("https://elsewhere.com/v1", "", {"EVALKIT_HTTP_KEY": KEY}, BEARER),
        ("https://elsewhere.com/v1", "OPENAI_API_KEY", {"OPENAI_API_KEY": KEY}, BEARER),
        ("https://elsewhere.com/v1", "MINE", {"MINE": KEY, "EVALKIT_HTTP_KEY": "b" * 20}, BEARER),
    ],
)
def test_no_server_gets_a_key_that_was_not_meant_for_it(
    url: str, named: str, variables: dict[str, str], headers: dict[str, str]
) -> None:
    assert find_key(url, named, "authorization", variables).headers() == headers


def test_another_header_carries_the_key_as_it_is() -> None:
    assert find_key(OPENAI, "", "api-key", {"OPENAI_API_KEY": KEY}).headers() == {"api-key": KEY}


@pytest.mark.parametrize(
    ("named", "value", "words"),
    [
        (KEY, "", "is not the name of an environment variable"),
        ("MINE", "", "The environment variable MINE holds no key."),
        ("MINE", "two words", "characters that no key has"),
        ("MINE", "line\nbreak", "characters that no key has"),
        ("MINE", "schlüssel", "characters that no key has"),
    ],
)
def test_unusable_keys(named: str, value: str, words: str) -> None:
    with pytest.raises(EncoderError) as caught:
        find_key(OPENAI, named, "Authorization", {"MINE": value})
    assert words in caught.value.message
    assert KEY[:5] not in str(caught.value)
    assert not value or value not in str(caught.value)


def test_a_key_does_not_show_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALKIT_HTTP_KEY", KEY)
    assert repr(Key(KEY)) == "Key([key])"
    assert KEY not in repr(vars(load_https("//h/v1", {"model": "m"})))


def test_the_library_is_imported_only_where_it_is_used() -> None:
    code = "import evalkit.adapters.http, sys; sys.exit('httpx2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
