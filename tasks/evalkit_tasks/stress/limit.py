"""LIMIT-style data sets: people who like things, and queries for those who like one thing.

Nothing in them is hard to understand. What is hard is that so many sets of documents must be ranked first by some
query. Source: Weller et al. 2025, "On the Theoretical Limitations of Embedding-Based Retrieval"; the law of their
published notebook, with word lists and random draws of our own.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from evalkit.errors import EvalkitError
from evalkit.placing import write_file, write_lines
from evalkit_tasks.stress.draws import draw, stream
from evalkit_tasks.stress.patterns import Pattern, fewest_documents, relevant_documents
from evalkit_tasks.stress.words import first_names, last_names, likes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

VERSION = 1
"""Of the generator: another number for every change that moves a byte, word lists included."""
FILES = ("task.toml", "corpus.jsonl", "queries.jsonl", "qrels/test.tsv")

_CUTOFFS = (1, 2, 3, 5, 10, 20, 100, 1000)  # mteb 2.26.24, LIMITRetrieval
_PAPER = "https://arxiv.org/abs/2508.21038"


@dataclass(frozen=True)
class LimitSet:
    """What decides a data set, to the byte.

    Attributes:
        docs: How many documents answer queries, n; None takes the fewest that the pattern needs, and the whole
            corpus for the random one.
        relevant: How many documents answer each query, k.
        queries: How many queries there are.
        pattern: Which documents answer which query.
        corpus: How many documents there are in all; the others like nothing that is asked for.
        items_per_doc: How many things each document likes.
        seed: Of every random draw.
    """

    docs: int | None = None
    relevant: int = 2
    queries: int = 1000
    pattern: Pattern = Pattern.DENSE
    corpus: int = 50_000
    items_per_doc: int = 45
    seed: int = 42

    @property
    def answering(self) -> int:
        """How many documents may answer queries, n."""
        if self.docs is not None:
            return self.docs
        if self.pattern is Pattern.RANDOM:
            return self.corpus
        return fewest_documents(self.pattern, self.queries, self.relevant)

    def recorded(self) -> dict[str, Any]:
        """Version and parameters, as they are written down."""
        return {"version": VERSION, **asdict(self), "docs": self.answering, "pattern": str(self.pattern)}


@dataclass(frozen=True)
class _People:
    """The parts of a data set.

    Attributes:
        names: One a document.
        liked: What documents like for a query's sake; the first documents only.
        asked: One thing a query.
        padding: Things that no query asks for.
        answers: The documents that answer each query.
    """

    names: Sequence[str]
    liked: Sequence[list[str]]
    asked: Sequence[str]
    padding: list[str]
    answers: Sequence[tuple[int, ...]]


def write_limit(made: LimitSet, folder: Path, name: str) -> None:
    """Write a data set as a task folder; the same bytes for the same parameters, everywhere.

    Args:
        made: The parameters.
        folder: An empty folder.
        name: What the task is called.

    Raises:
        EvalkitError: No such data set can exist, or the word lists are too short for it.
        OSError: It cannot be written.
    """
    people = _people(made)
    write_lines(folder / "corpus.jsonl", _corpus(made, people))
    write_lines(folder / "queries.jsonl", _queries(people))
    write_lines(folder / "qrels" / "test.tsv", _judgements(people))
    # Last, for only this file makes a folder a task.
    write_file(folder / "task.toml", _task(made, name).encode())


def _people(made: LimitSet) -> _People:
    """Draw everything but what the documents are padded with."""
    _check_numbers(made)
    _check_words(made)
    answers = relevant_documents(made.pattern, made.answering, made.relevant, made.queries, made.seed)
    things = list(likes())
    draw(stream(made.seed, "likes"), things, made.queries)
    asked, padding = things[: made.queries], sorted(things[made.queries :])
    liked: list[list[str]] = [[] for _ in range(made.answering)]
    for thing, documents in zip(asked, answers, strict=True):
        for document in documents:
            liked[document].append(thing)
    _check_items(made, answers, len(padding))
    return _People(_names(made), liked, asked, padding, answers)


def _names(made: LimitSet) -> list[str]:
    firsts, lasts = first_names(), last_names()
    drawn = draw(stream(made.seed, "names"), list(range(len(firsts) * len(lasts))), made.corpus)
    return [f"{firsts[number // len(lasts)]} {lasts[number % len(lasts)]}" for number in drawn]


# -- what cannot exist ---------------------------------------------------------------------------------------------


def _check_numbers(made: LimitSet) -> None:
    numbers = (("docs", made.docs), ("relevant", made.relevant), ("queries", made.queries), ("corpus", made.corpus))
    for name, value in (*numbers, ("items-per-doc", made.items_per_doc)):
        if value is not None and value < 1:
            raise EvalkitError(f"--{name} is {value}; it must be at least 1.", hint=f"Give another --{name}.")


def _check_words(made: LimitSet) -> None:
    """Before anything is counted, so that numbers stay small."""
    things, names = len(likes()), len(first_names()) * len(last_names())
    if made.queries > things:
        raise EvalkitError(
            f"{made.queries:,} queries need as many things to like; the word list has {things:,}.",
            hint=f"Use --queries {things} or fewer.",
        )
    if made.corpus > names:
        raise EvalkitError(
            f"{made.corpus:,} documents need as many names; {len(first_names()):,} first and {len(last_names()):,} "
            f"last names make {names:,}.",
            hint=f"Use --corpus {names} or fewer.",
        )
    if made.answering > made.corpus:
        raise EvalkitError(
            f"A corpus of {made.corpus:,} cannot hold the {made.answering:,} documents that answer the queries.",
            hint=f"Use --corpus {made.answering} or more.",
        )


def _check_items(made: LimitSet, answers: Sequence[tuple[int, ...]], padding: int) -> None:
    counts = Counter(document for documents in answers for document in documents)
    most = max(counts.values())
    fewest = min(counts.values()) if len(counts) == made.corpus else 0
    if most > made.items_per_doc:
        raise EvalkitError(
            f"A document answers {most:,} queries and so likes {most:,} things, more than the {made.items_per_doc:,} "
            "of each document.",
            hint=f"Use --items-per-doc {most} or more, or more --docs.",
        )
    if made.items_per_doc - fewest > padding:
        raise EvalkitError(
            f"{made.queries:,} queries leave {padding:,} of {len(likes()):,} things that nobody asks for, too few for "
            f"a document that likes {made.items_per_doc - fewest:,} of them.",
            hint=f"Use --items-per-doc {padding + fewest} or fewer, or fewer --queries.",
        )


# -- what is written -----------------------------------------------------------------------------------------------


def _corpus(made: LimitSet, people: _People) -> Iterator[bytes]:
    source = stream(made.seed, "documents")
    nothing: list[str] = []
    for number, name in enumerate(people.names):
        liked = people.liked[number] if number < len(people.liked) else nothing
        things = liked + draw(source, people.padding, made.items_per_doc - len(liked))
        if liked:
            draw(source, things, len(things))
        yield _line({"_id": name, "title": "", "text": sentence(name, things)})


def sentence(name: str, things: Sequence[str]) -> str:
    """What a document says."""
    *others, last = things
    return f"{name} likes {', '.join(others)} and {last}." if others else f"{name} likes {last}."


def _queries(people: _People) -> Iterator[bytes]:
    for number, thing in enumerate(people.asked):
        yield _line({"_id": f"query_{number}", "text": f"Who likes {thing}?"})


def _judgements(people: _People) -> Iterator[bytes]:
    yield b"query-id\tcorpus-id\tscore\n"
    for number, documents in enumerate(people.answers):
        for document in documents:
            yield f"query_{number}\t{people.names[document]}\t1\n".encode()


def _line(row: dict[str, str]) -> bytes:
    return json.dumps(row).encode() + b"\n"


def _task(made: LimitSet, name: str) -> str:
    """The `task.toml`; JSON's strings, numbers and lists are TOML's too."""
    head = {
        "name": name,
        "type": "Retrieval",
        "main_score": f"recall_at_{made.relevant}",
        "eval_splits": ["test"],
        "languages": ["eng-Latn"],
        "license": "CC0-1.0",
        "source": [f"generated by `evalkit stress limit`, version {VERSION}", _PAPER],
        "description": _description(made),
    }
    cutoffs = sorted({*_CUTOFFS, made.relevant})
    protocol = {
        "k_values": cutoffs,
        "top_k": cutoffs[-1],
        "ignore_identical_ids": False,
        "skip_first_result": False,
    }
    tables = ("", head), ("\n[protocol]\n", protocol), ("\n[generator]\n", made.recorded())
    return "".join(
        title + "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in table.items())
        for title, table in tables
    )


def _description(made: LimitSet) -> str:
    return (
        f"Who likes X? {made.queries:,} queries, each answered by {made.relevant:,} of {made.answering:,} documents "
        f"(pattern {made.pattern}), among {made.corpus:,} in all. Nothing is hard to understand: what is asked is "
        "whether vectors can rank so many different sets first."
    )
