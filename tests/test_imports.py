"""What starting up may import: the budget behind `evalkit --help` in a blink. Modules, not seconds: those are noisy."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {"torch", "transformers", "sentence_transformers", "sklearn", "scipy", "mteb", "pandas", "plotly", "datasets"}
# --help needs neither arrays nor records, and shows plain text.
HELP = HEAVY | {"numpy", "pydantic", "lmdb", "bm25s", "rich"}

HELP_CODE = """
import sys
sys.argv = ["evalkit", *{arguments!r}]
from evalkit.cli import main
try:
    main()
except SystemExit as done:
    assert not done.code, done.code
"""


def imported_by(code: str) -> set[str]:
    """Top-level packages that a fresh interpreter has imported after the code."""
    tail = "\nimport json, sys\nprint(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", code + tail], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_evalkit_imports_nothing_else() -> None:
    assert not imported_by("import evalkit") & (HELP | {"typer"})


def test_help_imports_neither_arrays_nor_records() -> None:
    assert not imported_by(HELP_CODE.format(arguments=["--help"])) & HELP


@pytest.mark.parametrize("command", ["run", "leaderboard"])
def test_a_command_s_help_imports_nothing_heavy(command: str) -> None:
    # Typer checks numbers with Pydantic where that is installed.
    assert not imported_by(HELP_CODE.format(arguments=[command, "--help"])) & (HELP - {"pydantic"})


def test_the_api_without_an_optional_encoder_imports_no_pytorch() -> None:
    code = "from evalkit import evaluate, load_encoder; load_encoder('random'); load_encoder('hashing')"
    # scikit-learn itself imports pandas where that is installed.
    assert not imported_by(code) & {"torch", "transformers", "sentence_transformers", "mteb", "plotly"}


def test_the_leaderboard_imports_neither_pytorch_nor_scikit_learn() -> None:
    code = "import evalkit_leaderboard.frame, evalkit_leaderboard.aggregate, evalkit_leaderboard.render"
    assert not imported_by(code) & (HEAVY - {"scipy"})
