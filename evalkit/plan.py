"""Which tasks, which encoders, and what is done already."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit.errors import DataError, EvalkitError, foreign, unknown
from evalkit.protocols import Encoder, LexicalScorer
from evalkit.schema import EncoderRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from evalkit.config import RunConfig
    from evalkit.plugins import Plugins
    from evalkit.protocols import Collection, Scorer, Task
    from evalkit.schema import Result
    from evalkit.store import ResultStore


@dataclass(frozen=True)
class Unfit:
    """A task that an encoder cannot be given, and why; no failure, and no result."""

    task: str
    reason: str


@dataclass
class Selection:
    """The tasks of a run.

    Attributes:
        tasks: Those that can be run, in the order in which they were named.
        unfit: Those of a type that no plugin knows, where a glob or a whole folder brought them in.
        broken: Those whose folder cannot be read, and why; the others go on.
    """

    tasks: list[Task] = field(default_factory=list)
    unfit: list[Unfit] = field(default_factory=list)
    broken: list[tuple[str, EvalkitError]] = field(default_factory=list)


def select_tasks(plugins: Plugins, config: RunConfig) -> Selection:
    """The tasks that a run asks for, each once.

    Raises:
        EvalkitError: A name or glob that no task answers to, no task named at all, or a task asked for by its name
            whose type no plugin knows.
    """
    known = plugins.task_folders(config.data)
    names: dict[str, None] = dict.fromkeys(plugins.suite(config.suite) if config.suite else ())
    for pattern in config.tasks:
        names.update(dict.fromkeys(match_names(pattern, known)))
    if not config.suite and not config.tasks:
        names.update(dict.fromkeys(name for name, place in known.items() if isinstance(place, Path)))
    if not names:
        raise EvalkitError("No task was named.", hint="Use -t NAME, --suite quick or --data FOLDER.")
    selection = Selection()
    for name in names:
        _open(plugins, name, task_path(known, name), selection, asked=name in config.tasks)
    return selection


def _open(plugins: Plugins, name: str, path: Path, selection: Selection, *, asked: bool) -> None:
    try:
        kind = plugins.task_type(path)
        if kind not in plugins.task_types and not asked:
            selection.unfit.append(Unfit(name, f"no plugin knows its type {kind}"))
            return
        task = probed(name, lambda: plugins.open_task(path))
    except EvalkitError as error:
        if asked and not isinstance(error, DataError):
            raise
        selection.broken.append((name, error))
        return
    selection.tasks.append(task)


def probed(name: str, make: Callable[[], Task]) -> Task:
    """A task whose attributes can all be read: a plugin's fault, or a missing file, shows before anything is encoded.

    Raises:
        EvalkitError: Something about the task cannot be read.
    """
    with foreign(f"The task {name} cannot be used", hint="Mend its plugin.", kind=DataError):
        task = make()
        for attribute in ("info", "protocol", "main_score", "lexical", "fingerprint"):
            getattr(task, attribute)
        if not task.cells():
            raise DataError(f"The task {name} has no cells.", hint="Check its eval_splits and its files.")
    return task


def match_names(pattern: str, known: Iterable[str]) -> list[str]:
    """Names that a glob matches; a plain name matches itself, in any case.

    Raises:
        EvalkitError: It matches nothing.
    """
    names = sorted(known)
    if pattern in names:
        return [pattern]
    found = [name for name in names if fnmatchcase(name.lower(), pattern.lower())]
    if not found:
        raise unknown("task", pattern, names, where="evalkit list tasks")
    return found


def task_path(known: Mapping[str, Path | Collection], name: str) -> Path:
    """The folder of a task, made first where its collection generates it."""
    place = known.get(name)
    if place is None:
        raise unknown("task", name, known, where="evalkit list tasks")
    return place if isinstance(place, Path) else place.folder(name)


def encoder_record(scorer: Scorer, spec: str, dimension: int | None = None) -> EncoderRecord:
    """How an encoder is written into results."""
    similarity = str(scorer.similarity) if isinstance(scorer, Encoder) else "lexical"
    return EncoderRecord(
        name=scorer.name, fingerprint=scorer.fingerprint, spec=spec, similarity=similarity, dimension=dimension
    )


def unfit(scorer: Scorer, task: Task) -> Unfit | None:
    """Why this task cannot be given to this encoder, if so."""
    if getattr(task, "images", False) and not callable(getattr(scorer, "encode_images", None)):
        return Unfit(task.info.name, f"{scorer.name} takes no images")
    if getattr(scorer, "images_only", False) and not getattr(task, "images", False):
        return Unfit(task.info.name, f"{scorer.name} takes no texts")
    if isinstance(scorer, LexicalScorer) and not isinstance(scorer, Encoder) and not task.lexical:
        return Unfit(task.info.name, f"{scorer.name} has no vectors")
    return None


def finished(store: ResultStore | None, encoder: EncoderRecord, task: Task, *, force: bool) -> Result | None:
    """The stored result of this very encoder on this very task.

    An encoder without fingerprint is never finished: nothing says that it is still the same.
    """
    if store is None or force or encoder.fingerprint is None:
        return None
    return store.read(encoder, task.info.name, task.fingerprint)


def check_unique(names: Sequence[str]) -> None:
    """Refuse a spec that is given twice: its second run would only find the first one's results.

    Raises:
        EvalkitError: One is.
    """
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise EvalkitError(f"The encoder {twice[0]!r} is given twice.", hint="Give it once.")


def check_tasks(tasks: Sequence[Task]) -> None:
    """Refuse two tasks of one name: the second's result would replace the first's.

    Raises:
        EvalkitError: There are.
    """
    names = [task.info.name for task in tasks]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise EvalkitError(f"The task {twice[0]!r} is given twice.", hint="Give it once, or rename a folder.")
