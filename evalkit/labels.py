"""What to call encoders so that no two are called the same."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, TypeAlias

from evalkit.fingerprint import short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.schema import EncoderRecord

Identity: TypeAlias = tuple[str, str | None]
"""Name and fingerprint of an encoder."""

UNIDENTIFIED = "unidentified"
"""Stands where an encoder has no fingerprint."""

_UNTOLD = ("name=", "device=")  # options that tell no two encoders apart


def identity(encoder: EncoderRecord) -> Identity:
    """What makes two records those of one encoder."""
    return encoder.name, encoder.fingerprint


def encoder_labels(encoders: Sequence[EncoderRecord]) -> tuple[str, ...]:
    """A label of each encoder: its name; where several share it, also what differs in their specs.

    `st:PATH` and `st:PATH?max_length=128` become ``NAME`` and ``NAME?max_length=128``. Where the specs say nothing,
    the start of the fingerprint does.
    """
    first = {identity(encoder): encoder for encoder in reversed(encoders)}
    namesakes: dict[str, list[EncoderRecord]] = defaultdict(list)
    for encoder in first.values():
        namesakes[encoder.name].append(encoder)
    labels: dict[Identity, str] = {}
    for name, group in namesakes.items():
        options = [options_of(encoder.spec) for encoder in group]
        distinct = len(set(options)) == len(options)
        for encoder, told in zip(group, options, strict=True):
            by_spec = f"{name}{told}" if distinct else with_fingerprint(encoder)
            labels[identity(encoder)] = by_spec if len(group) > 1 else name
    return tuple(labels[identity(encoder)] for encoder in encoders)


def with_fingerprint(encoder: EncoderRecord) -> str:
    """Its name and, in brackets, the start of its fingerprint."""
    return f"{encoder.name} ({short(encoder.fingerprint) if encoder.fingerprint else UNIDENTIFIED})"


def options_of(spec: str) -> str:
    """The options of a spec, as they stand in it, or nothing."""
    _, _, tail = spec.partition("?")
    kept = [pair for pair in tail.split("&") if pair and not pair.startswith(_UNTOLD)]
    return f"?{'&'.join(kept)}" if kept else ""
