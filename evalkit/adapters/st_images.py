"""Pictures for the encoders of sentence-transformers that take them, such as CLIP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.adapters.convert import as_float32
from evalkit.adapters.extras import require

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evalkit.types import AnyArray, Vectors

EXTRA = "images"


def takes_images(model: Any) -> bool:
    """Whether a `SentenceTransformer` encodes pictures; before version 5.4 only its module `CLIPModel` did."""
    supports = getattr(model, "supports", None)
    if callable(supports):
        return bool(supports("image"))
    first = next(iter(getattr(model, "children", tuple)()), None)
    return type(first).__name__ == "CLIPModel"


def image_encoding(model: Any, name: str) -> Callable[..., Vectors]:
    """The method `encode_images` of an encoder around that model.

    Args:
        model: A `SentenceTransformer` that takes pictures.
        name: What results call the encoder.
    """

    def encode_images(images: Sequence[AnyArray], *, batch_size: int) -> Vectors:
        """(len(images), d) float32 of (height, width, 3) uint8 pictures; without any prompt."""
        if not images:
            return np.zeros((0, 1), dtype=np.float32)
        pillow = require("PIL.Image", extra=EXTRA, scheme="st")
        raw = model.encode(
            [pillow.fromarray(image) for image in images],
            prompt="",
            batch_size=batch_size,
            show_progress_bar=False,
            convert_to_numpy=True,
        )
        return as_float32(raw, encoder=name)

    return encode_images


def image_settings(model: Any) -> dict[str, Any]:
    """How pictures are prepared (size, cropping, scaling), for the fingerprint; empty where none are taken."""
    if not takes_images(model):
        return {}
    processors = [getattr(getattr(module, "processor", None), "image_processor", None) for module in model.modules()]
    said = [repr(sorted(each.to_dict().items())) for each in processors if each is not None]
    return {"image_processors": said}
