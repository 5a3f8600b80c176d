"""Rules of encoders that compute their vectors from another's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalkit.embedding.forms import dimension_of, joined, take
from evalkit.errors import EvalkitError
from evalkit.testing.bench import MemoryBench, MemorySource
from evalkit.testing.encoders import encoded
from evalkit.testing.rules import INFO, is_json, rule, works
from evalkit.testing.vectors import check_rows, checked, close, form_of
from evalkit.types import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.protocols import Derived, Encoder, Prepared, TaskInfo
    from evalkit.types import Embeddings


class Remembered:
    """An encoder that encodes each text once a role, as a cache does: what is computed from it is not its rounding.

    Args:
        encoder: The encoder.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.name, self.fingerprint, self.similarity = encoder.name, encoder.fingerprint, encoder.similarity
        self.form = form_of(encoder)
        self._encoder = encoder
        self._known: dict[tuple[Role, str], Embeddings] = {}

    def encode(self, texts: Sequence[str], *, role: Role, task: TaskInfo, batch_size: int) -> Embeddings:
        """What the encoder gives, in arrays of their own."""
        new = [text for text in dict.fromkeys(texts) if (role, text) not in self._known]
        if new:
            made = encoded(self._encoder, new, role=role, task=task, batch_size=batch_size)
            self._known |= {(role, text): take(made, [row]) for row, text in enumerate(new)}
        return joined([self._known[role, text] for text in texts])


def check_derived(encoder: Any, texts: list[str], fit_texts: Sequence[str] = (), what: str = "prepare") -> None:
    """Check an encoder that is a `evalkit.protocols.Derived`, but not the one beneath.

    Args:
        encoder: The encoder.
        texts: What to try it on.
        fit_texts: What a task embeds, to fit it on; where none are given, the texts.
        what: What changes the vectors, for messages.

    Raises:
        AssertionError: A rule is broken.
    """
    bench = MemoryBench(Remembered(encoder.base), INFO)
    evaluated = list(fit_texts or texts)
    prepared, other = (_prepared(encoder, bench, some) for some in (evaluated, evaluated[::-1]))
    fits = [dict(fit) for fit in prepared.fits]
    rule(is_json(fits), "fits must be mappings of JSON")
    dimensions = set()
    for role in Role:
        vectors = _check_role(encoder, prepared, bench, texts, role, what)
        dimensions.add(dimension_of(vectors))
        permuted = checked(other(bench.embed_any(texts, role=role), role=role), texts, form_of(encoder), what)
        rule(
            close(vectors, permuted), f"{what} must give the same, in whatever order the texts are that it is fitted on"
        )
    rule(len(dimensions) == 1, f"vectors must have one length for every role, not {sorted(dimensions)}")
    rule(bench.untouched(), f"{what} must not change the vectors that it is given")
    _check_encode(encoder, texts)


def _prepared(encoder: Derived, bench: MemoryBench, texts: Sequence[str]) -> Prepared:
    source = MemorySource(bench, {role: list(texts) for role in Role})
    said = "prepare must fit the encoder on the texts of a task"
    prepared: Prepared = works(said, lambda: encoder.prepare(source))
    return prepared


def _check_role(
    encoder: Any, prepared: Prepared, bench: MemoryBench, texts: list[str], role: Role, what: str
) -> Embeddings:
    form = form_of(encoder)

    def ask(some: Sequence[str], _: int) -> Embeddings:
        vectors = bench.embed_any(some, role=role)
        return checked(
            works(f"{what} must take vectors of every role", lambda: prepared(vectors, role=role)), some, form, what
        )

    vectors = ask(texts, 32)
    check_rows(ask, texts, vectors, what)
    size = prepared.bytes_of(prepared(bench.embed_any(texts, role=role), role=role))
    rule(isinstance(size, int | float) and 0 < size < float("inf"), f"bytes_of must be a number above 0, not {size}")
    return vectors


def _check_encode(encoder: Any, texts: list[str]) -> None:
    """Outside a run, an encoder gives the same vectors, or says that it needs a task's texts."""
    bench = MemoryBench(encoder.base, INFO)
    try:
        prepared = encoder.prepare(MemorySource(bench, None))
    except EvalkitError:
        rule(_refuses(encoder, texts), "encode must raise an EvalkitError where something is fitted on a task's texts")
        return
    for role in Role:
        expected = checked(prepared(bench.embed_any(texts, role=role), role=role), texts, form_of(encoder))
        same = close(expected, encoded(encoder, texts, role=role))
        rule(same, "encode must give what prepare makes of the vectors of base")


def _refuses(encoder: Encoder, texts: list[str]) -> bool:
    try:
        encoder.encode(texts, role=Role.TEXT, task=INFO, batch_size=32)
    except EvalkitError:
        return True
    return False
