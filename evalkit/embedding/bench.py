"""The workbench that a run lends to its tasks: one encoder behind de-duplication, cache, batching and checks."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evalkit.embedding import forms
from evalkit.embedding.cached import BATCHES_PER_CALL, CachedEncoder, Count
from evalkit.embedding.checks import as_embeddings, shorten
from evalkit.errors import CellError, EvalkitError, foreign
from evalkit.protocols import Derived, Encoder, form_of
from evalkit.search import Flops
from evalkit.types import Form, Role, Similarity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evalkit.embedding.cache import EmbeddingCache
    from evalkit.protocols import Prepared, Scorer, TaskInfo
    from evalkit.types import Embeddings, Vectors

_FLOAT_BYTES = 4

__all__ = ["BATCHES_PER_CALL", "EncoderBench", "Tally"]


@dataclass
class Tally(Count):
    """What the bench has done so far.

    Attributes:
        zeros: All-zero vectors of the cell; `first_zero` is the first text that has one.
        vectors: Vectors handed out in the cell, repeated texts counted once a call.
        kept: Texts of the cell that an index would keep (all but queries), and `bytes` how many bytes for them.
        fits: What the cell's transforms were fitted on.
    """

    zeros: int = 0
    vectors: int = 0
    first_zero: str = ""
    kept: int = 0
    bytes: float = 0.0
    fits: list[Mapping[str, Any]] = field(default_factory=list)


class EncoderBench:
    """A `evalkit.protocols.Workbench`.

    Args:
        scorer: The encoder, lexical scorer or ranker.
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
        self._parts: list[EncoderBench] = []
        self._texts: Callable[[], Mapping[Role, Sequence[str]]] | None = None
        self._encoder: CachedEncoder | None = None
        self._base: EncoderBench | None = None
        self._prepared: Prepared | None = None
        self._flops: Flops | None = None

    @property
    def task(self) -> TaskInfo:
        """The task that is being scored."""
        return self._task

    def start_cell(self, texts: Callable[[], Mapping[Role, Sequence[str]]] | None = None) -> None:
        """Begin a cell: count progress, zero vectors and bytes anew, and fit anew what is to be fitted.

        Args:
            texts: Says the texts that the cell will embed, by role; None where its task cannot say them.
        """
        self._expected = self._done = 0
        self.tally = Tally(self.tally.encoded, self.tally.cached, self.tally.seconds)
        self._texts = texts
        self._base, self._prepared, self._flops = None, None, None
        self._parts = []

    def expect(self, n_texts: int) -> None:
        """Tell the progress display how many more texts the cell will embed."""
        if self._beneath is not None:
            self._beneath.expect(n_texts)
            return
        self._expected += n_texts
        self._report()

    def beside(self, scorer: Scorer) -> EncoderBench:
        """A bench of another encoder, or of a part of this one, with the same task, cache and progress.

        What it encodes counts as this bench's work; its zero vectors, and the length of its vectors, do not.
        """
        same = scorer.fingerprint is not None and scorer.fingerprint == self.scorer.fingerprint
        other = EncoderBench(
            scorer,
            self._task,
            cache=self._cache,
            batch_size=self._batch_size,
            workers=self.workers,
            # The same encoder in another guise, as one of pictures behind digests, is diagnosed as itself.
            on_vectors=self._on_vectors if same else None,
        )
        other._beneath = self
        other.notes = self.notes
        other._texts = self._texts
        self._parts.append(other)
        return other

    def embed(self, texts: Sequence[str], *, role: Role) -> Vectors:
        """(len(texts), d) float32; each distinct text is encoded once.

        Raises:
            CellError: The encoder fails, returns no embeddings, or does not make one dense vector a text.
        """
        embeddings = self.embed_any(texts, role=role)
        if not forms.is_dense(embeddings):
            raise CellError(
                f"{self.scorer.name} makes {forms.form_of(embeddings)} embeddings, and this task needs one dense "
                "vector a text.",
                hint="Add a transform that makes one, such as `| project:256` (sparse) or `| muvera` (multi).",
            )
        return embeddings

    def embed_any(self, texts: Sequence[str], *, role: Role) -> Embeddings:
        """As `embed`, in the form that the encoder has.

        Raises:
            CellError: The encoder fails, returns no embeddings, or has no vectors at all.
        """
        if not isinstance(self.scorer, Encoder):
            raise CellError(f"{self.scorer.name} has no vectors.", hint="Give it retrieval tasks only.")
        distinct = list(dict.fromkeys(texts))
        embeddings = self._distinct(self.scorer, distinct, role)
        self._count_zeros(embeddings, distinct)
        self._count_cost(embeddings, role)
        if self._on_vectors is not None and forms.is_dense(embeddings):
            self._on_vectors(distinct, embeddings)
        self._advance(len(texts) - len(distinct), 0)
        if len(distinct) == len(texts):
            return embeddings
        rows = {text: row for row, text in enumerate(distinct)}
        return forms.take(embeddings, [rows[text] for text in texts])

    def zero_warnings(self) -> tuple[str, ...]:
        """How many vectors of the cell were zero, if any.

        Raises:
            CellError: All of them were.
        """
        if self._base is not None:
            self._base.zero_warnings()  # what is made of zeros may look alive
        tally = self.tally
        if not tally.zeros:
            return ()
        if tally.zeros == tally.vectors:
            weights = "Check that its weights are loaded and that it knows the language."
            steps = "Its transforms leave nothing: perhaps all vectors before them are the same."
            raise CellError(
                f"{self.scorer.name} returned zero vectors for all {tally.vectors} texts.",
                hint=weights if self._base is None else steps,
            )
        by_cosine = getattr(self.scorer, "similarity", None) is Similarity.COSINE
        then = "their cosine is undefined and follows mteb's conventions" if by_cosine else "they say nothing"
        return (f"{tally.zeros} of {tally.vectors} vectors are zero, first for {shorten(tally.first_zero)}: {then}.",)

    def known_dimension(self) -> int | None:
        """Length of the encoder's vectors, also where it ranks and so only its parts have handed out any."""
        if self.dimension is not None or not isinstance(self.scorer, Encoder):
            return self.dimension
        return next((part.dimension for part in self._parts if part.dimension is not None), None)

    def cost(self) -> dict[str, float]:
        """Bytes that an index would keep for a text of the cell, and what of sparse vectors a comparison takes."""
        benches = [bench for bench in self._embedding_benches() if bench.tally.kept]
        if not benches:
            return {}
        flops = [bench._flops for bench in benches if bench._flops is not None]
        cost = {"bytes_per_text": sum(bench.tally.bytes / bench.tally.kept for bench in benches)}
        if len(flops) == 1 and math.isfinite(flops[0].value()):
            each = flops[0]
            cost |= {"flops": each.value(), "query_terms": each.query_terms, "document_terms": each.document_terms}
        return cost

    def fits(self) -> list[Mapping[str, Any]]:
        """What the cell's transforms were fitted on, those of every part."""
        found: list[Mapping[str, Any]] = []
        for bench in self._embedding_benches():
            found += [fit for fit in bench.tally.fits if fit not in found]
        return found

    # -- inside --------------------------------------------------------------------------------------------------

    def _embedding_benches(self) -> list[EncoderBench]:
        """The bench itself where it has handed out vectors, or those of the parts that a ranker asked."""
        if self.tally.vectors or not self._parts:
            return [self]
        return [held for part in self._parts for held in part._embedding_benches()]

    def _distinct(self, encoder: Encoder, texts: list[str], role: Role) -> Embeddings:
        if isinstance(encoder, Derived):
            return self._derived(encoder, texts, role, form_of(encoder))
        if self._encoder is None:
            self._encoder = CachedEncoder(
                encoder, self._task, self._cache, self._batch_size, self._step, self.notes, self.dimension
            )
        embeddings = self._encoder.embed(texts, role)
        self._cache = self._encoder.cache  # None from now on where it failed
        self.dimension = self._encoder.dimension
        return embeddings

    def _derived(self, encoder: Derived, texts: list[str], role: Role, form: Form) -> Embeddings:
        """Embeddings that follow from another encoder's, whose bench has them from the cache."""
        name = self.scorer.name
        base, prepared = self.base_bench(encoder), self.prepared(encoder)
        raw = base.embed_any(texts, role=role)
        try:
            with foreign(f"{name} failed", hint="Mend the transform."):
                changed = prepared(raw, role=role)
            embeddings = as_embeddings(changed, texts, encoder=name, dimension=self.dimension, form=form)
        except EvalkitError as error:
            raise CellError(error.message, hint=error.hint) from error
        self.dimension = forms.dimension_of(embeddings)
        return embeddings

    def base_bench(self, encoder: Derived) -> EncoderBench:
        """The bench of the encoder that a derived one takes its vectors from."""
        if self._base is None:
            self._base = self.beside(encoder.base)
        return self._base

    def prepared(self, encoder: Derived) -> Prepared:
        """A derived encoder, fitted for the cell.

        Raises:
            CellError: It cannot be.
        """
        if self._prepared is None:
            try:
                with foreign(f"{self.scorer.name} cannot be fitted", hint="Mend the transform."):
                    self._prepared = encoder.prepare(_CellTexts(self.base_bench(encoder), self._task.name, self._texts))
            except EvalkitError as error:
                raise CellError(error.message, hint=error.hint) from error
            self.tally.fits = list(self._prepared.fits)
        return self._prepared

    def _step(self, done: Count) -> None:
        self._count(done)
        self._advance(done.encoded + done.cached, done.encoded)

    def _count(self, done: Count) -> None:
        self.tally.encoded += done.encoded
        self.tally.cached += done.cached
        self.tally.seconds += done.seconds
        if self._beneath is not None:
            self._beneath._count(done)

    def _count_zeros(self, embeddings: Embeddings, texts: list[str]) -> None:
        zero = forms.zero_rows(embeddings)
        self.tally.vectors += forms.count_of(embeddings)
        self.tally.zeros += len(zero)
        if len(zero) and not self.tally.first_zero:
            self.tally.first_zero = texts[int(zero[0])]

    def _count_cost(self, embeddings: Embeddings, role: Role) -> None:
        """What an index would keep, and of sparse vectors what a comparison takes."""
        if forms.form_of(embeddings) is Form.SPARSE:
            self._flops = self._flops or Flops()
            matrix: Any = embeddings
            (self._flops.add_queries if role is Role.QUERY else self._flops.add_documents)(matrix)
        if role is Role.QUERY:
            return
        count = forms.count_of(embeddings)
        if self._prepared is not None:
            each = self._prepared.bytes_of(embeddings)
        else:
            each = forms.bytes_of(embeddings) * getattr(self.scorer, "value_bytes", _FLOAT_BYTES) / _FLOAT_BYTES
        self.tally.kept += count
        self.tally.bytes += count * each

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


@dataclass(frozen=True)
class _CellTexts:
    """A `evalkit.protocols.FitSource`: a cell's texts, and the vectors of any texts."""

    bench: EncoderBench
    task: str
    texts: Callable[[], Mapping[Role, Sequence[str]]] | None

    @property
    def evaluated(self) -> Mapping[Role, Sequence[str]]:
        """The texts that the cell is going to embed, by role."""
        if self.texts is None:
            raise CellError(
                f"{self.task} cannot say which texts it embeds, so nothing can be fitted on them.",
                hint="Fit on texts of your own, with fit=FILE in the transform.",
            )
        return self.texts()

    def embed(self, texts: Sequence[str], *, role: Role) -> Embeddings:
        """Vectors of the base encoder."""
        self.bench.expect(len(texts))
        return self.bench.embed_any(texts, role=role)
