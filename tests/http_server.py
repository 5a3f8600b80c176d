"""A real embedding server on a free port of this machine, which misbehaves as it is told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

import helpers
import numpy as np
import pytest

from evalkit.adapters.http import HttpEncoder
from evalkit.adapters.http.address import endpoint
from evalkit.adapters.http.key import Key
from evalkit.adapters.http.patience import Patience
from evalkit.adapters.http.settings import Settings
from evalkit.errors import EncoderError
from evalkit.protocols import TaskInfo
from evalkit.types import Role

TASK = TaskInfo("SciFact", "Retrieval")
TEXTS = [helpers.sentence(number) for number in range(40)]
KEY = "sk-proj-Zx9Qw7Rt5Yu3Io1Pa8Sd"
"""No real key: random letters."""


@dataclass(frozen=True)
class Request:
    """What came in: the number of the request (from 0), its path, headers and body."""

    number: int
    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def texts(self) -> list[str]:
        return self.body["input"]


@dataclass(frozen=True)
class Reply:
    """What goes out.

    With `cut`, the connection is closed after so many bytes of the body; 0 sends nothing at all. With `drip`, each byte
    of the body comes so many seconds after the one before.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    drip: float = 0.0


PAGE = Reply(body=b"<html><title>Welcome</title></html>", headers={"Content-Type": "text/html"})

Fault = Callable[[Request], Reply | None]
"""What to answer instead; None answers as a healthy server does."""


class EmbeddingServer:
    """Answers ``POST .../embeddings`` in OpenAI's protocol until the block is left.

    Args:
        fault: What goes wrong.
        embed: Texts to vectors.
        model: What it calls its model; None repeats what it was asked for.
    """

    def __init__(
        self,
        fault: Fault = lambda request: None,
        *,
        embed: Callable[[Sequence[str]], Any] = lambda texts: [helpers.vector(text) for text in texts],
        model: str | None = None,
    ) -> None:
        self.fault = fault
        self.embed = embed
        self.model = model
        self.requests: list[Request] = []
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://{self.address}/v1"

    def __enter__(self) -> EmbeddingServer:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def texts(self) -> list[str]:
        """Every text of every request."""
        return [text for request in self.requests for text in request.texts]

    def answered(self, path: str, headers: dict[str, str], body: bytes) -> Reply:
        with self._lock:
            request = Request(len(self.requests), path, headers, json.loads(body))
            self.requests.append(request)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            reply = self.fault(request)
            return self.healthy(request) if reply is None else reply
        finally:
            with self._lock:
                self._at_once -= 1

    def healthy(self, request: Request) -> Reply:
        return said(items(self.embed(request.texts)), self.model or request.body["model"])


def items(vectors: Iterable[Any]) -> list[dict[str, Any]]:
    """The entries of an answer; every float32 is a number of JSON that reads back to itself."""
    rows = [np.asarray(vector).tolist() for vector in vectors]
    return [{"object": "embedding", "index": index, "embedding": row} for index, row in enumerate(rows)]


def said(data: Any, model: str = "m", **more: Any) -> Reply:
    """A successful answer."""
    record = {"object": "list", "data": data, "model": model, "usage": {"total_tokens": 1}}
    return Reply(body=json.dumps(record).encode(), headers={"Content-Type": "application/json"}, **more)


def refused(status: int, message: str = "no", **headers: str) -> Reply:
    """An error as OpenAI's API has it."""
    body = json.dumps({"error": {"message": message, "type": "test"}}).encode()
    return Reply(status, body, {key.replace("_", "-"): value for key, value in headers.items()})


def once(*replies: Reply | None) -> Fault:
    """These for the first requests, in order; all later ones are healthy."""
    return lambda request: replies[request.number] if request.number < len(replies) else None


class _Server(ThreadingHTTPServer):
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the game."""


def _handler(owner: EmbeddingServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body in one packet; else each answer waits for an acknowledgement.
        wbufsize = 1 << 16
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._send(owner.answered(self.path, {key.lower(): value for key, value in self.headers.items()}, body))

        def _send(self, reply: Reply) -> None:
            if reply.cut == 0:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in {**reply.headers, "Content-Length": str(len(reply.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if reply.drip:
                self._drip(reply)
            else:
                self.wfile.write(reply.body[: reply.cut])
            self.close_connection = reply.cut is not None

        def _drip(self, reply: Reply) -> None:
            for byte in reply.body:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(reply.drip)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing on stderr."""

    return Handler


# -- its encoder -------------------------------------------------------------------------------------------------


class Setup:
    """An encoder of a server, and how long it would have waited."""

    def __init__(self, server: EmbeddingServer, key: str = "", **options: Any) -> None:
        self.waits: list[float] = []
        chosen = Settings(endpoint(server.url), "m", **{"concurrency": 1, "retries": 3, "timeout": 20.0, **options})
        patience = Patience(chosen.retries, sleep=self.waits.append, chance=lambda: 1.0, now=lambda: 1_000_000.0)
        self.encoder = HttpEncoder(chosen, key=Key(key), patience=patience)

    def encode(self, texts: list[str] = TEXTS, role: Role = Role.TEXT, batch_size: int = 8) -> np.ndarray:
        return self.encoder.encode(texts, role=role, task=TASK, batch_size=batch_size)


def expected(texts: list[str] = TEXTS) -> np.ndarray:
    return np.stack([helpers.vector(text) for text in texts])


def failing(fault: Fault, texts: list[str] = TEXTS[:8], **options: Any) -> tuple[EncoderError, list[Request], Setup]:
    with EmbeddingServer(fault) as server:
        setup = Setup(server, **options)
        with pytest.raises(EncoderError) as caught:
            setup.encode(texts)
        assert server.address in caught.value.message
        assert helpers.is_a_sentence(str(caught.value))
        return caught.value, server.requests, setup
