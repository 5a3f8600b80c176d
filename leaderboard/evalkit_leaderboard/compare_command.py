"""`evalkit compare`. Cheap to import."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evalkit.cli import console

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit_leaderboard.compare_sides import Sides
    from evalkit_leaderboard.comparison import Comparison
    from evalkit_leaderboard.geometry import Geometry


def compare(
    a: Annotated[
        str,
        typer.Argument(
            metavar="A",
            help="An encoder: its label or name, 'name (start of its fingerprint)', or a folder or file of results.",
        ),
    ],
    b: Annotated[str, typer.Argument(metavar="B", help="Another.")],
    results: Annotated[Path, typer.Argument(help="Folder of results in which names are looked up.")] = Path("results"),
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", metavar="DIR", help="Folder of task folders, for the texts of the units. Repeatable."),
    ] = None,
    tasks: Annotated[str | None, typer.Option(metavar="GLOB", help="Only these tasks.")] = None,
    alpha: Annotated[float, typer.Option(help="Error rate of what is called proven.")] = 0.05,
    units: Annotated[int, typer.Option(help="Units of each task to show, where they differ most.")] = 10,
    geometry: Annotated[
        bool,
        typer.Option(
            "--geometry", help="Also how alike their vectors are: CKA, mutual neighbours. Loads both encoders."
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
) -> None:
    """Compare two encoders: is A better than B, where, by how much, and what would settle the rest?"""
    from evalkit_leaderboard.compare_page import as_json
    from evalkit_leaderboard.compare_sides import find_sides
    from evalkit_leaderboard.comparison import compare_sides
    from evalkit_leaderboard.hardest import Texts

    texts = Texts(data or ())
    sides = find_sides(a, b, results, tasks=tasks)
    for reason in sides.unreadable:
        console.warning(reason)
    comparison = compare_sides(sides, alpha=alpha, units=units, texts=texts)
    found = _geometry(sides, data or ()) if geometry else None
    if json:
        console.json_data(as_json(comparison, found))
        return
    _print(comparison)
    if found is not None:
        _print_geometry(found)


def _geometry(sides: Sides, data: Sequence[Path]) -> Geometry:
    from evalkit_leaderboard.geometry import measure

    return measure(sides, data, tell=console.note)


def _print(comparison: Comparison) -> None:
    from evalkit_leaderboard import compare_page as page

    _lines(*page.heading(comparison), "")
    table = page.task_table(comparison)
    console.table(table.headers, table.rows, left=page.LEFT)
    _lines("", *page.notes(comparison))
    open_ = list(page.settling(comparison))
    if open_:
        _lines("", page.settling_title(), *open_)
    for units in page.unit_tables(comparison):
        _lines("", units.title)
        console.table(units.headers, units.rows, left=page.LEFT_UNITS)
    remarks = list(page.unit_notes(comparison))
    if remarks:
        _lines("", *remarks)


def _print_geometry(geometry: Geometry) -> None:
    from evalkit_leaderboard import geometry_page as page

    table = page.table(geometry)
    _lines("", table.title)
    if table.rows:
        console.table(table.headers, table.rows, left=table.left)
    _lines(*(["", *page.notes(geometry)] if table.rows else page.notes(geometry)))


def _lines(*texts: str) -> None:
    for each in texts:
        console.line(each)
