"""Tasks with several subsets and splits: how cells are averaged, what each cell gets, and runs of some of them only."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import helpers
import pytest
from helpers import Counting, call_cli, jsonl, sentence, toml

import evalkit
from evalkit.errors import EvalkitError
from evalkit.part import Part
from evalkit.plugins import Plugins
from evalkit.protocols import Task
from evalkit.schema import CellRecord, mean_of_cells
from evalkit.testing import check_task

SPLITS, SUBSETS = ("dev", "test"), ("de", "en", "fr")


def several(folder: Path) -> Path:
    """Pairs in three subsets and two splits, but for dev/fr, which is missing."""
    helpers.sts(folder, splits=SPLITS, subsets=SUBSETS)
    (folder / "fr" / "dev.jsonl").unlink()
    head = '[languages]\nde = ["deu-Latn"]\nen = ["eng-Latn"]\nfr = ["fra-Latn", "oci-Latn"]\n'
    with (folder / "task.toml").open("a") as stream:
        stream.write(head)
    return folder


def keys(result: Any) -> list[str]:
    return [f"{cell.split}/{cell.subset}" for cell in result.cells]


def scored(folder: Path, **choice: Any) -> Any:
    [result] = evalkit.evaluate(Counting(), folder, cache=False, **choice)
    return result


# -- averaging -----------------------------------------------------------------------------------------------------


def test_every_cell_counts_the_same_whatever_split_it_is_in(tmp_path: Path) -> None:
    """As mteb's `TaskResult.get_score`; its own number is in `test_golden_labels.py`."""
    result = scored(several(tmp_path / "T"))
    values = [cell.scores["cosine_spearman"] for cell in result.cells]
    assert len(values) == len(set(values)) == 5
    assert result.main_score.value == pytest.approx(sum(values) / 5, abs=1e-15)
    of_splits = (sum(values[:2]) / 2 + sum(values[2:]) / 3) / 2
    assert abs(of_splits - result.main_score.value) > 1e-3


def test_a_cell_without_a_value_leaves_no_mean() -> None:
    """numpy.mean of a nan is nan, in mteb; here the mean is missing."""
    cells = tuple(
        CellRecord(split="test", subset=str(value), languages=(), scores={"m": value}, observations=None)
        for value in (0.5, None, 0.25)
    )
    assert mean_of_cells("m", cells) is None
    assert mean_of_cells("m", cells[::2]) == 0.375


def test_each_cell_has_its_languages_and_missing_ones_are_told(tmp_path: Path) -> None:
    result = scored(several(tmp_path / "T"))
    assert keys(result) == ["dev/de", "dev/en", "test/de", "test/en", "test/fr"]
    assert [cell.languages for cell in result.cells[2:]] == [("deu-Latn",), ("eng-Latn",), ("fra-Latn", "oci-Latn")]
    assert result.task.languages == ("deu-Latn", "eng-Latn", "fra-Latn", "oci-Latn")
    assert [text for text in result.warnings if "no data" in text] == [
        "dev/de: The task folder has no data for dev/fr."
    ]


def drawing(kind: str, folder: Path, subsets: tuple[str, ...]) -> Path:
    """A task whose protocol draws."""
    if kind == "Clustering":
        return helpers.clustering(folder, subsets=subsets)
    toml(folder, kind, n_experiments=3, **({"n_samples": 30} if kind == "Regression" else {}))
    for subset in subsets:
        for split, n in (("train", 50), ("test", 20)):
            texts = [sentence(i, subset + split) for i in range(n)]
            labels = [["red"] if i % 3 else ["blue", "green"] for i in range(n)]
            rows = [
                {"text": text, "labels": labels[i], "label": labels[i][0], "value": i * 17 % 23}
                for i, text in enumerate(texts)
            ]
            jsonl(folder / subset / f"{split}.jsonl", rows)
    return folder


@pytest.mark.parametrize("kind", ["Classification", "MultilabelClassification", "Regression", "Clustering"])
def test_a_cell_draws_the_same_alone_and_after_others(kind: str, tmp_path: Path) -> None:
    together = scored(drawing(kind, tmp_path / "T", ("aa", "de", "en")))
    alone = scored(drawing(kind, tmp_path / "alone" / "T", ("en",)))
    chosen = scored(tmp_path / "T", subsets="en")
    assert together.cells[2].model_dump() == alone.cells[0].model_dump() == chosen.cells[0].model_dump()
    assert together.cells[0].scores != together.cells[2].scores


# -- some cells only -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "cells"),
    [
        ({"splits": "dev"}, ["dev/de", "dev/en"]),
        ({"subsets": ["fr", "de"]}, ["dev/de", "test/de", "test/fr"]),
        ({"splits": ("test",), "subsets": ("en",)}, ["test/en"]),
    ],
)
def test_cells_outside_the_choice_are_left_out(choice: dict[str, Any], cells: list[str], tmp_path: Path) -> None:
    whole, part = scored(several(tmp_path / "T")), scored(tmp_path / "T", **choice)
    assert keys(part) == cells == part.task.protocol["cells"]
    by_name = dict(zip(keys(whole), whole.cells, strict=True))
    assert [cell.model_dump() for cell in part.cells] == [by_name[name].model_dump() for name in cells]
    values = [cell.scores["cosine_spearman"] for cell in part.cells]
    assert part.main_score.value == pytest.approx(sum(values) / len(values), abs=1e-15)
    assert f"{cells[0]}: Only {len(cells)} of the task's 5 cells were asked for." in part.warnings
    assert "cells" not in whole.task.protocol


def test_no_two_choices_share_a_fingerprint(tmp_path: Path) -> None:
    folder = several(tmp_path / "T")
    choices: list[dict[str, Any]] = [{}, {"splits": "dev"}, {"splits": "test"}, {"subsets": "de"}, {"subsets": "en"}]
    fingerprints = {scored(folder, **choice).task.fingerprint for choice in choices}
    assert len(fingerprints) == len(choices)
    everything = scored(folder, splits=SPLITS, subsets=SUBSETS)
    assert everything.task == scored(folder).task
    assert everything.warnings == scored(folder).warnings


def test_a_part_keeps_the_contract_and_the_abilities_of_the_whole(tmp_path: Path) -> None:
    whole = Plugins.installed().open_task(several(tmp_path / "T"))
    part = Part(whole, whole.cells()[1:3])
    assert isinstance(part, Task)
    check_task(part)
    assert part.folder is whole.folder
    assert not hasattr(part, "images")
    assert pickle.loads(pickle.dumps(part)).fingerprint == copy.copy(part).fingerprint == part.fingerprint


def test_a_part_is_found_again_and_gives_way_to_the_whole(tmp_path: Path) -> None:
    folder, output = several(tmp_path / "T"), tmp_path / "out"
    for _ in range(2):
        encoder = Counting()
        evalkit.evaluate(encoder, folder, output=output, cache=False, subsets="de")
    assert encoder.calls == 0
    [other] = evalkit.evaluate(Counting(), folder, output=output, cache=False, subsets="en", force=True)
    assert keys(other) == ["dev/en", "test/en"]
    [whole] = evalkit.evaluate(Counting(), folder, output=output, cache=False)
    assert len(whole.cells) == 5


def test_a_part_never_replaces_the_whole_unasked(tmp_path: Path) -> None:
    folder, output = several(tmp_path / "T"), tmp_path / "out"
    evalkit.evaluate(Counting(), folder, output=output, cache=False)
    kept = {path: path.read_bytes() for path in output.rglob("*.json")}
    with pytest.raises(EvalkitError, match="holds what counting scored on the whole of T") as caught:
        evalkit.evaluate(Counting(), folder, output=output, cache=False, subsets="de")
    assert "-o" in str(caught.value)
    assert {path: path.read_bytes() for path in output.rglob("*.json")} == kept
    [part] = evalkit.evaluate(Counting(), folder, output=output, cache=False, subsets="de", force=True)
    assert keys(part) == ["dev/de", "test/de"]


def test_tasks_without_such_a_cell_are_left_out_and_unknown_names_told(tmp_path: Path) -> None:
    several(tmp_path / "A")
    helpers.sts(tmp_path / "B")
    results = evalkit.evaluate(Counting(), data=tmp_path, cache=False, subsets="fr")
    assert [result.task.name for result in results] == ["A"]
    assert results.left_out == ("any encoder on B: it has no cell of the splits and subsets asked for.",)
    with pytest.raises(EvalkitError, match="No task has the subset 'fra'") as caught:
        evalkit.evaluate(Counting(), data=tmp_path, cache=False, subsets="fra")
    assert "There are: de, default, en, fr." in str(caught.value)
    with pytest.raises(EvalkitError, match="No task has the split 'train'"):
        evalkit.evaluate(Counting(), data=tmp_path, cache=False, splits="train")
    # dev/fr is the missing cell: no task is left.
    with pytest.raises(EvalkitError, match="it has no cell of the splits and subsets asked for"):
        evalkit.evaluate(Counting(), data=tmp_path, cache=False, splits="dev", subsets="fr")


def test_the_command_line_takes_splits_and_subsets(tmp_path: Path) -> None:
    several(tmp_path / "data" / "T")
    done = call_cli(
        *("run", "-m", "hashing", "--data", tmp_path / "data", "-o", tmp_path / "out", "--json", "--no-cache"),
        *("--split", "test", "--subset", "en", "--subset", "fr"),
    )
    assert done.returncode == 0
    [entry] = json.loads(done.stdout)["results"]
    record = json.loads(Path(entry["path"]).read_text())
    assert record["task"]["protocol"]["cells"] == ["test/en", "test/fr"]
    assert [(cell["split"], cell["subset"]) for cell in record["cells"]] == [("test", "en"), ("test", "fr")]
    assert "Only 2 of the task's 5 cells were asked for." in done.stderr
    wrong = call_cli("run", "-m", "hashing", "--data", tmp_path / "data", "--subset", "es", "-o", tmp_path / "none")
    assert wrong.returncode == 2
    assert "No task has the subset 'es'" in wrong.stderr
