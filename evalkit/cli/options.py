"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]
Data: TypeAlias = Annotated[
    list[Path] | None, typer.Option("--data", metavar="DIR", help="A folder of task folders; may be repeated.")
]
PluginFiles: TypeAlias = Annotated[
    list[Path] | None, typer.Option("--plugin", metavar="FILE.py", help="A plugin file; may be repeated.")
]
Quiet: TypeAlias = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")]
