"""The untrained encoder: the same architecture with fresh weights, or else a random projection of bags of words."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.errors import foreign
from evalkit.fingerprint import digest_json
from evalkit.types import Similarity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.protocols import Encoder, TaskInfo
    from evalkit.types import Role, Vectors

BUCKETS = 1 << 14
"""Words are hashed into so many places; 64 KB a dimension."""

_CHUNK = 1024


class BagOfWords:
    """A `evalkit.protocols.Encoder`: counts of hashed words, at length 1, times a Gaussian matrix.

    Nothing in it was learnt from anything, and texts that share words lie near each other: what an encoder without
    architecture would give.

    Args:
        dimension: Length of the vectors, d; distances are kept in expectation.
        seed: Of the matrix.
    """

    similarity = Similarity.COSINE

    def __init__(self, dimension: int, seed: int) -> None:
        self.name = f"random projection of bags of words ({dimension} dimensions, seed {seed})"
        self.dimension = dimension
        self.seed = seed
        self.fingerprint: str | None = digest_json(["untrained-bag-of-words", 1, BUCKETS, dimension, seed])

    def encode(self, texts: Sequence[str], *, role: Role, task: TaskInfo, batch_size: int) -> Vectors:  # noqa: ARG002
        """(len(texts), d) float32; zero for a text without letters or digits."""
        out = np.empty((len(texts), self.dimension), dtype=np.float32)
        for start in range(0, len(texts), _CHUNK):
            out[start : start + _CHUNK] = self._counter.transform(texts[start : start + _CHUNK]) @ self._matrix
        return out

    def variant(self, role: Role, task: TaskInfo) -> str:  # noqa: ARG002
        """Nothing depends on role or task."""
        return ""

    @cached_property
    def _matrix(self) -> Vectors:
        rng = np.random.default_rng(self.seed)
        matrix: Vectors = rng.standard_normal((BUCKETS, self.dimension), dtype=np.float32)
        matrix /= np.float32(np.sqrt(self.dimension))
        return matrix

    @cached_property
    def _counter(self) -> Any:
        from sklearn.feature_extraction.text import HashingVectorizer

        # The default pattern drops words of one letter, and with them every digit that stands alone.
        return HashingVectorizer(
            n_features=BUCKETS, token_pattern=r"(?u)\b\w+\b", alternate_sign=False, norm="l2", dtype=np.float32
        )


def untrained_beside(encoder: Encoder, dimension: int, seed: int) -> tuple[Encoder, str]:
    """The untrained encoder that is measured beside an encoder, and the sentence that says which it is.

    Args:
        encoder: The encoder.
        dimension: Length of its vectors.
        seed: Of the weights.

    Raises:
        EvalkitError: The encoder's `untrained` fails.
    """
    fresh: Encoder | None = made_anew(encoder, seed)
    if fresh is not None:
        return fresh, f"The untrained encoder is {encoder.name} with fresh weights (seed {seed})."
    return (
        BagOfWords(dimension, seed),
        f"The untrained encoder is a random projection of bags of words: {encoder.name} cannot be made with fresh "
        "weights.",
    )


def made_anew(encoder: Any, seed: int) -> Any:
    """What an encoder's own `untrained` gives; None where it has none, or cannot.

    Raises:
        EvalkitError: It fails.
    """
    make = getattr(encoder, "untrained", None)
    if not callable(make):
        return None
    with foreign(f"{encoder.name} failed to make itself anew", hint="Mend its `untrained`, or let it return None."):
        return make(seed)
