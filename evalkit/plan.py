"""Which tasks, which encoders, and what is done already."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit.errors import DataError, EvalkitError, foreign, unknown
from evalkit.part import Part, part_of
from evalkit.protocols import Encoder, LexicalScorer, Ranker, form_of
from evalkit.schema import EncoderRecord
from evalkit.sources import matching, open_sourced, sourced_tasks, split_scheme, suite_tasks
from evalkit.types import Form, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from evalkit.config import RunConfig
    from evalkit.plugins import Plugins
    from evalkit.protocols import Cell, Collection, Scorer, Task
    from evalkit.schema import Result
    from evalkit.sources import Sourced
    from evalkit.store import ResultStore


_MAKES_DENSE = {Form.SPARSE: "project:256", Form.MULTI: "pool:mean"}
"""Transforms that make one dense vector a text."""


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
    own, sourced = suite_tasks(plugins, config.suite) if config.suite else ((), {})
    names: dict[str, None] = dict.fromkeys(own)
    for pattern in config.tasks:
        if not split_scheme(plugins, pattern)[0]:
            names.update(dict.fromkeys(match_names(pattern, known)))
    sourced |= sourced_tasks(plugins, config.tasks, known)
    if not config.suite and not config.tasks:
        names.update(dict.fromkeys(name for name, place in known.items() if isinstance(place, Path)))
    if not names and not sourced:
        raise EvalkitError("No task was named.", hint="Use -t NAME, --suite quick or --data FOLDER.")
    selection = Selection()
    for name in names:
        _open(plugins, name, task_path(known, name), selection, asked=name in config.tasks)
    for name, each in sourced.items():
        _open_sourced(plugins, name, each, known, selection)
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


def _open_sourced(
    plugins: Plugins, name: str, sourced: Sourced, known: Mapping[str, Path | Collection], selection: Selection
) -> None:
    try:
        selection.tasks.append(probed(name, lambda: open_sourced(plugins, sourced, known)))
    except EvalkitError as error:
        if sourced.asked and not isinstance(error, DataError):
            raise
        selection.broken.append((name, error))


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
    return matching(pattern, sorted(known), "task", "evalkit list tasks")


def task_path(known: Mapping[str, Path | Collection], name: str) -> Path:
    """The folder of a task, made first where its collection generates it."""
    place = known.get(name)
    if place is None:
        raise unknown("task", name, known, where="evalkit list tasks")
    return place if isinstance(place, Path) else place.folder(name)


def choose_cells(selection: Selection, config: RunConfig) -> None:
    """Leave out the cells of splits and subsets that a run does not ask for, and the tasks that have no others.

    Raises:
        EvalkitError: No task has a split or subset that is asked for.
    """
    if not config.splits and not config.subsets:
        return
    tasks, selection.tasks = selection.tasks, []
    there = [cell for task in tasks for cell in task.cells()]
    _check_there("split", config.splits, {cell.split for cell in there})
    _check_there("subset", config.subsets, {cell.subset for cell in there})
    for task in tasks:
        cells = [cell for cell in task.cells() if _is_chosen(cell, config)]
        if not cells:
            selection.unfit.append(Unfit(task.info.name, "it has no cell of the splits and subsets asked for"))
            continue
        selection.tasks.append(part_of(task, cells, noted=True))


def _is_chosen(cell: Cell, config: RunConfig) -> bool:
    return cell.split in (config.splits or (cell.split,)) and cell.subset in (config.subsets or (cell.subset,))


def _check_there(kind: str, asked: Sequence[str], there: set[str]) -> None:
    for name in asked:
        if name not in there:
            known = ", ".join(sorted(there)[:20]) + (", ..." if len(there) > 20 else "")
            raise EvalkitError(f"No task has the {kind} {name!r}.", hint=f"There are: {known or 'none'}.")


def encoder_record(scorer: Scorer, spec: str, dimension: int | None = None) -> EncoderRecord:
    """How an encoder is written into results."""
    without = "lexical" if isinstance(scorer, LexicalScorer) else "ranker"
    return EncoderRecord(
        name=scorer.name,
        fingerprint=scorer.fingerprint,
        spec=spec,
        similarity=str(scorer.similarity) if isinstance(scorer, Encoder) else without,
        dimension=dimension,
        form=str(form_of(scorer)) if isinstance(scorer, Encoder) else "none",
        parts=dict(getattr(scorer, "parts", {})),
    )


def unfit(scorer: Scorer, task: Task) -> Unfit | None:
    """Why this task cannot be given to this encoder, if so."""
    if getattr(task, "images", False) and not callable(getattr(scorer, "encode_images", None)):
        return Unfit(task.info.name, f"{scorer.name} takes no images")
    if getattr(scorer, "images_only", False) and not getattr(task, "images", False):
        return Unfit(task.info.name, f"{scorer.name} takes no texts")
    if getattr(scorer, "needs_candidates", False) and not getattr(task, "candidates", False):
        return Unfit(task.info.name, f"{scorer.name} scores pairs, and needs a first stage: rerank:FIRST > SPEC")
    if isinstance(scorer, Ranker) and task.lexical:
        return None
    if not isinstance(scorer, Encoder):
        return None if task.lexical else Unfit(task.info.name, f"{scorer.name} has no vectors")
    form, taken = form_of(scorer), getattr(task, "forms", (Form.DENSE,))
    if form not in taken:
        way = f" (| {_MAKES_DENSE[form]} would)" if Form.DENSE in taken and form in _MAKES_DENSE else ""
        return Unfit(task.info.name, f"{scorer.name} makes {form} embeddings, not {' or '.join(taken)} ones{way}")
    return None


def texts_of(task: Task, cell: Cell) -> Callable[[], Mapping[Role, Sequence[str]]] | None:
    """Says the texts that a cell will embed, by role; None where its task cannot say them beforehand."""
    texts = getattr(task, "texts", None)
    return partial(texts, cell) if callable(texts) else None


def finished(store: ResultStore | None, encoder: EncoderRecord, task: Task, *, force: bool) -> Result | None:
    """The stored result of this very encoder on this very task.

    An encoder without fingerprint is never finished: nothing says that it is still the same.

    Raises:
        EvalkitError: A part of the task would be written over the whole of it, or over another part.
    """
    if store is None or force or encoder.fingerprint is None:
        return None
    if isinstance(task, Part):
        _check_room(store, encoder, task)
    return store.read(encoder, task.info.name, task.fingerprint)


def _check_room(store: ResultStore, encoder: EncoderRecord, task: Part) -> None:
    """Refuse to write a part of a task over the whole of it, or over another part."""
    name, fingerprint = task.info.name, task.whole.fingerprint
    held = store.held(encoder, name)
    whole = held is not None and held.task.fingerprint == fingerprint
    if whole or store.read_cells(encoder, name, fingerprint):
        said = "the whole"
    elif held is not None and held.task.fingerprint != task.fingerprint and "cells" in held.task.protocol:
        said = "another part"
    else:
        return
    raise EvalkitError(
        f"{store.root} holds what {encoder.name} scored on {said} of {name}.",
        hint="Choose another folder with -o for this part of it, or --force to write over it.",
    )


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
