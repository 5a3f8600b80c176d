"""What a review of the gate found: readers that leave early, one encoder under another name, hints that lead on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import helpers
import pytest
from board_results import cell, result

from evalkit.errors import EvalkitError
from evalkit.store import ResultStore
from evalkit_leaderboard.check.gate import check
from evalkit_leaderboard.check.page import settings_line
from evalkit_leaderboard.check.pairing import pair_up, read_side
from evalkit_leaderboard.check.settings import Settings
from evalkit_leaderboard.frame import Located

VALUES = [0.5, 0.6, 0.7, 0.8, 0.9, 1.0] * 10
BEFORE_THE_TABLE = "from evalkit.cli import console, main; console.line = lambda text='': None; main()"
"""The command without its lines of text, so that a table is what meets a reader that has left."""


def made(encoder: str, task: str = "A", lost: tuple[float, ...] = (0.0,)) -> Located:
    values = [value - lost[at % len(lost)] for at, value in enumerate(VALUES)]
    return result(encoder, task, [cell(values)])


def folder(path: Path, *located: Located) -> Path:
    for _, one in located:
        ResultStore(path).write(one)
    return path


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Results of a baseline, of a candidate that lost much, and of one whose loss is open."""
    for name, lost in {"base": (0.0,), "worse": (0.3, 0.2), "open": (0.3, -0.29)}.items():
        folder(tmp_path / name, made(name, lost=lost))
    return tmp_path


# -- readers that leave early ------------------------------------------------------------------------------------


def nobody_reads(here: Path, stream: str, command: list[str], *arguments: Any) -> int:
    """Exit code of a check with a stream that nobody reads any more."""
    read, write = os.pipe()
    os.close(read)
    streams: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: write}
    environment = helpers.environment(GITHUB_STEP_SUMMARY="", EVALKIT_CACHE=here / "cache")
    done = subprocess.run([*command, *map(str, arguments)], cwd=here, env=environment, check=False, **streams)
    os.close(write)
    return done.returncode


@pytest.mark.slow
@pytest.mark.parametrize(("candidate", "code"), [("base", 0), ("worse", 1), ("open", 3)])
def test_a_reader_that_leaves_within_a_table_changes_no_verdict(here: Path, candidate: str, code: int) -> None:
    command = [sys.executable, "-c", BEFORE_THE_TABLE, "check"]
    assert nobody_reads(here, "stdout", command, "base", candidate, "--json", "out.json") == code
    assert json.loads((here / "out.json").read_text())["exit_code"] == code


@pytest.mark.slow
@pytest.mark.parametrize(("candidate", "code"), [("base", 0), ("worse", 1), ("open", 3), ("nowhere", 2)])
def test_warnings_and_errors_that_nobody_reads_change_no_verdict(here: Path, candidate: str, code: int) -> None:
    arguments = ("base", candidate, "--margin", "X=0.5", "--json", "out.json")  # a margin for no task: a warning
    assert nobody_reads(here, "stderr", helpers.command("check"), *arguments) == code
    assert (here / "out.json").exists() == (code != 2)


# -- one encoder under another name ------------------------------------------------------------------------------


def partners(old: Path, new: Path, **settings: Any) -> dict[str, str | None]:
    found = pair_up(read_side(old), read_side(new), Settings(**settings)).pairs
    return {pair.label: None if pair.candidate is None else pair.candidate.name for pair in found}


def test_a_glob_of_encoders_chooses_among_several_and_lets_the_only_one_be(tmp_path: Path) -> None:
    old = folder(tmp_path / "old", made("model"), made("bm25"))
    alone = folder(tmp_path / "alone", made("model-int8"), made("model-int8", "B"))
    assert partners(old, alone, encoders="model") == {"model-int8": "model-int8"}
    assert partners(old, alone, encoders="MOD*", tasks="A") == {"model-int8": "model-int8"}
    several = folder(tmp_path / "several", made("model-new"), made("bm25"), made("other"))
    assert partners(old, several, encoders="model*") == {"model-new": "model-new"}
    assert partners(old, several, encoders="model") == {"model": None}


def test_the_only_encoder_on_the_tasks_that_count_may_have_any_name(tmp_path: Path) -> None:
    old = folder(tmp_path / "old", made("model"), made("bm25"))
    new = folder(tmp_path / "new", made("model-int8"), made("bm25", "B"))
    assert partners(old, new, encoders="model", tasks="A") == {"model-int8": "model-int8"}


# -- words -------------------------------------------------------------------------------------------------------


def test_looks_are_named_only_where_several_are_planned(here: Path) -> None:
    assert "look" not in settings_line(check(here / "base", here / "open", Settings()))
    planned = check(here / "base", here / "open", Settings(looks=3))
    assert "look 1 of 3 (obrien-fleming: alpha " in settings_line(planned)


@pytest.mark.parametrize("glob", [{"tasks": "zz"}, {"encoders": "zz*"}])
def test_a_glob_that_matches_nothing_hints_at_a_command_that_shows_these_results(
    tmp_path: Path, glob: dict[str, str]
) -> None:
    old = folder(tmp_path / "with space", made("a"), made("b", "B"))
    with pytest.raises(EvalkitError) as caught:
        pair_up(read_side(old), read_side(old), Settings(**glob))
    assert f"`evalkit leaderboard '{old}'` shows what there is." in caught.value.hint
