"""One encoder behind the cache: looked up first, the rest encoded in batches, checked and stored."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evalkit.embedding.checks import as_embeddings
from evalkit.embedding.forms import Assembly, count_of, dimension_of, unpacked
from evalkit.errors import CellError, EvalkitError, StoreError, foreign
from evalkit.fingerprint import context_digest
from evalkit.protocols import form_of
from evalkit.types import Form

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evalkit.embedding.cache import EmbeddingCache, EncoderCache
    from evalkit.protocols import Encoder, TaskInfo
    from evalkit.types import Embeddings, Role

BATCHES_PER_CALL = 32
"""Batches in one call of an encoder: enough to sort texts by length, few enough to store and to show progress."""


@dataclass
class Count:
    """What has been done.

    Attributes:
        encoded: Texts that the encoder turned into vectors.
        cached: Texts whose vectors came from the cache.
        seconds: Wall time inside the encoder.
    """

    encoded: int = 0
    cached: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class _Found:
    """What the cache holds of some texts: an entry a text, None where it holds none."""

    cache: EncoderCache
    keys: list[bytes]
    stored: list[bytes | None]

    @property
    def missing(self) -> list[int]:
        """Rows of the texts that it does not hold."""
        return [row for row, value in enumerate(self.stored) if value is None]

    @property
    def there(self) -> list[int]:
        """Rows of the texts that it holds."""
        return [row for row, value in enumerate(self.stored) if value is not None]


@dataclass
class CachedEncoder:
    """An encoder for one task.

    Attributes:
        encoder: The encoder.
        task: What it is told.
        cache: Where vectors are kept; None keeps none. An encoder without fingerprint is never cached.
        batch_size: Texts in one forward pass.
        on_step: Called with what each step has done: encoded, or found in the cache.
        notes: Sentences that go into the result.
        dimension: Length of its vectors, once there were any.
    """

    encoder: Encoder
    task: TaskInfo
    cache: EmbeddingCache | None
    batch_size: int
    on_step: Callable[[Count], None]
    notes: list[str] = field(default_factory=list)
    dimension: int | None = None

    @property
    def form(self) -> Form:
        """The form of its embeddings."""
        return form_of(self.encoder)

    def embed(self, texts: list[str], role: Role) -> Embeddings:
        """Embeddings of distinct texts, in their order.

        Raises:
            CellError: The encoder fails or returns no embeddings.
        """
        found = self._look_up(texts, role)
        if found is None:
            return self._encode(texts, range(len(texts)), role, None, Assembly(len(texts)))
        there = found.there
        out = Assembly(len(texts))
        if there:
            self.on_step(Count(cached=len(there)))
            out.put(there, self._unpacked([value for value in found.stored if value is not None]))
        return self._encode(texts, found.missing, role, found, out)

    def _look_up(self, texts: list[str], role: Role) -> _Found | None:
        """What the cache holds of the texts; None where nothing is cached."""
        if self.cache is None or self.encoder.fingerprint is None:
            return None
        try:
            cache = self.cache.of(self.encoder.name, self.encoder.fingerprint, self._told(role))
            keys = [cache.key(text) for text in texts]
            return _Found(cache, keys, cache.get(keys))
        except StoreError as error:
            self._go_on_without(error)
            return None

    def _told(self, role: Role) -> str:
        """What decides the vectors beside encoder and text; the form too, as it decides how an entry is read."""
        variant = getattr(self.encoder, "variant", None)
        told = str(variant(role, self.task)) if callable(variant) else context_digest(role, self.task)
        return told if self.form is Form.DENSE else f"{self.form}|{told}"

    def _go_on_without(self, error: StoreError) -> None:
        """A cache that cannot be used costs time but no result."""
        self.cache = None
        self.notes.append(f"{error} The run went on without a cache.")

    def _unpacked(self, stored: list[bytes]) -> Embeddings:
        """The stored embeddings; the length of their vectors is the encoder's from now on."""
        try:
            embeddings = unpacked(stored, self.form)
            found = dimension_of(embeddings)
            if self.dimension not in {None, found}:
                raise ValueError(", ".join(map(str, sorted({found, self.dimension or 0}))))
        except ValueError as error:
            raise CellError(
                f"{self.encoder.name} has vectors of lengths {error} under one fingerprint.",
                hint="Let its fingerprint say all that decides its vectors, and run `evalkit cache clear`.",
            ) from None
        self.dimension = found
        return embeddings

    def _encode(
        self, texts: list[str], rows: Sequence[int], role: Role, store: _Found | None, out: Assembly
    ) -> Embeddings:
        """Encode the texts of some rows, longest first, so that batches pad little."""
        order = sorted(rows, key=lambda row: len(texts[row]), reverse=True)
        step = self._texts_per_call()
        for start in range(0, len(order), step):
            part = order[start : start + step]
            embeddings = self._call([texts[row] for row in part], role)
            out.put(part, embeddings)
            if store is not None:
                self._store(store, part, embeddings)
        return out.result()

    def _texts_per_call(self) -> int:
        wanted = getattr(self.encoder, "texts_per_call", None)
        return int(wanted) if wanted else self.batch_size * BATCHES_PER_CALL

    def _call(self, texts: list[str], role: Role) -> Embeddings:
        started = time.perf_counter()
        name = self.encoder.name
        try:
            with foreign(
                f"{name} failed while it encoded {len(texts)} texts",
                hint="Mend the encoder and run again; what the cache holds already is not encoded again.",
            ):
                raw = self.encoder.encode(list(texts), role=role, task=self.task, batch_size=self.batch_size)
            embeddings = as_embeddings(raw, texts, encoder=name, dimension=self.dimension, form=self.form)
        except EvalkitError as error:
            raise CellError(error.message, hint=error.hint) from error
        self.dimension = dimension_of(embeddings)
        self.on_step(Count(encoded=count_of(embeddings), seconds=time.perf_counter() - started))
        return embeddings

    def _store(self, found: _Found, rows: list[int], embeddings: Embeddings) -> None:
        if self.cache is None:  # it failed for an earlier batch
            return
        try:
            found.cache.put([found.keys[row] for row in rows], embeddings)
        except StoreError as error:
            self._go_on_without(error)
