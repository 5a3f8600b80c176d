"""Rules of encoders that make their vectors themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evalkit.embedding.forms import dimension_of
from evalkit.fingerprint import context_digest
from evalkit.testing.rules import INFO, rule
from evalkit.testing.vectors import LEGAL, check_rows, checked, close, form_of, is_of_none
from evalkit.types import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.protocols import Encoder, TaskInfo
    from evalkit.types import Embeddings

_INFOS = (
    INFO,
    replace(INFO, name="ContractCheckAgain"),
    replace(INFO, type="Retrieval"),
    replace(INFO, languages=("deu-Latn", "zho-Hans")),
    replace(INFO, prompts={"text": "Represent: ", "query": "Question: ", "document": "Passage: "}),
)
"""Tasks that each differ from the first in one thing."""


def check_comparison(encoder: Encoder) -> None:
    """Check form and similarity.

    Raises:
        AssertionError: A rule is broken.
    """
    form = form_of(encoder)
    legal = LEGAL[form]
    rule(encoder.similarity in legal, f"similarity must be one of {', '.join(legal)} where the form is {form}")


def check_vectors(encoder: Encoder, texts: list[str]) -> None:
    """Check what an encoder makes of some texts, in every role and for several tasks.

    Raises:
        AssertionError: A rule is broken.
    """
    dimensions = set()
    for role in Role:
        vectors = encoded(encoder, texts, role=role)
        check_rows(lambda some, size, role=role: encoded(encoder, some, role=role, batch_size=size), texts, vectors)  # type: ignore[misc]
        _check_tuple(encoder, texts, vectors, role)
        _check_variant(encoder, role)
        dimensions.add(dimension_of(vectors))
    rule(len(dimensions) == 1, f"vectors must have one length for every role, not {sorted(dimensions)}")
    _check_contexts(encoder, texts)
    _check_no_texts(encoder, dimensions.pop())


def encoded(
    encoder: Encoder, texts: Sequence[str], *, role: Role = Role.TEXT, task: TaskInfo = INFO, batch_size: int = 32
) -> Embeddings:
    """What an encoder makes of texts, checked.

    Raises:
        AssertionError: It is no embedding of each, or the texts are changed.
    """
    given = list(texts)
    embeddings = encoder.encode(given, role=role, task=task, batch_size=batch_size)
    rule(given == list(texts), "encode must not change the list of texts that it is given")
    return checked(embeddings, given, form_of(encoder))


def _check_tuple(encoder: Encoder, texts: list[str], vectors: Embeddings, role: Role) -> None:
    try:
        other = encoder.encode(tuple(texts), role=role, task=INFO, batch_size=32)
        same = close(vectors, checked(other, texts, form_of(encoder)))
    except AssertionError:
        same = False
    rule(same, "encode must take any sequence, also a tuple")


def _check_variant(encoder: Encoder, role: Role) -> None:
    variant = getattr(encoder, "variant", None)
    if variant is None:
        return
    rule(callable(variant), "variant must be a method (role, task) -> str")
    said = variant(role, INFO)
    rule(isinstance(said, str), f"variant must return a string, not {type(said).__name__}")
    rule(variant(role, INFO) == said, "variant must say the same each time")


def _check_contexts(encoder: Encoder, texts: list[str]) -> None:
    """What shares cache entries must have the same vectors, whichever role or task asked first."""
    contexts = [(role, info) for role in Role for info in _INFOS]
    variant = getattr(encoder, "variant", None)
    seen: dict[str, tuple[str, Embeddings]] = {}
    for role, info in [*contexts, *reversed(contexts)]:
        said = variant(role, info) if variant else context_digest(role, info)
        vectors = encoded(encoder, texts, role=role, task=info)
        asked, first = seen.setdefault(said, (f"{role} of {info}", vectors))
        because = f"variant says {said!r} of both" if variant else "role and task are equal"
        rule(close(first, vectors), f"vectors must be equal for {asked} and {role} of {info}, since {because}")


def _check_no_texts(encoder: Encoder, dimension: int) -> None:
    """No texts are answered with no rows, or refused with an error that says so."""
    try:
        vectors: Any = encoder.encode([], role=Role.TEXT, task=INFO, batch_size=32)
    except Exception as error:
        rule(str(error), "encode([]) must return an array of shape (0, d) or say why not")
        return
    shown = getattr(vectors, "shape", type(vectors).__name__)
    rule(is_of_none(vectors, dimension), f"encode([]) must return an array of shape (0, {dimension}), not {shown}")
