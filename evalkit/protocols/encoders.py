"""What turns texts into vectors or ranks them, and the workbench that it is lent on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from evalkit.types import Form

if TYPE_CHECKING:
    from evalkit.types import Embeddings, Ranking, Role, Similarity, TopK, Vectors


@dataclass(frozen=True)
class TaskInfo:
    """What an encoder may know about the task that it encodes for.

    Attributes:
        name: Name of the task, such as ``SciFact``.
        type: Type of the task, such as ``Retrieval``.
        languages: Codes such as ``eng-Latn``.
        prompts: The task's own instructions for instruction-tuned encoders, by role; plain encoders ignore them.
    """

    name: str
    type: str
    languages: tuple[str, ...] = ()
    prompts: Mapping[str, str] = field(default_factory=dict)


@runtime_checkable
class Encoder(Protocol):
    """Turns texts into vectors.

    Attributes:
        name: What results and tables call it.
        fingerprint: Digest of everything that decides its vectors (weights, tokenizer, pooling, prompts, maximum
            length, dtype), or None where it cannot say: then nothing of it is cached and its results are marked.
        similarity: How its vectors are meant to be compared.

    An encoder may also have ``variant(role, task) -> str``: the part of its behaviour that depends on them (the
    prompt, say). Texts with equal variants share cache entries; without it, those do for which role and everything in
    `TaskInfo` are equal.

    And it may have ``untrained(seed) -> Encoder | None``: the same architecture, tokenizer, prompts and settings with
    fresh weights drawn under the seed, and a fingerprint of its own. None says that it cannot be made. Probes measure
    it beside the encoder, for what the architecture alone gives.

    Further abilities, each of which an encoder may have or not:

    - ``form``: the `evalkit.types.Form` of what `encode` returns, where that is not one vector a text.
    - ``parts``: a JSON mapping of what it is made of (the spec and fingerprint of a base encoder, transforms, weights);
      it goes into the result.
    - ``notes``: sentences that go into the warnings of every result, read when a task is finished.
    - ``value_bytes``: bytes that an index needs for a value of its vectors, where that is not the 4 of a float32.
    - ``texts_per_call``: how many texts it wants at a time, so that little is lost when a call fails.
    - ``with_prompts(prompts) -> Encoder``: itself with these prompts (by role) in place of its own; none for ``{}``.
    - ``with_layer(layer) -> Encoder``: itself cut off after this many layers.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def fingerprint(self) -> str | None: ...  # noqa: D102
    @property
    def similarity(self) -> Similarity: ...  # noqa: D102

    def encode(self, texts: Sequence[str], *, role: Role, task: TaskInfo, batch_size: int) -> Embeddings:
        """Vectors of the texts.

        Returns:
            (len(texts), d) float32, row i for text i; d the same on every call. Where `form` says so, a CSR array of
            that shape, or `evalkit.types.TokenVectors` of as many texts.
        """
        ...


def form_of(encoder: Encoder) -> Form:
    """What an encoder makes of a text: what it says in ``form``, else one dense vector."""
    return Form(getattr(encoder, "form", Form.DENSE))


@runtime_checkable
class Derived(Protocol):
    """An encoder that computes its vectors from another's: that one's are cached, its own are not.

    Attributes:
        base: The encoder whose vectors it takes.
    """

    @property
    def base(self) -> Encoder: ...  # noqa: D102

    def prepare(self, source: FitSource) -> Prepared:
        """Fit whatever is to be fitted on a cell's texts; called once a cell, before its first vectors."""
        ...


class FitSource(Protocol):
    """Where a `Derived` encoder takes vectors to fit itself on."""

    @property
    def evaluated(self) -> Mapping[Role, Sequence[str]]:
        """The texts that the cell is going to embed, by role.

        Raises:
            CellError: The task cannot say them before.
        """
        ...

    def embed(self, texts: Sequence[str], *, role: Role) -> Embeddings:
        """Vectors of the base encoder, through the cache."""
        ...


class Prepared(Protocol):
    """A `Derived` encoder that is ready for a cell.

    Attributes:
        fits: What was fitted, one JSON mapping each: the transform, on which texts, how many, with which seed.
    """

    @property
    def fits(self) -> Sequence[Mapping[str, Any]]: ...  # noqa: D102

    def __call__(self, vectors: Embeddings, *, role: Role) -> Embeddings:
        """Vectors of this encoder, from the base's of the same texts."""
        ...

    def bytes_of(self, vectors: Embeddings) -> float:
        """Bytes that an index would keep for a text, on average over vectors that `__call__` returned."""
        ...


class LexicalIndex(Protocol):
    """A corpus that a lexical scorer has indexed."""

    def scores(self, queries: Sequence[str]) -> Vectors:
        """(len(queries), n_documents) score of every document for every query.

        A score of 0 or below says that the document has nothing of the query: a second stage, or a hybrid, does not go
        on with it.
        """
        ...


@runtime_checkable
class LexicalScorer(Protocol):
    """Scores documents for queries without vectors, as BM25 does. It can only be given ranking tasks."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def fingerprint(self) -> str | None: ...  # noqa: D102

    def index(self, corpus: Sequence[str]) -> LexicalIndex:
        """Index a corpus."""
        ...


@runtime_checkable
class Ranker(Protocol):
    """Ranks documents for queries in a way of its own: a hybrid, a reranker, a search in two stages.

    One that is an `Encoder` too is given all tasks; others can only be given ranking tasks. One with a true attribute
    ``needs_candidates`` scores pairs, and can only be given tasks whose queries come with candidates.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def fingerprint(self) -> str | None: ...  # noqa: D102

    def rank(self, problem: Ranking, bench: Workbench) -> TopK:
        """The best documents of every query.

        Args:
            problem: What to rank.
            bench: Its own workbench; ``bench.beside(part)`` is that of a part.
        """
        ...


Scorer: TypeAlias = Encoder | LexicalScorer | Ranker
"""Anything that a run can evaluate."""

EncoderFactory: TypeAlias = Callable[[str, Mapping[str, str]], Scorer]
"""An entry point of group ``evalkit.encoders``: (argument, options) of a spec to the encoder."""

CombinerFactory: TypeAlias = Callable[[Sequence[Scorer], Sequence[float], Mapping[str, str]], Scorer]
"""An entry point of group ``evalkit.combiners``: (parts, their weights, options) of a spec to the whole."""


class Workbench(Protocol):
    """What the runner lends to a task while it scores a cell: one encoder behind cache, checks and progress."""

    @property
    def scorer(self) -> Scorer:
        """The encoder itself, for its similarity or a lexical index."""
        ...

    @property
    def task(self) -> TaskInfo:
        """The task that is being scored, as encoders may know it."""
        ...

    @property
    def workers(self) -> int:
        """How many independent repeats may run side by side."""
        ...

    def embed(self, texts: Sequence[str], *, role: Role) -> Vectors:
        """(len(texts), d) float32, checked; each distinct text is encoded at most once.

        Raises:
            CellError: The encoder does not make one dense vector a text.
        """
        ...

    def embed_any(self, texts: Sequence[str], *, role: Role) -> Embeddings:
        """As `embed`, in the form that the encoder has."""
        ...

    def expect(self, n_texts: int) -> None:
        """Tell the progress display how many texts the cell will embed in all."""
        ...

    def beside(self, scorer: Scorer) -> Workbench:
        """Another encoder, or a part of this one, on the same task, behind the same cache and progress."""
        ...
