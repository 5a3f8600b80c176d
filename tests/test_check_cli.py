"""`evalkit check` as a user or a continuous-integration server meets it: exit codes, sentences, files, processes."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import helpers
import numpy as np
import pytest

import evalkit

TASKS = ["QuickRetrieval", "QuickSTS"]
SPECS = {"base": "hashing:dim=512", "worse": "random", "nearly": "hashing:dim=500"}
"""Measured: worse loses .0817 and .1951, nearly loses .0115 [-.0300, .0125] and gains .0190 [-.0206, .0704]."""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of a baseline, of a candidate that lost much, and of one whose loss is open."""
    folder = tmp_path_factory.mktemp("written")
    for name, spec in SPECS.items():
        evalkit.evaluate(spec, TASKS, output=folder / name, cache=False)
    return folder


@pytest.fixture
def here(tmp_path: Path, written: Path) -> Path:
    """A folder of its own with the three results."""
    for name in SPECS:
        shutil.copytree(written / name, tmp_path / name)
    return tmp_path


def check(here: Path, *arguments: Any, code: int, **more: Any) -> subprocess.CompletedProcess[str]:
    done = helpers.call_cli("check", *arguments, cwd=here, **{"GITHUB_STEP_SUMMARY": "", **more})
    assert done.returncode == code, done.stdout + done.stderr
    return done


def as_process(here: Path, *arguments: Any, code: int, **more: Any) -> subprocess.CompletedProcess[str]:
    """As `check`, in a process of its own."""
    done = subprocess.run(
        helpers.command("check", *arguments),
        cwd=here,
        env=helpers.environment(**{"GITHUB_STEP_SUMMARY": "", **more}),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def refused(here: Path, *arguments: Any, code: int = 2) -> str:
    """What `evalkit check` says where it refuses: a sentence and the way out, and nothing else."""
    done = check(here, *arguments, code=code)
    assert done.stdout == ""
    error, *hints = done.stderr.splitlines()
    assert error.startswith("error: ")
    assert len(hints) == 1 or ".json" in error  # what is said of a damaged file ends with what to do
    assert all(helpers.is_a_sentence(line) for line in (error, *hints))
    assert all(hint.startswith("  ") for hint in hints)
    return done.stderr


# -- exit codes --------------------------------------------------------------------------------------------------


def test_the_same_results_pass_at_once(here: Path) -> None:
    done = as_process(here, "base", "base", code=0)
    assert done.stdout.startswith("pass: hashing-dim=512 on 3 lines. Bit-identical.\n")
    assert done.stderr == ""
    check(here, "base", "base", "--strict", "--margin", "1e-9", "--alpha", "1e-6", code=0)


def test_a_regression_exits_1_and_names_task_and_encoder(here: Path) -> None:
    done = as_process(here, "base", "worse", code=1)
    first, tally = done.stdout.splitlines()[:2]
    assert re.match(r"regression: random lost 0\.\d{4} on QuickSTS \(margin 0.01\); also ", first)
    assert "QuickRetrieval" in first
    assert tally == "2 tasks: 2 regression; the mean: regression. Exit code 1."


def test_an_open_check_exits_3_and_says_what_would_settle_it(here: Path) -> None:
    done = as_process(here, "base", "nearly", code=3)
    assert done.stdout.startswith("inconclusive: ")
    assert re.search(r"^QuickRetrieval: with 279 queries a margin of 0\.0\d+ could be decided; ", done.stdout, re.M)
    assert "Exit code 0." in check(here, "base", "nearly", "--inconclusive", "warn", code=0).stdout
    check(here, "base", "worse", "--inconclusive", "warn", code=1)


def test_what_is_missing_exits_4_and_is_named(here: Path) -> None:
    evalkit.evaluate(SPECS["base"], TASKS[:1], output=here / "less", cache=False)
    done = as_process(here, "base", "less", code=4)
    assert done.stdout.startswith("incomparable: hashing-dim=512 on QuickSTS. The candidate has no result.")
    check(here, "base", "less", "--tasks", "*Retrieval", code=0)
    said = refused(here, "base", "less", "--tasks", "QuickSTS", code=4)
    assert "no task in common: QuickSTS against QuickRetrieval" in said


def test_other_data_exit_4(here: Path) -> None:
    for number, folder in enumerate(("one", "two")):
        helpers.sts(here / folder / "Mine", salt=folder, n=12 + number)
        evalkit.evaluate("hashing", "Mine", data=here / folder, output=here / f"{folder}-results", cache=False)
    done = check(here, "one-results", "two-results", code=4)
    assert done.stdout.startswith("incomparable: hashing on Mine. The baseline was made on other data")


def test_strict_makes_a_loss_within_the_margin_a_regression(here: Path) -> None:
    check(here, "base", "worse", "--margin", "0.5", code=0)
    done = check(here, "base", "worse", "--margin", "0.5", "--strict", code=1)
    assert "It is worse, which --strict does not tolerate." in done.stdout


def test_margins_by_name_type_and_for_the_mean(here: Path) -> None:
    done = check(
        here,
        *("base", "worse", "--json", "out.json", "--margin", "0.02"),
        *("--margin", "quickSTS=0.5", "--margin", "Retrieval=0.4", "--margin", "mean=0.45"),
        code=0,
    )
    assert "margin 0.02 (quickSTS 0.5, Retrieval 0.4, mean 0.45)" in done.stdout
    report = json.loads((here / "out.json").read_text())
    [encoder] = report["encoders"]
    assert [line["margin"] for line in (*encoder["tasks"], encoder["mean"])] == [0.4, 0.5, 0.45]


@pytest.mark.parametrize(
    "side", ["base/hashing-dim=512", "base/hashing-dim=512/*", "base/hashing-dim=512/*/QuickSTS.json"]
)
def test_a_side_may_be_a_folder_of_one_encoder_or_a_file(here: Path, side: str) -> None:
    [path] = here.glob(side)
    done = check(here, path, "worse", code=1)
    assert done.stdout.splitlines()[1].startswith("2 tasks: " if path.is_dir() else "1 task: ")


# -- what users get wrong ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        *((["--margin", value], "The margin must be above 0 and finite") for value in ("0", "-0.01", "nan", "inf")),
        (["--margin", "QuickSTS=0"], "The margin of QuickSTS must be above 0"),
        (["--margin", "much"], "'much' is no number"),
        (["--margin", "=0.1"], "there is no name before the equals sign"),
        *((["--alpha", value], "alpha must be between 0 and .5") for value in ("0", ".5", ".7", "-1")),
        (["--power", "1"], "The power must be between alpha (0.05) and 1"),
        (["--looks", "0"], "looks can be planned"),
        (["--look", "2"], "Look 2 of 1 cannot be"),
        (["--tasks", "QuickST"], "Unknown task 'QuickST'"),
        (["--encoders", "hashin"], "Unknown encoder 'hashin'"),
        (["--data", "nowhere"], "nowhere"),
    ],
)
def test_settings_that_cannot_be(here: Path, options: list[str], said: str) -> None:
    assert said in refused(here, "base", "base", *options)


@pytest.mark.parametrize(
    "options",
    [["--unknown"], ["--alpha", "much"], ["--inconclusive", "maybe"], ["--units", "-1"], ["--spending", "all"]],
)
def test_options_that_there_are_not(here: Path, options: list[str]) -> None:
    done = check(here, "base", "base", *options, code=2)
    assert done.stdout == ""
    assert options[0] in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("long", ["n" * 300, "deep/" * 2000])
def test_a_folder_that_is_not_there(here: Path, long: str) -> None:
    assert "nowhere does not exist" in refused(here, "base", "nowhere")
    assert "Unknown baseline 'nowhere'" in refused(here, "nowhere", "base")
    (here / "empty").mkdir()
    assert "empty holds no results" in refused(here, "base", "empty")
    for sides in (("base", long), (long, "base")):
        assert check(here, *sides, code=2).stdout == ""


@pytest.mark.slow
def test_a_corrupt_result_is_named_and_never_skipped(here: Path) -> None:
    [path] = (here / "worse").glob("*/*/QuickSTS.json")
    whole = path.read_text(encoding="utf-8")
    for damaged in (whole[: len(whole) // 2], whole.replace('"zlib": "', '"zlib": "?', 1), "[]", "", "\x00"):
        path.write_text(damaged, encoding="utf-8")
        assert "QuickSTS.json" in refused(here, "base", "worse")
        assert "QuickSTS.json" in refused(here, "worse", "base")


def test_a_damaged_configuration_file_is_named(here: Path) -> None:
    (here / "evalkit.toml").write_text("[check]\nmargin = 0\n", encoding="utf-8")
    assert "evalkit.toml: The margin must be above 0" in refused(here, "base", "base")


@pytest.mark.slow
def test_a_bug_of_ours_and_an_interrupt_are_no_regression(here: Path) -> None:
    (here / "sitecustomize.py").write_text(
        "import os, time, evalkit_leaderboard.check.evidence as evidence\n"
        "def gather(pair, settings):\n"
        "    if os.environ['BREAK'] == 'bug':\n"
        "        raise ZeroDivisionError('a bug')\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(60)\n"
        "evidence.gather = gather\n",
        encoding="utf-8",
    )
    environment = helpers.environment(PYTHONPATH=here, BREAK="bug")
    done = subprocess.run(
        helpers.command("check", "base", "base"), cwd=here, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 70
    assert "ZeroDivisionError: a bug" in done.stderr
    running = subprocess.Popen(
        helpers.command("check", "base", "base"),
        cwd=here,
        env={**environment, "BREAK": "sleep"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "ready\n"
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=30)
    assert (running.returncode, said) == (130, "Interrupted.\n")


@pytest.mark.slow
def test_a_reader_that_leaves_early_changes_no_verdict(here: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    for candidate, code in (("base", 0), ("worse", 1), ("nearly", 3)):
        with os.fdopen(os.dup(write), "w") as stdout:
            command = helpers.command("check", "base", candidate, "--json", "out.json")
            done = subprocess.run(
                command, cwd=here, env=helpers.environment(), stdout=stdout, stderr=subprocess.PIPE, check=False
            )
        assert done.returncode == code, done.stderr
        assert json.loads((here / "out.json").read_text())["exit_code"] == code
    os.close(write)


# -- files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("candidate", "verdict", "code"), [("base", "pass", 0), ("worse", "regression", 1), ("nearly", "inconclusive", 3)]
)
def test_every_file_agrees_with_the_verdict(here: Path, candidate: str, verdict: str, code: int) -> None:
    (here / "summary.md").write_text("before\n", encoding="utf-8")
    outputs = ("--json", "out/a.json", "--junit", "out/b.xml", "--markdown", "out/c.md")
    check(here, "base", candidate, *outputs, code=code, GITHUB_STEP_SUMMARY=here / "summary.md")
    report = json.loads((here / "out/a.json").read_text())
    assert (report["verdict"], report["exit_code"]) == (verdict, code)
    assert [line["name"] for line in report["encoders"][0]["tasks"]] == TASKS
    cases = ElementTree.parse(here / "out/b.xml").getroot().findall("testsuite/testcase")
    assert [case.get("name") for case in cases] == [*TASKS, "mean"]
    assert all((case.find("failure") is not None) == bool(code) for case in cases)
    markdown = (here / "out/c.md").read_text(encoding="utf-8")
    assert verdict in markdown.splitlines()[0]
    summary = (here / "summary.md").read_text(encoding="utf-8")
    assert summary.startswith("before\n")
    assert markdown.splitlines()[0] in summary


def test_a_file_that_cannot_be_written_is_no_regression(here: Path) -> None:
    done = as_process(here, "base", "base", "--json", "base", "--markdown", "out.md", code=2)
    assert "Cannot write base" in done.stderr
    assert (here / "out.md").is_file()


# -- settings, looks, units --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_configuration_file_counts_and_options_win(here: Path) -> None:
    (here / "pyproject.toml").write_text(
        "[tool.evalkit.check]\nmargin = 0.5\ninconclusive = 'warn'\n", encoding="utf-8"
    )
    done = check(here, "base", "worse", code=0)
    assert "pyproject.toml" in done.stderr
    check(here, "base", "worse", "--margin", "0.01", code=1)
    check(here, "base", "nearly", "--margin", "0.01", code=0)
    check(here, "base", "nearly", "--margin", "0.01", "--inconclusive", "fail", code=3)


@pytest.mark.slow
def test_a_second_check_of_a_candidate_is_a_warning(here: Path) -> None:
    assert check(here, "base", "nearly", code=3).stderr == ""
    again = check(here, "base", "nearly", code=3).stderr
    assert again.startswith("warning: These very results were checked against this baseline before")
    # The same encoder on the same tasks with other numbers, as after more epochs.
    [path] = (here / "nearly").glob("*/*/QuickSTS.json")
    [other] = (here / "base").glob("*/*/QuickSTS.json")
    record, numbers = (json.loads(each.read_text(encoding="utf-8")) for each in (path, other))
    path.write_text(json.dumps(record | {key: numbers[key] for key in ("cells", "main_score")}), encoding="utf-8")
    assert (
        "warning: This candidate was checked against this baseline once before"
        in check(here, "base", "nearly", code=3).stderr
    )


@pytest.mark.slow
def test_planned_looks_spend_alpha_and_run_out(here: Path) -> None:
    """O'Brien and Fleming's first of two looks at a one-sided .05: critical value 1.678 sqrt 2, p = .00882."""
    options = ("--looks", "2", "--json", "out.json")
    done = check(here, "base", "nearly", *options, code=3)
    assert json.loads((here / "out.json").read_text())["alpha"] == pytest.approx(0.00882, abs=1e-4)
    assert "look 1 of 2 (obrien-fleming: alpha 0.008" in done.stdout
    check(here, "base", "nearly", *options, "--look", "2", code=3)
    report = json.loads((here / "out.json").read_text())
    assert (report["look"], report["alpha"]) == (2, pytest.approx(0.04668, abs=1e-3))
    pocock = check(here, "base", "nearly", *options, "--look", "1", "--spending", "pocock", code=3)
    assert "pocock: alpha 0.03" in pocock.stdout


def test_without_a_home_for_the_history_the_check_goes_on(here: Path) -> None:
    (here / "file").write_text("", encoding="utf-8")
    done = check(here, "base", "base", code=0, EVALKIT_CACHE=here / "file")
    assert "repeated checks go unnoticed" in done.stdout + done.stderr


@pytest.mark.slow
def test_the_units_that_got_worst_come_with_their_texts(here: Path) -> None:
    helpers.retrieval(here / "data" / "Mine", n=60, n_queries=40)
    shifted = helpers.Counting("new", fault=lambda texts, vectors, call: np.roll(vectors, 1, axis=0))
    for encoder in (helpers.Counting("old"), shifted):
        evalkit.evaluate(encoder, "Mine", data=here / "data", output=here / encoder.name, cache=False)
    shown = check(here, "old", "new", "--data", "data", "--json", "out.json", code=1)
    [line] = json.loads((here / "out.json").read_text())["encoders"][0]["tasks"]
    assert len(line["worst"]) == 10
    losses = [unit["baseline"] - unit["candidate"] for unit in line["worst"]]
    assert losses == sorted(losses, reverse=True)
    for unit in line["worst"]:
        assert unit["text"] == helpers.sentence(3 * int(unit["id"][1:]))
        assert unit["text"] in shown.stdout
    assert "Mine: the 10 queries that got worst" in shown.stdout
    without = check(here, "old", "new", "--units", "3", code=1)
    assert "Mine: the 3 queries that got worst" in without.stdout
    assert "The texts of Mine are not at hand: --data DIR says where its folder is." in without.stdout
    assert "got worst" not in check(here, "old", "new", "--units", "0", code=1).stdout


# -- baselines ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_saved_baseline_by_its_name_and_results_in_which_it_lies(here: Path) -> None:
    (here / "base").rename(here / "results")
    saved = subprocess.run(
        helpers.command("baseline", "save", "results", "--name", "v1"), cwd=here, capture_output=True, check=False
    )
    assert saved.returncode == 0, saved.stderr
    for baseline in ("v1", "results/v1", "results/v1/baseline.json"):
        check(here, baseline, "results", code=0)
        check(here, baseline, "worse", code=1)
    check(here, "results", "results/v1", code=0)
    assert "Did you mean v1?" in refused(here, "v1x", "results")


def test_a_baseline_that_was_changed_is_refused(here: Path) -> None:
    subprocess.run(helpers.command("baseline", "save", "base", "--name", "v1", "--in", "results"), cwd=here, check=True)
    [path] = (here / "results" / "v1").glob("*/*/QuickSTS.json")
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert "QuickSTS.json" in refused(here, "v1", "base")


def test_checking_two_tasks_takes_about_a_second(here: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    as_process(here, "base", "worse", code=1)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Processor time, for other tests run beside it: 1 s; this is for what is out of all proportion.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 10
