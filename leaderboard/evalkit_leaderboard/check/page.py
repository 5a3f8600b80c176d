"""A check in words and tables for people: what came out first, what it rests on below.

Every sentence of the other outputs is made here too; each of them escapes what its format takes for a mark.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from evalkit.fingerprint import short
from evalkit_leaderboard.check.evidence import TASKS
from evalkit_leaderboard.check.report import Verdict
from evalkit_leaderboard.check.settings import MEAN, Inconclusive
from evalkit_leaderboard.phrases import (
    MISSING,
    Table,
    counted,
    interval,
    p_value,
    plural,
    score,
    settling_title,
    signed,
    some,
    unit_name,
    visible,
    what_it_is,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from evalkit.schema import EncoderRecord
    from evalkit_leaderboard.check.report import Line, Report
    from evalkit_leaderboard.hardest import HardUnit

_ALSO = 3
"""So many further lines does the outcome name."""
PSEUDO = (
    "The score of a unit is its own where the task's score is their mean; otherwise it is its leave-one-out "
    "pseudo-value: how much the unit adds to the score."
)


def page(report: Report) -> Iterator[str | Table]:
    """Everything from top to bottom: lines of text and tables. The warnings of the report are not among them."""
    for part in _parts(report):
        yield visible(part) if isinstance(part, str) else _visible(part)


def _parts(report: Report) -> Iterator[str | Table]:
    yield from (outcome(report), counts(report), "")
    yield from (*compared(report), settings_line(report), "")
    yield line_table(report)
    yield from _block("", reasons(report))
    yield from _block(settling_title(report.settings.power), settling(report))
    for table in worst_tables(report):
        yield from ("", table.title, table)
    yield from _block("", (*reading(report), *report.notes))


def _block(title: str, lines: Iterable[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield from ("", title, *found) if title else ("", *found)


def _visible(table: Table) -> Table:
    return replace(table, rows=tuple(tuple(visible(cell) for cell in row) for row in table.rows))


# -- what came out -----------------------------------------------------------------------------------------------


def outcome(report: Report) -> str:
    """The verdict and what it is about, such as ``regression: MiniLM lost 0.0312 on QuickSTS (margin 0.01)``."""
    verdict = report.verdict
    lines = [line for line in report.lines() if line.verdict is verdict]
    if verdict is Verdict.PASS:
        return f"{verdict}: {_why_pass(report, lines)}"
    if verdict is Verdict.REGRESSION:
        lines.sort(key=lambda line: line.difference or 0.0)
        return f"{verdict}: {_loss(lines[0])}{_also(lines[1:], report)}."
    return f"{verdict}: {lines[0].encoder} on {_where(lines[0])}{_also(lines[1:], report)}. {lines[0].reason}".strip()


def counts(report: Report) -> str:
    """How many tasks have which verdict, what the means have, and the exit code."""
    tasks = [line.verdict for line in report.lines() if not _is_mean(line)]
    means = [line.verdict for line in report.lines() if _is_mean(line)]
    parts = [f"{counted(len(tasks), 'task')}: {_tally(tasks)}"]
    if len(report.encoders) > 1:
        parts[0] = f"{counted(len(report.encoders), 'encoder')}, {parts[0]}"
    parts += [f"the mean: {means[0]}"] if len(means) == 1 else [f"the means: {_tally(means)}"] if means else []
    return f"{'; '.join(parts)}. Exit code {report.exit_code}."


def compared(report: Report) -> Iterator[str]:
    """What the user named, and the encoders behind it."""
    yield f"baseline   {report.baseline}"
    yield f"candidate  {report.candidate}"
    for encoder in report.encoders:
        names = {each.name for each in (encoder.baseline, encoder.candidate) if each is not None}
        label = "" if encoder.label in names else f"{encoder.label}: "
        yield f"{label}{_who(encoder.baseline)} -> {_who(encoder.candidate)}"


def settings_line(report: Report) -> str:
    """What was asked for, on one line."""
    settings = report.settings
    others = ", ".join(f"{name} {margin:g}" for name, margin in settings.margins.items())
    parts = [f"margin {settings.margin:g}" + (f" ({others})" if others else "")]
    parts += [f"alpha {settings.alpha:g}", f"power {settings.power:g}"]
    parts += ["strict"] if settings.strict else []
    parts += ["an inconclusive check only warns"] if settings.inconclusive is Inconclusive.WARN else []
    parts += [f"tasks {settings.tasks}"] if settings.tasks else []
    parts += [f"encoders {settings.encoders}"] if settings.encoders else []
    if settings.looks > 1:
        parts.append(f"look {report.look} of {settings.looks} ({settings.spending}: alpha {report.alpha:.4g} for it)")
    return ", ".join(parts)


def _why_pass(report: Report, lines: list[Line]) -> str:
    shared = {line.reason for line in lines}
    if len(shared) == 1 and lines[0].reason:
        return f"{_subject(report)} on {counted(len(lines), 'line')}. {lines[0].reason}"
    return f"{_subject(report)} is nowhere worse by the margin or more."


def _subject(report: Report) -> str:
    """The candidates."""
    return report.encoders[0].label if len(report.encoders) == 1 else f"each of {len(report.encoders)} encoders"


def _loss(line: Line) -> str:
    if line.difference is None:
        return f"{line.encoder} on {_where(line)} (margin {line.margin:g})"
    within = ", which it is within" if line.difference >= -line.margin else ""
    return f"{line.encoder} lost {score(-line.difference)} on {_where(line)} (margin {line.margin:g}{within})"


def _also(lines: list[Line], report: Report) -> str:
    return f"; also {some([_at(line, report) for line in lines], _ALSO)}" if lines else ""


def _at(line: Line, report: Report) -> str:
    """Which line is meant, with its encoder where there are several."""
    return _where(line) if len(report.encoders) == 1 else f"{line.encoder} on {_where(line)}"


def _where(line: Line) -> str:
    return "the mean" if _is_mean(line) else line.name


def _is_mean(line: Line) -> bool:
    return line.name == MEAN and not line.type


def _tally(verdicts: list[Verdict]) -> str:
    return ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in Verdict if verdict in verdicts)


def _who(encoder: EncoderRecord | None) -> str:
    if encoder is None:
        return "no such encoder"
    return f"{encoder.name} ({short(encoder.fingerprint) if encoder.fingerprint else 'no fingerprint'})"


# -- the lines ---------------------------------------------------------------------------------------------------


def line_table(report: Report) -> Table:
    """One row a line, the mean below its tasks; the encoder stands first where there are several."""
    several = len(report.encoders) > 1
    headers = ("task", "verdict", "baseline", "candidate", "difference", "[lower, upper]", "p (Holm)", "rests on")
    rows = (((line.encoder,) if several else ()) + _row(line) for line in report.lines())
    return Table("", (*(("encoder",) if several else ()), *headers, "margin"), tuple(rows), 3 if several else 2)


def reasons(report: Report) -> Iterator[str]:
    """Why each line that does not pass does not; lines with one reason stand together."""
    found: dict[tuple[Verdict, str], list[str]] = {}
    for line in report.lines():
        if line.verdict is not Verdict.PASS:
            found.setdefault((line.verdict, line.reason), []).append(_at(line, report))
    yield from (f"{some(names)}: {verdict}. {reason}".strip() for (verdict, reason), names in found.items())


def settling(report: Report) -> Iterator[str]:
    """What would settle each line that is open."""
    for line in report.lines():
        said = outlook(line)
        if said:
            yield f"{_at(line, report)}: {said}"


def outlook(line: Line) -> str:
    """What an inconclusive line's units can decide, and how many would settle it; empty where nothing is known."""
    if line.verdict is not Verdict.INCONCLUSIVE or line.detectable is None:
        return ""
    units = counted(line.n, line.unit)
    if line.detectable <= line.margin:
        can = f"with {units} a margin of {score(line.detectable)} can be decided, if the candidate is no different"
    else:
        can = f"with {units} a margin of {score(line.detectable)} could be decided"
    return f"{can}; {_takes(line)}."


def _takes(line: Line) -> str:
    ways = []
    if line.needed_if_equal is not None and line.detectable is not None and line.detectable > line.margin:
        ways.append(f"{counted(line.needed_if_equal, line.unit)} if the candidate is no different")
    if line.needed is not None:
        number = f"{line.needed:,}" if ways else counted(line.needed, line.unit)
        ways.append(f"{number} if the observed difference is the true one")
    if not ways:
        return "no number settles it if the observed difference is the true one"
    shares = ", in the same shares of the tasks" if _is_mean(line) and line.basis != TASKS else ""
    return f"a margin of {line.margin:g} takes {', '.join(ways)}{shares}"


def numbers(line: Line) -> str:
    """The numbers of a line on one line; empty where there are none."""
    parts = [] if line.difference is None else [f"difference {signed(line.difference)}"]
    parts += [] if line.lower is None else [f"[lower, upper] {interval(line.lower, line.upper)}"]
    parts += [] if line.p_adjusted is None else [f"p (Holm) {p_value(line.p_adjusted)}"]
    return ", ".join((*parts, f"margin {line.margin:g}")) if parts else ""


def _row(line: Line) -> tuple[str, ...]:
    return (
        line.name,
        line.verdict.value,
        MISSING if line.baseline is None else score(line.baseline),
        MISSING if line.candidate is None else score(line.candidate),
        MISSING if line.difference is None else signed(line.difference),
        interval(line.lower, line.upper),
        p_value(line.p_adjusted),
        counted(line.n, line.unit) if line.n else MISSING,
        f"{line.margin:g}",
    )


# -- the units that got worst ------------------------------------------------------------------------------------


def worst_tables(report: Report, limit: int | None = None) -> Iterator[Table]:
    """For each line that is worse or open the units that got worst.

    Args:
        report: The check.
        limit: So many of each line at most.
    """
    for line in report.lines():
        if worst_shown(line) and limit != 0:
            rows = tuple(map(_unit_row, line.worst[:limit]))
            which = f"{len(rows)} {plural(line.unit)}" if len(rows) > 1 else line.unit
            headers = (line.unit, "what it is", "baseline", "candidate", "difference")
            yield Table(f"{_at(line, report)}: the {which} that got worst", headers, rows, 2)


def worst_shown(line: Line) -> bool:
    """Whether the units that got worst say something about the verdict."""
    return bool(line.worst) and line.verdict in (Verdict.REGRESSION, Verdict.INCONCLUSIVE)


def described(unit: HardUnit) -> str:
    """What a unit is, and what baseline and candidate made of it."""
    return what_it_is(unit, "baseline", "candidate")


def _unit_row(unit: HardUnit) -> tuple[str, ...]:
    return unit_name(unit), described(unit), score(unit.a), score(unit.b), signed(unit.b - unit.a)


# -- how to read it ----------------------------------------------------------------------------------------------


def reading(report: Report) -> Iterator[str]:
    """How to read the numbers, as far as there are any."""
    strict, level = report.settings.strict, f"{report.alpha:.4g}"
    if any(line.lower is not None for line in report.lines()):
        yield (
            "[lower, upper] bounds candidate less baseline from either side: lower above -margin is a pass (with error "
            f"{level}), upper below {'0' if strict else '-margin'} a regression."
        )
    if report.family:
        yield (
            f"p (Holm) tests for {'any loss' if strict else 'a loss beyond the margin'}, corrected over "
            f"{counted(report.family, 'line')} together: {level} or less is a regression."
        )
    if any(worst_shown(line) for line in report.lines()):
        yield PSEUDO
