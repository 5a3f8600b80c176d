"""The files that a check leaves: JSON, JUnit XML, Markdown, and the summary of a GitHub Actions step."""

from __future__ import annotations

import json as json_
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit.errors import EvalkitError, StoreError
from evalkit.store import write_atomic
from evalkit_leaderboard.check.junit import as_junit
from evalkit_leaderboard.check.markdown import LIMIT, as_markdown
from evalkit_leaderboard.check.record import as_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from evalkit_leaderboard.check.report import Report

SUMMARY = "GITHUB_STEP_SUMMARY"
"""Names the file that GitHub shows below a step."""
_HINT = "Name a file in a folder that can be written; the verdict stands above."


def write(
    report: Report,
    *,
    json: Path | None = None,
    junit: Path | None = None,
    markdown: Path | None = None,
    environment: Mapping[str, str] = os.environ,
) -> tuple[str, ...]:
    """Write each file that is named, and append to the summary of the step where there is one.

    Args:
        report: The check.
        json: Where the report goes as JSON.
        junit: Where it goes as JUnit XML.
        markdown: Where it goes as Markdown.
        environment: Names the file of the summary.

    Returns:
        What the reader should know, in sentences.

    Raises:
        EvalkitError: A file cannot be written; the others are.
    """
    failed: list[EvalkitError] = []
    for path, form in ((json, _json_text), (junit, as_junit), (markdown, as_markdown)):
        if path is not None:
            with _kept(failed, path):
                _write(path, form(report))
    said = ""
    if environment.get(SUMMARY):
        path = Path(environment[SUMMARY])
        with _kept(failed, path):
            said = _summarise(path, report)
    if failed:
        raise failed[0]
    return (said,) if said else ()


def _json_text(report: Report) -> str:
    return json_.dumps(as_json(report), indent=2, allow_nan=False) + "\n"


@contextmanager
def _kept(failed: list[EvalkitError], path: Path) -> Iterator[None]:
    """Keep what one file failed with until the others are written."""
    try:
        yield
    except StoreError as error:
        # A result that cannot be written exits 1, which of a check would mean a regression.
        failed.append(EvalkitError(error.message, hint=_HINT))
    except OSError as error:
        failed.append(EvalkitError(f"Cannot write {path}: {error.strerror or error}.", hint=_HINT))


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all; what is no file, such as a pipe, takes the text as it is."""
    if path.exists() and not path.is_file():
        _append(path, text)
    else:
        write_atomic(path, text)


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as stream:
        stream.write(text)


def _summarise(path: Path, report: Report) -> str:
    """Append to the summary as much as there is room for in it; a sentence where there is none."""
    held = path.stat().st_size if path.exists() else 0
    before = "\n" if held else ""
    text = f"{before}{as_markdown(report, LIMIT - held - len(before) - 1)}\n"
    if held + len(text.encode()) > LIMIT:
        return f"{path} is full: the report is not added to the summary of this step."
    _append(path, text)
    return ""
