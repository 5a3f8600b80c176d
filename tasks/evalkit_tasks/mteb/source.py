"""mteb's catalogue as a source of tasks and suites."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalkit.errors import DataError
from evalkit.protocols import Cell, TaskChoice
from evalkit_tasks.mteb import catalogue
from evalkit_tasks.mteb.files import Inexpressible, SplitsDiffer
from evalkit_tasks.mteb.parted import Part, PartedTask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.protocols import Task, TaskOpener
    from evalkit_tasks.mteb.mapping import Recipe

_OURS = {"text", "image"}


class MtebSource:
    """A `evalkit.protocols.TaskSource` of mteb's tasks and benchmarks. It imports mteb when it is first asked."""

    def names(self) -> Sequence[str]:
        """Names of all tasks."""
        return catalogue.task_names()

    def types(self) -> dict[str, str]:
        """Type of each task, without loading any."""
        return catalogue.task_types()

    def task(self, choice: TaskChoice, opener: TaskOpener) -> Task:
        """A task: by evalkit's protocol from a folder in the cache, or by mteb's own evaluator.

        Raises:
            EvalkitError: mteb knows no such task, its data cannot be had, or it takes neither texts nor images.
        """
        task = catalogue.get_task(choice)
        if task.is_aggregate:
            return _aggregate(task, self, opener)
        from evalkit_tasks.mteb.mapping import recipe_of

        recipe = recipe_of(task)
        if isinstance(recipe, str):
            return _evaluated(task, recipe)
        if task.metadata.type not in opener.task_types:
            return _evaluated(task, f"no plugin knows its type {task.metadata.type}")
        try:
            return _opened(task, recipe, opener)
        except SplitsDiffer:
            return _by_split(task, choice, self, opener)
        except Inexpressible as reason:
            return _evaluated(task, str(reason))

    def suites(self) -> Sequence[str]:
        """Names of all benchmarks."""
        return catalogue.benchmark_names()

    def suite(self, name: str) -> Sequence[TaskChoice] | None:
        """The tasks of a benchmark, with the cells that it scores."""
        return catalogue.benchmark(name)


SOURCE = MtebSource()


def _opened(task: Any, recipe: Recipe, opener: TaskOpener) -> Task:
    from evalkit_tasks.mteb.export import exported

    return opener.open_task(exported(task, recipe))


def _by_split(task: Any, choice: TaskChoice, source: MtebSource, opener: TaskOpener) -> Task:
    """A folder for each split."""
    if len(task.eval_splits) == 1:
        return _evaluated(task, "its data contradict themselves")
    parts = []
    for split in task.eval_splits:
        alone = source.task(TaskChoice(choice.name, (split,), choice.subsets), opener)
        parts += [Part(cell, alone, cell) for cell in alone.cells()]
    return PartedTask(catalogue.info_of(task), parts)


def _aggregate(task: Any, source: MtebSource, opener: TaskOpener) -> Task:
    """An aggregate's parts; each of their cells is one of its own, so that their mean is its score.

    Raises:
        DataError: Its parts have several cells each, which mteb would average first.
    """
    parts = []
    for each in task.metadata.tasks:
        alone = source.task(catalogue.choice_of(each), opener)
        parts += [_part(each.metadata.name, alone, cell) for cell in alone.cells()]
    if len(parts) > len(task.metadata.tasks):
        names = ", ".join(each.metadata.name for each in task.metadata.tasks)
        raise DataError(f"{task.metadata.name} is an aggregate of tasks with several cells.", hint=f"Run {names}.")
    return PartedTask(catalogue.info_of(task), parts)


def _part(name: str, task: Task, cell: Cell) -> Part:
    return Part(Cell(cell.split, name, cell.languages), task, cell)


def _evaluated(task: Any, reason: str) -> Task:
    other = set(task.metadata.modalities) - _OURS
    if other:
        raise DataError(
            f"{task.metadata.name} is a task of {' and '.join(sorted(other))}, and encoders here take texts or images.",
            hint="Choose another task.",
        )
    from evalkit_tasks.mteb.evaluated import EvaluatedTask

    return EvaluatedTask(task, reason)
