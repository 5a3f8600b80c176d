"""Whatever a library or a user's code returns, as a NumPy array of float32."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.errors import EncoderError

if TYPE_CHECKING:
    from evalkit.types import Vectors


def as_float32(raw: Any, *, encoder: str) -> Vectors:
    """An array, a torch tensor (of any device and number type), or a list of vectors of either kind, as float32.

    Only converted, not checked: shape and values are the caller's business.

    Raises:
        EncoderError: It is none of these, or its vectors differ in length.
    """
    try:
        array = np.asarray([_array(row) for row in raw] if isinstance(raw, list | tuple) else _array(raw))
        if array.dtype.kind not in "fiub":
            # NumPy would read "1" as a number and drop the imaginary part of a complex one.
            raise TypeError(f"its values are {array.dtype}")
        return array.astype(np.float32, copy=False)
    except (TypeError, ValueError) as error:
        raise EncoderError(
            f"{encoder} returned {type(raw).__name__} that is no array of numbers: {error}.",
            hint="encode must return one vector for each text, all of one length.",
        ) from None


def _array(value: Any) -> Any:
    """A tensor of torch as an array; NumPy knows no bfloat16, so it is widened first."""
    if hasattr(value, "detach") and hasattr(value, "cpu"):
        return value.detach().cpu().float().numpy()
    return value
