"""The fixture `evalkit_check`, in the pytest runs of a model repository: within this process, some in their own."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import call_cli, is_a_sentence, sts

import evalkit

pytest_plugins = ["pytester"]

MODULE = "evalkit_leaderboard.check.pytest_plugin"
WITHOUT = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")
"""Plugins of pytest that the runs do without; Hypothesis takes longer to load than all that they do."""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of a baseline, of a candidate that is the same, of one that lost much, and of one that lost little."""
    folder = tmp_path_factory.mktemp("written")
    tasks = ["QuickRetrieval", "QuickSTS"]
    for name, spec in {"baseline": "hashing:dim=512", "worse": "random", "nearly": "hashing:dim=500"}.items():
        evalkit.evaluate(spec, tasks, output=folder / name, cache=False)
    shutil.copytree(folder / "baseline", folder / "same")
    for name in ("mine", "changed"):
        sts(folder / name / "Mine", salt=name)
        evalkit.evaluate("hashing", "Mine", data=folder / name, output=folder / f"{name}-results", cache=False)
    # Pytester takes what its runs import out of `sys.modules` again, which compiled modules do not survive.
    assert call_cli("check", folder / "baseline", folder / "same").returncode == 0
    return folder


@pytest.fixture
def repository(pytester: pytest.Pytester, written: Path) -> pytest.Pytester:
    """A model repository with results in `results/`."""
    (pytester.path / "results").symlink_to(written)
    return pytester


def gate(repository: pytest.Pytester, call: str, *more: str, process: bool = False) -> pytest.RunResult:
    """A run of a repository whose only test makes one call, as a process or within this one."""
    body = [f"report = evalkit_check({call})", *more]
    repository.makepyfile(test_model="\n    ".join(["def test_no_regression(evalkit_check):", *body]))
    run = repository.runpytest_subprocess if process else repository.runpytest_inprocess
    return run("-W", "always", *WITHOUT)


def failed(done: pytest.RunResult, *said: str) -> str:
    """The output of a run whose test failed with a page and without a traceback."""
    done.assert_outcomes(failed=1)
    text = done.stdout.str()
    assert [each for each in said if each not in text] == [], text
    assert "Traceback" not in text
    assert "exception" not in text
    assert "pytest_plugin.py:" not in text
    assert "def test_no_regression" not in text
    return text


# -- cost --------------------------------------------------------------------------------------------------------


def test_pytest_imports_nothing_heavy_for_it() -> None:
    """Everyone who has evalkit and runs pytest on anything imports this module."""
    code = f"import pytest, sys; before = set(sys.modules); import {MODULE}; print(sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(["evalkit_leaderboard", "evalkit_leaderboard.check", MODULE])


def test_a_run_that_does_not_use_it_imports_nothing_heavy(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import sys
        def test_nothing_heavy():
            assert "evalkit_leaderboard.check.pytest_plugin" in sys.modules
            assert not {"evalkit", "numpy", "scipy", "pydantic", "rich", "typer"} & set(sys.modules)
    """)
    pytester.runpytest_subprocess("-p", "no:timeout").assert_outcomes(passed=1)


def test_the_fixture_is_listed(pytester: pytest.Pytester) -> None:
    pytester.runpytest_subprocess("--fixtures").stdout.fnmatch_lines(
        ["*evalkit_check*", "*Fail the test unless a candidate is no worse*"]
    )


# -- verdicts ----------------------------------------------------------------------------------------------------


def test_the_three_lines_of_the_guide_pass(repository: pytest.Pytester) -> None:
    call = '"results/baseline", "results/same", margin=0.01'
    done = gate(repository, call, 'assert report.verdict == "pass"', process=True)
    done.assert_outcomes(passed=1)


def test_a_regression_fails_and_names_the_tasks(repository: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    done = gate(repository, '"results/baseline", "results/worse", margin=0.01', process=True)
    text = failed(done, "evalkit check: regression", "QuickRetrieval")
    # The last lines of pytest, which is all that many people read.
    assert "FAILED test_model.py::test_no_regression - Failed: evalkit check: regression: random lost" in text


def test_a_small_loss_is_inconclusive_and_fails(repository: pytest.Pytester) -> None:
    done = gate(repository, '"results/baseline", "results/nearly", margin=1e-4, tasks="QuickSTS"')
    failed(done, "evalkit check: inconclusive", "QuickSTS")


def test_an_inconclusive_check_may_warn_instead(repository: pytest.Pytester) -> None:
    call = '"results/baseline", "results/nearly", margin=1e-4, tasks="QuickSTS", inconclusive="warn"'
    done = gate(repository, call, 'assert report.verdict == "inconclusive"')
    done.assert_outcomes(passed=1, warnings=1)
    done.stdout.fnmatch_lines(["*test_model.py:2: PytestWarning: evalkit check: inconclusive*QuickSTS*"])


def test_other_data_are_incomparable(repository: pytest.Pytester) -> None:
    failed(gate(repository, '"results/mine-results", "results/changed-results"'), "evalkit check: incomparable", "Mine")


def test_no_common_task_is_incomparable(repository: pytest.Pytester) -> None:
    done = gate(repository, '"results/baseline", "results/mine-results"')
    failed(done, "evalkit check: incomparable", "no task in common")


# -- running an encoder ------------------------------------------------------------------------------------------


def test_an_encoder_is_run_on_the_tasks_of_the_baseline(repository: pytest.Pytester) -> None:
    lines = ['assert [line.name for line in report.encoders[0].tasks] == ["QuickRetrieval", "QuickSTS"]']
    done = gate(repository, '"results/baseline", encoder="hashing:dim=512"', *lines, process=True)
    done.assert_outcomes(passed=1)


def test_an_encoder_that_got_worse_fails(repository: pytest.Pytester) -> None:
    failed(gate(repository, '"results/baseline", encoder="random", tasks="QuickR*"'), "regression", "QuickRetrieval")


def test_a_function_is_an_encoder_too(repository: pytest.Pytester) -> None:
    call = '"results/baseline", encoder=lambda texts: [[1.0, float(len(text))] for text in texts], tasks="QuickR*"'
    failed(gate(repository, call), "regression", "QuickRetrieval")


def test_only_the_tasks_that_count_are_run(repository: pytest.Pytester) -> None:
    repository.makepyfile(model="""
        seen = []
        def encode(texts):
            seen.extend(texts)
            return [[1.0, float(len(text))] for text in texts]
    """)  # fmt: skip
    call = '"results/baseline", encoder=__import__("model").encode, tasks="QuickS*", margin=0.9'
    done = gate(repository, call, 'assert 0 < len(set(__import__("model").seen)) <= 2 * report.encoders[0].tasks[0].n')
    done.assert_outcomes(passed=1)


@pytest.mark.parametrize("data", ['"results/mine"', '["results/mine"]'])
def test_an_encoder_is_run_on_data_of_the_repository(repository: pytest.Pytester, data: str) -> None:
    done = gate(
        repository, f'"results/mine-results", encoder="hashing", data={data}', 'assert report.verdict == "pass"'
    )
    done.assert_outcomes(passed=1)


def test_what_the_encoder_failed_at_is_told(repository: pytest.Pytester) -> None:
    [first] = Path(evalkit.__file__).parents[1].glob("tasks/evalkit_tasks/data/QuickSTS/test.jsonl")
    text = json.loads(first.read_text(encoding="utf-8").splitlines()[0])["sentence1"]
    encoder = f"""
        import numpy as np
        def encode(texts):
            if {text!r} in texts:
                raise RuntimeError("out of luck")
            return np.ones((len(texts), 4)) * [[len(each), 1, 2, 3] for each in texts]
    """
    repository.makepyfile(model=encoder)
    done = gate(repository, '"results/baseline", encoder="python:model.py:encode", tasks="Quick[RS]*", margin=.9')
    failed(done, "evalkit check: incomparable", "QuickSTS", "out of luck")


# -- configuration -----------------------------------------------------------------------------------------------


def test_the_settings_of_the_repository_hold_and_keywords_win(repository: pytest.Pytester) -> None:
    settings = "[tool.evalkit.check]\nmargin = 0.9\n[tool.evalkit.check.margins]\nQuickSTS = 0.8\n"
    repository.makepyprojecttoml(settings + "[tool.pytest.ini_options]\n")
    lines = ["assert {line.name: line.margin for line in report.encoders[0].tasks} == "]
    lines[0] += "{'QuickRetrieval': 0.9, 'QuickSTS': 0.8}"
    gate(repository, '"results/baseline", "results/worse"', *lines).assert_outcomes(passed=1)
    failed(gate(repository, '"results/baseline", "results/worse", margin=0.01'), "regression")


def test_margins_by_task(repository: pytest.Pytester) -> None:
    call = '"results/baseline", "results/worse", margins={"QuickSTS": 0.9, "mean": 0.9}'
    text = failed(gate(repository, call), "regression", "QuickRetrieval")
    assert "QuickSTS" not in next(line for line in text.splitlines() if "evalkit check: regression" in line)


def test_paths_count_from_the_root_wherever_pytest_is_started(
    repository: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.makeini("[pytest]\n")
    repository.mkdir("sub")
    monkeypatch.chdir(repository.path / "sub")
    repository.makepyfile(**{"sub/test_model": """
        import os
        def test_no_regression(evalkit_check):
            before = os.getcwd()
            evalkit_check("results/baseline", "results/same")
            assert os.getcwd() == before
    """})  # fmt: skip
    repository.runpytest_subprocess().assert_outcomes(passed=1)


# -- mistakes ----------------------------------------------------------------------------------------------------

MISTAKES = [
    ('"results/none", "results/same"', "results/none"),
    ('"results/baseline", "results/none"', "results/none does not exist."),
    ('"results/baseline"', "Give a candidate or an encoder."),
    ('"results/baseline", "results/same", encoder="bm25"', "Give a candidate or an encoder."),
    ('"results/baseline", "results/same", margin=0', "must be above 0"),
    ('"results/baseline", "results/same", margin="much"', "The keyword margin must be a number, not 'much'."),
    ('"results/baseline", "results/same", margins={"QuickSTS": -1}', "must be above 0"),
    ('"results/baseline", "results/same", margn=0.1', "Did you mean margin"),
    ('"results/baseline", "results/same", margins=["QuickSTS"]', "must be a mapping"),
    ('"results/baseline", "results/same", alpha=0.5', "alpha must be between 0 and .5"),
    ('"results/baseline", "results/same", alpha="small"', "The keyword alpha must be a number"),
    ('"results/baseline", "results/same", strict="no"', "The keyword strict must be True or False"),
    ('"results/baseline", "results/same", looks=2.5', "The keyword looks must be a whole number"),
    ('"results/baseline", "results/same", inconclusive="shrug"', "must be fail or warn"),
    ('"results/baseline", "results/same", tasks="Nothing*"', "Nothing*"),
    ('"results/baseline", encoder="nonsense:x"', "nonsense"),
    ('"results/baseline", encoder="st:./nothing"', "there is no such folder"),
    ('"results/mine-results", encoder="hashing"', "Mine"),
]
"""Calls, and what they are told."""


def test_a_mistake_is_a_sentence(repository: pytest.Pytester) -> None:
    tests = [f"def test_{at}(evalkit_check):\n    evalkit_check({call})\n" for at, (call, _) in enumerate(MISTAKES)]
    repository.makepyfile(test_model="\n".join(tests))
    done = repository.runpytest_inprocess(*WITHOUT)
    done.assert_outcomes(failed=len(MISTAKES))
    sections = re.split(r"_+ test_\d+ _+\n", done.stdout.str().partition("short test summary")[0])[1:]
    for (call, said), section in zip(MISTAKES, sections, strict=True):
        sentence = " ".join(section.partition("\n====")[0].split())
        assert sentence.startswith("evalkit check: "), call
        assert said in sentence, call
        assert is_a_sentence(sentence), call


# -- looks -------------------------------------------------------------------------------------------------------


def test_planned_looks_are_counted_and_others_are_not(repository: pytest.Pytester) -> None:
    """Tests run again and again: that is no look unless looks are planned."""
    call = '"results/baseline", "results/same", looks={}'
    again = f"report = evalkit_check({call})"
    gate(repository, call.format(1), again.format(1)).assert_outcomes(passed=1, warnings=0)
    counted = 'assert any("look 1 of 3 before" in note for note in report.notes)'
    gate(repository, call.format(3), again.format(3), counted).assert_outcomes(passed=1)
