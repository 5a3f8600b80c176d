"""Is this an embedding? Every vector that enters a score passes here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.errors import EncoderError
from evalkit.types import Form, TokenVectors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.types import Embeddings, Vectors


def as_embeddings(
    raw: Any, texts: Sequence[str], *, encoder: str, dimension: int | None, form: Form = Form.DENSE
) -> Embeddings:
    """What an encoder returned, in the form that it says it has.

    Args:
        raw: What it returned.
        texts: What it was given.
        encoder: Its name, for errors.
        dimension: Length of the vectors that it returned before, if it did.
        form: The form that it says it has.

    Raises:
        EncoderError: Not the embedding of each text, finite and of one length.
    """
    if form is Form.DENSE:
        _refuse_other_forms(raw, encoder)
        return as_vectors(raw, texts, encoder=encoder, dimension=dimension)
    if form is Form.SPARSE:
        return _as_sparse(raw, texts, encoder, dimension)
    return _as_tokens(raw, texts, encoder, dimension)


def _refuse_other_forms(raw: Any, encoder: str) -> None:
    other = Form.MULTI if isinstance(raw, TokenVectors) else Form.SPARSE if hasattr(raw, "tocsr") else None
    if other is not None:
        raise EncoderError(
            f"{encoder} returned {type(raw).__name__} but does not say that its form is {other}.",
            hint=f"Give the encoder an attribute form = {str(other)!r}.",
        )


def _as_sparse(raw: Any, texts: Sequence[str], encoder: str, dimension: int | None) -> Embeddings:
    from scipy.sparse import csr_array

    if not hasattr(raw, "tocsr"):
        raise EncoderError(
            f"{encoder} says that its form is sparse but returned {type(raw).__name__}.",
            hint="encode must return a scipy.sparse CSR matrix.",
        )
    matrix = csr_array(raw, dtype=np.float32)
    _check_shape(matrix.shape, len(texts), encoder, dimension)
    if matrix is raw or not matrix.has_canonical_format or not matrix.data.all():
        matrix = matrix.copy()
        matrix.sum_duplicates()
        matrix.eliminate_zeros()
    if not np.isfinite(matrix.data).all():
        row = int(np.searchsorted(matrix.indptr, np.flatnonzero(~np.isfinite(matrix.data))[0], side="right")) - 1
        raise _not_finite(encoder, texts[row], matrix.data)
    return matrix


def _as_tokens(raw: Any, texts: Sequence[str], encoder: str, dimension: int | None) -> Embeddings:
    tokens = raw if isinstance(raw, TokenVectors) else _from_list(raw, encoder)
    _check_shape((len(tokens), tokens.vectors.shape[1]), len(texts), encoder, dimension)
    if (tokens.counts < 1).any():
        row = int(np.argmin(tokens.counts))
        raise EncoderError(
            f"{encoder} returned no vector at all for the text {shorten(texts[row])}.",
            hint="Keep at least one token of every text.",
        )
    if not np.isfinite(tokens.vectors).all():
        place = np.flatnonzero(~np.isfinite(tokens.vectors).all(axis=1))[0]
        row = int(np.searchsorted(tokens.offsets, place, side="right")) - 1
        raise _not_finite(encoder, texts[row], tokens.vectors)
    return tokens


def _from_list(raw: Any, encoder: str) -> TokenVectors:
    """One (n_tokens, d) array a text, as late-interaction libraries return them."""
    try:
        arrays = [np.asarray(each, dtype=np.float32) for each in raw]
        if any(each.ndim != 2 or each.shape[1] == 0 for each in arrays) or not arrays:
            raise ValueError("each text needs an array of shape (tokens, d)")
        return TokenVectors.of(arrays)
    except (TypeError, ValueError) as error:
        raise EncoderError(
            f"{encoder} says that its form is multi but returned {type(raw).__name__}: {error}.",
            hint="encode must return evalkit.types.TokenVectors, or one array (tokens, d) for each text.",
        ) from None


def _not_finite(encoder: str, text: str, values: Any) -> EncoderError:
    kind = "NaN" if np.isnan(values).any() else "infinite"
    return EncoderError(
        f"{encoder} returned {kind} values, first for the text {shorten(text)}.",
        hint="Check its weights and number type (float16 overflows at 65,504).",
    )


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
    _check_shape(vectors.shape, len(texts), encoder, dimension)
    if not np.isfinite(vectors).all():
        row = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
        raise _not_finite(encoder, texts[row], vectors[row])
    return np.ascontiguousarray(vectors)


def _check_shape(shape: tuple[int, ...], n_texts: int, encoder: str, dimension: int | None) -> None:
    if len(shape) != 2 or shape[1] == 0:
        raise EncoderError(
            f"{encoder} returned an array of shape {shape} for {n_texts} texts; expected ({n_texts}, d).",
            hint="encode must return one vector for each text (pool token vectors first).",
        )
    if shape[0] != n_texts:
        raise EncoderError(
            f"{encoder} returned {shape[0]} vectors for {n_texts} texts.",
            hint="encode must return one vector for each text, also for empty and repeated ones.",
        )
    if dimension is not None and shape[1] != dimension:
        raise EncoderError(
            f"{encoder} returned vectors of length {shape[1]} after vectors of length {dimension}.",
            hint="All vectors of an encoder must have one length.",
        )


def shorten(text: str, limit: int = 60) -> str:
    """A text in quotes, cut for a message."""
    return repr(text if len(text) <= limit else f"{text[: limit - 3]}...")
