"""`http:`: what a server may answer and what comes of it; each answer is checked, and a wrong one is one sentence."""

from __future__ import annotations

import gzip
import json
import logging
from typing import Any

import helpers
import numpy as np
import pytest
from http_server import KEY, PAGE, TEXTS, EmbeddingServer, Reply, Request, Setup, failing, items, refused, said
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.adapters.http.answer import read_answer
from evalkit.adapters.http.trouble import FailedRequestError

# -- troubles that stay ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (refused(401, "who are you"), "answered 401 Unauthorized (who are you)."),
        (refused(403), "answered 403 Forbidden (no)."),
        (refused(404, "no such model"), "answered 404 Not Found (no such model)."),
        (refused(400, "no\n\n  field"), "answered 400 Bad Request (no field)."),
        (Reply(400, b'{"detail": [{"msg": "first"}, {"msg": "second"}]}'), "(first; second)."),
        (Reply(404, b"<html>nginx</html>"), "answered 404 Not Found (a web page)."),
        (Reply(400, b"x" * 5000), f"({'x' * 197}...)."),
        (Reply(418, b""), "answered 418 I'm a Teapot."),
    ],
)
def test_what_the_server_refuses_is_not_asked_again(reply: Reply, words: str) -> None:
    error, requests, setup = failing(lambda request: reply)
    assert len(requests) == 1
    assert setup.waits == []
    assert words in error.message


def test_a_redirect_is_not_followed() -> None:
    with EmbeddingServer() as other:
        reply = Reply(307, headers={"Location": f"{other.url}/embeddings?code=secret"})
        error, requests, _ = failing(lambda request: reply, key=KEY)
    assert len(requests) == 1
    assert other.requests == []
    assert f"answered 307 Temporary Redirect to {other.url}/embeddings." in error.message


WRONG = {
    "too few": (said(items([[1.0]])), "sent 1 vectors for 2 texts"),
    "too many": (said(items([[1.0]] * 3)), "sent 3 vectors for 2 texts"),
    "repeated": (said([{"index": 1, "embedding": [1.0]}] * 2), "sent two vectors with index 1"),
    "beyond": (said([{"index": n, "embedding": [1.0]} for n in (0, 2)]), "sent a vector with index 2 for 2 texts"),
    "negative": (said([{"index": n, "embedding": [1.0]} for n in (0, -1)]), "index -1"),
    "a fraction": (said([{"index": n, "embedding": [1.0]} for n in (0, 1.0)]), "index 1.0"),
    "true": (said([{"index": n, "embedding": [1.0]} for n in (0, True)]), "index True"),
    "infinite": (said(items([[1.0], [1e39]])), "sent NaN or infinite values"),
    "Infinity": (Reply(body=b'{"data": [{"embedding": [Infinity]}, {"embedding": [1]}]}'), "NaN or infinite"),
    "beyond doubles": (Reply(body=b'{"data": [{"embedding": [1e999]}, {"embedding": [1]}]}'), "NaN or infinite"),
    "null": (said([{"embedding": [1.0]}, {"embedding": [None]}]), "no list of numbers"),
    "all null": (said([{"embedding": [1.0]}, {"embedding": None}]), "no list of numbers"),
    "words": (said([{"embedding": [1.0]}, {"embedding": ["1.0"]}]), "no list of numbers"),
    "flags": (said([{"embedding": [1.0]}, {"embedding": [True]}]), "no list of numbers"),
    "tokens": (said([{"embedding": [1.0]}, {"embedding": [[1.0], [2.0]]}]), "no list of numbers"),
    "ragged": (said([{"embedding": [1.0]}, {"embedding": [[1.0], [2.0, 3.0]]}]), "no list of numbers"),
    "empty": (said([{"embedding": [1.0]}, {"embedding": []}]), "no list of numbers"),
    "huge": (said([{"embedding": [1.0]}, {"embedding": [10**400]}]), "no list of numbers"),
    "base64 cut": (said([{"embedding": [1.0]}, {"embedding": "AAAA"}]), "no base64 of float32 values"),
    "no base64": (said([{"embedding": [1.0]}, {"embedding": "ä"}]), "no base64 of float32 values"),
    "no data": (Reply(body=b'{"vectors": []}'), "holds no list of embeddings"),
    "no records": (said([1, 2]), "holds no embeddings"),
    "a list": (Reply(body=b"[]"), "holds no list of embeddings"),
    "nothing": (Reply(), "sent no JSON"),
    "half": (Reply(body=b'{"data"'), "sent no JSON"),
    "deep": (Reply(body=b"[" * 100_000), "sent no JSON"),
    "no text": (Reply(body=b"\xff\xfe\xfa"), "sent no JSON"),
    "web page": (PAGE, "sent no JSON but a web page"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_is_a_sentence(name: str) -> None:
    reply, words = WRONG[name]
    error, requests, _ = failing(lambda request: reply, ["cat", "dog"])
    assert words in error.message
    assert len(requests) == 4


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["index", "embedding"]), inner),
        max_leaves=8,
    )
)
def test_whatever_a_server_sends_is_vectors_or_a_trouble(data: Any) -> None:
    try:
        answer = read_answer(json.dumps({"data": data}).encode(), 2)
    except FailedRequestError:
        return
    assert answer.vectors.shape[0] == 2
    assert np.isfinite(answer.vectors).all()


def test_lengths_must_agree_within_an_answer_and_between_answers() -> None:
    error, requests, _ = failing(lambda request: said(items([[1.0], [1.0, 2.0]])), ["cat", "dog"])
    assert "sent vectors of lengths 1 and 2 in one answer" in error.message
    assert len(requests) == 1

    def shorter(request: Request) -> Reply | None:
        return said(items([[1.0] * 8] * 8)) if request.number == 2 else None

    error, requests, _ = failing(shorter, TEXTS)
    assert "sent vectors of length 8 after vectors of length 16" in error.message
    assert len(requests) == 3


def test_other_dimensions_than_asked_for() -> None:
    error, _, _ = failing(lambda request: None, dimensions=4)
    assert "sent vectors of length 16 where dimensions asked for 4" in error.message


def test_an_answer_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    from evalkit.adapters.http import endpoint as module

    monkeypatch.setattr(module, "MOST_BYTES", 1 << 10)
    bomb = Reply(body=gzip.compress(b" " * (1 << 20)), headers={"Content-Encoding": "gzip"})
    error, requests, _ = failing(lambda request: bomb, ["cat"])
    assert "sent more than 0 MiB for 1 texts" in error.message
    assert len(requests) == 1


# -- notes -------------------------------------------------------------------------------------------------------


def test_notes() -> None:
    with EmbeddingServer(model="m-2024") as server:
        setup = Setup(server)
        [weights] = setup.encoder.notes
        assert "cannot be verified" in weights
        assert "revision=" in weights
        setup.encode()
        assert setup.encoder.notes[1] == "The server was asked for 'm' and answered as 'm-2024'."
    with EmbeddingServer() as server:
        setup = Setup(server, revision="2024-05")
        setup.encode()
        assert setup.encoder.notes == ()
    assert all(map(helpers.is_a_sentence, [weights]))


# -- the key -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quoted", [KEY, f"Bearer {KEY}", f"{KEY[:8]}*****{KEY[-4:]}", f"'...{KEY[-4:]}'"])
def test_a_server_that_quotes_the_key_is_not_repeated(quoted: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    reply = refused(401, f"Incorrect API key provided: {quoted}.", X_Echo=f"Bearer {KEY}", Location=KEY)
    error, requests, setup = failing(lambda request: reply, key=KEY)
    assert requests[0].headers["authorization"] == f"Bearer {KEY}"
    everything = f"{error!r} {error} {error.hint} {setup.encoder!r} {vars(setup.encoder)} {caplog.text}"
    assert "receive_response_headers.complete" in caplog.text
    assert KEY not in everything
    assert KEY[:5] not in everything
    assert KEY[-4:] not in everything
    assert "Incorrect API key provided: " in error.message


def test_a_server_that_calls_its_model_by_the_key() -> None:
    with EmbeddingServer(model=f"model of {KEY}") as server:
        setup = Setup(server, KEY)
        setup.encode()
    assert KEY not in str(setup.encoder.notes)


def test_a_short_key_hides_itself_and_not_its_letters() -> None:
    error, _, _ = failing(lambda request: refused(401, "no key EMPTY, EMPTYING"), key="EMPTY")
    assert "(no key [key], EMPTYING)" in error.message
