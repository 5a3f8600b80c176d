"""Diagnostics on a leaderboard: columns, and the table of correlations below."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from evalkit_leaderboard.diagnostics_columns import FEWEST
from evalkit_leaderboard.phrases import MISSING, counted, p_value, some

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalkit_leaderboard.diagnostics_columns import Association, DiagnosticMeans, Diagnostics

SHOWN = {
    "rankme": ("RankMe", 1),
    "isoscore": ("IsoScore", 3),
    "anisotropy": ("anisotropy", 3),
    "two_nn": ("TwoNN", 1),
    "hubness": ("hubness", 2),
}
"""Header and decimals of those that people see as columns; programs get all."""
TITLE = "Do the diagnostics go with the scores? Spearman's rho with the mean score over encoders:"


def shown(found: Diagnostics) -> list[DiagnosticMeans]:
    """Those that people see as columns."""
    by_name = {each.name: each for each in found.means}
    return [by_name[name] for name in SHOWN if name in by_name]


def headers(alpha: float) -> tuple[str, ...]:
    """Of the table of correlations."""
    return "diagnostic", "encoders", "rho", f"{100 * (1 - alpha):g} % interval", "p", "p, corrected"


def cell(means: DiagnosticMeans, row: int) -> str:
    """The entry of an encoder in a column."""
    return _number(float(means.values[row]), SHOWN[means.name][1])


def notes(found: Diagnostics) -> Iterator[str]:
    """Below the leaderboard: what the columns are, and why nothing is said about the scores."""
    if not found.means:
        yield "No result has diagnostics: `evalkit run --diagnose` adds them."
        return
    yield f"Diagnostics of the vectors, without labels: means over {_over(shown(found) or list(found.means))}."
    if not found.associations:
        yield (
            f"Whether a diagnostic goes with the scores takes {FEWEST} encoders that have it on the same tasks; "
            f"here {counted(found.encoders, 'encoder')} {'has' if found.encoders == 1 else 'have'} any."
        )


def associations(found: Diagnostics) -> tuple[tuple[str, ...], ...]:
    """The rows of the table of correlations."""
    return tuple(_association(each) for each in found.associations)


def association_notes(found: Diagnostics, alpha: float) -> Iterator[str]:
    """Below the table of correlations."""
    proven = [each.name for each in found.associations if each.p_adjusted <= alpha]
    tested = sum(not math.isnan(each.found.p) for each in found.associations)
    what = f"{some(proven)} at {alpha:g}" if proven else f"none at {alpha:g}"
    yield (
        f"Proven to go with the scores: {what}, by permutations, corrected by Holm's method over "
        f"{counted(tested, 'diagnostic')}; intervals are each for itself (Fisher's z)."
    )
    if found.untested:
        yield f"Not tested, as fewer than {FEWEST} encoders have them on the same tasks: {some(found.untested)}."
    yield (
        f"{counted(found.encoders, 'encoder')}: weak evidence. Encoders of one family are not independent, and another "
        "choice of encoders or tasks may say something else."
    )


def _association(each: Association) -> tuple[str, ...]:
    found = each.found
    ends = MISSING if math.isnan(found.low) else f"[{found.low:+.2f}, {found.high:+.2f}]"
    rho = MISSING if math.isnan(found.rho) else f"{found.rho:+.2f}"
    return each.name, str(found.n), rho, ends, _p(found.p), _p(each.p_adjusted)


def _over(means: list[DiagnosticMeans]) -> str:
    """How many tasks the means rest on, for each number of them."""
    sizes: dict[tuple[int, int], list[str]] = {}
    for each in means:
        sizes.setdefault((len(each.columns), each.of), []).append(each.name)
    said = {
        names: f"{n} of {counted(of, 'task')} with diagnostics" if n < of else f"{counted(of, 'task')} with diagnostics"
        for (n, of), names in ((size, ", ".join(names)) for size, names in sizes.items())
    }
    if len(said) == 1:
        return next(iter(said.values()))
    return "; ".join(f"{sentence} ({names})" for names, sentence in said.items())


def _number(value: float, digits: int) -> str:
    # No minus before nothing but zeros.
    return MISSING if math.isnan(value) else f"{round(value, digits) + 0.0:.{digits}f}"


def _p(p: float) -> str:
    return p_value(None if math.isnan(p) else p)
