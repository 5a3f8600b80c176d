"""Saved baselines: copied whole or not at all, found by name, and refused once they are no longer what was saved."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import helpers
import numpy as np
import pytest
from test_compare import A, B, cell, result, stored

from evalkit.errors import EvalkitError, StoreError
from evalkit.fingerprint import digest_file
from evalkit.store import load
from evalkit_leaderboard.check.baseline import (
    Manifest,
    baselines,
    differences,
    find_baseline,
    read_manifest,
    save_baseline,
    verified,
)

ALPHA, BETA = "alpha/000000000061", "beta/000000000062"
"""Where the results of the two encoders lie."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working folder with `results`: alpha on T and U, beta on T."""
    stored(tmp_path / "results", result("alpha", "T", cell(A)), result("alpha", "U", cell(A), cell(B, subset="second")))
    stored(tmp_path / "results", result("beta", "T", cell(B)))
    return tmp_path


def cli(folder: Path, *arguments: Any, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = helpers.call_cli(*arguments, cwd=folder)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def save(folder: Path, *more: Any, source: Any = "results", code: int = 0) -> str:
    """What `evalkit baseline save` says, on stderr where it refuses."""
    done = cli(folder, "baseline", "save", source, *more, code=code)
    if code:
        assert done.stdout == ""
        assert all(helpers.is_a_sentence(line) for line in done.stderr.splitlines()), done.stderr
    return done.stderr if code else done.stdout


def names(folder: Path) -> list[str]:
    """Everything in a folder, hidden things too."""
    return sorted(path.name for path in folder.iterdir())


def api_save(folder: Path, name: str = "baseline", **more: Any) -> Path:
    save_baseline(folder / "results", name, folder / "results", **more)
    return folder / "results" / name


# -- saving ------------------------------------------------------------------------------------------------------


def test_a_baseline_is_a_copy_byte_for_byte_and_says_what_it_holds(folder: Path) -> None:
    said = save(folder, "--note", "release\n 1.0")
    assert said == "Saved results/baseline: 2 encoders, 2 tasks.\n"
    place = folder / "results" / "baseline"
    files = [f"{ALPHA}/T.json", f"{ALPHA}/U.json", f"{BETA}/T.json"]
    assert helpers.files(place) == sorted([*files, "baseline.json"])
    for file in [*files, f"{ALPHA}/encoder.json"]:
        assert (place / file).read_bytes() == (folder / "results" / file).read_bytes()
    manifest = json.loads((place / "baseline.json").read_text())
    assert {key: manifest[key] for key in ("schema_version", "name", "note")} == {
        "schema_version": 1,
        "name": "baseline",
        "note": "release 1.0",
    }
    assert manifest["created"].endswith("+00:00")
    assert manifest["encoders"] == [
        {"name": "alpha", "fingerprint": "000000000061", "spec": "alpha"},
        {"name": "beta", "fingerprint": "000000000062", "spec": "beta"},
    ]
    described = {"type": "Retrieval", "fingerprint": "d", "metric": "m"}
    assert manifest["tasks"] == [
        {"name": "T", **described, "units": 4, "cells": 1},
        {"name": "U", **described, "units": 8, "cells": 2},
    ]
    cards = [f"{ALPHA}/encoder.json", f"{BETA}/encoder.json"]
    assert manifest["files"] == {file: digest_file(place / file) for file in sorted([*files, *cards])}
    assert names(folder / "results") == ["alpha", "baseline", "beta"]
    verified(place)


@pytest.mark.parametrize(
    ("source", "more", "kept"),
    [
        ("results/alpha", (), [f"{ALPHA}/T.json", f"{ALPHA}/U.json"]),
        (f"results/{ALPHA}/U.json", (), [f"{ALPHA}/U.json"]),
        ("results", ("--tasks", "t"), [f"{ALPHA}/T.json", f"{BETA}/T.json"]),
        ("results", ("--encoders", "B*"), [f"{BETA}/T.json"]),
    ],
)
def test_part_of_the_results(source: str, more: tuple[str, ...], kept: list[str], folder: Path) -> None:
    save(folder, "--name", "part", "--in", "kept/here", *more, source=source)
    assert helpers.files(folder / "kept" / "here" / "part") == sorted([*kept, "baseline.json"])
    assert load(folder / "kept").results == []
    assert len(load(folder / "kept" / "here" / "part").results) == len(kept)


def test_results_that_lie_elsewhere_come_into_the_store_s_layout(folder: Path) -> None:
    flat = folder / "flat"
    flat.mkdir()
    for number, (path, _) in enumerate(load(folder / "results").results):
        shutil.copy(path, flat / f"{number}.json")
    save(folder, source="flat")
    assert len(helpers.files(folder / "results" / "baseline")) == 4
    verified(folder / "results" / "baseline")


def test_published_results_have_no_units(tmp_path: Path) -> None:
    stored(tmp_path / "results", result("alpha", "T", cell(None, score=0.5)))
    [task] = save_baseline(tmp_path / "results", "b", tmp_path).tasks
    assert (task.units, task.cells) == (0, 1)


def test_a_baseline_is_replaced_only_by_force_and_then_whole(folder: Path) -> None:
    save(folder)
    place = folder / "results" / "baseline"
    before = (place / "baseline.json").read_bytes()
    assert "The baseline results/baseline exists.\n  --force replaces it" in save(folder, code=2)
    assert (place / "baseline.json").read_bytes() == before
    save(folder, "--force", "--encoders", "beta")
    assert helpers.files(place) == ["baseline.json", f"{BETA}/T.json"]
    assert names(folder / "results") == ["alpha", "baseline", "beta"]
    (place / "baseline.json").write_text("{")  # broken, but a baseline
    save(folder, "--force")
    verified(place)
    # A saved baseline is a source like any other.
    save(folder, "--name", "second", source="results/baseline")
    assert read_manifest(folder / "results" / "second").files == read_manifest(place).files


def test_a_name_that_is_taken_is_refused_even_by_force(folder: Path) -> None:
    (folder / "results" / "notes").mkdir()
    (folder / "elsewhere").mkdir()
    before = helpers.files(folder)
    assert "results/alpha holds the results of an encoder." in save(folder, "--name", "alpha", "--force", code=2)
    assert "results/notes exists and is no saved baseline." in save(folder, "--name", "notes", "--force", code=2)
    said = save(folder, "--name", "Alpha", "--in", "elsewhere", code=2)
    assert "'Alpha' is the folder of an encoder's results in elsewhere." in said
    assert helpers.files(folder) == before


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "../a", "a\\b", "a\nb", "a.json", "x" * 300])
def test_a_name_is_one_visible_folder(name: str, folder: Path) -> None:
    with pytest.raises(EvalkitError, match="cannot be a baseline's name"):
        api_save(folder, name)
    assert names(folder / "results") == ["alpha", "beta"]


def test_a_name_that_is_none_is_a_sentence(folder: Path) -> None:
    assert "'a/b' cannot be a baseline's name." in save(folder, "--name", "a/b", code=2)


def test_a_baseline_is_not_saved_into_itself(folder: Path) -> None:
    place = api_save(folder)
    said = save(folder, "--force", source="results/baseline/beta", code=2)
    assert "results/baseline/beta would be saved into itself." in said
    for source in (place, place / BETA / "T.json"):
        with pytest.raises(EvalkitError, match="would be saved into itself"):
            save_baseline(source, "baseline", folder / "results", force=True)
    for parent in (place, place / "beta"):
        with pytest.raises(EvalkitError, match=f"{parent}/inner would lie in the baseline {place}"):
            save_baseline(folder / "results", "inner", parent)
    verified(place)


def test_what_cannot_be_read_or_is_not_there_is_refused_by_name(folder: Path) -> None:
    (folder / "empty").mkdir()
    for source, said in (("nowhere", "nowhere does not exist"), ("empty", "empty holds no results")):
        with pytest.raises(StoreError, match=said):
            save_baseline(folder / source, "baseline", folder / "results")
    assert "Unknown task 'X*'" in save(folder, "--tasks", "X*", code=2)
    broken = folder / "results" / BETA / "T.json"
    whole = broken.read_text()
    broken.write_text(whole[:-30])
    assert f"results/{BETA}/T.json cannot be read" in save(folder, code=2)
    broken.write_text(whole.replace('"zlib": "', '"zlib": "!'))
    assert f"results/{BETA}/T.json: test/default: The observations cannot be read." in save(folder, code=2)
    assert names(folder / "results") == ["alpha", "beta"]


def test_results_that_do_not_go_together_are_refused(folder: Path) -> None:
    stored(folder / "results", result("gamma", "T", cell(A), data="other"))
    with pytest.raises(EvalkitError, match="T has results on different data"):
        api_save(folder)
    stored(folder / "results", result("gamma", "T", cell(A)))
    shutil.copytree(folder / "results" / "beta", folder / "results" / "copy")
    with pytest.raises(EvalkitError, match="beta has two results on T"):
        api_save(folder)
    assert names(folder / "results") == ["alpha", "beta", "copy", "gamma"]


def test_a_place_that_cannot_be_is_a_sentence(folder: Path) -> None:
    said = save(folder, "--in", f"results/{ALPHA}/T.json", code=1)
    assert f"Cannot save results/{ALPHA}/T.json/baseline: " in said
    assert "choose another folder with --in" in said


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_that_is_closed_is_a_sentence(folder: Path) -> None:
    api_save(folder)
    (folder / "results").chmod(0o500)
    try:
        assert "Cannot save results/baseline: Permission denied" in save(folder, "--force", code=1)
    finally:
        (folder / "results").chmod(0o700)
    verified(folder / "results" / "baseline")


def test_a_failure_in_the_middle_leaves_what_was_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = api_save(folder, note="old")
    real, calls = os.fsync, []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) > 3:
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StoreError, match="No space left on device") as raised:
        api_save(folder, force=True, note="new")
    assert raised.value.exit_code == 1
    assert read_manifest(place).note == "old"
    verified(place)
    assert names(folder / "results") == ["alpha", "baseline", "beta"]


# -- kills -------------------------------------------------------------------------------------------------------

KILLS = """
import json, os, shutil, signal, sys
from pathlib import Path
import evalkit.cli.app
from evalkit.errors import EvalkitError
from evalkit.store import load
from evalkit import placing
from evalkit_leaderboard.check import baseline

home, first, swap = Path(sys.argv[1]), sys.argv[2] == "first", sys.argv[3] == "swap"
if not swap:
    placing._exchange = lambda one, other: False
TOUCHES = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.scandir", "os.listdir", "shutil.rmtree"}


def save(at):
    # A process that dies, really, before the file system is touched for the time that is asked for.
    seen = 0

    def hook(event, arguments):
        nonlocal seen
        if event in TOUCHES and "results" in str(arguments[0]):
            seen += 1
            if seen == at:
                os.kill(os.getpid(), signal.SIGKILL)

    os.chdir(home)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.argv = ["evalkit", "baseline", "save", "results", "--force", "--note", "new"]
    sys.addaudithook(hook)
    evalkit.cli.main()


def state():
    # As the next process finds it.
    expected = sorted(path for path, _ in load(home / "template").results)
    found = load(home / "results")
    assert not found.unreadable
    assert len(found.results) == len(expected), found.results
    try:
        place = baseline.find_baseline("baseline", home / "results")
    except EvalkitError:
        return "none"
    baseline.verified(place)
    assert len(load(place).results) == len(expected)
    return baseline.read_manifest(place).note


states, done = [], False
while not done:
    shutil.rmtree(home / "results", ignore_errors=True)
    shutil.copytree(home / "template", home / "results")
    if not first:
        baseline.save_baseline(home / "results", "baseline", home / "results", note="old")
    child = os.fork()
    if child == 0:
        try:
            save(len(states) + 1)
        finally:
            sys.stdout.flush()
            os._exit(0 if sys.exc_info()[0] in (None, SystemExit) and not getattr(sys.exc_info()[1], "code", 0) else 1)
    _, status = os.waitpid(child, 0)
    done = not os.WIFSIGNALED(status)
    assert done or os.WTERMSIG(status) == signal.SIGKILL, status
    assert not done or os.WEXITSTATUS(status) == 0, status
    states.append(state())
    # Whatever was left, the next save works.
    baseline.save_baseline(home / "results", "baseline", home / "results", force=True, note="after")
    assert state() == "after"
print(json.dumps(states))
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.parametrize(("what", "how"), [("first", "swap"), ("replaced", "swap"), ("replaced", "renames")])
def test_kill_9_before_every_touch_of_the_disk(what: str, how: str, folder: Path) -> None:
    (folder / "results").rename(folder / "template")
    done = subprocess.run(
        [sys.executable, "-c", KILLS, folder, what, how],
        env=helpers.environment(OMP_NUM_THREADS=1),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    states = json.loads(done.stdout)
    before = "none" if what == "first" else "old"
    assert len(states) > 20
    assert set(states) == {before, "new"}
    # Before some moment it is the old one, after it the new one.
    assert states == sorted(states, key=lambda state: state == "new")


def test_what_killed_processes_left_is_removed_once_it_is_nobody_s_work_any_more(folder: Path) -> None:
    place = api_save(folder)
    fresh, old = (folder / "results" / f".baseline.{name}.tmp" for name in ("1-fresh", "2-old"))
    for each in (fresh, old):
        shutil.copytree(place, each)
        (each / "baseline.json").unlink()  # killed while it was written, or removed
    os.utime(old, (time.time() - 7200,) * 2)
    assert len(load(folder / "results").results) == 3
    api_save(folder, force=True)
    assert [name for name in names(folder / "results") if name.startswith(".")] == [fresh.name]


# -- loading -----------------------------------------------------------------------------------------------------


def test_a_baseline_among_results_is_not_read_as_results_but_by_itself(folder: Path) -> None:
    before = cli(folder, "leaderboard", "results", "--json").stdout
    save(folder)
    assert cli(folder, "leaderboard", "results", "--json").stdout == before
    place = folder / "results" / "baseline"
    loaded, alone = load(folder / "results"), load(place)
    assert not loaded.unreadable
    assert not alone.unreadable
    assert [path for path, _ in loaded.results] == [
        folder / "results" / file for file in (f"{ALPHA}/T.json", f"{ALPHA}/U.json", f"{BETA}/T.json")
    ]
    assert [each for _, each in alone.results] == [each for _, each in loaded.results]
    assert len(load(place / "alpha").results) == 2
    assert cli(folder, "leaderboard", "results/baseline", "--json").stdout.replace("/baseline/", "/") == before
    assert "alpha" in cli(folder, "show", f"results/baseline/{ALPHA}/T.json").stdout
    assert "alpha" in cli(folder, "compare", "alpha", "beta").stdout


def test_a_task_may_be_called_baseline(tmp_path: Path) -> None:
    stored(tmp_path, result("alpha", "baseline", cell(A)), result("alpha", "T", cell(B)))
    assert helpers.files(tmp_path) == [f"{ALPHA}/%62aseline.json", f"{ALPHA}/T.json"]
    assert [each.task.name for _, each in load(tmp_path).results] == ["baseline", "T"]


def test_hidden_folders_hold_no_results(folder: Path) -> None:
    shutil.copytree(folder / "results" / "alpha", folder / "results" / ".trash" / "alpha")
    assert len(load(folder / "results").results) == 3
    assert len(load(folder / "results" / ".trash").results) == 2


# -- finding and verifying ---------------------------------------------------------------------------------------


def test_a_path_wins_over_a_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = api_save(folder)
    monkeypatch.chdir(folder)
    assert find_baseline("baseline") == Path("results/baseline")
    assert find_baseline("baseline", folder / "results") == place
    for path in ("results", "results/alpha", f"results/{ALPHA}/T.json", "results/baseline"):
        assert find_baseline(path) == Path(path)
    assert find_baseline("results/baseline/baseline.json") == Path("results/baseline")
    (folder / "baseline").mkdir()
    assert find_baseline("baseline") == Path("baseline")
    # Only what has a manifest has a name.
    for stranger in ("alpha", "", "x" * 300):
        with pytest.raises(EvalkitError, match="Unknown baseline"):
            find_baseline(stranger)
    shutil.copy(f"results/{ALPHA}/T.json", "baseline/baseline.json")  # a result that somebody called so
    assert find_baseline("baseline/baseline.json") == Path("baseline/baseline.json")


def test_near_names_are_said(folder: Path) -> None:
    save(folder, "--name", "release-1")
    save(folder, "--name", "release-2")
    said = cli(folder, "baseline", "show", "release1", code=2).stderr
    assert "Unknown baseline 'release1'." in said
    assert "Did you mean release-1 or release-2? `evalkit baseline list results` shows what there is." in said


def harm(place: Path, how: str) -> tuple[str, str]:
    """Damage a baseline: the word for it, and the file."""
    file = f"{ALPHA}/U.json"
    if how == "changed":
        (place / file).write_text((place / file).read_text() + "\n")
    elif how == "missing":
        (place / file).unlink()
    else:
        file = f"{ALPHA}/V.json"
        shutil.copy(place / ALPHA / "U.json", place / file)
    return how, file


@pytest.mark.parametrize("how", ["changed", "missing", "additional"])
def test_files_that_differ_are_named(how: str, folder: Path) -> None:
    place = api_save(folder)
    (place / "README.md").write_text("What this is.")  # no result: nobody's business
    for path in (place, place / "beta", place / BETA, place / BETA / "T.json"):
        verified(path)
    word, file = harm(place, how)
    assert vars(differences(place, read_manifest(place))) == {
        "changed": (),
        "missing": (),
        "additional": (),
        word: (file,),
    }
    for path in (place, place / "beta", place / BETA, place / BETA / "T.json"):
        with pytest.raises(StoreError, match=f"is not the baseline that was saved: {word}: {file}"):
            verified(path)
    verified(folder / "results")
    done = cli(folder, "baseline", "show", "baseline", code=2)
    assert [line.split() for line in done.stdout.splitlines() if line.startswith("  ")] == [[word, file]]
    assert "not as they were saved" in done.stdout
    assert f"results/baseline is not the baseline that was saved: {word}: {file}." in done.stderr
    shown = json.loads(cli(folder, "baseline", "show", "baseline", "--json", code=2).stdout)
    assert shown["differences"][word] == [file]


def test_ordinary_results_have_nothing_to_verify(folder: Path) -> None:
    for path in ("results", "results/alpha", f"results/{ALPHA}/T.json"):
        verified(folder / path)
    (folder / "baseline.json").write_text('{"mine": true}')  # somebody else's file around them
    verified(folder / "results")
    api_save(folder)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot be read"),
        ("[]", "is no manifest of a baseline"),
        ('{"schema_version": 2}', "has schema version 2; this evalkit reads up to 1"),
        ('{"schema_version": 1}', "is no valid manifest: name: Field required"),
    ],
)
def test_a_damaged_manifest_is_refused(text: str, said: str, folder: Path) -> None:
    place = api_save(folder)
    (place / "baseline.json").write_text(text)
    with pytest.raises(StoreError, match=said):
        verified(place)
    assert len(load(folder / "results").results) == 3
    [entry] = json.loads(cli(folder, "baseline", "list", "--json").stdout)
    assert said in entry["problem"]
    assert "broken: " in cli(folder, "baseline", "list").stdout


def test_what_is_no_baseline_cannot_be_shown(folder: Path) -> None:
    assert "results/alpha is no saved baseline" in cli(folder, "baseline", "show", "results/alpha", code=2).stderr


# -- listing and showing -----------------------------------------------------------------------------------------


def test_list(folder: Path) -> None:
    assert cli(folder, "baseline", "list").stdout == "No baselines in results.\n"
    save(folder, "--note", "everything")
    save(folder, "--name", "beta-only", "--encoders", "beta")
    entries = json.loads(cli(folder, "baseline", "list", "--json").stdout)
    assert [(each["name"], each["encoders"], each["tasks"], each["note"], each["problem"]) for each in entries] == [
        ("baseline", ["alpha", "beta"], ["T", "U"], "everything", None),
        ("beta-only", ["beta"], ["T"], "", None),
    ]
    lines = cli(folder, "baseline", "list", "results").stdout.splitlines()
    assert lines[0].split() == ["baseline", "saved", "encoders", "tasks", "note"]
    assert lines[2].split() == ["baseline", entries[0]["created"], "alpha,", "beta", "T,", "U", "everything"]
    assert json.loads(cli(folder, "baseline", "list", "results/beta-only", "--json").stdout) == [
        {**entries[1], "path": "results/beta-only"}
    ]
    assert "nowhere is no folder." in cli(folder, "baseline", "list", "nowhere", code=2).stderr
    assert [path.name for path in baselines(folder / "results")] == ["baseline", "beta-only"]


def test_show(folder: Path) -> None:
    save(folder, "--note", "everything", "--in", "kept")
    page = cli(folder, "baseline", "show", "baseline", "--in", "kept").stdout
    assert "note         everything" in page
    assert "files        5, all as they were saved" in page
    rows = [line.split() for line in page.splitlines()]
    assert ["alpha", "000000000061", "alpha"] in rows
    assert ["U", "Retrieval", "m", "d", "2", "8"] in rows
    shown = json.loads(cli(folder, "baseline", "show", "kept/baseline", "--json").stdout)
    assert shown.pop("differences") == {"changed": [], "missing": [], "additional": []}
    assert shown.pop("path") == "kept/baseline"
    assert Manifest.model_validate(shown) == read_manifest(folder / "kept" / "baseline")


def test_a_real_run_is_saved_and_a_later_run_beside_it_changes_nothing(tmp_path: Path) -> None:
    helpers.sts(tmp_path / "data" / "S")
    run = ("run", "-m", helpers.spec(), "--data", "data", "--quiet")
    cli(tmp_path, *run)
    save(tmp_path)
    [(path, before)] = load(tmp_path / "results" / "baseline").results
    assert np.isfinite(before.main_score.value or np.nan)
    cli(tmp_path, *run, "--force")
    verified(tmp_path / "results" / "baseline")
    [(_, after)] = load(tmp_path / "results").results
    assert after.cells == before.cells
    assert after.timing != before.timing
    assert path.name == "S.json"
