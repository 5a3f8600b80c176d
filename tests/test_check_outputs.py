"""What `evalkit check` says on the terminal, as JSON, as JUnit XML and as Markdown, and how it writes files."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import Any
from xml.etree import ElementTree

import helpers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree
from markdown_it import MarkdownIt

from evalkit.cli import console
from evalkit.errors import EXIT_USAGE, EvalkitError
from evalkit.schema import EncoderRecord
from evalkit_leaderboard.check.junit import as_junit
from evalkit_leaderboard.check.markdown import LIMIT, as_markdown, escaped
from evalkit_leaderboard.check.outputs import SUMMARY, write
from evalkit_leaderboard.check.page import counts, line_table, outcome, outlook, page, reading, reasons, worst_tables
from evalkit_leaderboard.check.record import as_json
from evalkit_leaderboard.check.report import EncoderCheck, Line, Report, Verdict
from evalkit_leaderboard.check.settings import MEAN, Inconclusive, Settings
from evalkit_leaderboard.hardest import HardUnit
from evalkit_leaderboard.phrases import Table, printable, what_it_is

NAME = "all-MiniLM-L6-v2"
NEITHER = "Neither a loss beyond the margin nor its absence is proven."
HOSTILE = (
    "</failure>]]> \x00\x1b[31m\u202e|`<script>&amp; **b** [x](http://evil) www.evil @all\r\n| a | b |\n# h\ud800\ufffe"
)
SCHEMA = etree.XMLSchema(etree.parse(helpers.FIXTURES / "junit.xsd"))
TEXTS = st.text(st.characters(exclude_categories=()), max_size=40)
ANY_VERDICT = st.sampled_from(list(Verdict))


# -- reports by hand ---------------------------------------------------------------------------------------------


def record(fingerprint: str | None = "01" * 32, name: str = NAME) -> EncoderRecord:
    return EncoderRecord(name=name, fingerprint=fingerprint, spec="st:model", similarity="cosine", dimension=384)


def line(name: str, verdict: Verdict, reason: str = "", **numbers: Any) -> Line:
    known = {"encoder": NAME, "type": "" if name == MEAN else "Retrieval", "metric": "ndcg@10", "margin": 0.01}
    return Line(name=name, verdict=verdict, reason=reason, **(known | numbers))


def unit(name: str = "q1", text: str | None = None, **more: Any) -> HardUnit:
    return HardUnit("test", "default", name, 1.0, 0.25, 0.75, text=text, **more)


def report(tasks: Sequence[Line], mean: Line | None = None, settings: Settings | None = None, **more: Any) -> Report:
    settings = settings or Settings()
    encoders = (EncoderCheck(NAME, record(), record("fe" * 32), tuple(tasks), mean),)
    known = {"encoders": encoders, "alpha": settings.alpha, "family": len(tasks) + (mean is not None)}
    return Report(settings, "results/baseline", "results/run", **(known | more))


LOST = line(
    "QuickRetrieval",
    Verdict.REGRESSION,
    "It is worse by more than the margin.",
    **{"baseline": 0.7, "candidate": 0.6688, "difference": -0.0312, "lower": -0.042, "upper": -0.0203, "n": 300},
    **{"unit": "query", "basis": "units", "p": 0.0003, "p_adjusted": 0.0012, "p_pass": 0.9997},
    worst=(
        unit("q17", "how do wolves\nhunt in winter?"),
        HardUnit("dev", "en", "q3", 0.8, 0.25, 0.55, {"label": "a"}, {"predicted": "a"}, {"predicted": "b"}),
    ),
)
# Units needed and detectable as in STATISTICS, section 3: sd .15, one-sided .05/.8.
OPEN = line(
    "QuickSTS",
    Verdict.INCONCLUSIVE,
    NEITHER,
    **{"baseline": 0.81, "candidate": 0.8041, "difference": -0.0059, "lower": -0.02, "upper": 0.0135, "n": 300},
    **{"unit": "pair", "basis": "units", "p_adjusted": 0.84, "type": "STS"},
    **{"detectable": 0.0215, "needed": 4000, "needed_if_equal": 1392},
)
PASSED = line(
    "QuickClassification",
    Verdict.PASS,
    "It is not worse by the margin or more.",
    **{"baseline": 0.71, "candidate": 0.712, "difference": 0.002, "lower": -0.004, "upper": 0.009, "n": 300},
    **{"unit": "example", "p_adjusted": 0.99, "worst": (unit("7"),)},
)
OTHER = line("QuickClustering", Verdict.INCOMPARABLE, "The baseline was made on other data: their fingerprints differ.")
ALL = report((LOST, OPEN, PASSED, OTHER), notes=("A note.",), warnings=("A warning.",))


def two_encoders() -> Report:
    tasks = [replace(each, encoder="b\u00e9ta") for each in (OPEN, OTHER)]
    mean = line(MEAN, Verdict.INCONCLUSIVE, "Over 1 of 2 tasks.", encoder="b\u00e9ta")
    lost = EncoderCheck("b\u00e9ta", record(None, "beta"), None, tuple(tasks), mean)
    return replace(ALL, encoders=(*ALL.encoders, lost))


def hostile(text: str, verdicts: Sequence[Verdict] = tuple(Verdict), settings: Settings | None = None) -> Report:
    """A report in which every text is the given one."""
    shown = HardUnit(text, text, text, 1.0, 0.5, 0.5, {text: text}, {text: text}, {text: text}, text)
    lines = [line(text, each, text, encoder=text, type=text, worst=(shown, shown)) for each in verdicts]
    encoder = EncoderCheck(text, record(text, text), record(text, text), tuple(lines))
    known = report((), settings=settings, encoders=(encoder,), notes=(text,), warnings=(text,))
    return replace(known, baseline=text, candidate=text)


REPORTS = {
    "all verdicts": ALL,
    "two encoders": two_encoders(),
    "nothing known": report([line("T", verdict) for verdict in Verdict], line(MEAN, Verdict.INCONCLUSIVE)),
    "pass": report((PASSED,)),
    "warns": report((OPEN,), settings=Settings(inconclusive=Inconclusive.WARN)),
    "hostile": hostile(HOSTILE),
    "empty texts": hostile(""),
}
every_report = pytest.mark.parametrize("made", REPORTS.values(), ids=REPORTS)


# -- the terminal ------------------------------------------------------------------------------------------------

# Read once by a person and kept: nothing of it may change unseen.
PAGE = """\
regression: all-MiniLM-L6-v2 lost 0.0312 on QuickRetrieval (margin 0.01).
4 tasks: 1 regression, 1 incomparable, 1 inconclusive, 1 pass; the mean: inconclusive. Exit code 1.

baseline   results/baseline
candidate  results/run
all-MiniLM-L6-v2 (010101010101) -> all-MiniLM-L6-v2 (fefefefefefe)
margin 0.01 (STS 0.02), alpha 0.05, power 0.8, strict, look 1 of 3 (obrien-fleming: alpha 0.0054 for it)

task                 verdict       baseline  candidate  difference      [lower, upper]  p (Holm)      rests on  margin
───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
QuickRetrieval       regression      0.7000     0.6688     -0.0312  [-0.0420, -0.0203]    0.0012   300 queries    0.01
QuickSTS             inconclusive    0.8100     0.8041     -0.0059  [-0.0200, +0.0135]    0.8400     300 pairs    0.01
QuickClassification  pass            0.7100     0.7120     +0.0020  [-0.0040, +0.0090]    0.9900  300 examples    0.01
QuickClustering      incomparable         —          —           —                   —         —             —    0.01
mean                 inconclusive         —          —           —                   —         —             —    0.01

QuickRetrieval: regression. It is worse by more than the margin.
QuickSTS, the mean: inconclusive. Neither a loss beyond the margin nor its absence is proven.
QuickClustering: incomparable. The baseline was made on other data: their fingerprints differ.

What would settle it (with a chance of 80%):
QuickSTS: with 300 pairs a margin of 0.0215 could be decided; a margin of 0.01 takes 1,392 pairs if the candidate is \
no different, 4,000 if the observed difference is the true one.

QuickRetrieval: the 2 queries that got worst
query      what it is                                                baseline  candidate  difference
─────────────────────────────────────────────────────────────────────────────────────────────────────
q17        how do wolves hunt in winter?                               1.0000     0.2500     -0.7500
dev/en/q3  label a | baseline: predicted a | candidate: predicted b    0.8000     0.2500     -0.5500

[lower, upper] bounds candidate less baseline from either side: lower above -margin is a pass (with error 0.0054), \
upper below 0 a regression.
p (Holm) tests for any loss, corrected over 5 lines together: 0.0054 or less is a regression.
The score of a unit is its own where the task's score is their mean; otherwise it is its leave-one-out pseudo-value: \
how much the unit adds to the score.
A note.
"""


def printed(made: Report, capsys: pytest.CaptureFixture[str]) -> str:
    console.out.cache_clear()
    for part in page(made):
        if isinstance(part, Table):
            console.table(part.headers, part.rows, left=part.left)
        else:
            console.line(part)
    console.out.cache_clear()
    return "".join(f"{each.rstrip()}\n" for each in capsys.readouterr().out.splitlines())


def test_the_page_as_it_stands_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(margins=MappingProxyType({"STS": 0.02}), strict=True, looks=3)
    mean = line(MEAN, Verdict.INCONCLUSIVE, NEITHER)
    made = report(ALL.encoders[0].tasks, mean, settings, alpha=0.0054, notes=ALL.notes)
    assert printed(made, capsys) == PAGE


def test_every_verdict_has_its_outcome() -> None:
    loss = replace(LOST, name="Worst", difference=-0.5)
    assert outcome(report((LOST, OPEN, loss))) == (
        f"regression: {NAME} lost 0.5000 on Worst (margin 0.01); also QuickRetrieval."
    )
    within = replace(LOST, difference=-0.004)
    assert outcome(report((within,))) == (
        f"regression: {NAME} lost 0.0040 on QuickRetrieval (margin 0.01, which it is within)."
    )
    assert outcome(report((PASSED, OPEN, OTHER))) == f"incomparable: {NAME} on QuickClustering. {OTHER.reason}"
    mean = replace(OPEN, name=MEAN, type="")
    assert outcome(report((PASSED, OPEN), mean)) == f"inconclusive: {NAME} on QuickSTS; also the mean. {NEITHER}"
    same = [replace(PASSED, name=name, reason="Bit-identical.") for name in "ab"]
    assert outcome(report(same)) == f"pass: {NAME} on 2 lines. Bit-identical."
    assert outcome(report((PASSED, same[0]))) == f"pass: {NAME} is nowhere worse by the margin or more."


def test_counts_tell_tasks_from_means_and_name_the_exit_code() -> None:
    assert counts(report((PASSED,))) == "1 task: 1 pass. Exit code 0."
    assert counts(REPORTS["warns"]) == "1 task: 1 inconclusive. Exit code 0."
    made = two_encoders()
    assert counts(made) == (
        "2 encoders, 6 tasks: 1 regression, 2 incomparable, 2 inconclusive, 1 pass; the mean: inconclusive. "
        "Exit code 1."
    )
    # A task that somebody called "mean" is a task.
    assert counts(report((replace(PASSED, name=MEAN),))) == "1 task: 1 pass. Exit code 0."


def test_several_encoders_are_named_everywhere() -> None:
    made = two_encoders()
    table = line_table(made)
    assert (table.headers[0], table.left) == ("encoder", 3)
    assert [row[:2] for row in table.rows[3:6]] == [
        (NAME, "QuickClustering"),
        ("b\u00e9ta", "QuickSTS"),
        ("b\u00e9ta", "QuickClustering"),
    ]
    assert f"{NAME} on QuickSTS, b\u00e9ta on QuickSTS: inconclusive. {NEITHER}" in list(reasons(made))
    lines = [part for part in page(made) if isinstance(part, str)]
    assert "b\u00e9ta: beta (no fingerprint) -> no such encoder" in lines


def test_what_would_settle_an_open_line_as_far_as_it_is_known() -> None:
    assert outlook(PASSED) == outlook(replace(OPEN, detectable=None)) == ""
    assert outlook(replace(OPEN, needed=None)).endswith("takes 1,392 pairs if the candidate is no different.")
    assert outlook(replace(OPEN, needed_if_equal=None)).endswith(
        "takes 4,000 pairs if the observed difference is the true one."
    )
    assert outlook(replace(OPEN, needed_if_equal=None, needed=None)) == (
        "with 300 pairs a margin of 0.0215 could be decided; no number settles it if the observed difference is the "
        "true one."
    )
    # Units enough for a candidate that is no different: more units would not help if it were.
    able = outlook(replace(OPEN, detectable=0.009, needed_if_equal=301))
    assert "0.0090 can be decided, if the candidate is no different; a margin of 0.01 takes 4,000 pairs if" in able
    assert outlook(replace(OPEN, name=MEAN, type="")).endswith(", in the same shares of the tasks.")


def test_units_are_shown_where_they_explain_something() -> None:
    passed, lost = worst_tables(report((PASSED, LOST))), worst_tables(report((PASSED, LOST)), limit=1)
    assert [len(table.rows) for table in passed] == [2]
    assert [table.title for table in lost] == ["QuickRetrieval: the query that got worst"]
    assert not list(worst_tables(ALL, limit=0))
    assert not list(reading(REPORTS["nothing known"]))[1:]  # no bound, no unit: only what p is


@every_report
def test_no_page_holds_anything_that_drives_a_terminal(made: Report) -> None:
    texts = [part for part in page(made) if isinstance(part, str)]
    texts += [cell for part in page(made) if isinstance(part, Table) for row in part.rows for cell in row]
    assert texts
    for text in texts:
        assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e]", text)
        text.encode()  # no single surrogate


# -- JSON --------------------------------------------------------------------------------------------------------


@every_report
def test_json_is_strict_and_survives_the_way_there_and_back(made: Report) -> None:
    found = as_json(made)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert (found["verdict"], found["exit_code"]) == (made.verdict, made.exit_code)
    assert len(found["encoders"]) == len(made.encoders)


def test_json_has_everything() -> None:
    settings = Settings(margins=MappingProxyType({"STS": 0.02}), tasks="Quick*")
    found = as_json(report((LOST, OPEN), line(MEAN, Verdict.PASS), settings, notes=("n",), warnings=("w",), look=1))
    assert " ".join(found) == (
        "schema_version verdict exit_code baseline candidate settings alpha family look encoders notes warnings "
        "provenance"
    )
    assert found["schema_version"] == 1
    assert found["settings"]["margins"] == {"STS": 0.02}
    assert (found["settings"]["inconclusive"], found["settings"]["spending"]) == ("fail", "obrien-fleming")
    [encoder] = found["encoders"]
    assert encoder["baseline"] == {"name": NAME, "fingerprint": "01" * 32, "spec": "st:model"}
    first, second = encoder["tasks"]
    assert {name for name in first if first[name] is None} == {"se", "df", "detectable", "needed", "needed_if_equal"}
    assert first["difference"] == -0.0312
    assert second["needed"] == 4000
    assert first["worst"][0]["text"] == "how do wolves\nhunt in winter?"
    assert first["worst"][1] == {
        **{"split": "dev", "subset": "en", "id": "q3", "baseline": 0.8, "candidate": 0.25, "difference": 0.25 - 0.8},
        **{"shared": {"label": "a"}, "seen_baseline": {"predicted": "a"}, "seen_candidate": {"predicted": "b"}},
        "text": None,
    }
    assert encoder["mean"]["name"] == MEAN
    assert set(found["provenance"]["versions"]) == {"evalkit", "numpy", "scipy", "python"}
    assert as_json(two_encoders())["encoders"][1]["candidate"] is None


def test_json_has_null_for_what_is_not_finite() -> None:
    odd = replace(LOST, se=float("nan"), df=float("inf"), worst=(HardUnit("t", "d", "1", float("nan"), 0.0, 0.0),))
    [task] = as_json(report((odd,)))["encoders"][0]["tasks"]
    assert (task["se"], task["df"], task["worst"][0]["baseline"]) == (None, None, None)


# -- JUnit -------------------------------------------------------------------------------------------------------


def valid(text: str) -> ElementTree.Element:
    """The root of a JUnit file that both schemas in use allow."""
    SCHEMA.assertValid(etree.fromstring(text.encode()))
    root = ElementTree.fromstring(text.encode())
    for number, suite in enumerate(root):
        assert_as_windy_road_wants(suite, number)
    return root


def assert_as_windy_road_wants(suite: ElementTree.Element, number: int) -> None:
    """What the schema of Apache Ant's JUnit task asks beyond that of Jenkins (https://windyroad.com.au, JUnit.xsd)."""
    cases = suite.findall("testcase")
    assert [each.tag for each in suite] == ["properties", *["testcase"] * len(cases), "system-out", "system-err"]
    required = {"name", "package", "id", "timestamp", "hostname", "tests", "failures", "errors", "time"}
    assert required <= set(suite.keys()) <= {*required, "skipped"}
    assert suite.get("id") == str(number)
    assert suite.get("hostname")
    datetime.strptime(suite.get("timestamp", ""), "%Y-%m-%dT%H:%M:%S")
    assert suite.get("name", "").strip()
    for each in suite.findall("properties/property"):
        assert each.get("name", "").strip()
        assert set(each.keys()) == {"name", "value"}
    for case in cases:
        assert set(case.keys()) == {"name", "classname", "time"}
        assert [each.tag for each in case] in ([], ["skipped"], ["error"], ["failure"])
        assert all(each.get("type") for each in case if each.tag != "skipped")


@every_report
def test_junit_is_valid_and_counts_right(made: Report) -> None:
    root = valid(as_junit(made))
    for suite, encoder in zip(root, made.encoders, strict=True):
        outcomes = [each.tag for case in suite.findall("testcase") for each in case]
        named = (("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))
        assert {name: int(suite.get(name, "")) for name, _ in named} == {
            name: outcomes.count(tag) for name, tag in named
        }
        assert int(suite.get("tests", "")) == len(encoder.lines) == len(suite.findall("testcase"))


def test_junit_has_one_case_a_task_and_says_what_is_wrong() -> None:
    made = replace(ALL, encoders=(replace(ALL.encoders[0], mean=line(MEAN, Verdict.PASS)),))
    text = as_junit(made, datetime(2026, 11, 21, 9, 30, tzinfo=UTC))
    [suite] = valid(text)
    assert (suite.get("name"), suite.get("timestamp")) == (NAME, "2026-11-21T09:30:00")
    cases = {case.get("name"): case for case in suite.findall("testcase")}
    assert list(cases) == ["QuickRetrieval", "QuickSTS", "QuickClassification", "QuickClustering", MEAN]
    assert {case.get("classname") for case in cases.values()} == {f"evalkit.{NAME}"}
    [failure] = cases["QuickRetrieval"]
    assert (failure.tag, failure.get("type")) == ("failure", "regression")
    assert failure.get("message") == (
        "It is worse by more than the margin. Difference -0.0312, [lower, upper] [-0.0420, -0.0203], p (Holm) 0.0012, "
        "margin 0.01"
    )
    assert (failure.text or "").splitlines()[-2:] == [
        "q17: 1.0000 -> 0.2500, how do wolves hunt in winter?",
        "dev/en/q3: 0.8000 -> 0.2500, label a | baseline: predicted a | candidate: predicted b",
    ]
    [failure] = cases["QuickSTS"]
    assert (failure.tag, failure.get("type")) == ("failure", "inconclusive")
    assert "takes 1,392 pairs if" in (failure.text or "")
    [error] = cases["QuickClustering"]
    assert (error.tag, error.get("type"), error.get("message")) == ("error", "incomparable", OTHER.reason)
    assert not list(cases[MEAN])
    assert not list(cases["QuickClassification"])
    properties = {each.get("name"): each.get("value") for each in suite.findall("properties/property")}
    assert properties["QuickRetrieval.difference"] == "-0.0312"
    assert "QuickClustering.difference" not in properties
    assert (suite.findtext("system-out"), suite.findtext("system-err")) == ("A note.", "A warning.")


def test_junit_skips_what_is_inconclusive_where_that_only_warns() -> None:
    [suite] = valid(as_junit(REPORTS["warns"]))
    [skipped] = suite.find("testcase") or ()
    assert (skipped.tag, suite.get("skipped"), suite.get("failures")) == ("skipped", "1", "0")
    assert (skipped.get("message") or "").startswith(NEITHER)


@given(TEXTS, st.lists(ANY_VERDICT, min_size=1, max_size=4), st.sampled_from(list(Inconclusive)))
@example(HOSTILE, list(Verdict), Inconclusive.WARN)
def test_junit_of_any_text_is_valid(text: str, verdicts: list[Verdict], inconclusive: Inconclusive) -> None:
    made = hostile(text, verdicts, Settings(inconclusive=inconclusive))
    [suite] = valid(as_junit(made))
    assert suite.findtext("system-out") == printable(text)


# -- Markdown ----------------------------------------------------------------------------------------------------


class Seen(HTMLParser):
    """What a browser would show: tags, and the texts of the cells of each table."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.tables: list[list[list[str]]] = []
        self.text = ""
        self._cell = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self._cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._cell = False

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._cell:
            self.tables[-1][-1][-1] += data


def shown(markdown: str) -> Seen:
    return Seen(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(markdown))


PLAIN = {"h2", "p", "strong", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "details", "summary"}


@every_report
def test_markdown_shows_what_the_page_shows(made: Report) -> None:
    seen = shown(as_markdown(made))
    assert seen.tags <= PLAIN
    assert seen.attributes <= {"style"}  # the alignment of columns
    tables = [line_table(made), *worst_tables(made)]
    assert len(seen.tables) == len(tables)
    for cells, table in zip(seen.tables, tables, strict=True):
        assert cells == [[printable(cell) for cell in row] for row in (table.headers, *table.rows)]
    assert outcome(made).split(":")[0] in seen.text


@given(TEXTS)
@example(HOSTILE)
@example("a <b")
@example("https://a.b, WWW.a.b, a@b.c")
def test_any_text_is_shown_as_text(text: str) -> None:
    for markdown, before in ((f"x {escaped(text)}", "x "), (f"<details><summary>{escaped(text)}</summary>", "")):
        seen = shown(markdown)
        assert seen.tags <= {"p", "details", "summary"}
        # A browser takes each blank for a blank.
        assert seen.text.split() == (before + printable(text)).split()
    assert not re.search(r"://|www\.|@", escaped(text), re.IGNORECASE)


def many(tasks: int) -> Report:
    units = tuple(unit(str(number), "wolf | " * 15) for number in range(10))
    return report(tuple(replace(LOST, name=f"Task{number}", worst=units) for number in range(tasks)))


def test_the_page_ends_below_the_limit_of_github_and_says_what_it_lacks() -> None:
    text = as_markdown(many(700))
    assert LIMIT / 2 < len(text.encode()) <= LIMIT
    assert text.count("<details>") == 700
    assert "Of the units that got worst, no more than 5 units of each line can be shown." in text
    assert "can be shown" not in as_markdown(many(10))


# Bytes of a task: its row 110; with ten units 2,450, with five 1,370, with two 720, with one 500.
@pytest.mark.parametrize(
    ("limit", "tables", "said"),
    [
        (100_000, 41, ""),
        (80_000, 41, "no more than 5 units of each line can be shown"),
        (25_000, 41, "no more than 1 unit of each line can be shown"),
        (12_000, 1, "Of the units that got worst, none can be shown."),
        (1_000, 0, "The table of 40 lines is left out."),
    ],
)
def test_units_are_cut_first_then_the_table(limit: int, tables: int, said: str) -> None:
    made = many(40)
    text = as_markdown(made, limit)
    seen = shown(text)
    assert len(text.encode()) <= limit
    assert len(seen.tables) == tables
    assert not tables or len(seen.tables[0]) == 41
    assert said in seen.text
    assert ("the file of --json has everything" in seen.text) is bool(said)
    assert outcome(made) in seen.text


# -- files -------------------------------------------------------------------------------------------------------


def test_files_are_written_and_the_summary_is_appended_to(tmp_path: Path) -> None:
    paths = {name: tmp_path / "new" / f"check.{name}" for name in ("json", "junit", "markdown")}
    summary = tmp_path / "summary.md"
    summary.write_text("# before", encoding="utf-8")
    assert write(ALL, **paths, environment={SUMMARY: str(summary)}) == ()
    assert json.loads(paths["json"].read_text(encoding="utf-8"))["verdict"] == "regression"
    valid(paths["junit"].read_text(encoding="utf-8"))
    assert paths["markdown"].read_text(encoding="utf-8") == as_markdown(ALL)
    assert summary.read_text(encoding="utf-8") == f"# before\n{as_markdown(ALL)}\n"
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["check.json", "check.junit", "check.markdown"]


@pytest.mark.parametrize("name", REPORTS)
def test_any_report_can_be_written(name: str, tmp_path: Path) -> None:
    paths = {form: tmp_path / form for form in ("json", "junit", "markdown")}
    write(REPORTS[name], **paths, environment={SUMMARY: str(tmp_path / "summary")})
    assert all(path.read_text(encoding="utf-8") for path in tmp_path.iterdir())
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize("environment", [{}, {SUMMARY: ""}])
def test_nothing_is_written_unasked(environment: Mapping[str, str], tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert write(ALL, environment=environment) == ()
    assert not list(tmp_path.iterdir())


def test_the_summary_is_the_one_that_github_names(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    write(ALL)
    assert (tmp_path / "summary").read_text(encoding="utf-8").startswith("## evalkit check: regression\n")


def test_a_summary_that_is_full_stays_as_it_is(tmp_path: Path) -> None:
    summary = tmp_path / "summary"
    for room, added in ((3000, True), (100, False)):
        summary.write_text("x" * (LIMIT - room), encoding="utf-8")
        said = write(replace(ALL, notes=("note " * 2000,)), environment={SUMMARY: str(summary)})
        assert (summary.stat().st_size > LIMIT - room, bool(said)) == (added, not added)
        assert summary.stat().st_size <= LIMIT
    assert said == (f"{summary} is full: the report is not added to the summary of this step.",)


@pytest.mark.parametrize(
    ("form", "where"), list(product(("json", "junit", "markdown", SUMMARY), ("folder", "below", "")))
)
def test_a_file_that_cannot_be_written_is_a_usage_error(
    form: str, where: str, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    bad = {"folder": tmp_path / "folder", "below": tmp_path / "file" / "report", "": Path()}[where]
    paths = {} if form == SUMMARY else {form: bad}
    good = {name: tmp_path / name for name in ("json", "junit", "markdown") if name != form}
    with pytest.raises(
        EvalkitError, match=r"^Cannot write .*: (Is a directory|Not a directory|File exists)\. Name a file"
    ) as caught:
        write(ALL, **paths, **good, environment={SUMMARY: str(bad)} if form == SUMMARY else {})
    # 1 would mean a regression.
    assert caught.value.exit_code == EXIT_USAGE
    assert caught.value.hint
    assert all(path.stat().st_size for path in good.values())
    assert not list((tmp_path / "folder").iterdir())


def test_a_pipe_takes_the_text_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)  # as reader and writer it waits for nobody
    write(ALL, json=pipe, environment={})
    assert json.loads(os.read(reader, 64 * 1024))["exit_code"] == 1
    os.close(reader)
    assert pipe.is_fifo()


# -- what they share ---------------------------------------------------------------------------------------------


def test_a_unit_in_words() -> None:
    whole = unit("1", " two\n lines ", shared={"gold": "1"}, seen_a={"p": "2"}, seen_b={"p": "3"})
    assert what_it_is(whole) == "two lines | gold 1 | A: p 2 | B: p 3"
    assert what_it_is(unit("1", "x" * 200)) == "x" * 107 + "..."
    assert what_it_is(unit()) == "—"
