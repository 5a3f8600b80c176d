"""The leaderboard's frame, means and formats, with numbers worked out by hand."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

import numpy as np
import pytest

from evalkit.errors import EvalkitError
from evalkit.schema import EncoderRecord, Environment, MainScore, Result, TaskRecord, Timing
from evalkit_leaderboard.aggregate import means
from evalkit_leaderboard.frame import Frame, Located, align, labels, select
from evalkit_leaderboard.render import INCOMPLETE, as_json, comma_separated, markdown, sheet

TYPES = {"A": "Retrieval", "B": "Retrieval", "C": "STS"}


def located(encoder: str, task: str, value: float | None, *, fingerprint: str = "f", data: str = "d") -> Located:
    """A result in memory, and where it would lie."""
    result = Result(
        task=TaskRecord(name=task, type=TYPES[task], fingerprint=data, protocol={}),
        encoder=EncoderRecord(name=encoder, fingerprint=fingerprint, spec=encoder, similarity="cosine"),
        main_score=MainScore(metric="m", value=value),
        cells=(),
        environment=Environment(evalkit="0", python="3", platform="p", packages={}),
        timing=Timing(
            started="2026-01-01T00:00:00+00:00", seconds=0, encoding_seconds=0, texts_encoded=0, texts_cached=0
        ),
    )
    return Path(encoder) / fingerprint[:12] / f"{data}-{task}.json", result


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
def frame() -> Frame:
    """The frame of `complete`."""
    return align(complete())


def test_the_frame_aligns_by_type_and_name(frame: Frame) -> None:
    assert frame.tasks == ("A", "B", "C")
    assert frame.types == ("Retrieval", "Retrieval", "STS")
    assert frame.encoders == ("y", "x", "z")
    np.testing.assert_array_equal(frame.main, [[0.9, np.nan, 0.7], [0.2, 0.4, 0.6], [0.1, 0.1, np.nan]])
    assert frame.paths[1, 1] == Path("x/f/d-B.json")
    assert (0, 1) not in frame.results
    assert frame.results[2, 2].main_score.value is None


def test_the_order_of_the_files_decides_no_score() -> None:
    forwards, backwards = align(complete()), align(complete()[::-1])
    rows = [backwards.encoders.index(name) for name in forwards.encoders]
    np.testing.assert_array_equal(forwards.main, backwards.main[rows])


def test_means_by_hand(frame: Frame) -> None:
    found = means(frame)
    assert found.types == ("Retrieval", "STS")
    # x: (.2 + .4 + .6) / 3; types ((.2 + .4) / 2 + .6) / 2
    np.testing.assert_allclose(found.over_tasks, [np.nan, 0.4, np.nan], atol=1e-15)
    np.testing.assert_allclose(found.by_type, [[np.nan, 0.7], [0.3, 0.6], [0.1, np.nan]], atol=1e-15)
    np.testing.assert_allclose(found.over_types, [np.nan, 0.45, np.nan], atol=1e-15)


def test_incomplete_rows_stand_below_complete_ones(frame: Frame) -> None:
    # y has .8 on what it has, z .1: both below x with .4, because they lack a task.
    assert [frame.encoders[row] for row in means(frame).order] == ["x", "y", "z"]


def test_an_encoder_without_any_value_is_last() -> None:
    frame = align([located("none", "A", None), located("low", "A", -0.5), located("high", "A", 0.5)])
    assert [frame.encoders[row] for row in means(frame).order] == ["high", "low", "none"]


def test_mixed_fingerprints_are_refused_by_file() -> None:
    with pytest.raises(EvalkitError, match="A has results on different data") as caught:
        align([located("x", "A", 0.1), located("y", "A", 0.2, data="other")])
    assert "x/f/d-A.json" in caught.value.message
    assert "y/f/other-A.json" in caught.value.message


def test_two_results_of_one_encoder_on_one_task_are_refused() -> None:
    path, result = located("x", "A", 0.1)
    with pytest.raises(EvalkitError, match="two results on A"):
        align([(path, result), (Path("copy") / path, result)])


def test_encoders_of_one_name_are_told_apart() -> None:
    one, other = "1" * 64, "2" * 64
    frame = align([located("x", "A", 0.1, fingerprint=one), located("x", "A", 0.2, fingerprint=other)])
    assert frame.encoders == (f"x ({'1' * 12})", f"x ({'2' * 12})")
    assert labels([("x", None), ("x", one), ("y", one)]) == ("x (unidentified)", f"x ({'1' * 12})", "y")


def test_select_by_globs_in_any_case() -> None:
    kept = select(complete(), tasks="[ab]", encoders="X")
    assert sorted(result.task.name for _, result in kept) == ["A", "B"]
    assert {result.encoder.name for _, result in kept} == {"x"}
    with pytest.raises(EvalkitError, match="Unknown task"):
        select(complete(), tasks="nothing")


def test_a_mixed_task_that_is_not_selected_harms_nobody() -> None:
    mixed = [*complete(), located("w", "A", 0.2, data="other")]
    assert align(select(mixed, tasks="C")).tasks == ("C",)


def test_the_sheet_for_people(frame: Frame) -> None:
    board = sheet(frame, means(frame))
    assert board.headers == ("encoder", "mean", "mean of types", "mean Retrieval", "mean STS", "A", "B", "C")
    assert board.rows[0] == ("x", "0.4000", "0.4500", "0.3000", "0.6000", "0.2000", "0.4000", "0.6000")
    assert board.rows[1] == ("y", "—", "—", "—", "0.7000", "0.9000", "—", "0.7000")
    assert board.rows[2][-1] == "undefined"
    assert board.notes == (INCOMPLETE,)


def test_means_by_type_that_repeat_the_tasks_are_left_out() -> None:
    frame = align([located("x", "A", 0.2), located("x", "C", 0.4)])
    board = sheet(frame, means(frame))
    assert board.headers == ("encoder", "mean", "mean of types", "A", "C")
    assert "mean STS" in sheet(frame, means(frame), full=True).headers
    assert board.notes[0].startswith("Each task type has one task here")


def test_csv_reads_back_exactly(frame: Frame) -> None:
    header, *rows = csv.reader(io.StringIO(comma_separated(sheet(frame, means(frame), full=True))))
    assert header[0] == "encoder"
    scores = [[float(cell) if cell else math.nan for cell in row[-3:]] for row in rows]
    np.testing.assert_array_equal(scores, frame.main[list(means(frame).order)])


def test_markdown_escapes_the_bar() -> None:
    frame = align([located("st:x | truncate:8", "A", 0.5)])
    text = markdown(sheet(frame, means(frame)))
    assert text.splitlines()[2] == "| st:x \\| truncate:8 | 0.5000 | 0.5000 | 0.5000 |"


def test_json_has_null_where_there_is_no_value(frame: Frame) -> None:
    first, second, _ = as_json(frame, means(frame))["encoders"]
    assert first["scores"] == {"A": 0.2, "B": 0.4, "C": 0.6}
    assert first["mean_by_type"] == {"Retrieval": pytest.approx(0.3), "STS": pytest.approx(0.6)}
    assert (second["name"], second["mean"], second["scores"]["B"]) == ("y", None, None)
