"""``hybrid:[SPEC * .4 + SPEC * .6]``: several encoders rank together, by their scores or by their ranks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import rankdata

from evalkit.adapters.options import Options
from evalkit.adapters.transformed import part_record
from evalkit.errors import EncoderError
from evalkit.fingerprint import digest_json
from evalkit.protocols import Ranker
from evalkit.ranking import best_of_candidates, candidates_of, found_by, score_candidates, scores_in
from evalkit.types import TopK

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.protocols import Scorer, Workbench
    from evalkit.types import Candidates, FloatArray, Ranking

SCHEME = "hybrid"
SCORE, RANK = "score", "rrf"
NONE, MINMAX, Z = "none", "minmax", "z"
LARGEST = 1e6
"""Of weights: beyond it, the parts of small weight drown in rounding."""


@dataclass(frozen=True)
class Fusion:
    """How scores of several encoders become one.

    Attributes:
        by: ``score`` (the weighted sum of their scores) or ``rrf`` (reciprocal ranks).
        normalise: What is done to the scores of each encoder first, over the candidates of a query: ``none``,
            ``minmax`` (to 0 and 1) or ``z`` (mean 0, standard deviation 1).
        k: Of reciprocal rank fusion.
        depth: Documents that each encoder may bring in for a query.
    """

    by: str = SCORE
    normalise: str = MINMAX
    k: int = 60
    depth: int = 1000

    def record(self) -> dict[str, Any]:
        """What of it decides the ranking, as JSON."""
        own = {"k": self.k} if self.by == RANK else {"normalise": self.normalise}
        return {"fusion": self.by, **own, "depth": self.depth}


def combine(parts: Sequence[Scorer], weights: Sequence[float], options: Mapping[str, str]) -> Hybrid:
    """``hybrid:[bm25 * .4 + st:PATH * .6]?normalise=minmax`` or ``...?fusion=rrf&k=60``.

    Raises:
        EncoderError: An option is unknown or malformed, or a part cannot rank a corpus.
    """
    chosen = Options(SCHEME, options, ("fusion", "normalise", "k", "depth"))
    by = chosen.choice("fusion", SCORE, (SCORE, RANK))
    unused = "normalise" if by == RANK else "k"
    if unused in chosen.given:
        raise chosen.refuse(unused, f"of any use with fusion={by}")
    fusion = Fusion(
        by=by,
        normalise=chosen.choice("normalise", MINMAX, (NONE, MINMAX, Z)),
        k=chosen.integer("k", Fusion.k),
        depth=chosen.integer("depth", Fusion.depth),
    )
    _check_weights(weights)
    shown = " + ".join(f"{weight:g} {part.name}" for part, weight in zip(parts, weights, strict=True))
    told = "".join(f", {key}={value}" for key, value in chosen.given.items() if key != "name")
    return Hybrid(chosen.name(f"hybrid({shown}{told})"), parts, weights, fusion)


def _check_weights(weights: Sequence[float]) -> None:
    largest = max(map(abs, weights))
    if not 0 < largest <= LARGEST:
        raise EncoderError(
            f"The weights of a hybrid must not all be 0, nor any above {LARGEST:g}.", hint="Weights are like .4 and .6."
        )


class Hybrid:
    """A `evalkit.protocols.Ranker`: each encoder finds documents, then all that were found are scored by all.

    So no score is ever missing. Only a part that ranks in a way of its own, such as a reranker or another hybrid, knows
    no more than what it found itself; other candidates get the lowest score that it gives for the query.

    Args:
        name: What results call it.
        parts: The encoders.
        weights: One for each.
        fusion: How their scores become one.

    Raises:
        EncoderError: A part cannot rank a corpus alone.
    """

    def __init__(self, name: str, parts: Sequence[Scorer], weights: Sequence[float], fusion: Fusion) -> None:
        for part in parts:
            if getattr(part, "needs_candidates", False):
                raise EncoderError(
                    f"{part.name} scores pairs and finds no documents, so it cannot be a part of a hybrid.",
                    hint="Let it rerank the hybrid: rerank:hybrid:[...] > cross:PATH.",
                )
        self.name = name
        self._parts = tuple(parts)
        self._weights = tuple(map(float, weights))
        self._fusion = fusion
        told = [part.fingerprint for part in parts]
        known = None not in told
        said = ["hybrid", 1, told, list(self._weights), fusion.record()]
        self.fingerprint: str | None = digest_json(said) if known else None

    @property
    def parts(self) -> dict[str, Any]:
        """The encoders with their weights, and how they are fused."""
        shares = zip(self._parts, self._weights, strict=True)
        return {**self._fusion.record(), "of": [{**part_record(part), "weight": weight} for part, weight in shares]}

    @property
    def notes(self) -> tuple[str, ...]:
        """What the encoders have to say."""
        return tuple(note for part in self._parts for note in getattr(part, "notes", ()))

    def rank(self, problem: Ranking, bench: Workbench) -> TopK:
        """The best documents by all encoders together."""
        benches = [bench.beside(part) for part in self._parts]
        tops = [found_by(replace(problem, top_k=self._fusion.depth), each) for each in benches]
        found = problem.candidates or candidates_of(*tops)
        n_documents = len(problem.documents)
        if self._fusion.by == RANK:
            scores = np.stack([reciprocal_ranks(top, found, n_documents, self._fusion.k) for top in tops])
        else:
            told = [_scores(problem, found, *each) for each in zip(benches, tops, strict=True)]
            scores = np.stack([normalised(row, found, self._fusion.normalise) for row in told])
        fused = fuse(scores, self._weights).astype(np.float32)
        return best_of_candidates(found, fused, problem.ties, problem.top_k)


def _scores(problem: Ranking, found: Candidates, bench: Workbench, top: TopK) -> FloatArray:
    """(n,) scores of a part; one that ranks in a way of its own has scores of what it found, and is not asked again."""
    if isinstance(bench.scorer, Ranker):
        return scores_in(top, found, len(problem.documents)).astype(np.float64)
    return score_candidates(problem, found, bench).astype(np.float64)


def fuse(scores: FloatArray, weights: Sequence[float]) -> FloatArray:
    """(n,) weighted sum of (parts, n) scores."""
    total: FloatArray = np.asarray(weights, dtype=np.float64) @ scores
    return total


def normalised(scores: FloatArray, candidates: Candidates, how: str) -> FloatArray:
    """(n,) scores of one encoder, brought to one scale over the candidates of each query.

    Where all candidates of a query have one score, all become 0.

    Args:
        scores: (n,) one for each candidate; minus infinity counts as the lowest of the query.
        candidates: Whose they are.
        how: ``none``, ``minmax`` or ``z``.
    """
    out = scores.copy()
    for start, stop in zip(candidates.offsets[:-1], candidates.offsets[1:], strict=True):
        if stop > start:
            out[start:stop] = _SCALES[how](_bounded(out[start:stop]))
    return out


def _bounded(scores: FloatArray) -> FloatArray:
    missing = np.isneginf(scores)
    lowest = scores[~missing].min() if not missing.all() else 0.0
    return np.where(missing, lowest, scores)


def _minmax(scores: FloatArray) -> FloatArray:
    span = scores.max() - scores.min()
    return (scores - scores.min()) / span if span > 0 else np.zeros_like(scores)


def _z(scores: FloatArray) -> FloatArray:
    spread = scores.std()
    return (scores - scores.mean()) / spread if spread > 0 else np.zeros_like(scores)


_SCALES: dict[str, Any] = {NONE: lambda scores: scores, MINMAX: _minmax, Z: _z}


def reciprocal_ranks(top: TopK, candidates: Candidates, n_documents: int, k: int) -> FloatArray:
    """(n,) 1 / (k + rank) of each candidate in one encoder's ranking, 0 where it is not among its best.

    Equal scores share the mean of their ranks, so that the order of ids decides nothing.

    Source: Cormack, Clarke and Buettcher 2009, "Reciprocal rank fusion outperforms Condorcet and individual rank
    learning methods"; k = 60 there.

    Args:
        top: The ranking.
        candidates: The documents of every query.
        n_documents: Size of the corpus.
        k: How slowly the share falls with the rank.
    """
    ranks = TopK(top.documents, -_shared_ranks(top).astype(np.float32))
    found = -scores_in(ranks, candidates, n_documents).astype(np.float64)
    return np.where(np.isfinite(found), 1.0 / (k + found), 0.0)


def _shared_ranks(top: TopK) -> FloatArray:
    """(n_queries, k) rank of each document from 1, equal scores sharing the mean of theirs."""
    ranks = np.empty(top.scores.shape)
    for row, scores in zip(ranks, top.scores, strict=True):
        row[:] = rankdata(-scores, method="average")
    return ranks
