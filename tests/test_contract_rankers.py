"""Rules of rankers: a violation of each is named."""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np
import pytest

from evalkit.adapters.bm25 import BM25
from evalkit.adapters.random import RandomEncoder
from evalkit.fingerprint import digest_json
from evalkit.ranking import rank
from evalkit.testing import check_encoder, check_ranker
from evalkit.types import TopK

COUNTER = count()


class Ranks:
    """Ranks as BM25 does; for breaking one rule at a time."""

    name: Any = "ranks"
    fingerprint: Any = digest_json(["ranks", 1])
    change: Any = None

    def rank(self, problem: Any, bench: Any) -> Any:
        top = rank(problem, bench.beside(BM25()))
        return top if self.change is None else self.change(top, problem)


def columns(top: Any, order: Any) -> Any:
    return TopK(top.documents[:, order], top.scores[:, order])


def nearest_first(top: Any, problem: Any) -> Any:
    """All scores equal, and rows in the order of the corpus: the tie keys are not looked at."""
    documents = np.sort(top.documents, axis=1)[:, ::-1].copy()
    return TopK(documents, np.where(documents >= 0, np.float32(0), np.float32(-np.inf)))


def any_document(top: Any, problem: Any) -> Any:
    if problem.candidates is None:
        return top
    best = np.argsort(-problem.ties)[: problem.top_k]
    return TopK(np.tile(best, (len(problem.queries), 1)), np.zeros((len(problem.queries), len(best)), dtype=np.float32))


def second_twin_first(top: Any, problem: Any) -> Any:
    """Scores by the row of the document: equal ones are unequal."""
    scores = np.where(top.documents >= 0, top.documents, -np.inf).astype(np.float32)
    order = np.argsort(-scores, axis=1)
    return TopK(np.take_along_axis(top.documents, order, 1), np.take_along_axis(scores, order, 1))


def worst_first(top: Any, problem: Any) -> Any:
    scores = np.arange(top.documents.shape[1], dtype=np.float32)
    return TopK(top.documents, np.where(top.documents >= 0, scores, np.float32(-np.inf)))


def gaps_first(top: Any, problem: Any) -> Any:
    order = np.argsort(top.documents >= 0, axis=1, kind="stable")
    return TopK(np.take_along_axis(top.documents, order, 1), np.take_along_axis(top.scores, order, 1))


def write_ties(top: Any, problem: Any) -> Any:
    problem.ties[:] = problem.ties[::-1].copy()
    return top


def by_number(top: Any, problem: Any) -> Any:
    return TopK(top.documents, top.scores * np.float32(len(problem.queries)))


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda t, p: (t.documents, t.scores), "rank must return a TopK, not tuple"),
        (lambda t, p: TopK(t.documents.astype(float), t.scores), "rows as integers, and float32 scores"),
        (lambda t, p: TopK(t.documents, t.scores.astype(np.float64)), "rows as integers, and float32 scores"),
        (lambda t, p: TopK(t.documents[:1], t.scores[:1]), "a row for each query"),
        (lambda t, p: columns(t, [0, *range(t.documents.shape[1])]), "at most top_k documents"),
        (lambda t, p: columns(t, [0, *range(t.documents.shape[1] - 1)]), "a document must not be found twice"),
        (lambda t, p: TopK(t.documents + 1, t.scores), "documents must be rows of the corpus, or -1"),
        (lambda t, p: TopK(t.documents, t.scores * np.float32(np.nan)), "scores must not be NaN"),
        (lambda t, p: TopK(t.documents, np.maximum(t.scores, -9)), "-inf must stand beside every -1"),
        (worst_first, "documents must come best score first"),
        (gaps_first, "-1 must stand behind the documents that were found"),
        (nearest_first, "of equal scores the larger tie key must come first"),
        (any_document, "only candidates of the query may be found"),
        (second_twin_first, "equal documents must have equal scores"),
        (write_ties, "rank must not change what it is given"),
        (by_number, "a query's ranking must not depend on the queries beside it"),
        (lambda t, p: TopK(t.documents, t.scores + np.float32(next(COUNTER))), "the same ranking on a second call"),
        (lambda t, p: 1 / 0, r"rank must take any queries and documents \(ZeroDivisionError"),
    ],
)
def test_each_rule_that_a_ranker_breaks_is_named(change: Any, rule: str) -> None:
    ranker = Ranks()
    check_ranker(ranker)
    ranker.change = change
    with pytest.raises(AssertionError, match=f"Broken rule: .*({rule})"), np.errstate(invalid="ignore"):
        check_encoder(ranker)


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("needs_candidates", 1, "needs_candidates must be True or False"),
        ("name", "", "name must be a string that is not empty"),
        ("fingerprint", "ranks-1", "fingerprint must be None or 12 hex digits"),
        ("parts", {"of": {1, 2}}, "parts must be a mapping of JSON"),
    ],
)
def test_each_broken_attribute_of_a_ranker_is_named(name: str, value: Any, rule: str) -> None:
    ranker = Ranks()
    setattr(ranker, name, value)
    with pytest.raises(AssertionError, match=rule):
        check_ranker(ranker)


def test_a_fingerprint_that_moves() -> None:
    class Moving(Ranks):
        seen = 0
        fingerprint = property(lambda self: f"{self.seen:064x}")  # type: ignore[assignment]

        def rank(self, problem: Any, bench: Any) -> Any:
            self.seen += 1
            return super().rank(problem, bench)

    with pytest.raises(AssertionError, match="fingerprint must not change when documents are ranked"):
        check_ranker(Moving())


def test_one_that_needs_candidates_is_always_given_them() -> None:
    def insist(top: Any, problem: Any) -> Any:
        assert problem.candidates is not None
        return top

    ranker: Any = Ranks()
    ranker.change = insist
    with pytest.raises(AssertionError):
        check_ranker(ranker)
    ranker.needs_candidates = True
    check_ranker(ranker)


def test_an_encoder_that_ranks_too_is_checked_as_both() -> None:
    class Both(RandomEncoder):
        change: Any = None

        def rank(self, problem: Any, bench: Any) -> Any:
            return rank(problem, bench.beside(RandomEncoder(dim=8)))

    check_encoder(Both(dim=4))
    encoder: Any = Both(dim=4)
    encoder.rank = lambda problem, bench: None
    with pytest.raises(AssertionError, match="rank must return a TopK"):
        check_encoder(encoder)
    encoder = Both(dim=4)
    encoder.similarity = "maxsim"
    with pytest.raises(AssertionError, match="similarity must be one of"):
        check_encoder(encoder)
