"""`evalkit diagnose` and `evalkit run --diagnose`: the vectors of a task, on a page, in JSON and in results."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import helpers
import numpy as np
import pytest

import evalkit
from evalkit.adapters.bm25 import BM25
from evalkit.cli import diagnose as command
from evalkit.cli import diagnose_page
from evalkit.cli.diagnose_plot import draw
from evalkit.config import DEFAULT_BATCH_SIZE, RunConfig
from evalkit.diagnostics import NAMES, diagnose_vectors
from evalkit.embedding import EncoderBench
from evalkit.plugins import Plugins
from evalkit.protocols import TaskInfo
from evalkit.runner import Outcome, Runner
from evalkit.schema import Result
from evalkit.store import ResultStore, read_result
from evalkit.types import Role

WITHOUT_PAIRS = tuple(name for name in NAMES if name != "alignment")


def run(folder: Path, scorer: Any, *, diagnose: bool, force: bool = False) -> Outcome:
    """One encoder on the task in a folder, with results beside it."""
    output = folder.parent / "out"
    runner = Runner(RunConfig(output=output, diagnose=diagnose, force=force), ResultStore(output))
    runner.run(scorer, "spec", [Plugins.installed().open_task(folder)])
    return runner.outcome


def only(outcome: Outcome) -> Result:
    [result] = outcome.results
    return result


def expected(texts: list[str]) -> dict[str, float | None]:
    distinct = list(dict.fromkeys(texts))
    return diagnose_vectors(np.stack([helpers.vector(text) for text in distinct]), distinct).values


def scores(result: Result) -> dict[str, Any]:
    return result.model_dump(exclude={"diagnostics"})


# -- run --diagnose ----------------------------------------------------------------------------------------------


def test_diagnostics_are_those_of_the_distinct_texts(tmp_path: Path) -> None:
    folder = helpers.sts(tmp_path / "Pairs", n=60, splits=("dev", "test"))
    encoder = helpers.Counting()
    result = only(run(folder, encoder, diagnose=True))
    assert result.diagnostics is not None
    assert tuple(result.diagnostics) == WITHOUT_PAIRS
    assert dict(result.diagnostics) == pytest.approx(expected(encoder.texts), rel=1e-9)
    assert result.diagnostics["n"] == len(set(encoder.texts)) > 100
    assert read_result(tmp_path / "out" / helpers.HOME / "Pairs.json") == result


def test_a_text_that_is_query_and_document_counts_once(tmp_path: Path) -> None:
    encoder = helpers.Counting()
    result = only(run(helpers.retrieval(tmp_path / "Search", n=60, n_queries=12), encoder, diagnose=True))
    assert result.diagnostics is not None
    assert dict(result.diagnostics) == pytest.approx(expected(encoder.texts), rel=1e-9)
    assert result.diagnostics["n"] == 60  # every query is a document too


def test_without_the_option_there_are_none(tmp_path: Path) -> None:
    assert only(run(helpers.sts(tmp_path / "Pairs"), helpers.Counting(), diagnose=False)).diagnostics is None


def test_a_finished_result_is_completed_and_its_scores_stay(tmp_path: Path) -> None:
    folder = helpers.sts(tmp_path / "Pairs", n=60, splits=("dev", "test"))
    before = only(run(folder, helpers.Counting(), diagnose=False))
    encoder = helpers.Counting()
    outcome = run(folder, encoder, diagnose=True)
    after = only(outcome)
    assert scores(after) == scores(before)
    assert after.diagnostics is not None
    assert encoder.texts == []  # vectors came from the cache
    assert outcome.skipped == 0
    assert read_result(tmp_path / "out" / helpers.HOME / "Pairs.json") == after
    again = run(folder, encoder, diagnose=True)
    assert (again.skipped, only(again)) == (1, after)
    assert only(run(folder, encoder, diagnose=False)) == after  # they are kept
    assert only(run(folder, encoder, diagnose=False, force=True)).diagnostics is None


def test_too_few_texts_are_told_once_and_fail_nothing(tmp_path: Path) -> None:
    folder = helpers.sts(tmp_path / "Pairs", n=6)
    outcome = run(folder, helpers.Counting(), diagnose=True)
    result = only(outcome)
    assert outcome.exit_code == 0
    assert result.diagnostics == {}
    [warning] = [text for text in result.warnings if "iagnostics" in text]
    assert warning.startswith("No diagnostics: Diagnostics need at least 30 different texts; there are ")
    assert run(folder, helpers.Counting(), diagnose=True).skipped == 1


def test_lexical_scorers_have_none(tmp_path: Path) -> None:
    folder = helpers.retrieval(tmp_path / "Search", n=60)
    assert only(run(folder, BM25(), diagnose=True)).diagnostics is None
    assert run(folder, BM25(), diagnose=True).skipped == 1


def test_a_killed_run_that_goes_on_diagnoses_all_cells(tmp_path: Path) -> None:
    folder = helpers.sts(tmp_path / "Pairs", n=60, splits=("dev", "test"))

    def fail_later(texts: list[str], vectors: np.ndarray, call: int) -> np.ndarray:
        if call > 1:
            raise RuntimeError("out of memory")
        return vectors

    failed = run(folder, helpers.Counting(fault=fail_later), diagnose=False)
    assert len(failed.failures) == 1
    encoder = helpers.Counting()
    result = only(run(folder, encoder, diagnose=True))
    assert result.diagnostics is not None
    assert result.diagnostics["n"] == 2 * len(set(encoder.texts))  # the other half was cached


def test_vectors_of_an_encoder_beside_it_are_not_recorded() -> None:
    seen: list[str] = []
    bench = EncoderBench(helpers.Counting(), TaskInfo("T", "STS"), on_vectors=lambda texts, _: seen.extend(texts))
    bench.embed(["a", "b", "a"], role=Role.TEXT)
    bench.beside(helpers.Counting("other", "f" * 64)).embed(["c"], role=Role.TEXT)
    assert seen == ["a", "b"]


def test_older_results_have_no_diagnostics() -> None:
    [result] = evalkit.load_results(helpers.FIXTURES / "result-v1.json")
    assert result.diagnostics is None


def test_diagnostics_are_finite_or_null(tmp_path: Path) -> None:
    record = only(run(helpers.sts(tmp_path / "Pairs", n=40), helpers.Counting(), diagnose=True)).model_dump()
    Result.model_validate({**record, "diagnostics": {"rankme": None}})
    with pytest.raises(ValueError, match="finite"):
        Result.model_validate({**record, "diagnostics": {"rankme": float("nan")}})


# -- the command -------------------------------------------------------------------------------------------------


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(helpers.sentence(i) for i in range(80)) + "\n\n  \n", encoding="utf-8")
    return path


def test_a_page_for_a_file_of_texts(lines: Path) -> None:
    done = helpers.run_cli("diagnose", "-m", "hashing:dim=64", "--texts", lines, "-q")
    assert done.returncode == 0, done.stderr
    first = done.stdout.splitlines()[0]
    assert first == "hashing-dim=64 on lines: 80 different texts, 64 dimensions, compared by cosine"
    for name in WITHOUT_PAIRS[:-2]:
        assert f"\n{diagnose_page.LABELS[name]} " in done.stdout
    assert "Half of the variance is in " in done.stdout


def test_json_says_everything(lines: Path) -> None:
    record = json.loads(helpers.call_cli("diagnose", "-m", "hashing:dim=64", "--texts", lines, "--json").stdout)
    assert record["encoder"]["name"] == "hashing-dim=64"
    [each] = record["diagnoses"]
    assert tuple(each["diagnostics"]) == WITHOUT_PAIRS
    assert each["diagnostics"]["n"] == 80
    assert len(each["spectrum"]) == 64
    assert sum(each["spectrum"]) == pytest.approx(1)
    assert {finding["name"] for finding in each["findings"]} == set(WITHOUT_PAIRS[:-2])


def test_tasks_of_a_folder_and_run_agree(tmp_path: Path) -> None:
    helpers.sts(tmp_path / "data" / "Pairs", n=40)
    helpers.retrieval(tmp_path / "data" / "Search", n=40)
    source = ("-m", helpers.spec(), "--data", tmp_path / "data", "-q", "--json")
    record = json.loads(helpers.call_cli("diagnose", *source).stdout)
    assert [each["texts"] for each in record["diagnoses"]] == ["Pairs", "Search"]
    helpers.call_cli("run", *source, "--diagnose", "-o", tmp_path / "out")
    stored = {r.task.name: r.diagnostics for r in evalkit.load_results(tmp_path / "out")}
    for each in record["diagnoses"]:
        assert each["diagnostics"] == pytest.approx(dict(stored[each["texts"]] or {}), rel=1e-9)
    shown = helpers.call_cli("show", next((tmp_path / "out").rglob("Pairs.json"))).stdout
    assert "diagnostic " in shown
    assert "participation ratio " in shown


def test_pairs_give_an_alignment(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"{helpers.sentence(i)}\t{helpers.sentence(i)} indeed\n" for i in range(40)))
    done = helpers.call_cli("diagnose", "-m", "hashing", "--pairs", path, "--json")
    [each] = json.loads(done.stdout)["diagnoses"]
    assert tuple(each["diagnostics"]) == NAMES
    assert each["diagnostics"]["n"] == 80
    assert 0 < each["diagnostics"]["alignment"] < 0.5


@pytest.mark.slow
def test_the_spectrum_is_drawn(lines: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    done = helpers.call_cli("diagnose", "-m", "hashing:dim=64", "--texts", lines, "--plot", tmp_path / "a.svg")
    assert "Wrote " in done.stderr
    assert "<!-- Spectrum of hashing-dim=64 -->" in (tmp_path / "a.svg").read_text()


def test_pictures_are_the_same_every_time(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    found = [
        command.Diagnosed(name, diagnose_vectors(np.random.default_rng(0).standard_normal((60, 30)).astype(np.float32)))
        for name in ("these", "those")
    ]
    for several in (found[:1], found):
        first, second = (draw("an encoder", several, tmp_path / name).read_text() for name in ("a.svg", "b.svg"))
        assert first == second
        assert first.startswith("<?xml")
        assert ("<!-- those (60 texts) -->" in first) == (len(several) == 2)
        assert "mathdefault" not in first  # formulas would stand there as they are


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "No texts were named."),
        (("-t", "QuickSTS", "--texts", "x.txt"), "Texts of a file and of tasks are two diagnoses."),
        (("--texts", "missing.txt"), "missing.txt cannot be read: No such file or directory."),
        (("--texts", "few.txt"), "few: Diagnostics need at least 30 different texts; there are 2."),
        (("--texts", "binary.txt"), "binary.txt is no UTF-8 text: invalid start byte."),
        (("--pairs", "few.txt"), "few.txt:1: no two texts with a tab between."),
        (("-t", "NoSuchTask"), "Unknown task 'NoSuchTask'"),
    ],
)
def test_mistakes_are_one_sentence(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    (tmp_path / "few.txt").write_text("one\ntwo\none\n")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00a")
    given = [str(tmp_path / each) if each.endswith(".txt") else each for each in arguments]
    done = helpers.call_cli("diagnose", "-m", "hashing", *given, "-q")
    assert done.returncode == 2
    [first, *_] = done.stderr.splitlines()
    assert said in first.replace(f"{tmp_path}/", "")
    assert helpers.is_a_sentence(first)
    assert "Traceback" not in done.stderr


def test_a_lexical_scorer_cannot_be_diagnosed() -> None:
    done = helpers.call_cli("diagnose", "-m", "bm25", "-t", "QuickRetrieval")
    assert done.returncode == 2
    assert "bm25 has no vectors, so there is nothing to diagnose." in done.stderr


def test_run_tells_which_encoders_have_no_vectors(tmp_path: Path) -> None:
    helpers.retrieval(tmp_path / "data" / "Search", n=40)
    done = helpers.call_cli("run", "-m", "bm25", "--data", tmp_path / "data", "-o", tmp_path / "out", "--diagnose")
    assert done.returncode == 0
    assert "bm25 has no vectors, so there are no diagnostics of it." in done.stderr


def test_the_batch_size_is_that_of_a_run() -> None:
    assert inspect.signature(command.diagnose).parameters["batch_size"].default == DEFAULT_BATCH_SIZE


# -- the page ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("share", "drawn"),
    [(0.0, "············"), (1.0, "████████████"), (0.5, "██████······"), (1 / 96, "▏···········"), (None, " " * 12)],
)
def test_bars(share: float | None, drawn: str) -> None:
    assert diagnose_page.bar(share) == drawn


def test_a_falling_spectrum_falls_on_the_chart() -> None:
    title, *rows, axis = diagnose_page.chart(np.arange(1, 129.0) ** -2 / (np.arange(1, 129.0) ** -2).sum())
    heights = [sum(" ▁▂▃▄▅▆▇█".index(row.ljust(73)[9 + column]) for row in rows) for column in range(64)]
    assert heights == sorted(heights, reverse=True)
    assert (heights[-1], len(rows)) == (1, 4)
    assert 25 <= heights[0] <= 32  # the first column is the mean of two directions
    assert axis.split() == ["1", "128"]
    assert title.startswith("share of the variance")


def test_a_flat_spectrum_and_a_single_direction_can_be_drawn() -> None:
    assert len(diagnose_page.chart(np.full(10, 0.1))) == 6
    assert len(diagnose_page.chart(np.array([1.0, 0.0]))) == 6
