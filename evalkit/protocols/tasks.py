"""What a task is, what it makes of a cell, and what the runner lends to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from evalkit.observations import Observations
    from evalkit.protocols.encoders import TaskInfo, Workbench


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
