"""``rerank:FIRST > SECOND``: one finds documents, the other orders the best of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evalkit.adapters.options import Options
from evalkit.adapters.transformed import part_record
from evalkit.errors import EncoderError
from evalkit.fingerprint import digest_json
from evalkit.ranking import candidates_of, found_by, rank

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.protocols import Scorer, Workbench
    from evalkit.types import Ranking, TopK

SCHEME = "rerank"
TOP_K = 100
"""Documents that the second stage orders, unless told otherwise."""


def combine(parts: Sequence[Scorer], weights: Sequence[float], options: Mapping[str, str]) -> Reranker:  # noqa: ARG001
    """``rerank:bm25 > cross:PATH`` or ``rerank:[bm25 > cross:PATH]?top_k=50``.

    Raises:
        EncoderError: An option is unknown or malformed, or the first stage cannot rank a corpus.
    """
    chosen = Options(SCHEME, options, ("top_k",))
    first, second = parts
    top_k = chosen.integer("top_k", TOP_K)
    suffix = "" if top_k == TOP_K else f", {top_k}"
    return Reranker(chosen.name(f"rerank({first.name} > {second.name}{suffix})"), first, second, top_k)


class Reranker:
    """A `evalkit.protocols.Ranker`: two stages.

    Where a task brings candidates, all of them count as the first stage's unless they are more than `top_k`.

    Args:
        name: What results call it.
        first: What finds documents.
        second: What orders them: a cross-encoder, or anything else that ranks.
        top_k: How many it orders for a query; documents beyond them are no results.

    Raises:
        EncoderError: The first stage cannot rank a corpus.
    """

    def __init__(self, name: str, first: Scorer, second: Scorer, top_k: int) -> None:
        if getattr(first, "needs_candidates", False):
            raise EncoderError(
                f"{first.name} scores pairs and finds no documents, so it cannot be the first stage.",
                hint="Put bm25 or an encoder of vectors first.",
            )
        self.name = name
        self._first, self._second, self._top_k = first, second, top_k
        told = [first.fingerprint, second.fingerprint]
        self.fingerprint: str | None = digest_json(["rerank", 1, told, top_k]) if None not in told else None

    @property
    def parts(self) -> dict[str, Any]:
        """Both stages and how many documents pass from one to the other."""
        return {"first": part_record(self._first), "second": part_record(self._second), "top_k": self._top_k}

    @property
    def notes(self) -> tuple[str, ...]:
        """What either has to say."""
        return (*getattr(self._first, "notes", ()), *getattr(self._second, "notes", ()))

    def rank(self, problem: Ranking, bench: Workbench) -> TopK:
        """The best documents by the second stage, of the best by the first."""
        found = found_by(replace(problem, top_k=self._top_k), bench.beside(self._first))
        return rank(replace(problem, candidates=candidates_of(found)), bench.beside(self._second))
