"""A check as Markdown, for the summary of a GitHub Actions step and for comments on pull requests."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from evalkit_leaderboard.check import page
from evalkit_leaderboard.phrases import counted, cut, printable, settling_title

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from evalkit_leaderboard.check.report import Report
    from evalkit_leaderboard.phrases import Table

LIMIT = 1024 * 1024
"""Bytes of a step's summary; GitHub shows nothing of a longer one."""
_UNITS = (None, 5, 2, 1, 0)
"""So many units of each line are tried, until the page fits."""
_LONGEST = 1000
"""Characters of a sentence on the page that is left when nothing else fits."""
_BROKEN = "This page may not be longer: the file of --json has everything."
# A reference to a character is text wherever it stands: in a table, in HTML, at the start of a line. Only then are
# addresses no links and names no mentions.
_MARKS = re.compile(r"[&<>\"'`*_~\[\]\\|$@#!]|(?<=:)//|(?<=www)\.", re.IGNORECASE)


def as_markdown(report: Report, limit: int = LIMIT) -> str:
    """The report as GitHub shows it.

    Args:
        report: The check. Whatever its names and texts hold is shown as text.
        limit: Bytes. The units that got worst are cut first, then all but the outcome, and the page says so.
    """
    for units in _UNITS:
        text = "\n".join(_parts(report, units))
        if len(text.encode()) <= limit:
            return text
    return "\n".join(_shortest(report))


def escaped(text: str) -> str:
    """Foreign text on one line, without any meaning in Markdown or HTML."""
    return _MARKS.sub(lambda found: "".join(f"&#{ord(mark)};" for mark in found[0]), printable(text))


def _parts(report: Report, units: int | None) -> Iterator[str]:
    yield from _heading(report)
    yield from _sentences(f"**Warning:** {escaped(said)}" for said in report.warnings)
    yield from _list(map(escaped, (*page.compared(report), page.settings_line(report))))
    yield from (*_table(page.line_table(report)), "")
    yield from _list(map(escaped, page.reasons(report)))
    open_ = list(page.settling(report))
    if open_:
        yield from (escaped(settling_title(report.settings.power)), "", *_list(map(escaped, open_)))
    for table in page.worst_tables(report, units):
        yield from (f"<details><summary>{escaped(table.title)}</summary>", "", *_table(table), "", "</details>", "")
    if units is not None:
        kept = f"no more than {counted(units, 'unit')} of each line" if units else "none"
        yield from (f"Of the units that got worst, {kept} can be shown. {_BROKEN}", "")
    yield from _sentences(map(escaped, (*page.reading(report), *report.notes)))


def _heading(report: Report) -> Iterator[str]:
    yield from (f"## evalkit check: {report.verdict}", "")
    yield from _sentences(escaped(cut(said, _LONGEST)) for said in (page.outcome(report), page.counts(report)))


def _shortest(report: Report) -> Iterator[str]:
    yield from _heading(report)
    yield from (f"The table of {counted(sum(1 for _ in report.lines()), 'line')} is left out. {_BROKEN}", "")


def _table(table: Table) -> Iterator[str]:
    yield _cells(map(escaped, table.headers))
    yield _cells("---" if column < table.left else "---:" for column in range(len(table.headers)))
    yield from (_cells(map(escaped, row)) for row in table.rows)


def _cells(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _list(items: Iterable[str]) -> Iterator[str]:
    found = [f"- {item}" for item in items]
    yield from (*found, "") if found else ()


def _sentences(paragraphs: Iterable[str]) -> Iterator[str]:
    for paragraph in paragraphs:
        yield from (paragraph, "")
