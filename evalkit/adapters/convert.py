"""Whatever a library or a user's code returns, as float32 embeddings of each form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.errors import EncoderError
from evalkit.types import Form, TokenVectors

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from evalkit.types import Embeddings, Vectors


def as_form(raw: Any, form: Form, *, encoder: str) -> Embeddings:
    """As `as_float32`, `as_csr` or `as_token_vectors`, by the form."""
    if form is Form.SPARSE:
        return as_csr(raw, encoder=encoder)
    return as_token_vectors(raw, encoder=encoder) if form is Form.MULTI else as_float32(raw, encoder=encoder)


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


def as_csr(raw: Any, *, encoder: str) -> csr_array:
    """A sparse array of SciPy, a sparse tensor of torch, a dense array of either, or a list of rows of one kind.

    Only converted, not checked: shape and values are the caller's business.

    Raises:
        EncoderError: It is none of these, or its rows differ in length.
    """
    from scipy.sparse import csr_array, vstack

    try:
        if isinstance(raw, list | tuple):
            return csr_array(vstack([_sparse(row, encoder) for row in raw], format="csr"), dtype=np.float32)
        return _sparse(raw, encoder)
    except (TypeError, ValueError) as error:
        raise EncoderError(
            f"{encoder} returned {type(raw).__name__} that is no sparse array of numbers: {error}.",
            hint="encode must return a sparse row for each text, all of one length.",
        ) from None


def as_token_vectors(raw: Any, *, encoder: str) -> TokenVectors:
    """`TokenVectors`, or an array of vectors for each text, of NumPy or torch.

    Only converted, not checked: values are the caller's business.

    Raises:
        EncoderError: It is none of these, or its vectors differ in length.
    """
    if isinstance(raw, TokenVectors):
        return raw
    try:
        texts = [as_float32(text, encoder=encoder) for text in raw]
        if wrong := [text.shape for text in texts if text.ndim != 2]:
            raise ValueError(f"an array has shape {wrong[0]}")
        return TokenVectors.of(texts)
    except (TypeError, ValueError) as error:
        raise EncoderError(
            f"{encoder} returned {type(raw).__name__} that is no list of arrays of vectors: {error}.",
            hint="encode must return an array of vectors for each text, all vectors of one length.",
        ) from None


def _sparse(value: Any, encoder: str) -> csr_array:
    from scipy.sparse import coo_array, csr_array, issparse

    if issparse(value):
        return csr_array(value if value.ndim == 2 else value.reshape(1, -1), dtype=np.float32)
    if not getattr(value, "is_sparse", False) and not getattr(value, "is_sparse_csr", False):
        return csr_array(np.atleast_2d(as_float32(value, encoder=encoder)))
    tensor = (value if value.dim() == 2 else value.unsqueeze(0)).detach().cpu().to_sparse_coo().coalesce()
    places = tuple(tensor.indices().numpy())
    return csr_array(coo_array((tensor.values().float().numpy(), places), shape=tuple(tensor.shape)))


def _array(value: Any) -> Any:
    """A tensor of torch as an array; NumPy knows no bfloat16, so it is widened first."""
    if hasattr(value, "detach") and hasattr(value, "cpu"):
        return value.detach().cpu().float().numpy()
    return value
