"""The embedding cache: the same encoder and text give the same entry, anything else another, whatever happens."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import helpers
import numpy as np
import pytest

import evalkit
from evalkit.embedding import EmbeddingCache, EncoderBench, cache, clear_cache
from evalkit.errors import StoreError
from evalkit.protocols import TaskInfo
from evalkit.types import Role

TASK = TaskInfo("T", "STS")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache folder of this test."""
    monkeypatch.setenv("EVALKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def embed(encoder: Any, texts: list[str], role: Role = Role.TEXT, task: TaskInfo = TASK) -> tuple[np.ndarray, Any]:
    bench = EncoderBench(encoder, task, cache=EmbeddingCache())
    return bench.embed(texts, role=role), bench


def right(texts: list[str], dimension: int = 16) -> np.ndarray:
    return np.stack([helpers.vector(text, dimension) for text in texts])


# -- once ----------------------------------------------------------------------------------------------------------


def test_ten_tasks_that_share_texts_encode_each_distinct_text_once(tmp_path: Path) -> None:
    builders = (helpers.sts, helpers.classification, helpers.clustering, helpers.retrieval)
    for number in range(12):
        builders[number % 4](tmp_path / "data" / f"T{number}")
    encoder = helpers.Counting()
    results = evalkit.evaluate(encoder, data=[tmp_path / "data"])
    assert len(results) == 12
    assert len(encoder.texts) == len(set(encoder.texts))
    assert sum(result.timing.texts_encoded for result in results) == len(encoder.texts)

    again = helpers.Counting()
    second = evalkit.evaluate(again, data=[tmp_path / "data"])
    assert again.calls == 0
    assert {result.timing.texts_encoded for result in second} == {0}
    assert all(result.timing.texts_cached for result in second)
    assert helpers.cells(second) == helpers.cells(results)


def test_a_text_that_repeats_in_one_call_is_encoded_once_even_without_cache() -> None:
    encoder = helpers.Counting()
    bench = EncoderBench(encoder, TASK)
    texts = ["b", "a", "b", "b", "a", ""]
    assert np.array_equal(bench.embed(texts, role=Role.TEXT), right(texts))
    assert sorted(encoder.texts) == ["", "a", "b"]


def test_old_and_new_vectors_come_in_the_order_of_the_texts() -> None:
    texts = [f"text {number}" * (number % 7) for number in range(300)]
    shuffled = random.Random(0).sample(texts, k=len(texts))
    embed(helpers.Counting(), shuffled[::3])
    encoder = helpers.Counting()
    vectors, bench = embed(encoder, texts)
    assert np.array_equal(vectors, right(texts))
    assert bench.tally.cached + len(encoder.texts) == len(set(texts))
    assert not set(encoder.texts) & set(shuffled[::3])


def test_no_texts_at_all() -> None:
    assert embed(helpers.Counting(), [])[0].shape[0] == 0


@pytest.mark.parametrize("text", ["", " ", "a\x00b", "ü" * 10_000, "\ud83d", "\U0001f600", "a\u0301", "á"])
def test_any_text_has_an_entry_of_its_own(text: str) -> None:
    others = ["a", "b", "", " ", "á", "a\u0301"]
    embed(helpers.Counting(), [*others, text])
    again = helpers.Counting()
    assert np.array_equal(embed(again, [text, *others])[0], right([text, *others]))
    assert again.calls == 0


# -- what keeps entries apart ----------------------------------------------------------------------------------------


def test_two_encoders_that_differ_in_their_fingerprint_alone_never_share() -> None:
    embed(helpers.Counting(fingerprint="a", dimension=8), ["x"])
    vectors, bench = embed(helpers.Counting(fingerprint="b", dimension=16), ["x"])
    assert vectors.shape == (1, 16)
    assert bench.tally.cached == 0


def test_an_encoder_under_another_name_shares() -> None:
    embed(helpers.Counting(name="a"), ["x"])
    assert embed(helpers.Counting(name="b"), ["x"])[1].tally.cached == 1


def test_fingerprint_variant_and_text_cannot_run_into_each_other() -> None:
    open_cache = EmbeddingCache()
    parts = [("ab", "c", "d"), ("a", "bc", "d"), ("a", "b", "cd"), ("abc", "", "d"), ("", "abc", "d"), ("abcd", "", "")]
    keys = {open_cache.of("n", fingerprint, variant).key(text) for fingerprint, variant, text in parts}
    assert len(keys) == len(parts)


def test_a_prompt_for_each_role_keeps_roles_apart_and_joins_tasks() -> None:
    for role in Role:
        vectors, bench = embed(helpers.Prompted(), ["x"], role)
        assert np.array_equal(vectors, right([f"{role}: x"]))
        assert bench.tally.cached == 0
        vectors, bench = embed(helpers.Prompted(), ["x"], role, TaskInfo("Other", "Retrieval"))
        assert np.array_equal(vectors, right([f"{role}: x"]))
        assert bench.tally.encoded == 0


def test_without_variant_role_and_task_keep_entries_apart() -> None:
    for role in Role:
        for name in ("A", "B"):
            for repeat in range(2):
                vectors, bench = embed(helpers.Secretive(), ["x"], role, TaskInfo(name, "STS"))
                assert np.array_equal(vectors, right([f"{role}/{name}: x"]))
                assert bench.tally.cached == repeat


def test_an_encoder_without_fingerprint_is_never_cached() -> None:
    for _ in range(2):
        assert embed(helpers.Counting(fingerprint=None), ["x"])[1].tally.encoded == 1
    assert EmbeddingCache().entries() == []


def test_no_cache_reads_and_writes_nothing(tmp_path: Path, folder: Path) -> None:
    evalkit.evaluate(helpers.Counting(), helpers.sts(tmp_path / "S"), cache=False)
    assert not folder.exists()


# -- what it holds ---------------------------------------------------------------------------------------------------


def test_entries_remove_and_clear(folder: Path) -> None:
    started = time.time()
    embed(helpers.Counting(name="first", fingerprint="1"), [f"text {i}" for i in range(30)])
    embed(helpers.Counting(name="second", fingerprint="2", dimension=8), ["a", "b", "c"])
    embed(helpers.Prompted(name="third", fingerprint="3"), ["a"], Role.QUERY)
    embed(helpers.Prompted(name="third", fingerprint="3"), ["a"], Role.DOCUMENT)
    opened = EmbeddingCache()
    held = {entry.name: entry for entry in opened.entries()}
    assert [entry.name for entry in opened.entries()] == ["third", "second", "first"]
    assert {name: (entry.vectors, entry.size) for name, entry in held.items()} == {
        "first": (30, 30 * 16 * 4),
        "second": (3, 3 * 8 * 4),
        "third": (2, 2 * 16 * 4),
    }
    assert all(started <= entry.used <= time.time() for entry in held.values())
    assert opened.size_on_disk() > 0

    assert opened.remove(["1", "unknown"]) == 30
    assert [entry.name for entry in opened.entries()] == ["third", "second"]
    assert embed(helpers.Counting(fingerprint="2", dimension=8), ["a", "b", "c"])[1].tally.cached == 3
    assert embed(helpers.Counting(fingerprint="1"), ["text 1"])[1].tally.cached == 0

    del opened
    EmbeddingCache().clear()
    assert not (folder / "embeddings.lmdb").exists()
    assert EmbeddingCache().entries() == []
    clear_cache()
    clear_cache()  # of nothing


def test_an_encoder_that_is_used_again_counts_as_used_now() -> None:
    embed(helpers.Counting(name="a", fingerprint="1"), ["x"])
    embed(helpers.Counting(name="b", fingerprint="2"), ["x"])
    embed(helpers.Counting(name="a", fingerprint="1"), ["x"])
    assert [entry.name for entry in EmbeddingCache().entries()] == ["a", "b"]


def test_a_relative_folder_is_the_folder_where_it_was_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALKIT_CACHE", "here")
    monkeypatch.chdir(tmp_path)
    embed(helpers.Counting(), ["x"])
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    assert embed(helpers.Counting(), ["x"])[1].tally.cached == 0
    monkeypatch.chdir(tmp_path)
    first = EmbeddingCache()
    monkeypatch.setenv("EVALKIT_CACHE", str(tmp_path / "here"))
    assert EmbeddingCache()._env is first._env


# -- growth ----------------------------------------------------------------------------------------------------------

FILL = """
import sys
import helpers, numpy as np
from evalkit.embedding import EmbeddingCache, cache
cache._FIRST_MAP_SIZE = 1 << 16
mine, n = sys.argv[1], int(sys.argv[2])
opened = EmbeddingCache()
for start in range(0, n, 50):
    entries = opened.of("filler", mine, "")
    texts = [f"{mine} {i}" for i in range(start, start + 50)]
    entries.put([entries.key(text) for text in texts], np.stack([helpers.vector(text, 64) for text in texts]))
"""


def start(program: str, *arguments: Any, folder: Path) -> subprocess.Popen[str]:
    """A Python process that can import `helpers` and has this cache."""
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    environment = helpers.environment(EVALKIT_CACHE=folder, PYTHONPATH=path)
    given = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(given, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def python(program: str, *arguments: Any, folder: Path) -> subprocess.CompletedProcess[str]:
    process = start(program, *arguments, folder=folder)
    stdout, stderr = process.communicate(timeout=60)
    return subprocess.CompletedProcess(program, process.returncode, stdout, stderr)


def fill(folder: Path, fingerprint: str, n: int) -> subprocess.Popen[str]:
    return start(FILL, fingerprint, n, folder=folder)


def check(fingerprint: str, n: int) -> None:
    entries = EmbeddingCache().of("filler", fingerprint, "")
    texts = [f"{fingerprint} {i}" for i in range(n)]
    stored = entries.get([entries.key(text) for text in texts])
    assert None not in stored
    assert b"".join(value for value in stored if value) == right(texts, 64).tobytes()


def test_it_grows_beyond_its_first_size(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_FIRST_MAP_SIZE", 1 << 16)
    texts = [f"text {number}" for number in range(3000)]
    embed(helpers.Counting(), texts)
    vectors, bench = embed(helpers.Counting(), texts)
    assert np.array_equal(vectors, right(texts))
    assert bench.tally.encoded == 0
    assert (folder / "embeddings.lmdb" / "data.mdb").stat().st_size > 1 << 16
    assert EmbeddingCache().remove([helpers.FINGERPRINT]) == 3000


def test_growth_by_another_process_is_noticed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_FIRST_MAP_SIZE", 1 << 16)
    opened = EmbeddingCache()
    mine = opened.of("me", "mine", "")
    mine.put([mine.key("x")], right(["x"]))
    for other in ("reading", "writing"):
        process = fill(folder, other, 1000)
        assert process.wait() == 0, process.stderr
        if other == "writing":
            mine.put([mine.key("y")], right(["y"]))
        assert mine.get([mine.key("x")]) == [helpers.vector("x").tobytes()]
        check(other, 1000)
    assert mine.get([mine.key("y")]) == [helpers.vector("y").tobytes()]


# -- several processes, and sudden ends ------------------------------------------------------------------------------


@pytest.mark.slow
def test_processes_that_write_at_once_lose_nothing(folder: Path) -> None:
    processes = [fill(folder, f"process {number % 2}", 2000) for number in range(4)]
    for process in processes:
        assert process.wait() == 0, process.stderr and process.stderr.read()
    check("process 0", 2000)
    check("process 1", 2000)


@pytest.mark.slow
def test_a_process_that_is_killed_while_it_writes_leaves_right_vectors(folder: Path) -> None:
    generator = random.Random(0)
    opened = EmbeddingCache()
    for attempt in range(5):
        process = fill(folder, f"killed {attempt}", 1_000_000)
        deadline = time.monotonic() + 20
        while not any(entry.vectors for entry in opened.entries() if entry.fingerprint == f"killed {attempt}"):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(generator.random() * 0.3)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        counts = {entry.fingerprint: entry.vectors for entry in opened.entries()}
        written = counts[f"killed {attempt}"]
        assert written % 50 == 0  # a batch is there or it is not
        check(f"killed {attempt}", written)
    embed(helpers.Counting(), ["still", "works"])
    assert embed(helpers.Counting(), ["still", "works"])[1].tally.cached == 2


@pytest.mark.slow
def test_two_runs_at_once_on_one_cache_and_one_output_both_succeed(tmp_path: Path, folder: Path) -> None:
    for number in range(6):
        helpers.sts(tmp_path / "data" / f"T{number}", n=20)
    gates = [tmp_path / "gate 1", tmp_path / "gate 2"]
    for gate in gates:
        os.mkfifo(gate)
    wait = "import sys; open(sys.argv.pop(1)).read(); from evalkit.cli import main; sys.exit(main())"
    arguments = ["run", "-m", helpers.spec(), "--data", str(tmp_path / "data"), "--json", "--quiet"]
    environment = helpers.environment(TEST_SECONDS=0.05)
    pair = [
        subprocess.Popen(
            [sys.executable, "-c", wait, str(gate), *arguments, "-o", str(tmp_path / "out")],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for gate in gates
    ]
    opened = [gate.open("w") for gate in gates]  # each waits until its process reads
    for stream in opened:
        stream.close()  # both start now
    outputs = [process.communicate(timeout=60) for process in pair]
    assert [process.returncode for process in pair] == [0, 0], outputs
    alone = helpers.run_cli(*arguments, "-o", tmp_path / "alone", EVALKIT_CACHE=tmp_path / "other")
    assert alone.returncode == 0
    expected = helpers.cells(evalkit.load_results(tmp_path / "alone"))
    together = evalkit.load_results(tmp_path / "out")
    assert helpers.cells(together) == expected
    assert not together.failures
    assert len(helpers.files(tmp_path / "out")) == 6
    for stdout, _ in outputs:
        assert len(json.loads(stdout)["results"]) == 6


def _in_a_fork(texts: list[str], out: Any) -> None:
    try:
        opened = EmbeddingCache()
    except StoreError:  # LMDB does not open in a process what its parent has open
        opened = None
    out.put(EncoderBench(helpers.Counting(), TASK, cache=opened).embed(texts, role=Role.TEXT))


def test_a_forked_process_goes_on_with_or_without_the_cache() -> None:
    texts = ["a", "b"]
    opened = EmbeddingCache()
    embed(helpers.Counting(), texts)
    context = multiprocessing.get_context("fork")
    out = context.SimpleQueue()
    process = context.Process(target=_in_a_fork, args=(texts, out))
    process.start()
    assert np.array_equal(out.get(), right(texts))
    process.join()
    assert process.exitcode == 0
    assert opened.entries()[0].vectors == 2


# -- a cache that cannot be used ---------------------------------------------------------------------------------------


def noted(tmp_path: Path) -> str:
    """The one note of a run whose result is right."""
    folder = helpers.sts(tmp_path / "S")
    results = evalkit.evaluate(helpers.Counting(), folder)
    assert helpers.cells(results) == helpers.cells(evalkit.evaluate(helpers.Counting(), folder, cache=False))
    [note] = results[0].warnings
    assert helpers.is_a_sentence(note)
    assert note.endswith("The run went on without a cache.")
    assert results[0].timing.texts_encoded == 19
    return note


@pytest.mark.parametrize("place", ["file", "below a file", "/proc/evalkit"])
def test_a_folder_that_cannot_be_written_is_a_note(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    path = {"file": tmp_path / "file", "below a file": tmp_path / "file" / "cache"}.get(place, Path(place))
    monkeypatch.setenv("EVALKIT_CACHE", str(path))
    note = noted(tmp_path)
    assert f"Cannot open the embedding cache {path}" in note
    assert "set EVALKIT_CACHE" in note


@pytest.mark.parametrize("start", [0, 4096, 8192])
def test_random_bytes_in_its_pages_are_a_note(start: int, tmp_path: Path, folder: Path) -> None:
    assert fill(folder, helpers.FINGERPRINT, 2000).wait() == 0
    with (folder / "embeddings.lmdb" / "data.mdb").open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(start)
        file.write(random.Random(1).randbytes(size - start))
    assert "damaged: `evalkit cache clear` removes it" in noted(tmp_path)
    clear_cache()
    assert EmbeddingCache().entries() == []


DAMAGED = """
import evalkit, helpers, pathlib, sys
[result] = evalkit.evaluate(helpers.Counting(), pathlib.Path(sys.argv[1]))
print(result.main_score.value, *result.warnings)
"""


@pytest.mark.slow
def test_a_page_that_was_lost_gives_no_wrong_vector_and_no_traceback(tmp_path: Path, folder: Path) -> None:
    task = helpers.sts(tmp_path / "S", n=200)
    [expected] = evalkit.evaluate(helpers.Counting(), task)
    data = folder / "embeddings.lmdb" / "data.mdb"
    whole = data.read_bytes()
    for start in random.Random(0).sample(range(0, len(whole), 4096), k=6):
        data.write_bytes(whole[:start] + bytes(4096) + whole[start + 4096 :])
        done = python(DAMAGED, task, folder=folder)
        assert done.returncode == 0, (start, done.stderr)
        assert float(done.stdout.split()[0]) == expected.main_score.value


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_a_file_that_was_cut_short_is_a_note(share: float, tmp_path: Path, folder: Path) -> None:
    task = helpers.sts(tmp_path / "S", n=300)
    [expected] = evalkit.evaluate(helpers.Counting(), task)
    data = folder / "embeddings.lmdb" / "data.mdb"
    os.truncate(data, int(data.stat().st_size * share))
    # In a process of its own: to read beyond the end of the file would kill it.
    done = python(DAMAGED, task, folder=folder)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[0]) == expected.main_score.value
    assert ("damaged: `evalkit cache clear` removes it" in done.stdout) == (share > 0)  # an empty file is a new cache


def _fuzzed(seed: int) -> tuple[EmbeddingCache, list[str]]:
    """A cache after a random sequence of runs and removals, and what must be in it."""
    generator, opened, live = random.Random(seed), EmbeddingCache(), []
    for step in range(generator.randrange(2, 8)):
        if opened._held._missing() > 0:
            break
        if live and generator.random() < 0.4:
            opened.remove([live.pop(generator.randrange(len(live)))])
            continue
        live.append(f"{seed}-{step}")
        entries = opened.of("x", live[-1], "")
        dimension, n = generator.choice([8, 64, 256, 384, 768, 1024]), generator.randrange(1, 600)
        for _ in range(generator.randrange(1, 3)):
            entries.put(
                [entries.key(str(generator.random())) for _ in range(n)], np.ones((n, dimension), dtype=np.float32)
            )
    return opened, live


@pytest.mark.parametrize("seed", [24, 99, 3])
def test_a_cache_is_not_called_damaged_after_a_removal(
    seed: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(cache._Environment, "make_whole", lambda self: None)
        assert (_fuzzed(seed)[0]._held._missing() > 0) == (seed != 3)  # what LMDB leaves behind
    clear_cache()
    opened, live = _fuzzed(seed)
    held = {entry.fingerprint: entry.vectors for entry in opened.entries()}
    assert sorted(held) == sorted(live)
    del opened
    again = EmbeddingCache()
    assert {entry.fingerprint: entry.vectors for entry in again.entries()} == held
    assert again._held._missing() <= 0


def test_an_encoder_keeps_every_name_that_it_was_used_by() -> None:
    opened = EmbeddingCache()
    for name in ("a", "b", "a"):
        opened.of(name, "f", "")
    [entry] = opened.entries()
    assert entry.name == "a"
    assert entry.names == ("a", "b")


def test_a_vector_whose_bytes_have_changed_on_the_disk_is_encoded_again(folder: Path) -> None:
    embed(helpers.Counting(), ["a", "b", "c"])
    data = folder / "embeddings.lmdb" / "data.mdb"
    raw = data.read_bytes()
    assert raw.count(helpers.vector("b").tobytes()) >= 1
    data.write_bytes(raw.replace(helpers.vector("b").tobytes(), helpers.vector("x").tobytes()))
    encoder = helpers.Counting()
    assert np.array_equal(embed(encoder, ["a", "b", "c"])[0], right(["a", "b", "c"]))
    assert encoder.texts == ["b"]
    assert embed(helpers.Counting(), ["a", "b", "c"])[1].tally.encoded == 0


def test_a_file_that_is_no_cache_is_a_note_and_can_be_cleared(tmp_path: Path, folder: Path) -> None:
    (folder / "embeddings.lmdb").mkdir(parents=True)
    (folder / "embeddings.lmdb" / "data.mdb").write_bytes(b"x" * 50_000)
    assert "damaged" in noted(tmp_path)
    clear_cache()
    embed(helpers.Counting(), ["x"])
    assert embed(helpers.Counting(), ["x"])[1].tally.cached == 1


def test_a_cache_that_fails_in_the_middle_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise StoreError("Cannot write the embedding cache: disk full.", hint="Make room.")

    for method in ("of", "get", "put"):
        with monkeypatch.context() as patch:
            patch.setattr(EmbeddingCache, method, fail)
            assert "disk full. Make room." in noted(tmp_path)


@pytest.mark.slow
def test_a_full_disk_is_a_note(tmp_path: Path, folder: Path) -> None:
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no right to mount a small file system")
    try:
        task = helpers.sts(tmp_path / "S", n=3000)
        done = helpers.run_cli("run", "-m", helpers.spec(), "--data", task, "-o", tmp_path / "out")
        assert done.returncode == 0, done.stderr
        assert "Cannot write the embedding cache" in done.stderr
        assert "Make room" in done.stderr
        assert "went on without a cache" in done.stderr
        assert len(evalkit.load_results(tmp_path / "out")) == 1
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_missing_home_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless(self: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("EVALKIT_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "expanduser", homeless)
    assert "home" in noted(tmp_path)


def test_the_cache_folder_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVALKIT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.cache_folder() == tmp_path / "evalkit"
    shutil.rmtree(tmp_path)
