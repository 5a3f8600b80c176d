"""Which results the two encoders of a comparison have: by name in a tree of results, or in a folder or file."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit.errors import EvalkitError, StoreError, unknown
from evalkit.labels import UNIDENTIFIED, encoder_labels, identity, with_fingerprint
from evalkit.store import Loaded, load
from evalkit_leaderboard.frame import Frame, align, labels_of, select

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evalkit.labels import Identity
    from evalkit.schema import EncoderRecord
    from evalkit_leaderboard.frame import Located

_WITH_FINGERPRINT = re.compile(rf"(.+?)\s*\(([0-9a-f]+|{UNIDENTIFIED})\)")
_SHOWN = 5


@dataclass(frozen=True)
class Side:
    """One encoder of a comparison.

    Attributes:
        label: Its label among the results that it was found in, with its folder where that would be ambiguous.
        located: Its results.
        place: Folder or file that it was found in.
    """

    label: str
    located: tuple[Located, ...]
    place: Path

    @property
    def encoder(self) -> EncoderRecord:
        """The encoder."""
        return self.located[0][1].encoder

    @property
    def identity(self) -> Identity:
        """Name and fingerprint of the encoder."""
        return identity(self.encoder)


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
        a: The first in `results`: its label as `evalkit leaderboard` prints it, its name, `name (start of its
            fingerprint)`, or a glob of either; or a folder or file of its results, or `label in folder`. The first of
            these that finds anything counts.
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
        if self.results.exists():
            found = _matching(given, labels_of(self.tree))
            if found:
                return _one(given, found, self.tree, self.results, "Name one of them as it stands here.")
        place, name = _place(given)
        if place.exists():
            return self._in_place(given, place, name)
        if not self.results.exists():
            raise StoreError(
                f"{self.results} does not exist, so no encoder {given!r} can be looked up in it.",
                hint="Give the folder of results as the third argument: evalkit compare A B RESULTS.",
            )
        raise unknown("encoder", given, labels_of(self.tree).values(), where=f"evalkit leaderboard {self.results}")

    @property
    def tree(self) -> list[Located]:
        """Everything in the folder of results."""
        if self._tree is None:
            self._tree = self._load(self.results)
        return self._tree

    def _in_place(self, given: str, place: Path, name: str) -> Side:
        located = self._load(place)
        if not located:
            raise EvalkitError(f"{place} holds no results.", hint="`evalkit run -o FOLDER` writes them there.")
        labels = labels_of(located)
        found = _matching(name, labels)
        if not found:
            raise unknown("encoder", name, labels.values(), where=f"evalkit leaderboard {place}")
        return _one(given, found, located, place, f"Name two of them: evalkit compare A B {place}.")

    def _load(self, place: Path) -> list[Located]:
        loaded: Loaded = load(place)
        self.unreadable += [reason for _, reason in loaded.unreadable]
        return loaded.results


def _place(given: str) -> tuple[Path, str]:
    """A folder or file, and which of its encoders is meant: as labels say it, or any."""
    name, _, folder = given.rpartition(" in ")
    return (Path(folder), name) if name and not Path(given).exists() else (Path(given), "*")


def _one(given: str, found: Sequence[Identity], located: Sequence[Located], place: Path, hint: str) -> Side:
    """The only encoder that was found among results.

    Raises:
        EvalkitError: Several were found.
    """
    labels = labels_of(located)
    if len(found) > 1:
        shown = sorted(labels[each] for each in found)
        more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
        raise EvalkitError(f"{given!r} stands for {len(found)} encoders: {', '.join(shown[:_SHOWN])}{more}.", hint=hint)
    return Side(labels[found[0]], tuple(each for each in located if identity(each[1].encoder) == found[0]), place)


def _matching(given: str, labels: Mapping[Identity, str]) -> list[Identity]:
    """The encoders that are meant: by the first way of naming them that finds any."""
    start = _WITH_FINGERPRINT.fullmatch(given)
    ways: tuple[Callable[[Identity], bool], ...] = (
        lambda each: labels[each] == given,
        lambda each: each[0] == given,
        lambda each: start is not None and each[0] == start[1] and (each[1] or UNIDENTIFIED).startswith(start[2]),
        lambda each: any(fnmatchcase(text.lower(), given.lower()) for text in (each[0], labels[each])),
    )
    return next((found for way in ways if (found := [each for each in labels if way(each)])), [])


def _told_apart(first: Side, second: Side, given: tuple[str, str]) -> tuple[Side, Side]:
    """The two under labels that differ.

    Raises:
        EvalkitError: They are one encoder.
    """
    if first.identity != second.identity:
        if first.label != second.label:
            return first, second
        labels = encoder_labels([first.encoder, second.encoder])
        return replace(first, label=labels[0]), replace(second, label=labels[1])
    anonymous = first.identity[1] is None
    if not anonymous or {path.resolve() for path, _ in first.located} & {path.resolve() for path, _ in second.located}:
        raise EvalkitError(
            f"{given[0]} and {given[1]} are the same encoder: {with_fingerprint(first.encoder)}.",
            hint="A comparison needs two.",
        )
    # Nothing says that two encoders without fingerprint are the same; the folders tell them apart.
    return _renamed(first), _renamed(second)


def _task_names(located: Sequence[Located], of: Identity) -> set[str]:
    return {each[1].task.name for each in located if identity(each[1].encoder) == of}


def _renamed(side: Side) -> Side:
    label = f"{side.label} in {side.place}"
    located = tuple(
        (path, result.model_copy(update={"encoder": result.encoder.model_copy(update={"name": label})}))
        for path, result in side.located
    )
    return Side(label, located, side.place)


def _nothing_shared(a: str, b: str, undefined: set[str]) -> EvalkitError:
    if undefined:
        return EvalkitError(
            f"{a} and {b} share only tasks on which the score of one is undefined: {', '.join(sorted(undefined))}.",
            hint="`evalkit show RESULT_FILE` says why.",
        )
    return EvalkitError(
        f"{a} and {b} have no task in common.", hint="Run both on one task: evalkit run -m ... -t TASK."
    )
