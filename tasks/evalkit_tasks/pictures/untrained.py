"""The untrained encoder of pictures: the same architecture with fresh weights, or a random projection of pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalkit.adapters.pixels import PixelEncoder
from evalkit.fingerprint import digest_json
from evalkit.types import Similarity
from evalkit_tasks.pictures.protocol import ImageEncoder
from evalkit_tasks.rankability.untrained import made_anew

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.types import Vectors
    from evalkit_tasks.pictures.protocol import Pixels

SIDE = 16


class ProjectedPixels:
    """An `ImageEncoder`: the pixels of a picture made small, times a Gaussian matrix.

    Args:
        dimension: Length of the vectors, d; distances are kept in expectation.
        seed: Of the matrix.
    """

    similarity = Similarity.COSINE

    def __init__(self, dimension: int, seed: int) -> None:
        self.name = f"random projection of pixels ({dimension} dimensions, seed {seed})"
        self.fingerprint: str | None = digest_json(["untrained-pixels", 1, SIDE, dimension, seed])
        self._pixels = PixelEncoder(side=SIDE)
        rng = np.random.default_rng(seed)
        self._matrix = rng.standard_normal((3 * SIDE * SIDE, dimension)).astype(np.float32) / np.sqrt(
            dimension, dtype=np.float32
        )

    def encode_images(self, images: Sequence[Pixels], *, batch_size: int) -> Vectors:
        """(len(images), d) float32."""
        vectors: Vectors = self._pixels.encode_images(images, batch_size=batch_size) @ self._matrix
        return vectors


def untrained_pictures(encoder: ImageEncoder, dimension: int, seed: int) -> tuple[ImageEncoder, str]:
    """The untrained encoder that is measured beside an encoder, and the sentence that says which it is.

    Args:
        encoder: The encoder.
        dimension: Length of its vectors.
        seed: Of the weights.

    Raises:
        EvalkitError: The encoder's `untrained` fails.
    """
    fresh = made_anew(encoder, seed)
    if isinstance(fresh, ImageEncoder):
        return fresh, f"The untrained encoder is the architecture of {encoder.name} with fresh weights (seed {seed})."
    return (
        ProjectedPixels(dimension, seed),
        f"The untrained encoder is a random projection of pixels: {encoder.name} cannot be made with fresh weights.",
    )
