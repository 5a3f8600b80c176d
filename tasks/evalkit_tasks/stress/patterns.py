"""Which documents answer which query: the four patterns of LIMIT, and what each of them has room for.

Source: Weller et al. 2025, "On the Theoretical Limitations of Embedding-Based Retrieval". No two queries of a pattern
are answered by the same set of documents.
"""

from __future__ import annotations

import itertools
import math
from enum import StrEnum
from typing import TYPE_CHECKING

from evalkit.errors import EvalkitError
from evalkit_tasks.stress.draws import draw, stream

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAMES = {1: "set of one", 2: "pair", 3: "triple"}


class Pattern(StrEnum):
    """How queries share documents.

    Attributes:
        DENSE: The first sets of k documents in lexicographic order, of as few documents as have enough of them.
        RANDOM: Any sets of k documents.
        CYCLE: Query i is answered by the documents i to i + k - 1, counted on from the first after the last.
        DISJOINT: No document answers two queries.
    """

    DENSE = "dense"
    RANDOM = "random"
    CYCLE = "cycle"
    DISJOINT = "disjoint"


def available(pattern: Pattern, documents: int, relevant: int) -> int:
    """How many queries a pattern has room for, each answered by another set of documents."""
    if pattern is Pattern.CYCLE:
        # A cycle through as many documents as answer a query comes to the same set from everywhere.
        return documents if relevant < documents else int(relevant == documents)
    if pattern is Pattern.DISJOINT:
        return documents // relevant
    return math.comb(documents, relevant)


def fewest_documents(pattern: Pattern, queries: int, relevant: int) -> int:
    """The smallest number of documents that has room for the queries."""
    if pattern is Pattern.DISJOINT:
        return queries * relevant
    if pattern is Pattern.CYCLE:
        return relevant if queries == 1 else max(queries, relevant + 1)
    documents = relevant
    while math.comb(documents, relevant) < queries:
        documents += 1
    return documents


def relevant_documents(
    pattern: Pattern, documents: int, relevant: int, queries: int, seed: int
) -> list[tuple[int, ...]]:
    """The documents that answer each query, by number and in ascending order.

    Args:
        pattern: How queries share documents.
        documents: How many documents answer queries, n.
        relevant: How many of them answer a query, k.
        queries: How many queries there are.
        seed: Of the random pattern; the others draw nothing.

    Raises:
        EvalkitError: The pattern has no room for so many queries; the arithmetic is in the message.
    """
    room = available(pattern, documents, relevant)
    if room < queries:
        needed = fewest_documents(pattern, queries, relevant)
        raise EvalkitError(
            f"{_counted(documents, 'document')} {'has' if documents == 1 else 'have'} "
            f"{_sets(pattern, relevant, room)}, fewer than the {_counted(queries, 'query', 'queries')} asked for.",
            hint=f"Use --docs {needed} or more{f', or --queries {room} or fewer' if room else ''}.",
        )
    if pattern is Pattern.RANDOM:
        return _random(documents, relevant, queries, seed)
    return list(itertools.islice(_ordered(pattern, documents, relevant), queries))


def _ordered(pattern: Pattern, documents: int, relevant: int) -> Iterator[tuple[int, ...]]:
    """All sets of a pattern that draws nothing."""
    if pattern is Pattern.DENSE:
        return itertools.combinations(range(documents), relevant)
    step = relevant if pattern is Pattern.DISJOINT else 1
    return (
        tuple(sorted((start + place) % documents for place in range(relevant))) for start in range(0, documents, step)
    )


def _random(documents: int, relevant: int, queries: int, seed: int) -> list[tuple[int, ...]]:
    """Different sets, every choice of them equally likely."""
    source = stream(seed, "pattern")
    if available(Pattern.RANDOM, documents, relevant) <= 2 * queries:
        every = list(itertools.combinations(range(documents), relevant))
        return draw(source, every, queries)
    pool = list(range(documents))
    found: dict[tuple[int, ...], None] = {}
    while len(found) < queries:
        found[tuple(sorted(draw(source, pool, relevant)))] = None
    return list(found)


def _sets(pattern: Pattern, relevant: int, n: int) -> str:
    """How many sets there are, such as ``23 disjoint pairs``."""
    noun = _NAMES.get(relevant, f"set of {relevant:,}")
    plural = noun.replace("set", "sets") if "set" in noun else f"{noun}s"
    sets = noun if n == 1 else plural
    if pattern is Pattern.CYCLE:
        return f"{n:,} {sets} of neighbours in a cycle"
    return f"{n:,} disjoint {sets}" if pattern is Pattern.DISJOINT else f"{n:,} {sets}"


def _counted(n: int, singular: str, plural: str = "") -> str:
    return f"{n:,} {singular if n == 1 else plural or f'{singular}s'}"
