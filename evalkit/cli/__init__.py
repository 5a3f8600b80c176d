"""The command line: the only part of evalkit that prints and exits."""

from __future__ import annotations


def main() -> None:
    """Run the command line; the console script `evalkit` and `python -m evalkit`."""
    from evalkit.cli.app import app

    app()
