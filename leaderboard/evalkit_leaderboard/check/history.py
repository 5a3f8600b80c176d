"""Which candidates were checked before: every further look at one adds to the error, and the gate says so.

An append-only file of JSON lines beside the embedding cache. Every line is one write to a file that is open for
appending, so that processes side by side do not mix theirs (a local disk promises that, a network share may not).
A line that cannot be read counts as not there. Where no history can be kept the check goes on, and a note says so.
"""

from __future__ import annotations

import errno
import json
import os
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from evalkit.errors import EvalkitError, StoreError
from evalkit_leaderboard.check.settings import ALPHA

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

FILE_NAME = "checks.jsonl"
_KEY = "key"


@dataclass(frozen=True)
class Past:
    """One check that was made.

    Attributes:
        when: Day or moment in ISO 8601.
        verdict: What it found.
        digest: Of the results that it looked at.
        look: Which look it was, from 1.
        looks: How many were planned then; None where nobody said.
    """

    when: str
    verdict: str
    digest: str
    look: int
    looks: int | None = None

    @property
    def said(self) -> str:
        """Such as ``on 2026-11-21: inconclusive``."""
        return f"on {self.when[:10]}: {self.verdict}"


class History:
    """The checks that were made on this machine.

    Args:
        path: The file; None where there is no place for one.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._notes: dict[str, None] = {}
        if path is None:
            self._note("There is no home folder for the history of checks")

    @property
    def notes(self) -> tuple[str, ...]:
        """Why the history is not complete, in sentences."""
        return tuple(self._notes)

    def of(self, key: str) -> tuple[Past, ...]:
        """Checks of the same candidate against the same baseline, oldest first.

        Args:
            key: Digest of who was checked against whom on what.
        """
        try:
            lines = self.path.read_bytes().splitlines() if self.path else []
        except FileNotFoundError:
            return ()
        except OSError as error:
            self._unkept(error)
            return ()
        return tuple(past for line in lines if (past := _parsed(line, key)) is not None)

    def add(self, key: str, past: Past) -> None:
        """Remember a check."""
        if self.path is None:
            return
        # The newline in front: a line that was cut short, as by a full disk, spoils no other.
        line = f"\n{json.dumps({_KEY: key, **asdict(past)})}\n".encode()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            _append(self.path, line)
        except OSError as error:
            self._unkept(error)

    def _unkept(self, error: OSError) -> None:
        self._note(f"The history of checks {self.path} cannot be kept ({error.strerror})")

    def _note(self, trouble: str) -> None:
        """Say what is wrong, once."""
        self._notes[f"{trouble}: repeated checks go unnoticed; EVALKIT_CACHE may name another folder."] = None


def history() -> History:
    """The history beside the embedding cache, in `checks.jsonl`."""
    from evalkit.embedding.cache import cache_folder

    try:
        return History(cache_folder() / FILE_NAME)
    except StoreError:
        return History(None)


def look_now(
    past: Sequence[Past], digest: str, looks: int, look: int | None, *, alpha: float = ALPHA
) -> tuple[int, tuple[str, ...]]:
    """Which look this is, and what the user should know about those before.

    Args:
        past: Earlier checks of the same candidate against the same baseline, oldest first.
        digest: Of the results that are checked now.
        looks: How many looks are planned.
        look: Which one the user says it is; None to go by the history.
        alpha: Error rate of all looks together, for the sentences.

    Raises:
        EvalkitError: All planned looks are spent.
    """
    if looks == 1:
        return 1, tuple(_unplanned(past, digest, alpha))
    numbers = _numbers(past)
    now = look or numbers.get(digest) or max(numbers.values(), default=0) + 1
    if now > looks:
        raise _spent(past[-1], looks, alpha)
    sentences = _given(past, digest, now) if look else _counted(past, digest, now, looks)
    return now, (*sentences, *_replanned(past, looks, alpha))


def _numbers(past: Iterable[Past]) -> dict[str, int]:
    """The look of each digest: the one noted, but at least its place, since unplanned checks all note the first."""
    numbers: dict[str, int] = {}
    for each in past:
        numbers[each.digest] = max(each.look, numbers.get(each.digest, len(numbers) + 1))
    return numbers


def _unplanned(past: Sequence[Past], digest: str, alpha: float) -> Iterable[str]:
    """The sentences where no looks are planned."""
    same = [each for each in past if each.digest == digest]
    distinct = {each.digest for each in past}
    if same:
        yield (
            f"These very results were checked against this baseline before (last {same[-1].said}); "
            "the same settings say the same again."
        )
    elif distinct:
        times = "once" if len(distinct) == 1 else f"{len(distinct)} times"
        yield (
            f"This candidate was checked against this baseline {times} before (last {past[-1].said}): "
            f"each further look adds to the error of {_percent(alpha)}; plan them with --looks N."
        )


def _given(past: Sequence[Past], digest: str, now: int) -> Iterable[str]:
    """The sentences where the user says which look it is."""
    taken = [each for each in past if each.look == now and each.looks != 1 and each.digest != digest]
    if taken:
        yield f"Look {now} was taken by other results before (last {taken[-1].said}): its alpha is spent twice."


def _counted(past: Sequence[Past], digest: str, now: int, looks: int) -> Iterable[str]:
    """The sentences where the history says which look it is."""
    same = [each for each in past if each.digest == digest]
    if same:
        yield f"These very results were look {now} of {looks} before (last {same[-1].said}); no new alpha is spent."
    elif past:
        yield f"This is look {now} of {looks}: the one before was {past[-1].said}."
    else:
        yield (
            f"This counts as look {now} of {looks}: no earlier check of this candidate is known here; "
            "--look says which it is where the others were made elsewhere."
        )


def _replanned(past: Iterable[Past], looks: int, alpha: float) -> Iterable[str]:
    """The sentence where another number of looks was planned before, or none."""
    if {each.looks for each in past} - {looks, None}:
        yield (
            f"Earlier checks were no part of a plan of {looks} looks: "
            f"the error of {_percent(alpha)} holds for one plan that is kept from its first look on."
        )


def _spent(last: Past, looks: int, alpha: float) -> EvalkitError:
    return EvalkitError(
        f"All {looks} planned looks at this candidate are spent (last {last.said}).",
        hint=f"Its last verdict stands: more looks would raise the error above {_percent(alpha)}. "
        "Another candidate starts anew; --look K looks at one of the planned again.",
    )


def _percent(alpha: float) -> str:
    return f"{100 * alpha:g} %"


def _append(path: Path, line: bytes) -> None:
    """Append in one write, so that lines of several processes do not mix."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
    try:
        if os.write(file, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        os.close(file)


def _parsed(line: bytes, key: str) -> Past | None:
    """The check on a line; None where it is another candidate's or damaged."""
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, dict) or values.get(_KEY) != key:
        return None
    given = {each.name: values[each.name] for each in fields(Past) if each.name in values}
    return Past(**given) if _sound(given) else None


def _sound(values: dict[str, Any]) -> bool:
    """Whether these are the values of a check."""
    texts = (values.get("when"), values.get("verdict"), values.get("digest"))
    return (
        all(isinstance(text, str) for text in texts)
        and _counts(values.get("look"))
        and (values.get("looks") is None or _counts(values["looks"]))
    )


def _counts(value: object) -> bool:
    return type(value) is int and value >= 1
