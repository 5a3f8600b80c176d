"""The contract of an encoder that takes pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.types import Similarity, Vectors

Pixels: TypeAlias = NDArray[np.uint8]
"""(height, width, 3) red, green and blue of a picture, rows from the top."""


@runtime_checkable
class ImageEncoder(Protocol):
    """Turns pictures into vectors; structural, as `evalkit.protocols.Encoder` is.

    It has name, fingerprint and similarity as every encoder. One that encodes texts too, as CLIP-like models do, puts
    both into one space.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def fingerprint(self) -> str | None: ...  # noqa: D102
    @property
    def similarity(self) -> Similarity: ...  # noqa: D102

    def encode_images(self, images: Sequence[Pixels], *, batch_size: int) -> Vectors:
        """Vectors of the pictures.

        Args:
            images: (height, width, 3) uint8 each, of any size.
            batch_size: Pictures in one forward pass.

        Returns:
            (len(images), d) float32, row i for picture i; d the same on every call.
        """
        ...
