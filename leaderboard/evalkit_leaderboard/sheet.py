"""A board as a table of strings, for people or for programs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from evalkit_leaderboard import diagnostics_page
from evalkit_leaderboard.diagnostics_columns import diagnostics
from evalkit_leaderboard.options import Aggregate, By
from evalkit_leaderboard.units import EXPERIMENTS
from evalkit_leaderboard.wording import notes

if TYPE_CHECKING:
    from evalkit.types import FloatArray, IntArray
    from evalkit_leaderboard.board import Board
    from evalkit_leaderboard.diagnostics_columns import Diagnostics
    from evalkit_leaderboard.proof import Against
    from evalkit_leaderboard.standing import Standing

MISSING = "—"
UNDEFINED = "undefined"
DIGITS = 4
BETTER = "▲"
WORSE = "▼"
MARKS = {1: f"{BETTER} ", -1: f"{WORSE} ", 0: ""}
VERDICTS = {1: "better", -1: "worse", 0: "not told apart"}
FEW = 6
"""Up to so many columns, a table has intervals in all of them."""

HEADLINES = {
    Aggregate.MEAN: "mean",
    Aggregate.MEAN_TYPE: "mean of types",
    Aggregate.BORDA: "Borda",
    Aggregate.BORDA_SHARED: "Borda (shared)",
}

Column: TypeAlias = tuple[str, Callable[[int], str]]
"""A header, and the text for a row of the frame."""


@dataclass(frozen=True)
class Sheet:
    """A leaderboard as strings.

    Attributes:
        headers: Name of each column.
        rows: One string for each column, best encoder first.
        notes: Sentences below it.
        title: What it shows, where it stands below another.
        below: A table of its own below it.
    """

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    title: str = ""
    below: Sheet | None = None

    @property
    def width(self) -> int:
        """Letters a line takes when no header is broken."""
        return sum(max(map(len, column)) + 2 for column in zip(self.headers, *self.rows, strict=True))


def sheet(board: Board, *, full: bool = False, width: int | None = None) -> Sheet:
    """The leaderboard: the headline and how sure it is, the means, then the columns.

    Args:
        board: What is shown.
        width: Letters that a line should have at most: intervals in the columns give way first.
        full: For programs: every decimal, every column, missing values empty. People get `DIGITS` decimals, and no
            means by type where each type has one task and the means would only repeat the tasks.
    """
    found = diagnostics(board.frame, alpha=board.options.alpha) if board.options.diagnostics else None
    if full:
        return _sheet(board, _full(board, found), found)
    roomy = _sheet(board, _short(board, found, intervals=len(board.columns) <= FEW), found)
    fits = width is None or roomy.width <= width
    return roomy if fits else _sheet(board, _short(board, found, intervals=False), found)


def _sheet(board: Board, columns: Iterable[Column], found: Diagnostics | None) -> Sheet:
    headers, texts = zip(*columns, strict=True)
    rows = tuple(tuple(text(row) for text in texts) for row in board.order)
    if found is None:
        return Sheet(headers, rows, notes(board))
    said = (*notes(board), *diagnostics_page.notes(found))
    return Sheet(headers, rows, said, below=_associations(found, board.options.alpha))


def _associations(found: Diagnostics, alpha: float) -> Sheet | None:
    """Whether the diagnostics go with the scores; None where there are too few encoders to ask."""
    if not found.associations:
        return None
    said = tuple(diagnostics_page.association_notes(found, alpha))
    headers = diagnostics_page.headers(alpha)
    return Sheet(headers, diagnostics_page.associations(found), said, title=diagnostics_page.TITLE)


# -- for people --------------------------------------------------------------------------------------------------


def _short(board: Board, found: Diagnostics | None, *, intervals: bool) -> Iterator[Column]:
    overall = board.overall
    yield "encoder", lambda row: board.frame.encoders[row]
    yield HEADLINES[board.options.aggregate], lambda row: _headline(board, row)
    if board.options.baseline is not None:
        yield from _against_baseline(board)
    yield "rank", lambda row: _ranks(board, row)
    yield "tier", lambda row: str(board.tiers[row] or MISSING)
    if (overall.tasks < overall.n_tasks).any():
        yield "tasks", lambda row: f"{overall.tasks[row]} of {overall.n_tasks}"
    yield from _means(board)
    if board.options.by is By.ENCODER:
        yield from _encoders(board)
    for standing, against in zip(board.columns, board.proof.columns, strict=True):
        dagger = " †" if EXPERIMENTS in standing.basis else ""
        yield f"{standing.name}{dagger}", _cell(board, standing, against, intervals=intervals)
    for means in diagnostics_page.shown(found) if found is not None else ():
        yield diagnostics_page.SHOWN[means.name][0], partial(diagnostics_page.cell, means)


def _headline(board: Board, row: int) -> str:
    """The number that orders the rows, with its interval."""
    overall, digits = board.overall, _digits(board)
    shown = text(overall.values[row], digits) + half(overall.high[row] - overall.values[row], max(digits - 1, 1))
    return MARKS[int(board.proof.overall.verdict[row])] + shown


def _digits(board: Board) -> int:
    """Decimals of the headline: Borda points are no fractions."""
    return 1 if board.in_points else DIGITS


def _against_baseline(board: Board) -> Iterator[Column]:
    against, digits = board.proof.overall, _digits(board)

    def difference(row: int) -> str:
        value = against.difference[row]
        shown = signed(value, digits) + half(against.high[row] - value, max(digits - 1, 1))
        return MISSING if row == board.reference else shown

    yield "difference", difference
    yield "p", lambda row: MISSING if row == board.reference else p_text(against.p_adjusted[row])


def _means(board: Board) -> Iterator[Column]:
    """Mteb's means, unless they are the headline or columns already."""
    means, aggregate = board.means, board.options.aggregate
    if aggregate is not Aggregate.MEAN:
        yield "mean", _shown(means.over_tasks)
    if aggregate is not Aggregate.MEAN_TYPE:
        yield "mean of types", _shown(means.over_types)
    if board.options.by is By.TASK and len(means.types) < len(board.frame.tasks):
        for at, kind in enumerate(means.types):
            yield f"mean {kind}", _shown(means.by_type[:, at])


def _encoders(board: Board) -> Iterator[Column]:
    """Every row less every column, in the order of the rows."""
    pairs = board.overall.pairs

    def against(column: int) -> Callable[[int], str]:
        def cell(row: int) -> str:
            if row == column:
                return ""
            difference, p = float(pairs.difference[row, column]), pairs.p_adjusted[row, column]
            proven = int(math.copysign(1, difference)) if p <= board.options.alpha else 0
            return MARKS[proven] + signed(difference, _digits(board))

        return cell

    for column in board.order:
        yield f"less {board.frame.encoders[column]}", against(column)


def _cell(board: Board, standing: Standing, against: Against, *, intervals: bool) -> Callable[[int], str]:
    """Value, or difference to a baseline, with its interval where there is room; a mark where something is proven."""
    differences = board.options.baseline is not None

    def cell(row: int) -> str:
        if differences and row != board.reference:
            value, high, shown = against.difference[row], against.high[row], signed(against.difference[row])
        else:
            value, high, shown = standing.values[row], standing.high[row], _value(board, standing, row)
        return MARKS[int(against.verdict[row])] + shown + (half(high - value) if intervals else "")

    return cell


def _value(board: Board, standing: Standing, row: int) -> str:
    """A score; a result whose score is undefined is another thing than no result."""
    value = standing.values[row]
    if math.isnan(value) and standing.name in board.frame.tasks:
        there = (row, board.frame.tasks.index(standing.name)) in board.frame.results
        return UNDEFINED if there else MISSING
    return text(value)


def _ranks(board: Board, row: int) -> str:
    if not board.tiers[row]:
        return MISSING
    best, worst = (ends[row] for ends in board.ranks)
    return str(best) if best == worst else f"{best}–{worst}"


# -- for programs ------------------------------------------------------------------------------------------------


def _full(board: Board, found: Diagnostics | None) -> Iterator[Column]:
    means = board.means
    yield "encoder", lambda row: board.frame.encoders[row]
    name = HEADLINES[board.options.aggregate]
    yield from _numbers(name, board.overall, board.proof.overall)
    for label, (best, worst) in (("rank", board.ranks), ("marginal rank", board.marginal_ranks)):
        yield f"{label} from", _counted(best)
        yield f"{label} to", _counted(worst)
    yield "tier", lambda row: str(board.tiers[row] or "")
    yield "tasks", lambda row: str(board.overall.tasks[row])
    if name != "mean":
        yield "mean", _exactly(means.over_tasks)
    if name != "mean of types":
        yield "mean of types", _exactly(means.over_types)
    for at, kind in enumerate(means.types):
        yield f"mean {kind}", _exactly(means.by_type[:, at])
    for standing, against in zip(board.columns, board.proof.columns, strict=True):
        yield from _numbers(standing.name, standing, against)
    if board.options.by is By.ENCODER:
        yield from _exact_encoders(board)
    for diagnostic in found.means if found is not None else ():
        yield f"diagnostic {diagnostic.name}", _exactly(diagnostic.values)


def _numbers(name: str, standing: Standing, against: Against) -> Iterator[Column]:
    """A value, its interval, and how it compares with the reference."""
    yield name, _exactly(standing.values)
    yield f"{name} low", _exactly(standing.low)
    yield f"{name} high", _exactly(standing.high)
    yield f"{name} difference", _exactly(against.difference)
    yield f"{name} difference low", _exactly(against.low)
    yield f"{name} difference high", _exactly(against.high)
    yield f"{name} p", _exactly(against.p_adjusted)
    yield f"{name} verdict", lambda row: VERDICTS[int(against.verdict[row])]


def _exact_encoders(board: Board) -> Iterator[Column]:
    pairs = board.overall.pairs
    for column in board.order:
        name = board.frame.encoders[column]
        yield f"less {name}", _exactly(pairs.difference[:, column])
        yield f"less {name} p", _exactly(pairs.p_adjusted[:, column])


def _shown(values: FloatArray) -> Callable[[int], str]:
    return lambda row: text(values[row])


def _exactly(values: FloatArray) -> Callable[[int], str]:
    return lambda row: exact(values[row])


def _counted(values: IntArray) -> Callable[[int], str]:
    return lambda row: str(values[row])


# -- numbers -----------------------------------------------------------------------------------------------------


def text(value: float, digits: int = DIGITS) -> str:
    """A number for people."""
    return MISSING if math.isnan(value) else f"{value:.{digits}f}"


def signed(value: float, digits: int = DIGITS) -> str:
    """A difference for people."""
    return MISSING if math.isnan(value) else f"{value:+.{digits}f}"


def exact(value: float) -> str:
    """A number for programs: every decimal, empty where there is none."""
    return "" if math.isnan(value) else repr(float(value))


def half(width: float, digits: int = DIGITS - 1) -> str:
    """Half the width of an interval behind its centre, such as `` ±.024``; empty where there is none."""
    if math.isnan(width):
        return ""
    digits += width < 0.5 * 10**-digits
    return " ±" + f"{width:.{digits}f}".removeprefix("0")


def p_text(p: float) -> str:
    """A p value for people; never 0."""
    if math.isnan(p):
        return MISSING
    return "<0.0001" if p < 0.00005 else f"{p:.{DIGITS}f}"
