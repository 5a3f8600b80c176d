"""`evalkit leaderboard` on real results of the built-in suite."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest
from helpers import call_cli, is_a_sentence, run_cli

import evalkit

ENCODERS = ("hashing", "random", "bm25")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three encoders on two tasks; bm25 has no vectors for the second."""
    folder = tmp_path_factory.mktemp("board") / "results"
    evalkit.evaluate(["hashing", "random"], ["QuickRetrieval", "QuickSTS"], output=folder)
    evalkit.evaluate(["bm25"], ["QuickRetrieval"], output=folder)
    return folder


def leaderboard(results: Path, *options: str) -> str:
    done = call_cli("leaderboard", results, *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_table_has_intervals_marks_tiers_and_says_how(results: Path) -> None:
    page = leaderboard(results)
    assert re.search(r"^hashing +0\.\d{4} ±\.\d{3} +\d", page, flags=re.MULTILINE)
    assert "▼" in page
    assert "These tasks, other units" in page
    assert "max-T over 10,000 draws, 3 pairs" in page
    assert "1 of 2" in page


def test_the_same_results_print_the_same_bytes(results: Path) -> None:
    page = leaderboard(results, "--json")
    assert page == leaderboard(results, "--format", "json")
    assert page == run_cli("leaderboard", results, "--json").stdout


@pytest.mark.parametrize("by", ["type", "language", "encoder"])
def test_json_is_strict_whatever_the_columns(results: Path, by: str) -> None:
    def refuse(token: str) -> float:
        raise AssertionError(token)

    report = json.loads(leaderboard(results, "--json", "--by", by), parse_constant=refuse)
    assert report["encoders"][0]["name"] == "hashing"
    assert len(report["comparisons"]) == 3
    assert report["provenance"]["versions"]["evalkit"] == evalkit.__version__
    assert report["tasks"][0]["basis"] == "units"


def test_csv_parses_with_an_interval_for_every_task(results: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(leaderboard(results, "--format", "csv", "--method", "resample"))))
    assert len(rows) == len(ENCODERS)
    for row in rows:
        low, value, high = (
            float(row[name]) for name in ("QuickRetrieval low", "QuickRetrieval", "QuickRetrieval high")
        )
        assert low < value < high
    assert {row["QuickSTS"] for row in rows if row["encoder"] == "bm25"} == {""}


def test_a_baseline_that_is_not_there_is_a_sentence(results: Path) -> None:
    done = call_cli("leaderboard", results, "--baseline", "hashin")
    assert done.returncode == 2
    assert is_a_sentence(done.stderr.splitlines()[0])
    assert "hashing" in done.stderr
