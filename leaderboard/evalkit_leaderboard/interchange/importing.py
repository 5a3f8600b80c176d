"""`evalkit import mteb`: a tree of published results becomes a folder of evalkit's own."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalkit.errors import EXIT_FAILED, EvalkitError, StoreError
from evalkit.schema import EncoderFile, Result
from evalkit.store import ENCODER_FILE, ResultStore, result_text
from evalkit_leaderboard.interchange.catalogue import Selection, catalogue
from evalkit_leaderboard.interchange.converting import Converter, counted_cells
from evalkit_leaderboard.interchange.joining import encoders, join
from evalkit_leaderboard.interchange.oddities import Oddities, Oddity
from evalkit_leaderboard.interchange.reading import read_tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from evalkit_leaderboard.interchange.published import Published


@dataclass(frozen=True)
class Import:
    """What an import made.

    Attributes:
        results: The records, by model and task.
        files_read: How many files held a result.
        selection: What was counted.
        oddities: What was odd.
    """

    results: tuple[Result, ...]
    files_read: int
    selection: Selection
    oddities: Oddities

    @property
    def models(self) -> int:
        """How many models there are, each counted once whatever its revisions."""
        return len({result.encoder.name for result in self.results})

    def as_json(self) -> dict[str, Any]:
        """The summary, for scripts."""
        return {
            "files_read": self.files_read,
            "results": len(self.results),
            "models": self.models,
            "tasks": len({result.task.name for result in self.results}),
            "benchmark": self.selection.benchmark,
            "benchmark_guessed": self.selection.guessed,
            "oddities": [{"count": count, "what": what, "first": first} for count, what, first in self.oddities.rows()],
        }


def import_tree(
    folder: Path,
    *,
    benchmark: str | None = None,
    each_revision: bool = False,
    strict_data: bool = False,
) -> Import:
    """Read a tree of mteb's result files.

    Args:
        folder: The folder above MODEL/REVISION/TASK.json, or above its ``results``.
        benchmark: What counts; see `Catalogue.choose`.
        each_revision: Keep every revision of a model apart instead of joining them as mteb's board does.
        strict_data: Keep results on different revisions of the data apart.

    Raises:
        EvalkitError: The folder holds no result, or there is no such benchmark.
    """
    known, oddities = catalogue(), Oddities()
    read = read_tree(folder, known, oddities)
    selection = known.choose(benchmark, {each.task for each in read})
    published = _wanted(read, selection, oddities)
    if not published:
        raise EvalkitError(
            f"{folder} holds no result of mteb{' that counts' if read else ''}.",
            hint="Name the folder above MODEL/REVISION/TASK.json, or another --benchmark.",
        )
    chosen = published if each_revision else join(published, known.revisions, oddities)
    _note(chosen, selection, oddities)
    cells = counted_cells(chosen, selection, oddities)
    converter = Converter(selection, cells, encoders(chosen, each_revision=each_revision), strict_data, oddities)
    results = [converter.convert(each) for each in sorted(chosen, key=lambda each: each.source.file)]
    return Import(tuple(results), len(read), selection, oddities)


def write_results(results: Iterable[Result], folder: Path, oddities: Oddities) -> None:
    """Write records where evalkit keeps its own.

    Not flushed one by one to the disk, as `ResultStore` does at 4 ms a file: what a crash takes can be imported again.

    Raises:
        StoreError: The folder cannot be written.
    """
    store, folders = ResultStore(folder), set()
    store.check_writable()
    for result in results:
        path = store.path(result.encoder, result.task.name)
        if path.parent not in folders:
            folders.add(path.parent)
            card = EncoderFile(encoder=result.encoder).model_dump_json(indent=1)
            write_text(path.with_name(ENCODER_FILE), f"{card}\n")
        write_text(path, result_text(result))
    for place in sorted({path.parent for path in folders}):
        if any(other not in folders for other in place.iterdir()):
            oddities.add(Oddity.ALREADY_THERE, str(place))


def write_text(path: Path, text: str) -> None:
    """Write a file, its folders first; a reader never sees half of it.

    Raises:
        StoreError: It cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StoreError(
            f"Cannot write {path}: {error.strerror}.", hint="Choose another folder with -o.", exit_code=EXIT_FAILED
        ) from None


def _wanted(read: Sequence[Published], selection: Selection, oddities: Oddities) -> list[Published]:
    for each in read:
        if not selection.wants(each.task):
            oddities.add(Oddity.OTHER_TASK, each.source.file)
    return [each for each in read if selection.wants(each.task)]


def _note(chosen: Sequence[Published], selection: Selection, oddities: Oddities) -> None:
    """Count what is odd about the results taken together."""
    revisions: dict[str, set[str]] = {}
    data: dict[str, set[str | None]] = {}
    for each in chosen:
        revisions.setdefault(each.source.model, set()).add(each.source.revision)
        data.setdefault(each.task, set()).add(each.dataset_revision)
    for model, found in revisions.items():
        if len(found) > 1:
            oddities.add(Oddity.REVISIONS, model)
    for task, seen in data.items():
        if len(seen - {None}) > 1:
            oddities.add(Oddity.DATA_REVISIONS, task)
        if task not in selection.tasks:
            oddities.add(Oddity.UNKNOWN_TASK, task)
