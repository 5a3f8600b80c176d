"""Catalogues of tasks that lie elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Container, Sequence
    from pathlib import Path

    from evalkit.protocols.tasks import Task


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
