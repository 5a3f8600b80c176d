"""`evalkit show`: what stands beside a score."""

from __future__ import annotations

from pathlib import Path

import helpers
import numpy as np
import scipy.stats

import evalkit


def test_show_says_how_sure_repeats_make_a_score(tmp_path: Path) -> None:
    helpers.classification(tmp_path / "tasks" / "Toy")
    [result] = evalkit.evaluate("hashing", data=[tmp_path / "tasks"], output=tmp_path / "out")
    repeats = result.cells[0].repeats["accuracy"]
    low, high = scipy.stats.t.interval(0.95, len(repeats) - 1, np.mean(repeats), scipy.stats.sem(repeats))
    [file] = (tmp_path / "out").glob("*/*/Toy.json")
    page = helpers.call_cli("show", file).stdout
    assert f"{result.main_score.value:.4f} ± {(high - low) / 2:.4f}" in page
    assert "interval over repeats" in page
