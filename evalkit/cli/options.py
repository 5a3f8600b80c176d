"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

BATCH_SIZE = 32
"""`evalkit.config.DEFAULT_BATCH_SIZE`, which is not imported here; a test holds them equal."""

Tasks: TypeAlias = Annotated[
    list[str] | None, typer.Option("--task", "-t", metavar="NAME", help="A task or a glob; may be repeated.")
]
Suite: TypeAlias = Annotated[str | None, typer.Option(metavar="NAME", help="All tasks of a suite, such as quick.")]
Splits: TypeAlias = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="Only this split of the tasks; may be repeated.")
]
Subsets: TypeAlias = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="Only this subset, such as a language; may be repeated.")
]
Output: TypeAlias = Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where results go.")]
Force: TypeAlias = Annotated[
    bool, typer.Option("--force/--resume", help="Score again what is finished already, or keep it.")
]
BatchSize: TypeAlias = Annotated[int, typer.Option(min=1, metavar="N", help="Texts in one forward pass.")]
Workers: TypeAlias = Annotated[int, typer.Option(min=0, metavar="N", help="Repeats side by side; 0: every core.")]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]
Data: TypeAlias = Annotated[
    list[Path] | None, typer.Option("--data", metavar="DIR", help="A folder of task folders; may be repeated.")
]
PluginFiles: TypeAlias = Annotated[
    list[Path] | None, typer.Option("--plugin", metavar="FILE.py", help="A plugin file; may be repeated.")
]
Quiet: TypeAlias = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")]
