"""Whom `evalkit compare` takes two names for, what it prints, and what users get wrong."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import helpers
import numpy as np
import pytest
from test_compare import A, B, cell, page, result, run, sides, stored

import evalkit
from evalkit.errors import EvalkitError
from evalkit.store import load
from evalkit_leaderboard.compare_sides import find_sides
from evalkit_leaderboard.comparison import LIKE, THESE, compare_sides
from evalkit_leaderboard.frame import align

__all__ = ["run"]  # a fixture


# -- who is meant ------------------------------------------------------------------------------------------------


def test_folders_files_and_fingerprints(tmp_path: Path) -> None:
    one, two = stored(tmp_path / "one", result("a", "T", cell(A))), stored(tmp_path / "two", result("b", "T", cell(B)))
    [(file, _)] = load(two).results
    nowhere = tmp_path / "nowhere"
    assert find_sides(str(one), str(two), nowhere).frame.encoders == ("a", "b")
    assert find_sides("a", str(file), one).frame.encoders == ("a", "b")
    stored(tmp_path / "one", result("a", "T", cell(B), fingerprint="ff" * 16))
    found = find_sides("a (ff)", "a (0000)", one)
    assert found.frame.encoders == ("a (ffffffffffff)", "a (000000000061)")
    assert found.frame.main[:, 0] == pytest.approx([np.mean(B), np.mean(A)])


def namesakes(folder: Path) -> Path:
    """Two called m that differ in their options, two called n that differ in nothing that is written, and b."""
    specs = [("m", "hashing", "1"), ("m", "hashing?dim=64", "2"), ("n", "python:n", "3"), ("n", "python:n", "4")]
    for number, (name, spec, digit) in enumerate(specs):
        made = result(name, "T", cell([0.1 * number, *A]), fingerprint=digit * 64)
        stored(folder, made.model_copy(update={"encoder": made.encoder.model_copy(update={"spec": spec})}))
    return stored(folder, result("b", "T", cell([*B, 0.1])))


def test_every_label_of_the_leaderboard_names_its_encoder(tmp_path: Path) -> None:
    frame = align(load(namesakes(tmp_path)).results)
    assert set(frame.encoders) == {"m", "m?dim=64", f"n ({'3' * 12})", f"n ({'4' * 12})", "b"}
    for row, label in enumerate(frame.encoders):
        if label != "b":
            found = find_sides(label, "b", tmp_path).frame
            assert found.encoders == (label, "b")
            assert found.encoder(0).fingerprint == frame.encoder(row).fingerprint


@pytest.mark.parametrize("given", ["n", "?", "M*", "[mn]*"])
def test_every_label_in_an_error_names_an_encoder(tmp_path: Path, given: str) -> None:
    with pytest.raises(EvalkitError, match=r"stands for \d encoders: ") as caught:
        find_sides(given, "b", namesakes(tmp_path))
    labels = caught.value.message.partition("encoders: ")[2].rstrip(".").split(", ")
    assert len(labels) > 1
    for label in labels:
        if label != "b":
            assert find_sides(label, "b", tmp_path).frame.encoders == (label, "b")


def test_globs_match_labels_and_the_start_of_a_fingerprint_any_name(tmp_path: Path) -> None:
    folder = namesakes(tmp_path)
    assert find_sides("M?DIM*", "n (4)", folder).frame.encoders == ("m?dim=64", f"n ({'4' * 12})")
    assert find_sides("m (22)", "m (1)", folder).frame.encoders == ("m?dim=64", "m")
    with pytest.raises(EvalkitError, match="are the same encoder") as caught:
        find_sides("m (22)", "m?dim=64", folder)
    told = caught.value.message.partition("same encoder: ")[2].rstrip(".")
    assert find_sides(told, "b", folder).frame.encoders == ("m?dim=64", "b")


def test_namesakes_in_two_folders_are_told_apart_by_their_options(tmp_path: Path) -> None:
    for folder, spec, digit in (("old", "hashing", "1"), ("new", "hashing?dim=64", "2")):
        made = result("m", "T", cell(A if folder == "old" else B), fingerprint=digit * 64)
        stored(tmp_path / folder, made.model_copy(update={"encoder": made.encoder.model_copy(update={"spec": spec})}))
    found = find_sides(str(tmp_path / "old"), str(tmp_path / "new"), tmp_path / "nowhere")
    assert found.frame.encoders == ("m", "m?dim=64")


def test_two_unidentified_encoders_of_one_name(tmp_path: Path) -> None:
    for folder, values in (("old", A), ("new", B)):
        made = result("mine", "T", cell(values))
        stored(
            tmp_path / folder,
            made.model_copy(update={"encoder": made.encoder.model_copy(update={"fingerprint": None})}),
        )
    old, new = str(tmp_path / "old"), str(tmp_path / "new")
    found = find_sides(old, new, tmp_path / "nowhere")
    assert found.frame.encoders == (f"mine in {old}", f"mine in {new}")
    again = find_sides(*found.frame.encoders, tmp_path / "nowhere")
    assert again.frame.encoders == found.frame.encoders
    assert again.frame.main == pytest.approx(found.frame.main)
    with pytest.raises(EvalkitError, match="Unknown encoder 'hers'"):
        find_sides(f"hers in {old}", new, tmp_path / "nowhere")
    with pytest.raises(EvalkitError, match="are the same encoder: mine \\(unidentified\\)"):
        find_sides(old, old, tmp_path / "nowhere")
    stored(tmp_path / "old", result("b", "T", cell(B)))
    assert find_sides("mine (unidentified)", "b", tmp_path / "old").frame.encoders == ("mine", "b")


def test_what_only_one_has_is_left_out_and_named(tmp_path: Path) -> None:
    found = sides(
        tmp_path,
        *(result("a", "T", cell(A)), result("b", "T", cell(B))),
        *(result("a", "OnlyA", cell(A)), result("b", "OnlyB", cell(A))),
        *(result("a", "Hole", cell(A)), result("b", "Hole", cell(None, score=None))),
    )
    assert (found.frame.tasks, found.only_a, found.only_b, found.undefined) == (
        ("T",),
        ("OnlyA",),
        ("OnlyB",),
        ("Hole",),
    )
    text = page(compare_sides(found))
    assert "only A has a result: OnlyA" in text
    assert "a score is undefined: Hole" in text


def test_bad_input_is_a_sentence(tmp_path: Path) -> None:
    stored(tmp_path, result("alpha", "T", cell(A)), result("beta", "T", cell(B)), result("gamma", "U", cell(A)))
    stored(tmp_path, result("alpha", "T", cell(A), fingerprint="ee" * 16), result("delta", "T", cell(A), data="other"))
    stored(tmp_path, result("hole", "T", cell(None, score=None)))
    for a, b, tasks, said in [
        ("bta", "gamma", None, "Unknown encoder 'bta'. Did you mean beta"),
        ("alpha", "beta", None, "'alpha' stands for 2 encoders: alpha (000000000061), alpha (eeeeeeeeeeee)"),
        ("beta", "beta", None, "beta and beta are the same encoder: beta (000000000062)"),
        ("beta", "BETA", None, "are the same encoder"),
        ("beta", "gamma", None, "beta and gamma have no task in common"),
        ("beta", "hole", None, "share only tasks on which the score of one is undefined: T"),
        ("beta", "gamma", "X*", "Unknown task 'X*'"),
        (str(tmp_path), "beta", None, "stands for 6 encoders"),
    ]:
        with pytest.raises(EvalkitError) as caught:
            find_sides(a, b, tmp_path, tasks=tasks)
        assert said in str(caught.value)
        assert caught.value.exit_code == 2
    with pytest.raises(EvalkitError, match="different data") as caught:
        find_sides("beta", "delta", tmp_path)
    assert "beta" in str(caught.value)
    assert "delta" in str(caught.value)
    with pytest.raises(EvalkitError, match="does not exist"):
        find_sides("beta", "gamma", tmp_path / "nowhere")


def test_other_units_are_refused(tmp_path: Path) -> None:
    found = sides(tmp_path, result("a", "T", cell(A)), result("b", "T", cell([*B, 0.1])))
    with pytest.raises(EvalkitError, match="different units"):
        compare_sides(found)


# -- the command -------------------------------------------------------------------------------------------------


def call(*arguments: object, folder: Path, code: int = 0) -> str:
    done = helpers.call_cli("compare", *arguments, cwd=folder)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def test_a_label_that_the_leaderboard_prints_can_be_pasted(run: Path, tmp_path: Path) -> None:
    tasks = [run / "data" / "MySts", run / "data" / "MyRetrieval"]
    evalkit.evaluate(["hashing?dim=64&name=h", "random"], tasks, output=tmp_path / "results", cache=False)
    evalkit.evaluate(["hashing?name=h"], tasks[1:], output=tmp_path / "results", cache=False)
    for only in ([], ["--tasks", "MySts"]):
        done = helpers.call_cli("leaderboard", "results", "--format", "csv", *only, cwd=tmp_path)
        labels = [line.split(",")[0] for line in done.stdout.splitlines()]
        assert "h?dim=64" in labels
        assert "A  h?dim=64" in call("h?dim=64", "random", *only, folder=tmp_path)


def strict(text: str) -> Mapping[str, Any]:
    def refuse(token: str) -> None:
        raise AssertionError(token)

    found: Mapping[str, Any] = json.loads(text, parse_constant=refuse)
    return found


def test_the_page_is_the_same_twice_and_says_everything(run: Path) -> None:
    first = call("hashing", "random", "--data", "data", folder=run)
    assert first == call("hashing", "random", "--data", "data", folder=run)
    for words in (
        "A  hashing",
        "B  random",
        "5 tasks in common",
        "MyRetrieval: where they differ most",
        "95 % interval",
    ):
        assert words in first
    assert helpers.sentence(0).split()[0] in first


def test_json_has_every_number(run: Path) -> None:
    data = strict(call("hashing", "random", "--json", "--units", 2, "--tasks", "MyS*", folder=run))
    assert [task["name"] for task in data["tasks"]] == ["MySets", "MySts"]
    assert [line["name"] for line in data["overall"]] == [THESE, LIKE]
    for line in (*data["tasks"], *data["overall"]):
        assert {"a", "b", "difference", "low", "high", "p", "p_adjusted", "d_z", "counts", "verdict", "outlook"} <= set(
            line
        )
    assert len(data["tasks"][1]["units"]) == 2
    assert len(data["provenance"]["files"]) == 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("hashing", "randm"), "Did you mean random?"),
        (("hashing", "hashing"), "the same encoder"),
        (("hashing", "random", "--alpha", "2"), "--alpha must be between 0 and 1"),
        (("hashing", "random", "--units", "-1"), "--units must be at least 0"),
        (("hashing", "random", "--data", "nowhere"), "nowhere is no folder"),
        (("hashing", "random", "nowhere"), "nowhere does not exist"),
    ],
)
def test_errors_exit_with_two(run: Path, arguments: tuple[str, ...], said: str) -> None:
    assert said in call(*arguments, folder=run, code=2)


def test_unreadable_files_are_named_and_stop_nothing(run: Path, tmp_path: Path) -> None:
    stored(tmp_path / "results", result("a", "T", cell(A)), result("b", "T", cell(B)))
    (tmp_path / "results" / "broken.json").write_text("{")
    command = helpers.command("compare", "a", "b")
    environment = helpers.environment()
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == 0
    assert "broken.json cannot be read" in done.stderr
