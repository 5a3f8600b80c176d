"""Tasks of queries and documents: retrieval, with instructions, and reranking of given candidates."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evalkit.adapters.mteb.library import mteb, quiet
from evalkit_tasks.mteb.files import Inexpressible, SplitsDiffer, text_of, write_jsonl, write_tsv
from evalkit_tasks.mteb.loading import columns_of, split_of
from evalkit_tasks.mteb.special import CHANGES, GROUPS, changes_of, special_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

CANDIDATES = "Reranking"


@dataclass
class _Folder:
    """What the splits of a subset have in common.

    Attributes:
        documents: Title and text of each document, by id.
        queries: Text and instruction of each query, by id.
    """

    documents: dict[str, tuple[str, str]] | None = None
    queries: dict[str, tuple[str, str | None]] = field(default_factory=dict)


def ranking_protocol(task: Any) -> dict[str, Any]:
    """Cut-offs, and what is left out of a ranking."""
    return {
        "k_values": list(task.k_values),
        "top_k": task._top_k,
        "ignore_identical_ids": task.ignore_identical_ids,
        "skip_first_result": task.skip_first_result,
        **({"groups": GROUPS[special]} if (special := special_of(task)) in GROUPS else {}),
    }


def refuse_ranking(task: Any) -> str:
    """Why a folder cannot hold it, if so."""
    special = special_of(task)
    if special == CHANGES and task.metadata.type != "InstructionReranking":
        return f"it measures changed instructions and is called {task.metadata.type}"
    if special in GROUPS and task.metadata.type == "Retrieval":
        return "its queries belong together"
    return "its class has its own task_specific_scores" if special is None else ""


def check_candidates(task: Any) -> None:
    """Candidates must be there where the type says so, and nowhere else.

    Raises:
        Inexpressible: They are not.
    """
    said = task.metadata.type
    for subset in task.hf_subsets:
        for split in task.eval_splits:
            if bool(split_of(task, subset, split)["top_ranked"]) != said.endswith(CANDIDATES):
                raise Inexpressible(f"it is called {said} and comes with{'out' * said.endswith(CANDIDATES)} candidates")


def write_ranking(task: Any, subset: str, base: Path) -> None:
    """Corpus and queries of all splits, and each split's judgements and candidates.

    Raises:
        SplitsDiffer: The splits have other documents or queries under the same ids.
        Inexpressible: Ids are not distinct, or unknown ones are judged.
    """
    check_candidates(task)
    folder = _Folder()
    for split in task.eval_splits:
        data = split_of(task, subset, split)
        judged = {query: grades for query, grades in data["relevant_docs"].items() if len(grades) > 0}
        queries = {query: said for query, said in _queries(data["queries"]).items() if query in judged}
        _add(folder, _documents(data["corpus"]), queries)
        _write_judgements(base / "qrels" / f"{split}.tsv", judged, folder)
        if data["top_ranked"]:
            _write_candidates(base / "top_ranked" / f"{split}.tsv", data["top_ranked"], queries, folder)
        if special_of(task) == CHANGES:
            _write_changes(base / "qrels_diff" / f"{split}.tsv", changes_of(task, subset, split), folder)
    write_jsonl(base / "corpus.jsonl", _document_rows(folder.documents or {}))
    write_jsonl(base / "queries.jsonl", _query_rows(folder.queries))


def _documents(table: Any) -> dict[str, tuple[str, str]]:
    titled = "title" in table.column_names
    columns = columns_of(table, ["id", "text", *(["title"] if titled else [])])
    titles = columns["title"] if titled else [""] * len(columns["id"])
    pairs = zip(titles, columns["text"], strict=True)
    return _by_id(columns["id"], [(title or "", text_of(text)) for title, text in pairs])


def _queries(table: Any) -> dict[str, tuple[str, str | None]]:
    instructed = "instruction" in table.column_names
    columns = columns_of(table, ["id", "text", *(["instruction"] if instructed else [])])
    texts, instructions = columns["text"], columns.get("instruction", [None] * len(columns["id"]))
    if texts and not isinstance(texts[0], str):
        texts, instructions = _conversations(table), [None] * len(texts)
    return _by_id(columns["id"], list(zip(map(text_of, texts), instructions, strict=True)))


def _conversations(table: Any) -> list[Any]:
    """One text of each conversation, as mteb joins it, instruction included."""
    join = getattr(mteb("_create_dataloaders"), "_retrieval_texts", None)
    if join is None:
        raise Inexpressible("its queries are conversations, which this mteb joins in its own way")
    with quiet():
        return list(join(table, mteb("types").PromptType.query))


def _by_id(ids: Sequence[Any], values: Sequence[Any]) -> dict[str, Any]:
    found = dict(zip(map(str, ids), values, strict=True))
    if len(found) < len(ids):
        raise Inexpressible("two of its documents or queries have one id")
    return found


def _add(folder: _Folder, documents: dict[str, tuple[str, str]], queries: dict[str, tuple[str, str | None]]) -> None:
    if folder.documents is None:
        folder.documents = documents
    other = any(folder.queries.get(query, said) != said for query, said in queries.items())
    if other or list(folder.documents) != list(documents) or folder.documents != documents:
        raise SplitsDiffer("its splits have different documents or queries under the same ids")
    folder.queries |= queries


def _write_judgements(path: Path, judged: Mapping[str, Mapping[str, Any]], folder: _Folder) -> None:
    documents = folder.documents or {}
    rows = [("query-id", "corpus-id", "score")]
    for query, grades in judged.items():
        if query not in folder.queries:
            continue  # mteb asks no query that is not there
        for document, grade in grades.items():
            if document not in documents:
                raise Inexpressible("it judges documents that its corpus lacks, which count as never found")
            rows.append((query, document, str(_grade(grade))))
    write_tsv(path, rows)


def _grade(grade: Any) -> int:
    if int(grade) != grade:
        raise Inexpressible("a judgement is no whole number")
    return int(grade)


def _write_candidates(
    path: Path, ranked: Mapping[str, Sequence[str]], queries: Mapping[str, Any], folder: _Folder
) -> None:
    rows = [(query, str(document)) for query in queries for document in ranked.get(query, ())]
    if any(document not in (folder.documents or {}) for _, document in rows):
        raise Inexpressible("some of its candidates are not in its corpus")
    if len(set(rows)) < len(rows):
        raise Inexpressible("a query has the same candidate twice")
    write_tsv(path, [("query-id", "corpus-id"), *rows])


def _write_changes(path: Path, changes: Mapping[str, Sequence[str]], folder: _Folder) -> None:
    rows = [(query, document) for query, documents in changes.items() for document in documents]
    if any(document not in (folder.documents or {}) for _, document in rows):
        raise Inexpressible("some of its changed documents are not in its corpus")
    write_tsv(path, [("query-id", "corpus-id"), *rows])


def _document_rows(documents: Mapping[str, tuple[str, str]]) -> Iterator[dict[str, str]]:
    return ({"_id": key, "title": title, "text": text} for key, (title, text) in documents.items())


def _query_rows(queries: Mapping[str, tuple[str, str | None]]) -> Iterator[dict[str, str]]:
    for key, (text, instruction) in queries.items():
        yield {"_id": key, "text": text, **({"instruction": instruction} if instruction is not None else {})}
