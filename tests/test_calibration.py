"""The engine keeps its promises: the quick half of `benchmarks/calibration.py`, within wide bands."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture(scope="module")
def lines(tmp_path_factory) -> list[dict]:
    path = tmp_path_factory.mktemp("calibration") / "lines.json"
    command = [sys.executable, str(BENCHMARKS / "calibration.py"), "--quick", "--json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(path.read_text())


@pytest.mark.slow
def test_the_headlines_hold(lines: list[dict]) -> None:
    """Bounds: the 99.99 % points of a binomial around the nominal level, on the side that is promised."""
    headlines = [line for line in lines if line["headline"]]
    assert len(headlines) > 30
    for line in headlines:
        low = 0.0 if line["promise"] == "≤" else line["wide_low"]
        high = 1.0 if line["promise"] == "≥" else line["wide_high"]
        assert low <= line["measured"] <= high, line


@pytest.mark.slow
def test_every_question_is_asked(lines: list[dict]) -> None:
    measures = {line["measures"].split(":")[0] for line in lines if line["headline"]}
    assert {"error", "family-wise error", "coverage of the difference", "all rank intervals cover"} <= measures
    methods = {line["method"].split(":")[0] for line in lines if line["headline"]}
    assert {
        "compare",
        "analytic_pairs",
        "flipped_pairs",
        "analytic_board",
        "flipped_board",
        "these_tasks",
        "tasks_like_these",
        "like_these_pairs",
        "margins_of",
    } <= methods
