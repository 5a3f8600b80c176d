"""Rank by vectors, by a lexical index, or by a ranker's own way; whole corpora or given candidates."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from evalkit.errors import CellError
from evalkit.protocols import Derived, Encoder, LexicalScorer, Ranker, form_of
from evalkit.ranking.candidates import best_of_candidates
from evalkit.search import open_search, pair_scores, score_top_k
from evalkit.types import Form, Role, TopK

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalkit.protocols import Workbench
    from evalkit.types import Candidates, IntArray, Ranking, Vectors

CHUNK = 16_384
"""Documents that are embedded and searched at a time: memory follows it, not the corpus."""
_CHUNK_OF_MULTI = CHUNK // 16  # a text of 200 tokens has 200 vectors
_LEXICAL_SCORES = 16_000_000  # scores of a lexical index held at a time, 64 MB


def rank(problem: Ranking, bench: Workbench) -> TopK:
    """The best documents of every query, by what the bench holds.

    Raises:
        CellError: It holds nothing that ranks, or something that fails.
    """
    scorer = bench.scorer
    if isinstance(scorer, Ranker):
        return scorer.rank(problem, bench)
    if problem.candidates is not None:
        scores = score_candidates(problem, problem.candidates, bench)
        return best_of_candidates(problem.candidates, scores, problem.ties, problem.top_k)
    if isinstance(scorer, Encoder):
        return _by_vectors(problem, bench, scorer)
    return _by_index(problem, _lexical(scorer))


def found_by(problem: Ranking, bench: Workbench) -> TopK:
    """As `rank`, without what a lexical scorer has not found: a document without any term of the query scores 0.

    Where such documents are only the end of a ranking they do no harm; where a second stage or another encoder goes on
    with them, the order of their ids would decide.
    """
    top = rank(problem, bench)
    if not isinstance(bench.scorer, LexicalScorer):
        return top
    missed = top.scores <= 0
    return TopK(np.where(missed, -1, top.documents), np.where(missed, np.float32(-np.inf), top.scores))


def score_candidates(problem: Ranking, candidates: Candidates, bench: Workbench) -> Vectors:
    """Scores of given documents by vectors or a lexical index; a ranker's are those of its `rank`.

    Returns:
        (n_candidates,) float32.
    """
    scorer = bench.scorer
    if isinstance(scorer, Encoder):
        return _pairs_by_vectors(problem, candidates, bench, scorer)
    return _pairs_by_index(problem, candidates, _lexical(scorer))


def _lexical(scorer: object) -> LexicalScorer:
    if isinstance(scorer, LexicalScorer):
        return scorer
    raise CellError(f"{scorer!r} is neither an encoder nor a lexical scorer.", hint="See docs/write-an-encoder.md.")


def _by_vectors(problem: Ranking, bench: Workbench, encoder: Encoder) -> TopK:
    bench.expect(len(problem.queries) + len(problem.documents))
    queries = bench.embed_any(problem.queries, role=Role.QUERY)
    found = open_search(queries, problem.ties, problem.top_k, encoder.similarity, workers=bench.workers)
    for rows in _chunks(problem.documents, np.arange(len(problem.documents)), _chunk_of(encoder)):
        found.add(rows, bench.embed_any([problem.documents[row] for row in rows], role=Role.DOCUMENT))
    return found.result()


def _chunk_of(encoder: Encoder) -> int:
    """Documents a chunk; a transform may make one vector of several, but those it is made of are there too."""
    deepest: Encoder = encoder.base if isinstance(encoder, Derived) else encoder
    return _CHUNK_OF_MULTI if form_of(deepest) is Form.MULTI else CHUNK


def _chunks(texts: Sequence[str], rows: IntArray, size: int) -> Iterator[IntArray]:
    """Rows of the corpus, equal texts in one chunk, so that each distinct text is encoded once."""
    order, edges = _by_text([texts[row] for row in rows], size)
    for start, stop in itertools.pairwise(edges):
        yield rows[order[start:stop]]


def _by_text(texts: Sequence[str], size: int) -> tuple[IntArray, list[int]]:
    """Rows with equal texts beside one another, and where every `size` distinct texts start and end."""
    n = len(texts)
    if len(set(texts)) == n:
        return np.arange(n), [*range(0, n, size), n]
    groups: dict[str, int] = {}
    group_of = np.fromiter((groups.setdefault(text, len(groups)) for text in texts), np.int64, n)
    order = np.argsort(group_of, kind="stable")
    return order, np.searchsorted(group_of[order], np.arange(0, len(groups) + size, size)).tolist()


def _by_index(problem: Ranking, scorer: LexicalScorer) -> TopK:
    parts = (scores for _, scores in _lexical_scores(problem, scorer))
    return score_top_k(parts, problem.ties, problem.top_k)


def _lexical_scores(problem: Ranking, scorer: LexicalScorer) -> Iterator[tuple[int, Vectors]]:
    """Row of the first of some queries, and their scores of all documents."""
    index = scorer.index(problem.documents)
    step = max(1, _LEXICAL_SCORES // len(problem.documents))
    for start in range(0, len(problem.queries), step):
        yield start, index.scores(problem.queries[start : start + step])


def _pairs_by_vectors(problem: Ranking, candidates: Candidates, bench: Workbench, encoder: Encoder) -> Vectors:
    """Each document that is anybody's candidate is embedded once, a chunk at a time."""
    wanted = np.unique(candidates.documents)
    bench.expect(len(problem.queries) + len(wanted))
    queries = bench.embed_any(problem.queries, role=Role.QUERY)
    query_of, place = candidates.query_of, np.searchsorted(wanted, candidates.documents)
    scores = np.empty(len(place), dtype=np.float32)
    for rows in _chunks(problem.documents, wanted, _chunk_of(encoder)):
        documents = bench.embed_any([problem.documents[row] for row in rows], role=Role.DOCUMENT)
        here = np.full(len(wanted), -1, dtype=np.int64)
        here[np.searchsorted(wanted, rows)] = np.arange(len(rows))
        pairs = np.flatnonzero(here[place] >= 0)
        scores[pairs] = pair_scores(queries, documents, query_of[pairs], here[place[pairs]], encoder.similarity)
    return scores


def _pairs_by_index(problem: Ranking, candidates: Candidates, scorer: LexicalScorer) -> Vectors:
    query_of = candidates.query_of
    scores = np.empty(len(query_of), dtype=np.float32)
    for start, block in _lexical_scores(problem, scorer):
        pairs = slice(*np.searchsorted(query_of, [start, start + len(block)]))
        scores[pairs] = block[query_of[pairs] - start, candidates.documents[pairs]]
    return scores
