"""Commands with subcommands. Cheap to import."""

from __future__ import annotations

import typer


def group(name: str, help: str) -> typer.Typer:
    """A command that only its subcommands do something.

    Args:
        name: What it is called.
        help: One sentence for the help pages.
    """
    app = typer.Typer(
        name=name,
        help=help,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    # Typer takes the only subcommand of a group without callback for the command itself.
    app.callback()(_nothing)
    return app


def _nothing() -> None:
    pass
