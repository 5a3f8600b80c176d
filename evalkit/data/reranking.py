"""Queries with the documents that each is given to rank: positives and negatives a line, or a BEIR folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.data.jsonl import columns, is_text
from evalkit.data.retrieval import RetrievalData, candidates_file, document_text, read_retrieval, retrieval_files
from evalkit.errors import DataError
from evalkit.types import Candidates, Qrels

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


def is_texts(value: Any) -> bool:
    """A list of strings, also an empty one."""
    return isinstance(value, list) and all(map(is_text, value))


def reranking_files(base: Path, split: str) -> list[Path]:
    """The files that hold a split: one with positives and negatives, or four of a BEIR folder."""
    lists = _lists_file(base, split)
    return [lists] if lists.exists() else [*retrieval_files(base, split), candidates_file(base, split)]


def read_reranking(base: Path, split: str) -> RetrievalData:
    """Read a split, in whichever of the two forms it lies there.

    Raises:
        DataError: It is there in both; a file is missing, empty or malformed; a judgement or a candidate names an
            unknown id; no line has both positives and negatives.
    """
    lists = _lists_file(base, split)
    if not lists.exists():
        return read_retrieval(base, split, with_candidates=True)
    judgements = retrieval_files(base, split)[-1]
    if judgements.exists():
        raise DataError(f"{base} has the split both as {lists.name} and as {judgements}.", hint="Remove one of them.")
    return _read_lists(lists, split)


def _lists_file(base: Path, split: str) -> Path:
    return base / f"{split}.jsonl"


def _read_lists(path: Path, split: str) -> RetrievalData:
    """As mteb's `AbsTaskReranking` reads them: every text is a document of its own, though it be there twice.

    Lines without positives or without negatives are left out, and the queries numbered after that.
    """
    table = columns(path, {"query": is_text, "positive": is_texts, "negative": is_texts})
    lines = list(zip(table["query"], table["positive"], table["negative"], strict=True))
    kept = [line for line in lines if line[1] and line[2]]
    if not kept:
        raise DataError(f"{path} has no line with both positives and negatives.", hint="Reranking needs both.")
    sizes = [len(positive) + len(negative) for _, positive, negative in kept]
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    rows = np.arange(offsets[-1])
    query_ids = [f"{split}_query{number}" for number in range(len(kept))]
    return RetrievalData(
        document_ids=[each for name, line in zip(query_ids, kept, strict=True) for each in _document_ids(name, line)],
        documents=[document_text(None, text) for _, *sides in kept for texts in sides for text in texts],
        query_ids=query_ids,
        queries=[query for query, _, _ in kept],
        qrels=Qrels(offsets, rows, np.array([grade for line in kept for grade in _grades(line)], dtype=np.int64)),
        candidates=Candidates(offsets, rows),
        notes=_left_out(len(lines) - len(kept), len(lines)),
    )


def _document_ids(query_id: str, line: tuple[str, Sequence[str], Sequence[str]]) -> Iterator[str]:
    """The ids that mteb gives. Of equal scores the larger id comes first, so that ties favour the negatives."""
    for kind, texts in zip(("apositive", "negative"), line[1:], strict=True):
        yield from (f"{kind}_{query_id}_{number:05d}" for number in range(len(texts)))


def _grades(line: tuple[str, Sequence[str], Sequence[str]]) -> list[int]:
    return [1] * len(line[1]) + [0] * len(line[2])


def _left_out(n: int, of: int) -> tuple[str, ...]:
    return (f"{n} of {of} queries are left out: they have no positives or no negatives.",) if n else ()
