"""``clip:2``: values beyond a limit are cut off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from evalkit.embedding.forms import bytes_of
from evalkit.errors import EncoderError
from evalkit.types import Form

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from evalkit.types import Embeddings, Role, Similarity


def load(argument: str, options: Mapping[str, str]) -> Clip:
    """``clip:LIMIT``, a number above 0."""
    try:
        limit = float(argument)
    except ValueError:
        limit = 0.0
    if options or not 0 < limit < float("inf"):
        raise EncoderError("clip takes a limit above 0, and nothing else.", hint="Write clip:2, for example.")
    return Clip(limit)


@dataclass(frozen=True)
class Clip:
    """A `evalkit.protocols.Transform`, and as nothing is fitted, the `evalkit.protocols.Applied` too."""

    limit: float
    name: ClassVar[str] = "clip"
    takes: ClassVar[frozenset[Form]] = frozenset({Form.DENSE})
    fitted: ClassVar[bool] = False
    decodes: ClassVar[bool] = True

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The limit."""
        return {"version": 1, "limit": self.limit}

    def gives(self, form: Form) -> Form:
        """The same form."""
        return form

    def compared(self, similarity: Similarity) -> Similarity:
        """The same similarity."""
        return similarity

    def apply(self, sample: Embeddings | None) -> Clip:
        """Nothing is fitted."""
        return self

    def __call__(self, vectors: Embeddings, *, role: Role) -> Embeddings:
        """(n, d) float32, each value at most the limit from zero."""
        return np.clip(vectors, -self.limit, self.limit)

    def bytes_of(self, vectors: Embeddings) -> float:
        """Four bytes a value."""
        return bytes_of(vectors)
