"""A search in two stages behind one encoder: coarse vectors choose the documents, exact ones order them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from evalkit.adapters.transformed import Chain, Step, TransformedEncoder, compared, fitted
from evalkit.embedding import forms
from evalkit.fingerprint import digest_json
from evalkit.protocols import form_of
from evalkit.ranking import best_of_candidates, candidates_of, rank, score_candidates
from evalkit.types import Form, Role, Similarity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.protocols import Encoder, FitSource, TaskInfo, Workbench
    from evalkit.types import Embeddings, Ranking, TopK


class RescoredEncoder(TransformedEncoder):
    """A `TransformedEncoder` that is a `evalkit.protocols.Ranker` too.

    Where documents are ranked, its vectors find the best ones and a second comparison orders these: of the query's
    vectors as they were before the last transform with the documents' as an index has them (where the last transform
    only makes them less exact: Yamada et al. 2021, "Efficient passage retrieval with hashing for open-domain question
    answering") or as they were before it, too. Elsewhere it is the encoder without the second stage.

    Args:
        first: What finds the documents.
        label: How the second stage is written in the spec.
        rule: How many documents it orders, and by which vectors.
    """

    def __init__(self, first: TransformedEncoder, label: str, rule: Rescoring) -> None:
        super().__init__(first.base, first.steps)
        self.name = f"{first.name} | {label}"
        self.fingerprint = first.fingerprint and digest_json(["rescored", 1, first.fingerprint, rule.record()])
        self._first = first
        self._rule = rule
        self._second = _Second(first.base, first.steps, full=rule.full)

    @property
    def parts(self) -> dict[str, Any]:
        """The encoder beneath, the transforms and the second stage."""
        stage = {"transform": "rescore", "parameters": self._rule.record()}
        return {**super().parts, "steps": [*super().parts["steps"], stage]}

    def rank(self, problem: Ranking, bench: Workbench) -> TopK:
        """The best documents, in two stages; documents beyond the first stage's depth are no results."""
        depth = self._rule.depth_of(problem.top_k)
        found = candidates_of(rank(replace(problem, top_k=depth), bench.beside(self._first)))
        scores = score_candidates(problem, found, bench.beside(self._second))
        return best_of_candidates(found, scores, problem.ties, problem.top_k)


@dataclass(frozen=True)
class Rescoring:
    """How a second stage works.

    Attributes:
        multiplier: It orders so many times as many documents as are asked for.
        depth: It orders so many, whatever is asked for; 0 goes by the multiplier.
        full: Compare the vectors of the encoder itself on both sides, before all transforms.
    """

    multiplier: int
    depth: int
    full: bool

    def depth_of(self, top_k: int) -> int:
        """Documents a query in the second stage."""
        return self.depth or self.multiplier * top_k

    def record(self) -> dict[str, Any]:
        """Itself as JSON."""
        many = {"depth": self.depth} if self.depth else {"multiplier": self.multiplier}
        return {**many, "with": "full" if self.full else "stored"}


class _Second:
    """The encoder of the second stage: a `evalkit.protocols.Derived` whose two sides differ.

    Args:
        base: The encoder beneath.
        steps: The transforms of the first stage.
        full: Whether none of them is applied.
    """

    def __init__(self, base: Encoder, steps: Sequence[Step], *, full: bool) -> None:
        self.base = base
        self.fingerprint = None  # it is never asked for texts of its own, so nothing is cached under it
        self.queries = () if full else tuple(steps[:-1])
        self.documents = tuple(steps) if steps[-1].transform.decodes and not full else self.queries
        before = TransformedEncoder(base, self.queries) if self.queries else base
        self.name = f"{before.name} (second stage)"
        self.form: Form = form_of(before)
        self.similarity: Similarity = compared(base, self.queries)
        self._steps = tuple(steps)

    def prepare(self, source: FitSource) -> _Sides:
        """Fit the transforms as the first stage does."""
        chain = fitted(self.documents or self.queries, source)
        queries = Chain(chain.applied[: len(self.queries)])
        documents = Chain(chain.applied[: len(self.documents)])
        stored = len(self.documents) == len(self._steps)
        return _Sides(queries, documents, chain.fits, stored, getattr(self.base, "value_bytes", 4))

    def encode(self, texts: Sequence[str], *, role: Role, task: TaskInfo, batch_size: int) -> Embeddings:
        """Never called in a run, where the vectors of the encoder beneath come from the cache."""
        steps = self.queries if role is Role.QUERY else self.documents
        encoder = TransformedEncoder(self.base, steps) if steps else self.base
        return encoder.encode(texts, role=role, task=task, batch_size=batch_size)


@dataclass(frozen=True)
class _Sides:
    """A `evalkit.protocols.Prepared` with other transforms for queries than for documents.

    Attributes:
        stored: Whether the index of the first stage holds the documents' vectors, so that they take no more bytes.
        value_bytes: Of the encoder beneath.
    """

    queries: Chain
    documents: Chain
    fits: Sequence[Mapping[str, Any]]
    stored: bool
    value_bytes: float

    def __call__(self, vectors: Embeddings, *, role: Role) -> Embeddings:
        return (self.queries if role is Role.QUERY else self.documents)(vectors, role=role)

    def bytes_of(self, vectors: Embeddings) -> float:
        """Bytes that an index needs beside those of the first stage."""
        if self.stored:
            return 0.0
        if self.documents.applied:
            return self.documents.bytes_of(vectors)
        return forms.bytes_of(vectors) * self.value_bytes / 4
