"""The contracts: what an encoder is, what a task is, and what the runner lends to a task.

All are structural: an object with these attributes is one, nothing needs to be inherited.
`evalkit.testing` checks that an object keeps its contract.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from pathlib import Path

    from evalkit.observations import Observations
    from evalkit.types import Embeddings, Form, Ranking, Role, Similarity, TopK, Vectors


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
        """(len(queries), n_documents) score of every document for every query."""
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


class Applied(Protocol):
    """A transform that is ready: nothing is left to be fitted."""

    def __call__(self, vectors: Embeddings, *, role: Role) -> Embeddings:
        """Transformed vectors, never written over those given; each text's depends on its own alone."""
        ...

    def bytes_of(self, vectors: Embeddings) -> float:
        """Bytes that an index would keep for a text, on average over vectors that `__call__` returned."""
        ...


@runtime_checkable
class Transform(Protocol):
    """One step behind an encoder: ``truncate:128``.

    Attributes:
        name: Its name in specs.
        parameters: Everything that decides what it does, as JSON: goes into fingerprint and result.
        takes: The forms that it can be given.
        fitted: Whether it learns something from vectors before it can be applied.
        decodes: Whether its vectors live in the space of those it is given, only less exactly, so that one side of a
            comparison may stay as it was (quantisation), or not.

    Instead of `apply`, a transform may have ``rebase(encoder) -> Encoder``: it then changes the encoder itself, as a
    prompt or a layer does, and must stand before all that transform vectors.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def parameters(self) -> Mapping[str, Any]: ...  # noqa: D102
    @property
    def takes(self) -> frozenset[Form]: ...  # noqa: D102
    @property
    def fitted(self) -> bool: ...  # noqa: D102
    @property
    def decodes(self) -> bool: ...  # noqa: D102

    def gives(self, form: Form) -> Form:
        """The form that it makes of a form."""
        ...

    def compared(self, similarity: Similarity) -> Similarity:
        """How its vectors are to be compared where those it is given are compared so."""
        ...

    def apply(self, sample: Embeddings | None) -> Applied:
        """Get ready.

        Args:
            sample: Vectors of different texts to fit it on; None where it is not `fitted`.

        Raises:
            EvalkitError: It cannot be fitted on them: too few, or of too few dimensions.
        """
        ...


TransformFactory: TypeAlias = Callable[[str, Mapping[str, str]], Transform]
"""An entry point of group ``evalkit.transforms``: (argument, options) of a step to the transform."""


@dataclass(frozen=True)
class Cell:
    """One split of one subset of a task: the smallest thing that gets scores.

    Attributes:
        split: Name of the split, such as ``test``.
        subset: Name of the subset (mostly a language), or ``default``.
        languages: Codes of the subset's languages.
    """

    split: str
    subset: str = "default"
    languages: tuple[str, ...] = ()


@dataclass(frozen=True)
class CellScores:
    """What a task makes of one cell.

    Attributes:
        observations: One row a unit, and the statistic of every metric in them. None where there are none to be had,
            as from another library's evaluator: then nothing can be said of the scores' uncertainty.
        extra: Scores that no statistic of the observations gives (a spread over repeats, say).
        repeats: Values of each repeat (experiment, bootstrap, given set), by metric.
        warnings: One sentence each; they go into the result and are shown.
        data: What the data of the cell are like, whatever the encoder: numbers by name.
        ties: Lowest and highest value of a metric that the order of equally scored documents alone can give, where
            they differ.
        cost: What the encoder's vectors cost in this cell (operations for a query, say): numbers by name.
    """

    observations: Observations | None
    extra: Mapping[str, float] = field(default_factory=dict)
    repeats: Mapping[str, Sequence[float]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    data: Mapping[str, float] = field(default_factory=dict)
    ties: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    cost: Mapping[str, float] = field(default_factory=dict)

    @property
    def observed(self) -> Observations:
        """The observations, of a cell that has them.

        Raises:
            ValueError: It has none.
        """
        if self.observations is None:
            raise ValueError("The cell has no observations.")
        return self.observations


class Workbench(Protocol):
    """What the runner lends to a task while it scores a cell: one encoder behind cache, checks and progress."""

    @property
    def scorer(self) -> Scorer:
        """The encoder itself, for its similarity or a lexical index."""
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


@runtime_checkable
class Task(Protocol):
    """A data set with the protocol that scores an encoder on it.

    Attributes:
        info: What encoders may know.
        fingerprint: Digest of the data and of every protocol parameter.
        protocol: The parameters, as they go into the result.
        main_score: Name of the headline metric.
        lexical: Whether it ranks documents, so that a `LexicalScorer` or a `Ranker` can be given it too.

    Further abilities, each of which a task may have or not:

    - ``forms``: the forms of embeddings that it takes, where that is not `evalkit.types.Form.DENSE` alone.
    - ``candidates``: true where its queries come with the documents to be ranked.
    - ``texts(cell)``: a mapping of `evalkit.types.Role` to the texts that the cell will embed, so that a transform
      can be fitted on them.
    """

    @property
    def info(self) -> TaskInfo: ...  # noqa: D102
    @property
    def fingerprint(self) -> str: ...  # noqa: D102
    @property
    def protocol(self) -> Mapping[str, Any]: ...  # noqa: D102
    @property
    def main_score(self) -> str: ...  # noqa: D102
    @property
    def lexical(self) -> bool: ...  # noqa: D102

    def cells(self) -> Sequence[Cell]:
        """The cells, in the order in which they are scored; scores never depend on that order."""
        ...

    def evaluate(self, cell: Cell, bench: Workbench) -> CellScores:
        """Score one cell. Draws nothing from any generator that outlives the call."""
        ...


class TaskType(Protocol):
    """An entry point of group ``evalkit.tasks``: makes a `Task` from a folder. Its name is the type's name."""

    def __call__(self, data: Any) -> Task:
        """The task of an `evalkit.data.TaskFolder`."""
        ...


class Collection(Protocol):
    """An entry point of group ``evalkit.collections``: named task folders and suites that a package brings."""

    def names(self) -> Sequence[str]:
        """Names of the tasks."""
        ...

    def folder(self, name: str) -> Path:
        """The task's folder, made first where it is generated."""
        ...

    def suites(self) -> Mapping[str, Sequence[str]]:
        """Task names of each suite."""
        ...


@dataclass(frozen=True)
class TaskChoice:
    """A task of a `TaskSource`: all of it, or some of its cells.

    Attributes:
        name: Name of the task, as results have it.
        splits: The splits that are scored; empty for those of the task itself.
        subsets: The subsets that are scored; empty for those of the task itself.
    """

    name: str
    splits: tuple[str, ...] = ()
    subsets: tuple[str, ...] = ()


class TaskOpener(Protocol):
    """What a `TaskSource` is lent: the task types that are installed."""

    @property
    def task_types(self) -> Container[str]:
        """Names of the types."""
        ...

    def open_task(self, path: Path) -> Task:
        """The task in a folder."""
        ...


class TaskSource(Protocol):
    """An entry point of group ``evalkit.sources``: a catalogue of tasks that lie elsewhere.

    Its name is the scheme of ``-t SCHEME:NAME``. Nothing is fetched before a task is opened.
    """

    def names(self) -> Sequence[str]:
        """Names of all tasks.

        Raises:
            EvalkitError: The catalogue cannot be read, as the library that holds it is not installed.
        """
        ...

    def task(self, choice: TaskChoice, opener: TaskOpener) -> Task:
        """A task with exactly the chosen cells.

        Raises:
            DataError: Its data cannot be had; the message says what was wanted from where.
        """
        ...

    def suites(self) -> Sequence[str]:
        """Names of all suites; raises as `names`."""
        ...

    def suite(self, name: str) -> Sequence[TaskChoice] | None:
        """The tasks of a suite, or None where it has none of that name; raises as `names`."""
        ...
