"""Results on disk: each is there whole or not at all, is never taken for another, and what cannot be read is named."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import helpers
import pytest

import evalkit
from evalkit.errors import EvalkitError, StoreError
from evalkit.migrations import NewerSchemaError
from evalkit.store import ResultStore, file_name, load, read_result, write_atomic

FIXTURE = helpers.FIXTURES / "result-v1.json"


@pytest.fixture
def task(tmp_path: Path) -> Path:
    return helpers.sts(tmp_path / "S")


def run(task: Any, out: Path, encoder: Any = None, **more: Any) -> evalkit.Results:
    return evalkit.evaluate(encoder or helpers.Counting(), task, output=out, **{"cache": False, **more})


# -- what is finished --------------------------------------------------------------------------------------------


def test_a_finished_result_is_not_scored_again(task: Path, tmp_path: Path) -> None:
    first = run(task, tmp_path / "out")
    path = tmp_path / "out" / helpers.HOME / "S.json"
    written = path.read_bytes()
    encoder = helpers.Counting()
    assert run(task, tmp_path / "out", encoder).records == first.records
    assert encoder.calls == 0
    assert path.read_bytes() == written
    run(task, tmp_path / "out", encoder, force=True)
    assert encoder.calls == 1


@pytest.mark.parametrize("change", ["data", "protocol", "encoder"])
def test_it_is_scored_again_when_anything_changes_that_decides_it(change: str, task: Path, tmp_path: Path) -> None:
    run(task, tmp_path / "out")
    encoder = helpers.Counting(fingerprint="f" * 64 if change == "encoder" else helpers.FINGERPRINT)
    if change == "data":
        helpers.edit(task / "test.jsonl", 1, '{"sentence1": "a", "sentence2": "b", "score": 1}')
    if change == "protocol":
        (task / "task.toml").write_text((task / "task.toml").read_text() + "max_score = 4\n")
    run(task, tmp_path / "out", encoder)
    assert encoder.calls == 1
    assert len(helpers.files(tmp_path / "out")) == (2 if change == "encoder" else 1)


def test_fingerprints_that_agree_in_twelve_digits_only_are_two_encoders(task: Path, tmp_path: Path) -> None:
    run(task, tmp_path / "out", helpers.Counting(fingerprint="a" * 12 + "b" * 52))
    other = helpers.Counting(fingerprint="a" * 12 + "c" * 52)
    [result] = run(task, tmp_path / "out", other)
    assert other.calls == 1
    assert result.encoder.fingerprint == other.fingerprint


def test_a_damaged_result_is_scored_again(task: Path, tmp_path: Path) -> None:
    [first] = run(task, tmp_path / "out")
    path = tmp_path / "out" / helpers.HOME / "S.json"
    for text in ("", "{", path.read_text()[:500], "[]", "null", path.read_text().replace('"cells"', '"sells"')):
        path.write_text(text)
        assert len(load(tmp_path / "out").unreadable) == 1
        [again] = run(task, tmp_path / "out")
        assert again.cells == first.cells
        assert read_result(path) == again


def test_a_result_of_a_newer_evalkit_is_neither_read_nor_replaced(task: Path, tmp_path: Path) -> None:
    run(task, tmp_path / "out")
    path = tmp_path / "out" / helpers.HOME / "S.json"
    newer = path.read_text().replace('"schema_version": 1', '"schema_version": 99')
    path.write_text(newer)
    for attempt in (lambda: read_result(path), lambda: run(task, tmp_path / "out")):
        with pytest.raises(NewerSchemaError, match=r"S\.json has schema version 99.*reads up to 1.*pip install -U"):
            attempt()
    assert path.read_text() == newer
    run(task, tmp_path / "out", force=True)
    assert read_result(path).schema_version == 1


# -- names -------------------------------------------------------------------------------------------------------


def test_names_become_one_path_component(tmp_path: Path) -> None:
    names = [
        "org/model",
        "a b",
        "..",
        ".",
        "mo:del?*",
        "x" * 200,
        "x" * 201,
        "日本語" * 90,
        "a%2Fb",
        "st:/a | b:1",
        "\\",
    ]
    for name in names:
        component = file_name(name)
        assert "/" not in component
        assert component not in {".", ".."}
        (tmp_path / f"{component}.json").touch()
    assert len({file_name(name) for name in names}) == len(names)
    assert file_name("org/model") == "org__model"


@pytest.mark.parametrize("name", ["org/model v2: tuned?", "x" * 400, "\U0001f600" * 30, ".hidden", ".."])
def test_any_name_can_be_stored_and_loaded(name: str, task: Path, tmp_path: Path) -> None:
    run(task, tmp_path / "out", helpers.Counting(name=name))
    assert [result.encoder.name for result in evalkit.load_results(tmp_path / "out")] == [name]
    encoder = helpers.Counting(name=name)
    run(task, tmp_path / "out", encoder)
    assert encoder.calls == 0


@pytest.mark.parametrize("name", ["encoder", "Encoder", "S.v2", "A b (c)", "x" * 200, ".hidden"])
def test_any_folder_name_can_be_a_task(name: str, tmp_path: Path) -> None:
    task = helpers.sts(tmp_path / name, subsets=("de", "en"))
    run(task, tmp_path / "out")
    assert [result.task.name for result in evalkit.load_results(tmp_path / "out")] == [name]
    encoder = helpers.Counting()
    run(task, tmp_path / "out", encoder)
    assert encoder.calls == 0


# -- reading -----------------------------------------------------------------------------------------------------


def test_what_cannot_be_read_is_listed_and_not_dropped(task: Path, tmp_path: Path) -> None:
    run(task, tmp_path / "out")
    good = (tmp_path / "out" / helpers.HOME / "S.json").read_text()
    record = json.loads(good)
    bad = {
        "no_json": "{",
        "nan": good.replace('"seconds": ', '"seconds": NaN, "x": ', 1),
        "list": "[]",
        "no_version": json.dumps({key: value for key, value in record.items() if key != "schema_version"}),
        "newer": json.dumps({**record, "schema_version": 2}),
        "text_version": json.dumps({**record, "schema_version": "1"}),
        "more": json.dumps({**record, "surprise": 1}),
        "less": json.dumps({key: value for key, value in record.items() if key != "cells"}),
        "deep": "[" * 100_000,
        "binary": None,
    }
    for name, text in bad.items():
        (tmp_path / "out" / f"{name}.json").write_bytes(b"\xff\xfe\x00" if text is None else text.encode())
    (tmp_path / "out" / "folder.json").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("no result")
    loaded = load(tmp_path / "out")
    assert [path.name for path, _ in loaded.results] == ["S.json"]
    assert {path.stem for path, _ in loaded.unreadable} == {*bad, "folder"}
    for path, reason in loaded.unreadable:
        assert str(path) in reason
        assert helpers.is_a_sentence(reason)
    results = evalkit.load_results(tmp_path / "out")
    assert len(results) == 1
    assert len(results.failures) == len(bad) + 1


def test_one_file_can_be_loaded(task: Path, tmp_path: Path) -> None:
    [result] = run(task, tmp_path / "out")
    assert evalkit.load_results(tmp_path / "out" / helpers.HOME / "S.json").records == (result,)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"does not exist.*evalkit run"):
        evalkit.load_results(tmp_path / "nothing")


@pytest.mark.parametrize("kind", ["folder", "binary", "text", "json", "no_result"])
def test_no_one_is_told_to_remove_what_is_not_ours(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    contents = {"binary": b"\xff\xfe\x00", "text": b"dear diary", "json": b"[1]", "no_result": b'{"a": 1}'}
    path.mkdir() if kind == "folder" else path.write_bytes(contents[kind])
    with pytest.raises(StoreError) as caught:
        read_result(path)
    assert str(path) in str(caught.value)
    assert helpers.is_a_sentence(caught.value.message)
    assert "emove" not in caught.value.hint


def test_several_results_are_shown_at_once(task: Path, tmp_path: Path) -> None:
    paths = []
    for out in ("a", "b"):
        run(task, tmp_path / out)
        paths.append(tmp_path / out / helpers.HOME / "S.json")
    one = helpers.run_cli("show", paths[0]).stdout
    assert helpers.call_cli("show", *paths).stdout.startswith(f"{one}\n")
    records = json.loads(helpers.call_cli("show", *paths, "--json").stdout)
    assert records == [json.loads(path.read_text()) for path in paths]
    header, *rows = helpers.call_cli("show", *paths, "--units", "cosine_spearman").stdout.splitlines()
    assert header.split("\t")[:3] == ["encoder", "task", "split"]
    assert len(rows) == 24


# -- writing -----------------------------------------------------------------------------------------------------


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "deep" / "file.json"
    write_atomic(path, "old")

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    for function in ("fsync", "replace", "rename"):
        with monkeypatch.context() as patch:
            patch.setattr(os, function, fail)
            if function == "rename":
                write_atomic(path, "new")
                continue
            with pytest.raises(StoreError, match=r"file\.json: No space left on device.*Make room.*kept") as caught:
                write_atomic(path, "new")
        assert caught.value.exit_code == 1
        assert path.read_text() == "old"
        assert [file.name for file in path.parent.iterdir()] == ["file.json"]


def test_a_full_disk_in_the_middle_fails_that_task_and_keeps_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "ABC":
        helpers.sts(tmp_path / "data" / name, subsets=("de", "en"))
    real = os.fsync

    def full(descriptor: int) -> None:
        name = Path(f"/proc/self/fd/{descriptor}").readlink().name
        if name.startswith(".B."):
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    results = evalkit.evaluate(helpers.Counting(), data=[tmp_path / "data"], output=tmp_path / "out")
    assert [result.task.name for result in results] == ["A", "C"]
    assert "B.json: No space left on device" in results.failures[0]
    assert helpers.files(tmp_path / "out") == [f"{helpers.HOME}/A.json", f"{helpers.HOME}/C.json"]
    monkeypatch.setattr(os, "fsync", real)
    encoder = helpers.Counting()
    assert len(evalkit.evaluate(encoder, data=[tmp_path / "data"], output=tmp_path / "out")) == 3
    assert encoder.calls == 0  # its embeddings were cached


@pytest.mark.parametrize("place", ["a file", "below a file", "/proc/results"])
def test_an_output_that_cannot_be_written_is_said_before_anything_is_encoded(
    place: str, task: Path, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    out = {"a file": file, "below a file": file / "out"}.get(place, Path(place))
    encoder = helpers.Counting()
    with pytest.raises(StoreError, match=f"Cannot write results to {out}: .*Choose another folder with -o") as caught:
        run(task, out, encoder)
    assert caught.value.exit_code == 2
    assert encoder.calls == 0
    assert file.read_text() == "mine"


def test_the_card_of_the_encoder_lies_beside_its_results(task: Path, tmp_path: Path) -> None:
    run(task, tmp_path / "out")
    card = json.loads((tmp_path / "out" / helpers.HOME / "encoder.json").read_text())
    assert card["encoder"]["fingerprint"] == helpers.FINGERPRINT


def test_ids_and_labels_in_any_script_come_back(tmp_path: Path) -> None:
    folder = helpers.retrieval(tmp_path / "R", n=3, n_queries=1)
    odd = 'ü "\\\u2028\x00\U0001f600'
    helpers.jsonl(folder / "queries.jsonl", [{"_id": odd, "text": "x"}])
    helpers.qrels(folder, [(odd, "d0", 1)])
    run(folder, tmp_path / "out")
    [result] = evalkit.load_results(tmp_path / "out")
    assert evalkit.Results.observations(result).ids == (odd,)


def test_paths_follow_the_design(task: Path, tmp_path: Path) -> None:
    [result] = run(task, tmp_path / "out", helpers.Counting(name="org/model", fingerprint="ab" * 32))
    assert ResultStore(tmp_path / "out").path(result.encoder, "S") == (
        tmp_path / "out" / "org__model" / "abababababab" / "S.json"
    )


# -- real processes ----------------------------------------------------------------------------------------------


def wrapped(prologue: str, *arguments: Any, **more: Any) -> subprocess.CompletedProcess[str]:
    """`evalkit ...` in a process that first does something to itself."""
    program = f"import os, resource, signal, sys\n{prologue}\nfrom evalkit.cli import main\nsys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        env=helpers.environment(**more),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


SMALL_FILES = "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))"


@pytest.mark.slow
def test_files_that_may_not_grow(tmp_path: Path) -> None:
    helpers.sts(tmp_path / "data" / "Big", n=400)
    helpers.sts(tmp_path / "data" / "Small", n=4)
    arguments = ("run", "-m", helpers.spec(), "--data", tmp_path / "data", "-o", tmp_path / "out")
    done = wrapped(SMALL_FILES, *arguments)
    assert done.returncode == 1, done.stderr
    assert "Big.json: File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert [Path(name).name for name in helpers.files(tmp_path / "out")] == ["Small.json"]
    assert helpers.run_cli(*arguments).returncode == 0
    assert len(evalkit.load_results(tmp_path / "out")) == 2


@pytest.mark.slow
def test_a_full_disk(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=48k", "tmpfs", str(out)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no right to mount a small file system")
    try:
        for number in range(12):
            helpers.sts(tmp_path / "data" / f"T{number:02}", n=100, salt=f"task {number}")
        arguments = ("run", "-m", helpers.spec(), "--data", tmp_path / "data", "-o", out)
        done = helpers.run_cli(*arguments)
        assert done.returncode == 1, done.stderr
        assert "No space left on device" in done.stderr
        assert "Traceback" not in done.stderr
        names = [Path(name).name for name in helpers.files(out)]
        assert 0 < len(names) < 12
        assert all(name.endswith(".json") and not name.startswith(".") for name in names)
        assert len(evalkit.load_results(out)) == len(names)
        subprocess.run(["mount", "-o", "remount,size=4m", str(out)], check=True)
        again = helpers.run_cli(*arguments, "--json")
        assert again.returncode == 0
        assert sum(result["skipped"] for result in json.loads(again.stdout)["results"]) == len(names)
    finally:
        subprocess.run(["umount", str(out)], check=True)


@pytest.mark.slow
def test_a_read_only_folder(tmp_path: Path) -> None:
    out, task = tmp_path / "out", helpers.sts(tmp_path / "S")
    out.mkdir()
    out.chmod(0o555)
    # Root may write anywhere unless it lays down that right.
    obedient = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    if obedient and not shutil.which("setpriv"):
        pytest.skip("no setpriv")
    done = subprocess.run(
        [*obedient, *helpers.command("run", "-m", "hashing", "--data", task, "-o", out)],
        env=helpers.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert f"Cannot write results to {out}: Permission denied." in done.stderr
    assert "Traceback" not in done.stderr
    assert helpers.files(out) == []


def test_an_interrupted_write_is_no_result(task: Path, tmp_path: Path) -> None:
    """Whatever a `kill -9` leaves beside a result is not taken for one."""
    run(task, tmp_path / "out")
    path = tmp_path / "out" / helpers.HOME / "S.json"
    (path.parent / ".S.json.123.tmp").write_text(path.read_text()[:100])
    (path.parent / "T.partial").write_text("{")
    loaded = load(tmp_path / "out")
    assert len(loaded.results) == 1
    assert not loaded.unreadable


def test_a_half_written_file_of_finished_cells_is_ignored(tmp_path: Path) -> None:
    folder = helpers.sts(tmp_path / "S", subsets=("de", "en"))
    (tmp_path / "out" / helpers.HOME).mkdir(parents=True)
    (tmp_path / "out" / helpers.HOME / "S.partial").write_text('{"task": "')
    assert len(run(folder, tmp_path / "out")) == 1
    assert helpers.files(tmp_path / "out") == [f"{helpers.HOME}/S.json"]


def test_errors_keep_their_exit_code_across_processes() -> None:
    import pickle

    error = pickle.loads(pickle.dumps(StoreError("a", hint="b", exit_code=1)))
    assert isinstance(error, EvalkitError)
    assert (type(error), error.message, error.hint, error.exit_code) == (StoreError, "a", "b", 1)


def test_two_threads_write_one_file_whole(tmp_path: Path) -> None:
    texts = [str(number) * 100_000 for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda text: write_atomic(tmp_path / "file", text), texts * 5))
    assert (tmp_path / "file").read_text() in texts
    assert helpers.files(tmp_path) == ["file"]
