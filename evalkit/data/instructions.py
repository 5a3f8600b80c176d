"""Queries that are asked twice, with an instruction and with a changed one, and what the change makes irrelevant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit.data.retrieval import id_pairs, known_row
from evalkit.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from evalkit.data.retrieval import RetrievalData
    from evalkit.types import IntArray

ORIGINAL, CHANGED = "-og", "-changed"
"""How the ids of the two forms of a query end, in mteb's FollowIR tasks."""


@dataclass(frozen=True)
class Changes:
    """Queries in two forms, with the documents whose relevance differs between them.

    Attributes:
        ids: (n_units,) ids of the queries, without the ending.
        original: (n_units,) row of each query with its original instruction.
        changed: (n_units,) row of it with the changed one.
        unit_of: (n_changes,) the query that each changed document belongs to, ascending.
        documents: (n_changes,) row of the document.
    """

    ids: tuple[str, ...]
    original: IntArray
    changed: IntArray
    unit_of: IntArray
    documents: IntArray


def changes_file(base: Path, split: str) -> Path:
    """The file with the documents that the changed instruction of each query makes irrelevant."""
    return base / "qrels_diff" / f"{split}.tsv"


def read_changes(base: Path, split: str, data: RetrievalData) -> Changes:
    """Read the changed judgements of a split: lines of query id (without its ending) and document id.

    A query that is not judged in both forms is left out, as in mteb.

    Raises:
        DataError: The file is missing, empty or malformed; a document is not in the corpus; no query is there in both
            forms.
    """
    path = changes_file(base, split)
    document_rows = {identifier: row for row, identifier in enumerate(data.document_ids)}
    found: dict[str, list[int]] = {}
    for number, query, document in id_pairs(path):
        found.setdefault(query, []).append(known_row(document_rows, document, "document", path, number))
    rows = {identifier: row for row, identifier in enumerate(data.query_ids)}
    units = [query for query in found if query + ORIGINAL in rows and query + CHANGED in rows]
    if not units:
        raise DataError(
            f"{path} names no query that is judged in both forms, as QUERY{ORIGINAL} and as QUERY{CHANGED}.",
            hint="Write its ids without these endings, and give the queries and their judgements the ids with them.",
        )
    return Changes(
        ids=tuple(units),
        original=np.array([rows[query + ORIGINAL] for query in units], dtype=np.int64),
        changed=np.array([rows[query + CHANGED] for query in units], dtype=np.int64),
        unit_of=np.repeat(np.arange(len(units)), [len(found[query]) for query in units]),
        documents=np.array([document for query in units for document in found[query]], dtype=np.int64),
    )
