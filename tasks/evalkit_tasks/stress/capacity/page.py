"""What a measurement found, in tables and sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evalkit.cli.console import MISSING, counted
from evalkit_tasks.stress.capacity import polytope, published
from evalkit_tasks.stress.capacity.fit import Cubic, fit
from evalkit_tasks.stress.capacity.polytope import Precision

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalkit_tasks.stress.capacity.measure import Capacity, Setup

CONTROLS = (46, 100)
"""Documents of the polytopes that are checked: as many as LIMIT has, and more."""
_MOST_CONTROLLED = 3
"""Relevant documents up to which the control takes less than a second."""
_TERMS = ("1", "d", "d^2", "d^3")


class Table(NamedTuple):
    """A table for the console."""

    headers: tuple[str, ...]
    rows: list[tuple[str, ...]]


# -- what was measured -------------------------------------------------------------------------------------------


def capacities(found: Sequence[Capacity], setup: Setup) -> Table:
    """One row a dimension."""
    headers = (
        "d", "critical n", "the paper's", "median\nof seeds", "least\nof seeds", "smallest n\nunsolved",
        "attempts", "steps", "seconds",
    )  # fmt: skip
    return Table(headers, [_row(each, setup.relevant) for each in found])


def _row(each: Capacity, k: int) -> tuple[str, ...]:
    paper = published.critical(each.dimension, k)
    unsolved = each.smallest_unsolved
    return (
        str(each.dimension),
        f"{each.largest:,}{'+' if any(one.capped for one in each.by_seed.values()) else ''}",
        MISSING if paper is None else f"{paper:,}",
        f"{each.median:,g}",
        f"{each.least:,}",
        MISSING if unsolved is None else f"{unsolved:,}",
        f"{each.attempts:,}",
        f"{each.steps:,}",
        f"{each.seconds:.1f}",
    )


def meaning(found: Sequence[Capacity], setup: Setup) -> Iterator[str]:
    """How to read the table."""
    seconds = sum(each.seconds for each in found)
    seeds = len(found[0].by_seed)
    k = setup.relevant
    yield (
        f"Critical n: the most documents for which the optimisation, from any of {counted(seeds, 'start')}, finds unit "
        f"vectors that answer every top-{k} query. Backend {setup.backend.value}; {seconds:.1f} s of optimisation."
    )
    yield (
        "It is the largest n solved, as in the paper's code, not the smallest unsolved: which n are solved is not "
        "monotone. What is not solved may still exist; this is a limit of the training first."
    )
    if any(one.capped for each in found for one in each.by_seed.values()):
        yield "+: all n that fit in memory were solved."


def control(k: int) -> Iterator[str]:
    """That 2k dimensions suffice, built and checked."""
    if k > _MOST_CONTROLLED:
        yield f"In theory {2 * k} dimensions suffice for any n: `evalkit stress polytope --relevant {k}` builds it."
        return
    checked = [(n, polytope.answered(n, k)) for n in CONTROLS]
    told = " and ".join(f"{each.answered:,} of {each.queries:,} at n = {n}" for n, each in checked)
    breaks = " and ".join(_break(k, each) for each in (Precision.FLOAT32, Precision.FLOAT16))
    yield (
        f"Control: in theory {2 * k} dimensions suffice for any n. The cyclic polytope answers {told} in float64; "
        f"rounded it holds {breaks}."
    )


def _break(k: int, precision: Precision) -> str:
    first = polytope.breaks_at(k, precision)
    held = polytope.SCANNED if first is None else first - 1
    return f"{'at least ' if first is None else ''}up to n = {held:,} in {precision.value}"


# -- the cubic ---------------------------------------------------------------------------------------------------


def coefficients(fits: Sequence[tuple[str, Cubic]]) -> Table:
    """One row a term; each fit has its coefficient and its 95 % interval."""
    headers = ("term", *(header for name, _ in fits for header in (name, "95 % interval")))
    rows = [
        (term, *(cell for _, cubic in fits for cell in _coefficient(cubic, place))) for place, term in enumerate(_TERMS)
    ]
    return Table(headers, [*rows, ("r^2", *(cell for _, cubic in fits for cell in (f"{cubic.r_squared:.4f}", "")))])


def extrapolations(fits: Sequence[tuple[str, Cubic]]) -> Table:
    """One row a dimension of those that the paper extrapolates to."""
    headers = ("d", *(header for name, _ in fits for header in (name, "95 % interval")))
    reach = [cubic.at(np.array(published.EXTRAPOLATED, dtype=np.float64)) for _, cubic in fits]
    rows = [
        (f"{dimension:,}", *(cell for curve in reach for cell in _reach(*curve[place])))
        for place, dimension in enumerate(published.EXTRAPOLATED)
    ]
    return Table(headers, rows)


def paper_fits() -> list[tuple[str, Cubic]]:
    """Through all of the paper's numbers, and through those before the last three."""
    return [
        ("the paper's cubic", fit(published.CRITICAL)),
        (f"without d >= {published.FRAGILE_FROM}", fit(published.before_the_last())),
    ]


def warning(k: int) -> str:
    """Why not to lean on the extrapolation; belongs wherever it is shown."""
    (_, whole), (_, part) = paper_fits()
    first, last = min(published.CRITICAL), max(published.CRITICAL)
    far = published.EXTRAPOLATED[-1]
    ends = (float(cubic.at(np.array(far))[0]) for cubic in (whole, part))
    before, after = (f"{_large(end)}" for end in ends)
    return (
        f"The extrapolation is fragile. It goes from {first} to {last} dimensions to thousands; without the last "
        f"{last - published.FRAGILE_FROM + 1} of {whole.n} points the cubic term is {part.coefficients[3]:.4f}, not "
        f"{whole.coefficients[3]:.4f}, and cannot be told from 0, and {before} documents at d = {far:,} become "
        f"{after}; the intervals hold only if the truth is a cubic; and in theory {2 * k} dimensions suffice for any "
        f"number of documents."
    )


def _coefficient(cubic: Cubic, place: int) -> tuple[str, str]:
    low, high = cubic.low[place], cubic.high[place]
    return f"{cubic.coefficients[place]:.4f}", f"{low:.4f} ... {high:.4f}"


def _reach(value: float, low: float, high: float) -> tuple[str, str]:
    return _large(value), f"{_large(low)} ... {_large(high)}"


def _large(value: float) -> str:
    """Three digits: more would claim what is not known."""
    rounded = float(f"{value:.3g}")
    return f"{rounded / 1e6:,.3g} million" if abs(rounded) >= 1e6 else f"{rounded:,.0f}"
