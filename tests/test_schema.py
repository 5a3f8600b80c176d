"""The result record: strict, frozen, versioned, and enough to compute every score again."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import helpers
import numpy as np
import pytest
from pydantic import ValidationError

import evalkit
from evalkit import migrations
from evalkit.errors import StoreError
from evalkit.observations import Observations
from evalkit.schema import SCHEMA_VERSION, CellRecord, EncoderFile, MainScore, Record, Result, mean_of_cells
from evalkit.store import read_result, result_text

SCHEMA = Path(evalkit.__file__).parent / "schemas" / f"result-{SCHEMA_VERSION}.json"
FIXTURES = sorted(helpers.FIXTURES.glob("result-v*.json"))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A result of every task type and protocol, with what is odd about scores: ties, nulls, several cells."""
    root = tmp_path_factory.mktemp("results")
    data = root / "data"
    helpers.sts(data / "STS", n=30, splits=("dev", "test"), subsets=("de", "en"))
    helpers.classification(data / "Classification")
    helpers.classification(data / "Binary", labels=(0, 1))
    folds = helpers.classification(data / "Folds") / "task.toml"
    folds.write_text(folds.read_text().replace('["test"]', '["train"]') + "is_cross_validation = true\n")
    helpers.clustering(data / "Clustering", subsets=("a", "b"))
    levels = helpers.clustering(data / "Levels")
    rows = [{"text": helpers.sentence(i), "label": [f"a{i % 2}", f"b{i % 5}"]} for i in range(40)]
    helpers.jsonl(levels / "test.jsonl", rows)
    sets = helpers.toml(data / "Sets", "Clustering")
    texts = [helpers.sentence(i) for i in range(20)]
    helpers.jsonl(sets / "test.jsonl", [{"texts": texts, "labels": [i % 3 for i in range(20)]}] * 2)
    helpers.retrieval(data / "Retrieval")
    constant = helpers.sts(data / "Constant", n=4)
    helpers.jsonl(constant / "test.jsonl", [{"sentence1": f"a{i}", "sentence2": "b", "score": 3} for i in range(4)])
    evalkit.evaluate(helpers.Counting(), data=[data], output=root / "out", cache=False)
    paths = sorted((root / "out" / helpers.HOME).glob("[A-Z]*.json"))
    assert len(paths) == 9
    return paths


def named(results: list[Path], name: str) -> Result:
    return read_result(next(path for path in results if path.stem == name))


def refuse(token: str) -> Any:
    raise AssertionError(f"{token} is no JSON")


# -- strict ------------------------------------------------------------------------------------------------------


def test_results_are_strict_json(results: list[Path]) -> None:
    for path in results:
        json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def test_a_score_that_is_undefined_is_null_with_a_reason(results: list[Path]) -> None:
    result = named(results, "Constant")
    assert result.main_score == MainScore(metric="cosine_spearman", value=None)
    assert all(value is None for value in result.cells[0].scores.values())
    [warning] = result.warnings
    assert warning.startswith("test/default: undefined (constant or too few values): pearson, spearman, cosine_pearson")


def test_the_mean_of_cells_with_a_hole_is_a_hole(results: list[Path]) -> None:
    cells = (named(results, "STS").cells[0], named(results, "Constant").cells[0])
    assert mean_of_cells("cosine_spearman", cells) is None
    assert mean_of_cells("cosine_spearman", cells[:1]) == cells[0].scores["cosine_spearman"]
    assert mean_of_cells("nothing", cells[:1]) is None


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_cannot_write_are_refused(value: float, results: list[Path]) -> None:
    cell = named(results, "STS").cells[0].model_dump()
    with pytest.raises(ValidationError):
        MainScore(metric="m", value=value)
    with pytest.raises(ValidationError):
        CellRecord.model_validate({**cell, "scores": {"m": value}})
    with pytest.raises(ValidationError):
        CellRecord.model_validate({**cell, "repeats": {"m": [value]}})


def test_records_are_frozen_and_know_no_other_fields(results: list[Path]) -> None:
    result = named(results, "STS")
    for record in (result, result.task, result.encoder, result.main_score, result.cells[0], result.timing):
        field = next(iter(type(record).model_fields))
        with pytest.raises(ValidationError, match="frozen"):
            setattr(record, field, getattr(record, field))
        with pytest.raises(ValidationError, match="surprise"):
            type(record).model_validate({**record.model_dump(), "surprise": 1})


def test_every_record_is_a_record() -> None:
    for kind in (Result, CellRecord, MainScore, EncoderFile):
        assert issubclass(kind, Record)


def test_a_result_read_and_written_is_the_same_bytes(results: list[Path]) -> None:
    for path in results:
        assert result_text(read_result(path)) == path.read_text(encoding="utf-8")


# -- observations ------------------------------------------------------------------------------------------------


def test_every_score_can_be_computed_again_bit_for_bit(results: list[Path]) -> None:
    for result in evalkit.load_results(results[0].parent):
        for cell in result.cells:
            observations = Observations.from_json(cell.observations)
            again = observations.scores()
            assert result.main_score.metric in again
            for metric, value in again.items():
                stored = cell.scores[metric]
                assert value == stored or (stored is None and math.isnan(value)), (result.task.name, metric)
            for metric, values in observations.repeats().items():
                assert tuple(values) == cell.repeats[metric]
        values = [cell.scores[result.main_score.metric] for cell in result.cells]
        expected = None if None in values else sum(values) / len(values)  # type: ignore[arg-type]
        assert result.main_score.value == expected


def test_scores_can_be_weighted_anew(results: list[Path]) -> None:
    for path in results:
        if path.stem == "Constant":
            continue
        result = read_result(path)
        for cell in result.cells:
            observations = Observations.from_json(cell.observations)
            metric = result.main_score.metric
            [value] = observations.weighted(metric, np.ones((1, len(observations))))
            assert value == pytest.approx(cell.scores[metric], abs=1e-12)


def test_a_thousand_queries_take_less_than_300_kilobytes(tmp_path: Path) -> None:
    folder = helpers.retrieval(tmp_path / "Large", n=3000, n_queries=1000)
    toml = folder / "task.toml"
    toml.write_text(toml.read_text().split("[protocol]", maxsplit=1)[0])
    evalkit.evaluate(helpers.Counting(), folder, output=tmp_path / "out", cache=False)
    path = tmp_path / "out" / helpers.HOME / "Large.json"
    assert len(evalkit.Results.observations(read_result(path))) == 1000
    assert path.stat().st_size < 300_000


# -- versions ----------------------------------------------------------------------------------------------------


def test_the_committed_json_schema_is_the_record() -> None:
    # To write it anew:
    # python -c "import json; from evalkit.schema import *; print(json.dumps(Result.model_json_schema(), indent=1))" \
    #   > evalkit/schemas/result-1.json
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == Result.model_json_schema()


def test_there_is_a_fixture_of_every_version() -> None:
    versions = {json.loads(path.read_text(encoding="utf-8"))["schema_version"] for path in FIXTURES}
    assert versions == set(range(1, SCHEMA_VERSION + 1))
    assert migrations.CURRENT == SCHEMA_VERSION
    assert migrations.STEPS.keys() == set(range(1, SCHEMA_VERSION))


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_results_of_every_version_stay_readable_for_ever(path: Path) -> None:
    [result] = evalkit.load_results(path)
    assert result.schema_version == SCHEMA_VERSION
    [cell] = result.cells
    observations = Observations.from_json(cell.observations)
    assert observations.value(result.main_score.metric) == cell.scores[result.main_score.metric]


def test_the_first_version_says_what_it_always_said() -> None:
    [result] = evalkit.load_results(helpers.FIXTURES / "result-v1.json")
    assert result.task.name == "QuickRetrieval"
    assert result.encoder.name == "bm25"
    assert result.main_score == MainScore(metric="ndcg_at_10", value=0.14119051585613487)
    assert len(evalkit.Results.observations(result)) == 279


def test_newer_versions_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "new.json"
    record = json.loads((helpers.FIXTURES / "result-v1.json").read_text(encoding="utf-8"))
    path.write_text(json.dumps({**record, "schema_version": SCHEMA_VERSION + 1, "unheard": "of"}))
    with pytest.raises(
        StoreError, match=rf"new\.json has schema version {SCHEMA_VERSION + 1}.*Upgrade: pip install -U"
    ):
        read_result(path)


@pytest.mark.parametrize("version", [None, 0, -1, "1", 1.0, [1]])
def test_what_has_no_version_is_no_result(version: Any, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no evalkit result: it has no schema_version"):
        migrations.upgrade({"schema_version": version}, where="x.json")


def test_older_versions_are_upgraded_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "CURRENT", 3)
    monkeypatch.setitem(migrations.STEPS, 1, lambda record: {**record, "schema_version": 2, "b": record["a"] + 1})
    monkeypatch.setitem(migrations.STEPS, 2, lambda record: {**record, "schema_version": 3, "c": record["b"] + 1})
    assert migrations.upgrade({"schema_version": 1, "a": 1}, where="x") == {"schema_version": 3, "a": 1, "b": 2, "c": 3}
    assert migrations.upgrade({"schema_version": 3}, where="x") == {"schema_version": 3}
