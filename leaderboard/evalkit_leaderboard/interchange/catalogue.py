"""What a result file does not say about its task: type, main score, and which splits and subsets count.

`catalogue.json` is read out of mteb by `tests/golden/make_mteb_catalogue.py`, so that an import needs no mteb.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from evalkit.errors import EvalkitError, unknown

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

ALL = "all"
"""The choice of no benchmark: every task with all its subsets."""
UNKNOWN_TYPE = "Unknown"

_RENAMED = {
    "NorwegianParliament": "NorwegianParliamentClassification",
    "CMedQAv2": "CMedQAv2-reranking",
    "CMedQAv1": "CMedQAv1-reranking",
    "8TagsClustering": "EightTagsClustering",
    "PPC": "PpcPC",
}


@dataclass(frozen=True)
class TaskMeta:
    """A task as mteb's catalogue has it.

    Attributes:
        type: Type of the task, such as ``Retrieval``.
        main_score: Name of the metric that is its main score.
        splits: The splits that count; None: every split that some file has.
        subsets: The subsets that count; None: every subset that some file has.
    """

    type: str
    main_score: str | None
    splits: tuple[str, ...] | None
    subsets: tuple[str, ...] | None

    def counts(self, split: str, subset: str) -> bool:
        """Whether this cell is part of the task's score."""
        return (self.splits is None or split in self.splits) and (self.subsets is None or subset in self.subsets)

    def cells(self) -> list[tuple[str, str]] | None:
        """(split, subset) of every cell that counts; None where only the files can tell."""
        if self.splits is None or self.subsets is None:
            return None
        return [(split, subset) for split in self.splits for subset in self.subsets]


NOTHING_KNOWN = TaskMeta(UNKNOWN_TYPE, None, None, None)


@dataclass(frozen=True)
class Selection:
    """What an import counts.

    Attributes:
        benchmark: Name of the benchmark; None where every task counts.
        tasks: The tasks, by name.
        exclusive: Whether other tasks are left out.
        guessed: Whether nobody asked for this benchmark, but the files have exactly its tasks.
    """

    benchmark: str | None
    tasks: Mapping[str, TaskMeta]
    exclusive: bool = False
    guessed: bool = False

    def task(self, name: str) -> TaskMeta:
        """What is known of a task."""
        return self.tasks.get(name, NOTHING_KNOWN)

    def wants(self, name: str) -> bool:
        """Whether results on a task are imported."""
        return not self.exclusive or name in self.tasks


@dataclass(frozen=True)
class Catalogue:
    """mteb's tasks and benchmarks, and the revision of each model that counts as the main one.

    Attributes:
        version: The mteb that it was read out of.
        tasks: Every task of text, by name.
        benchmarks: Per benchmark and task, the splits and subsets that differ from the task's own.
        revisions: Main revision of each model.
    """

    version: str
    tasks: Mapping[str, TaskMeta]
    benchmarks: Mapping[str, Mapping[str, Mapping[str, list[str]]]]
    revisions: Mapping[str, str]

    def canonical(self, name: str) -> str:
        """Today's name of a task that an old file calls otherwise."""
        name = _RENAMED.get(name, name)
        return name if name in self.tasks else self._lowered.get(name.lower(), name)

    def choose(self, wanted: str | None, names: Collection[str]) -> Selection:
        """What to count.

        Args:
            wanted: Name of a benchmark, a JSON file of tasks, `ALL`, or None: the benchmark whose tasks are exactly
                those of the files, or all where there is none.
            names: The tasks that the files have.

        Raises:
            EvalkitError: No such benchmark or file.
        """
        if wanted is None:
            guess = next((name for name, tasks in self.benchmarks.items() if set(tasks) == set(names)), None)
            return replace(self._benchmark(guess), guessed=True) if guess else Selection(None, self.tasks)
        if wanted == ALL:
            return Selection(None, self.tasks)
        if wanted in self.benchmarks:
            return self._benchmark(wanted)
        if wanted.endswith(".json"):
            return Selection(Path(wanted).stem, read_tasks(Path(wanted)), exclusive=True)
        raise unknown("benchmark", wanted, {*self.benchmarks, ALL}, where="evalkit import mteb --help")

    @cached_property
    def _lowered(self) -> dict[str, str]:
        return {name.lower(): name for name in self.tasks}

    def _benchmark(self, name: str) -> Selection:
        tasks = {task: _changed(self.tasks[task], change) for task, change in self.benchmarks[name].items()}
        return Selection(name, tasks, exclusive=True)


@cache
def catalogue() -> Catalogue:
    """The catalogue that comes with evalkit."""
    record = json.loads(files(__package__).joinpath("catalogue.json").read_text(encoding="utf-8"))
    tasks = {name: TaskMeta(kind, main, tuple(s), _texts(u)) for name, (kind, main, s, u) in record["tasks"].items()}
    return Catalogue(record["mteb"], tasks, record["benchmarks"], record["revisions"])


def read_tasks(path: Path) -> dict[str, TaskMeta]:
    """Tasks from a JSON list of objects with name, type, main_score, eval_splits and hf_subsets.

    Raises:
        EvalkitError: The file cannot be read or is no such list.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return {task["name"]: _from_json(task) for task in record}
    except OSError as error:
        raise EvalkitError(f"Cannot read {path}: {error.strerror}.", hint="Name a JSON list of tasks.") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        _refuse(path, error)


def _refuse(path: Path, error: Exception) -> NoReturn:
    raise EvalkitError(
        f"{path} is no list of tasks: {type(error).__name__}: {error}.",
        hint="Each task needs name and type, and may have main_score, eval_splits and hf_subsets.",
    ) from None


def _from_json(task: Mapping[str, Any]) -> TaskMeta:
    splits, subsets = task.get("eval_splits"), task.get("hf_subsets")
    return TaskMeta(str(task["type"]), task.get("main_score"), _texts(splits), _texts(subsets))


def _changed(task: TaskMeta, change: Mapping[str, list[str]]) -> TaskMeta:
    splits, subsets = change.get("splits"), change.get("subsets")
    return replace(task, splits=_texts(splits) or task.splits, subsets=_texts(subsets) or task.subsets)


def _texts(value: list[str] | None) -> tuple[str, ...] | None:
    return None if value is None else tuple(value)
