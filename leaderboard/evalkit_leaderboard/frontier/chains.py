"""Which chains of transforms are to stand behind which encoders, and whether all of that is right."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit.errors import DataError, EncoderError, EvalkitError
from evalkit.plan import check_unique
from evalkit.spec import parse_spec, without_secrets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.plugins import Plugins, Steps

NONE = "none"
"""Stands for the encoder itself."""
_COMMENT = "#"
_ENDS = re.compile(r"[;\n]")
_FILE_NAME = re.compile(r"[^\s:|;?]*[./\\][^\s:|;?]*")
_EXAMPLE = "For example: --transforms 'truncate:128; quantize:int8; quantize:binary | rescore'."


@dataclass(frozen=True)
class Chain:
    """Transforms behind an encoder.

    Attributes:
        text: How they are written, or `NONE`.
        spec: The spec of encoder and transforms together, as `evalkit run -m` takes it, without secrets.
        steps: The transforms, for `evalkit.plugins.put_behind`.
    """

    text: str
    spec: str
    steps: Steps


@dataclass(frozen=True)
class Grid:
    """An encoder, and the chains that are to stand behind it.

    Attributes:
        spec: The encoder's spec.
        chains: The chains; the first is none.
    """

    spec: str
    chains: tuple[Chain, ...]

    @property
    def shown(self) -> str:
        """The spec, as it may be printed."""
        return without_secrets(self.spec)


def read_chains(given: Sequence[str]) -> tuple[str, ...]:
    """The chains that ``--transforms`` names, in order, with `NONE` in front.

    Args:
        given: Files with a chain a line (lines that begin with # are comments), or lists with semicolons or line breaks
            between the chains.

    Raises:
        EvalkitError: There are none, one is there twice, or a file cannot be read.
    """
    found = [" | ".join(part.strip() for part in chain.split("|")) for each in given for chain in _listed(each)]
    if not found:
        raise EvalkitError("--transforms names no transform.", hint=_EXAMPLE)
    twice = [chain for at, chain in enumerate(found) if chain in found[:at]]
    if twice:
        raise EvalkitError(f"The transforms {twice[0]!r} are given twice.", hint="Give them once.")
    return (NONE, *(chain for chain in found if chain != NONE))


def grids(plugins: Plugins, encoders: Sequence[str], chains: Sequence[str]) -> tuple[Grid, ...]:
    """Every encoder with every chain, all of it checked as far as it can be before an encoder is loaded.

    Raises:
        EvalkitError: An encoder is given twice or made of several, a spec is malformed, a name is unknown, a transform
            is wrongly given, or two chains are the same.
    """
    check_unique(encoders)
    for encoder in encoders:
        plugins.check_spec(encoder)
        if parse_spec(encoder).parts:  # and a chain would belong to the last part
            raise without_vectors(without_secrets(encoder))
    return tuple(
        Grid(encoder, _told_apart([_chain(plugins, encoder, chain) for chain in chains])) for encoder in encoders
    )


def without_vectors(name: str) -> EncoderError:
    """The error for an encoder that cannot be transformed."""
    return EncoderError(
        f"{name} has no vectors that could be transformed.", hint="Give -m an encoder that makes vectors."
    )


def joined(encoder: str, chain: str) -> str:
    """The spec of an encoder with a chain behind it."""
    if chain == NONE:
        return encoder
    bare = encoder.rstrip(" ")
    # White space at the very end belongs to the value of an option; in front of a sign it would not.
    kept = "%20" * (len(encoder) - len(bare)) if "?" in encoder.rpartition("|")[2] else ""
    return f"{bare}{kept} | {chain}"


def _chain(plugins: Plugins, encoder: str, chain: str) -> Chain:
    whole = joined(encoder, chain)
    plugins.check_spec(whole)
    own = len(parse_spec(encoder).steps)
    return Chain(chain, without_secrets(whole), plugins.load_steps(whole)[own:])


def _told_apart(chains: Sequence[Chain]) -> tuple[Chain, ...]:
    """The chains, no two of which do the same in other words."""
    made = [[transform for _, transform in chain.steps] for chain in chains]
    for at, transforms in enumerate(made):
        if transforms in made[:at]:
            other = chains[made.index(transforms)].text
            raise EvalkitError(f"The transforms {chains[at].text!r} are the same as {other!r}.", hint="Give them once.")
    return tuple(chains)


def _listed(given: str) -> list[str]:
    """The chains of a file or list; blank ones are none."""
    path = Path(given)
    if _is_file(path):
        lines = [line.strip() for line in _read(path).splitlines()]
        return [line for line in lines if line and not line.startswith(_COMMENT)]
    if _FILE_NAME.fullmatch(given):
        raise DataError(
            f"{given} is no file.", hint=f"Give --transforms a file with a chain a line, or a list. {_EXAMPLE}"
        )
    return [chain.strip() for chain in _ENDS.split(given) if chain.strip()]


def _is_file(path: Path) -> bool:
    with suppress(OSError, ValueError):  # a long list is no name that a file could have
        return path.is_file()
    return False


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{path} is no text in UTF-8.", hint="Give --transforms a file with a chain a line.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.", hint="Check the file's permissions.") from None
