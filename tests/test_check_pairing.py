"""Which results a check puts side by side, and which it refuses to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from board_results import bare, cell, ranked, result
from helpers import is_a_sentence

from evalkit.errors import EvalkitError
from evalkit.schema import Result
from evalkit.store import ResultStore, load
from evalkit_leaderboard.check.gate import check
from evalkit_leaderboard.check.page import page
from evalkit_leaderboard.check.pairing import Pairing, pair_up, read_side
from evalkit_leaderboard.check.report import Report, Verdict
from evalkit_leaderboard.check.settings import Settings
from evalkit_leaderboard.frame import Located

VALUES = [0.5, 0.6, 0.7, 0.8, 0.9, 1.0]


def made(encoder: str, task: str = "A", *, spec: str | None = None, values: Any = VALUES, **more: Any) -> Located:
    path, one = result(encoder, task, [cell(values)], **more)
    return path, one.model_copy(update={"encoder": one.encoder.model_copy(update={"spec": spec or encoder})})


def folder(path: Path, *located: Located) -> Path:
    for _, one in located:
        ResultStore(path).write(one)
    return path


def paired(old: Path, new: Path, **settings: Any) -> Pairing:
    return pair_up(read_side(old), read_side(new), Settings(**settings))


def partners(pairing: Pairing) -> dict[str, str | None]:
    """Spec of each candidate by the baseline's label."""
    return {pair.label: None if pair.candidate is None else pair.candidate.spec for pair in pairing.pairs}


# -- who against whom --------------------------------------------------------------------------------------------


def test_folders_with_several_encoders_pair_by_name_and_say_what_is_beyond_the_baseline(tmp_path: Path) -> None:
    old = folder(tmp_path / "old", made("a"), made("b"), made("b", "C"))
    new = folder(tmp_path / "new", made("b"), made("b", "D"), made("x"), made("b", "C"))
    found = paired(old, new)
    assert partners(found) == {"a": None, "b": "b"}
    assert [list(pair.results) for pair in found.pairs] == [["A"], ["A", "C"]]
    assert found.notes == (
        "Not checked, as the baseline lacks it: encoder x.",
        "Not checked, as the baseline lacks it: task D.",
    )


def test_one_encoder_s_folder_and_one_file_stand_for_that_encoder(tmp_path: Path) -> None:
    old = folder(tmp_path / "old", made("a", fingerprint="1" * 12), made("a", "C", fingerprint="1" * 12), made("b"))
    new = folder(tmp_path / "new", made("other", "A"), made("other", "C"))
    inside = old / "a" / ("1" * 12)
    for given in (old / "a", inside):
        assert partners(paired(given, new)) == {"other": "other"}
    [pair] = paired(inside / "A.json", new / "other").pairs
    assert (pair.label, list(pair.results)) == ("other", ["A"])


def test_one_encoder_against_one_of_another_name(tmp_path: Path) -> None:
    report = check(folder(tmp_path / "old", made("float32")), folder(tmp_path / "new", made("int8")))
    [encoder] = report.encoders
    assert (encoder.label, encoder.baseline.name, encoder.candidate and encoder.candidate.name) == (
        "int8",
        "float32",
        "int8",
    )


def test_globs_choose_tasks_and_encoders_in_any_case(tmp_path: Path) -> None:
    old = folder(tmp_path / "old", *(made(name, task) for name in ("mini-a", "mini-b", "bm25") for task in "ABC"))
    found = paired(old, old, tasks="[bc]", encoders="MINI-*")
    assert partners(found) == {"mini-a": "mini-a", "mini-b": "mini-b"}
    assert all(list(pair.results) == ["B", "C"] for pair in found.pairs)
    with pytest.raises(EvalkitError, match=r"Unknown task 'Z\*'") as caught:
        paired(old, old, tasks="Z*")
    assert caught.value.exit_code == 2
    with pytest.raises(EvalkitError, match="Unknown encoder 'mini'"):
        paired(old, old, encoders="mini")


def test_no_common_task_is_incomparable(tmp_path: Path) -> None:
    old, new = folder(tmp_path / "old", made("a", "A")), folder(tmp_path / "new", made("a", "B"), made("a", "C"))
    with pytest.raises(EvalkitError, match="no task in common: A against B, C") as caught:
        paired(old, new)
    assert caught.value.exit_code == 4
    with pytest.raises(EvalkitError, match="no task in common: B against A") as caught:
        paired(new, old, tasks="B")
    assert caught.value.exit_code == 4


# -- namesakes ---------------------------------------------------------------------------------------------------

PLAIN = {"spec": "st:m", "fingerprint": "1" * 12}
SHORT = {"spec": "st:m?max_length=128", "fingerprint": "2" * 12}
NEW_PLAIN = {"spec": "st:m", "fingerprint": "3" * 12}
NEW_SHORT = {"spec": "st:m?max_length=128", "fingerprint": "4" * 12}


def test_namesakes_pair_by_their_options_whatever_else_is_on_their_side(tmp_path: Path) -> None:
    both = folder(tmp_path / "both", made("m", **PLAIN), made("m", **SHORT))
    new = folder(tmp_path / "new", made("m", **NEW_PLAIN), made("m", **NEW_SHORT))
    assert partners(paired(both, new)) == {"m": "st:m", "m?max_length=128": "st:m?max_length=128"}
    short = folder(tmp_path / "short", made("m", **NEW_SHORT))
    assert partners(paired(both, short)) == {"m": None, "m?max_length=128": "st:m?max_length=128"}
    plain = folder(tmp_path / "plain", made("m", **PLAIN))
    found = paired(plain, new)
    assert partners(found) == {"m": "st:m"}
    assert found.notes == ("Not checked, as the baseline lacks it: encoder m?max_length=128.",)


def test_a_changed_option_is_the_same_encoder_where_it_is_the_only_one_of_its_name(tmp_path: Path) -> None:
    old = folder(tmp_path / "old", made("m", **PLAIN), made("b"))
    new = folder(tmp_path / "new", made("m", **NEW_SHORT), made("b"))
    assert partners(paired(old, new)) == {"m": "st:m?max_length=128", "b": "b"}


def test_namesakes_that_nothing_tells_apart_are_refused(tmp_path: Path) -> None:
    """New weights in the same folder: the old ones would pass as identical, and the new ones would go unseen."""
    old = folder(tmp_path / "old", made("m", **PLAIN), made("b"))
    new = folder(tmp_path / "new", made("m", **PLAIN), made("m", **NEW_PLAIN), made("b"))
    with pytest.raises(EvalkitError, match="The candidate has 2 encoders called m") as caught:
        paired(old, new)
    assert caught.value.exit_code == 2
    named = Path(caught.value.hint.removeprefix("Name the folder of one of them, such as ").rstrip("."))
    assert named in {new / "m" / ("1" * 12), new / "m" / ("3" * 12)}
    assert partners(paired(old / "m", named)) == {"m": "st:m"}
    with pytest.raises(EvalkitError, match="The baseline has 2 encoders called m"):
        paired(new, old)


def test_the_same_weights_on_both_sides_tell_namesakes_apart(tmp_path: Path) -> None:
    side = folder(tmp_path / "both", made("m", **PLAIN), made("m", **NEW_PLAIN))
    report = check(side, side)
    assert report.verdict is Verdict.PASS
    for encoder in report.encoders:
        assert encoder.candidate == encoder.baseline


def test_two_results_of_one_encoder_on_one_task_are_refused(tmp_path: Path) -> None:
    old = folder(tmp_path / "old", made("a"))
    copy = old / "copy.json"
    copy.write_bytes(next(path for path, _ in load(old).results).read_bytes())
    with pytest.raises(EvalkitError, match="a has two results on A: "):
        paired(old, old)


# -- what is incomparable ----------------------------------------------------------------------------------------


def task(**more: Any) -> Callable[[Result], Result]:
    return lambda one: one.model_copy(update={"task": one.task.model_copy(update=more)})


def metric(name: str) -> Callable[[Result], Result]:
    return lambda one: one.model_copy(update={"main_score": one.main_score.model_copy(update={"metric": name})})


def cells(*new: Any) -> Callable[[Result], Result]:
    return lambda one: one.model_copy(update={"cells": new})


def undefined(one: Result) -> Result:
    scored = one.cells[0].model_copy(update={"scores": {"m": None}})
    score = one.main_score.model_copy(update={"value": None})
    return one.model_copy(update={"cells": (scored,), "main_score": score})


IDS = [f"q{number}" for number in range(6)]
NAMED = cell(VALUES, ids=IDS)
DIFFERENCES = {
    "other data": (task(), task(fingerprint="e"), "The baseline was made on other data: their fingerprints differ."),
    "a protocol's parameter": (
        task(protocol={"k": 10, "same": 1}),
        task(protocol={"k": 100, "same": 1}, fingerprint="e"),
        "The baseline was made by another protocol: k is 10 in the baseline and 100 in the candidate.",
    ),
    "a new parameter": (
        task(protocol={"k": None}),
        task(protocol={"version": "x" * 50}),
        f"k is None in the baseline and absent in the candidate; version is absent in the baseline and {'x' * 37}...",
    ),
    "a metric": (task(), metric("f1"), "The baseline has m, the candidate f1."),
    "a type": (task(), task(type="STS"), "Its type is Retrieval in the baseline and STS in the candidate."),
    "a subset": (
        cells(cell(VALUES), cell(VALUES, subset="de")),
        task(),
        "The candidate lacks test/de, which the baseline has.",
    ),
    "a subset more": (
        task(),
        cells(cell(VALUES), cell(VALUES, subset="de")),
        "The baseline lacks test/de, which the candidate has.",
    ),
    "ids": (
        cells(NAMED),
        cells(cell(VALUES, ids=[*IDS[:5], "new"])),
        "The units of test/default differ: 5 of 6 and 6 are in both, among them 'new'.",
    ),
    "all ids": (cells(NAMED), cells(cell(VALUES, ids=list("abcdef"))), "differ: none is in both."),
    "the order": (cells(NAMED), cells(cell(VALUES, ids=IDS[::-1])), "The units of test/default are in another order."),
    "a unit": (
        task(),
        cells(cell(VALUES[:5])),
        "The units of test/default differ: 6 in the baseline and 5 in the candidate.",
    ),
    "an undefined score": (task(), undefined, "The score of the candidate is undefined."),
    "two undefined scores": (undefined, undefined, "The score of the baseline is undefined."),
}


@pytest.mark.parametrize("what", DIFFERENCES)
def test_a_sentence_names_the_task_and_what_makes_it_incomparable(tmp_path: Path, what: str) -> None:
    old, new, sentence = DIFFERENCES[what]
    (path, one), other = made("a"), made("a", "C")
    report = check(folder(tmp_path / "old", (path, old(one)), other), folder(tmp_path / "new", (path, new(one)), other))
    assert (report.verdict, report.exit_code) == (Verdict.INCOMPARABLE, 4)
    [encoder] = report.encoders
    [wrong] = [line for line in encoder.tasks if line.verdict is Verdict.INCOMPARABLE]
    assert wrong.name == "A"
    assert sentence in wrong.reason
    assert is_a_sentence(wrong.reason)
    assert (wrong.p, wrong.lower, wrong.worst) == (None, None, ())
    assert any(wrong.reason in part and "A" in part for part in said(report))


def said(report: Report) -> list[str]:
    return [part for part in page(report) if isinstance(part, str)]


def test_a_missing_task_and_a_missing_encoder_are_incomparable(tmp_path: Path) -> None:
    old = folder(tmp_path / "old", made("a", "A"), made("a", "C"), made("b", "A"))
    new = folder(tmp_path / "new", made("a", "A"))
    report = check(old, new)
    assert report.exit_code == 4
    lacking = {(line.encoder, line.name): line.reason for line in report.lines() if line.verdict == "incomparable"}
    assert lacking == dict.fromkeys([("a", "C"), ("b", "A")], "The candidate has no result.")
    assert any("a on C" in part and "b on A" in part for part in said(report))
    alone = check(old, new, Settings(encoders="a", tasks="A"))
    assert alone.verdict is Verdict.PASS


def test_results_with_units_against_imported_ones_are_open_unless_nothing_is_at_stake(tmp_path: Path) -> None:
    old = folder(tmp_path / "old", made("a"))
    new = folder(tmp_path / "new", result("a", "A", [bare(0.1)]))
    [line] = check(old, new).lines()
    assert line.verdict is Verdict.INCONCLUSIVE
    assert "imported results have no units" in line.reason


def test_a_statistic_over_units_is_checked_by_its_pseudo_values(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    gold = rng.normal(size=200)
    sides = [
        folder(tmp_path / name, result("a", "C", [ranked(gold, gold + rng.normal(0, noise, 200))]))
        for name, noise in (("old", 0.3), ("new", 1.5))
    ]
    [line] = check(*sides).lines()
    assert (line.verdict, line.unit, line.n) == (Verdict.REGRESSION, "pair", 200)
    assert len(line.worst) == 10
    losses = [unit.difference for unit in line.worst]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] > 0


# -- damaged -----------------------------------------------------------------------------------------------------


def damage(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"zlib": "', '"zlib": "!'),
        ('"shape": [', '"shape": [7,'),
        ('"columns": {', '"columns": [], "other": {'),
        ('"statistics": {', '"statistics": null, "other": {'),
        ('"dtype"', '"type"'),
        ('"unit"', '"units"'),
    ],
)
def test_observations_that_are_damaged_alike_on_both_sides_do_not_pass_as_identical(
    tmp_path: Path, old: str, new: str
) -> None:
    side = folder(tmp_path / "side", made("a"))
    [(path, _)] = load(side).results
    damage(path, old, new)
    with pytest.raises(EvalkitError, match="observations cannot be read") as caught:
        check(side, side)
    assert caught.value.exit_code == 2
    assert str(path) in caught.value.message
