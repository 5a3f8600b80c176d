"""Pair classification, bitext mining, summarization: contract, faulty data, corners (numbers: `test_golden_pairs`)."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import Counting, is_a_sentence, jsonl, sentence, sts, toml, vector
from hypothesis import given, settings
from hypothesis import strategies as st

import evalkit
from evalkit.data import TaskFolder
from evalkit.errors import DataError
from evalkit.observations import Observations
from evalkit.protocols import Cell, TaskInfo
from evalkit.testing import MemoryBench, check_task
from evalkit.types import Role, Similarity
from evalkit_tasks import bitext_mining
from evalkit_tasks.bitext_mining import BitextMiningTask, nearest
from evalkit_tasks.pair_classification import PairClassificationTask
from evalkit_tasks.sts import STSTask
from evalkit_tasks.summarization import SummarizationTask

Rows = list[dict[str, Any]]


def pairs(n: int = 12) -> Rows:
    return [{"sentence1": sentence(i), "sentence2": sentence(i + 7), "label": i % 2} for i in range(n)]


def translations(n: int = 12) -> Rows:
    return [{"sentence1": sentence(i), "sentence2": sentence(i, "la")} for i in range(n)]


def summaries(n: int = 6) -> Rows:
    return [
        {
            "text": sentence(i),
            "human_summaries": [sentence(i, "mine"), sentence(i, "yours")],
            "machine_summaries": [sentence(i, f"machine {place}") for place in range(4)],
            "relevance": [1, 2.5, 4, (i % 3) + 1],
        }
        for i in range(n)
    ]


KINDS: dict[str, tuple[type, Callable[..., Rows]]] = {
    "PairClassification": (PairClassificationTask, pairs),
    "BitextMining": (BitextMiningTask, translations),
    "Summarization": (SummarizationTask, summaries),
}
EVERY = pytest.mark.parametrize("kind", KINDS)


def folder(path: Path, kind: str, rows: Rows | None = None, **protocol: Any) -> Path:
    toml(path, kind, **protocol)
    jsonl(path / "test.jsonl", KINDS[kind][1]() if rows is None else rows)
    return path


def opened(path: Path, kind: str, rows: Rows | None = None, **protocol: Any) -> Any:
    return KINDS[kind][0](TaskFolder.open(folder(path, kind, rows, **protocol)))


class Fixed(Counting):
    """Given vectors."""

    def __init__(self, vectors: dict[str, Sequence[float]], similarity: Similarity = Similarity.COSINE) -> None:
        super().__init__()
        self.given, self.similarity = vectors, similarity

    def vector(self, text: str, role: Any, task: Any) -> np.ndarray:
        return np.array(self.given[text], dtype=np.float32)


def scored(task: Any, encoder: Any = None, cell: Cell | None = None) -> Any:
    return task.evaluate(cell or task.cells()[0], MemoryBench(encoder or Counting(), task.info))


# -- all of them -------------------------------------------------------------------------------------------------


@EVERY
def test_the_contract_is_kept(kind: str, tmp_path: Path) -> None:
    for similarity in (Similarity.COSINE, Similarity.DOT):
        encoder = Counting()
        encoder.similarity = similarity
        check_task(opened(tmp_path / similarity, kind), encoder)


@EVERY
def test_subsets_are_averaged(kind: str, tmp_path: Path) -> None:
    toml(tmp_path / "Task", kind)
    for n, subset in ((8, "fra"), (20, "deu")):
        jsonl(tmp_path / "Task" / subset / "test.jsonl", KINDS[kind][1](n))
    [result] = evalkit.evaluate(Counting(), tmp_path / "Task", cache=False)
    assert [cell.subset for cell in result.cells] == ["deu", "fra"]
    scores = [cell.scores[result.main_score.metric] for cell in result.cells]
    assert scores[0] != scores[1]
    assert result.main_score.value == pytest.approx(np.mean(scores))


@EVERY
def test_every_metric_that_is_promised_comes_and_no_other(kind: str, tmp_path: Path) -> None:
    task = opened(tmp_path / "Task", kind)
    assert set(scored(task).observations.statistics) == set(task.metrics())
    assert task.main_score in task.metrics()


@pytest.mark.parametrize("kind", [*KINDS, "STS"])
def test_texts_are_those_that_a_cell_embeds(kind: str, tmp_path: Path) -> None:
    if kind == "STS":
        task: Any = STSTask(TaskFolder.open(sts(tmp_path / "Task", subsets=("fra", "deu"))))
    else:
        toml(tmp_path / "Task", kind)
        for n, subset in ((3, "fra"), (5, "deu")):
            jsonl(tmp_path / "Task" / subset / "test.jsonl", KINDS[kind][1](n))
        task = KINDS[kind][0](TaskFolder.open(tmp_path / "Task"))
    for cell in task.cells():
        encoder = Counting()
        scored(task, encoder, cell)
        said = task.texts(cell)
        assert said.keys() == {Role.TEXT}
        assert sorted(said[Role.TEXT]) == sorted(encoder.texts)


@EVERY
def test_known_parameters_of_mteb_are_no_surprise(kind: str, tmp_path: Path) -> None:
    """Those of the folders that hold mteb's own tasks."""
    known = {"BitextMining": {"query_chunk_size": 100, "average": "weighted"}}.get(kind, {})
    task = opened(tmp_path / "Task", kind, seed=42, default_prompt="Retrieve.", **known, typo=1)
    assert scored(task).warnings == (f"The protocol parameter 'typo' means nothing to the type {kind}.",)


def faulty(kind: str, **changes: Any) -> Rows:
    rows = KINDS[kind][1](4)
    rows[2] = {key: value for key, value in {**rows[2], **changes}.items() if value != "gone"}
    return rows


@pytest.mark.parametrize(
    ("kind", "changes", "said"),
    [
        ("PairClassification", {"label": 2}, "field 'label' is 2; expected: 0 or 1"),
        ("PairClassification", {"label": "1"}, "field 'label' is \"1\"; expected: 0 or 1"),
        ("PairClassification", {"label": 0.5}, "field 'label' is 0.5; expected: 0 or 1"),
        ("PairClassification", {"label": [1]}, r"field 'label' is \[1\]; expected: 0 or 1"),
        ("PairClassification", {"label": None}, "field 'label' is null; expected: 0 or 1"),
        ("PairClassification", {"label": "gone"}, "field 'label' is missing"),
        ("PairClassification", {"sentence2": 3}, "field 'sentence2' is 3; expected: any string"),
        ("BitextMining", {"sentence1": None}, "field 'sentence1' is null; expected: any string"),
        ("BitextMining", {"sentence2": "gone"}, "field 'sentence2' is missing"),
        ("Summarization", {"human_summaries": []}, "field 'human_summaries' is .*; expected: a list of at least one"),
        ("Summarization", {"machine_summaries": [1]}, "field 'machine_summaries' is .*; expected: a list of at least"),
        ("Summarization", {"relevance": [1, 2, 3, "4"]}, "field 'relevance' is .*; expected: a list of numbers"),
        ("Summarization", {"relevance": [1, 2, 3]}, "4 machine summaries and 3 ratings of their relevance"),
    ],
)
def test_faulty_rows_are_named_with_file_and_line(
    kind: str, changes: dict[str, Any], said: str, tmp_path: Path
) -> None:
    task = opened(tmp_path / "Task", kind, faulty(kind, **changes))
    path = tmp_path / "Task" / "test.jsonl"
    path.write_text("\n" + path.read_text())  # blank lines count as lines
    with pytest.raises(DataError, match=f"test.jsonl:4: {said}") as caught:
        scored(task)
    assert is_a_sentence(caught.value.message)
    assert caught.value.hint


@EVERY
def test_an_empty_file_is_refused(kind: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is empty"):
        scored(opened(tmp_path / "Task", kind, []))


def test_a_parameter_out_of_its_range_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"protocol\.average"):
        opened(tmp_path / "Task", "BitextMining", average="macro")


# -- pair classification -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("label", "ap"), [(1, 1.0), (0, 0.0)])
def test_one_pair(label: int, ap: float, tmp_path: Path) -> None:
    """No threshold can both accept and reject one, so mteb's accuracy and F1 of it are 0."""
    outcome = scored(opened(tmp_path / "Task", "PairClassification", [{**pairs(1)[0], "label": label}]))
    scores = outcome.observations.scores()
    assert {name: value for name, value in scores.items() if value} == (
        {name: 1.0 for name in scores if name.endswith("_ap")} if ap else {}
    )
    assert outcome.warnings == (f"Every pair has the label {label}: these scores say nothing of the encoder.",)


def test_equal_vectors_are_never_told_apart(tmp_path: Path) -> None:
    rows = pairs(10)
    encoder = Fixed({row[side]: [3.0, 4.0] for row in rows for side in ("sentence1", "sentence2")})
    scores = scored(opened(tmp_path / "Task", "PairClassification", rows), encoder).observations.scores()
    assert {name: value for name, value in scores.items() if not name.endswith("_ap")} == pytest.approx(
        {name: 0.0 for name in scores if not name.endswith("_ap")}
    )
    assert scores["max_ap"] == scores["similarity_ap"] == 0.5


def test_labels_may_be_true_and_false(tmp_path: Path) -> None:
    plain = scored(opened(tmp_path / "plain", "PairClassification"))
    rows = [{**row, "label": bool(row["label"])} for row in pairs()]
    truth = scored(opened(tmp_path / "truth", "PairClassification", rows))
    assert truth.observations.scores() == plain.observations.scores()


def test_the_best_measure_is_chosen_and_the_own_one_is_the_encoders(tmp_path: Path) -> None:
    """Vectors whose direction says nothing and whose length says all: only the dot product ranks the pairs."""
    rows = [{"sentence1": f"a{i}", "sentence2": f"b{i}", "label": int(i < 3)} for i in range(6)]
    lengths = {f"{side}{i}": [9.0 - i, 0.0] for i in range(6) for side in "ab"}
    for similarity, own in ((Similarity.COSINE, 0.5), (Similarity.DOT, 1.0)):
        task = opened(tmp_path / similarity, "PairClassification", rows)
        scores = scored(task, Fixed(lengths, similarity)).observations.scores()
        assert scores["cosine_ap"] == 0.5
        assert scores["dot_ap"] == scores["max_ap"] == 1.0
        assert scores["similarity_ap"] == own
        assert (scores["dot_f1"], scores["dot_precision"], scores["dot_recall"]) == (1.0, 1.0, 1.0)


def test_reweighting_follows_from_the_stored_observations(tmp_path: Path) -> None:
    """Every metric of a sample with some pairs twice and some left out is that of such a file."""
    rows, counts = pairs(12), [0, 1, 2, 3, 1, 0, 2, 1, 1, 2, 0, 1]
    observations = scored(opened(tmp_path / "whole", "PairClassification", rows)).observations
    observations = Observations.from_json(observations.to_json())
    drawn = [row for row, count in zip(rows, counts, strict=True) for _ in range(count)]
    expected = scored(opened(tmp_path / "drawn", "PairClassification", drawn)).observations.scores()
    found = {metric: observations.weighted(metric, np.array([counts]))[0] for metric in observations.statistics}
    assert found == pytest.approx(expected)


# -- bitext mining -----------------------------------------------------------------------------------------------


def test_only_the_direction_from_first_to_second_counts(tmp_path: Path) -> None:
    """Both first sentences are nearest to b0, so one of two is right; the other way round both would be."""
    vectors = {"a0": [1, 0], "a1": [1, 0.5], "b0": [1, 0.2], "b1": [0, 1]}
    rows = [{"sentence1": f"a{i}", "sentence2": f"b{i}"} for i in range(2)]
    scores = scored(opened(tmp_path / "there", "BitextMining", rows), Fixed(vectors)).observations.scores()
    assert scores == pytest.approx({"accuracy": 0.5, "recall": 0.5, "precision": 0.25, "f1": 1 / 3})
    back = [{"sentence1": row["sentence2"], "sentence2": row["sentence1"]} for row in rows]
    scores = scored(opened(tmp_path / "back", "BitextMining", back), Fixed(vectors)).observations.scores()
    assert set(scores.values()) == {1.0}


def test_the_first_of_equally_near_sentences_is_taken(tmp_path: Path) -> None:
    """Of equal texts, of different texts with equal vectors, and of vectors of one direction."""
    rows = [{"sentence1": f"a{i}", "sentence2": ["b", "b", "c", "d"][i]} for i in range(4)]
    vectors = {**{f"a{i}": [1, 1] for i in range(4)}, "b": [0, 1], "c": [2, 2], "d": [2, 2]}
    found = scored(opened(tmp_path / "Task", "BitextMining", rows), Fixed(vectors)).observations
    assert found.columns["predicted"].tolist() == [2, 2, 2, 2]
    found = scored(opened(tmp_path / "Task", "BitextMining", rows), Fixed({**vectors, "b": [2, 2]})).observations
    assert found.columns["predicted"].tolist() == [0, 0, 0, 0]


def test_the_encoders_own_similarity_finds_the_nearest(tmp_path: Path) -> None:
    rows = [{"sentence1": f"a{i}", "sentence2": f"b{i}"} for i in range(2)]
    vectors = {"a0": [1, 0], "a1": [0, 1], "b0": [1, 0], "b1": [5, 6]}
    task = opened(tmp_path / "Task", "BitextMining", rows)
    for similarity, predicted in ((Similarity.COSINE, [0, 1]), (Similarity.DOT, [1, 1])):
        found = scored(task, Fixed(vectors, similarity)).observations
        assert found.columns["predicted"].tolist() == predicted


def test_white_space_is_data(tmp_path: Path) -> None:
    encoder = Counting()
    rows = [{"sentence1": " a\n", "sentence2": "b\t\n"}, {"sentence1": "", "sentence2": "\u00a0"}]
    outcome = scored(opened(tmp_path / "Task", "BitextMining", rows), encoder)
    assert sorted(encoder.texts) == sorted([" a\n", "", "b\t\n", "\u00a0"])
    assert len(outcome.observations) == 2


def test_one_pair_is_always_found(tmp_path: Path) -> None:
    scores = scored(opened(tmp_path / "Task", "BitextMining", translations(1))).observations.scores()
    assert set(scores.values()) == {1.0}


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_chunks_find_what_the_whole_matrix_has(seed: int, n: int, chunk: int) -> None:
    rng = np.random.default_rng(seed)
    words = [f"{number}" for number in range(12)]
    first, second = (rng.choice(words, n).tolist() for _ in range(2))
    unit = {word: vector(word) / np.linalg.norm(vector(word)) for word in words}
    bench = MemoryBench(Counting(), TaskInfo("Task", "BitextMining"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bitext_mining, "CHUNK", chunk)
        found = nearest(first, second, bench)
    products = np.array([[unit[a] @ unit[b] for b in second] for a in first]).round(5)
    assert found.tolist() == products.argmax(axis=1).tolist()


def test_memory_follows_the_chunk_and_not_the_square() -> None:
    """8,000 by 8,000 similarities alone would take 256 MB."""
    texts = [[f"{side} {row}" for row in range(8000)] for side in "ab"]
    bench = MemoryBench(Counting(), TaskInfo("Task", "BitextMining"))
    tracemalloc.start()
    nearest(*texts, bench)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 128e6


# -- summarization -----------------------------------------------------------------------------------------------


def rated(ratings: Sequence[float], angles: Sequence[float], name: str = "m") -> tuple[dict[str, Any], dict[str, Any]]:
    """One text with one human summary and machine summaries at given angles from it, and their vectors."""
    machine = [f"{name}{place}" for place in range(len(ratings))]
    row = {"text": "t", "human_summaries": ["h"], "machine_summaries": machine, "relevance": list(ratings)}
    turned = {text: [np.cos(angle), np.sin(angle)] for text, angle in zip(machine, angles, strict=True)}
    return row, {"h": [1, 0], **turned}


def test_texts_that_rank_nothing_are_left_out_and_counted(tmp_path: Path) -> None:
    cases = [
        rated([1, 2, 3], [0.3, 0.2, 0.1], "good"),
        rated([2, 2, 2], [0.3, 0.2, 0.1], "alike"),
        rated([1, 2, 3], [0.2, 0.2, 0.2], "equal"),
        rated([4], [0.2], "single"),
        rated([1, 2, 3], [0.1, 0.2, 0.3], "bad"),
        rated([1, 2, 3], [0.3, 0.2, 0.1], "fine"),
    ]
    vectors = {text: each for _, given in cases for text, each in given.items()}
    outcome = scored(opened(tmp_path / "Task", "Summarization", [row for row, _ in cases]), Fixed(vectors))
    assert outcome.observations.ids == ("0", "2", "4", "5")
    assert outcome.observations.columns["cosine_spearman"] == pytest.approx([1, np.nan, -1, 1], nan_ok=True)
    assert outcome.observations.value("cosine_spearman") == pytest.approx(1 / 3)
    assert outcome.warnings == (
        "2 of the texts are left out: people rate all their summaries alike.",
        "1 of the texts have no correlation: the encoder has all their summaries equally near.",
    )


def test_nothing_to_rank_at_all_is_no_number(tmp_path: Path) -> None:
    row, vectors = rated([2, 2], [0.1, 0.2])
    [result] = evalkit.evaluate(Fixed(vectors), folder(tmp_path / "Task", "Summarization", [row]), cache=False)
    assert result.main_score.value is None
    assert any("undefined" in warning for warning in result.warnings)


def test_the_nearest_human_summary_decides(tmp_path: Path) -> None:
    """The second machine summary equals the second human one, far from the first; it is rated highest."""
    row, vectors = rated([1, 3, 2], [0.3, 1.5, 0.1])
    row["human_summaries"] = ["h", "h2"]
    scores = scored(
        opened(tmp_path / "Task", "Summarization", [row]), Fixed({**vectors, "h2": vectors["m1"]})
    ).observations.scores()
    assert scores["cosine_spearman"] == pytest.approx(1.0)


def test_the_unprefixed_correlations_are_the_encoders_own(tmp_path: Path) -> None:
    row, vectors = rated([1, 2, 3], [0.1, 0.2, 0.3])
    vectors["m2"] = [10 * value for value in vectors["m2"]]
    for similarity in (Similarity.COSINE, Similarity.DOT):
        task = opened(tmp_path / similarity, "Summarization", [row])
        scores = scored(task, Fixed(vectors, similarity)).observations.scores()
        assert scores["dot_spearman"] != scores["cosine_spearman"]
        assert scores["spearman"] == scores[f"{similarity}_spearman"]
        assert scores["pearson"] == scores[f"{similarity}_pearson"]


def test_the_texts_themselves_are_not_embedded(tmp_path: Path) -> None:
    encoder = Counting()
    scored(opened(tmp_path / "Task", "Summarization"), encoder)
    assert not {row["text"] for row in summaries()} & set(encoder.texts)
