"""A BEIR folder: corpus, queries and judgements, checked and numbered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.data.jsonl import columns, is_text, lines
from evalkit.errors import DataError
from evalkit.types import Qrels

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_LARGEST_GRADE = 2**31 - 1


@dataclass(frozen=True)
class RetrievalData:
    """One corpus, its queries and their judgements.

    Attributes:
        document_ids: Ids of the documents, distinct.
        documents: Texts as an encoder gets them: title and text joined.
        query_ids: Ids of the queries that have judgements, distinct.
        queries: Texts as an encoder gets them: query and instruction joined.
        qrels: Judgements; query i is row i.
    """

    document_ids: Sequence[str]
    documents: Sequence[str]
    query_ids: Sequence[str]
    queries: Sequence[str]
    qrels: Qrels


def retrieval_files(base: Path, split: str) -> list[Path]:
    """The three files that hold a split."""
    return [base / "corpus.jsonl", base / "queries.jsonl", base / "qrels" / f"{split}.tsv"]


def read_retrieval(base: Path, split: str) -> RetrievalData:
    """Read a split of a BEIR folder.

    Raises:
        DataError: A file is missing, empty or malformed; an id is there twice; a judgement names an unknown id.
    """
    corpus_file, queries_file, qrels_file = retrieval_files(base, split)
    corpus = columns(corpus_file, {"_id": is_text, "text": is_text, "title": is_text}, optional=frozenset({"title"}))
    queries = columns(
        queries_file, {"_id": is_text, "text": is_text, "instruction": is_text}, optional=frozenset({"instruction"})
    )
    document_rows = _number(corpus["_id"], corpus_file)
    query_rows = _number(queries["_id"], queries_file)
    kept, qrels = _read_qrels(qrels_file, query_rows, document_rows)
    return RetrievalData(
        document_ids=corpus["_id"],
        documents=[document_text(title, text) for title, text in zip(corpus["title"], corpus["text"], strict=True)],
        query_ids=[queries["_id"][row] for row in kept],
        queries=[_query_text(queries["text"][row], queries["instruction"][row]) for row in kept],
        qrels=qrels,
    )


def document_text(title: str | None, text: str) -> str:
    """What an encoder reads of a document, as mteb joins it."""
    return f"{title} {text}".strip() if title else text.strip()


def _query_text(text: str, instruction: str | None) -> str:
    return text if instruction is None else f"{text} {instruction}"


def _number(ids: Sequence[str], path: Path) -> dict[str, int]:
    rows = {identifier: row for row, identifier in enumerate(ids)}
    if len(rows) < len(ids):
        # `rows` keeps the last row of an id that is there twice.
        twice = next(identifier for row, identifier in enumerate(ids) if rows[identifier] != row)
        raise DataError(f"{path}: id {twice!r} is there twice.", hint="Ids must be distinct: remove or rename one.")
    return rows


def _read_qrels(path: Path, query_rows: dict[str, int], document_rows: dict[str, int]) -> tuple[list[int], Qrels]:
    """Rows of the judged queries, in the order of the queries file, and their judgements."""
    judged: dict[int, dict[int, int]] = {}
    for number, query, document, grade in _judgements(path):
        query_row = _known(query_rows, query, "query", path, number)
        document_row = _known(document_rows, document, "document", path, number)
        # A pair that is judged twice keeps the last grade, as reading into a dictionary does in mteb.
        judged.setdefault(query_row, {})[document_row] = grade
    if not judged:
        raise DataError(f"{path} holds no judgements.", hint="A retrieval task needs at least one judged query.")
    kept = sorted(judged)
    counts = [len(judged[row]) for row in kept]
    return kept, Qrels(
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        documents=np.array([document for row in kept for document in judged[row]], dtype=np.int64),
        relevance=np.array([grade for row in kept for grade in judged[row].values()], dtype=np.int64),
    )


def _judgements(path: Path) -> Iterator[tuple[int, str, str, int]]:
    for number, line in lines(path):
        fields = line.rstrip("\r\n").split("\t")
        if fields == [""] or (number == 1 and fields[-1].strip().lower() == "score"):
            continue
        yield number, *_fields(path, number, fields)


def _fields(path: Path, number: int, fields: list[str]) -> tuple[str, str, int]:
    try:
        query, document, score = fields
        grade = int(score)
        if abs(grade) > _LARGEST_GRADE:
            raise ValueError(grade)
        return query, document, grade
    except ValueError:
        raise DataError(
            f"{path}:{number}: expected query-id, corpus-id and a whole-number score, separated by tabs.",
            hint="Mend that line.",
        ) from None


def _known(rows: dict[str, int], identifier: str, kind: str, path: Path, number: int) -> int:
    row = rows.get(identifier)
    if row is None:
        where = "queries.jsonl" if kind == "query" else "corpus.jsonl"
        raise DataError(
            f"{path}:{number}: {kind} {identifier!r} is not in {where}.", hint="Add it there, or remove the judgement."
        )
    return row
