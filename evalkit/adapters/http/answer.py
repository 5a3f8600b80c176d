"""The vectors in an answer, each of them checked."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from evalkit.adapters.http.trouble import FailedRequestError

if TYPE_CHECKING:
    from evalkit.types import AnyArray, Vectors

_SHAPE = 'Expected {"data": [{"index": 0, "embedding": [...]}, ...], "model": "..."} as OpenAI\'s API has it.'


@dataclass(frozen=True)
class Answer:
    """What a server made of some texts.

    Attributes:
        vectors: (n_texts, d) finite float32, row i for text i.
        model: What the server calls the model; empty where it says nothing.
    """

    vectors: Vectors
    model: str


def read_answer(body: bytes, n_texts: int) -> Answer:
    """Read an answer.

    Raises:
        FailedRequestError: It is no answer to `n_texts` texts.
    """
    record = _json(body)
    items = record.get("data") if isinstance(record, dict) else None
    if not isinstance(items, list):
        raise FailedRequestError("sent JSON that holds no list of embeddings", hint=_SHAPE, passing=True)
    if len(items) != n_texts:
        raise FailedRequestError(f"sent {len(items)} vectors for {n_texts} texts", passing=True)
    rows: list[AnyArray | None] = [None] * n_texts
    for place, item in enumerate(items):
        if not isinstance(item, dict):
            raise FailedRequestError("sent JSON that holds no embeddings", hint=_SHAPE, passing=True)
        rows[_index(item, place, rows)] = _vector(item.get("embedding"))
    said = record.get("model")
    return Answer(_matrix([row for row in rows if row is not None]), said if isinstance(said, str) else "")


def _json(body: bytes) -> Any:
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):  # bytes that are no text included
        page = " but a web page" if body.lstrip()[:1] == b"<" else ""
        raise FailedRequestError(
            f"sent no JSON{page}", hint="Check the URL: it should be the API's, such as http://host/v1.", passing=True
        ) from None


def _refuse_constant(_: str) -> NoReturn:
    raise _not_finite() from None


def _index(item: dict[str, Any], place: int, rows: list[AnyArray | None]) -> int:
    """The text that a vector belongs to; some servers leave the number out where it is the place."""
    index = item.get("index", place)
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(rows):
        raise FailedRequestError(f"sent a vector with index {str(index)[:20]} for {len(rows)} texts", passing=True)
    if rows[index] is not None:
        raise FailedRequestError(f"sent two vectors with index {index}", passing=True)
    return index


def _vector(raw: Any) -> AnyArray:
    values = _decoded(raw) if isinstance(raw, str) else _listed(raw)
    if values.ndim != 1 or not len(values) or values.dtype.kind not in "fiu":
        raise FailedRequestError("sent an embedding that is no list of numbers", hint=_SHAPE, passing=True)
    with np.errstate(over="ignore"):  # found below, as infinite
        vector: Vectors = values.astype(np.float32)
    if not np.isfinite(vector).all():
        raise _not_finite()
    return vector


def _listed(raw: Any) -> AnyArray:
    try:
        values = np.asarray(raw)
    except (ValueError, TypeError, OverflowError):  # lists of different lengths within
        return np.zeros(0)
    return values


def _decoded(text: str) -> AnyArray:
    """Base64 of float32, least byte first, as OpenAI's API has it."""
    try:
        return np.frombuffer(base64.b64decode(text, validate=True), dtype="<f4")
    except (binascii.Error, ValueError):
        raise FailedRequestError("sent an embedding that is no base64 of float32 values", passing=True) from None


def _matrix(rows: list[AnyArray]) -> Vectors:
    lengths = sorted({len(row) for row in rows})
    if len(lengths) > 1:
        raise FailedRequestError(f"sent vectors of lengths {lengths[0]} and {lengths[-1]} in one answer")
    return np.stack(rows)


def _not_finite() -> FailedRequestError:
    return FailedRequestError(
        "sent NaN or infinite values", hint="Check the weights and the number type of the server.", passing=True
    )
