"""Models of mteb's registry that rank documents without showing vectors: cross-encoders, and searches of their own."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.adapters.mteb.identity import fingerprint, notes
from evalkit.adapters.mteb.library import quiet
from evalkit.adapters.mteb.metadata import metadata_of
from evalkit.adapters.objects import Batches
from evalkit.errors import CellError, in_words
from evalkit.ranking import best_of_candidates
from evalkit.types import Candidates

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evalkit.protocols import Workbench
    from evalkit.types import Ranking, TopK, Vectors

_BATCH = 32
_PAIRS = 16_384
"""Pairs of query and document that are held as text at a time."""


class _MtebRanker:
    """What both kinds share.

    Args:
        model: The model, loaded by mteb.
        name: What results call it.
        given: What the user has given its loader.
    """

    def __init__(self, model: Any, name: str, *, given: Mapping[str, Any]) -> None:
        self.name = name
        self.fingerprint = fingerprint(model, given, "ranker")
        self.notes = notes(model)
        self._model = model

    def _told(self, bench: Workbench) -> dict[str, Any]:
        """What mteb tells a model of the task."""
        task = bench.task
        return {"task_metadata": metadata_of(task), "hf_split": "test", "hf_subset": "default"}


class MtebCrossEncoder(_MtebRanker):
    """A `evalkit.protocols.Ranker` that reads query and document together, so that it needs candidates."""

    needs_candidates = True

    def rank(self, problem: Ranking, bench: Workbench) -> TopK:
        """The best candidates of every query.

        Raises:
            CellError: There are no candidates, or the model fails.
        """
        candidates = problem.candidates
        if candidates is None:
            raise CellError(
                f"{self.name} scores pairs and cannot search a whole corpus.", hint="Use rerank:FIRST > SPEC."
            )
        told, queries = self._told(bench), candidates.query_of
        scores = np.empty(len(queries), dtype=np.float32)
        for start in range(0, len(queries), _PAIRS):
            rows = slice(start, start + _PAIRS)
            asked = [problem.queries[row] for row in queries[rows]]
            read = [problem.documents[row] for row in candidates.documents[rows]]
            scores[rows] = self._predict(asked, read, told)
        return best_of_candidates(candidates, scores, problem.ties, problem.top_k)

    def _predict(self, queries: Sequence[str], documents: Sequence[str], told: Mapping[str, Any]) -> Vectors:
        with quiet():
            raw = self._model.predict(
                _QueryBatches(queries, _BATCH), Batches(documents, _BATCH), **told, show_progress_bar=False
            )
        scores: Vectors = np.asarray(raw, dtype=np.float32).reshape(-1)
        if len(scores) != len(queries):
            raise CellError(
                f"{self.name} gave {len(scores)} scores for {len(queries)} pairs.", hint="Report it to mteb."
            )
        return scores


class _QueryBatches(Batches):
    """Some rerankers read the query under its own name."""

    def __iter__(self) -> Iterator[dict[str, list[str]]]:
        for batch in super().__iter__():
            yield {**batch, "query": batch["text"]}


class MtebSearch(_MtebRanker):
    """A `evalkit.protocols.Ranker` with mteb's ``index`` and ``search``, such as its BM25."""

    def rank(self, problem: Ranking, bench: Workbench) -> TopK:
        """The best documents of every query.

        Raises:
            CellError: The model fails.
        """
        told = {**self._told(bench), "encode_kwargs": {"batch_size": _BATCH, "show_progress_bar": False}}
        with quiet():
            try:
                self._model.index(_table(problem.documents, title=""), num_proc=None, **told)
                found = self._model.search(
                    _table(problem.queries),
                    top_k=problem.top_k,
                    top_ranked=_top_ranked(problem),
                    num_proc=None,
                    **told,
                )
            except Exception as error:
                raise CellError(f"{self.name} failed: {in_words(error)}.", hint="Try another model.") from error
        return _ranked(found, problem)


def _table(texts: Sequence[str], **constant: str) -> Any:
    """Texts as a data set of mteb, their rows as ids."""
    columns = {"id": [str(row) for row in range(len(texts))], "text": list(texts)}
    more = {name: [value] * len(texts) for name, value in constant.items()}
    return importlib.import_module("datasets").Dataset.from_dict({**columns, **more})


def _top_ranked(problem: Ranking) -> dict[str, list[str]] | None:
    candidates = problem.candidates
    if candidates is None:
        return None
    edges = candidates.offsets
    return {
        str(row): [str(document) for document in candidates.documents[edges[row] : edges[row + 1]]]
        for row in range(len(problem.queries))
    }


def _ranked(found: Mapping[str, Mapping[str, float]], problem: Ranking) -> TopK:
    of_query = [found.get(str(row), {}) for row in range(len(problem.queries))]
    candidates = Candidates.of([[int(document) for document in each] for each in of_query])
    scores = np.array([score for each in of_query for score in each.values()], dtype=np.float32)
    return best_of_candidates(candidates, scores, problem.ties, problem.top_k)
