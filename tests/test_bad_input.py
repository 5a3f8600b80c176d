"""Whatever is wrong with the data ends in one sentence that says where and what to do; the other tasks go on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import helpers
import pytest

import evalkit
from evalkit.errors import DataError, EvalkitError
from evalkit.reporter import Reporter

Build = Callable[[Path], object]
PAIR = {"sentence1": "a", "sentence2": "b", "score": 1}


def sts_line(text: str) -> Build:
    """An STS task whose third line is this."""
    return lambda folder: helpers.edit(helpers.sts(folder) / "test.jsonl", 3, text)


def sts_row(**changes: Any) -> Build:
    return sts_line(json.dumps({**PAIR, **changes}))


def qrels(*rows: tuple[Any, ...]) -> Build:
    return lambda folder: helpers.qrels(helpers.retrieval(folder), [("q0", "d0", 1), *rows])  # type: ignore[list-item]


def rewrite(build: Callable[..., Path], file: str, text: str | bytes) -> Build:
    def write(folder: Path) -> None:
        path = build(folder) / file
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    return write


def remove(build: Callable[..., Path], file: str) -> Build:
    return lambda folder: (build(folder) / file).unlink()


def labelled(labels: list[Any], split: str = "train") -> Build:
    def write(folder: Path) -> None:
        rows = [{"text": f"text {i}", "label": label} for i, label in enumerate(labels)]
        helpers.jsonl(helpers.classification(folder) / f"{split}.jsonl", rows)

    return write


def clustered(labels: list[Any]) -> Build:
    def write(folder: Path) -> None:
        rows = [{"text": f"text {i}", "label": label} for i, label in enumerate(labels)]
        helpers.jsonl(helpers.clustering(folder) / "test.jsonl", rows)

    return write


def sets(**row: Any) -> Build:
    return lambda folder: helpers.jsonl(helpers.toml(folder, "Clustering") / "test.jsonl", [row])


def toml_line(old: str, new: str, build: Callable[..., Path] = helpers.sts) -> Build:
    def write(folder: Path) -> None:
        path = build(folder) / "task.toml"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    return write


PROTOCOL = "[protocol]\n"
CASES: dict[str, tuple[Build, list[str]]] = {
    # -- JSON Lines
    "malformed": (sts_line('{"sentence1": "a", '), ["test.jsonl:3:", "no valid JSON", "column", "Mend that line"]),
    "cut_off": (
        rewrite(helpers.sts, "test.jsonl", json.dumps(PAIR) + '\n{"sentence1": "a", "sent'),
        ["test.jsonl:2:", "no valid JSON"],
    ),
    "no_object": (sts_line('["a", "b", 1]'), ["test.jsonl:3:", "expected a JSON object"]),
    "deeply_nested": (sts_line("[" * 100_000), ["test.jsonl:3:", "no valid JSON"]),
    "huge_number": (sts_line('{"score": 1%s}' % ("0" * 5000)), ["test.jsonl:3:", "no valid JSON"]),
    "half_character": (
        sts_line('{"sentence1": "\\ud83d", "sentence2": "b", "score": 1}'),
        ["test.jsonl:3:", "surrogate"],
    ),
    "missing_field": (
        sts_line('{"sentence1": "a", "text": "b", "score": 1}'),
        ["test.jsonl:3:", "'sentence2' is missing", "sentence1, text, score"],
    ),
    "no_fields": (sts_line("{}"), ["test.jsonl:3:", "'sentence1' is missing", "none"]),
    "wrong_type": (sts_row(sentence1=7), ["test.jsonl:3:", "'sentence1' is 7", "string"]),
    "null_text": (sts_row(sentence1=None), ["test.jsonl:3:", "'sentence1' is null", "string"]),
    "nan_score": (sts_line('{"sentence1": "a", "sentence2": "b", "score": NaN}'), [":3:", "'score' is NaN", "finite"]),
    "infinite_score": (sts_line('{"sentence1": "a", "sentence2": "b", "score": 1e999}'), [":3:", "'score'", "finite"]),
    "score_beyond_floats": (sts_row(score=10**400), [":3:", "'score'", "finite"]),
    "score_as_text": (sts_row(score="4.5"), [":3:", "'score' is \"4.5\"", "finite"]),
    "score_true": (sts_row(score=True), [":3:", "'score' is true", "finite"]),
    "empty_file": (rewrite(helpers.sts, "test.jsonl", ""), ["test.jsonl is empty"]),
    "blank_file": (rewrite(helpers.sts, "test.jsonl", "\n \n"), ["test.jsonl is empty"]),
    "not_utf8": (
        rewrite(helpers.sts, "test.jsonl", json.dumps(PAIR).encode() + b'\n{"sentence1": "caf\xe9"}\n'),
        ["test.jsonl:2:", "not UTF-8", "Save the file as UTF-8"],
    ),
    "utf16": (rewrite(helpers.sts, "test.jsonl", json.dumps(PAIR).encode("utf-16")), ["test.jsonl:1:", "not UTF-8"]),
    "missing_split": (toml_line('["test"]', '["test", "dev"]'), ["dev.jsonl does not exist", "eval_splits"]),
    "split_is_a_folder": (
        lambda folder: (remove(helpers.sts, "test.jsonl")(folder), (folder / "test.jsonl").mkdir()),
        ["test.jsonl", "cannot be read"],
    ),
    "missing_train": (remove(helpers.classification, "train.jsonl"), ["train.jsonl does not exist"]),
    "no_data": (remove(helpers.sts, "test.jsonl"), ["holds no data files"]),
    # -- retrieval
    "unknown_query": (qrels(("q99", "d1", 1)), ["test.tsv:3:", "query 'q99' is not in queries.jsonl", "remove"]),
    "unknown_document": (qrels(("q1", "d99", 1)), ["test.tsv:3:", "document 'd99' is not in corpus.jsonl", "remove"]),
    "two_columns": (qrels(("q1", "d1")), ["test.tsv:3:", "expected query-id, corpus-id", "tabs"]),
    "trec_columns": (qrels(("q1", "0", "d1", 1)), ["test.tsv:3:", "expected query-id, corpus-id"]),
    "spaces_for_tabs": (qrels(("q1 d1 1",)), ["test.tsv:3:", "tabs"]),
    "fraction_grade": (qrels(("q1", "d1", "0.5")), ["test.tsv:3:", "whole-number"]),
    "huge_grade": (qrels(("q1", "d1", 10**30)), ["test.tsv:3:", "whole-number"]),
    "qrels_not_utf8": (
        rewrite(helpers.retrieval, "qrels/test.tsv", b"q0\td0\t1\nq1\td\xff\t1\n"),
        ["test.tsv:2:", "not UTF-8"],
    ),
    "duplicate_document": (
        lambda folder: helpers.edit(helpers.retrieval(folder) / "corpus.jsonl", 2, '{"_id": "d0", "text": "x"}'),
        ["corpus.jsonl", "id 'd0' is there twice"],
    ),
    "duplicate_query": (
        lambda folder: helpers.edit(helpers.retrieval(folder) / "queries.jsonl", 2, '{"_id": "q0", "text": "x"}'),
        ["queries.jsonl", "id 'q0' is there twice"],
    ),
    "number_as_id": (
        lambda folder: helpers.edit(helpers.retrieval(folder) / "corpus.jsonl", 2, '{"_id": 1, "text": "x"}'),
        ["corpus.jsonl:2:", "'_id' is 1", "string"],
    ),
    "title_of_a_wrong_type": (
        lambda folder: helpers.edit(helpers.retrieval(folder) / "corpus.jsonl", 2, '{"_id":"d1","text":"x","title":3}'),
        ["corpus.jsonl:2:", "'title' is 3"],
    ),
    "empty_corpus": (rewrite(helpers.retrieval, "corpus.jsonl", ""), ["corpus.jsonl is empty"]),
    "empty_queries": (rewrite(helpers.retrieval, "queries.jsonl", ""), ["queries.jsonl is empty"]),
    "empty_qrels": (rewrite(helpers.retrieval, "qrels/test.tsv", ""), ["test.tsv holds no judgements"]),
    "only_a_header": (rewrite(helpers.retrieval, "qrels/test.tsv", "query-id\tcorpus-id\tscore\n"), ["no judgements"]),
    "missing_corpus": (remove(helpers.retrieval, "corpus.jsonl"), ["corpus.jsonl does not exist"]),
    "missing_qrels": (remove(helpers.retrieval, "qrels/test.tsv"), ["test.tsv does not exist"]),
    # -- labels
    "mixed_labels": (labelled(["a", "b", 1, 2]), ["some labels are numbers and some are strings"]),
    "mixed_over_splits": (labelled([0, 1, 0, 1]), ["some labels are numbers and some are strings"]),
    "one_class": (labelled(["red"] * 8), ["one class only", "needs two"]),
    "null_label": (labelled(["red", None]), ["train.jsonl:2:", "'label' is null"]),
    "mixed_clusters": (clustered(["a", 1] * 10), ["some labels are numbers and some are strings"]),
    "empty_path": (clustered([["a"], []] * 10), ["test.jsonl:2:", "'label' is []"]),
    "sets_of_unequal_length": (sets(texts=["a", "b"], labels=[1]), ["set 1 has 2 texts and 1 labels"]),
    "empty_set": (sets(texts=[], labels=[]), ["set 1 has 0 texts"]),
    "sets_without_labels": (sets(texts=["a"]), ["test.jsonl:1:", "'labels' is missing"]),
    # -- task.toml
    "bad_toml": (toml_line(PROTOCOL, "[protocol\n"), ["task.toml: no valid TOML", "Mend"]),
    "toml_not_utf8": (rewrite(helpers.sts, "task.toml", b'name = "caf\xe9"'), ["task.toml: no valid TOML"]),
    "no_type": (toml_line('type = "STS"', ""), ["task.toml: type:"]),
    "splits_as_text": (toml_line('["test"]', '"test"'), ["task.toml: eval_splits:"]),
    "no_splits": (toml_line('["test"]', "[]"), ["task.toml: eval_splits:"]),
    "split_twice": (toml_line('["test"]', '["test", "test"]'), ["task.toml: eval_splits:", "twice"]),
    "prompt_of_a_wrong_type": (toml_line(PROTOCOL, "[protocol]\nprompt = 5\n"), ["task.toml: protocol.prompt"]),
    "prompts_of_a_wrong_type": (toml_line(PROTOCOL, "[protocol.prompt]\nquery = 5\n"), ["task.toml: protocol.prompt"]),
    "wrong_value": (toml_line(PROTOCOL, '[protocol]\nmax_score = "high"\n'), ["task.toml: protocol.max_score"]),
    "value_not_finite": (
        toml_line(PROTOCOL, "[protocol]\nmax_score = nan\n"),
        ["task.toml: protocol.max_score", "a finite number"],
    ),
    "value_out_of_range": (
        toml_line("n_experiments = 3", "n_experiments = 0", helpers.classification),
        ["task.toml: protocol.n_experiments", "greater than or equal to 1"],
    ),
    "unknown_choice": (
        toml_line(PROTOCOL, '[protocol]\nclassifier = "kNN"\n', helpers.classification),
        ["task.toml: protocol.classifier", "LogisticRegression"],
    ),
    "no_cut_offs": (toml_line("[1, 3, 10]", "[]", helpers.retrieval), ["task.toml: protocol.k_values"]),
    "share_of_nothing": (toml_line("0.7", "0.001", helpers.clustering), ["none", "Raise the share"]),
    "wrong_main_score": (
        toml_line(PROTOCOL, "", lambda folder: toml_main(folder, "spearmann")),
        ["STS has no metric 'spearmann'", "cosine_spearman", "Correct main_score"],
    ),
    "main_score_of_no_cut_off": (
        lambda folder: toml_main(folder, "ndcg_at_7", helpers.retrieval),
        ["Retrieval has no metric 'ndcg_at_7'", "ndcg_at_10", "Correct main_score"],
    ),
    "default_main_score_without_its_cut_off": (
        toml_line("[1, 3, 10]", "[1, 3]", helpers.retrieval),
        ["no metric 'ndcg_at_10'", "ndcg_at_3", "hit_rate_at_3, accuracy"],
    ),
    "main_score_of_another_type": (
        lambda folder: toml_main(folder, "v_measure", helpers.classification),
        ["Classification has no metric 'v_measure'", "f1_weighted"],
    ),
    "main_score_of_another_protocol": (
        toml_line(PROTOCOL, '[protocol]\nkind = "legacy"\n', lambda f: toml_main(f, "ami", helpers.clustering)),
        ["Clustering has no metric 'ami'", "v_measure, v_measure_std"],
    ),
    "unknown_kind": (
        toml_line(PROTOCOL, '[protocol]\nkind = "legcy"\n', helpers.clustering),
        ["task.toml: protocol.kind", "legacy"],
    ),
    "negative_share": (toml_line("0.7", "-0.5", helpers.clustering), ["max_fraction_of_documents_to_embed", "than 0"]),
    "negative_number": (
        toml_line("max_fraction_of_documents_to_embed = 0.7", "max_document_to_embed = -1", helpers.clustering),
        ["protocol.max_document_to_embed", "greater than or equal to 1"],
    ),
}


def toml_main(folder: Path, metric: str, build: Callable[..., Path] = helpers.sts) -> Path:
    path = build(folder) / "task.toml"
    path.write_text(f'main_score = "{metric}"\n{path.read_text()}')
    return folder


class Ears(Reporter):
    """Keeps what went wrong."""

    def __init__(self) -> None:
        self.failures: list[tuple[str, EvalkitError]] = []

    def task_failed(self, encoder: str, task: str, error: EvalkitError) -> None:
        self.failures.append((task, error))


@pytest.mark.parametrize("case", CASES)
def test_bad_data_is_a_sentence_and_the_other_task_goes_on(case: str, tmp_path: Path) -> None:
    build, expected = CASES[case]
    build(tmp_path / "data" / "Bad")
    helpers.sts(tmp_path / "data" / "Good")
    ears = Ears()
    results = evalkit.evaluate(
        helpers.Counting(), data=[tmp_path / "data"], output=tmp_path / "out", cache=False, reporter=ears
    )
    assert [result.task.name for result in results] == ["Good"]
    [(task, error)] = ears.failures
    assert task == "Bad"
    for part in expected:
        assert part in str(error)
    assert helpers.is_a_sentence(error.message)
    assert helpers.is_a_sentence(error.hint)
    assert error.exit_code == 2
    assert results.failures[0].endswith(str(error))
    assert helpers.files(tmp_path / "out") == [f"{helpers.HOME}/Good.json"]


def test_alone_it_is_raised(tmp_path: Path) -> None:
    sts_line("{")(tmp_path / "Bad")
    with pytest.raises(EvalkitError, match=r"test\.jsonl:3: no valid JSON") as caught:
        evalkit.evaluate(helpers.Counting(), tmp_path / "Bad")
    assert caught.value.exit_code == 2


def test_the_other_subsets_of_a_task_go_on_and_are_not_scored_again(tmp_path: Path) -> None:
    folder = helpers.sts(tmp_path / "S", subsets=("de", "en", "fr", "it"))
    broken, good = folder / "de" / "test.jsonl", (folder / "de" / "test.jsonl").read_text()
    helpers.edit(broken, 2, "[]")
    with pytest.raises(EvalkitError, match=r"test/de: .*test\.jsonl:2: expected a JSON object"):
        evalkit.evaluate(helpers.Counting(), folder, output=tmp_path / "out", cache=False)
    assert helpers.files(tmp_path / "out") == [f"{helpers.HOME}/S.partial"]

    # The repaired file makes it another task, whose cells are all new: nothing of the old one is taken for it.
    broken.write_text(good)
    encoder = helpers.Counting()
    evalkit.evaluate(encoder, folder, output=tmp_path / "out", cache=False)
    assert {text.split()[0] for text in encoder.texts} == {"de", "en", "fr", "it"}
    assert helpers.files(tmp_path / "out") == [f"{helpers.HOME}/S.json"]


def test_several_failing_cells_are_counted(tmp_path: Path) -> None:
    folder = helpers.sts(tmp_path / "S", subsets=("de", "en", "fr"))
    for subset in ("de", "fr"):
        helpers.edit(folder / subset / "test.jsonl", 2, "[]")
    with pytest.raises(EvalkitError, match=r"test/de: .* One more cell failed too\."):
        evalkit.evaluate(helpers.Counting(), folder, cache=False)


# -- names -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"tasks": "QuickSST"}, ["Unknown task 'QuickSST'", "Did you mean QuickSTS", "evalkit list tasks"]),
        ({"tasks": "zzz*"}, ["Unknown task 'zzz*'", "evalkit list tasks"]),
        ({"suite": "quik"}, ["Unknown suite 'quik'", "Did you mean quick", "evalkit list suites"]),
        ({}, ["No task was named", "--suite quick"]),
        ({"data": ["/nowhere"]}, ["/nowhere is no folder"]),
        ({"tasks": Path("/nowhere")}, ["/nowhere is no task folder"]),
        ({"suite": "quick", "batch_size": 0}, ["batch"]),
    ],
)
def test_what_is_not_there(arguments: dict[str, Any], expected: list[str]) -> None:
    with pytest.raises(EvalkitError) as caught:
        evalkit.evaluate(helpers.Counting(), **arguments)
    assert all(part in str(caught.value) for part in expected), caught.value
    assert caught.value.exit_code == 2


def test_an_unknown_encoder() -> None:
    with pytest.raises(EvalkitError, match=r"Unknown encoder 'hashin'.*Did you mean hashing"):
        evalkit.evaluate("hashin", suite="quick")


def test_an_unknown_task_type_asked_for_by_name(tmp_path: Path) -> None:
    toml_line('"STS"', '"Retreival"')(tmp_path / "Odd")
    for given in ({"tasks": tmp_path / "Odd"}, {"tasks": "Odd", "data": [tmp_path]}):
        with pytest.raises(EvalkitError, match=r"Unknown task type 'Retreival'.*Did you mean Retrieval") as caught:
            evalkit.evaluate(helpers.Counting(), **given)
        assert caught.value.exit_code == 2


def test_a_folder_without_tasks(tmp_path: Path) -> None:
    (tmp_path / "something").mkdir()
    with pytest.raises(DataError, match=r"holds no task folder \(a folder with a task\.toml\)"):
        evalkit.evaluate(helpers.Counting(), data=[tmp_path])


def test_two_tasks_of_one_name_would_overwrite_each_other(tmp_path: Path) -> None:
    folders = [helpers.sts(tmp_path / "one" / "Same"), helpers.sts(tmp_path / "two" / "Same", n=9)]
    with pytest.raises(EvalkitError, match="'Same' is given twice"):
        evalkit.evaluate(helpers.Counting(), folders, output=tmp_path / "out")


@pytest.mark.parametrize("build", [helpers.sts, helpers.classification, helpers.clustering, helpers.retrieval])
def test_an_unknown_protocol_key_is_a_warning(build: Callable[..., Path], tmp_path: Path) -> None:
    toml_line(PROTOCOL, '[protocol]\nsampels_per_label = 8\nprompt = "Find."\n', build)(tmp_path / "T")
    [result] = evalkit.evaluate(helpers.Counting(), tmp_path / "T", cache=False)
    [warning] = result.warnings
    assert "'sampels_per_label' means nothing to the type" in warning


# -- the command line --------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_command_prints_one_sentence_a_failure_and_keeps_the_rest(tmp_path: Path) -> None:
    sts_line("{")(tmp_path / "data" / "Bad")
    helpers.sts(tmp_path / "data" / "Good")
    done = helpers.call_cli("run", "-m", "hashing", "--data", tmp_path / "data", "-o", tmp_path / "out")
    assert done.returncode == 2
    assert "test.jsonl:3: no valid JSON" in done.stderr
    assert "Traceback" not in done.stderr
    assert [Path(name).name for name in helpers.files(tmp_path / "out")] == ["Good.json"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ["-m", "hashing", "-t", "QuickSST"],
        ["-m", "hashin", "-t", "QuickSTS"],
        ["-m", "hashing", "--suite", "quik"],
        ["-m", "hashing", "--data", "/nowhere"],
        ["-m", "hashing:dim=many", "-t", "QuickSTS"],
        ["-m", "st:/nowhere/model", "-t", "QuickSTS"],
        ["-m", "python:/nowhere.py:encode", "-t", "QuickSTS"],
    ],
)
def test_the_command_exits_with_2_for_what_is_not_there(arguments: list[str], tmp_path: Path) -> None:
    done = helpers.run_cli("run", *arguments, "-o", tmp_path / "out")
    assert done.returncode == 2
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists() or not helpers.files(tmp_path / "out")
