"""The GitHub Action: its metadata hold what GitHub asks for, and its steps run as a runner would run them."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

import evalkit

ROOT = Path(__file__).resolve().parent.parent
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS = ACTION["runs"]["steps"]
EXPRESSION = re.compile(r"\$\{\{\s*(.+?)\s*\}\}")
WORDS = ("river", "boat", "noon", "ferry", "bank", "rope")
STRANGERS = ("bread", "oven", "dawn", "flour", "salt", "crust")
HOSTILE = ("$(touch pwned)", "`touch pwned`", "'; touch pwned; '", '"; touch pwned; "', "--help", "x\nverdict=pass")


# -- a runner small enough to read -------------------------------------------------------------------------------


@dataclass
class Done:
    """What a job sees of an action that ran."""

    code: int
    log: str
    summary: str = ""
    outputs: dict[str, str] = field(default_factory=dict)


@dataclass
class Runner:
    """Runs a composite action of `run` steps the way GitHub documents it."""

    folder: Path
    python: str = sys.executable
    ran: list[str] = field(default_factory=list)

    def __call__(self, **given: str) -> Done:
        inputs = {name: str(about.get("default", "")) for name, about in ACTION["inputs"].items()}
        inputs |= {"install": "false", "python": self.python}
        inputs |= {name.replace("_", "-"): value for name, value in given.items()}
        assert set(inputs) == set(ACTION["inputs"]), "an input that the action does not have"
        context = {f"inputs.{name}": value for name, value in inputs.items()} | {"github.action_path": str(ROOT)}
        done = Done(0, "")
        for step in STEPS:
            if done.code == 0 and _holds(step.get("if", "true"), context):
                self._run(step, context, done)
        for name, about in ACTION["outputs"].items():
            done.outputs[name] = _filled(about["value"], context)
        done.summary = self._file("GITHUB_STEP_SUMMARY").read_text(encoding="utf-8")
        return done

    def _run(self, step: Mapping[str, Any], context: dict[str, str], done: Done) -> None:
        self.ran.append(step["name"])
        script = self.folder / "step.sh"
        script.write_text(step["run"], encoding="utf-8")
        (self.folder / "temp").mkdir(exist_ok=True)
        self._file("GITHUB_OUTPUT").write_text("", encoding="utf-8")
        ran = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],  # what `shell: bash` stands for
            cwd=self.folder / "repository",
            env=self._environment() | {name: _filled(text, context) for name, text in step.get("env", {}).items()},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        done.code, done.log = ran.returncode, done.log + ran.stdout + ran.stderr
        outputs = _outputs(self._file("GITHUB_OUTPUT").read_text(encoding="utf-8"))
        context |= {f"steps.{step.get('id', '')}.outputs.{name}": value for name, value in outputs.items()}

    def _environment(self) -> dict[str, str]:
        files = {name: str(self._file(name)) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        nowhere = dict.fromkeys(("http_proxy", "https_proxy", "PIP_INDEX_URL"), "http://127.0.0.1:9")
        return {**os.environ, **nowhere, **files, "RUNNER_TEMP": str(self.folder / "temp")}

    def _file(self, name: str) -> Path:
        path = self.folder / name
        path.touch()
        return path


def _filled(text: Any, context: Mapping[str, str]) -> str:
    """A text with its expressions replaced; one that names nothing is empty, as on GitHub."""
    return EXPRESSION.sub(lambda found: context.get(found[1], ""), str(text))


def _holds(condition: str, context: Mapping[str, str]) -> bool:
    """Conditions of the form `a != 'b' && c != 'd'`."""
    if condition == "true":
        return True
    parts = [re.fullmatch(r"([\w.-]+) (==|!=) '([^']*)'", part.strip()) for part in condition.split("&&")]
    assert all(parts), f"the runner of this test cannot read {condition}"
    return all((context[part[1]] == part[3]) == (part[2] == "==") for part in parts if part)


def _outputs(text: str) -> dict[str, str]:
    """The file of outputs: NAME=VALUE, or NAME<<MARK, lines, MARK."""
    outputs, lines = {}, iter(text.splitlines())
    for line in lines:
        name, mark = re.fullmatch(r"([\w-]+)(?:<<(\S+)|=.*)", line).groups()  # type: ignore[union-attr]
        outputs[name] = line.partition("=")[2] if mark is None else "\n".join(iter(lambda: next(lines), mark))
    return outputs


@pytest.fixture
def action(tmp_path: Path, baseline: Path) -> Runner:
    """Runs the action in a repository that has results of a baseline in `results/main`."""
    (tmp_path / "repository" / "results").mkdir(parents=True)
    (tmp_path / "repository" / "results" / "main").symlink_to(baseline)
    return Runner(tmp_path)


@pytest.fixture
def recorded(tmp_path: Path) -> Runner:
    """Runs the action with an interpreter that notes what it is called with and does nothing."""
    (tmp_path / "repository").mkdir()
    python = tmp_path / "python"
    note = f'printf "%s\\0" "$@" END >> {tmp_path}/calls'
    python.write_text(f"#!/bin/bash\n[ $1 = -I ] && exit 1\n{note}\n", encoding="utf-8")
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    return Runner(tmp_path, python=str(python))


def calls(recorded: Runner) -> list[list[str]]:
    """The arguments of each call, which are then forgotten."""
    path = recorded.folder / "calls"
    text = path.read_text(encoding="utf-8")
    path.unlink()
    return [call.split("\0")[:-1] for call in text.split("END\0")[:-1]]


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("baseline")
    evalkit.evaluate("hashing:dim=512", ["QuickRetrieval", "QuickSTS"], output=folder, cache=False)
    return folder


# -- metadata ----------------------------------------------------------------------------------------------------


def test_the_metadata_have_what_github_requires() -> None:
    assert {"name", "description", "runs"} <= set(ACTION) <= {
        "name", "author", "description", "branding", "inputs", "outputs", "runs"
    }  # fmt: skip
    assert ACTION["runs"]["using"] == "composite"
    assert all({"run", "shell"} <= set(step) <= {"run", "shell", "name", "id", "if", "env"} for step in STEPS)
    assert all(set(about) <= {"description", "required", "default"} for about in ACTION["inputs"].values())
    assert all(set(about) == {"description", "value"} for about in ACTION["outputs"].values())
    names = [*ACTION["inputs"], *ACTION["outputs"]]
    assert all(re.fullmatch(r"[a-z_][a-z0-9_-]*", name) for name in names)
    assert all(isinstance(about.get("default", ""), str) for about in ACTION["inputs"].values())


def test_every_input_has_a_default_or_is_required_and_is_used() -> None:
    used = {found for step in STEPS for text in [*step["env"].values(), step.get("if", "")]
            for found in re.findall(r"inputs\.([\w-]+)", text)}  # fmt: skip
    assert used == set(ACTION["inputs"])
    assert [name for name, about in ACTION["inputs"].items() if "default" not in about] == ["baseline"]
    assert ACTION["inputs"]["baseline"]["required"] is True


def test_no_expression_is_program_text() -> None:
    assert [step["name"] for step in STEPS if "${{" in step["run"]] == []


def test_every_expression_names_something_that_there_is() -> None:
    known = {f"inputs.{name}" for name in ACTION["inputs"]} | {"github.action_path"}
    known |= {f"steps.check.outputs.{name}" for name in ACTION["outputs"]}
    texts = [*(text for step in STEPS for text in step["env"].values())]
    texts += [about["value"] for about in ACTION["outputs"].values()]
    assert {found for text in texts for found in EXPRESSION.findall(text)} - known == set()


def test_the_guide_shows_inputs_that_there_are(root: Path) -> None:
    page = (root / "docs" / "gate-your-ci.md").read_text(encoding="utf-8")
    flows = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)]
    steps = [step for flow in flows for step in _steps(flow) if "evalkit" in step.get("uses", "")]
    assert steps
    assert {name for step in steps for name in step["with"]} <= set(ACTION["inputs"])


def _steps(flow: Any) -> list[dict[str, Any]]:
    return flow if isinstance(flow, list) else [step for job in flow["jobs"].values() for step in job["steps"]]


# -- installing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inputs", "asked"),
    [
        ({"install": "true"}, [str(ROOT)]),
        ({"install": "true", "extras": "st,demo"}, [f"{ROOT}[st,demo]"]),
        ({"install": "evalkit-embeddings==0.1.0\n\ntorch; sys_platform == 'linux'\n"},
         ["evalkit-embeddings==0.1.0", "torch; sys_platform == 'linux'"]),
        ({"install": "--index-url=http://elsewhere"}, ["--index-url=http://elsewhere"]),
    ],
)  # fmt: skip
def test_pip_is_asked_for_this_version_or_for_what_the_input_names(
    recorded: Runner, inputs: dict[str, str], asked: list[str]
) -> None:
    recorded(baseline="results/main", candidate="results/main", **inputs)
    assert calls(recorded)[0] == ["-m", "pip", "install", "--quiet", "--", *asked]


@pytest.mark.parametrize("install", ["false", ""])
def test_nothing_is_installed_where_evalkit_is_there(action: Runner, install: str) -> None:
    action(baseline="results/main", candidate="results/main", install=install)
    assert action.ran == ["Check"]


# -- checking ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_same_encoder_passes(action: Runner) -> None:
    done = action(baseline="results/main", encoder="hashing:dim=512", tasks="QuickSTS", margin="0.01")
    assert done.code == 0, done.log
    assert (done.outputs["verdict"], done.outputs["exit-code"]) == ("pass", "0")
    assert json.loads(Path(done.outputs["json"]).read_text(encoding="utf-8"))["verdict"] == "pass"
    assert "QuickSTS" in done.summary
    assert "QuickSTS" in Path(done.outputs["markdown"]).read_text(encoding="utf-8")
    [result] = evalkit.load_results(done.outputs["candidate"])
    assert result.encoder.spec == "hashing:dim=512"


@pytest.mark.slow
def test_a_regression_fails_with_everything_written(action: Runner) -> None:
    done = action(baseline="results/main", encoder="random", tasks="Quick*")
    assert done.code == 1, done.log
    assert (done.outputs["verdict"], done.outputs["exit-code"]) == ("regression", "1")
    cases = ElementTree.parse(done.outputs["junit"]).iter("testcase")
    assert any(case.find("failure") is not None and "QuickRetrieval" in case.get("name", "") for case in cases)
    assert "regression" in done.summary
    temp = str(action.folder / "temp")
    assert all(done.outputs[name].startswith(temp) for name in ("json", "junit", "markdown", "candidate"))


def test_results_can_be_checked_without_an_encoder(action: Runner, baseline: Path) -> None:
    done = action(baseline="results/main", candidate=str(baseline))
    assert (done.code, done.outputs["verdict"], done.outputs["candidate"]) == (0, "pass", str(baseline))


@pytest.mark.slow
def test_an_inconclusive_check_fails_or_warns(action: Runner) -> None:
    asked = {"baseline": "results/main", "encoder": "hashing:dim=500", "tasks": "QuickSTS", "margin": "0.0001"}
    failed, warned = action(**asked), action(**asked, inconclusive="warn")
    assert [(done.code, done.outputs["verdict"]) for done in (failed, warned)] == [
        (3, "inconclusive"), (0, "inconclusive")
    ]  # fmt: skip


@pytest.mark.slow
def test_a_margin_of_its_own_for_a_task(action: Runner) -> None:
    asked = {"baseline": "results/main", "encoder": "random", "tasks": "QuickSTS"}
    assert action(**asked, margin="0.01\nQuickSTS=0.9\n\n").outputs["verdict"] == "pass"


@pytest.mark.parametrize("strict", ["true", "false", ""])
def test_strict_reaches_the_check(recorded: Runner, strict: str) -> None:
    recorded(baseline="results/main", candidate="results/main", strict=strict)
    [call] = calls(recorded)
    asked = {"true": {"--strict"}, "false": {"--no-strict"}, "": set()}
    assert {"--strict", "--no-strict"} & set(call) == asked[strict]


@pytest.mark.slow
def test_data_of_the_repository_are_run_and_their_texts_shown(action: Runner) -> None:
    folder = action.folder / "repository" / "my tasks" / "Mine"
    folder.mkdir(parents=True)
    (folder / "task.toml").write_text('name = "Mine"\ntype = "STS"\n', encoding="utf-8")
    rows = [
        {"sentence1": " ".join(WORDS), "sentence2": " ".join((*WORDS[:same], *STRANGERS[same:], f"{i}")), "score": same}
        for i in range(90)
        for same in [i % len(WORDS)]
    ]
    (folder / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    evalkit.evaluate("hashing", "Mine", data=folder.parent, output=action.folder / "repository" / "mine")
    done = action(baseline="mine", encoder="random", data="my tasks\n")
    assert (done.code, done.outputs["verdict"]) == (1, "regression"), done.log
    assert " ".join(WORDS) in done.log


@pytest.mark.slow
def test_a_task_that_cannot_be_scored_is_missing(action: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run exits with 1; the check does not, as nothing is proven."""
    first = (ROOT / "tasks" / "evalkit_tasks" / "data" / "QuickSTS" / "test.jsonl").read_text(encoding="utf-8")
    monkeypatch.setenv("TEST_BOMB", json.loads(first.splitlines()[0])["sentence1"])
    encoder = f"python:{ROOT / 'tests' / 'fixtures' / 'encoders.py'}:Explosive"
    done = action(baseline="results/main", encoder=encoder, tasks="Quick[RS]*", margin="0.9")
    assert (done.code, done.outputs["exit-code"]) == (4, "4"), done.log
    assert done.outputs["verdict"] == "incomparable"
    assert "out of luck" in done.log


# -- wrong use ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({}, "Give the input candidate or the input encoder."),
        ({"candidate": "results/main", "encoder": "bm25"}, "not both"),
        ({"candidate": "results/main", "strict": "yes"}, "The input strict is true, false or empty."),
        ({"candidate": "results/none"}, "results/none does not exist."),
        ({"candidate": "results/main", "margin": "0"}, "margin"),
        ({"encoder": "st:./nothing", "suite": "quick"}, "there is no such folder"),
        ({"encoder": "bm25"}, "No task was named."),
    ],
)
def test_wrong_use_is_a_sentence_and_two(action: Runner, inputs: dict[str, str], said: str) -> None:
    done = action(baseline="results/main", **inputs)
    assert (done.code, done.outputs["exit-code"], done.outputs["verdict"]) == (2, "2", "error"), done.log
    assert said in done.log
    assert "Traceback" not in done.log
    assert [done.outputs[name] for name in ("json", "junit", "markdown")] == ["", "", ""]


def test_no_common_task_is_incomparable_without_a_report(action: Runner, tmp_path: Path) -> None:
    evalkit.evaluate("random", "QuickClustering", output=tmp_path / "other", cache=False)
    done = action(baseline="results/main", candidate=str(tmp_path / "other"))
    assert (done.code, done.outputs["verdict"], done.outputs["json"]) == (4, "incomparable", "")


@pytest.mark.parametrize("name", ["baseline", "candidate", "encoder", "suite", "tasks", "encoders", "alpha", "install"])
def test_an_input_is_one_argument_whatever_it_says(recorded: Runner, name: str) -> None:
    for hostile in HOSTILE:
        other = {"encoder": "bm25"} if name in {"encoder", "suite"} else {"candidate": "results/main"}
        done = recorded(**{"baseline": "results/main", **other, name: hostile})
        lines = [line for line in hostile.splitlines() if name == "install"] or [hostile]
        given = {argument for call in calls(recorded) for argument in call}
        assert all({line, f"--{name.rstrip('s')}={line}", f"--{name}={line}"} & given for line in lines)
        assert done.outputs["verdict"] == "error"
        assert not list(recorded.folder.rglob("pwned"))


@pytest.mark.parametrize("name", ["margin", "data"])
def test_an_input_of_several_lines_is_one_argument_a_line(recorded: Runner, name: str) -> None:
    for hostile in HOSTILE:
        recorded(baseline="results/main", candidate="results/main", **{name: f"\n  {hostile}  \n\nlast one"})
        given = [argument for call in calls(recorded) for argument in call if argument.startswith(f"--{name}=")]
        assert given == [f"--{name}={line}" for line in (*hostile.splitlines(), "last one")]
        assert not list(recorded.folder.rglob("pwned"))


def test_what_looks_like_an_option_is_a_file(action: Runner) -> None:
    done = action(baseline="--help", candidate="--json=x")
    assert (done.code, done.outputs["verdict"]) == (2, "error")
    assert "--help" in done.log
    assert "Traceback" not in done.log


def test_texts_of_the_data_are_no_commands_to_the_runner(action: Runner, baseline: Path) -> None:
    log = action(baseline="results/main", candidate=str(baseline)).log.splitlines()
    [start] = [line for line in log if line.startswith("::stop-commands::")]
    token = start.removeprefix("::stop-commands::")
    assert log[0] == start
    assert log.index(f"::{token}::") > log.index(start)
