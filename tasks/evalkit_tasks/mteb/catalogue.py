"""mteb's catalogue: its tasks, their cells, and its benchmarks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalkit.adapters.mteb.library import mteb, quiet
from evalkit.errors import DataError, in_words, unknown
from evalkit.protocols import Cell, TaskChoice, TaskInfo
from evalkit_tasks.mteb.chance import untouched_generators

if TYPE_CHECKING:
    from collections.abc import Sequence


def task_names() -> tuple[str, ...]:
    """Names of all tasks of the catalogue."""
    return tuple(sorted(mteb("get_tasks")._TASKS_REGISTRY))


def task_types() -> dict[str, str]:
    """Type of each task, as mteb has it."""
    return {name: str(kind.metadata.type) for name, kind in mteb("get_tasks")._TASKS_REGISTRY.items()}


def get_task(choice: TaskChoice) -> Any:
    """A task of mteb, restricted to the chosen cells.

    Raises:
        EvalkitError: There is none of that name, or it has no such cells.
    """
    kinds = mteb("get_tasks")._TASKS_REGISTRY
    if choice.name not in kinds:
        raise unknown("mteb task", choice.name, kinds, where="evalkit list tasks --source mteb")
    with quiet(), untouched_generators():
        try:
            task = kinds[choice.name]()
        except Exception as error:
            raise DataError(f"mteb cannot make {choice.name}: {in_words(error)}.", hint="Upgrade mteb.") from error
    task.hf_subsets = _subsets(task, choice)
    return task.filter_eval_splits(list(choice.splits) or None)


def cells_of(task: Any) -> list[Cell]:
    """What is scored of a task, in mteb's order."""
    languages = task.metadata.hf_subsets_to_langscripts
    return [
        Cell(str(split), str(subset), tuple(languages.get(subset, ())))
        for split in task.eval_splits
        for subset in task.hf_subsets
    ]


def info_of(task: Any) -> TaskInfo:
    """What encoders may know of a task."""
    metadata = task.metadata
    languages = {code for cell in cells_of(task) for code in cell.languages}
    return TaskInfo(metadata.name, metadata.type, tuple(sorted(languages)), prompts_of(metadata))


def prompts_of(metadata: Any) -> dict[str, str]:
    """The task's own instructions by role; ``text`` is that of all."""
    prompt = metadata.prompt
    if isinstance(prompt, str):
        return {"text": prompt}
    return {str(getattr(role, "value", role)): text for role, text in (prompt or {}).items()}


def benchmark_names() -> tuple[str, ...]:
    """Names of all benchmarks, without their aliases."""
    with untouched_generators():
        return tuple(sorted(mteb("benchmarks.get_benchmark")._build_registry()))


def benchmark(name: str) -> list[TaskChoice] | None:
    """The tasks of a benchmark, each with the cells that the benchmark scores; None where there is none."""
    with quiet(), untouched_generators():
        module = mteb("benchmarks.get_benchmark")
        if name not in {*module._build_registry(), *module._build_aliases_registry()}:
            return None
        return [choice_of(task) for task in module.get_benchmark(name).tasks]


def choice_of(task: Any) -> TaskChoice:
    """A task that a benchmark may have restricted."""
    metadata = task.metadata
    return TaskChoice(
        metadata.name,
        splits=_restriction(task.eval_splits, metadata.eval_splits),
        subsets=_restriction(task.hf_subsets or metadata.hf_subsets, metadata.hf_subsets),
    )


def _restriction(chosen: Sequence[str], there: Sequence[str]) -> tuple[str, ...]:
    """Those chosen; nothing where that is all there is."""
    return () if set(chosen) == set(there) else tuple(map(str, chosen))


def _subsets(task: Any, choice: TaskChoice) -> list[str]:
    there = list(task.metadata.hf_subsets)
    if missing := [name for name in choice.subsets if name not in there]:
        raise DataError(f"mteb's {choice.name} has no subset {missing[0]!r}.", hint=f"It has {', '.join(there[:20])}.")
    return [name for name in there if not choice.subsets or name in choice.subsets]
