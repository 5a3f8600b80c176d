"""An image encoder behind the workbench of texts: each picture goes by the digest of its file.

So pictures have the cache, the checks and the progress that texts have, and the same picture is encoded once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from evalkit_tasks.pictures.png import read_pixels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from evalkit.protocols import TaskInfo
    from evalkit.types import Role, Vectors
    from evalkit_tasks.pictures.protocol import ImageEncoder

Files: TypeAlias = "Mapping[str, Path]"
"""Where the picture of each digest is."""


class PictureEncoder:
    """A `evalkit.protocols.Encoder` of digests.

    Args:
        encoder: Encodes the pictures.
        files: Where they are.
    """

    def __init__(self, encoder: ImageEncoder, files: Files) -> None:
        self.name = encoder.name
        self.fingerprint = encoder.fingerprint
        self.similarity = encoder.similarity
        self._encoder = encoder
        self._files = files

    def encode(self, texts: Sequence[str], *, role: Role, task: TaskInfo, batch_size: int) -> Vectors:  # noqa: ARG002
        """(len(texts), d); a batch of pictures is in memory at a time.

        Raises:
            DataError: A picture cannot be read.
        """
        parts = []
        for start in range(0, len(texts), batch_size):
            images = [read_pixels(self._files[digest]) for digest in texts[start : start + batch_size]]
            parts.append(self._encoder.encode_images(images, batch_size=batch_size))
        return np.concatenate(parts) if parts else np.zeros((0, 1), dtype=np.float32)

    def variant(self, role: Role, task: TaskInfo) -> str:  # noqa: ARG002
        """No text has this variant, so that none shares an entry of the cache with a picture."""
        return "image"
