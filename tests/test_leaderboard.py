"""The leaderboard's frame, means and formats, with numbers worked out by hand."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
from board_results import bare, board, cell, result, with_units

from evalkit.errors import EvalkitError
from evalkit_leaderboard.aggregate import means
from evalkit_leaderboard.board import Board
from evalkit_leaderboard.frame import Located, align, select
from evalkit_leaderboard.render import comma_separated, latex, markdown
from evalkit_leaderboard.report import as_json
from evalkit_leaderboard.sheet import half, p_text, sheet
from evalkit_leaderboard.wording import INCOMPLETE, SINGLE_TASKS


def located(encoder: str, task: str, value: float | None, **more: str) -> Located:
    """A result without units."""
    return result(encoder, task, [bare(value)], **more)


def complete() -> list[Located]:
    """Three encoders; x is whole, y lacks B, z has an undefined C."""
    return [
        located("y", "A", 0.9),
        located("y", "C", 0.7),
        located("x", "C", 0.6),
        located("x", "B", 0.4),
        located("x", "A", 0.2),
        located("z", "A", 0.1),
        located("z", "B", 0.1),
        located("z", "C", None),
    ]


@pytest.fixture
def whole() -> Board:
    """The board of `complete`."""
    return board(complete())


def columns(page: str) -> dict[str, list[str]]:
    header, *rows = csv.reader(io.StringIO(page))
    return {name: [row[at] for row in rows] for at, name in enumerate(header)}


# -- frame -------------------------------------------------------------------------------------------------------


def test_the_frame_aligns_by_type_and_name(whole: Board) -> None:
    assert whole.frame.tasks == ("A", "B", "C")
    assert whole.frame.types == ("Retrieval", "Retrieval", "STS")
    assert whole.frame.encoders == ("y", "x", "z")
    np.testing.assert_array_equal(whole.frame.main, [[0.9, np.nan, 0.7], [0.2, 0.4, 0.6], [0.1, 0.1, np.nan]])


def test_means_of_incomplete_rows_are_no_means(whole: Board) -> None:
    found = means(whole.frame)
    assert found.types == ("Retrieval", "STS")
    np.testing.assert_allclose(found.over_tasks, [np.nan, 0.4, np.nan], atol=1e-15)
    np.testing.assert_allclose(found.by_type, [[np.nan, 0.7], [0.3, 0.6], [0.1, np.nan]], atol=1e-15)
    np.testing.assert_allclose(found.over_types, [np.nan, 0.45, np.nan], atol=1e-15)


def test_incomplete_rows_stand_below_complete_ones(whole: Board) -> None:
    # y has .8 on what it has, z .1: both below x with .4, because they lack a task.
    assert [whole.frame.encoders[row] for row in whole.order] == ["x", "y", "z"]


def test_an_encoder_without_any_value_is_last() -> None:
    found = board([located("none", "A", None), located("low", "A", -0.5), located("high", "A", 0.5)])
    assert [found.frame.encoders[row] for row in found.order] == ["high", "low", "none"]


def test_mixed_fingerprints_are_refused_by_file() -> None:
    with pytest.raises(EvalkitError, match="A has results on different data") as caught:
        align([located("x", "A", 0.1), located("y", "A", 0.2, data="other")])
    assert "x/f/d-A.json" in caught.value.message
    assert "y/f/other-A.json" in caught.value.message


def test_mixed_metrics_are_refused_by_file() -> None:
    with pytest.raises(EvalkitError, match=r"A has m in x/f/d-A\.json but ap in y/f/d-A\.json"):
        align([located("x", "A", 0.1), located("y", "A", 0.2, metric="ap")])


def test_two_results_of_one_encoder_on_one_task_are_refused() -> None:
    path, found = located("x", "A", 0.1)
    with pytest.raises(EvalkitError, match="two results on A"):
        align([(path, found), (Path("copy") / path, found)])


def test_encoders_of_one_name_are_told_apart() -> None:
    one, other = "1" * 64, "2" * 64
    frame = align([located("x", "A", 0.1, fingerprint=one), located("x", "A", 0.2, fingerprint=other)])
    assert frame.encoders == (f"x ({'1' * 12})", f"x ({'2' * 12})")
    assert frame.row(f"x ({'2' * 12})") == 1
    with pytest.raises(EvalkitError, match="means 2 encoders"):
        frame.row("x*")
    with pytest.raises(EvalkitError, match="Unknown encoder 'y'"):
        frame.row("y")


def test_select_by_globs_in_any_case() -> None:
    kept = select(complete(), tasks="[ab]", encoders="X")
    assert sorted(found.task.name for _, found in kept) == ["A", "B"]
    assert {found.encoder.name for _, found in kept} == {"x"}
    with pytest.raises(EvalkitError, match="Unknown task"):
        select(complete(), tasks="nothing")


def test_a_mixed_task_that_is_not_selected_harms_nobody() -> None:
    mixed = [*complete(), located("w", "A", 0.2, data="other")]
    assert align(select(mixed, tasks="C")).tasks == ("C",)


def test_a_language_keeps_its_cells_alone() -> None:
    german, english = (
        [result("x", "A", [cell([0.0, 0.2], subset="de", languages=["deu-Latn"]), cell([0.4, 0.6], subset="en")])],
        [result("x", "B", [cell([1.0, 1.0])])],
    )
    frame = align([*german, *english])
    assert frame.languages() == ("deu-Latn", "eng-Latn")
    assert frame.in_language("deu-Latn").tasks == ("A",)
    np.testing.assert_allclose(frame.in_language("deu-Latn").main, [[0.1]])
    np.testing.assert_allclose(frame.in_language("eng-Latn").main, [[0.5, 1.0]])
    assert board([*german, *english], by="language").columns[1].values.tolist() == [0.75]


# -- formats -----------------------------------------------------------------------------------------------------


def test_the_sheet_for_people(whole: Board) -> None:
    page = sheet(whole)
    assert page.headers == (
        *("encoder", "mean", "rank", "tier", "tasks", "mean of types", "mean Retrieval", "mean STS"),
        *("A", "B", "C"),
    )
    # Over tasks like these: A and B vary by s^2 = .02, C as they do; (4/9) .02 / 2 + (1/9) .02 = .00667, t(.975, 1).
    assert page.rows[0][:2] == ("x", "0.4000 ±1.037")
    assert page.rows[0][4:] == ("3 of 3", "0.4500", "0.3000", "0.6000", "0.2000", "0.4000", "0.6000")
    assert page.rows[1][4:] == ("2 of 3", "—", "—", "0.7000", "0.9000", "—", "0.7000")
    assert page.rows[2][-1] == "undefined"
    assert INCOMPLETE in page.notes


def test_means_by_type_that_repeat_the_tasks_are_left_out() -> None:
    page = sheet(board([located("x", "A", 0.2), located("x", "C", 0.4)]))
    assert page.headers == ("encoder", "mean", "rank", "tier", "mean of types", "A", "C")
    assert SINGLE_TASKS in page.notes
    assert "mean STS" in sheet(board([located("x", "A", 0.2), located("x", "C", 0.4)]), full=True).headers


def units() -> list[Located]:
    """x is better than y in every query of A, by .25 on average; on C they are equal."""
    return with_units(
        {
            "x": {"A": [0.5, 0.6, 0.7, 0.8], "C": [0.1, 0.2, 0.3, 0.4]},
            "y": {"A": [0.3, 0.3, 0.5, 0.5], "C": [0.1, 0.2, 0.3, 0.4]},
        }
    )


def test_intervals_stand_in_the_cells_while_they_fit() -> None:
    # A, x: s = sqrt(.05 / 3) = .12910, t(.975, 3) = 3.18245, half = 3.18245 * .12910 / 2 = .20543.
    [row, _] = sheet(board(units())).rows
    assert row[sheet(board(units())).headers.index("A")] == "0.6500 ±.205"
    narrow = sheet(board(units()), width=80)
    assert narrow.width <= 80
    assert narrow.rows[0][narrow.headers.index("A")] == "0.6500"


def test_csv_reads_back_exactly(whole: Board) -> None:
    found = columns(comma_separated(sheet(whole, full=True)))
    for at, name in enumerate(whole.frame.tasks):
        scores = [float(text) if text else math.nan for text in found[name]]
        np.testing.assert_array_equal(scores, whole.frame.main[list(whole.order), at])
    with_intervals = columns(comma_separated(sheet(board(units()), full=True)))
    assert float(with_intervals["A high"][0]) - float(with_intervals["A low"][0]) == pytest.approx(0.410852, abs=1e-6)
    assert with_intervals["C verdict"] == ["not told apart", "not told apart"]


def test_markdown_escapes_the_bar() -> None:
    text = markdown(sheet(board([located("st:x | truncate:8", "A", 0.5)])))
    assert text.splitlines()[2] == "| st:x \\| truncate:8 | 0.5000 | — | — | 0.5000 | 0.5000 |"


def test_latex_is_a_balanced_tabular() -> None:
    text = latex(sheet(board([located("a_b & 50 %", "A", 0.5), located("{c}", "A", 0.4)])))
    lines = [line for line in text.splitlines() if not line.startswith("%")]
    assert lines[0] == r"\begin{tabular}{lrrrrr}"
    assert lines[-1] == r"\end{tabular}"
    assert lines[4].startswith(r"a\_b \& 50 \% & 0.5000 & ")
    assert lines[5].startswith(r"\{c\} & ")
    rows = [line for line in lines if line.endswith(r"\\")]
    assert {line.replace(r"\&", "").count("&") for line in rows} == {5}


def test_json_keeps_its_keys_and_has_null_where_there_is_no_value(whole: Board) -> None:
    report = json.loads(json.dumps(as_json(whole), allow_nan=False))
    first, second, _ = report["encoders"]
    assert first["scores"] == {"A": 0.2, "B": 0.4, "C": 0.6}
    assert first["mean_by_type"] == {"Retrieval": pytest.approx(0.3), "STS": pytest.approx(0.6)}
    assert (second["name"], second["mean"], second["scores"]["B"]) == ("y", None, None)
    assert {"label", "name", "fingerprint", "mean", "mean_of_types", "mean_by_type", "scores"} <= first.keys()
    assert report["tasks"][0] == {
        "name": "A",
        "type": "Retrieval",
        "metric": "m",
        "fingerprint": "d",
        "basis": "nothing",
        "unit": None,
        "units": 0,
        "without_units": dict.fromkeys("yxz", "imported results have no units"),
    }
    assert report["provenance"]["files"][0] == "x/f/d-A.json"


def test_the_same_results_give_the_same_bytes() -> None:
    def printed(found: list[Located]) -> list[str]:
        made = board(found)
        return [json.dumps(as_json(made)), comma_separated(sheet(made, full=True)), markdown(sheet(made))]

    assert printed(units()) == printed(units())
    assert printed(units())[1] == printed(units()[::-1])[1]


def test_numbers_for_people() -> None:
    assert half(0.0243) == " ±.024"
    assert half(0.0002) == " ±.0002"
    assert half(12.34, 1) == " ±12.3"
    assert half(math.nan) == ""
    assert p_text(1e-12) == "<0.0001"
    assert p_text(0.05) == "0.0500"
