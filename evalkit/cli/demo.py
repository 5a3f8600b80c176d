"""`evalkit demo`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from evalkit.cli import console
from evalkit.cli.options import Quiet
from evalkit.cli.run import complain, execute, summary

ENCODERS = ("random", "hashing", "bm25", "wordllama")
SUITE = "quick"


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where results go.")] = Path(
        "evalkit-demo"
    ),
    quiet: Quiet = False,
) -> None:
    """Score four small encoders on the built-in suite and show the leaderboard.

    A control, a hashing and a lexical encoder, and a real static one. No download, no PyTorch.
    """
    from evalkit.cli.commands import registry
    from evalkit.config import RunConfig

    outcome, _ = execute(RunConfig(encoders=ENCODERS, suite=SUITE, output=output), [], quiet=quiet)
    registry().get("leaderboard")(results=output)
    console.line()
    console.line(summary(outcome))
    complain(outcome)
    _say_what_next(output)
    raise typer.Exit(outcome.exit_code)


COMMAND = demo


def _say_what_next(output: Path) -> None:
    folder = shlex.quote(str(output))
    console.line("The quick suite is a smoke test: it ranks no models. Try next:")
    console.line(f"  evalkit show {folder}/wordllama/*/QuickSTS.json")
    console.line(f"  evalkit run -m hashing:dim=4096 --suite {SUITE} -o {folder}")
    console.line("  evalkit list encoders")
