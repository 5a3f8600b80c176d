"""``random``: the control. A Gaussian vector for every text, drawn from the text's own digest."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from evalkit.adapters.extras import require
from evalkit.adapters.options import Options
from evalkit.fingerprint import digest_json
from evalkit.types import AnyArray, Similarity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.protocols import TaskInfo
    from evalkit.types import Role, Vectors

SCHEME = "random"
DIM = 128
CHUNK = 4096
"""Texts whose 64-bit numbers are in memory at a time."""

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def load(argument: str, options: Mapping[str, str]) -> RandomEncoder:
    """``random`` or ``random:dim=64,seed=7``.

    Raises:
        EncoderError: An option is unknown or malformed.
    """
    chosen = Options.of_pairs(SCHEME, argument, options, ("dim", "seed"))
    dim, seed = chosen.integer("dim", DIM, most=1 << 20), chosen.integer("seed", 0, least=0)
    return RandomEncoder(chosen.name(), dim=dim, seed=seed)


class RandomEncoder:
    """A `evalkit.protocols.Encoder` whose vectors say nothing but "same text" or "another text".

    Args:
        name: What results call it.
        dim: Length of the vectors.
        seed: Another seed gives other vectors.
    """

    similarity = Similarity.COSINE

    def __init__(self, name: str = SCHEME, *, dim: int = DIM, seed: int = 0) -> None:
        self.name = name
        self.dim = dim
        self.seed = seed
        self.fingerprint: str | None = digest_json([SCHEME, 1, dim, seed])
        self._normal_quantile = require("scipy.special", extra="", scheme=SCHEME).ndtri

    def encode(self, texts: Sequence[str], *, role: Role, task: TaskInfo, batch_size: int) -> Vectors:  # noqa: ARG002
        """(len(texts), dim) float32; each row depends on its text and the seed alone."""
        out = np.empty((len(texts), self.dim), dtype=np.float32)
        for start in range(0, len(texts), CHUNK):
            out[start : start + CHUNK] = self._draw(texts[start : start + CHUNK])
        return out

    def variant(self, role: Role, task: TaskInfo) -> str:  # noqa: ARG002
        """Nothing depends on role or task."""
        return ""

    def _draw(self, texts: Sequence[str]) -> AnyArray:
        prefix = f"{self.seed}:".encode()
        digests = b"".join(sha256(prefix + text.encode("utf-8", "surrogatepass")).digest()[:8] for text in texts)
        state = np.frombuffer(digests, dtype="<u8")[:, None] + _STEP * np.arange(1, self.dim + 1, dtype=np.uint64)
        uniform = ((_mix(state) >> np.uint64(11)) + 0.5) * 2.0**-53
        draws: AnyArray = self._normal_quantile(uniform)
        return draws


def _mix(state: AnyArray) -> AnyArray:
    """SplitMix64's output function (Steele, Lea and Flood 2014): counters in, independent 64-bit numbers out."""
    state = (state ^ (state >> np.uint64(30))) * _MIX_1
    state = (state ^ (state >> np.uint64(27))) * _MIX_2
    mixed: AnyArray = state ^ (state >> np.uint64(31))
    return mixed
