"""How alike two encoders see the same texts: as a table for people, and as JSON for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from evalkit_leaderboard.phrases import MISSING, Table
from evalkit_leaderboard.report import or_none

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalkit.diagnostics.agreement import Agreement
    from evalkit_leaderboard.geometry import Geometry

TITLE = "How alike their vectors are, on the distinct texts of each task:"
_DIGITS = 3


def table(geometry: Geometry) -> Table:
    """One row a task that has numbers."""
    found = [(each.task, each.agreement) for each in geometry.tasks if each.agreement is not None]
    k = found[0][1].neighbours if found else ""
    headers = (
        *("task", "texts", "CKA", "plain CKA", f"mutual {k}-NN", "(by chance)"),
        *("relative r", "relative cosine", "relative Jaccard", "(by chance)"),
    )
    return Table(TITLE, headers, tuple((name, *_numbers(agreement)) for name, agreement in found))


def notes(geometry: Geometry) -> Iterator[str]:
    """How to read the table, and what is missing in it."""
    found = [each.agreement for each in geometry.tasks if each.agreement is not None]
    if found:
        yield (
            "1: the same but for a rotation and a scale. CKA is debiased, about 0 for unrelated vectors; plain CKA is "
            "above it where texts are few. Relative: cosines to the same anchors. None of it says which is better."
        )
    sampled = [agreement.n for agreement in found if agreement.n < agreement.of]
    if sampled:
        yield f"Of more than {sampled[0]:,} texts a seeded sample is looked at: neighbours are the nearest within it."
    for each in geometry.tasks:
        if each.agreement is not None and each.agreement.cka != each.agreement.cka:
            yield f"{each.task}: undefined, as the vectors of an encoder are all equal."
        if each.note:
            yield each.note
    yield from geometry.notes


def as_json(geometry: Geometry) -> dict[str, Any]:
    """Everything at full precision; null where there is nothing."""
    return {
        "tasks": [
            {"task": each.task, "agreement": _record(each.agreement), "note": each.note or None}
            for each in geometry.tasks
        ],
        "notes": list(notes(geometry)),
    }


def _record(agreement: Agreement | None) -> dict[str, float | None] | None:
    if agreement is None:
        return None
    return {name: value if isinstance(value, int) else or_none(value) for name, value in asdict(agreement).items()}


def _numbers(found: Agreement) -> tuple[str, ...]:
    texts = f"{found.n:,}" if found.n == found.of else f"{found.n:,} of {found.of:,}"
    values = (
        *(found.cka_debiased, found.cka, found.mutual_neighbours, found.mutual_chance),
        *(found.relative_correlation, found.relative_cosine, found.relative_jaccard, found.jaccard_chance),
    )
    return (texts, *(MISSING if value != value else f"{value:.{_DIGITS}f}" for value in values))
