"""`http:` in real runs: scores as of the encoder behind the server, cuts, and a key that is nowhere to be found."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import helpers
import numpy as np
import pytest
from http_server import KEY, EmbeddingServer, Request, expected, refused

import evalkit
from evalkit.protocols import TaskInfo
from evalkit.types import Role


def spec(server: EmbeddingServer, *options: str) -> str:
    return "&".join([f"http:{server.url}?model=m", *options])


def hashing() -> Any:
    encoder: Any = evalkit.load_encoder("hashing")
    task = TaskInfo("", "")
    return lambda texts: encoder.encode(texts, role=Role.TEXT, task=task, batch_size=32)


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def scores(out: Path) -> dict[str, Any]:
    return {
        result.task.name: [(cell.scores, cell.observations) for cell in result.cells]
        for result in evalkit.load_results(out)
    }


@pytest.mark.slow
def test_a_server_of_the_hashing_encoder_scores_as_the_hashing_encoder(tmp_path: Path) -> None:
    with EmbeddingServer(embed=hashing()) as server:
        run = helpers.run_cli("run", "-m", spec(server), "--suite", "quick", "-o", tmp_path / "http")
        assert run.returncode == 0, run.stderr
        again = helpers.run_cli("run", "-m", spec(server), "--suite", "quick", "-o", tmp_path / "again")
        assert again.returncode == 0, again.stderr
    assert server.most_at_once <= 4
    assert len(server.texts) == len(set(server.texts))  # the second run found all in the cache
    plain = helpers.run_cli("run", "-m", "hashing", "--suite", "quick", "-o", tmp_path / "plain")
    assert plain.returncode == 0, plain.stderr
    assert len(scores(tmp_path / "plain")) >= 4
    assert scores(tmp_path / "http") == scores(tmp_path / "plain") == scores(tmp_path / "again")


@pytest.mark.parametrize("options", [["concurrency=1"], ["concurrency=16", "batch=3"], ["batch=100", "encoding=float"]])
def test_vectors_are_equal_whatever_the_concurrency(options: list[str]) -> None:
    texts = [helpers.sentence(number) for number in range(200)]
    with EmbeddingServer(lambda request: time.sleep(0.002 * (request.number % 3))) as server:
        encoder: Any = evalkit.load_encoder(spec(server, *options))
        vectors = encoder.encode(texts, role=Role.TEXT, task=TaskInfo("", ""), batch_size=8)
    assert np.array_equal(vectors, expected(texts))


def test_notes_go_into_the_result(tmp_path: Path) -> None:
    with EmbeddingServer(model="other") as server:
        [result] = evalkit.evaluate(spec(server), helpers.sts(tmp_path / "Task"))
        [again] = evalkit.evaluate(spec(server, "revision=1"), tmp_path / "Task")
    assert [note.split(",")[0] for note in result.warnings] == [
        "The weights behind the endpoint of m cannot be verified",
        "The server was asked for 'm' and answered as 'other'.",
    ]
    assert list(again.warnings) == ["The server was asked for 'm' and answered as 'other'."]


@pytest.mark.parametrize("batch", ["", "batch=16"])
def test_a_request_that_fails_for_good_costs_no_vector_that_arrived(batch: str, tmp_path: Path) -> None:
    """Calls before it are in the cache, and the encoder keeps what arrived of its own call for the next task."""
    task = helpers.sts(tmp_path / "Task", n=200)

    with EmbeddingServer() as server:
        encoder = evalkit.load_encoder(spec(server, "concurrency=2", "retries=0", *filter(None, [batch])))
        server.fault = lambda request: refused(500) if request.number == 8 else None
        with pytest.raises(evalkit.errors.EvalkitError, match="answered 500"):
            evalkit.evaluate(encoder, task, batch_size=8)
        n_before = len(server.texts)
        evalkit.evaluate(encoder, task, batch_size=8)
    distinct = set(server.texts)
    again = len(server.texts) - len(distinct)
    assert n_before < len(distinct)
    assert again == len(server.requests[8].texts)  # that request alone was sent twice


# -- cuts --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_run_that_was_killed_encodes_only_what_is_missing(tmp_path: Path) -> None:
    helpers.sts(tmp_path / "data" / "Task", n=400)
    out = tmp_path / "out"

    def arguments(server: EmbeddingServer) -> list[str]:
        model = spec(server, "concurrency=2", "revision=1")
        return helpers.command("run", "-m", model, "--data", tmp_path / "data", "-o", out, "--batch-size", 2)

    with EmbeddingServer(lambda request: time.sleep(0.01)) as server:
        process = subprocess.Popen(arguments(server), env=helpers.environment(), stderr=subprocess.PIPE)
        while len(server.texts) < 250:
            assert process.poll() is None, process.communicate()
            time.sleep(0.002)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        time.sleep(0.1)
        first = list(server.texts)
        server.requests.clear()
        server.fault = lambda request: None
        second = subprocess.run(arguments(server), env=helpers.environment(), capture_output=True, check=False)
        assert second.returncode == 0, second.stderr
        rest = list(server.texts)
    distinct = {row[key] for row in rows(tmp_path / "data" / "Task") for key in ("sentence1", "sentence2")}
    assert set(first) | set(rest) == distinct
    assert len(set(first)) == len(first) < len(distinct)
    # At most one call of the encoder, 32 batches of 2, is encoded twice, and the requests under way.
    repeated = set(first) & set(rest)
    assert len(repeated) <= 64 + 4
    assert len(rest) < len(distinct) - 150
    [result] = evalkit.load_results(out)
    assert result.warnings == ()
    fresh = evalkit.evaluate(helpers.Counting(), tmp_path / "data" / "Task", cache=False)
    assert result.cells[0].scores == fresh[0].cells[0].scores


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "test.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_an_interrupt_does_not_wait_for_a_server_that_hangs(tmp_path: Path) -> None:
    helpers.sts(tmp_path / "data" / "Task")
    with EmbeddingServer(lambda request: time.sleep(60)) as server:
        process = subprocess.Popen(
            helpers.command("run", "-m", spec(server), "--data", tmp_path / "data", "-o", tmp_path / "out"),
            env=helpers.environment(),
            stderr=subprocess.PIPE,
            text=True,
        )
        while not server.requests:
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        started = time.monotonic()
        _, stderr = process.communicate(timeout=50)
    assert time.monotonic() - started < 20
    assert process.returncode == 1
    assert "Traceback" not in stderr


# -- what is left of a run ---------------------------------------------------------------------------------------


def test_the_key_is_nowhere(tmp_path: Path) -> None:
    helpers.sts(tmp_path / "data" / "Good")
    helpers.sts(tmp_path / "data" / "Refused", salt="refused")

    def quoting(request: Request) -> Any:
        assert request.headers["authorization"] == f"Bearer {KEY}"
        return refused(401, f"bad key {KEY}") if "refused" in request.texts[0] else None

    places = {"EVALKIT_CACHE": tmp_path / "cache", "EVALKIT_HTTP_KEY": KEY}
    with EmbeddingServer(quoting, model=f"m of {KEY}") as server:
        arguments = ("run", "-m", spec(server), "--data", tmp_path / "data", "-o", tmp_path / "out")
        run = subprocess.run(
            [sys.executable, "-c", LOUD, *map(str, arguments)],
            env=helpers.environment(**places),
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 1, run.stderr
        listed = helpers.run_cli(*arguments, "--json", **places)
    assert "send_request_headers" in run.stderr
    assert "answered 401 Unauthorized (bad key [key])" in run.stderr
    assert len(everything(tmp_path / "out")) > 1000
    assert len(everything(tmp_path / "cache")) > 1000
    left = everything(tmp_path) + (run.stdout + run.stderr + listed.stdout + listed.stderr).encode()
    for part in (KEY, KEY[:8], KEY[-6:]):
        assert part.encode() not in left


LOUD = """
import logging, sys
logging.basicConfig(level=logging.DEBUG)
from evalkit.cli import main
main()
"""


def test_what_went_wrong_is_a_sentence_and_the_other_tasks_go_on(tmp_path: Path) -> None:
    helpers.sts(tmp_path / "data" / "A", salt="bad")
    helpers.sts(tmp_path / "data" / "B")

    def spoilt(request: Request) -> Any:
        return refused(400, "no such model") if "bad" in request.texts[0] else None

    with EmbeddingServer(spoilt) as server:
        run = helpers.run_cli("run", "-m", spec(server), "--data", tmp_path / "data", "-o", tmp_path / "out")
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    assert f"m: the server at {server.address} answered 400 Bad Request (no such model)." in run.stderr.replace(
        "\n", " "
    )
    assert [result.task.name for result in evalkit.load_results(tmp_path / "out")] == ["B"]
