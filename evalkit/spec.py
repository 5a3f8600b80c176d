"""Encoder specs, as they stand on the command line.

    SPEC     =  ENCODER { | STEP }
    ENCODER  =  FAMILY [:ARGUMENT] [?OPTIONS]
             |  hybrid:[ SPEC * WEIGHT + SPEC * WEIGHT ... ] [?OPTIONS]
             |  rerank: SPEC > SPEC
             |  rerank:[ SPEC > SPEC ] [?OPTIONS]
    STEP     =  NAME [:ARGUMENT] [?OPTIONS]
    OPTIONS  =  key=value { & key=value }

``|`` binds closest, then ``*``, then ``+`` and ``>``. What an argument means is up to the family or the step: a path, a
name, or ``key=value`` pairs separated by commas. Values of options are taken as they stand, white space included, but
for that in front of a sign of the grammar; ``&``, ``|``, ``%`` and a space at the end of a value are written ``%26``,
``%7C``, ``%25`` and ``%20``. The signs ``*``, ``+`` and ``>`` have a space on either side and mean something within
``hybrid:`` and ``rerank:`` only, as do the brackets.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import unquote

from evalkit.errors import EncoderError, EvalkitError

if TYPE_CHECKING:
    from collections.abc import Mapping

HYBRID = "hybrid"
RERANK = "rerank"
GRAMMAR = (__doc__ or "").partition("\n\n")[2]
"""The grammar and what it says, for `evalkit list encoders --spec`."""

EXAMPLES = {
    "bm25:k1=0.9,b=0.4": "a family with pairs as its argument",
    "st:PATH?max_length=128&prompt.query=query: ": "options; a value is taken as it stands",
    "st:PATH | truncate:128 | quantize:binary | rescore": "transforms, applied from left to right to cached vectors",
    "st:PATH | pca:64,fit=texts.jsonl": "a transform that is fitted on a file's texts instead of the task's own",
    "hybrid:[bm25 * .4 + st:PATH | truncate:128 * .6]": "two encoders; their scores, brought to 0..1, are added",
    "hybrid:[bm25 + st:PATH]?fusion=rrf&k=60": "the same by reciprocal ranks",
    "rerank:bm25 > cross:PATH": "a cross-encoder orders the 100 best of bm25",
    "rerank:[hybrid:[bm25 + st:PATH] > cross:PATH]?top_k=50": "brackets, where options are to belong to the whole",
}
"""Specs that show the grammar, and what they mean."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9_.+-]*")
_SECRET = re.compile(
    r"//[^/@\s]+@"  # user and password
    r"|((?:key|token|secret|passw\w*|auth\w*|credential|signature|\bsig)(?:=|%3D))[^&\s|\]?]+"
    r"|(?P<env>key_env=)(?!(?-i:[A-Z_][A-Z0-9_]*)(?:[&\s|\]?]|$))[^&\s|\]?]+"
    r"|\b(?:sk-|hf_|nvapi-|bearer\s)[^&\s|\]?]+",
    re.IGNORECASE,
)
_SHAPE = "A spec is scheme:argument?key=value&key=value, such as bm25:k1=0.9,b=0.4 or 'st:PATH | truncate:128'"
_FAMILY = "the name of an encoder family, such as 'bm25'"
_DEEPEST = 20
_PIPE, _TIMES, _PLUS, _OVER = "|", " * ", " + ", " > "
_OPEN, _CLOSE = "[", "]"


@dataclass(frozen=True)
class Spec:
    """An encoder as it is named on the command line, or one of the steps behind it.

    Attributes:
        scheme: The encoder family, such as ``st``, or the step, such as ``truncate``.
        argument: What stands between the first colon and the first question mark; empty where there is none.
        options: The pairs after the question mark, percent-decoded.
        text: The spec as it was written, without white space around it.
        steps: The transforms behind the encoder.
        parts: The encoders that a hybrid or a reranker is made of, in order.
        weights: The weight of each part; empty for a reranker.
        whole: All that was written, and `at` where in it this begins: so that an error can point there.
    """

    scheme: str
    argument: str
    options: Mapping[str, str]
    text: str
    steps: tuple[Spec, ...] = ()
    parts: tuple[Spec, ...] = ()
    weights: tuple[float, ...] = ()
    whole: str = field(default="", compare=False)
    at: int = field(default=0, compare=False)

    def pointed(self, error: EvalkitError) -> EvalkitError:
        """An error about this part of what was written, with a mark under its place where it is not all of it."""
        if self.whole.strip() == self.text and not self.steps:
            return error
        return EncoderError(error.message, hint=_marked(self.whole, self.at, error.hint), exit_code=error.exit_code)


def parse_spec(text: str) -> Spec:
    """Take a spec apart.

    Raises:
        EncoderError: It is malformed; the message says what was expected at which character (from 1).
    """
    return _Reader(text).whole()


def parse_pairs(text: str, separator: str) -> dict[str, str]:
    """``key=value`` pairs as they stand in a comma-separated argument.

    Raises:
        EncoderError: A part is no pair, or a key is there twice.
    """
    return _pairs(text, 0, len(text), separator)


class _Reader:
    """Reads a spec from left to right.

    Args:
        text: What was written.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self._depth = 0

    def whole(self) -> Spec:
        """All of the text as one spec."""
        spec = self.spec(())
        if self.at < len(self.text):
            raise _malformed(self.text, self.at, f"{_PIPE!r} and a transform, or the end")
        return spec

    def spec(self, ends: tuple[str, ...]) -> Spec:
        """An encoder and its steps, up to one of the signs that end it here."""
        start = self._skip_space()
        encoder = self._encoder((*ends, _PIPE))
        steps = []
        while self._takes(_PIPE):
            self._skip_space()
            steps.append(self._simple("the name of a transform, such as 'truncate'", (*ends, _PIPE)))
        text = self.text[start : self.at].strip()
        return Spec(
            encoder.scheme,
            encoder.argument,
            encoder.options,
            text,
            tuple(steps),
            encoder.parts,
            encoder.weights,
            self.text,
            start,
        )

    def _encoder(self, ends: tuple[str, ...]) -> Spec:
        for scheme, read in ((HYBRID, self._hybrid), (RERANK, self._rerank)):
            if self.text.startswith(f"{scheme}:", self.at):
                self._depth += 1
                if self._depth > _DEEPEST:
                    raise _malformed(self.text, self.at, f"no more than {_DEEPEST} combinations nested in one another")
                spec = read(ends)
                self._depth -= 1
                return spec
        return self._simple(_FAMILY, ends)

    def _hybrid(self, ends: tuple[str, ...]) -> Spec:
        start = self.at
        self.at += len(HYBRID) + 1
        self._expect(_OPEN, "'[' and the parts of the hybrid, such as hybrid:[bm25 * .4 + st:PATH * .6]")
        parts, weights = [], []
        while True:
            parts.append(self.spec((_TIMES, _PLUS, _CLOSE)))
            weights.append(self._weight() if self._takes(_TIMES) else 1.0)
            if not self._takes(_PLUS):
                break
        if len(parts) < 2:
            place = self.text.find("+", parts[0].at, parts[0].at + len(parts[0].scheme))
            if place >= 0:
                raise _malformed(self.text, place, "a space on either side of '+'")
            raise _malformed(self.text, self.at, "' + ' and another part")
        self._expect(_CLOSE, "' + ' and another part, or ']'")
        return self._combined(HYBRID, start, ends, tuple(parts), tuple(weights))

    def _rerank(self, ends: tuple[str, ...]) -> Spec:
        start = self.at
        self.at += len(RERANK) + 1
        self._skip_space()
        bracketed = self._takes(_OPEN)
        first = self.spec((_OVER, _CLOSE) if bracketed else (_OVER, *ends[:-1]))
        self._expect(_OVER.strip(), "' > ' and what reranks, such as rerank:bm25 > cross:PATH")
        if not bracketed:
            second = self.spec(ends[:-1])
            text = self.text[start : self.at].strip()
            return Spec(RERANK, "", {}, text, parts=(first, second), whole=self.text, at=start)
        second = self.spec((_CLOSE,))
        self._expect(_CLOSE, "']'")
        return self._combined(RERANK, start, ends, (first, second), ())

    def _combined(
        self, scheme: str, start: int, ends: tuple[str, ...], parts: tuple[Spec, ...], weights: tuple[float, ...]
    ) -> Spec:
        """What stands in brackets, with the options behind them."""
        options: dict[str, str] = {}
        if self._takes("?"):
            stop = self._end(ends)
            options = _pairs(self.text, self.at, self._last(stop), "&", decoded=True)
            self.at = stop
        text = self.text[start : self.at].strip()
        return Spec(scheme, "", MappingProxyType(options), text, (), parts, weights, self.text, start)

    def _weight(self) -> float:
        self._skip_space()
        stop = self._end((_PLUS, _CLOSE))
        try:
            weight = float(self.text[self.at : stop])
        except ValueError:
            weight = math.nan
        if not math.isfinite(weight):
            raise _malformed(self.text, self.at, "a weight, such as .4")
        self.at = stop
        return weight

    def _simple(self, wanted: str, ends: tuple[str, ...]) -> Spec:
        """``name:argument?key=value`` up to one of the signs that end it here."""
        start, stop = self.at, self._end(ends)
        name = _SCHEME.match(self.text, start, stop)
        if name is None:
            path = self.text[start:stop].strip() if self.text[start : start + 1] in {".", "/", "~"} else ""
            raise _malformed(self.text, start, wanted, f"Did you mean st:{path}? " if path else "")
        last = self._last(stop)
        head = self.text.find("?", start, last)
        argument = self._argument(name.end(), last if head < 0 else head, ended=head < 0)
        options = _pairs(self.text, head + 1, last, "&", decoded=True) if head >= 0 else {}
        self.at = stop
        text = self.text[start:stop].strip()
        return Spec(name.group(), argument, MappingProxyType(options), text, whole=self.text, at=start)

    def _argument(self, start: int, stop: int, *, ended: bool) -> str:
        """What stands behind the colon; white space at the end belongs to it only where options follow."""
        head = self.text[start:stop].rstrip() if ended else self.text[start:stop]
        if head and head[0] != ":":
            raise _malformed(self.text, start, _instead_of(head))
        if head == ":":
            raise _malformed(self.text, start + 1, "an argument after ':'")
        return head[1:]

    def _end(self, signs: tuple[str, ...]) -> int:
        """Where the first of some signs begins, or the end."""
        found = [place for place in (self.text.find(sign, self.at) for sign in signs) if place >= 0]
        return min(found, default=len(self.text))

    def _last(self, stop: int) -> int:
        """Where a value ends: white space before a sign is none of it; at the very end it is, as it may be meant."""
        return stop if stop == len(self.text) else self.at + len(self.text[self.at : stop].rstrip())

    def _skip_space(self) -> int:
        self.at += len(self.text[self.at :]) - len(self.text[self.at :].lstrip())
        return self.at

    def _takes(self, sign: str) -> bool:
        """Go beyond a sign, if it is the next thing."""
        place = self._skip_space() if sign.strip() != "?" else self.at
        if not self.text.startswith(sign.strip(), place):
            return False
        self.at = place + len(sign.strip())
        return True

    def _expect(self, sign: str, wanted: str) -> None:
        if not self._takes(sign):
            raise _malformed(self.text, self.at, wanted)


def _instead_of(found: str) -> str:
    """What was expected where something stands behind the name of a family."""
    sign = found.strip()[:1]
    if sign not in {"+", "*", ">"}:
        return "':' and an argument, or '?' and options"
    if found.strip() == sign:
        return f"{_FAMILY} behind {sign!r}"
    if found.startswith(f" {sign} "):
        return f"brackets around what belongs together, as {sign!r} means nothing here"
    return f"a space on either side of {sign!r}"


def _pairs(text: str, start: int, stop: int, separator: str, *, decoded: bool = False) -> dict[str, str]:
    """``key=value`` pairs between two places of a text."""
    pairs: dict[str, str] = {}
    for part in text[start:stop].split(separator):
        key, equals, value = part.partition("=")
        key = key.strip()
        if not key or not equals:
            raise _malformed(text, start, "key=value")
        if key in pairs:
            raise _malformed(text, start, f"{key!r} only once")
        pairs[key] = unquote(value) if decoded else value
        start += len(part) + len(separator)
    return pairs


def without_secrets(text: str) -> str:
    """A spec as it may be shown and stored: what looks like a password or a key in it is left out."""
    return _SECRET.sub(_masked, text)


def _masked(found: re.Match[str]) -> str:
    if found[0].startswith("//"):
        return "//***@"
    return f"{found[1] or found['env'] or ''}***"


def _malformed(text: str, at: int, expected: str, meant: str = "") -> EncoderError:
    shown = without_secrets(text)
    found = (repr(text[at : at + 12]) if shown == text else "something else") if at < len(text) else "the end"
    return EncoderError(
        f"Encoder spec {shown!r}: expected {expected} at character {at + 1}, found {found}.",
        hint=_marked(text, at, f"{meant}{_SHAPE}; `evalkit list encoders --spec` explains."),
    )


def _marked(text: str, at: int, hint: str) -> str:
    """A hint below what was written, with a mark under the place; without it where it would not stand there."""
    plain = text.isprintable() and without_secrets(text) == text
    return f"{text}\n{' ' * at}^\n{hint}".rstrip() if plain and text else hint
