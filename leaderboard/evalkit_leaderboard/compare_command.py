"""`evalkit compare`. Cheap to import."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evalkit.cli import console

if TYPE_CHECKING:
    from evalkit_leaderboard.comparison import Comparison


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
    if json:
        console.json_data(as_json(comparison))
    else:
        _print(comparison)


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


def _lines(*texts: str) -> None:
    for each in texts:
        console.line(each)
