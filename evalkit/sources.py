"""Tasks of catalogues that lie elsewhere (`evalkit.protocols.TaskSource`): what a run names of them, and opening them.

A folder of `--data` with a task's name stands in for the catalogue's: nothing is fetched then.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit.errors import DataError, EvalkitError, unknown
from evalkit.part import part_of
from evalkit.protocols import TaskChoice

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from evalkit.plugins import Plugins
    from evalkit.protocols import Cell, Collection, Task

_WHOLE = "default"  # the subset of a folder that has none


@dataclass(frozen=True)
class Sourced:
    """A task that a run takes from a catalogue.

    Attributes:
        scheme: The catalogue's scheme.
        choice: The task.
        asked: Whether it was asked for by its own name, no glob and no suite.
    """

    scheme: str
    choice: TaskChoice
    asked: bool


def split_scheme(plugins: Plugins, pattern: str) -> tuple[str, str]:
    """Scheme and name of ``mteb:STS13``; the scheme is empty where no catalogue has it."""
    scheme, colon, name = pattern.partition(":")
    return (scheme, name) if colon and scheme in plugins.sources else ("", pattern)


def sourced_tasks(
    plugins: Plugins, patterns: Iterable[str], known: Mapping[str, Path | Collection]
) -> dict[str, Sourced]:
    """The tasks that some of a run's names and globs take from catalogues, by name.

    Raises:
        EvalkitError: A name or glob that no task of its catalogue answers to, or a catalogue that cannot be read.
    """
    found: dict[str, Sourced] = {}
    for scheme, pattern in (split_scheme(plugins, each) for each in patterns):
        if scheme:
            names = _matching(plugins, scheme, pattern, known)
            found |= {name: Sourced(scheme, TaskChoice(name), asked=names == [pattern]) for name in names}
    return found


def suite_tasks(plugins: Plugins, name: str) -> tuple[tuple[str, ...], dict[str, Sourced]]:
    """The tasks of a suite: names of evalkit's own, or those of a catalogue.

    Raises:
        EvalkitError: Nothing has a suite of that name.
    """
    own = plugins.suites()
    if name in own:
        return own[name], {}
    names, hints = set(own), []
    for entry in plugins.sources.entries():
        source = plugins.sources.get(entry.name)
        try:
            choices = source.suite(name)
            names |= set(source.suites())
        except EvalkitError as error:
            hints.append(f"The suites of {entry.name} can be named too. {error}")
            continue
        if choices is not None:
            return (), {each.name: Sourced(entry.name, each, asked=False) for each in choices}
    nowhere = unknown("suite", name, names, where="evalkit list suites")
    raise EvalkitError(nowhere.message, hint=" ".join([nowhere.hint, *hints]))


def open_sourced(plugins: Plugins, sourced: Sourced, known: Mapping[str, Path | Collection]) -> Task:
    """The task, from a folder of `--data` where one has its name.

    Raises:
        EvalkitError: It cannot be opened, or the folder lacks some of the chosen cells.
    """
    choice, place = sourced.choice, known.get(sourced.choice.name)
    if isinstance(place, Path):
        task = plugins.open_task(place)
    else:
        task = plugins.sources.get(sourced.scheme).task(choice, plugins)
    return part_of(task, _chosen_cells(task, choice), noted=False)


def _chosen_cells(task: Task, choice: TaskChoice) -> tuple[Cell, ...]:
    """The cells that a choice names; of a folder without subsets one chosen subset is taken to be the whole."""
    cells = task.cells()
    whole = len(choice.subsets) == 1 and {cell.subset for cell in cells} == {_WHOLE}
    subsets = () if whole else choice.subsets
    for kind, wanted, there in (
        ("split", choice.splits, [cell.split for cell in cells]),
        ("subset", subsets, [cell.subset for cell in cells]),
    ):
        if missing := [name for name in wanted if name not in there]:
            raise DataError(
                f"The task {task.info.name} lacks the {kind} {missing[0]!r}; it has {', '.join(dict.fromkeys(there))}.",
                hint="Complete its folder, or leave out --data to fetch it.",
            )
    return tuple(
        cell
        for cell in cells
        if (not choice.splits or cell.split in choice.splits) and (not subsets or cell.subset in subsets)
    )


def _matching(plugins: Plugins, scheme: str, pattern: str, known: Mapping[str, Path | Collection]) -> list[str]:
    if isinstance(known.get(pattern), Path):
        return [pattern]
    names = plugins.sources.get(scheme).names()
    return matching(pattern, names, f"{scheme} task", f"evalkit list tasks --source {scheme}")


def matching(pattern: str, names: Sequence[str], kind: str, where: str) -> list[str]:
    """Names that a glob matches, in any case; a name that is there matches itself alone.

    Args:
        pattern: The glob.
        names: What it may match.
        kind: What the names stand for, for the error.
        where: The command that lists them.

    Raises:
        EvalkitError: It matches nothing.
    """
    if pattern in names:
        return [pattern]
    found = [name for name in names if fnmatchcase(name.lower(), pattern.lower())]
    if not found:
        raise unknown(kind, pattern, names, where=where)
    return found
