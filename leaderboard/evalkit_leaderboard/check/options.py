"""Options that several commands of the gate have. Cheap to import."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from evalkit_leaderboard.check.settings import Inconclusive, Spending

Margins: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--margin",
        metavar="M|NAME=M",
        help="How much worse is tolerated, .01 by default; NAME=M for a task, glob, task type, mean. Repeatable.",
    ),
]
Alpha: TypeAlias = Annotated[float | None, typer.Option(help="Error rate of a false alarm and of a false pass; .05.")]
Tasks: TypeAlias = Annotated[str | None, typer.Option(metavar="GLOB", help="Only these tasks.")]
Encoders: TypeAlias = Annotated[str | None, typer.Option(metavar="GLOB", help="Only these encoders.")]
Strict: TypeAlias = Annotated[
    bool | None, typer.Option("--strict/--no-strict", help="Any proven loss is a regression.", show_default=False)
]
IfInconclusive: TypeAlias = Annotated[
    Inconclusive | None, typer.Option(help="Whether an inconclusive check fails (exit 3) or warns (exit 0).")
]
TextFolders: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option("--data", metavar="DIR", help="Folder of task folders, for the texts of the units. Repeatable."),
]
Looks: TypeAlias = Annotated[
    int | None, typer.Option(metavar="N", help="How many checks of this candidate are planned.")
]
Look: TypeAlias = Annotated[int | None, typer.Option(metavar="K", help="Which of them this is; counted by default.")]
SpendingRule: TypeAlias = Annotated[
    Spending | None, typer.Option(help="How alpha is spread over the looks; obrien-fleming.")
]
