"""Rules of rankers: hybrids, rerankers, cross-encoders, searches in two stages."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.testing.bench import MemoryBench
from evalkit.testing.rules import INFO, TEXTS, TOLERANCE, check_identity, check_texts, rule, works
from evalkit.types import Candidates, Ranking, Role, TopK

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.protocols import Ranker
    from evalkit.types import IntArray

_INFO = replace(INFO, type="Retrieval")
_FEW = 3


def check_ranker(ranker: Ranker, texts: Sequence[str] = TEXTS) -> None:
    """Check that a ranker keeps its contract: it ranks the texts for each of them, all of them and given ones.

    Args:
        ranker: What to check.
        texts: Queries and documents: at least two, some of them different, one of them twice.

    Raises:
        AssertionError: It does not; the message names the rule.
        ValueError: The texts are unfit.
    """
    check_texts(texts)
    check_identity(ranker)
    needs = getattr(ranker, "needs_candidates", False)
    rule(isinstance(needs, bool), "needs_candidates must be True or False")
    before = ranker.fingerprint
    whole = Ranking(tuple(texts), tuple(texts), _shuffled(len(texts)), len(texts))
    given = [replace(whole, candidates=_some(len(texts))), replace(whole, candidates=_some(len(texts)), top_k=2)]
    open_ones = [] if needs else [whole, replace(whole, top_k=min(_FEW, len(texts)))]
    for problem in [*open_ones, *given]:
        # Each order of the tie keys finds those that break ties by the place in the corpus.
        for ties in (problem.ties, problem.ties.max() - problem.ties):
            _check_problem(ranker, replace(problem, ties=ties))
    rule(ranker.fingerprint == before, "fingerprint must not change when documents are ranked")


def _shuffled(n: int) -> IntArray:
    return np.random.default_rng(0).permutation(n).astype(np.int64)


def _some(n: int) -> Candidates:
    """Each query has other documents, the first one none."""
    return Candidates.of([[row for row in range(n) if (row * 3 + query) % n < query] for query in range(n)])


def _check_problem(ranker: Ranker, problem: Ranking) -> None:
    top = _ranked(ranker, problem)
    _check_form(top, problem)
    for query in range(len(problem.queries)):
        _check_query(top, problem, query)
        _check_twins(top, problem, query)
    again = _ranked(ranker, problem)
    same = np.array_equal(top.documents, again.documents) and np.array_equal(top.scores, again.scores)
    rule(same, "rank must give the same ranking on a second call")
    _check_alone(ranker, problem, top)


def _ranked(ranker: Ranker, problem: Ranking) -> TopK:
    texts = {Role.QUERY: problem.queries, Role.DOCUMENT: problem.documents}
    bench = MemoryBench(ranker, _INFO, texts=texts)
    ties = problem.ties.copy()
    top: TopK = works("rank must take any queries and documents", lambda: ranker.rank(problem, bench))
    rule(np.array_equal(ties, problem.ties) and bench.untouched(), "rank must not change what it is given")
    return top


def _check_form(top: Any, problem: Ranking) -> None:
    rule(isinstance(top, TopK), f"rank must return a TopK, not {type(top).__name__}")
    documents, scores = np.asarray(top.documents), np.asarray(top.scores)
    rule(
        documents.dtype.kind == "i" and scores.dtype == np.float32,
        "rank must return rows as integers, and float32 scores",
    )
    fits = documents.ndim == 2 and len(documents) == len(problem.queries) and scores.shape == documents.shape
    rule(
        fits,
        f"rank must return a row for each query, of documents and of scores, not {documents.shape} and {scores.shape}",
    )
    rule(
        documents.shape[1] <= problem.top_k,
        f"rank must return at most top_k documents, {problem.top_k}, not {documents.shape[1]}",
    )
    rule(
        ((documents >= -1) & (documents < len(problem.documents))).all(), "documents must be rows of the corpus, or -1"
    )
    rule(not np.isnan(scores).any(), "scores must not be NaN")
    rule(np.array_equal(documents < 0, np.isneginf(scores)), "-inf must stand beside every -1, and nowhere else")


def _check_query(top: TopK, problem: Ranking, query: int) -> None:
    documents, scores = top.documents[query], top.scores[query]
    found = documents[documents >= 0]
    rule((documents[: len(found)] >= 0).all(), "-1 must stand behind the documents that were found")
    rule(len(set(found.tolist())) == len(found), "a document must not be found twice for a query")
    if problem.candidates is not None:
        offsets = problem.candidates.offsets
        given = problem.candidates.documents[offsets[query] : offsets[query + 1]]
        rule(set(found.tolist()) <= set(given.tolist()), "only candidates of the query may be found")
    for (one, better), (two, worse) in pairwise(zip(found.tolist(), scores.tolist(), strict=False)):
        rule(better >= worse, "documents must come best score first")
        rule(
            better > worse or problem.ties[one] > problem.ties[two],
            "of equal scores the larger tie key must come first",
        )


def _check_twins(top: TopK, problem: Ranking, query: int) -> None:
    """Equal documents have equal scores, or (as ranks may be what is added up) the larger tie key has the larger."""
    scores = _scores(top, query)
    first: dict[str, int] = {}
    for document in sorted(scores, key=lambda row: -int(problem.ties[row])):
        other = first.setdefault(problem.documents[document], document)
        kept = scores[other] >= scores[document] - TOLERANCE * max(1.0, abs(scores[other]))
        rule(kept, "equal documents must have equal scores, or the one with the larger tie key the larger score")


def _check_alone(ranker: Ranker, problem: Ranking, top: TopK) -> None:
    for query in range(len(problem.queries)):
        alone = _ranked(ranker, _only(problem, query))
        same = _same(_scores(top, query), _scores(alone, 0))
        rule(same, "a query's ranking must not depend on the queries beside it")


def _only(problem: Ranking, query: int) -> Ranking:
    candidates = problem.candidates
    if candidates is not None:
        start, stop = candidates.offsets[query : query + 2]
        candidates = Candidates.of([candidates.documents[start:stop]])
    return replace(problem, queries=problem.queries[query : query + 1], candidates=candidates)


def _scores(top: TopK, query: int) -> dict[int, float]:
    pairs = zip(top.documents[query].tolist(), top.scores[query].tolist(), strict=True)
    return {document: score for document, score in pairs if document >= 0}


def _same(one: Mapping[int, float], other: Mapping[int, float]) -> bool:
    """Whether two rankings agree but for rounding, which may also decide between the last ones."""
    if len(one) != len(other):
        return False
    scale = max([1.0, *map(abs, one.values())])
    values = zip(sorted(one.values()), sorted(other.values()), strict=True)
    alike = all(abs(a - b) <= TOLERANCE * scale for a, b in values)
    return alike and all(abs(one[each] - other[each]) <= TOLERANCE * scale for each in one.keys() & other.keys())
