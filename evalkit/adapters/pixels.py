"""``pixels``: a picture made small, as its own vector; what a probe of pictures finds without any model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalkit.adapters.options import Options
from evalkit.errors import EncoderError
from evalkit.fingerprint import digest_json
from evalkit.types import AnyArray, Similarity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.protocols import TaskInfo
    from evalkit.types import FloatArray, Role, Vectors

SCHEME = "pixels"
SIDE = 8


def load(argument: str, options: Mapping[str, str]) -> PixelEncoder:
    """``pixels`` or ``pixels:side=16``.

    Raises:
        EncoderError: An option is unknown or malformed.
    """
    chosen = Options.of_pairs(SCHEME, argument, options, ("side",))
    return PixelEncoder(chosen.name(), side=chosen.integer("side", SIDE, most=256))


class PixelEncoder:
    """An encoder of pictures alone: red, green and blue of a picture of `side` by `side` pixels, from 0 to 1.

    Args:
        name: What results call it.
        side: Pixels along a side, whatever the shape of the picture.
    """

    similarity = Similarity.COSINE
    images_only = True

    def __init__(self, name: str = SCHEME, *, side: int = SIDE) -> None:
        self.name = name
        self.side = side
        self.fingerprint: str | None = digest_json([SCHEME, 1, side])

    def encode(self, texts: Sequence[str], *, role: Role, task: TaskInfo, batch_size: int) -> Vectors:  # noqa: ARG002
        """Refused, for it takes pictures.

        Raises:
            EncoderError: Always.
        """
        raise EncoderError(f"{self.name} takes images, no texts.", hint="Give it tasks of type ImageRankability.")

    def encode_images(self, images: Sequence[AnyArray], *, batch_size: int) -> Vectors:  # noqa: ARG002
        """(len(images), 3 side²) float32 of (height, width, 3) uint8 pictures."""
        out = np.empty((len(images), 3 * self.side * self.side), dtype=np.float32)
        for row, image in enumerate(images):
            out[row] = shrunk(image, self.side).ravel() / 255
        return out

    def variant(self, role: Role, task: TaskInfo) -> str:  # noqa: ARG002
        """Nothing depends on role or task."""
        return ""


def shrunk(image: AnyArray, side: int) -> FloatArray:
    """(side, side, 3) the mean of the pixels in each field of a grid; a picture smaller than that repeats pixels.

    Args:
        image: (height, width, 3).
        side: Fields along a side.
    """
    small: FloatArray = image.astype(np.float64)
    for axis in (0, 1):
        edges = np.arange(side + 1) * small.shape[axis] // side
        sums = np.add.reduceat(small, edges[:-1], axis=axis)
        lengths = np.maximum(1, np.diff(edges))
        small = sums / np.expand_dims(lengths, (1, 2) if axis == 0 else (0, 2))
    return small
