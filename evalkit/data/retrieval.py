"""A BEIR folder: corpus, queries and judgements, checked and numbered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.data.jsonl import columns, is_text, lines
from evalkit.errors import DataError
from evalkit.types import Candidates, Qrels

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
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
        candidates: The documents that each query is given to rank; None for the whole corpus.
        notes: What the data give reason to warn of, one sentence each.
    """

    document_ids: Sequence[str]
    documents: Sequence[str]
    query_ids: Sequence[str]
    queries: Sequence[str]
    qrels: Qrels
    candidates: Candidates | None = None
    notes: tuple[str, ...] = ()


def retrieval_files(base: Path, split: str) -> list[Path]:
    """The three files that hold a split."""
    return [base / "corpus.jsonl", base / "queries.jsonl", base / "qrels" / f"{split}.tsv"]


def candidates_file(base: Path, split: str) -> Path:
    """The file that says which documents each query of a split is given to rank."""
    return base / "top_ranked" / f"{split}.tsv"


def read_retrieval(base: Path, split: str, *, with_candidates: bool = False) -> RetrievalData:
    """Read a split of a BEIR folder.

    Args:
        base: The folder.
        split: The split.
        with_candidates: Whether to read the documents that each query is given to rank, too.

    Raises:
        DataError: A file is missing, empty or malformed; an id is there twice; a judgement or a candidate names an
            unknown id.
    """
    corpus_file, queries_file, qrels_file = retrieval_files(base, split)
    corpus = columns(corpus_file, {"_id": is_text, "text": is_text, "title": is_text}, optional=frozenset({"title"}))
    queries = columns(
        queries_file, {"_id": is_text, "text": is_text, "instruction": is_text}, optional=frozenset({"instruction"})
    )
    document_rows = _number(corpus["_id"], corpus_file)
    query_rows = _number(queries["_id"], queries_file)
    kept, qrels = _read_qrels(qrels_file, query_rows, document_rows)
    candidates = _read_candidates(candidates_file(base, split), query_rows, document_rows) if with_candidates else {}
    given = [candidates.get(row, ()) for row in kept]
    return RetrievalData(
        document_ids=corpus["_id"],
        documents=[document_text(title, text) for title, text in zip(corpus["title"], corpus["text"], strict=True)],
        query_ids=[queries["_id"][row] for row in kept],
        queries=[_query_text(queries["text"][row], queries["instruction"][row]) for row in kept],
        qrels=qrels,
        candidates=Candidates.of([list(each) for each in given]) if with_candidates else None,
        notes=_without_candidates(given) if with_candidates else (),
    )


def id_pairs(path: Path) -> Iterator[tuple[int, str, str]]:
    """Line number, query id and document id of every line of a file of pairs; a header line is skipped.

    Raises:
        DataError: The file is missing, unreadable or malformed.
    """
    for number, line in lines(path):
        fields = line.rstrip("\r\n").split("\t")
        if fields == [""] or (number == 1 and fields == ["query-id", "corpus-id"]):
            continue
        if len(fields) != 2:
            raise DataError(
                f"{path}:{number}: expected query-id and corpus-id, separated by a tab.", hint="Mend that line."
            )
        yield number, fields[0], fields[1]


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
        query_row = known_row(query_rows, query, "query", path, number)
        document_row = known_row(document_rows, document, "document", path, number)
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


def _read_candidates(
    path: Path, query_rows: dict[str, int], document_rows: dict[str, int]
) -> dict[int, dict[int, None]]:
    """Rows of the candidates of each query that has some, each once."""
    found: dict[int, dict[int, None]] = {}
    for number, query, document in id_pairs(path):
        query_row = known_row(query_rows, query, "query", path, number)
        found.setdefault(query_row, {})[known_row(document_rows, document, "document", path, number)] = None
    if not found:
        raise DataError(f"{path} holds no candidates.", hint="Each query needs the documents that it is to rank.")
    return found


def _without_candidates(given: Sequence[Collection[int]]) -> tuple[str, ...]:
    empty = sum(not each for each in given)
    return (f"{empty} of {len(given)} queries have no candidates and score 0.",) if empty else ()


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


def known_row(rows: Mapping[str, int], identifier: str, kind: str, path: Path, number: int) -> int:
    """Row of a query or document by its id.

    Raises:
        DataError: There is none of that id.
    """
    row = rows.get(identifier)
    if row is None:
        where = "queries.jsonl" if kind == "query" else "corpus.jsonl"
        raise DataError(
            f"{path}:{number}: {kind} {identifier!r} is not in {where}.", hint="Add it there, or remove the line."
        )
    return row
