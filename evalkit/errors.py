"""What a user may get wrong, and what to do about it.

One class for every error a user can cause or mend: a sentence, a hint, an exit code. The command line prints
it without a traceback; everything else that escapes is a bug of ours and keeps its traceback.
"""

from __future__ import annotations

from contextlib import contextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

EXIT_FAILED = 1
"""A cell failed: some result could not be computed."""
EXIT_USAGE = 2
"""The command itself could not be carried out: wrong name, missing file, unreadable data."""
EXIT_REGRESSION = 1
"""`evalkit check`: a regression is proven, and nothing else exits so."""
EXIT_INCONCLUSIVE = 3
"""`evalkit check`: neither a pass nor a regression is proven."""
EXIT_INCOMPARABLE = 4
"""`evalkit check`: other data, protocol, metric or units, or a result that is missing."""


class EvalkitError(Exception):
    """An error that a user can act on.

    Args:
        message: One sentence saying what is wrong.
        hint: One sentence saying what to do next.
        exit_code: What the command line exits with.
    """

    exit_code = EXIT_USAGE

    def __init__(self, message: str, *, hint: str = "", exit_code: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if exit_code is not None:
            self.exit_code = exit_code

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.message, self.hint, self.exit_code))


def _rebuild(kind: type[EvalkitError], message: str, hint: str, exit_code: int) -> EvalkitError:
    return kind(message, hint=hint, exit_code=exit_code)


class DataError(EvalkitError):
    """A data set that cannot be read or contradicts itself; the message names file and line."""


class EncoderError(EvalkitError):
    """An encoder that cannot be loaded, or that returned something that is no embedding."""


class StoreError(EvalkitError):
    """A result or cache that cannot be read or written."""


class CellError(EvalkitError):
    """A task that cannot be scored with this encoder; the other cells of the run go on."""

    exit_code = EXIT_FAILED


@contextmanager
def foreign(sentence: str, *, hint: str, kind: type[EvalkitError] = EvalkitError) -> Iterator[None]:
    """Run somebody else's code: whatever it raises, an exit included, becomes an error for users.

    Args:
        sentence: What could not be done, without the full stop; what was raised follows it.
        hint: What to do next.
        kind: The error.
    """
    try:
        yield
    except EvalkitError:
        raise
    except (Exception, SystemExit) as error:
        raise kind(f"{sentence}: {in_words(error)}.", hint=hint) from error


def in_words(error: BaseException, limit: int = 300) -> str:
    """An exception of somebody else's code on one line: its type, and what it says if it says something."""
    said = " ".join(str(error).split()).rstrip(".")
    said = said if len(said) <= limit else f"{said[: limit - 3]}..."
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def unknown(kind: str, name: str, known: Iterable[str], *, where: str) -> EvalkitError:
    """The error for a name that nothing answers to, with the nearest names that something does.

    Args:
        kind: What was looked for, such as ``task``.
        name: The name that was not found.
        known: Every name that would have been.
        where: The command that lists them.
    """
    candidates = sorted(known)
    lowered = {candidate.lower(): candidate for candidate in candidates}
    close = [lowered[match] for match in get_close_matches(name.lower(), lowered, n=3, cutoff=0.6)]
    meant = f"Did you mean {' or '.join(close)}? " if close else ""
    return EvalkitError(f"Unknown {kind} {name!r}.", hint=f"{meant}`{where}` shows what there is.")
