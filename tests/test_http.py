"""`http:` against a real server on this machine that misbehaves on purpose; nobody waits but for a time-out."""

from __future__ import annotations

import base64
import gzip
import json
import threading
import time
from email.utils import formatdate
from typing import Any

import helpers
import numpy as np
import pytest
from http_server import (
    KEY,
    PAGE,
    TEXTS,
    EmbeddingServer,
    Reply,
    Request,
    Setup,
    expected,
    failing,
    items,
    once,
    refused,
    said,
)
from hypothesis import given
from hypothesis import strategies as st

from evalkit.adapters.http.patience import FIRST, LONGEST, Patience
from evalkit.adapters.http.pool import side_by_side
from evalkit.errors import EncoderError
from evalkit.testing import check_encoder
from evalkit.types import Role

# -- a healthy server --------------------------------------------------------------------------------------------


def test_a_healthy_server_keeps_the_contract() -> None:
    with EmbeddingServer() as server:
        check_encoder(Setup(server, concurrency=3, batch=2, prompts={"query": "q: "}).encoder)


def test_what_is_sent() -> None:
    with EmbeddingServer() as server:
        fields = {"": {"truncate": True, "input_type": "none"}, "query": {"input_type": "query"}}
        setup = Setup(server, KEY, dimensions=16, encoding="float", fields=fields, prompts={"Retrieval": "find: "})
        setup.encode(["cat", "dog", "cat"], Role.QUERY)
        setup.encode(["cat"], Role.DOCUMENT)
    first, second = server.requests
    assert first.path == "/v1/embeddings"
    assert first.headers["authorization"] == f"Bearer {KEY}"
    assert first.body == {
        "model": "m",
        "input": ["find: cat", "find: dog"],
        "dimensions": 16,
        "encoding_format": "float",
        "truncate": True,
        "input_type": "query",
    }
    assert second.body["input_type"] == "none"


def test_nothing_is_sent_that_was_not_asked_for() -> None:
    with EmbeddingServer() as server:
        Setup(server).encode(["cat"])
    assert server.requests[0].body == {"model": "m", "input": ["cat"]}
    assert "authorization" not in server.requests[0].headers


@pytest.mark.parametrize(("options", "sizes"), [({}, [8] * 5), ({"batch": 15}, [15, 15, 10])])
def test_batches(options: dict[str, Any], sizes: list[int]) -> None:
    with EmbeddingServer() as server:
        assert np.array_equal(Setup(server, **options).encode(), expected())
    assert [len(request.texts) for request in server.requests] == sizes


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_as_many_requests_at_once_as_allowed_and_never_more(limit: int) -> None:
    together = threading.Barrier(limit, timeout=20)

    def wait(request: Request) -> None:
        together.wait()

    with EmbeddingServer(wait) as server:
        vectors = Setup(server, concurrency=limit).encode([f"{number}" for number in range(80)], batch_size=4)
    assert server.most_at_once == limit
    assert len(server.requests) == 20
    assert np.array_equal(vectors, expected([f"{number}" for number in range(80)]))


def test_two_calls_at_once_share_the_limit() -> None:
    with EmbeddingServer(lambda request: time.sleep(0.005)) as server:
        setup = Setup(server, concurrency=2)
        calls = [threading.Thread(target=setup.encode, kwargs={"batch_size": 1}) for _ in range(4)]
        for call in calls:
            call.start()
        for call in calls:
            call.join()
    assert server.most_at_once <= 2
    assert len(server.requests) == 4 * len(TEXTS)


def test_base64_is_little_endian_float32() -> None:
    def encoded(request: Request) -> Reply:
        assert request.body["encoding_format"] == "base64"
        rows = [base64.b64encode(helpers.vector(text).astype("<f4").tobytes()).decode() for text in request.texts]
        return said([{"index": place, "embedding": row} for place, row in enumerate(rows)])

    with EmbeddingServer(encoded) as server:
        assert np.array_equal(Setup(server, encoding="base64").encode(), expected())


@pytest.mark.parametrize("order", [[2, 0, 1], [1, 2, 0], [2, 1, 0]])
def test_vectors_go_by_their_index(order: list[int]) -> None:
    def shuffled(request: Request) -> Reply:
        data = items(map(helpers.vector, request.texts))
        return said([data[place] for place in order])

    with EmbeddingServer(shuffled) as server:
        assert np.array_equal(Setup(server).encode(TEXTS[:3]), expected(TEXTS[:3]))


def test_a_server_may_leave_the_indices_out() -> None:
    def bare(request: Request) -> Reply:
        return said([{"embedding": helpers.vector(text).tolist()} for text in request.texts])

    with EmbeddingServer(bare) as server:
        assert np.array_equal(Setup(server).encode(), expected())


def test_gzip() -> None:
    def zipped(request: Request) -> Reply:
        assert "gzip" in request.headers["accept-encoding"]
        plain = said(items(map(helpers.vector, request.texts)))
        return Reply(body=gzip.compress(plain.body), headers={"Content-Encoding": "gzip"})

    with EmbeddingServer(zipped) as server:
        assert np.array_equal(Setup(server).encode(), expected())


def test_half_a_surrogate_pair_reaches_the_server() -> None:
    with EmbeddingServer() as server:
        Setup(server).encode(["a\ud800b", "ü你"])
    assert server.texts == ["a\ud800b", "ü你"]


# -- troubles that pass ------------------------------------------------------------------------------------------

CUT = Reply(body=b'{"data": [', cut=5)
SILENT = Reply(cut=0)
PASSING = {
    "429": refused(429),
    "408": refused(408),
    "500": refused(500),
    "503": refused(503),
    "529": Reply(529),
    "cut in mid-answer": CUT,
    "cut before the answer": SILENT,
    "web page": PAGE,
    "NaN": Reply(body=b'{"data": [{"index": 0, "embedding": [NaN, 1.0]}]}'),
    "bad gzip": Reply(body=b"not gzip", headers={"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("name", PASSING)
def test_a_trouble_that_passes_is_waited_out(name: str) -> None:
    with EmbeddingServer(once(PASSING[name], PASSING[name])) as server:
        setup = Setup(server)
        assert np.array_equal(setup.encode(["cat"]), expected(["cat"]))
    assert len(server.requests) == 3
    assert setup.waits == [FIRST, 2 * FIRST]


@pytest.mark.parametrize("name", PASSING)
def test_a_trouble_that_stays_ends_after_the_retries(name: str) -> None:
    error, requests, setup = failing(lambda request: PASSING[name], ["cat"])
    assert len(requests) == 4
    assert setup.waits == [FIRST, 2 * FIRST, 4 * FIRST]
    assert "at the last of 4 tries" in error.message


def test_no_retries_where_none_are_wanted() -> None:
    _, requests, setup = failing(lambda request: refused(503), retries=0)
    assert len(requests) == 1
    assert setup.waits == []


@pytest.mark.parametrize(
    ("told", "waits"),
    [
        ("7", 7.0 + FIRST),
        ("2.5", 2.5 + FIRST),
        (formatdate(1_000_042.0, usegmt=True), 42.0 + FIRST),
        (formatdate(999_000.0, usegmt=True), FIRST),
        ("0", FIRST),
        ("soon", FIRST),
        ("nan", FIRST),
        ("-3", FIRST),
    ],
)
def test_retry_after(told: str, waits: float) -> None:
    with EmbeddingServer(once(refused(429, Retry_After=told))) as server:
        setup = Setup(server)
        setup.encode(["cat"])
    assert setup.waits == [waits]


def test_a_server_that_wants_an_hour_is_given_up() -> None:
    error, requests, setup = failing(lambda request: refused(429, "daily limit", Retry_After="3600"))
    assert len(requests) == 1
    assert setup.waits == []
    assert "429 Too Many Requests (daily limit) and asks to wait 3600 seconds" in error.message


@given(st.integers(0, 2000), st.floats(0, 1), st.none() | st.floats(0, 300))
def test_waits_grow_stay_bounded_and_never_fall_short_of_what_was_asked(
    attempt: int, chance: float, asked: float | None
) -> None:
    seconds = Patience(5, chance=lambda: chance).seconds(min(attempt, 1000), asked)
    assert FIRST / 2 <= seconds <= max(LONGEST, (asked or 0) + FIRST)
    assert asked is None or seconds >= asked


def test_a_slow_server_is_asked_again() -> None:
    release = threading.Event()

    def slow(request: Request) -> None:
        if request.number == 0:
            release.wait(20)

    with EmbeddingServer(slow) as server:
        setup = Setup(server, timeout=0.3)
        try:
            assert np.array_equal(setup.encode(["cat"]), expected(["cat"]))
        finally:
            release.set()
    assert len(server.requests) == 2
    assert setup.waits == [FIRST]


def test_a_server_that_is_always_slow_is_a_sentence() -> None:
    release = threading.Event()

    def slow(request: Request) -> None:
        release.wait(20)

    error, requests, _ = failing(slow, timeout=0.1, retries=1)
    release.set()
    assert "did not answer within 0.1 seconds, at the last of 2 tries" in error.message
    assert len(requests) == 2


def test_a_server_that_drips_is_given_up_although_each_byte_comes_in_time() -> None:
    drip = Reply(body=b" " * 1000, drip=0.01)
    error, requests, _ = failing(lambda request: drip, timeout=0.2, retries=0)
    assert "did not answer within 0.2 seconds" in error.message
    assert len(requests) == 1


def test_nobody_listens() -> None:
    with EmbeddingServer() as server:
        setup = Setup(server)
    with pytest.raises(EncoderError, match="cannot be reached") as caught:
        setup.encode()
    assert setup.waits == []  # It never answered: more likely the address is wrong.
    assert "Check the URL" in caught.value.hint


def test_out_of_quota_is_not_waited_for() -> None:
    body = json.dumps({"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}).encode()
    error, requests, _ = failing(lambda request: Reply(429, body))
    assert len(requests) == 1
    assert "Raise the quota" in error.hint


# -- too much at once --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reply",
    [
        Reply(413),
        refused(400, "This model's maximum context length is 8192 tokens"),
        refused(422, "batch size 8 > maximum allowed batch size 3"),  # text-embeddings-inference
        refused(500, "input is too large to process. increase the physical batch size"),  # llama.cpp
        refused(429, "Request too large for m on tokens per min"),  # OpenAI
    ],
)
def test_what_is_too_much_at_once_is_split(reply: Reply) -> None:
    with EmbeddingServer(lambda request: reply if len(request.texts) > 3 else None) as server:
        setup = Setup(server, concurrency=2)
        assert np.array_equal(setup.encode(), expected())
    assert setup.waits == []
    # 8 at once are refused, and so are 4; of each batch of 8 there are 1 + 2 + 4 requests.
    assert sorted(len(request.texts) for request in server.requests) == [2] * 20 + [4] * 10 + [8] * 5


def test_a_single_text_that_is_too_long_is_named() -> None:
    def refuse_long(request: Request) -> Reply | None:
        return refused(400, "input is too long") if any(len(text) > 100 for text in request.texts) else None

    error, _, _ = failing(refuse_long, ["cat", "long " * 50, "dog"])
    assert "(input is too long), for a single text of 250 characters, 'long long" in error.message
    assert "field.truncate=true" in error.hint


def test_empty_texts_are_sent_and_blamed_where_they_are_refused() -> None:
    def refuse_empty(request: Request) -> Reply | None:
        return None if all(request.texts) else refused(400, "'$.input' is invalid")

    error, requests, _ = failing(refuse_empty, ["cat", "", "dog"])
    assert requests[0].texts == ["cat", "", "dog"]
    assert "1 of its 3 texts were empty, which many servers refuse" in error.message
    assert "empty=%20" in error.hint
    with EmbeddingServer(refuse_empty) as server:
        assert np.array_equal(Setup(server, empty=" ").encode(["cat", ""]), expected(["cat", " "]))


# -- what arrived before a failure -------------------------------------------------------------------------------


def test_what_arrived_before_a_failure_is_not_asked_for_again() -> None:
    with EmbeddingServer() as server:
        server.fault = lambda request: refused(400) if TEXTS[20] in request.texts else None
        setup = Setup(server)
        with pytest.raises(EncoderError):
            setup.encode()
        assert server.texts == TEXTS[:24]
        server.fault = lambda request: None
        assert np.array_equal(setup.encode(), expected())
        assert server.texts == TEXTS[:24] + TEXTS[16:]
        # Once handed out, it is the caller's to keep.
        setup.encode(TEXTS[:8])
        assert server.texts[-8:] == TEXTS[:8]


def test_what_is_under_way_ends_when_another_fails_and_no_new_one_begins() -> None:
    together, ended = threading.Barrier(2, timeout=20), []

    def do(item: int, stop: threading.Event) -> None:
        if item < 2:
            together.wait()
        if item == 0:
            raise EncoderError("the first")
        assert stop.wait(20)
        ended.append(item)

    with pytest.raises(EncoderError, match="the first"):
        side_by_side(do, range(10), 2)
    assert ended == [1]


def test_what_is_under_way_when_another_fails_is_kept() -> None:
    together = threading.Barrier(2, timeout=20)

    def one_fails(request: Request) -> Reply | None:
        together.wait()
        return refused(400) if TEXTS[0] in request.texts else None

    with EmbeddingServer(one_fails) as server:
        setup = Setup(server, concurrency=2)
        with pytest.raises(EncoderError):
            setup.encode(TEXTS[:16])
        assert len(server.requests) == 2
        assert np.array_equal(setup.encode(TEXTS[8:16]), expected(TEXTS[8:16]))
        assert len(server.requests) == 2


def test_prompts_do_not_share_what_arrived() -> None:
    with EmbeddingServer() as server:
        setup = Setup(server, prompts={"query": "q: "})
        server.fault = lambda request: refused(400) if any(TEXTS[9] in text for text in request.texts) else None
        with pytest.raises(EncoderError):
            setup.encode(TEXTS[:16])
        server.fault = lambda request: None
        asked = setup.encode(TEXTS[:8], Role.QUERY)
    assert np.array_equal(asked, expected([f"q: {text}" for text in TEXTS[:8]]))


def test_texts_per_call_follow_batch_and_concurrency() -> None:
    with EmbeddingServer() as server:
        assert Setup(server, batch=10, concurrency=3).encoder.texts_per_call == 120
        assert Setup(server).encoder.texts_per_call is None
