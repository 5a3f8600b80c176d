"""A check as JUnit XML, which every continuous-integration server reads: a suite an encoder, a case a task.

It keeps to what both schemas in use allow: that of Apache Ant (Windy Road), which wants every attribute and every
element, and that of Jenkins.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from evalkit_leaderboard.check.page import described, numbers, outlook, worst_shown
from evalkit_leaderboard.check.report import Verdict
from evalkit_leaderboard.check.settings import Inconclusive
from evalkit_leaderboard.phrases import plural, printable, score, unit_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalkit_leaderboard.check.report import EncoderCheck, Line, Report

PACKAGE = "evalkit"
_PROPERTIES = ("verdict", "baseline", "candidate", "difference", "lower", "upper", "p_adjusted", "n", "margin")
_SETTINGS = ("margin", "alpha", "power", "strict", "inconclusive", "looks")


def as_junit(report: Report, when: datetime | None = None) -> str:
    """The report as a JUnit file.

    Args:
        report: The check. Characters that XML forbids are replaced.
        when: Time of the check; now, if none is given.
    """
    root = Element("testsuites")
    stamp = (when or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%S")
    for number, encoder in enumerate(report.encoders):
        _suite(root, report, encoder, number, stamp)
    indent(root)
    written: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return written.decode("utf-8") + "\n"


def _suite(root: Element, report: Report, encoder: EncoderCheck, number: int, stamp: str) -> None:
    label = printable(encoder.label) or "encoder"
    suite = SubElement(root, "testsuite", name=label, package=PACKAGE, id=str(number), timestamp=stamp)
    suite.set("hostname", "localhost")
    _properties(suite, report, encoder)
    for line in encoder.lines:
        _case(suite, report, line, f"{PACKAGE}.{label}")
    suite.set("tests", str(len(encoder.lines)))
    for name, element in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(len(suite.findall(f"testcase/{element}"))))
    suite.set("time", "0")
    # Where a whole check has something to say, each of its suites says it.
    SubElement(suite, "system-out").text = _lines(report.notes)
    SubElement(suite, "system-err").text = _lines(report.warnings)


def _properties(suite: Element, report: Report, encoder: EncoderCheck) -> None:
    properties = SubElement(suite, "properties")
    named: list[tuple[str, object]] = [("baseline", report.baseline), ("candidate", report.candidate)]
    named += [(name, getattr(report.settings, name)) for name in _SETTINGS]
    named += [("look", report.look), ("alpha_of_look", report.alpha), ("family", report.family)]
    for line in encoder.lines:
        named += [(f"{line.name}.{name}", getattr(line, name)) for name in _PROPERTIES]
    for name, value in named:
        if value is not None:
            SubElement(properties, "property", name=printable(name), value=printable(str(value)))


def _case(suite: Element, report: Report, line: Line, classname: str) -> None:
    case = SubElement(suite, "testcase", name=printable(line.name) or "task", classname=classname, time="0")
    if line.verdict is Verdict.PASS:
        return
    known = numbers(line)
    message = printable(f"{line.reason} {known[:1].upper()}{known[1:]}") or line.verdict.value
    if line.verdict is Verdict.INCONCLUSIVE and report.settings.inconclusive is Inconclusive.WARN:
        SubElement(case, "skipped", message=message)
        return
    element = "error" if line.verdict is Verdict.INCOMPARABLE else "failure"
    SubElement(case, element, type=line.verdict.value, message=message).text = _lines(_details(line))


def _details(line: Line) -> Iterator[str]:
    """Everything that is known of a line that failed."""
    if line.reason:
        yield line.reason
    scores = (("baseline", line.baseline), ("candidate", line.candidate))
    parts = (*(f"{side} {score(value)}" for side, value in scores if value is not None), numbers(line))
    yield from filter(None, (", ".join(filter(None, parts)), outlook(line)))
    if worst_shown(line):
        yield f"The {plural(line.unit)} that got worst:"
        for unit in line.worst:
            yield f"{unit_name(unit)}: {score(unit.a)} -> {score(unit.b)}, {described(unit)}"


def _lines(texts: tuple[str, ...] | Iterator[str]) -> str:
    return "\n".join(printable(text) for text in texts)
