"""Which results the two encoders of a comparison have: by name in a tree of results, or in a folder or file."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit.errors import EvalkitError, StoreError, unknown
from evalkit.store import Loaded, load
from evalkit_leaderboard.frame import Frame, Identity, align, labels, select

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit_leaderboard.frame import Located

_WITH_FINGERPRINT = re.compile(r"(.+?)\s*\(([0-9a-f]+)\)")
_SHOWN = 5


@dataclass(frozen=True)
class Side:
    """One encoder of a comparison.

    Attributes:
        label: Its name, with a short fingerprint or its folder where the name alone would be ambiguous.
        located: Its results.
    """

    label: str
    located: tuple[Located, ...]

    @property
    def identity(self) -> Identity:
        """Name and fingerprint of the encoder."""
        return _identity(self.located[0])


@dataclass(frozen=True, eq=False)
class Sides:
    """Two encoders on the tasks that both have a score on.

    Attributes:
        frame: Row 0 is A, row 1 is B; no score is missing.
        only_a: Tasks that only A has a result on.
        only_b: Tasks that only B has a result on.
        undefined: Tasks on which the score of one of them is undefined.
        unreadable: One sentence for each file that could not be read.
    """

    frame: Frame
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    undefined: tuple[str, ...]
    unreadable: tuple[str, ...]


def find_sides(a: str, b: str, results: Path, *, tasks: str | None = None) -> Sides:
    """The results of two encoders.

    Args:
        a: Name of the first in `results`, `name (start of its fingerprint)`, a glob, or a folder or file of its
            results. A name wins over a folder that is called the same.
        b: The second.
        results: Folder of results; it need not exist where both are folders or files.
        tasks: Glob of the tasks that count.

    Raises:
        EvalkitError: One of them is not there or stands for several encoders, both are the same, they share no task,
            or a task that they share was scored on other data.
    """
    shelf = _Shelf(results)
    first, second = _told_apart(shelf.side(a), shelf.side(b), (a, b))
    sides = align_sides(first, second, tasks=tasks)
    return replace(sides, unreadable=tuple(dict.fromkeys(shelf.unreadable)))


def align_sides(first: Side, second: Side, *, tasks: str | None = None) -> Sides:
    """Two encoders on the tasks that both have.

    Raises:
        EvalkitError: They share no task that both have a score on, or one was scored on other data.
    """
    both = [*first.located, *second.located]
    if tasks is not None:
        both = select(both, tasks=tasks)
    names = [_task_names(both, side.identity) for side in (first, second)]
    shared = names[0] & names[1]
    # Alignment refuses mixed data before anything is left out.
    align([each for each in both if each[1].task.name in shared])
    undefined = {result.task.name for _, result in both if result.main_score.value is None} & shared
    kept = [each for each in both if each[1].task.name in shared - undefined]
    if not kept:
        raise _nothing_shared(first.label, second.label, undefined)
    return Sides(
        replace(align(kept), encoders=(first.label, second.label)),
        tuple(sorted(names[0] - shared)),
        tuple(sorted(names[1] - shared)),
        tuple(sorted(undefined)),
        (),
    )


class _Shelf:
    """Where names are looked up; reads every file at most once."""

    def __init__(self, results: Path) -> None:
        self.results = results
        self.unreadable: list[str] = []
        self._tree: list[Located] | None = None

    def side(self, given: str) -> Side:
        """The encoder that is meant.

        Raises:
            EvalkitError: None, or several.
        """
        place = Path(given)
        if self.results.exists():
            found = _matching(given, [_identity(each) for each in self.tree])
            if found:
                return self._one(
                    given,
                    found,
                    self.tree,
                    "Name one of them, as 'name (start of its fingerprint)' where names are the same.",
                )
        elif not place.exists():
            raise StoreError(
                f"{self.results} does not exist, so no encoder {given!r} can be looked up in it.",
                hint="Give the folder of results as the third argument: evalkit compare A B RESULTS.",
            )
        if place.exists():
            return self._in_place(given, place)
        raise unknown("encoder", given, _labels(self.tree), where=f"evalkit leaderboard {self.results}")

    @property
    def tree(self) -> list[Located]:
        """Everything in the folder of results."""
        if self._tree is None:
            self._tree = self._load(self.results)
        return self._tree

    def _in_place(self, given: str, place: Path) -> Side:
        located = self._load(place)
        if not located:
            raise EvalkitError(f"{given} holds no results.", hint="`evalkit run -o FOLDER` writes them there.")
        found = list(dict.fromkeys(map(_identity, located)))
        return self._one(given, found, located, f"Name two of them: evalkit compare A B {given}.")

    def _one(self, given: str, found: list[Identity], located: list[Located], hint: str) -> Side:
        if len(found) > 1:
            shown = _labels([each for each in located if _identity(each) in found])
            more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
            raise EvalkitError(
                f"{given!r} stands for {len(found)} encoders: {', '.join(shown[:_SHOWN])}{more}.", hint=hint
            )
        mine = tuple(each for each in located if _identity(each) == found[0])
        names = [name for name, _ in dict.fromkeys(map(_identity, located))]
        return Side(labels(found)[0] if names.count(found[0][0]) == 1 else _with_fingerprint(found[0]), mine)

    def _load(self, place: Path) -> list[Located]:
        loaded: Loaded = load(place)
        self.unreadable += [reason for _, reason in loaded.unreadable]
        return loaded.results


def _matching(given: str, identities: Sequence[Identity]) -> list[Identity]:
    """The encoders that are meant: by name, by name and fingerprint, by glob in any case; the first way that finds."""
    distinct = list(dict.fromkeys(identities))
    named = [each for each in distinct if each[0] == given]
    if named:
        return named
    split = _WITH_FINGERPRINT.fullmatch(given)
    if split:
        found = [each for each in distinct if each[0] == split[1] and (each[1] or "").startswith(split[2])]
        if found:
            return found
    return [each for each in distinct if fnmatchcase(each[0].lower(), given.lower())]


def _told_apart(first: Side, second: Side, given: tuple[str, str]) -> tuple[Side, Side]:
    """The two under labels that differ.

    Raises:
        EvalkitError: They are one encoder.
    """
    if first.identity != second.identity:
        if first.label != second.label:
            return first, second
        return tuple(replace(side, label=_with_fingerprint(side.identity)) for side in (first, second))  # type: ignore[return-value]
    anonymous = first.identity[1] is None
    if not anonymous or {path.resolve() for path, _ in first.located} & {path.resolve() for path, _ in second.located}:
        raise EvalkitError(
            f"{given[0]} and {given[1]} are the same encoder: {_with_fingerprint(first.identity)}.",
            hint="A comparison needs two.",
        )
    # Nothing says that two encoders without fingerprint are the same; the folders tell them apart.
    return _renamed(first, given[0]), _renamed(second, given[1])


def _task_names(located: Sequence[Located], identity: Identity) -> set[str]:
    return {each[1].task.name for each in located if _identity(each) == identity}


def _renamed(side: Side, folder: str) -> Side:
    label = f"{side.label} in {folder}"
    located = tuple(
        (path, result.model_copy(update={"encoder": result.encoder.model_copy(update={"name": label})}))
        for path, result in side.located
    )
    return Side(label, located)


def _nothing_shared(a: str, b: str, undefined: set[str]) -> EvalkitError:
    if undefined:
        return EvalkitError(
            f"{a} and {b} share only tasks on which the score of one is undefined: {', '.join(sorted(undefined))}.",
            hint="`evalkit show RESULT_FILE` says why.",
        )
    return EvalkitError(
        f"{a} and {b} have no task in common.", hint="Run both on one task: evalkit run -m ... -t TASK."
    )


def _labels(located: Sequence[Located]) -> list[str]:
    return sorted(labels(list(dict.fromkeys(map(_identity, located)))))


def _with_fingerprint(identity: Identity) -> str:
    return labels([identity, (identity[0], None)])[0]


def _identity(located: Located) -> Identity:
    return located[1].encoder.name, located[1].encoder.fingerprint
