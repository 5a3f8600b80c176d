"""The gate keeps its promises: the quick half of `benchmarks/gate.py`, within wide bands."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture(scope="module")
def lines(tmp_path_factory) -> list[dict]:
    path = tmp_path_factory.mktemp("gate") / "lines.json"
    command = [sys.executable, str(BENCHMARKS / "gate.py"), "--quick", "--json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(path.read_text())


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_headlines_hold(lines: list[dict]) -> None:
    """Bounds: the 99.99 % points of a binomial around what is expected, on the side that is promised."""
    headlines = [line for line in lines if line["headline"] and line["promise"]]
    assert len(headlines) > 20
    for line in headlines:
        low = 0.0 if line["promise"] == "≤" else line["wide_low"]
        high = 1.0 if line["promise"] == "≥" else line["wide_high"]
        assert low <= line["measured"] <= high, line


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_looking_five_times_without_planning_it_errs_too_often(lines: list[dict]) -> None:
    """Five looks at .05 each err in .142 two-sided (Armitage, McPherson and Rowe 1969), one-sided much the same."""
    unplanned = [line for line in lines if line["method"].startswith("every look at alpha")]
    assert len(unplanned) == 2
    assert all(line["measured"] > 0.1 for line in unplanned)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_what_is_promised_is_found_within_three_percent(lines: list[dict]) -> None:
    """Three of the standard errors of a quick run come on top."""
    found = [line for line in lines if line["measures"] == "found"]
    assert len(found) >= 4
    for line in found:
        chance = 3 * (line["nominal"] * (1 - line["nominal"]) / line["simulations"]) ** 0.5
        assert abs(line["measured"] - line["nominal"]) < 0.03 + chance, line
