"""mteb's files out and in again, and the two commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import helpers
import pytest
from mteb_files import counts, put, scores, task
from typer.testing import CliRunner

from evalkit import evaluate
from evalkit.errors import EvalkitError
from evalkit.schema import Result
from evalkit_leaderboard.interchange.commands import EXPORT, IMPORT
from evalkit_leaderboard.interchange.exporting import export_results
from evalkit_leaderboard.interchange.importing import import_tree, write_results
from evalkit_leaderboard.interchange.oddities import Oddity

# -- there and back ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> list[Result]:
    """Results of evalkit's own, with repeats, subsets and a task that mteb does not know."""
    data = tmp_path_factory.mktemp("data")
    helpers.sts(data / "OwnSTS", subsets=("de", "en"))
    helpers.classification(data / "OwnClassification")
    helpers.clustering(data / "OwnClustering")
    helpers.retrieval(data / "SciFact")
    return list(evaluate(helpers.Counting(), data=data, cache=False))


def test_evalkit_s_own_results_come_back_as_they_went(own: list[Result], tmp_path: Path) -> None:
    export_results(own, tmp_path)
    back = import_tree(tmp_path)
    assert scores(back.results) == scores(own)
    assert set(counts(back)) <= {Oddity.NO_VERSION, Oddity.UNKNOWN_TASK, Oddity.EXTERNAL}


def test_an_export_of_an_import_is_the_same_to_the_byte(own: list[Result], tmp_path: Path) -> None:
    export_results(own, tmp_path / "first")
    export_results(import_tree(tmp_path / "first").results, tmp_path / "second")
    first = {path.relative_to(tmp_path / "first"): path for path in (tmp_path / "first").rglob("[!m]*.json")}
    for name, path in first.items():
        again = json.loads((tmp_path / "second" / name).read_text(encoding="utf-8"))
        assert again == json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)


def test_the_same_files_give_the_same_bytes(own: list[Result], tmp_path: Path) -> None:
    export_results(own, tmp_path / "tree")
    for name in ("one", "two"):
        found = import_tree(tmp_path / "tree")
        write_results(found.results, tmp_path / name, found.oddities)
    texts = [{p.name: p.read_bytes() for p in (tmp_path / name).rglob("*.json")} for name in ("one", "two")]
    assert texts[0] == texts[1]
    assert not list(tmp_path.rglob("*.tmp"))


def test_mteb_loads_the_export(own: list[Result], tmp_path: Path) -> None:
    mteb = pytest.importorskip("mteb")
    paths = export_results(own, tmp_path)
    for path, result in zip(paths, own, strict=True):
        assert mteb.results.TaskResult.from_disk(path).get_score() == pytest.approx(result.main_score.value, abs=1e-12)
    loaded = mteb.ResultCache(tmp_path).load_results(include_remote=False)
    assert [len(model.task_results) for model in loaded.model_results] == [len(own)]
    assert loaded.model_results[0].model_name == "counting"


def test_two_results_for_one_file_are_refused(own: list[Result], tmp_path: Path) -> None:
    with pytest.raises(EvalkitError, match="has two results on"):
        export_results([own[0], own[0]], tmp_path)


# -- the commands ------------------------------------------------------------------------------------------------


def invoke(name: str, *arguments: Any) -> Any:
    return CliRunner().invoke(IMPORT if name == "import" else EXPORT, [str(each) for each in arguments])


def test_the_commands(own: list[Result], tmp_path: Path) -> None:
    export_results(own, tmp_path / "tree")
    done = invoke("import", "mteb", tmp_path / "tree", "-o", tmp_path / "results")
    assert done.exit_code == 0, done.output
    assert "4 files read, 4 results of 1 model on 4 tasks" in done.stdout
    assert Oddity.NO_VERSION in done.stdout
    done = invoke("export", "mteb", tmp_path / "results", "-o", tmp_path / "again")
    assert done.exit_code == 0, done.output
    assert len(list((tmp_path / "again" / "results").rglob("*.json"))) == 5


def test_the_summary_as_json(tmp_path: Path) -> None:
    put(tmp_path / "tree", task(mteb_version=None))
    done = invoke("import", "mteb", tmp_path / "tree", "-o", tmp_path / "results", "--json")
    summary = json.loads(done.stdout)
    assert (summary["files_read"], summary["results"], summary["models"], summary["tasks"]) == (1, 1, 1, 1)
    assert [each["count"] for each in summary["oddities"]] == [1, 1]


def test_other_results_in_the_output_folder_are_named(tmp_path: Path) -> None:
    for revision in ("r1", "r2"):
        put(tmp_path / revision, task(), revision)
        found = import_tree(tmp_path / revision)
        write_results(found.results, tmp_path / "results", found.oddities)
    assert counts(found)[Oddity.ALREADY_THERE] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "is no folder"),
        (["empty"], "holds no result of mteb"),
        (["tree", "--benchmark", "MTEB(eng, v3)"], "Unknown benchmark"),
        (["tree", "--benchmark", "nothing.json"], "Cannot read"),
        (["tree", "--benchmark", "NanoBEIR"], "holds no result of mteb that counts"),
    ],
)
def test_what_cannot_be_imported_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    put(tmp_path / "tree", task())
    done = invoke("import", "mteb", *arguments, "-o", "results")
    assert isinstance(done.exception, EvalkitError)
    assert message in str(done.exception)
    assert helpers.is_a_sentence(str(done.exception))
    assert not (tmp_path / "results").exists()


def test_an_imported_result_can_be_shown(tmp_path: Path) -> None:
    put(tmp_path / "tree", task())
    found = import_tree(tmp_path / "tree")
    write_results(found.results, tmp_path / "results", found.oddities)
    path = next((tmp_path / "results").rglob("SciFact.json"))
    done = helpers.run_cli("show", path)
    assert done.returncode == 0, done.stderr
    assert "from mteb 2.0.0" in done.stdout
    done = helpers.call_cli("show", path, "--units", "ndcg_at_10")
    assert done.returncode == 2
    assert "has no units" in done.stderr
