"""One server: a request, its answer, and as many repetitions as may help."""

from __future__ import annotations

import json
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

from evalkit.adapters.extras import require
from evalkit.adapters.http.address import server
from evalkit.adapters.http.answer import Answer, read_answer
from evalkit.adapters.http.refusal import refusal
from evalkit.adapters.http.settings import SCHEME
from evalkit.adapters.http.trouble import FailedRequestError
from evalkit.errors import EncoderError, foreign, in_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.adapters.http.key import Key
    from evalkit.adapters.http.patience import Patience
    from evalkit.adapters.http.settings import Settings

EXTRA = "http"
LIBRARY = "httpx2"
MOST_BYTES = 1 << 20
"""Of an answer, for each text and once more: 40,000 numbers in full decimals."""


class TooLongError(EncoderError):
    """A server refuses a request for its size."""


class Endpoint:
    """An embedding server.

    Args:
        settings: What it is asked.
        key: Its key.
        patience: How often and when it is asked again.

    Raises:
        EncoderError: The library is missing, or the connection cannot be set up.
    """

    def __init__(self, settings: Settings, key: Key, patience: Patience) -> None:
        self._settings = settings
        self._key = key
        self._patience = patience
        self._library = require(LIBRARY, extra=EXTRA, scheme=SCHEME)
        self._client = self._connect()
        self._slots = threading.BoundedSemaphore(settings.concurrency)
        self._reached = False
        weakref.finalize(self, self._client.close)

    def ask(self, texts: list[str], fields: Mapping[str, Any], stop: threading.Event) -> Answer:
        """The vectors of some texts, asked for again where that may help.

        Raises:
            TooLongError: The server wants less at a time.
            EncoderError: It gave none.
        """
        # Escaped to ASCII: half a surrogate pair is a character of JSON but not of UTF-8.
        content = json.dumps(self._settings.payload(texts, fields), allow_nan=False).encode("ascii")
        attempt = 0
        while True:
            try:
                with self._slots:
                    return read_answer(self._post(content, len(texts)), len(texts))
            except FailedRequestError as trouble:
                if not trouble.passing or attempt >= self._patience.retries or stop.is_set():
                    raise self.error(trouble, attempt + 1) from None
                self._patience.wait(self._patience.seconds(attempt, trouble.wait), stop)
            attempt += 1

    def error(self, trouble: FailedRequestError, tries: int = 1) -> EncoderError:
        """A trouble that will not pass, as a sentence."""
        kind = TooLongError if trouble.too_long else EncoderError
        often = f", at the last of {tries} tries" if tries > 1 else ""
        sentence = f"{self._settings.model}: the server at {server(self._settings.url)} {trouble.what}{often}."
        return kind(self._key.hide(sentence), hint=trouble.hint or "Look into the server's own log.")

    # -- inside --------------------------------------------------------------------------------------------------

    def _connect(self) -> Any:
        library = self._library
        self._key.hide_in_logs()
        most = self._settings.concurrency
        with foreign("The http encoder cannot be set up", hint="Check the proxy variables.", kind=EncoderError):
            return library.Client(
                headers={"Accept": "application/json", "Content-Type": "application/json", **self._key.headers()},
                timeout=library.Timeout(self._settings.timeout),
                limits=library.Limits(max_connections=most, max_keepalive_connections=most),
                follow_redirects=False,
            )

    def _post(self, content: bytes, n_texts: int) -> bytes:
        """The body of a successful answer."""
        library = self._library
        try:
            status, headers, body = self._exchange(content, n_texts)
        except library.TimeoutException:
            raise self._late() from None
        except library.ConnectError as error:
            # A server that never answered is more likely a wrong address than a short outage.
            what = f"cannot be reached ({self._said(error)})"
            raise FailedRequestError(
                what, hint="Check the URL, and that the server runs.", passing=self._reached
            ) from None
        except library.TransportError as error:
            raise FailedRequestError(f"cut the connection ({self._said(error)})", passing=True) from None
        except (library.RequestError, library.InvalidURL) as error:
            raise FailedRequestError(f"gave no answer that can be read ({self._said(error)})", passing=True) from None
        if 200 <= status < 300:
            return body
        wait = self._patience.retry_after(headers.get("Retry-After"))
        raise refusal(status, body, headers.get("Location", ""), wait, self._key.hide)

    def _exchange(self, content: bytes, n_texts: int) -> tuple[int, Mapping[str, str], bytes]:
        deadline = time.monotonic() + self._settings.timeout
        most = MOST_BYTES * (n_texts + 1)
        body = bytearray()
        with self._client.stream("POST", self._settings.url, content=content) as response:
            self._reached = True
            for piece in response.iter_bytes():
                body += piece
                if len(body) > most:
                    raise FailedRequestError(f"sent more than {most >> 20} MiB for {n_texts} texts")
                # The library's own limit is for each read: a server that drips would never reach it.
                if time.monotonic() > deadline:
                    raise self._late()
            return response.status_code, response.headers, bytes(body)

    def _late(self) -> FailedRequestError:
        hint = "Send fewer texts in a request (batch=8) or wait longer (timeout=300)."
        return FailedRequestError(f"did not answer within {self._settings.timeout:g} seconds", hint=hint, passing=True)

    def _said(self, error: Exception) -> str:
        return self._key.hide(in_words(error))
