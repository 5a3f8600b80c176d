"""Results aligned: one row an encoder, one column a task."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from evalkit.errors import EvalkitError, unknown
from evalkit.labels import encoder_labels, identity
from evalkit.schema import mean_of_cells

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from evalkit.labels import Identity
    from evalkit.schema import EncoderRecord, Result
    from evalkit.types import FloatArray

Located: TypeAlias = "tuple[Path, Result]"
"""A result and the file that it was read from."""


@dataclass(frozen=True, eq=False)
class Frame:
    """Main scores of encoders on tasks.

    Attributes:
        encoders: (E) label of each encoder; see `evalkit.labels.encoder_labels`.
        tasks: (T) name of each task, by type and name.
        types: (T) type of each task.
        main: (E, T) main score; nan where there is no result or the score is undefined.
        paths: File of each result, by row and column.
        results: Each result, by row and column.
    """

    encoders: tuple[str, ...]
    tasks: tuple[str, ...]
    types: tuple[str, ...]
    main: FloatArray
    paths: Mapping[tuple[int, int], Path]
    results: Mapping[tuple[int, int], Result]

    def task(self, column: int) -> Result:
        """Some result of a task: all agree in type, fingerprint, protocol and main score's name."""
        return next(result for (_, at), result in self.results.items() if at == column)

    def encoder(self, row: int) -> EncoderRecord:
        """The encoder of a row."""
        return next(result.encoder for (at, _), result in self.results.items() if at == row)

    def row(self, name: str) -> int:
        """Row of the one encoder whose label, name or glob in any case this is.

        Raises:
            EvalkitError: None or several match.
        """
        exact = [row for row, label in enumerate(self.encoders) if label == name]
        found = exact or [row for row, label in enumerate(self.encoders) if fnmatchcase(label.lower(), name.lower())]
        if not found:
            raise unknown("encoder", name, self.encoders, where="evalkit leaderboard")
        if len(found) > 1:
            raise EvalkitError(
                f"{name!r} means {len(found)} encoders, such as {self.encoders[found[0]]} and "
                f"{self.encoders[found[1]]}.",
                hint="Name one of them.",
            )
        return found[0]

    def languages(self) -> tuple[str, ...]:
        """Codes of all languages of all cells, sorted."""
        return tuple(
            sorted({code for result in self.results.values() for cell in result.cells for code in cell.languages})
        )

    def in_language(self, code: str) -> Frame:
        """The cells of one language alone: same rows, the tasks that have such cells."""
        kept = {place: _cells_in(result, code) for place, result in self.results.items()}
        columns = sorted({place[1] for place, result in kept.items() if result.cells})
        at = {column: new for new, column in enumerate(columns)}
        main = np.full((len(self.encoders), len(columns)), np.nan)
        results = {(row, at[column]): result for (row, column), result in kept.items() if result.cells}
        for place, result in results.items():
            main[place] = np.nan if result.main_score.value is None else result.main_score.value
        return Frame(
            encoders=self.encoders,
            tasks=tuple(self.tasks[column] for column in columns),
            types=tuple(self.types[column] for column in columns),
            main=main,
            paths={
                (row, at[column]): path
                for (row, column), path in self.paths.items()
                if (row, at.get(column)) in results
            },
            results=results,
        )


def align(located: Sequence[Located], *, among: Sequence[Located] = ()) -> Frame:
    """Align results.

    Args:
        located: The results.
        among: All that they were chosen from. Labels tell namesakes apart among these, so that an encoder is called the
            same whatever is chosen.

    Raises:
        EvalkitError: Two results of one task were scored on other data or by another protocol, or two files hold the
            same encoder's result on the same task.
    """
    _refuse_mixed(located)
    tasks = sorted({(result.task.type, result.task.name) for _, result in located})
    label_of = labels_of(among or located)
    identities = list(dict.fromkeys(identity(result.encoder) for _, result in located))
    encoders = tuple(label_of[each] for each in identities)
    columns = {name: column for column, (_, name) in enumerate(tasks)}
    rows = {each: row for row, each in enumerate(identities)}
    at = [(rows[identity(result.encoder)], columns[result.task.name]) for _, result in located]
    _refuse_twice(located, at, encoders)
    main = np.full((len(identities), len(tasks)), np.nan)
    for place, (_, result) in zip(at, located, strict=True):
        value = result.main_score.value
        main[place] = np.nan if value is None else value
    return Frame(
        encoders=encoders,
        tasks=tuple(name for _, name in tasks),
        types=tuple(kind for kind, _ in tasks),
        main=main,
        paths={place: path for place, (path, _) in zip(at, located, strict=True)},
        results={place: result for place, (_, result) in zip(at, located, strict=True)},
    )


def labels_of(located: Sequence[Located]) -> dict[Identity, str]:
    """Label of every encoder that has a result, in the order of their first results."""
    records = [result.encoder for _, result in located]
    return dict(zip(map(identity, records), encoder_labels(records), strict=True))


def select(located: Sequence[Located], *, tasks: str | None = None, encoders: str | None = None) -> list[Located]:
    """Results whose task and encoder match globs, in any case.

    Raises:
        EvalkitError: A glob matches none.
    """
    kept = list(located)
    if tasks is not None:
        known = {result.task.name for _, result in located}
        chosen = _matching("task", tasks, known, located)
        kept = [(path, result) for path, result in kept if result.task.name in chosen]
    if encoders is not None:
        known = {result.encoder.name for _, result in located}
        chosen = _matching("encoder", encoders, known, located)
        kept = [(path, result) for path, result in kept if result.encoder.name in chosen]
    return kept


def _cells_in(result: Result, code: str) -> Result:
    """A result with the cells of one language alone."""
    cells = tuple(cell for cell in result.cells if code in cell.languages)
    value = mean_of_cells(result.main_score.metric, cells)
    return result.model_copy(
        update={"cells": cells, "main_score": result.main_score.model_copy(update={"value": value})}
    )


def _matching(kind: str, pattern: str, known: Iterable[str], located: Sequence[Located]) -> set[str]:
    names = set(known)
    found = {name for name in names if fnmatchcase(name.lower(), pattern.lower())}
    if not found:
        raise unknown(kind, pattern, names, where=_listing(located))
    return found


def _listing(located: Sequence[Located]) -> str:
    """The command that shows these results."""
    folders = [str(path.parent) for path, _ in located]
    try:
        return f"evalkit leaderboard {shlex.quote(os.path.commonpath(folders) or '.')}"
    except ValueError:  # no result, or absolute paths among relative ones
        return "evalkit leaderboard RESULTS"


def _refuse_mixed(located: Sequence[Located]) -> None:
    """Scores on other data, or by another protocol, do not compare, whatever the task is called."""
    first: dict[str, Located] = {}
    for path, result in located:
        other_path, other = first.setdefault(result.task.name, (path, result))
        if (result.task.fingerprint, result.task.type) != (other.task.fingerprint, other.task.type):
            raise EvalkitError(
                f"{result.task.name} has results on different data or by different protocols: {other_path} and {path}.",
                hint="Run the older one again, or keep the two in separate folders.",
            )
        if result.main_score.metric != other.main_score.metric:
            raise EvalkitError(
                f"{result.task.name} has {other.main_score.metric} in {other_path} but {result.main_score.metric} in "
                f"{path}.",
                hint="Run the older one again, or keep the two in separate folders.",
            )


def _refuse_twice(located: Sequence[Located], at: Sequence[tuple[int, int]], encoders: Sequence[str]) -> None:
    first: dict[tuple[int, int], Path] = {}
    for place, (path, result) in zip(at, located, strict=True):
        other = first.setdefault(place, path)
        if other != path:
            raise EvalkitError(
                f"{encoders[place[0]]} has two results on {result.task.name}: {other} and {path}.",
                hint="Remove one of them, or name the folder that is meant.",
            )
