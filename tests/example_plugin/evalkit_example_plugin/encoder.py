"""``vowels``: how often each vowel stands in a text. A baseline that knows nothing of meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalkit.errors import EncoderError
from evalkit.fingerprint import digest_json
from evalkit.types import Similarity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.protocols import TaskInfo
    from evalkit.types import Role, Vectors

VOWELS = "aeiou"


def load(argument: str, options: Mapping[str, str]) -> VowelEncoder:
    """``vowels`` takes neither argument nor options."""
    if argument or options:
        raise EncoderError("The vowels encoder takes no argument and no options.", hint="Write just vowels.")
    return VowelEncoder()


class VowelEncoder:
    """A `evalkit.protocols.Encoder`."""

    name = "vowels"
    fingerprint = digest_json(["vowels, counted in lower case", 1])
    similarity = Similarity.COSINE

    def encode(self, texts: Sequence[str], *, role: Role, task: TaskInfo, batch_size: int) -> Vectors:
        """(len(texts), 6) float32: a constant, and the number of each vowel."""
        rows = [[1, *map(text.lower().count, VOWELS)] for text in texts]
        return np.array(rows, dtype=np.float32).reshape(-1, 1 + len(VOWELS))

    def variant(self, role: Role, task: TaskInfo) -> str:
        """Nothing depends on role or task, so all tasks share the cache."""
        return ""
