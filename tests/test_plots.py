"""Pictures: what is drawn, that files are the same twice, and that names of all kinds survive."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import helpers
import numpy as np
import pytest
from test_compare import cell, result

from evalkit.errors import EvalkitError
from evalkit.plots import shortened
from evalkit.schema import Result, Timing
from evalkit_leaderboard.board import Board, build
from evalkit_leaderboard.frame import align
from evalkit_leaderboard.options import Options
from evalkit_leaderboard.plots.cost import frontier, ticks_between
from evalkit_leaderboard.plots.critical import joined

NAMES = ("plain", "cost $5 & <b>x</b> -- _^", "Ünïcode/π", "x" * 90)
PICTURES = ["critical-difference.svg", "forest.svg", "score-by-dimension.svg", "score-by-speed.svg", "verdicts.svg"]


@pytest.fixture
def matplotlib() -> None:
    pytest.importorskip("matplotlib")


def timed(made: Result, row: int) -> Result:
    """The result as if it had been run: with a dimension and the time of encoding."""
    timing = Timing(
        started="2026-01-01T00:00:00+00:00", seconds=9, encoding_seconds=0.5 + row, texts_encoded=100, texts_cached=0
    )
    encoder = made.encoder.model_copy(update={"dimension": 128 * 2**row, "fingerprint": f"{row:012x}"})
    return made.model_copy(update={"timing": timing, "encoder": encoder})


def board(names: tuple[str, ...] = NAMES, tasks: int = 3) -> Board:
    """Encoders whose scores fall from one to the next."""
    generator = np.random.default_rng(0)
    base = generator.uniform(0.4, 0.6, 60)
    located = [
        (Path(f"{row}/T{task}.json"), timed(result(name, f"T{task}", cell(base - 0.02 * row + noise)), row))
        for task in range(tasks)
        for row, name in enumerate(names)
        for noise in [generator.normal(0, 0.05, 60)]
    ]
    return build(align(located), Options())


@pytest.mark.usefixtures("matplotlib")
def test_every_picture_is_drawn_names_every_encoder_and_is_the_same_twice(tmp_path: Path) -> None:
    from evalkit_leaderboard.plots import draw

    drawn = draw(board(), tmp_path / "one")
    assert sorted(path.name for path in drawn.files) == PICTURES
    assert drawn.left_out == []
    draw(board(), tmp_path / "two")
    for path in drawn.files:
        text = path.read_text(encoding="utf-8")
        assert text == (tmp_path / "two" / path.name).read_text(encoding="utf-8")
        assert ET.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
        assert "<dc:date>" not in text
        for name in ("plain", "Ünïcode/π", "cost $5 &", "x" * 10 + "…"):
            assert name in text, (path.name, name)


@pytest.mark.usefixtures("matplotlib")
def test_many_encoders_get_numbers_and_a_list(tmp_path: Path) -> None:
    from evalkit_leaderboard.plots import draw

    names = tuple(f"encoder-{row:02}" for row in range(14))
    for path in draw(board(names), tmp_path).files:
        text = path.read_text(encoding="utf-8")
        assert all(name in text for name in names), path.name


@pytest.mark.usefixtures("matplotlib")
def test_what_cannot_be_drawn_says_why(tmp_path: Path) -> None:
    from evalkit_leaderboard.plots import draw

    alone = build(align([(Path("a/T.json"), result("a", "T", cell([0.1, 0.2])))]), Options())
    drawn = draw(alone, tmp_path)
    assert [path.name for path in drawn.files] == ["forest.svg"]
    assert [reason.split(":")[0] for reason in drawn.left_out] == [
        "No critical-difference.svg",
        "No verdicts.svg",
        "No score-by-dimension.svg",
        "No score-by-speed.svg",
    ]
    assert all(helpers.is_a_sentence(reason) for reason in drawn.left_out)


@pytest.mark.usefixtures("matplotlib")
def test_a_style_of_the_user_changes_nothing(tmp_path: Path) -> None:
    import matplotlib as mpl

    from evalkit_leaderboard.plots import draw

    draw(board(), tmp_path / "one")
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "svg.fonttype": "none"}):
        draw(board(), tmp_path / "two")
    for name in PICTURES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.usefixtures("matplotlib")
def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    from evalkit_leaderboard.plots import draw

    (tmp_path / "file").write_text("")
    with pytest.raises(EvalkitError, match="Cannot write"):
        draw(board(), tmp_path / "file")


def test_without_matplotlib_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from evalkit_leaderboard.plots import draw

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(EvalkitError) as caught:
        draw(board(), tmp_path)
    assert caught.value.hint == "Run: pip install 'evalkit-embeddings[plots]'"


def test_matplotlib_is_imported_only_to_draw() -> None:
    code = "import sys, evalkit_leaderboard.plots; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_bars_join_the_longest_runs_within_the_distance() -> None:
    """Demsar 2006, figure 1a: at .10 (CD 1.1181) C4.5 is apart from +m and +m+cf; with +cf all join."""
    ranks = [1.964, 2.000, 2.893, 3.143]
    assert joined(ranks, 1.1181) == [(0, 2), (2, 3)]
    assert joined(ranks, 1.2536) == [(0, 3)]
    assert joined(ranks, 0.01) == []


def test_the_frontier_is_what_no_cheaper_one_reaches() -> None:
    cost, score = np.array([4.0, 1.0, 2.0, 2.0, 8.0]), np.array([0.5, 0.3, 0.6, 0.4, 0.7])
    assert frontier(cost, score) == [1, 2, 4]


@pytest.mark.parametrize(("low", "high", "base"), [(20, 6000, 2), (0.11, 0.29, 10), (1e-6, 1e9, 10), (300, 800, 2)])
def test_scales_have_a_few_round_numbers(low: float, high: float, base: int) -> None:
    ticks = ticks_between(low, high, base)
    assert 1 <= len(ticks) <= 9
    assert all(low <= tick <= high for tick in ticks)


def test_long_names_keep_both_ends() -> None:
    assert shortened("short") == "short"
    assert shortened("a" * 30 + "b" * 30, 11) == "aaaaa…bbbbb"
