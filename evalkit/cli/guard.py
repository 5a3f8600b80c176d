"""From exceptions to sentences and exit codes. What is not caught here is a bug of ours and keeps its traceback."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from typing import TYPE_CHECKING, NoReturn

import typer

from evalkit.cli import console
from evalkit.errors import EXIT_FAILED, EvalkitError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MACHINE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EMFILE})
"""Failures of the machine and not of the program: disk full, quota, read-only, forbidden, broken, too many files."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, with a sentence for the user."""


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Print what a user can act on as one sentence and exit with its code."""
    try:
        yield
        sys.stdout.flush()
    except EvalkitError as error:
        console.error(error)
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt as interrupt:
        console.note(str(interrupt) or "Interrupted.")
        raise typer.Exit(EXIT_FAILED) from None
    except BrokenPipeError:
        _leave_quietly()
    except OSError as error:
        if error.errno not in _MACHINE:
            raise
        where = f" {error.filename}" if error.filename else ""
        console.error(EvalkitError(f"The system refused{where}: {error.strerror}.", hint="Mend that and run again."))
        raise typer.Exit(EXIT_FAILED) from None


def _leave_quietly() -> NoReturn:
    """Exit when the reader of our output has gone, without the message that Python's own exit would print."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise typer.Exit(EXIT_FAILED) from None
