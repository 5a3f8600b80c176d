"""What a task folder means: which rows count, how texts are joined, and when two folders are the same task."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import helpers
import numpy as np
import pytest

import evalkit
from evalkit.data import TaskFolder, find_folders, read_retrieval
from evalkit.data.jsonl import columns, is_text
from evalkit.errors import DataError
from evalkit.plugins import Plugins


def fingerprint(folder: Path) -> str:
    return Plugins.installed().open_task(folder).fingerprint


def test_queries_without_judgements_are_dropped_and_unjudged_documents_stay(tmp_path: Path) -> None:
    folder = helpers.retrieval(tmp_path / "R", n=5, n_queries=4)
    helpers.qrels(folder, [("q2", "d0", 1), ("q0", "d1", 1)])
    data = read_retrieval(folder, "test")
    assert data.query_ids == ["q0", "q2"]  # in the order of the queries file
    assert len(data.documents) == 5


def test_a_query_whose_judgements_are_all_zero_stays_and_scores_zero(tmp_path: Path) -> None:
    folder = helpers.retrieval(tmp_path / "R", n=5, n_queries=2)
    helpers.qrels(folder, [("q0", "d0", 1), ("q1", "d1", 0), ("q1", "d2", 0)])
    [result] = evalkit.evaluate(helpers.Counting(), folder, cache=False)
    observations = evalkit.Results.observations(result)
    assert observations.ids == ("q0", "q1")
    assert observations.columns["ndcg_at_10"][1] == 0
    assert result.main_score.value == observations.columns["ndcg_at_10"].mean() == 0.5


def test_a_pair_judged_twice_keeps_the_last_grade(tmp_path: Path) -> None:
    folder = helpers.retrieval(tmp_path / "R", n=3, n_queries=1)
    helpers.qrels(folder, [("q0", "d0", 0), ("q0", "d0", 3)])
    assert read_retrieval(folder, "test").qrels.relevance.tolist() == [3]


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"title": "Bread", "text": "rises"}, "Bread rises"),
        ({"title": "", "text": " rises \n"}, "rises"),
        ({"title": None, "text": "rises"}, "rises"),
        ({"text": "  rises"}, "rises"),
        ({"title": " Bread", "text": ""}, "Bread"),
        ({"title": "Bread ", "text": " rises"}, "Bread   rises"),
        ({"title": "", "text": ""}, ""),
    ],
)
def test_documents_are_title_and_text_joined_and_stripped(row: dict[str, Any], text: str, tmp_path: Path) -> None:
    folder = helpers.retrieval(tmp_path / "R", n=1, n_queries=1)
    helpers.jsonl(folder / "corpus.jsonl", [{"_id": "d0", **row}])
    helpers.qrels(folder, [("q0", "d0", 1)])
    assert read_retrieval(folder, "test").documents == [text]


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"text": " why \n"}, " why \n"),
        ({"text": "why", "instruction": "Answer."}, "why Answer."),
        ({"text": "why", "instruction": ""}, "why "),
        ({"text": "why", "instruction": None}, "why"),
    ],
)
def test_queries_are_text_and_instruction_as_they_are(row: dict[str, Any], text: str, tmp_path: Path) -> None:
    folder = helpers.retrieval(tmp_path / "R", n=1, n_queries=1)
    helpers.jsonl(folder / "queries.jsonl", [{"_id": "q0", **row}])
    helpers.qrels(folder, [("q0", "d0", 1)])
    assert read_retrieval(folder, "test").queries == [text]


def test_white_space_is_data(tmp_path: Path) -> None:
    texts = ["a", " a", "a ", "a\t", "a\n", "a\u2028b", "a\u00a0", "a\x85b", "a\rb", ""]
    folder = helpers.toml(tmp_path / "S", "STS")
    rows = [{"sentence1": text, "sentence2": "b", "score": i} for i, text in enumerate(texts)]
    helpers.jsonl(folder / "test.jsonl", rows)
    # Unescaped too: only a line feed ends a line of JSON Lines.
    (folder / "test.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    encoder = helpers.Counting()
    evalkit.evaluate(encoder, folder)
    assert set(encoder.texts) == {*texts, "b"}
    assert len(encoder.texts) == len(texts) + 1


def test_blank_lines_windows_line_ends_and_a_byte_order_mark_are_no_data(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_bytes(b'\xef\xbb\xbf{"text": "a"}\r\n\r\n  \r\n{"text": "b", "more": 1}')
    assert columns(file, {"text": is_text}) == {"text": ["a", "b"]}
    folder = helpers.retrieval(tmp_path / "R", n=2, n_queries=1)
    toml = folder / "task.toml"
    toml.write_bytes(b"\xef\xbb\xbf" + toml.read_bytes().replace(b"\n", b"\r\n"))
    (folder / "qrels" / "test.tsv").write_bytes(b"\xef\xbb\xbfq0\td0\t1\r\n\r\nq0\td1\t 2\r\n")
    assert TaskFolder.open(folder).spec.type == "Retrieval"
    assert read_retrieval(folder, "test").qrels.relevance.tolist() == [1, 2]


def test_judgements_with_and_without_a_header_are_the_same(tmp_path: Path) -> None:
    folder = helpers.retrieval(tmp_path / "R", n=4, n_queries=2)
    path = folder / "qrels" / "test.tsv"
    first = read_retrieval(folder, "test").qrels
    path.write_text(path.read_text().split("\n", 1)[1])
    second = read_retrieval(folder, "test").qrels
    assert np.array_equal(first.documents, second.documents)
    assert np.array_equal(first.offsets, second.offsets)


def test_subsets_are_folders_that_hold_a_split(tmp_path: Path) -> None:
    folder = helpers.sts(tmp_path / "S", splits=("dev", "test"), subsets=("en", "de"))
    (folder / "notes").mkdir()
    (folder / "task.toml").write_text(
        (folder / "task.toml").read_text().replace("[protocol]", '[languages]\nen = ["eng-Latn"]')
    )
    cells = Plugins.installed().open_task(folder).cells()
    assert [(cell.split, cell.subset) for cell in cells] == [
        ("dev", "de"),
        ("dev", "en"),
        ("test", "de"),
        ("test", "en"),
    ]
    assert {cell.subset: cell.languages for cell in cells} == {"de": (), "en": ("eng-Latn",)}


def cells_of(folder: Path) -> list[tuple[str, str]]:
    return [(cell.split, cell.subset) for cell in Plugins.installed().open_task(folder).cells()]


def test_a_subset_may_be_called_default(tmp_path: Path) -> None:
    folder = helpers.sts(tmp_path / "S", subsets=("default", "other"))
    assert cells_of(folder) == [("test", "default"), ("test", "other")]
    [result] = evalkit.evaluate(helpers.Counting(), folder, cache=False)
    [alone] = evalkit.evaluate(helpers.Counting(), helpers.sts(tmp_path / "T", salt="default"), cache=False)
    assert result.cells[0].scores == alone.cells[0].scores


def test_files_that_are_not_scored_do_not_hide_the_subsets(tmp_path: Path) -> None:
    folder = helpers.sts(tmp_path / "S", subsets=("de", "en"))
    helpers.jsonl(folder / "train.jsonl", [{"text": "x", "label": "y"}])
    assert cells_of(folder) == [("test", "de"), ("test", "en")]


def test_a_folder_beside_the_data_is_no_subset(tmp_path: Path) -> None:
    folder = helpers.sts(tmp_path / "S")
    helpers.jsonl(folder / "original" / "everything.jsonl", [{"text": "x"}])
    assert cells_of(folder) == [("test", "default")]


def test_a_split_in_the_folder_and_in_subfolders_is_refused(tmp_path: Path) -> None:
    folder = helpers.sts(tmp_path / "S", subsets=("", "de", "en"))
    with pytest.raises(DataError, match=r"S holds a split itself, and so do its subfolders de, en\. Move"):
        cells_of(folder)


def test_a_split_that_some_subsets_lack_is_a_warning(tmp_path: Path) -> None:
    folder = helpers.sts(tmp_path / "S", splits=("dev", "test"), subsets=("de", "en"))
    (folder / "de" / "dev.jsonl").unlink()
    assert cells_of(folder) == [("dev", "en"), ("test", "de"), ("test", "en")]
    [result] = evalkit.evaluate(helpers.Counting(), folder, cache=False)
    assert len(result.cells) == 3
    assert result.warnings == ("dev/en: The task folder has no data for dev/de.",)
    (folder / "en" / "dev.jsonl").unlink()
    with pytest.raises(DataError, match=r"dev\.jsonl does not exist.*eval_splits"):
        evalkit.evaluate(helpers.Counting(), folder, cache=False)


def test_the_fingerprint_covers_data_protocol_and_cells_and_nothing_else(tmp_path: Path) -> None:
    folder = helpers.sts(tmp_path / "S", splits=("dev", "test"))
    first = fingerprint(folder)
    toml = folder / "task.toml"
    original = toml.read_text()

    toml.write_text('license = "MIT"\ndescription = "x"\n' + original)
    (folder / "README.md").write_text("no data")
    assert fingerprint(folder) == first
    toml.write_text('languages = ["deu-Latn"]\n' + original)
    assert fingerprint(folder) != first
    toml.write_text(original.replace('["dev", "test"]', '["test"]'))
    assert fingerprint(folder) != first
    toml.write_text(original + "max_score = 4\n")
    assert fingerprint(folder) != first
    toml.write_text('main_score = "pearson"\n' + original)
    assert fingerprint(folder) != first
    toml.write_text(original)
    assert fingerprint(folder) == first
    helpers.edit(folder / "dev.jsonl", 1, '{"sentence1": "a", "sentence2": "b", "score": 1}')
    assert fingerprint(folder) != first


def test_the_version_of_the_implementation_is_its_own(tmp_path: Path) -> None:
    folder = helpers.sts(tmp_path / "S")
    first = fingerprint(folder)
    (folder / "task.toml").write_text((folder / "task.toml").read_text() + "version = 7\n")
    task = Plugins.installed().open_task(folder)
    assert task.protocol["version"] == 1
    assert task.fingerprint == first
    [result] = evalkit.evaluate(helpers.Counting(), folder, cache=False)
    assert result.warnings == ("test/default: The protocol parameter 'version' means nothing to the type STS.",)


@pytest.mark.parametrize("kind", ["", "legacy"])
def test_results_of_two_versions_of_scikit_learn_never_compare(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = helpers.clustering(tmp_path / "C")
    (folder / "task.toml").write_text((folder / "task.toml").read_text() + f"kind = {json.dumps(kind)}\n")
    fingerprints = set()
    for version in ("1.8.0", "1.9.0", "1.9.1"):
        monkeypatch.setattr("evalkit_tasks.clustering.version", lambda name, said=version: said)
        task = Plugins.installed().open_task(folder)
        assert task.protocol["scikit_learn"] == version[:3]
        fingerprints.add(task.fingerprint)
    assert len(fingerprints) == 2


def test_one_clustering_protocol_has_one_fingerprint_under_all_its_names(tmp_path: Path) -> None:
    folder = helpers.clustering(tmp_path / "C")
    original = (folder / "task.toml").read_text()
    first = fingerprint(folder)
    for name in ("", "fast", "bootstrap"):
        (folder / "task.toml").write_text(original + f"kind = {json.dumps(name)}\n")
        assert fingerprint(folder) == first


def test_the_fingerprint_is_the_same_wherever_the_folder_lies(tmp_path: Path) -> None:
    assert fingerprint(helpers.sts(tmp_path / "a" / "S")) == fingerprint(helpers.sts(tmp_path / "b" / "T"))


def test_a_root_is_a_task_folder_or_holds_some(tmp_path: Path) -> None:
    helpers.sts(tmp_path / "A")
    helpers.sts(tmp_path / "B")
    (tmp_path / "other").mkdir()
    assert sorted(find_folders([tmp_path])) == ["A", "B"]
    assert sorted(find_folders([tmp_path / "A", tmp_path])) == ["A", "B"]  # one folder named twice is one


def test_two_roots_with_one_task_name_are_refused(tmp_path: Path) -> None:
    helpers.sts(tmp_path / "one" / "Same")
    helpers.sts(tmp_path / "two" / "Same")
    with pytest.raises(DataError, match=r"'Same' is in .*one and in .*two.*Rename one"):
        find_folders([tmp_path / "one", tmp_path / "two"])


def test_a_folder_wins_over_a_built_in_task_of_its_name(tmp_path: Path) -> None:
    helpers.sts(tmp_path / "QuickSTS", n=5)
    [result] = evalkit.evaluate(helpers.Counting(), "QuickSTS", data=[tmp_path], cache=False)
    assert len(evalkit.Results.observations(result)) == 5
