"""Options of a spec: typed, with one sentence for whatever is unknown or malformed."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, NoReturn

from evalkit.errors import EncoderError
from evalkit.spec import parse_pairs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FLAGS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


ENCODER, TRANSFORM = "encoder", "transform"


class Options:
    """The options of one encoder or transform, each checked when it is read.

    Args:
        scheme: The encoder family or the transform, for errors.
        given: What the spec says.
        known: The names that may be given; those of an encoder always include ``name``. One that ends in ``.`` stands
            for all that begin with it, such as ``prompt.``.
        kind: What it is that has them, for errors.

    Raises:
        EncoderError: An option is given that the encoder does not have.
    """

    def __init__(self, scheme: str, given: Mapping[str, str], known: Sequence[str], *, kind: str = ENCODER) -> None:
        self.scheme = scheme
        self.kind = kind
        self.given = dict(given)
        self.known = (*known, "name") if kind == ENCODER else tuple(known)
        for key in self.given:
            if not self._knows(key):
                raise self._unknown(key)

    @classmethod
    def of_pairs(cls, scheme: str, argument: str, given: Mapping[str, str], known: Sequence[str]) -> Options:
        """For encoders without positional argument: `argument` is ``key=value,key=value``.

        Raises:
            EncoderError: As the class; or an option is given both as argument and after the question mark.
        """
        pairs = parse_pairs(argument, ",") if argument else {}
        return cls(scheme, _united(scheme, ENCODER, pairs, given), known)

    @classmethod
    def of_step(
        cls, scheme: str, argument: str, given: Mapping[str, str], known: Sequence[str], *, main: str = ""
    ) -> Options:
        """For transforms: as `of_pairs`, but the first part of `argument` may be a bare value.

        Args:
            scheme: The transform.
            argument: Such as ``64,seed=1``.
            given: The options after the question mark.
            known: The names that may be given.
            main: The name of the bare value; empty where there can be none.

        Raises:
            EncoderError: As the class; or an option is given twice.
        """
        first, _, rest = argument.partition(",")
        bare = "=" not in first and bool(first)
        if bare and not main:
            raise EncoderError(
                f"The {scheme} transform takes no argument {first!r}.",
                hint=f"It knows {', '.join(known) or 'no options'}.",
            )
        pairs = rest if bare else argument
        named = _united(scheme, TRANSFORM, parse_pairs(pairs, ",") if pairs else {}, given)
        value = {main: first.strip()} if bare else {}
        return cls(scheme, _united(scheme, TRANSFORM, value, named), known, kind=TRANSFORM)

    def name(self, default: str = "") -> str:
        """The encoder's name: what the user says, else `default`, else the scheme and the options given."""
        if "name" in self.given:
            return self.text("name", "")
        return default or "-".join([self.scheme, *(f"{key}={value}" for key, value in self.given.items())])

    def text(self, key: str, default: str) -> str:
        """A string that is not empty."""
        value = self.given.get(key, default)
        if key in self.given and not value.strip():
            self._refuse(key, "some text")
        return value

    def choice(self, key: str, default: str, choices: Sequence[str]) -> str:
        """One of some words."""
        value = self.given.get(key, default).strip()
        if value not in choices:
            self._refuse(key, f"one of {', '.join(choices)}")
        return value

    def integer(self, key: str, default: int, *, least: int = 1, most: int = 2**31 - 1) -> int:
        """A whole number between two others."""
        try:
            value = int(self.given.get(key, default))
        except ValueError:
            self._refuse(key, "a whole number")
        if not least <= value <= most:
            self._refuse(key, f"a whole number from {least} to {most}")
        return value

    def number(self, key: str, default: float, *, least: float = 0.0, most: float = 1e9) -> float:
        """A finite number between two others."""
        try:
            value = float(self.given.get(key, default))
        except ValueError:
            self._refuse(key, "a number")
        if not least <= value <= most:
            self._refuse(key, f"a number from {least:g} to {most:g}")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self.given.get(key)
        if value is None:
            return default
        said = value.strip().lower()
        if said not in _FLAGS:
            self._refuse(key, "true or false")
        return _FLAGS[said]

    def family(self, prefix: str) -> dict[str, str]:
        """Every option whose name begins with `prefix`, by the rest of its name."""
        return {key.removeprefix(prefix): value for key, value in self.given.items() if key.startswith(prefix)}

    def refuse(self, key: str, expected: str) -> EncoderError:
        """The error for a value that cannot be taken."""
        return EncoderError(
            f"The {self.scheme} {self.kind}'s option {key}={self.given.get(key, '')!r} is not {expected}.",
            hint="Correct it in the spec.",
        )

    def _refuse(self, key: str, expected: str) -> NoReturn:
        raise self.refuse(key, expected) from None

    def _knows(self, key: str) -> bool:
        prefixes = tuple(known for known in self.known if known.endswith("."))
        return key not in prefixes and (key in self.known or key.startswith(prefixes))

    def _unknown(self, key: str) -> EncoderError:
        close = get_close_matches(key.lower(), self.known, n=1)
        meant = f"Did you mean {close[0]}? " if close else ""
        shown = ", ".join(f"{known}NAME" if known.endswith(".") else known for known in sorted(self.known)) or "none"
        return EncoderError(f"The {self.scheme} {self.kind} has no option {key!r}.", hint=f"{meant}It knows {shown}.")


def no_argument(scheme: str, example: str, *, kind: str = ENCODER) -> EncoderError:
    """The error for a spec that lacks its argument."""
    return EncoderError(f"The {scheme} {kind} needs an argument.", hint=f"For example {example}.")


def _united(scheme: str, kind: str, first: Mapping[str, str], second: Mapping[str, str]) -> dict[str, str]:
    if twice := sorted(first.keys() & second.keys()):
        raise EncoderError(f"The {scheme} {kind}'s option {twice[0]!r} is given twice.", hint="Remove one.")
    return {**first, **second}
