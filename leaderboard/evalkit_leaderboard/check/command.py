"""`evalkit check`. Cheap to import."""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from evalkit.cli import console
from evalkit_leaderboard.check.options import (
    Alpha,
    Encoders,
    IfInconclusive,
    Look,
    Looks,
    Margins,
    SpendingRule,
    Strict,
    Tasks,
    TextFolders,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalkit.errors import EvalkitError
    from evalkit_leaderboard.check.report import Report

EXIT_BUG = 70
"""A bug of ours, EX_SOFTWARE of sysexits: Python's own 1 would read as a regression."""
EXIT_INTERRUPTED = 130
"""Ctrl-C, as shells have it."""


def check(
    baseline: Annotated[
        str,
        typer.Argument(
            metavar="BASELINE", help="Results: a folder or file, or a baseline saved in results/ by its name."
        ),
    ],
    candidate: Annotated[
        Path, typer.Argument(metavar="CANDIDATE", help="Results: a folder, one encoder's folder or a file.")
    ],
    margin: Margins = None,
    alpha: Alpha = None,
    power: Annotated[float | None, typer.Option(help="Chance that the units named as needed are for; .8.")] = None,
    strict: Strict = None,
    inconclusive: IfInconclusive = None,
    tasks: Tasks = None,
    encoders: Encoders = None,
    data: TextFolders = None,
    units: Annotated[int, typer.Option(min=0, help="Units of each task to show, those that got worst.")] = 10,
    looks: Looks = None,
    look: Look = None,
    spending: SpendingRule = None,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the report as JSON.")] = None,
    junit: Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Write it as JUnit XML.")] = None,
    markdown: Annotated[Path | None, typer.Option("--markdown", metavar="FILE", help="Write it as Markdown.")] = None,
) -> None:
    """Is a candidate worse than its baseline?

    Exit code 0: pass, 1: regression, 2: wrong use, 3: inconclusive, 4: incomparable.

    Settings stand in [tool.evalkit.check] of pyproject.toml or in [check] of evalkit.toml; options win.
    """
    given = {
        "margins": margin,
        "alpha": alpha,
        "power": power,
        "strict": strict,
        "inconclusive": inconclusive,
        "tasks": tasks,
        "encoders": encoders,
        "looks": looks,
        "look": look,
        "spending": spending,
    }
    with _no_false_alarm():
        report = _check(baseline, candidate, given, data or [], units)
        _show(report)
        _write(report, json, junit, markdown)
        raise typer.Exit(report.exit_code)


def _check(baseline: str, candidate: Path, given: dict[str, Any], data: list[Path], units: int) -> Report:
    from evalkit_leaderboard.check.config import configured, settings_of
    from evalkit_leaderboard.check.gate import check as checked
    from evalkit_leaderboard.check.history import history

    found = configured()
    settings = settings_of(found, **given)
    report = checked(baseline, candidate, settings, data=data, units=units, history=history())
    if found.path is not None:
        with _heard_or_not():
            console.note(f"Settings: {found.path}.")
    return report


def _show(report: Report) -> None:
    """Print the report."""
    with _heard_or_not():
        for warning in report.warnings:
            console.warning(warning)
    with _heard_or_not():
        _print(report)
        sys.stdout.flush()


@contextmanager
def _heard_or_not() -> Iterator[None]:
    """Print to a reader that may leave early, as `head` does: the verdict stands."""
    try:
        yield
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except SystemExit:  # rich's way to take a broken pipe: it prints no more and leaves with 1
        pass


def _print(report: Report) -> None:
    from evalkit_leaderboard.check.page import page

    for part in page(report):
        if isinstance(part, str):
            console.line(part)
        else:
            console.table(part.headers, part.rows, left=part.left)


def _write(report: Report, json: Path | None, junit: Path | None, markdown: Path | None) -> None:
    from evalkit_leaderboard.check.outputs import write

    notes = write(report, json=json, junit=junit, markdown=markdown)
    with _heard_or_not():
        for note in notes:
            console.note(note)


@contextmanager
def _no_false_alarm() -> Iterator[None]:
    """Whatever goes wrong leaves with an exit code of its own: 1 is for regressions and nothing else."""
    from evalkit.errors import EXIT_REGRESSION, EXIT_USAGE, EvalkitError

    try:
        yield
    except typer.Exit:
        raise
    except EvalkitError as error:
        _leave(error, EXIT_USAGE if error.exit_code == EXIT_REGRESSION else error.exit_code)
    except KeyboardInterrupt:
        with _heard_or_not():
            console.note("Interrupted.")
        raise typer.Exit(EXIT_INTERRUPTED) from None
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        refused = EvalkitError(f"The system refused{where}: {error.strerror}.", hint="Mend that and run again.")
        _leave(refused, refused.exit_code)
    except (Exception, SystemExit):  # a plugin that gives texts may exit
        traceback.print_exc(file=sys.stderr)
        raise typer.Exit(EXIT_BUG) from None


def _leave(error: EvalkitError, code: int) -> NoReturn:
    """Say what is wrong and leave with the code, whether or not somebody reads it."""
    with _heard_or_not():
        console.error(error)
    raise typer.Exit(code) from None
