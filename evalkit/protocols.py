"""The contracts: what an encoder is, what a task is, and what the runner lends to a task.

All are structural: an object with these attributes is one, nothing needs to be inherited.
`evalkit.testing` checks that an object keeps its contract.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from pathlib import Path

    from evalkit.observations import Observations
    from evalkit.types import Role, Similarity, Vectors


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
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def fingerprint(self) -> str | None: ...  # noqa: D102
    @property
    def similarity(self) -> Similarity: ...  # noqa: D102

    def encode(self, texts: Sequence[str], *, role: Role, task: TaskInfo, batch_size: int) -> Vectors:
        """Vectors of the texts.

        Returns:
            (len(texts), d) float32, row i for text i; d the same on every call.
        """
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


Scorer: TypeAlias = Encoder | LexicalScorer
"""Anything that a run can evaluate."""

EncoderFactory: TypeAlias = Callable[[str, Mapping[str, str]], Scorer]
"""An entry point of group ``evalkit.encoders``: (argument, options) of a spec to the encoder."""


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
        observations: One row a unit, and the statistic of every metric in them.
        extra: Scores that no statistic of the observations gives (a spread over repeats, say).
        repeats: Values of each repeat (experiment, bootstrap, given set), by metric.
        warnings: One sentence each; they go into the result and are shown.
        data: What the data of the cell are like, whatever the encoder: numbers by name.
        ties: Lowest and highest value of a metric that the order of equally scored documents alone can give, where
            they differ.
    """

    observations: Observations
    extra: Mapping[str, float] = field(default_factory=dict)
    repeats: Mapping[str, Sequence[float]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    data: Mapping[str, float] = field(default_factory=dict)
    ties: Mapping[str, tuple[float, float]] = field(default_factory=dict)


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
        """(len(texts), d) float32, checked; each distinct text is encoded at most once."""
        ...

    def expect(self, n_texts: int) -> None:
        """Tell the progress display how many texts the cell will embed in all."""
        ...

    def beside(self, encoder: Encoder) -> Workbench:
        """Another encoder on the same task, behind the same cache and progress."""
        ...


@runtime_checkable
class Task(Protocol):
    """A data set with the protocol that scores an encoder on it.

    Attributes:
        info: What encoders may know.
        fingerprint: Digest of the data and of every protocol parameter.
        protocol: The parameters, as they go into the result.
        main_score: Name of the headline metric.
        lexical: Whether a `LexicalScorer` can be given this task too.
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
