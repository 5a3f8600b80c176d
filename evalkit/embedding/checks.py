"""Is this an embedding? Every vector that enters a score passes here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.errors import EncoderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.types import Vectors


def as_vectors(raw: Any, texts: Sequence[str], *, encoder: str, dimension: int | None) -> Vectors:
    """What an encoder returned, as (len(texts), d) float32.

    Args:
        raw: What it returned.
        texts: What it was given.
        encoder: Its name, for errors.
        dimension: Length of the vectors that it returned before, if it did.

    Raises:
        EncoderError: Not one finite vector of one length for each text.
    """
    try:
        array = np.asarray(raw)
        if array.dtype.kind in "USc":  # NumPy would read "1" as a number, and drop the imaginary part
            raise TypeError(f"it holds {array.dtype.name}")
        with np.errstate(over="ignore"):  # found below, as infinite
            vectors = array.astype(np.float32, copy=False)
    except (TypeError, ValueError) as error:
        raise EncoderError(
            f"{encoder} returned {type(raw).__name__} that is no array of numbers: {error}.",
            hint="encode must return one row of numbers for each text.",
        ) from None
    _check_shape(vectors, len(texts), encoder, dimension)
    if not np.isfinite(vectors).all():
        row = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
        kind = "NaN" if np.isnan(vectors[row]).any() else "infinite"
        raise EncoderError(
            f"{encoder} returned {kind} values, first for the text {shorten(texts[row])}.",
            hint="Check its weights and number type (float16 overflows at 65,504).",
        )
    return np.ascontiguousarray(vectors)


def _check_shape(vectors: Vectors, n_texts: int, encoder: str, dimension: int | None) -> None:
    if vectors.ndim != 2 or vectors.shape[1] == 0:
        raise EncoderError(
            f"{encoder} returned an array of shape {vectors.shape} for {n_texts} texts; expected ({n_texts}, d).",
            hint="encode must return one vector for each text (pool token vectors first).",
        )
    if len(vectors) != n_texts:
        raise EncoderError(
            f"{encoder} returned {len(vectors)} vectors for {n_texts} texts.",
            hint="encode must return one vector for each text, also for empty and repeated ones.",
        )
    if dimension is not None and vectors.shape[1] != dimension:
        raise EncoderError(
            f"{encoder} returned vectors of length {vectors.shape[1]} after vectors of length {dimension}.",
            hint="All vectors of an encoder must have one length.",
        )


def shorten(text: str, limit: int = 60) -> str:
    """A text in quotes, cut for a message."""
    return repr(text if len(text) <= limit else f"{text[: limit - 3]}...")
