"""The workbench that a run lends to its tasks: one encoder behind de-duplication, cache, batching and checks."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.embedding.checks import as_vectors, shorten
from evalkit.errors import CellError, EvalkitError, StoreError, foreign
from evalkit.fingerprint import context_digest
from evalkit.protocols import Encoder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evalkit.embedding.cache import EmbeddingCache, EncoderCache
    from evalkit.protocols import Scorer, TaskInfo
    from evalkit.types import Role, Vectors

BATCHES_PER_CALL = 32
"""Batches in one call of an encoder: enough to sort texts by length, few enough to store and to show progress."""


@dataclass
class Tally:
    """What the bench has done so far.

    Attributes:
        encoded: Texts that the encoder turned into vectors.
        cached: Texts whose vectors came from the cache.
        seconds: Wall time inside the encoder.
        zeros: All-zero vectors of the cell; `first_zero` is the first text that has one.
        vectors: Vectors handed out in the cell, repeated texts counted once a call.
    """

    encoded: int = 0
    cached: int = 0
    seconds: float = 0.0
    zeros: int = 0
    vectors: int = 0
    first_zero: str = ""


class EncoderBench:
    """A `evalkit.protocols.Workbench`.

    Args:
        scorer: The encoder or lexical scorer.
        task: The task that is being scored.
        cache: Where vectors are kept; None keeps none. An encoder without fingerprint is never cached.
        batch_size: Texts in one forward pass of the encoder.
        workers: Independent repeats that may run side by side.
        on_progress: Called with (texts done, texts expected, texts encoded) after every step.
        on_vectors: Called with the distinct texts of every call and their vectors; not for encoders beside this one.
    """

    def __init__(
        self,
        scorer: Scorer,
        task: TaskInfo,
        *,
        cache: EmbeddingCache | None = None,
        batch_size: int = 32,
        workers: int = 1,
        on_progress: Callable[[int, int, int], None] | None = None,
        on_vectors: Callable[[Sequence[str], Vectors], None] | None = None,
    ) -> None:
        self.scorer = scorer
        self.workers = workers
        self.tally = Tally()
        self.dimension: int | None = None
        self.notes: list[str] = []
        self._task = task
        self._cache = cache
        self._batch_size = batch_size
        self._on_progress = on_progress
        self._on_vectors = on_vectors
        self._expected = 0
        self._done = 0
        self._beneath: EncoderBench | None = None

    def start_cell(self) -> None:
        """Begin to count progress and zero vectors anew."""
        self._expected = self._done = 0
        self.tally.zeros = self.tally.vectors = 0
        self.tally.first_zero = ""

    def expect(self, n_texts: int) -> None:
        """Tell the progress display how many more texts the cell will embed."""
        if self._beneath is not None:
            self._beneath.expect(n_texts)
            return
        self._expected += n_texts
        self._report()

    def beside(self, encoder: Encoder) -> EncoderBench:
        """A bench of another encoder, with the same task, cache and progress.

        What it encodes counts as this bench's work; its zero vectors, and the length of its vectors, do not.
        """
        same = encoder.fingerprint is not None and encoder.fingerprint == self.scorer.fingerprint
        other = EncoderBench(
            encoder,
            self._task,
            cache=self._cache,
            batch_size=self._batch_size,
            workers=self.workers,
            # The same encoder in another guise, as one of pictures behind digests, is diagnosed as itself.
            on_vectors=self._on_vectors if same else None,
        )
        other._beneath = self
        other.notes = self.notes
        return other

    def embed(self, texts: Sequence[str], *, role: Role) -> Vectors:
        """(len(texts), d) float32; each distinct text is encoded once.

        Raises:
            CellError: The encoder fails, returns no embeddings, or has no vectors at all.
        """
        if not isinstance(self.scorer, Encoder):
            raise CellError(f"{self.scorer.name} has no vectors.", hint="Give it retrieval tasks only.")
        distinct = list(dict.fromkeys(texts))
        vectors = self._distinct_vectors(self.scorer, distinct, role)
        self._count_zeros(vectors, distinct)
        if self._on_vectors is not None:
            self._on_vectors(distinct, vectors)
        self._advance(len(texts) - len(distinct), 0)
        if len(distinct) == len(texts):
            return vectors
        rows = {text: row for row, text in enumerate(distinct)}
        return vectors[[rows[text] for text in texts]]

    # -- inside --------------------------------------------------------------------------------------------------

    def _distinct_vectors(self, encoder: Encoder, texts: list[str], role: Role) -> Vectors:
        found = self._look_up(encoder, texts, role)
        if found is None:
            return self._encode_all(encoder, texts, role, None)
        cache, keys, stored = found
        missing = [row for row, value in enumerate(stored) if value is None]
        self._count(cached=len(texts) - len(missing))
        self._advance(len(texts) - len(missing), 0)
        old = self._join(encoder, [value for value in stored if value is not None])
        if not missing:
            return old
        if not len(old):
            return self._encode_all(encoder, texts, role, (cache, keys))
        fresh = self._encode_all(
            encoder, [texts[row] for row in missing], role, (cache, [keys[row] for row in missing])
        )
        vectors = np.empty((len(texts), fresh.shape[1]), dtype=np.float32)
        vectors[missing] = fresh
        vectors[[row for row, value in enumerate(stored) if value is not None]] = old
        return vectors

    def _look_up(
        self, encoder: Encoder, texts: list[str], role: Role
    ) -> tuple[EncoderCache, list[bytes], list[bytes | None]] | None:
        """The cache, the texts' keys and what it holds for them; None where nothing is cached."""
        if self._cache is None or encoder.fingerprint is None:
            return None
        variant = getattr(encoder, "variant", None)
        told = variant(role, self._task) if callable(variant) else context_digest(role, self._task)
        try:
            cache = self._cache.of(encoder.name, encoder.fingerprint, told)
            keys = [cache.key(text) for text in texts]
            return cache, keys, cache.get(keys)
        except StoreError as error:
            self._go_on_without(error)
            return None

    def _go_on_without(self, error: StoreError) -> None:
        """A cache that cannot be used costs time but no result."""
        self._cache = None
        self.notes.append(f"{error} The run went on without a cache.")

    def _join(self, encoder: Encoder, stored: list[bytes]) -> Vectors:
        """(len(stored), d) the stored vectors; their length is the encoder's from now on."""
        lengths = {len(value) // 4 for value in stored}
        if self.dimension is not None:
            lengths.add(self.dimension)
        if len(lengths) > 1:
            raise CellError(
                f"{encoder.name} has vectors of lengths {', '.join(map(str, sorted(lengths)))} under one fingerprint.",
                hint="Let its fingerprint say all that decides its vectors, and run `evalkit cache clear`.",
            )
        if not lengths:
            return np.zeros((0, 1), dtype=np.float32)
        self.dimension = lengths.pop()
        vectors = np.frombuffer(b"".join(stored), dtype="<f4").reshape(len(stored), self.dimension)
        return vectors.astype(np.float32, copy=False)

    def _encode_all(
        self, encoder: Encoder, texts: list[str], role: Role, store: tuple[EncoderCache, list[bytes]] | None
    ) -> Vectors:
        """Vectors of the texts, in their order; encoded longest first, so that batches pad little."""
        lengths = list(map(len, texts))
        order = sorted(range(len(texts)), key=lengths.__getitem__, reverse=True)
        step = self._batch_size * BATCHES_PER_CALL
        out: Vectors | None = None
        for start in range(0, len(order), step):
            rows = order[start : start + step]
            vectors = self._call(encoder, [texts[row] for row in rows], role)
            if out is None:
                out = np.empty((len(texts), vectors.shape[1]), dtype=np.float32)
            out[rows] = vectors
            if store is not None:
                self._store(store[0], [store[1][row] for row in rows], vectors)
            self._advance(len(rows), len(rows))
        return out if out is not None else np.zeros((0, self.dimension or 1), dtype=np.float32)

    def _call(self, encoder: Encoder, texts: list[str], role: Role) -> Vectors:
        started = time.perf_counter()
        try:
            with foreign(
                f"{encoder.name} failed while it encoded {len(texts)} texts",
                hint="Mend the encoder and run again; what the cache holds already is not encoded again.",
            ):
                raw = encoder.encode(list(texts), role=role, task=self._task, batch_size=self._batch_size)
            vectors = as_vectors(raw, texts, encoder=encoder.name, dimension=self.dimension)
        except EvalkitError as error:
            raise CellError(error.message, hint=error.hint) from error
        self._count(encoded=len(texts), seconds=time.perf_counter() - started)
        self.dimension = vectors.shape[1]
        return vectors

    def _store(self, cache: EncoderCache, keys: list[bytes], vectors: Vectors) -> None:
        if self._cache is None:  # it failed for an earlier batch
            return
        try:
            cache.put(keys, vectors)
        except StoreError as error:
            self._go_on_without(error)

    def _count(self, *, encoded: int = 0, cached: int = 0, seconds: float = 0.0) -> None:
        self.tally.encoded += encoded
        self.tally.cached += cached
        self.tally.seconds += seconds
        if self._beneath is not None:
            self._beneath._count(encoded=encoded, cached=cached, seconds=seconds)

    def _count_zeros(self, vectors: Vectors, texts: list[str]) -> None:
        zero = np.flatnonzero(vectors[:, 0] == 0)
        zero = zero[~vectors[zero].any(axis=1)]
        self.tally.vectors += len(vectors)
        self.tally.zeros += len(zero)
        if len(zero) and not self.tally.first_zero:
            self.tally.first_zero = texts[zero[0]]

    def zero_warnings(self) -> tuple[str, ...]:
        """How many vectors of the cell were zero, if any.

        Raises:
            CellError: All of them were.
        """
        tally = self.tally
        if not tally.zeros:
            return ()
        if tally.zeros == tally.vectors:
            raise CellError(
                f"{self.scorer.name} returned zero vectors for all {tally.vectors} texts.",
                hint="Check that its weights are loaded and that it knows the language.",
            )
        return (
            f"{tally.zeros} of {tally.vectors} vectors are zero, first for {shorten(tally.first_zero)}: "
            "their cosine is undefined and follows mteb's conventions.",
        )

    def _advance(self, texts: int, encoded: int) -> None:
        if self._beneath is not None:
            self._beneath._advance(texts, encoded)
            return
        self._done += texts
        if texts:
            self._report(encoded)

    def _report(self, encoded: int = 0) -> None:
        if self._on_progress is not None:
            self._on_progress(self._done, max(self._expected, self._done), encoded)
