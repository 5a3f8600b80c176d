"""The Typer application."""

from __future__ import annotations

from typing import Annotated

import typer

from evalkit._version import __version__
from evalkit.cli import console
from evalkit.cli.commands import CommandGroup

# A traceback that reaches the user is a bug of ours and is wanted whole, without Typer's decoration.
app = typer.Typer(
    cls=CommandGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        console.line(f"evalkit {__version__}")
        raise typer.Exit


@app.callback()
def evalkit(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """How good is this text encoder, and is that difference real?

    Start with `evalkit demo`; then `evalkit run -m bm25 --suite quick` and `evalkit leaderboard`.
    """
