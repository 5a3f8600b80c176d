"""Suites of mteb, the folders that its tasks become, folders that stand in, mistakes, and being offline."""

from __future__ import annotations

import json
import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from helpers import Counting, call_cli, is_a_sentence, sts

import evalkit
from evalkit.errors import EvalkitError
from evalkit.plugins import Plugins
from evalkit.protocols import TaskChoice

pytest.importorskip("mteb", reason="mteb is not installed (extra mteb)")

from mteb.mocks import mock_tasks
from mteb_mocks import catalogued, run

from evalkit_tasks.mteb import SOURCE
from evalkit_tasks.mteb.files import toml_lines

pytestmark = pytest.mark.filterwarnings("ignore")

# -- folders -----------------------------------------------------------------------------------------------------


def test_a_task_is_written_once(monkeypatch: pytest.MonkeyPatch) -> None:
    loads = []
    own = mock_tasks.MockSTSTask.load_data
    monkeypatch.setattr(mock_tasks.MockSTSTask, "load_data", lambda self, **more: (loads.append(1), own(self, **more)))
    with catalogued(mock_tasks.MockSTSTask):
        first, second = run("MockSTSTask"), run("MockSTSTask")
    assert loads == [1]
    assert first.task.fingerprint == second.task.fingerprint


def test_the_folder_is_whole_or_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EVALKIT_CACHE", str(tmp_path))
    monkeypatch.setattr("evalkit_tasks.mteb.export.task_toml", lambda *args: 1 / 0)
    with catalogued(mock_tasks.MockSTSTask), pytest.raises(EvalkitError):
        run("MockSTSTask")
    assert not [path for path in (tmp_path / "tasks").rglob("*") if path.is_file()]


def test_the_folder_holds_exactly_the_chosen_cells(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EVALKIT_CACHE", str(tmp_path))
    kind = mock_tasks.MockMultilingualSTSTask
    with catalogued(kind):
        chosen = SOURCE.task(TaskChoice(kind.metadata.name, subsets=("fra",)), Plugins.installed())
        whole = SOURCE.task(TaskChoice(kind.metadata.name), Plugins.installed())
    assert [(cell.subset, cell.languages) for cell in chosen.cells()] == [("fra", ("fra-Latn",))]
    assert {cell.subset for cell in whole.cells()} == {"eng", "fra"}
    assert len(list((tmp_path / "tasks").iterdir())) == 2
    assert chosen.fingerprint != whole.fingerprint


def test_a_folder_of_that_name_wins_and_mteb_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sts(tmp_path / "STS13")
    monkeypatch.setattr("evalkit_tasks.mteb.catalogue.mteb", lambda *args: pytest.fail("mteb was asked"))
    result = run("STS13", data=tmp_path)
    assert result.task.name == "STS13"


def test_the_shared_sts13_by_either_name(shared_data: Path) -> None:
    data = shared_data / "tasks"
    [plain] = evalkit.evaluate("hashing", "STS13", data=data)
    [sourced] = evalkit.evaluate("hashing", "mteb:STS13", data=data)
    assert sourced.task == plain.task
    assert sourced.main_score == plain.main_score


@pytest.mark.parametrize(
    "values",
    [
        {"a": 'quote " and \\ and \t tab', "b": ["ü", "\x7f", "\u2028"]},
        {"c": {"query": "q", "document": "d"}, "d": 0.5, "e": True, "f": None},
        {"with space": [1, 2], "zho-CN": {"a.b": ["x"]}},
    ],
)
def test_toml_reads_back(values: dict[str, Any]) -> None:
    given = {key: value for key, value in values.items() if value is not None}
    assert tomllib.loads("\n".join(toml_lines(values))) == given


# -- suites ------------------------------------------------------------------------------------------------------


def test_a_benchmark_s_restrictions_are_its_own() -> None:
    choices = {choice.name: choice for choice in SOURCE.suite("MTEB(eng, v2)") or ()}
    # mteb 2.26.24, benchmarks.MTEB_ENG_V2: 41 tasks.
    assert len(choices) == 41
    assert choices["STS17"].subsets == ("en-en",)
    assert choices["MTOPDomainClassification"] == TaskChoice("MTOPDomainClassification", ("test",), ("en",))
    assert choices["STS13"] == TaskChoice("STS13")


def test_every_benchmark_can_be_read() -> None:
    names = SOURCE.suites()
    assert {"BEIR", "MTEB(eng, v2)", "MTEB(Multilingual, v2)"} <= set(names)
    assert all(SOURCE.suite(name) for name in names)
    assert SOURCE.suite("nothing") is None


def test_a_suite_runs_what_is_there_and_says_what_is_not(shared_data: Path, tmp_path: Path) -> None:
    present = ("STS13", "STSBenchmark", "Banking77Classification", "AmazonCounterfactualClassification")
    for name in present:
        shutil.copytree(shared_data / "tasks" / name, tmp_path / "data" / name)
    results = evalkit.evaluate("hashing", suite="MTEB(eng, v2)", data=tmp_path / "data")
    assert {result.task.name for result in results} == set(present)
    assert len(results.failures) == 41 - len(present)
    assert all(is_a_sentence(failure.partition(". Give")[0] + ".") for failure in results.failures)
    # A folder that holds what the benchmark chooses and no more is the task itself: its results compare with others'.
    assert not any("cells" in result.task.protocol for result in results)


def test_a_restricted_folder_is_scored_on_the_chosen_cells_only(tmp_path: Path) -> None:
    sts(tmp_path / "STS17", subsets=("en-en", "ko-ko"))
    [result] = evalkit.evaluate("hashing", suite="MTEB(eng, v2)", data=tmp_path)
    assert [cell.subset for cell in result.cells] == ["en-en"]
    [whole] = evalkit.evaluate("hashing", "mteb:STS17", data=tmp_path)
    assert whole.task.fingerprint != result.task.fingerprint


def test_a_folder_that_lacks_a_chosen_cell_is_refused(tmp_path: Path) -> None:
    sts(tmp_path / "STS13")
    sts(tmp_path / "STS17", subsets=("ko-ko", "ar-ar"))
    results = evalkit.evaluate("hashing", suite="MTEB(eng, v2)", data=tmp_path)
    assert [result.task.name for result in results] == ["STS13"]
    assert any("STS17 lacks the subset 'en-en'" in failure for failure in results.failures)


# -- mistakes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-t", "mteb:STS31"], "Unknown mteb task 'STS31'"),
        (["-t", "mteb:Nothing*"], "Unknown mteb task 'Nothing*'"),
        (["-t", "mteb:STS13"], "mteb/sts13-sts at revision 7e90230a92c190f1bf69ae9002b8cea547a64cca"),
        (["-t", "mteb:VideoMMEShortVideoCentricQA"], "is a task of"),
        (["--suite", "BIER"], "Did you mean BEIR"),
    ],
)
def test_a_mistake_is_one_sentence(arguments: list[str], said: str, tmp_path: Path) -> None:
    done = call_cli("run", "-m", "hashing", "-o", tmp_path, *arguments)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_offline_says_what_was_wanted_and_what_to_do(tmp_path: Path) -> None:
    done = call_cli("run", "-m", "hashing", "-o", tmp_path, "-t", "mteb:SciFact")
    said = " ".join(done.stderr.split())
    assert "mteb/scifact at revision" in said
    assert "--data" in said


def test_without_mteb_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "mteb")
    monkeypatch.setattr("evalkit.adapters.mteb.library.find_spec", lambda name: None)
    for arguments in (["-t", "mteb:STS13"], ["--suite", "BEIR"], ["-m", "mteb:x/y", "-t", "QuickSTS"]):
        done = call_cli("run", "-m", "hashing", "-o", tmp_path, *arguments)
        assert done.returncode == 2
        assert "pip install 'evalkit-embeddings[mteb]'" in " ".join(done.stderr.split())


def test_globs_take_tasks_of_the_catalogue_and_folders_stand_in(tmp_path: Path) -> None:
    sts(tmp_path / "STS16")
    with catalogued(mock_tasks.MockSTSTask):
        results = evalkit.evaluate(Counting(), "mteb:MockSTS*")
        assert [result.task.name for result in results] == ["MockSTSTask"]
        assert [r.task.name for r in evalkit.evaluate(Counting(), "mteb:sts16", data=tmp_path)] == ["STS16"]


def test_listing_reads_the_catalogue_only_when_asked() -> None:
    plain = call_cli("list", "suites")
    assert "evalkit list suites --source mteb" in plain.stderr
    named = json.loads(call_cli("list", "suites", "--source", "mteb", "--json").stdout)
    assert "BEIR" in {row["suite"] for row in named}
    tasks = json.loads(call_cli("list", "tasks", "--source", "mteb", "--json").stdout)
    assert {"task": "mteb:SciFact", "type": "Retrieval", "from": "mteb"} in tasks
    assert call_cli("list", "tasks", "--source", "nothing").returncode == 2
