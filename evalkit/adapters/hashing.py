"""``hashing``: counts of word and character n-grams, hashed with signs into a short dense vector; nothing learned."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.adapters.extras import require
from evalkit.adapters.options import Options
from evalkit.fingerprint import digest_json
from evalkit.types import Similarity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.protocols import TaskInfo
    from evalkit.types import Role, Vectors

SCHEME = "hashing"
OFF = "off"
CHUNK = 1024
"""Texts whose sparse counts are in memory at a time."""

_RANGE = re.compile(r"([1-9])-([1-9])")


@dataclass(frozen=True)
class Parameters:
    """Everything that decides the vectors.

    Attributes:
        dim: Length of the vectors.
        words: Shortest and longest word n-gram, or None.
        chars: Shortest and longest character n-gram within words, or None.
    """

    dim: int = 512
    words: tuple[int, int] | None = (1, 2)
    chars: tuple[int, int] | None = (3, 5)


def load(argument: str, options: Mapping[str, str]) -> HashingEncoder:
    """``hashing``, ``hashing:dim=256`` or ``hashing:words=1-1,chars=off``.

    Raises:
        EncoderError: An option is unknown or malformed.
    """
    chosen = Options.of_pairs(SCHEME, argument, options, ("dim", "words", "chars"))
    parameters = Parameters(
        dim=chosen.integer("dim", Parameters.dim, most=1 << 20),
        words=_range(chosen, "words", Parameters.words),
        chars=_range(chosen, "chars", Parameters.chars),
    )
    if parameters.words is None and parameters.chars is None:
        raise chosen.refuse("words", "a range when chars is off too")
    return HashingEncoder(chosen.name(), parameters)


class HashingEncoder:
    """A `evalkit.protocols.Encoder`.

    Args:
        name: What results call it.
        parameters: What decides its vectors.
    """

    similarity = Similarity.COSINE

    def __init__(self, name: str = SCHEME, parameters: Parameters | None = None) -> None:
        self.name = name
        self.parameters = parameters or Parameters()
        self.fingerprint: str | None = digest_json([SCHEME, 1, asdict(self.parameters)])
        self._counters = _counters(self.parameters)

    def encode(self, texts: Sequence[str], *, role: Role, task: TaskInfo, batch_size: int) -> Vectors:  # noqa: ARG002
        """(len(texts), dim) float32 of length 1; zero for a text without letters or digits."""
        out = np.empty((len(texts), self.parameters.dim), dtype=np.float32)
        for start in range(0, len(texts), CHUNK):
            out[start : start + CHUNK] = self._encode(texts[start : start + CHUNK])
        return out

    def variant(self, role: Role, task: TaskInfo) -> str:  # noqa: ARG002
        """Nothing depends on role or task."""
        return ""

    def _encode(self, texts: Sequence[str]) -> Vectors:
        counts: Vectors = sum(counter.transform(texts) for counter in self._counters).toarray()
        # Square roots: the hundredth "the" of a document says less than the first.
        vectors: Vectors = np.sign(counts) * np.sqrt(np.abs(counts))
        lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))[:, None]
        lengths[lengths == 0] = 1.0
        vectors /= lengths.astype(np.float32)
        return vectors


def _counters(parameters: Parameters) -> list[Any]:
    vectorizer = require("sklearn.feature_extraction.text", extra="", scheme=SCHEME).HashingVectorizer
    kinds = {"word": parameters.words, "char_wb": parameters.chars}
    return [
        vectorizer(
            n_features=parameters.dim,
            analyzer=analyzer,
            ngram_range=span,
            alternate_sign=True,
            norm=None,
            dtype=np.float32,
        )
        for analyzer, span in kinds.items()
        if span is not None
    ]


def _range(options: Options, key: str, default: tuple[int, int] | None) -> tuple[int, int] | None:
    if key not in options.given:
        return default
    if options.given[key] == OFF:
        return None
    match = _RANGE.fullmatch(options.given[key])
    if match is None or int(match[1]) > int(match[2]):
        raise options.refuse(key, f"{OFF} or a range of lengths such as 1-2")
    return int(match[1]), int(match[2])
