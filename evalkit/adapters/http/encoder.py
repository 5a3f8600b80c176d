"""The encoder in front of an endpoint: prompts, batches, and what arrived before a failure."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.adapters.http.endpoint import Endpoint, TooLongError
from evalkit.adapters.http.key import Key
from evalkit.adapters.http.patience import Patience
from evalkit.adapters.http.pool import side_by_side
from evalkit.adapters.http.trouble import FailedRequestError
from evalkit.adapters.sentence_transformers import prompt_name
from evalkit.embedding.checks import shorten
from evalkit.errors import EncoderError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.adapters.http.answer import Answer
    from evalkit.adapters.http.settings import Settings
    from evalkit.protocols import TaskInfo
    from evalkit.types import AnyArray, Role, Vectors

ROUNDS = 4
"""Requests in a row on each connection in one call: so much is lost at most when the process is killed."""


class HttpEncoder:
    """A `evalkit.protocols.Encoder` whose vectors come from a server.

    Args:
        settings: What the server is asked, and how.
        name: What results call it; the model's name where it is empty.
        key: The server's key.
        patience: How often and when a request is repeated.

    Raises:
        EncoderError: The library is missing, or the connection cannot be set up.
    """

    def __init__(
        self, settings: Settings, name: str = "", *, key: Key | None = None, patience: Patience | None = None
    ) -> None:
        self.name = name or settings.model
        self.settings = settings
        self.similarity = settings.similarity
        self.fingerprint: str | None = settings.fingerprint
        self._key = key or Key()
        self._patience = patience or Patience(settings.retries)
        self._endpoint = Endpoint(settings, self._key, self._patience)
        self._dimension = settings.dimensions
        self._served: set[str] = set()
        self._lock = threading.Lock()
        self._kept: dict[str, dict[str, AnyArray]] = {}

    def encode(self, texts: Sequence[str], *, role: Role, task: TaskInfo, batch_size: int) -> Vectors:
        """(len(texts), d) float32; each distinct text is sent once.

        Raises:
            EncoderError: The server gives no vectors. Those that it gave before are kept for the next call.
        """
        prompt, fields = self._prompt(role, task), self.settings.fields_of(role)
        sent = [prompt + text or self.settings.empty for text in texts]
        said = self.variant(role, task)
        with self._lock:
            arrived = self._kept.pop(said, {})

        def ask(batch: list[str], stop: threading.Event) -> None:
            self._ask(batch, fields, arrived, stop)

        try:
            batches = self._batches(sent, arrived, batch_size)
            side_by_side(ask, batches, self.settings.concurrency)
            return self._stacked([arrived.pop(text) for text in dict.fromkeys(sent)], sent)
        finally:
            self._keep(said, arrived)

    def variant(self, role: Role, task: TaskInfo) -> str:
        """The prompt in front of the texts, and the further fields of the request."""
        return json.dumps([self._prompt(role, task), self.settings.fields_of(role)], sort_keys=True)

    def with_prompts(self, prompts: Mapping[str, str]) -> HttpEncoder:
        """The same model of the same server with these prompts and no others."""
        settings = replace(self.settings, prompts=dict(prompts))
        return HttpEncoder(settings, self.name, key=self._key, patience=self._patience)

    @property
    def texts_per_call(self) -> int | None:
        """How many texts to give to one call of `encode`: what is stored between calls survives a cut.

        None where requests are as large as the run's batches: it knows better then.
        """
        return None if self.settings.batch is None else self.settings.batch * self.settings.concurrency * ROUNDS

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the results must know; complete once the texts are encoded."""
        return (*self._note_of_weights(), *self._note_of_names())

    # -- inside --------------------------------------------------------------------------------------------------

    def _note_of_weights(self) -> tuple[str, ...]:
        if self.settings.revision:
            return ()
        return (
            f"The weights behind the endpoint of {self.name} cannot be verified, so cached vectors may be older than "
            "the server's current weights; say which they are with revision=, and change it whenever they change.",
        )

    def _note_of_names(self) -> tuple[str, ...]:
        with self._lock:
            others = sorted(self._served - {self.settings.model, ""})
        if not others:
            return ()
        shown = ", ".join(self._key.hide(shorten(" ".join(other.split()))) for other in others[:3])
        return (f"The server was asked for {self.settings.model!r} and answered as {shown}.",)

    def _prompt(self, role: Role, task: TaskInfo) -> str:
        name = prompt_name(self.settings.prompts, role, task)
        return "" if name is None else self.settings.prompts[name]

    def _batches(self, sent: Sequence[str], arrived: Mapping[str, AnyArray], batch_size: int) -> list[list[str]]:
        missing = [text for text in dict.fromkeys(sent) if text not in arrived]
        step = self.settings.batch or batch_size
        return [missing[start : start + step] for start in range(0, len(missing), step)]

    def _ask(
        self, texts: list[str], fields: Mapping[str, Any], arrived: dict[str, AnyArray], stop: threading.Event
    ) -> None:
        """Put the vectors of some texts beside those that arrived; in two halves where they are too much at once."""
        try:
            answer = self._endpoint.ask(texts, fields, stop)
        except TooLongError as error:
            if len(texts) == 1:
                raise _too_long(error, texts[0]) from None
            middle = len(texts) // 2
            for half in (texts[:middle], texts[middle:]):
                self._ask(half, fields, arrived, stop)
            return
        except EncoderError as error:
            raise _of_empty_texts(error, texts) from None
        self._check(answer)
        arrived.update(zip(texts, answer.vectors, strict=True))

    def _check(self, answer: Answer) -> None:
        found = answer.vectors.shape[1]
        with self._lock:
            self._served.add(answer.model)
            before, self._dimension = self._dimension, self._dimension or found
        if before is not None and before != found:
            asked = "where dimensions asked for" if self.settings.dimensions else "after vectors of length"
            hint = "Leave out dimensions, or give a length that the model has." if self.settings.dimensions else ""
            raise self._endpoint.error(
                FailedRequestError(f"sent vectors of length {found} {asked} {before}", hint=hint)
            )

    def _stacked(self, rows: list[AnyArray], sent: Sequence[str]) -> Vectors:
        if not rows:
            return np.zeros((0, self._dimension or 1), dtype=np.float32)
        places = {text: place for place, text in enumerate(dict.fromkeys(sent))}
        vectors: Vectors = np.stack(rows)
        return vectors[[places[text] for text in sent]]

    def _keep(self, said: str, arrived: Mapping[str, AnyArray]) -> None:
        """What a failed call leaves is there for the next one; after a call that succeeded there is nothing."""
        if arrived:
            with self._lock:
                self._kept.setdefault(said, {}).update(arrived)


def _too_long(error: EncoderError, text: str) -> EncoderError:
    return EncoderError(
        f"{error.message.rstrip('.')}, for a single text of {len(text)} characters, {shorten(text)}.",
        hint="Ask the server to cut long texts, if it can, by a field such as field.truncate=true.",
    )


def _of_empty_texts(error: EncoderError, texts: Sequence[str]) -> EncoderError:
    """Say of a refused request that it held empty texts, which many servers refuse."""
    empty = sum(not text.strip() for text in texts)
    if not empty or " answered 4" not in error.message:
        return error
    return EncoderError(
        f"{error.message.rstrip('.')}; {empty} of its {len(texts)} texts were empty, which many servers refuse.",
        hint="If that is why, say what to send instead of an empty text, such as empty=%20 for a space.",
    )
