"""The command line as users meet it, in a folder of its own: each command as a process, its details in this one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import helpers
import pytest

from evalkit._version import __version__

Evalkit: TypeAlias = Callable[..., "subprocess.CompletedProcess[str]"]

WORDS = ("river", "engine", "bread", "chess", "weather", "music")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working folder with two tiny tasks in `data`."""
    write_sts(tmp_path / "data" / "TinySTS")
    write_retrieval(tmp_path / "data" / "TinyRetrieval")
    return tmp_path


@pytest.fixture
def evalkit(folder: Path) -> Evalkit:
    """Runs a command in the working folder, within this process, and checks its exit code."""

    def call(*arguments: str | Path, code: int = 0, given: str = "") -> subprocess.CompletedProcess[str]:
        done = helpers.call_cli(*arguments, cwd=folder, given=given)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return call


@pytest.fixture
def process(folder: Path) -> Evalkit:
    """Runs a command as a process that starts in the working folder, and checks its exit code."""

    def call(*arguments: str | Path, code: int = 0, given: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "evalkit", *map(str, arguments)]
        done = subprocess.run(
            command, cwd=folder, input=given, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return call


def write_jsonl(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_sts(path: Path, n: int = 12) -> None:
    """Pairs that share words the more, the higher their score."""
    pairs = [(f"the {WORDS[row % 6]} number {row}", f"a {WORDS[row * row % 6]} {row}") for row in range(n)]
    rows = [{"sentence1": a, "sentence2": b, "score": row % 5} for row, (a, b) in enumerate(pairs)]
    write_jsonl(path / "test.jsonl", rows)
    (path / "task.toml").write_text('name = "TinySTS"\ntype = "STS"\nlanguages = ["eng-Latn"]\n')


def write_retrieval(path: Path) -> None:
    """A document a word, and a query for each."""
    write_jsonl(
        path / "corpus.jsonl", [{"_id": f"d{i}", "title": "", "text": f"about {w}"} for i, w in enumerate(WORDS)]
    )
    write_jsonl(path / "queries.jsonl", [{"_id": f"q{i}", "text": f"tell {w}"} for i, w in enumerate(WORDS)])
    lines = ["query-id\tcorpus-id\tscore", *(f"q{i}\td{i}\t1" for i in range(len(WORDS)))]
    (path / "qrels").mkdir()
    (path / "qrels" / "test.tsv").write_text("\n".join(lines) + "\n")
    (path / "task.toml").write_text('name = "TinyRetrieval"\ntype = "Retrieval"\nlanguages = ["eng-Latn"]\n')


RUN = ("run", "-m", "hashing", "-m", "bm25", "--data", "data")


# -- help and usage ------------------------------------------------------------------------------------------------


def test_help_names_every_command(process: Evalkit) -> None:
    text = process("--help").stdout
    for command in ("run", "leaderboard", "show", "list", "cache", "demo", "doctor"):
        assert f"\n  {command} " in text
    assert "cannot be loaded" not in text


def test_version(process: Evalkit) -> None:
    assert process("--version").stdout == f"evalkit {__version__}\n"


def test_it_runs_beside_a_tasks_and_a_leaderboard_of_the_user(folder: Path, process: Evalkit) -> None:
    for name in ("tasks", "leaderboard", "data_", "cli", "adapters"):
        (folder / f"{name}.py").write_text("raise RuntimeError('the wrong module')\n")
    process("--help")
    process("run", "-m", "bm25", "--data", "data", "-q")
    assert "bm25" in process("leaderboard").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "-m", "hashign", "-t", "TinySTS", "--data", "data"], "Did you mean hashing?"),
        (["run", "-m", "hashing", "-t", "TinySST", "--data", "data"], "Did you mean TinySTS?"),
        (["run", "-m", "hashing", "--suite", "quik"], "Did you mean quick?"),
        (["run", "-m", "hashing", "--data", "nowhere"], "nowhere is no folder"),
        (["run", "-m", "hashing:dmi=8", "-t", "QuickSTS"], "dmi"),
        (["run", "-m", "bm25", "-t", "TinySTS", "--data", "data"], "bm25 has no vectors"),
        (["run", "-t", "TinySTS"], "--encoder"),
        (["leaderbord"], "leaderboard"),
        (["leaderboard", "nowhere"], "nowhere does not exist"),
        (["show", "nowhere.json"], "nowhere.json does not exist"),
        (["cache", "prune"], "--older-than"),
    ],
)
def test_usage_errors_are_a_sentence_and_exit_2(evalkit: Evalkit, arguments: list[str], said: str) -> None:
    done = evalkit(*arguments, code=2)
    assert said in done.stderr
    assert not done.stdout


# -- run -----------------------------------------------------------------------------------------------------------


def test_run_then_run_again(folder: Path, evalkit: Evalkit, process: Evalkit) -> None:
    first = process(*RUN)
    assert "cosine_spearman" in first.stdout
    assert "Encoded 36 texts, 0 from the cache." in first.stdout
    assert "hashing on TinySTS: cosine_spearman" in first.stderr
    assert "Left out TinySTS: bm25 has no vectors." in first.stderr
    written = sorted((folder / "results").rglob("*.json"))
    assert [path.name for path in written].count("TinyRetrieval.json") == 2

    second = process(*RUN, "--quiet")
    assert "Encoded nothing; 3 results were finished already." in second.stdout
    assert first.stdout.splitlines()[:5] == second.stdout.splitlines()[:5]

    forced = process(*RUN, "--force", "--quiet")
    assert "Encoded nothing, 36 from the cache." in forced.stdout
    assert "Encoded 36 texts" in evalkit(*RUN, "--force", "--no-cache", "-q").stdout


def test_quiet_is_silent_when_nothing_is_amiss(process: Evalkit) -> None:
    assert not process("run", "-m", "hashing", "-t", "TinySTS", "--data", "data", "-q").stderr


def test_run_json(folder: Path, evalkit: Evalkit) -> None:
    record = json.loads(evalkit(*RUN, "--json").stdout)
    assert (record["encoded"], record["cached"], record["failures"]) == (36, 0, [])
    assert [(each["encoder"], each["task"], each["skipped"]) for each in record["results"]] == [
        ("hashing", "TinyRetrieval", False),
        ("hashing", "TinySTS", False),
        ("bm25", "TinyRetrieval", False),
    ]
    for each in record["results"]:
        assert json.loads((folder / each["path"]).read_text())["main_score"]["value"] == each["value"]
    assert all(each["skipped"] for each in json.loads(evalkit(*RUN, "--json").stdout)["results"])


def test_a_failing_encoder_costs_only_its_own_cells(folder: Path, evalkit: Evalkit, process: Evalkit) -> None:
    (folder / "broken.py").write_text("def encode(texts):\n    raise RuntimeError('out of coal')\n")
    done = process("run", "-m", "python:broken.py:encode", "-m", "bm25", "--data", "data", code=1)
    assert "out of coal" in done.stderr
    assert "bm25" in done.stdout
    record = json.loads(evalkit("run", "-m", "python:broken.py:encode", "--data", "data", "--json", code=1).stdout)
    assert record["results"] == []
    assert {failure["task"] for failure in record["failures"]} == {"TinySTS", "TinyRetrieval"}


def test_broken_data_name_file_and_line_and_the_other_task_goes_on(folder: Path, process: Evalkit) -> None:
    with (folder / "data" / "TinySTS" / "test.jsonl").open("a") as stream:
        stream.write("{not json\n")
    done = process("run", "-m", "hashing", "--data", "data", code=2)
    assert "test.jsonl" in done.stderr
    assert "13" in done.stderr
    assert "TinyRetrieval" in done.stdout


def test_a_folder_that_cannot_be_written_is_a_sentence(folder: Path, evalkit: Evalkit) -> None:
    (folder / "file").write_text("")
    assert "Cannot write results" in evalkit(*RUN, "-o", "file", code=2).stderr


def test_interrupt_keeps_what_is_finished(folder: Path) -> None:
    (folder / "slow.py").write_text(
        "import time, numpy as np\n"
        "def encode(texts):\n"
        "    if any('number' in text for text in texts):\n"
        "        open('waiting', 'w').close()\n"
        "        time.sleep(60)\n"
        "    return np.random.default_rng(0).standard_normal((len(texts), 4))\n"
    )
    tasks = ("-t", "TinyRetrieval", "-t", "TinySTS", "--data", "data")
    command = [sys.executable, "-m", "evalkit", "run", "-m", "python:slow.py:encode", *tasks]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (folder / "waiting").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    sentence = "Interrupted; 1 finished result is kept in results: run the same command again to go on."
    assert said.splitlines()[-1] == sentence
    assert [path.name for path in (folder / "results").rglob("Tiny*")] == ["TinyRetrieval.json"]


def test_a_reader_that_leaves_is_no_error(evalkit: Evalkit, folder: Path) -> None:
    evalkit(*RUN, "-q")
    read, write = os.pipe()
    os.close(read)
    try:
        command = [sys.executable, "-m", "evalkit", "leaderboard", "--json"]
        done = subprocess.run(command, cwd=folder, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(write)
    assert not done.stderr


# -- leaderboard and show ------------------------------------------------------------------------------------------


def test_leaderboard_table_and_json(folder: Path, evalkit: Evalkit, process: Evalkit) -> None:
    evalkit(*RUN, "-m", "random", "-q")
    done = process("leaderboard")
    header, _, *rows = done.stdout.splitlines()
    assert header.split("  ")[0] == "encoder"
    assert {row.split()[0] for row in rows[:3]} == {"hashing", "random", "bm25"}
    assert rows[2].split()[0] == "bm25"  # it lacks TinySTS
    assert "—" in rows[2]
    assert "mteb's rule" in done.stdout

    record = json.loads(evalkit("leaderboard", "--json").stdout)
    bm25 = record["encoders"][2]
    assert (bm25["name"], bm25["mean"], bm25["scores"]["TinySTS"]) == ("bm25", None, None)
    assert [task["type"] for task in record["tasks"]] == ["Retrieval", "STS"]

    only = json.loads(evalkit("leaderboard", "--tasks", "*retrieval", "--encoders", "bm25", "--json").stdout)
    assert only["encoders"][0]["mean"] == only["encoders"][0]["scores"]["TinyRetrieval"]
    assert evalkit("leaderboard", "--format", "markdown").stdout.startswith("| encoder |")
    header = evalkit("leaderboard", "--format", "csv").stdout.splitlines()[0].split(",")
    assert {"encoder", "mean", "mean of types", "TinySTS"} <= set(header)


def test_leaderboard_refuses_mixed_data_and_lists_what_it_cannot_read(folder: Path, evalkit: Evalkit) -> None:
    evalkit("run", "-m", "hashing", "-t", "TinySTS", "--data", "data", "-q")
    (folder / "results" / "hashing" / "junk.json").write_text("{}")
    listed = evalkit("leaderboard")
    assert "junk.json is no evalkit result" in listed.stderr
    assert json.loads(evalkit("leaderboard", "--json").stdout)["unreadable"][0]["path"].endswith("junk.json")

    write_sts(folder / "data" / "TinySTS", n=15)
    evalkit("run", "-m", "random", "-t", "TinySTS", "--data", "data", "-q")
    refused = evalkit("leaderboard", code=2).stderr
    assert "results/hashing/" in refused
    assert "results/random/" in refused


def test_show(folder: Path, evalkit: Evalkit, process: Evalkit) -> None:
    evalkit("run", "-m", "hashing", "--data", "data", "-q")
    path = next((folder / "results").rglob("TinyRetrieval.json"))
    page = process("show", path).stdout
    for expected in ("ndcg_at_10", "fingerprint", "protocol", "hashing", "evalkit 0."):
        assert expected in page
    assert json.loads(evalkit("show", path, "--json").stdout) == json.loads(path.read_text())

    header, *rows = evalkit("show", path, "--units", "ndcg_at_10").stdout.splitlines()
    assert header.split("\t") == ["split", "subset", "query", "ndcg_at_10"]
    values = [float(row.split("\t")[3]) for row in rows]
    assert sum(values) / 6 == pytest.approx(json.loads(path.read_text())["main_score"]["value"], abs=1e-12)
    units = json.loads(evalkit("show", path, "--units", "ndcg_at_10", "--json").stdout)
    assert [unit["ndcg_at_10"] for unit in units] == values
    assert "Did you mean ndcg_at_10" in evalkit("show", path, "--units", "ndcg_at10", code=2).stderr


# -- list, cache, doctor, plugins ----------------------------------------------------------------------------------


def test_list(evalkit: Evalkit, process: Evalkit) -> None:
    tasks = {row["task"]: row for row in json.loads(evalkit("list", "tasks", "--data", "data", "--json").stdout)}
    assert tasks["TinySTS"]["type"] == "STS"
    assert tasks["QuickSTS"]["type"] == "STS"
    assert "TinySTS" in process("list", "tasks", "--data", "data").stdout
    encoders = {row["encoder"]: row for row in json.loads(evalkit("list", "encoders", "--json").stdout)}
    assert {"bm25", "hashing", "random", "st", "model2vec", "wordllama", "precomputed", "python"} <= set(encoders)
    suites = {row["suite"]: row["tasks"] for row in json.loads(evalkit("list", "suites", "--json").stdout)}
    assert len(suites["quick"]) == 5


def test_list_plugins_has_everything_that_is_registered(evalkit: Evalkit) -> None:
    rows = json.loads(evalkit("list", "plugins", "--json").stdout)
    found = {(row["kind"], row["name"]) for row in rows if row["state"] == "ok"}
    assert {("encoder", "bm25"), ("task type", "STS"), ("collection", "builtin"), ("command", "leaderboard")} <= found


def test_a_broken_command_harms_only_who_asks_for_it(folder: Path, process: Evalkit) -> None:
    # `python -m` looks into the working folder first: a distribution there is as good as installed.
    info = folder / "bad_plugin-3.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bad-plugin\nVersion: 3.1\n")
    (info / "entry_points.txt").write_text("[evalkit.commands]\nworse = bad_plugin_module:command\n")
    assert "(cannot be loaded)" in process("--help").stdout
    process("list", "suites")
    listed = process("list", "plugins")
    assert "bad-plugin 3.1 is broken" in listed.stderr
    asked = process("worse", "--whatever", "x", code=2)
    assert "bad-plugin 3.1" in asked.stderr


def test_plugin_file(folder: Path, process: Evalkit) -> None:
    (folder / "mine.py").write_text(
        "from evalkit.adapters.random import RandomEncoder\n"
        "def register(plugins):\n"
        "    plugins.add_encoder('mine', lambda argument, options: RandomEncoder('mine', seed=9))\n"
    )
    done = process("run", "-m", "mine", "-t", "TinySTS", "--data", "data", "--plugin", "mine.py", "-q")
    assert "mine" in done.stdout


def test_cache_info_prune_clear(evalkit: Evalkit, process: Evalkit) -> None:
    empty = json.loads(process("cache", "info", "--json").stdout)
    assert (empty["encoders"], empty["bytes_on_disk"]) == ([], 0)
    evalkit("run", "-m", "hashing", "-m", "random", "-t", "TinySTS", "--data", "data", "-q")
    info = json.loads(evalkit("cache", "info", "--json").stdout)
    assert {entry["name"]: entry["vectors"] for entry in info["encoders"]} == {"hashing": 24, "random": 24}
    assert "48 vectors" in evalkit("cache", "info").stdout

    assert json.loads(evalkit("cache", "prune", "--older-than", "1", "--json").stdout)["removed"] == 0
    assert json.loads(evalkit("cache", "prune", "--encoder", "hash*", "--json").stdout)["removed"] == 24
    assert "24 vectors" in evalkit("cache", "info").stdout

    process("cache", "clear", given="n\n", code=1)
    assert "24 vectors" in evalkit("cache", "info").stdout
    process("cache", "clear", "--yes")
    assert json.loads(evalkit("cache", "info", "--json").stdout)["encoders"] == []


def test_task_folders_that_were_made_are_shown_and_cleared_by_themselves(evalkit: Evalkit) -> None:
    evalkit("run", "-m", "pixels", "-t", "PictureCount", "-q")
    info = json.loads(evalkit("cache", "info", "--json").stdout)
    assert list(info["tasks"]) == ["PictureCount"]
    assert info["tasks"]["PictureCount"] > 0
    assert "1 task folder generated or fetched" in evalkit("cache", "info").stdout
    evalkit("cache", "clear", "--yes")
    assert json.loads(evalkit("cache", "info", "--json").stdout)["tasks"] == info["tasks"]
    evalkit("cache", "clear", "--tasks", "--yes")
    assert json.loads(evalkit("cache", "info", "--json").stdout)["tasks"] == {}
    assert evalkit("cache", "clear", "--tasks", "--yes").stdout == "The cache is empty.\n"


def test_doctor(evalkit: Evalkit, process: Evalkit) -> None:
    report = json.loads(process("doctor", "--json").stdout)
    assert report["evalkit"] == __version__
    assert report["packages"]["numpy"]
    assert report["devices"][0] == "cpu"
    assert report["workers"] >= 1
    assert report["cache"]["writable"]
    assert set(report["extras"]) >= {"demo", "sentence-transformers", "model2vec"}
    assert "devices" in evalkit("doctor").stdout


def test_demo(folder: Path, evalkit: Evalkit, process: Evalkit) -> None:
    pytest.importorskip("wordllama")
    done = process("demo", "-q")
    order = [line.split()[0] for line in done.stdout.splitlines() if line.split()]
    ranked = [name for name in order if name in {"wordllama", "hashing", "random", "bm25"}]
    assert ranked == ["wordllama", "hashing", "random", "bm25"]
    assert (folder / "evalkit-demo" / "bm25").is_dir()
    assert "Encoded nothing" in evalkit("demo", "-q").stdout


def test_the_default_batch_size_is_the_library_s() -> None:
    from evalkit.cli.options import BATCH_SIZE
    from evalkit.config import DEFAULT_BATCH_SIZE

    assert BATCH_SIZE == DEFAULT_BATCH_SIZE
