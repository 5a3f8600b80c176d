"""Real processes that are killed or interrupted: what was finished is whole and kept, and the next run completes it."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from functools import partial
from pathlib import Path
from typing import Any

import helpers
import pytest

import evalkit
from evalkit.store import load, read_result

pytestmark = pytest.mark.slow
N_TASKS = 16


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Many small tasks, half of them with subsets."""
    for number in range(N_TASKS):
        subsets = ("de", "en", "fr") if number % 2 else ("",)
        helpers.sts(tmp_path / "data" / f"T{number:02}", subsets=subsets, salt=f"task {number}")
    return tmp_path / "data"


def start(data: Path, out: Path, *more: str, **environment: Any) -> subprocess.Popen[str]:
    arguments = ("run", "-m", helpers.spec(), "--data", data, "-o", out, *more)
    return subprocess.Popen(
        helpers.command(*arguments),
        env=helpers.environment(**environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    stdout, stderr = process.communicate(timeout=120)
    return process.returncode, stdout, stderr


def wait_for(condition: Any, process: subprocess.Popen[str], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)


def results(out: Path) -> list[Path]:
    return sorted(path for path in out.rglob("*.json") if path.name != "encoder.json" and path.name[0] != ".")


def reached(out: Path, n_results: int) -> bool:
    return len(results(out)) >= n_results


@pytest.fixture
def undisturbed(data: Path, tmp_path: Path) -> dict[Any, Any]:
    code, _, stderr = finish(start(data, tmp_path / "whole", EVALKIT_CACHE=tmp_path / "own"))
    assert code == 0, stderr
    return described(tmp_path / "whole")


def described(out: Path) -> dict[Any, Any]:
    """All of every result but when and how long."""
    loaded = load(out)
    assert not loaded.unreadable
    return {
        result.task.name: {key: value for key, value in result.model_dump(mode="json").items() if key != "timing"}
        for _, result in loaded.results
    }


@pytest.mark.parametrize("options", [[], ["--no-cache"]])
def test_kill_9_at_random_moments(options: list[str], data: Path, undisturbed: dict[Any, Any], tmp_path: Path) -> None:
    out, generator = tmp_path / "out", random.Random(0)
    seen: list[int] = []
    for _ in range(6):
        before = {path: path.read_bytes() for path in results(out)}
        process = start(data, out, *options, TEST_SECONDS=0.02)
        # From the first moment of writing on; later ones at first, so that every run gets somewhere.
        enough = min(len(before), N_TASKS - 2) + 1
        wait_for(partial(reached, out, enough), process)
        time.sleep(generator.random() * 0.15)
        os.kill(process.pid, generator.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM]))
        process.communicate()
        for path in results(out):
            read_result(path)  # whole and valid
            json.loads(path.with_name("encoder.json").read_text())
        for path, content in before.items():
            assert path.read_bytes() == content  # nothing finished is touched
        seen.append(len(results(out)))
        if seen[-1] == N_TASKS:
            break
    assert seen == sorted(seen)
    assert seen[0] < N_TASKS
    code, stdout, stderr = finish(start(data, out, *options, "--json"))
    assert code == 0, stderr
    assert described(out) == undisturbed
    assert json.loads(stdout)["failures"] == []
    assert not list(out.rglob("*.partial"))


def test_cells_that_were_finished_before_a_kill_are_not_scored_again(tmp_path: Path) -> None:
    subsets = [f"s{number:02}" for number in range(12)]
    helpers.sts(tmp_path / "data" / "Many", subsets=subsets)
    out, log = tmp_path / "out", tmp_path / "log"
    process = start(tmp_path / "data", out, "--no-cache", TEST_SECONDS=0.05)

    def kept() -> int:
        return max((len(json.loads(path.read_text())["cells"]) for path in out.rglob("*.partial")), default=0)

    wait_for(lambda: kept() >= 3, process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    n_kept = kept()
    assert results(out) == []
    code, _, stderr = finish(start(tmp_path / "data", out, "--no-cache", TEST_LOG=log))
    assert code == 0, stderr
    encoded = {line.strip("'\"").split()[0] for line in log.read_text().splitlines()}
    assert encoded == set(subsets[n_kept:])
    [result] = evalkit.load_results(out)
    assert [cell.subset for cell in result.cells] == subsets
    fresh = evalkit.evaluate(helpers.spec(), tmp_path / "data" / "Many", cache=False)
    assert helpers.cells([result]) == helpers.cells(fresh)
    assert result.encoder.dimension == fresh[0].encoder.dimension


@pytest.mark.parametrize("options", [[], ["--quiet"], ["--json"]])
def test_ctrl_c(options: list[str], data: Path, undisturbed: dict[Any, Any], tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = start(data, out, *options, TEST_SECONDS=0.05)
    wait_for(lambda: len(results(out)) >= 3, process)
    process.send_signal(signal.SIGINT)
    code, stdout, stderr = finish(process)
    assert code == 1
    assert "Traceback" not in stderr
    said = [line for line in stderr.splitlines() if "nterrupted" in line]
    assert len(said) == 1
    assert helpers.is_a_sentence(said[0])
    assert "run the same command again" in said[0]
    assert stdout == ""
    kept = results(out)
    assert 3 <= len(kept) < N_TASKS
    assert all(path.suffix in {".json", ".partial"} for path in out.rglob("*") if path.is_file())
    written = {path: path.read_bytes() for path in kept}
    code, _, stderr = finish(start(data, out, *options))
    assert code == 0, stderr
    assert all(path.read_bytes() == content for path, content in written.items())
    assert described(out) == undisturbed


def test_ctrl_c_while_the_classifiers_run_on_threads(tmp_path: Path) -> None:
    helpers.sts(tmp_path / "data" / "A")
    task = helpers.classification(tmp_path / "data" / "B", n=3000)
    (task / "task.toml").write_text(
        (task / "task.toml").read_text().replace("n_experiments = 3", "n_experiments = 20000")
    )
    process = start(tmp_path / "data", tmp_path / "out", "--workers", "2")
    wait_for(lambda: results(tmp_path / "out"), process)
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    started = time.monotonic()
    code, _, stderr = finish(process)
    assert code == 1, stderr
    assert "Traceback" not in stderr
    assert time.monotonic() - started < 30
    assert [path.name for path in results(tmp_path / "out")] == ["A.json"]


def test_an_interrupt_reaches_whoever_calls_the_api(tmp_path: Path) -> None:
    folders = [helpers.sts(tmp_path / name, salt=name) for name in ("A", "B")]

    def interrupt(texts: list[str], vectors: Any, call: int) -> Any:
        if texts[0].startswith("B"):
            raise KeyboardInterrupt
        return vectors

    with pytest.raises(KeyboardInterrupt):
        evalkit.evaluate(helpers.Counting(fault=interrupt), folders, output=tmp_path / "out")
    assert helpers.files(tmp_path / "out") == [f"{helpers.HOME}/A.json"]
    encoder = helpers.Counting()
    assert len(evalkit.evaluate(encoder, folders, output=tmp_path / "out")) == 2
    assert all(text.startswith("B") for text in encoder.texts)
