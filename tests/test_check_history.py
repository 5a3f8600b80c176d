"""Which candidates were checked before, and which look a check is."""

from __future__ import annotations

import json
import multiprocessing
import os
from pathlib import Path

import pytest
from helpers import is_a_sentence
from hypothesis import given
from hypothesis import strategies as st

from evalkit.errors import EXIT_USAGE, EvalkitError
from evalkit_leaderboard.check.history import FILE_NAME, History, Past, history, look_now

FIRST = Past("2026-11-19T08:00:00Z", "inconclusive", "digest 1", 1, 3)
SECOND = Past("2026-11-20T08:00:00Z", "inconclusive", "digest 2", 2, 3)
THIRD = Past("2026-11-21T08:00:00Z", "regression", "digest 3", 3, 3)


def unplanned(number: int) -> Past:
    return Past(f"2026-11-{number + 10}", "inconclusive", f"digest {number}", 1, 1)


def only(sentences: tuple[str, ...]) -> str:
    (sentence,) = sentences
    assert is_a_sentence(sentence)
    return sentence


# -- the file ----------------------------------------------------------------------------------------------------


def test_what_was_added_is_there_in_order_and_by_key(tmp_path):
    path = tmp_path / "new" / "folder" / FILE_NAME
    assert History(path).of("key") == ()
    for past in (FIRST, SECOND):
        History(path).add("key", past)
    History(path).add("other", THIRD)
    assert History(path).of("key") == (FIRST, SECOND)
    assert History(path).of("other") == (THIRD,)
    assert History(path).notes == ()


def test_the_file_lies_beside_the_embedding_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("EVALKIT_CACHE", str(tmp_path / "here"))
    history().add("key", FIRST)
    lines = (tmp_path / "here" / "checks.jsonl").read_text(encoding="utf-8").split("\n")
    assert [json.loads(line) for line in lines if line] == [
        {"key": "key", "when": FIRST.when, "verdict": "inconclusive", "digest": "digest 1", "look": 1, "looks": 3}
    ]


@given(
    key=st.text(),
    texts=st.tuples(st.text(), st.text(), st.text()),
    look=st.integers(1, 10**12),
    looks=st.none() | st.integers(1, 100),
)
def test_any_text_survives(tmp_path_factory, key, texts, look, looks):
    path = tmp_path_factory.mktemp("history") / FILE_NAME
    past = Past(*texts, look, looks)
    History(path).add(key, past)
    assert History(path).of(key) == (past,)


@pytest.mark.parametrize(
    "damage",
    [
        b"{",
        b"\x00\xff\xfe",
        b"null",
        b"[]",
        b"[" * 100_000,
        b'{"key": "key"}',
        b'{"key": "key", "when": 3, "verdict": "pass", "digest": "d", "look": 1}',
        b'{"key": "key", "when": "w", "verdict": "pass", "digest": "d", "look": true}',
        b'{"key": "key", "when": "w", "verdict": "pass", "digest": "d", "look": 0}',
        b'{"key": "key", "when": "w", "verdict": "pass", "digest": "d", "look": 1, "looks": "3"}',
    ],
)
def test_damaged_lines_count_as_not_there_and_spoil_no_other(tmp_path, damage):
    path = tmp_path / FILE_NAME
    History(path).add("key", FIRST)
    with path.open("ab") as file:
        file.write(damage)  # without a newline, as a write that was cut short leaves it
    History(path).add("key", SECOND)
    assert History(path).of("key") == (FIRST, SECOND)


def test_lines_of_another_version_are_read(tmp_path):
    path = tmp_path / FILE_NAME
    line = {"key": "key", "when": "2026-11-21", "verdict": "pass", "digest": "d", "look": 1, "margin": 0.01}
    path.write_text(json.dumps(line), encoding="utf-8")
    assert History(path).of("key") == (Past("2026-11-21", "pass", "d", 1),)


def write_many(path: Path, writer: int, n: int) -> None:
    for number in range(n):
        History(path).add("key", Past("2026-11-21", "x" * (1 + 997 * number % 9000), f"{writer}/{number}", 1))


def test_processes_side_by_side_lose_no_line(tmp_path):
    path, n = tmp_path / FILE_NAME, 200
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write_many, args=(path, writer, n)) for writer in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0] * 4
    found = [past.digest for past in History(path).of("key")]
    assert sorted(found) == sorted(f"{writer}/{number}" for writer in range(4) for number in range(n))
    for writer in range(4):  # and each writer's own stay in order
        assert [each for each in found if each.startswith(f"{writer}/")] == [f"{writer}/{i}" for i in range(n)]


def test_a_folder_that_cannot_be_made_gives_a_note_and_no_failure(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    kept = History(tmp_path / "file" / FILE_NAME)
    assert kept.of("key") == ()
    kept.add("key", FIRST)
    assert any("cannot be kept" in note for note in kept.notes)
    assert all(is_a_sentence(note) for note in kept.notes)


def test_a_history_that_is_a_folder_gives_one_note(tmp_path):
    kept = History(tmp_path)
    kept.add("key", FIRST)
    assert kept.of("key") == ()
    assert only(kept.notes).startswith(f"The history of checks {tmp_path} cannot be kept (Is a directory)")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_gives_a_note():
    kept = History(Path("/dev/full"))
    kept.add("key", FIRST)
    assert "No space left" in only(kept.notes)


def test_a_write_that_was_cut_short_gives_a_note(tmp_path, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, line: write(file, line[:20]))
    kept = History(tmp_path / FILE_NAME)
    kept.add("key", FIRST)
    assert "No space left" in only(kept.notes)


def test_a_user_without_a_home_gives_a_note(monkeypatch):
    def homeless(_):
        raise RuntimeError

    monkeypatch.delenv("EVALKIT_CACHE")
    monkeypatch.setattr(Path, "expanduser", homeless)
    kept = history()
    kept.add("key", FIRST)
    assert kept.of("key") == ()
    assert "no home folder" in only(kept.notes)


# -- without planned looks ---------------------------------------------------------------------------------------


def test_the_first_check_says_nothing():
    assert look_now((), "digest", 1, None) == (1, ())


def test_new_results_of_a_known_candidate_are_warned_of():
    look, sentences = look_now([unplanned(1), unplanned(2)], "digest 3", 1, None)
    assert look == 1
    assert only(sentences) == (
        "This candidate was checked against this baseline 2 times before (last on 2026-11-12: inconclusive): "
        "each further look adds to the error of 5 %; plan them with --looks N."
    )


def test_one_check_before_is_once_and_the_error_is_the_users():
    sentence = only(look_now([unplanned(1)], "digest 2", 1, 1, alpha=0.1)[1])
    assert "baseline once before" in sentence
    assert "error of 10 %" in sentence


def test_the_same_results_are_no_further_look():
    sentence = only(look_now([unplanned(1), unplanned(1), unplanned(2)], "digest 1", 1, None)[1])
    assert sentence == (
        "These very results were checked against this baseline before (last on 2026-11-11: inconclusive); "
        "the same settings say the same again."
    )
    assert "once before" in only(look_now([unplanned(1), unplanned(1)], "digest 2", 1, None)[1])


# -- with planned looks ------------------------------------------------------------------------------------------


def test_looks_are_counted_by_the_history():
    look, sentences = look_now((), "digest 1", 3, None)
    assert look == 1
    assert "no earlier check of this candidate is known here" in only(sentences)
    look, sentences = look_now([FIRST, SECOND], "digest 3", 3, None)
    assert look == 3
    assert only(sentences) == "This is look 3 of 3: the one before was on 2026-11-20: inconclusive."


def test_results_seen_before_repeat_their_look():
    look, sentences = look_now([FIRST, SECOND, THIRD], "digest 2", 3, None)
    assert look == 2
    assert only(sentences) == (
        "These very results were look 2 of 3 before (last on 2026-11-20: inconclusive); no new alpha is spent."
    )


def test_more_looks_than_planned_are_refused():
    with pytest.raises(EvalkitError) as caught:
        look_now([FIRST, SECOND, THIRD], "digest 4", 3, None)
    assert caught.value.message == ("All 3 planned looks at this candidate are spent (last on 2026-11-21: regression).")
    assert "--look K" in caught.value.hint
    assert is_a_sentence(str(caught.value))
    assert caught.value.exit_code == EXIT_USAGE


def test_a_given_look_wins():
    assert look_now([FIRST], "digest 2", 3, 3) == (3, ())
    assert look_now([FIRST, SECOND], "digest 2", 3, 2) == (2, ())
    assert look_now((), "digest 2", 3, 2) == (2, ())
    assert look_now([FIRST, SECOND, THIRD], "digest 3", 3, 3) == (3, ())


def test_a_given_look_that_other_results_have_taken_is_warned_of():
    look, sentences = look_now([FIRST], "digest 2", 3, 1)
    assert look == 1
    assert only(sentences) == (
        "Look 1 was taken by other results before (last on 2026-11-19: inconclusive): its alpha is spent twice."
    )


def test_an_unplanned_check_has_taken_no_planned_look():
    assert "no part of a plan of 3 looks" in only(look_now([unplanned(1)], "digest 2", 3, 1)[1])


def test_the_look_after_a_given_one_is_the_next():
    assert look_now([Past("2026-11-20", "inconclusive", "digest 1", 2, 3)], "digest 2", 3, None)[0] == 3


def test_checks_that_were_not_planned_count_as_looks_and_the_change_of_plan_is_said():
    look, sentences = look_now([unplanned(1), unplanned(2)], "digest 3", 4, None)
    assert look == 3
    assert "no part of a plan of 4 looks" in sentences[-1]
    assert all(is_a_sentence(sentence) for sentence in sentences)
    with pytest.raises(EvalkitError, match="All 2 planned looks"):
        look_now([unplanned(1), unplanned(2)], "digest 3", 2, None)


def test_a_past_that_does_not_know_its_plan_is_not_accused():
    assert len(look_now([Past("2026-11-20", "pass", "digest 1", 1)], "digest 2", 2, None)[1]) == 1


@given(digests=st.lists(st.sampled_from("abcdef"), max_size=30), looks=st.integers(2, 8))
def test_each_new_result_takes_the_next_look_and_an_old_one_its_own(digests, looks):
    past, expected = [], {}
    for digest in digests:
        expected.setdefault(digest, len(expected) + 1)
        if expected[digest] > looks:
            with pytest.raises(EvalkitError):
                look_now(past, digest, looks, None)
            return
        look, sentences = look_now(past, digest, looks, None)
        assert look == expected[digest]
        only(sentences)
        past.append(Past("2026-11-21", "inconclusive", digest, look, looks))
