"""The import of mteb's files of every age and kind of damage, each made by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from mteb_files import REVISION, counts, entry, meta, only, put, task, write

from evalkit.errors import EvalkitError
from evalkit.store import result_text
from evalkit_leaderboard.frame import align
from evalkit_leaderboard.interchange.catalogue import catalogue
from evalkit_leaderboard.interchange.importing import import_tree
from evalkit_leaderboard.interchange.joining import parse_version
from evalkit_leaderboard.interchange.oddities import Oddity


def test_a_clean_file_has_no_oddity(tmp_path: Path) -> None:
    meta(tmp_path)
    put(tmp_path, task(date=1772707086.679453))
    found = import_tree(tmp_path)
    result = only(found)
    assert counts(found) == {}
    assert (result.main_score.metric, result.main_score.value) == ("ndcg_at_10", 0.5)
    assert (result.task.type, result.encoder.name, result.encoder.spec) == (
        "Retrieval",
        "org/model",
        f"mteb:org/model@{REVISION}",
    )
    assert (result.encoder.similarity, result.encoder.dimension) == ("cosine", 8)
    assert result.cells[0].observations is None
    assert result.timing is None
    assert result.warnings == ()
    assert result.imported is not None
    assert result.imported.model_dump() == {
        "tool": "mteb",
        "version": "2.0.0",
        "file": f"org__model/{REVISION}/SciFact.json",
        "encoder_revision": REVISION,
        "dataset_revision": "d1",
        "date": "2026-03-05T10:38:06+00:00",
        "seconds": 1.5,
        "kg_co2": None,
    }


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        (0, "1970-01-01T00:00:00+00:00"),
        ("2025-01-02T03:04:05.678+02:00", "2025-01-02T01:04:05+00:00"),
        ("2025-01-02T03:04:05", "2025-01-02T03:04:05+00:00"),
        (None, None),
        ("yesterday", None),
        (1e300, None),
    ],
)
def test_dates_of_every_kind(tmp_path: Path, date: Any, expected: str | None) -> None:
    put(tmp_path, task(date=date))
    imported = only(import_tree(tmp_path)).imported
    assert imported is not None
    assert imported.date == expected


def test_bare_nan_becomes_null_with_a_reason(tmp_path: Path) -> None:
    put(tmp_path, task(scores={"test": [entry(ndcg_at_10=0.5, map_at_10=float("nan"), mrr=float("inf"))]}))
    found = import_tree(tmp_path)
    assert only(found).cells[0].scores == {"ndcg_at_10": 0.5, "map_at_10": None, "mrr": None}
    assert only(found).warnings == ("test/default: not a number in the file: map_at_10, mrr.",)
    assert counts(found)[Oddity.NAN] == 1
    json.loads(result_text(only(found)), parse_constant=pytest.fail)


def test_a_main_score_of_nan_is_undefined(tmp_path: Path) -> None:
    put(tmp_path, task(scores={"test": [entry(main=float("nan"), ndcg_at_10=float("nan"))]}))
    found = import_tree(tmp_path)
    assert only(found).main_score.value is None
    assert only(found).warnings == ("test/default: no ndcg_at_10 in the file, so the score of the task is undefined.",)
    assert counts(found)[Oddity.NO_MAIN] == 1


OLD_STS = {
    "mteb_dataset_name": "STS17",
    "mteb_version": "0.0.2",
    "dataset_revision": "d0",
    "test": {
        "en-en": {"cos_sim": {"pearson": 0.8, "spearman": 0.9}, "manhattan": {"spearman": 0.7}},
        "ko-ko": {"cos_sim": {"pearson": 0.1, "spearman": 0.2}},
        "evaluation_time": 2.5,
    },
}


def test_an_old_file_with_subsets(tmp_path: Path) -> None:
    put(tmp_path, OLD_STS)
    write(tmp_path / "eng.json", "[]")
    tasks = [{"name": "STS17", "type": "STS", "eval_splits": ["test"], "hf_subsets": ["en-en"]}]
    only_english = str(write(tmp_path / "english.json", [{**tasks[0], "main_score": "cosine_spearman"}]))
    found = import_tree(tmp_path, benchmark=only_english)
    result = only(found)
    assert result.cells[0].scores == {"cosine_pearson": 0.8, "cosine_spearman": 0.9, "manhattan_spearman": 0.7}
    assert result.main_score.value == 0.9
    assert result.imported is not None
    assert result.imported.seconds == 2.5
    assert counts(found)[Oddity.OLD_LAYOUT] == counts(found)[Oddity.EXTRA_CELL] == 1


@pytest.mark.parametrize(
    ("name", "scores", "expected"),
    [
        ("STS12", {"cos_sim": {"spearman": 0.7}}, 0.7),
        ("Banking77Classification", {"accuracy": 0.6, "evaluation_time": 3}, 0.6),
        ("banking77classification", {"accuracy": 0.6}, 0.6),
        ("TwitterURLCorpus", {"max": {"ap": 0.8}, "cos_sim": {"ap": 0.9}}, 0.8),
        # What mteb's reader calls the main score today is not in the file: missing there and here.
        ("TwitterURLCorpus", {"cos_sim": {"ap": 0.9}}, None),
        ("BiorxivClusteringP2P", {"v_measure": 0.3, "v_measure_std": 0.1}, 0.3),
    ],
)
def test_old_files_without_subsets(tmp_path: Path, name: str, scores: dict[str, Any], expected: float | None) -> None:
    put(tmp_path, {"test": scores, "mteb_dataset_name": name})
    found = import_tree(tmp_path)
    assert only(found).main_score.value == expected
    assert only(found).cells[0].subset == "default"
    assert counts(found)[Oddity.OLD_LAYOUT] == counts(found)[Oddity.NO_VERSION] == 1
    assert counts(found)[Oddity.NO_DATA_REVISION] == 1


def test_an_old_file_of_a_renamed_task_and_subset(tmp_path: Path) -> None:
    put(tmp_path, {"test": {"v_measure": 0.3}, "mteb_dataset_name": "8TagsClustering"})
    put(tmp_path, {"test": {"fr": {"ndcg_at_10": 0.4}}, "mteb_dataset_name": "XPQARetrieval", "mteb_version": "1.2.0"})
    by_name = {result.task.name: result for result in import_tree(tmp_path).results}
    assert set(by_name) == {"EightTagsClustering", "XPQARetrieval"}
    assert by_name["XPQARetrieval"].cells[0].subset == "fra-fra"


def test_scores_by_similarity_from_before_1_12_48_are_flattened(tmp_path: Path) -> None:
    scores = {"test": [entry(main=0.8, max={"ap": 0.8, "f1": 0.7}, cosine={"ap": 0.75})]}
    put(tmp_path, task("TwitterURLCorpus", scores, mteb_version="1.12.0"))
    assert only(import_tree(tmp_path)).cells[0].scores == {"max_ap": 0.8, "max_f1": 0.7, "cosine_ap": 0.75}


def test_experiments_and_v_measures_become_repeats(tmp_path: Path) -> None:
    experiments = [{"accuracy": 0.4, "ap": float("nan")}, {"accuracy": 0.6, "ap": 0.1, "extra": 1}]
    put(
        tmp_path,
        task("Banking77Classification", {"test": [entry(accuracy=0.5, scores_per_experiment=experiments)]}),
    )
    levels = {"Level 0": [0.1, 0.2], "Level 1": [0.3, 0.4]}
    put(tmp_path, task("BiorxivClusteringP2P.v2", {"test": [entry(0.25, v_measure=0.25, v_measures=levels)]}))
    first, second = import_tree(tmp_path).results
    assert first.cells[0].repeats == {"accuracy": (0.4, 0.6)}  # ap is none in one of them
    assert second.cells[0].repeats == {"v_measure": (0.1, 0.2, 0.3, 0.4)}


def test_what_is_no_number_is_counted(tmp_path: Path) -> None:
    put(tmp_path, task(scores={"test": [entry(ndcg_at_10=0.5, spearman=[0.1, 0.0], note="x", flag=True)]}))
    found = import_tree(tmp_path)
    assert set(only(found).cells[0].scores) == {"ndcg_at_10"}
    assert counts(found) == {Oddity.NO_META: 1, Oddity.NO_NUMBER: 3}


def test_versions_null_and_ranges(tmp_path: Path) -> None:
    put(tmp_path, task("SciFact", mteb_version=None))
    put(tmp_path, task("ArguAna", mteb_version="1.12.85-2.18.7"))
    found = import_tree(tmp_path)
    assert counts(found) == {Oddity.NO_META: 1, Oddity.NO_VERSION: 1, Oddity.VERSION_RANGE: 1}
    assert {each.imported.version for each in found.results if each.imported} == {None, "1.12.85-2.18.7"}


def test_models_without_or_with_broken_metadata(tmp_path: Path) -> None:
    put(tmp_path, task(), revision="no_revision_available", model="org__none")
    put(tmp_path, task(), revision="r", model="org__broken")
    write(tmp_path / "org__broken" / "r" / "model_meta.json", "{")
    meta(tmp_path, "org/dict", training_datasets={"MSMARCO": ["train"]}, embed_dim=[8, 16], similarity_fn_name=None)
    put(tmp_path, task(), model="org__dict")
    found = import_tree(tmp_path)
    assert [result.encoder.name for result in found.results] == ["org/broken", "org/dict", "org/none"]
    assert {(result.encoder.similarity, result.encoder.dimension) for result in found.results} == {("unknown", None)}
    assert counts(found) == {Oddity.NO_META: 1, Oddity.BAD_META: 1, Oddity.TRAINING_DICT: 1}


def test_stray_files_experiments_and_rubbish(tmp_path: Path) -> None:
    put(tmp_path, task())
    for name, text in {
        "README.md": "hello",
        "paths.json": "{}",
        f"org__model/{REVISION}/notes.txt": "",
        f"org__model/{REVISION}/ArguAna.json": "[]",
        f"org__model/{REVISION}/FiQA2018.json": '{"task_name": "FiQA2018", "scores": {"test": [1]}}',
        f"org__model/{REVISION}/NQ.json": '{"task_name": "NQ"',
        f"org__model/{REVISION}/MSMARCO.json": '{"scores": {}}',
        f"org__model/{REVISION}/experiments/dim_64/SciFact.json": json.dumps(task()),
        f"org__model/{REVISION}/experiments/dim_64/model_meta.json": "{}",
    }.items():
        write(tmp_path / name, text)
    found = import_tree(tmp_path)
    assert only(found).task.name == "SciFact"
    assert counts(found) == {Oddity.NO_META: 1, Oddity.STRAY: 3, Oddity.UNREADABLE: 4, Oddity.EXPERIMENT: 1}


def test_a_model_run_with_other_arguments_is_an_experiment(tmp_path: Path) -> None:
    meta(tmp_path, "org/other", experiment_kwargs={"dim": 64})
    put(tmp_path, task(), model="org__other")
    meta(tmp_path, experiment_kwargs={"model_kwargs": {}})  # says nothing
    put(tmp_path, task())
    found = import_tree(tmp_path)
    assert only(found).encoder.name == "org/model"
    assert counts(found) == {Oddity.EXPERIMENT: 1}


def test_of_several_revisions_the_one_counts_that_mteb_s_board_takes(tmp_path: Path) -> None:
    name, main = "intfloat/e5-small", catalogue().revisions["intfloat/e5-small"]
    main_scores = {"test": [entry(main=0.3)]}
    for revision, record in {
        main: task("ArguAna", main_scores, mteb_version=None),
        "external": task("ArguAna", mteb_version="2.20.0"),
    }.items():
        meta(tmp_path, name, revision)
        put(tmp_path, record, revision, "intfloat__e5-small")
    put(tmp_path, task("SciFact"), "external", "intfloat__e5-small")
    found = import_tree(tmp_path)
    assert {result.task.name: result.main_score.value for result in found.results} == {"ArguAna": 0.3, "SciFact": 0.5}
    assert len({result.encoder.fingerprint for result in found.results}) == 1
    assert found.results[0].encoder.spec == f"mteb:{name}@{main}+external"
    seen = {Oddity.SUPERSEDED: 1, Oddity.REVISIONS: 1, Oddity.EXTERNAL: 2, Oddity.NO_VERSION: 1}
    assert counts(found) == seen


@pytest.mark.parametrize(
    ("strong", "weak"),
    [
        (("r1", "1.0.0"), ("r2", None)),
        (("r1", "1.0.0"), ("r2", "1.12.85-2.18.7")),
        (("r1", "1.0.0"), ("external", "2.0.0")),
        (("r1", None), ("no_revision_available", None)),
        (("r1", "1.10.0"), ("r2", "1.9.9")),
        (("r1", "1.1.2"), ("r2", "1.1.2.dev0")),
    ],
)
def test_without_a_main_revision(tmp_path: Path, strong: tuple[str, str], weak: tuple[str, str]) -> None:
    for revision, version in (strong, weak):
        main = 0.9 if (revision, version) == strong else 0.1
        put(tmp_path, task(scores={"test": [entry(main)]}, mteb_version=version), revision)
    assert only(import_tree(tmp_path)).main_score.value == 0.9


def test_revisions_may_stay_apart(tmp_path: Path) -> None:
    for revision in ("r1", "r2"):
        put(tmp_path, task(), revision)
    found = import_tree(tmp_path, each_revision=True)
    assert len({result.encoder.fingerprint for result in found.results}) == 2


def test_a_missing_subset_makes_the_score_undefined(tmp_path: Path) -> None:
    name = "AmazonCounterfactualClassification"
    put(tmp_path, task(name, {"test": [entry(0.5, "en"), entry(0.7, "de")]}), model="a__whole")
    put(tmp_path, task(name, {"test": [entry(0.6, "en")]}), model="b__holed")
    found = import_tree(tmp_path)
    whole, holed = found.results
    assert whole.main_score.value == 0.6
    assert holed.main_score.value is None
    assert [(cell.subset, cell.scores) for cell in holed.cells] == [
        ("en", {"accuracy": 0.6}),
        ("de", {"accuracy": None}),
    ]
    assert holed.warnings == ("test/de: not in the file, so the score of the task is undefined.",)
    assert whole.task.fingerprint == holed.task.fingerprint
    # What no file has (here: en-ext, ja, and the validation split) is not asked of anyone.
    assert counts(found)[Oddity.MISSING_CELL] == 1
    assert counts(found)[Oddity.UNSCORED_CELL] > 0


def test_different_revisions_of_the_data_compare_unless_told_otherwise(tmp_path: Path) -> None:
    put(tmp_path, task(), model="a__a")
    put(tmp_path, task(dataset_revision="d2"), model="b__b")
    found = import_tree(tmp_path)
    assert len({result.task.fingerprint for result in found.results}) == 1
    assert {each.imported.dataset_revision for each in found.results if each.imported} == {"d1", "d2"}
    assert counts(found)[Oddity.DATA_REVISIONS] == 1
    strict = import_tree(tmp_path, strict_data=True)
    assert len({result.task.fingerprint for result in strict.results}) == 2
    with pytest.raises(EvalkitError, match="different data"):
        align([(Path(result.encoder.name), result) for result in strict.results])


def test_tasks_that_nobody_knows(tmp_path: Path) -> None:
    put(tmp_path, task("Mine", {"test": [entry(0.5, "x", m=0.5)]}), model="a__a")
    put(tmp_path, task("Mine", {"test": [entry(0.5, "x", m=0.5), entry(0.6, "y", m=0.6)]}), model="b__b")
    found = import_tree(tmp_path)
    assert {result.task.type for result in found.results} == {"Unknown"}
    assert {result.main_score.metric for result in found.results} == {"m"}
    assert [result.main_score.value for result in found.results] == [None, 0.55]
    assert counts(found)[Oddity.UNKNOWN_TASK] == 1


def test_a_main_score_that_is_not_its_metric(tmp_path: Path) -> None:
    put(tmp_path, task(scores={"test": [entry(0.5, ndcg_at_10=0.4)]}))
    found = import_tree(tmp_path)
    assert only(found).main_score.value == only(found).cells[0].scores["ndcg_at_10"] == 0.5
    assert counts(found)[Oddity.OTHER_MAIN] == 1
    assert "the main score is kept" in only(found).warnings[0]


def test_a_file_named_otherwise_and_tasks_outside_the_benchmark(tmp_path: Path) -> None:
    write(tmp_path / "org__model" / REVISION / "Other.json", task("ArguAna"))
    put(tmp_path, task("Mine"))
    found = import_tree(tmp_path, benchmark="BEIR")
    assert only(found).task.name == "ArguAna"
    assert counts(found)[Oddity.NAME] == counts(found)[Oddity.OTHER_TASK] == 1


@pytest.mark.parametrize(
    ("version", "expected"),
    [("1.12.0", ((1, 12, 0), 0, 0)), ("1.1.2.dev0", ((1, 1, 2), -4, 0)), ("1.0-2.0", None), ("", None), (None, None)],
)
def test_versions_sort(version: str | None, expected: Any) -> None:
    assert parse_version(version) == expected
