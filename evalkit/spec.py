"""Encoder specs: ``scheme[:argument][?key=value&key=value]``.

Values are taken as they stand, white space included; ``&``, ``|`` and ``%`` are written ``%26``, ``%7C`` and ``%25``.
What the argument means is the adapter's business: a path, a name, or ``key=value`` pairs separated by commas.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import unquote

from evalkit.errors import EvalkitError

if TYPE_CHECKING:
    from collections.abc import Mapping

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9_.+-]*")
_SHAPE = "scheme:argument?key=value&key=value"


@dataclass(frozen=True)
class Spec:
    """An encoder as it is named on the command line.

    Attributes:
        scheme: The encoder family, such as ``st``.
        argument: What stands between the first colon and the first question mark; empty where there is none.
        options: The pairs after the question mark, percent-decoded.
        text: The spec as it was written, without white space around it.
    """

    scheme: str
    argument: str
    options: Mapping[str, str]
    text: str


def parse_spec(text: str) -> Spec:
    """Take a spec apart.

    Raises:
        EvalkitError: It is malformed; the message says what was expected at which character (from 1).
    """
    _refuse_transforms(text)
    start = len(text) - len(text.lstrip())
    scheme = _SCHEME.match(text, start)
    if scheme is None:
        raise _malformed(text, start, "the name of an encoder family, such as 'bm25'")
    head, question, tail = text.partition("?")
    argument = _argument(text, head.rstrip() if not question else head, scheme.end())
    options = _options(text, tail, len(head) + 1) if question else {}
    return Spec(scheme.group(), argument, MappingProxyType(options), text.strip())


def parse_pairs(text: str, separator: str) -> dict[str, str]:
    """``key=value`` pairs as they stand in a comma-separated argument.

    Raises:
        EvalkitError: A part is no pair, or a key is there twice.
    """
    pairs: dict[str, str] = {}
    position = 0
    for part in text.split(separator):
        _add_pair(pairs, text, part, position)
        position += len(part) + len(separator)
    return pairs


def _argument(text: str, head: str, end: int) -> str:
    if len(head) > end and head[end] != ":":
        raise _malformed(text, end, "':' and an argument, or '?' and options")
    argument = head[end + 1 :]
    if len(head) == end + 1:
        raise _malformed(text, end + 1, "an argument after ':'")
    return argument


def _options(text: str, tail: str, start: int) -> dict[str, str]:
    options: dict[str, str] = {}
    for part in tail.split("&"):
        _add_pair(options, text, part, start)
        start += len(part) + 1
    return {key: unquote(value) for key, value in options.items()}


def _add_pair(pairs: dict[str, str], text: str, part: str, start: int) -> None:
    key, equals, value = part.partition("=")
    key = key.strip()
    if not key or not equals:
        raise _malformed(text, start, "key=value")
    if key in pairs:
        raise _malformed(text, start, f"{key!r} only once")
    pairs[key] = value


def _refuse_transforms(text: str) -> None:
    at = text.find("|")
    if at >= 0:
        raise EvalkitError(
            f"Encoder spec {text!r}: this version has no transforms ('|' at character {at + 1}).",
            hint="Give the encoder alone; a '|' inside a value is written %7C.",
        )


def _malformed(text: str, at: int, expected: str) -> EvalkitError:
    found = repr(text[at : at + 12]) if at < len(text) else "the end"
    return EvalkitError(
        f"Encoder spec {text!r}: expected {expected} at character {at + 1}, found {found}.",
        hint=f"A spec is {_SHAPE}, such as bm25:k1=0.9,b=0.4 or st:PATH?max_length=128&device=cpu.",
    )
