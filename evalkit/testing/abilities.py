"""Rules of what an encoder may have and need not: prompts, layers, fresh weights, a pace of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalkit.errors import EvalkitError
from evalkit.protocols import Encoder
from evalkit.testing.encoders import encoded
from evalkit.testing.rules import check_identity, rule, works
from evalkit.testing.vectors import close
from evalkit.types import Role

if TYPE_CHECKING:
    from collections.abc import Callable

_PROMPTS = {"text": "Represent: ", "query": "Question: ", "document": "Passage: "}


def check_abilities(encoder: Encoder, texts: list[str]) -> None:
    """Check every optional ability that an encoder has.

    Raises:
        AssertionError: A rule is broken.
    """
    _check_pace(getattr(encoder, "texts_per_call", None))
    prompted, cut = getattr(encoder, "with_prompts", None), getattr(encoder, "with_layer", None)
    if prompted is not None:
        rule(callable(prompted), "with_prompts must be a method (prompts) -> Encoder")
        for prompts in ({}, _PROMPTS):
            _check_changed(encoder, f"with_prompts({prompts})", lambda prompts=prompts: prompted(dict(prompts)), texts)  # type: ignore[misc]
    if cut is not None:
        rule(callable(cut), "with_layer must be a method (layer) -> Encoder")
        _check_changed(encoder, "with_layer(1)", lambda: cut(1), texts)
    _check_untrained(encoder, getattr(encoder, "untrained", None), texts)


def _check_pace(texts: object) -> None:
    number = isinstance(texts, int) and not isinstance(texts, bool) and texts >= 1
    rule(texts is None or number, "texts_per_call must be a number of texts, 1 or more, or None")


def _check_changed(encoder: Encoder, said: str, make: Callable[[], Any], texts: list[str]) -> None:
    before = {role: encoded(encoder, texts, role=role) for role in Role}
    try:
        other = make()
    except EvalkitError:  # it has no layer so deep, say
        return
    same = all(close(vectors, encoded(encoder, texts, role=role)) for role, vectors in before.items())
    rule(same, f"{said} must leave the encoder itself as it was")
    check_changed(encoder, other, said, texts)


def check_changed(encoder: Encoder, other: Any, said: str, texts: list[str]) -> None:
    """Check an encoder that was made of another one.

    Args:
        encoder: The other one.
        other: What was made of it.
        said: How it was made.
        texts: What to compare them on.

    Raises:
        AssertionError: It is no encoder, or has other vectors under the same fingerprint.
    """
    rule(isinstance(other, Encoder), f"{said} must return an encoder, not {type(other).__name__}")
    check_identity(other)
    if other.fingerprint is None or other.fingerprint != encoder.fingerprint:
        return
    same = all(close(encoded(encoder, texts, role=role), encoded(other, texts, role=role)) for role in Role)
    rule(same, f"{said} must have another fingerprint, as it has other vectors")


def _check_untrained(encoder: Encoder, untrained: Any, texts: list[str]) -> None:
    if untrained is None:
        return
    rule(callable(untrained), "untrained must be a method (seed) -> Encoder | None")
    fresh = works("untrained must return an encoder, or None where it cannot be made", lambda: untrained(1))
    if fresh is None:
        return
    check_changed(encoder, fresh, "untrained(1)", texts)
    vectors = encoded(fresh, texts)
    again = encoded(untrained(1), texts)
    rule(close(vectors, again), "untrained must draw the same weights under the same seed")
