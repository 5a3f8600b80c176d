"""What all checks have in common: the texts that are tried, and how a broken rule is named."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from evalkit.errors import EvalkitError, in_words
from evalkit.fingerprint import SHORT
from evalkit.protocols import TaskInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TEXTS = (
    "A cat sits on the mat.",
    "Two dogs run along the beach.",
    "",
    "Grüße aus Köln, 你好, здравствуйте!",
    "A cat sits on the mat.",
    "short",
    "The committee met on 12 March 2019 and adjourned without a vote. " * 8,
)
"""What encoders are tried on: an empty text, a repeated one, other scripts, short and long."""

TOLERANCE = 1e-5
"""How far two vectors of one text may differ, where the largest value of all vectors is at most 1."""

INFO = TaskInfo("ContractCheck", "STS", ("eng-Latn",))
"""The task that encoders are told of."""


def rule(kept: object, said: str) -> None:
    """Name a rule that is broken.

    Raises:
        AssertionError: It is.
    """
    # Not an assert statement: `python -O` would skip the check.
    if not kept:
        raise AssertionError(f"Broken rule: {said}.")


def works(said: str, call: Callable[[], Any]) -> Any:
    """What a call returns; whatever it raises breaks a rule.

    Raises:
        AssertionError: It raises something; the message names the rule and says what.
    """
    try:
        return call()
    except AssertionError:
        raise
    except Exception as error:
        what = str(error) if isinstance(error, EvalkitError) else in_words(error)
        raise AssertionError(f"Broken rule: {said} ({what}).") from error


def check_texts(texts: Sequence[str]) -> None:
    """Refuse texts that would find nothing.

    Raises:
        ValueError: They are not at least two different ones, or none of them is there twice.
    """
    if len(set(texts)) < 2 or len(set(texts)) == len(texts):
        raise ValueError("Give at least two different texts, and one of them twice.")


def check_identity(scorer: Any) -> None:
    """Check what results say of anything that is scored, or of a part of it.

    Raises:
        AssertionError: A rule is broken.
    """
    rule(isinstance(scorer.name, str) and scorer.name.strip(), "name must be a string that is not empty")
    said = scorer.fingerprint
    rule(said is None or is_digest(said), f"fingerprint must be None or {SHORT} hex digits or more")
    rule(scorer.fingerprint == said, "fingerprint must be the same each time")
    rule(is_sentences(getattr(scorer, "notes", ())), "notes must be sentences, each a string of its own")
    parts = getattr(scorer, "parts", {})
    rule(isinstance(parts, Mapping) and is_json(dict(parts)), "parts must be a mapping of JSON")


def is_digest(value: object) -> bool:
    """Whether it can name a folder: "vowels-v1" and "vowels-v2" might share their first digits."""
    return isinstance(value, str) and len(value) >= SHORT and not set(value) - set("0123456789abcdef")


def is_sentences(value: object) -> bool:
    """Whether it is some strings, none of them empty."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        return False
    return all(isinstance(each, str) and each.strip() for each in value)


def is_json(value: object) -> bool:
    """Whether strict JSON can hold it."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True
