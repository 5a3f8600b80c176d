"""The command line: the only part of evalkit that prints and exits."""

from __future__ import annotations

import io
import sys


def main() -> None:
    """Run the command line; the console script `evalkit` and `python -m evalkit`."""
    from evalkit.cli.app import app

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that lacks a character gets another, not a traceback
            stream.reconfigure(errors="replace")
    app()
