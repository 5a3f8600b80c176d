"""Hybrids and rerankers: arithmetic by hand, agreement with an oracle, everything in the record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import helpers
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import evalkit
from evalkit.adapters.hybrid import Fusion, Hybrid, combine, fuse, normalised, reciprocal_ranks
from evalkit.adapters.rerank import Reranker
from evalkit.adapters.rerank import combine as combine_rerank
from evalkit.embedding import EncoderBench
from evalkit.errors import EncoderError
from evalkit.plugins import Plugins
from evalkit.protocols import Encoder, LexicalScorer, Ranker, TaskInfo
from evalkit.ranking import best_of_candidates, candidates_of, rank, score_candidates
from evalkit.search import document_tie_keys
from evalkit.types import Candidates, Ranking, TopK

TASK = TaskInfo("T", "Retrieval")


class Given:
    """A lexical scorer with a score for each query and document, by hand."""

    def __init__(self, name: str, scores: Sequence[Sequence[float]]) -> None:
        self.name = name
        self.fingerprint: str | None = helpers.FINGERPRINT
        self.table = np.asarray(scores, dtype=np.float32)

    def index(self, corpus: Sequence[str]) -> Given:
        self.order = [int(text) for text in corpus]
        return self

    def scores(self, queries: Sequence[str]) -> np.ndarray:
        return self.table[[int(query) for query in queries]][:, self.order]


def problem(n_queries: int, n_documents: int, top_k: int = 10, candidates: Candidates | None = None) -> Ranking:
    documents = [str(number) for number in range(n_documents)]
    return Ranking(
        [str(number) for number in range(n_queries)], documents, document_tie_keys(documents), top_k, candidates
    )


def ranked(scorer: Any, given: Ranking) -> TopK:
    return rank(given, EncoderBench(scorer, TASK))


def test_the_published_arithmetic() -> None:
    """Weights .4/.2/.4 on .62598, .19556, .77965 give .60136: bge-m3's model card, `compute_score`."""
    assert fuse(np.array([[0.62598], [0.19556], [0.77965]]), [0.4, 0.2, 0.4])[0] == pytest.approx(0.60136, abs=5e-6)
    parts = [Given(str(score), [[score]]) for score in (0.62598, 0.19556, 0.77965)]
    hybrid = combine(parts, [0.4, 0.2, 0.4], {"normalise": "none"})
    assert ranked(hybrid, problem(1, 1)).scores[0, 0] == pytest.approx(0.60136, abs=5e-6)


SCORES = st.lists(st.lists(st.sampled_from([0.0, 1.0, 2.5, -3.0, 7.0]), min_size=6, max_size=6), min_size=2, max_size=2)


@given(SCORES, SCORES, st.sampled_from(["none", "minmax", "z"]))
def test_every_document_is_scored_by_every_part(first: Any, second: Any, how: str) -> None:
    hybrid = combine([Given("a", first), Given("b", second)], [0.3, 0.7], {"normalise": how, "depth": "2"})
    top = ranked(hybrid, problem(2, 6, 6))
    for query in range(2):
        found = top.documents[query][top.documents[query] >= 0]
        if not len(found):
            continue
        columns = np.array([first[query], second[query]])[:, np.sort(found)]
        # By hand, over the candidates that came up.
        if how == "minmax":
            columns = (columns - columns.min(1, keepdims=True)) / np.maximum(
                np.ptp(columns, axis=1, keepdims=True), 1e-30
            )
        if how == "z":
            spread = columns.std(1, keepdims=True)
            columns = np.where(
                spread > 0, (columns - columns.mean(1, keepdims=True)) / np.where(spread > 0, spread, 1), 0
            )
        expected = dict(zip(np.sort(found), columns.T @ [0.3, 0.7], strict=True))
        assert top.scores[query][: len(found)] == pytest.approx([expected[each] for each in found], abs=1e-5)
        assert list(top.scores[query][: len(found)]) == sorted(top.scores[query][: len(found)], reverse=True)


@given(SCORES, SCORES, st.integers(1, 100))
def test_reciprocal_ranks_are_summed(first: Any, second: Any, k: int) -> None:
    """By hand: each part's documents by falling score, equal ones sharing the mean of their ranks; 0 is not found."""
    hybrid = combine([Given("a", first), Given("b", second)], [1, 1], {"fusion": "rrf", "k": str(k)})
    ours = ranked(hybrid, problem(2, 6, 6))
    for query in range(2):
        expected: dict[int, float] = {}
        for table in (first, second):
            found = sorted((score for score in table[query] if score > 0), reverse=True)
            for document, score in enumerate(table[query]):
                if score > 0:
                    ranks = [place for place, other in enumerate(found, start=1) if other == score]
                    share = 1 / (k + sum(ranks) / len(ranks))
                    expected[document] = expected.get(document, 0) + share
        mine = zip(ours.documents[query], ours.scores[query], strict=True)
        assert {d: s for d, s in mine if d >= 0} == pytest.approx(expected, abs=1e-6)


def test_a_document_that_a_part_has_not_among_its_best_gets_no_reciprocal_rank() -> None:
    top = TopK(np.array([[2, 0]]), np.array([[5.0, 1.0]], dtype=np.float32))
    found = reciprocal_ranks(top, Candidates.of([[0, 1, 2]]), 3, 60)
    assert found == pytest.approx([1 / 62, 0, 1 / 61])


def test_equal_scores_are_brought_to_zero_and_a_missing_one_to_the_lowest() -> None:
    candidates = Candidates.of([[0, 1, 2], [], [0, 1]])
    scores = np.array([2.0, -np.inf, 4.0, 3.0, 3.0])
    assert normalised(scores, candidates, "minmax").tolist() == [0, 0, 1, 0, 0]
    assert normalised(scores, candidates, "z")[3:].tolist() == [0, 0]
    assert normalised(scores, candidates, "none").tolist() == [2, 2, 4, 3, 3]


def test_one_part_twice_ranks_as_it_does_alone(tmp_path: Path) -> None:
    data = helpers.retrieval(tmp_path / "data" / "R").parent
    alone, twice, ranks = evalkit.evaluate(
        ["bm25", "hybrid:[bm25 * .5 + bm25 * 2]", "hybrid:[bm25 + bm25]?fusion=rrf"], data=data
    )
    assert twice.cells[0].scores == alone.cells[0].scores
    assert ranks.cells[0].scores == alone.cells[0].scores


def test_everything_is_in_the_record(tmp_path: Path) -> None:
    data = helpers.retrieval(tmp_path / "data" / "R").parent
    helpers.sts(data / "S")
    spec = "hybrid:[bm25 * .4 + hashing | truncate:64 * .6]?normalise=z"
    results = evalkit.evaluate(spec, data=data)
    [result] = results
    parts = result.encoder.parts
    assert (parts["fusion"], parts["normalise"], parts["depth"]) == ("score", "z", 1000)
    assert [(part["name"], part["weight"]) for part in parts["of"]] == [("bm25", 0.4), ("hashing | truncate:64", 0.6)]
    assert parts["of"][1]["parts"]["steps"][0]["parameters"]["dim"] == 64
    assert (result.encoder.similarity, result.encoder.form) == ("ranker", "none")
    assert result.cells[0].cost["bytes_per_text"] == 256  # bm25 keeps no vectors
    assert results.left_out == (f"{result.encoder.name} on S: {result.encoder.name} has no vectors.",)


def test_what_decides_a_hybrid_decides_its_fingerprint() -> None:
    bm25, hashing = (Plugins.installed().load_encoder(spec) for spec in ("bm25", "hashing"))
    told: list[tuple[list[Any], list[float], dict[str, str]]] = [
        ([bm25, hashing], [1, 1], {}), ([hashing, bm25], [1, 1], {}), ([bm25, hashing], [1, 2], {}),
        ([bm25, hashing], [1, 1], {"normalise": "z"}), ([bm25, hashing], [1, 1], {"fusion": "rrf"}),
        ([bm25, hashing], [1, 1], {"fusion": "rrf", "k": "10"}), ([bm25, hashing], [1, 1], {"depth": "10"}),
    ]  # fmt: skip
    made = [combine(*each).fingerprint for each in told]
    made += [combine_rerank([bm25, hashing], [], {}).fingerprint, combine_rerank([hashing, bm25], [], {}).fingerprint]
    assert len(set(made)) == len(made)
    nobody = helpers.Counting(fingerprint=None)
    assert Hybrid("h", [bm25, nobody], [1, 1], Fusion()).fingerprint is None
    assert Reranker("r", bm25, nobody, 3).fingerprint is None


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("hybrid:[bm25 + hashing]?fusion=sum", "one of score, rrf"),
        ("hybrid:[bm25 + hashing]?k=3", "of any use with fusion=score"),
        ("hybrid:[bm25 + hashing]?fusion=rrf&normalise=z", "of any use with fusion=rrf"),
        ("hybrid:[bm25 + hashing]?weight=3", "no option 'weight'"),
        ("rerank:[bm25 > hashing]?top_k=0", "a whole number from 1"),
    ],
)
def test_wrong_options_are_sentences(spec: str, said: str) -> None:
    with pytest.raises(EncoderError, match=said) as caught:
        Plugins.installed().load_encoder(spec)
    assert helpers.is_a_sentence(caught.value.message)


class Pairs:
    """Scores pairs, best where the document's number is smallest; finds nothing by itself."""

    name, fingerprint, needs_candidates = "pairs", helpers.FINGERPRINT, True

    def __init__(self) -> None:
        self.given: list[Candidates] = []

    def rank(self, problem: Ranking, bench: Any) -> TopK:
        assert problem.candidates is not None
        self.given.append(problem.candidates)
        scores = -problem.candidates.documents.astype(np.float32)
        return best_of_candidates(problem.candidates, scores, problem.ties, problem.top_k)


def test_the_second_stage_orders_the_best_of_the_first_and_nothing_else() -> None:
    second = Pairs()
    reranker = Reranker("r", Given("a", [[5, 4, 3, 2, 1], [1, 2, 3, 4, 5]]), second, 3)
    assert isinstance(reranker, Ranker)
    assert not isinstance(reranker, Encoder | LexicalScorer)
    top = ranked(reranker, problem(2, 5, 5))
    assert top.documents.tolist() == [[0, 1, 2, -1, -1], [2, 3, 4, -1, -1]]
    assert np.isneginf(top.scores[:, 3:]).all()
    [given] = second.given
    assert given.documents.tolist() == [0, 1, 2, 2, 3, 4]


def test_given_candidates_are_all_that_is_ranked() -> None:
    candidates = Candidates.of([[1, 3], [0, 2, 4]])
    first = Given("a", [[5, 4, 3, 2, 1], [1, 2, 3, 4, 5]])
    assert ranked(first, problem(2, 5, 3, candidates)).documents.tolist() == [[1, 3, -1], [4, 2, 0]]
    assert ranked(Reranker("r", first, Pairs(), 2), problem(2, 5, 3, candidates)).documents.tolist() == [
        [1, 3, -1], [2, 4, -1]
    ]  # fmt: skip
    hybrid = combine([first, Given("b", [[0, 0, 0, 9, 0], [9, 0, 0, 0, 0]])], [1, 2], {"normalise": "none"})
    assert ranked(hybrid, problem(2, 5, 3, candidates)).documents.tolist() == [[3, 1, -1], [0, 4, 2]]


def test_a_pair_scorer_finds_nothing_by_itself(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="cannot be the first stage"):
        Reranker("r", Pairs(), Pairs(), 3)
    with pytest.raises(EncoderError, match="cannot be a part of a hybrid"):
        Hybrid("h", [Pairs(), Pairs()], [1, 1], Fusion())
    data = helpers.retrieval(tmp_path / "data" / "R").parent
    with pytest.raises(evalkit.EvalkitError, match="needs a first stage: rerank:FIRST > SPEC"):
        evalkit.evaluate(Pairs(), data=data)


def test_a_reranker_of_an_encoder_by_itself_changes_nothing(tmp_path: Path) -> None:
    data = helpers.retrieval(tmp_path / "data" / "R").parent
    alone, both = evalkit.evaluate(["hashing", "rerank:hashing > hashing"], data=data)
    assert alone.cells[0].scores == both.cells[0].scores


def test_ties_go_to_the_larger_id_among_candidates_too() -> None:
    documents = ["b", "a", "c"]
    candidates = Candidates.of([[0, 1, 2]])
    top = best_of_candidates(candidates, np.zeros(3, np.float32), document_tie_keys(documents), 3)
    assert top.documents.tolist() == [[2, 0, 1]]


@given(st.lists(st.sets(st.integers(0, 8)), min_size=1, max_size=4), st.integers(1, 9), st.randoms())
def test_the_best_of_candidates_are_those_of_sorting(lists: list[set[int]], top_k: int, draw: Any) -> None:
    rng = np.random.default_rng(draw.randrange(2**32))
    candidates = Candidates.of([sorted(each) for each in lists])
    scores = rng.integers(0, 3, len(candidates.documents)).astype(np.float32)
    ties = rng.permutation(9).astype(np.int64)
    top = best_of_candidates(candidates, scores, ties, top_k)
    for query, start in enumerate(candidates.offsets[:-1]):
        pairs = zip(scores[start:], candidates.documents[start : candidates.offsets[query + 1]], strict=False)
        expected = [d for _, _, d in sorted(((-s, -ties[d], d) for s, d in pairs))][:top_k]
        assert [d for d in top.documents[query] if d >= 0] == expected
    again = candidates_of(top)
    assert all(
        set(again.documents[a:b]) <= each for a, b, each in zip(again.offsets, again.offsets[1:], lists, strict=False)
    )


def test_scores_of_candidates_are_those_of_the_whole_search() -> None:
    encoder = helpers.Counting()
    given = problem(3, 9, 9)
    bench = EncoderBench(encoder, TASK)
    whole = rank(given, bench)
    candidates = Candidates.of([[0, 4, 8], [1], [2, 3]])
    scores = score_candidates(given, candidates, bench)
    for query, document, score in zip(candidates.query_of, candidates.documents, scores, strict=True):
        at = whole.documents[query].tolist().index(document)
        assert score == pytest.approx(whole.scores[query, at], abs=1e-6)
    assert encoder.texts.count("3") == 2  # no cache here: the document once for each
    assert encoder.texts.count("5") == 1  # nobody's candidate
