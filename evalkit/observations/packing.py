"""How observations are written as JSON.

A column is ``{"dtype": "<f8", "shape": [n] or [n, r], "zlib": base64}``: its little-endian bytes, row by row,
compressed by zlib at level 7 (so the same numbers give the same text). Whole numbers take the smallest of
int8, int16, int32 and int64 that holds them all; floats stay as they are, down to the sign of a zero.

Measured on 1,000 queries with graded judgements and 48 metrics, float64 (`tests/test_observations.py`): 38 to
153 KB of packed text, from 1 judgement a query to 100. Sorting the bytes into planes first took 79 to 228 KB,
coding the distinct values 33 to 166 KB: no reason for more than zlib.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.errors import StoreError
from evalkit.observations.registry import parse_statistic

if TYPE_CHECKING:
    from evalkit.types import AnyArray

LEVEL = 7
_DTYPES = tuple(np.dtype(code).str for code in ("<i1", "<i2", "<i4", "<i8", "<f4", "<f8"))


class _MalformedError(ValueError):
    """A part of the record that cannot be read; the message says which and why."""


def pack(values: AnyArray) -> dict[str, Any]:
    """A column as JSON.

    Args:
        values: (n,) or (n, r) int64, float32 or float64.
    """
    narrow = np.ascontiguousarray(values, dtype=_narrow_dtype(values))
    text = base64.b64encode(zlib.compress(narrow.tobytes(), LEVEL)).decode("ascii")
    return {"dtype": narrow.dtype.str, "shape": list(values.shape), "zlib": text}


def unpack(name: str, packed: object) -> AnyArray:
    """The column that `pack` wrote.

    Args:
        name: What it is called, for the error.
        packed: The JSON.

    Raises:
        ValueError: If it is no packed column.
    """
    entry = _mapping(f"Column {name!r}", packed)
    dtype, shape = _dtype(name, entry.get("dtype")), _shape(name, entry.get("shape"))
    size = dtype.itemsize * int(np.prod(shape, dtype=object))
    return np.frombuffer(_inflated(name, entry.get("zlib"), size), dtype=dtype).reshape(shape)


def fields(record: object) -> dict[str, Any]:
    """The arguments of `Observations` from what its `to_json` wrote.

    Raises:
        ValueError: If a part is missing or malformed.
    """
    entry = _mapping("The record", record)
    for key in ("unit", "ids", "columns", "statistics"):
        if key not in entry:
            raise _MalformedError(f"They have no {key!r}.")
    if not isinstance(entry["unit"], str):
        raise _MalformedError("Their unit is no text.")
    statistics = _mapping("'statistics'", entry["statistics"])
    return {
        "unit": entry["unit"],
        "ids": None if entry["ids"] is None else _texts("'ids'", entry["ids"]),
        "columns": {name: unpack(name, packed) for name, packed in _mapping("'columns'", entry["columns"]).items()},
        "labels": {
            name: _texts("'labels'", names) for name, names in _mapping("'labels'", entry.get("labels", {})).items()
        },
        "statistics": {metric: parse_statistic(str(text)) for metric, text in statistics.items()},
    }


@contextmanager
def reading() -> Iterator[None]:
    """Turns what is wrong with a record into the error for users.

    Raises:
        StoreError: For a ValueError inside.
    """
    try:
        yield
    except ValueError as error:
        raise StoreError(
            f"The observations cannot be read. {error}",
            hint="The file was changed or written by a newer evalkit; run the task again or upgrade.",
        ) from error


def _narrow_dtype(values: AnyArray) -> np.dtype[Any]:
    if values.dtype.kind != "i":
        return values.dtype.newbyteorder("<")
    low, high = values.min(initial=0), values.max(initial=0)
    sizes = (np.int8, np.int16, np.int32, np.int64)
    fits = next(size for size in sizes if np.iinfo(size).min <= low and high <= np.iinfo(size).max)
    return np.dtype(fits).newbyteorder("<")


def _mapping(what: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _MalformedError(f"{what} should be an object, not {type(value).__name__}.")
    return value


def _texts(what: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(text, str) for text in value):
        raise _MalformedError(f"{what} should be a list of texts.")
    return tuple(value)


def _dtype(name: str, code: object) -> np.dtype[Any]:
    if code not in _DTYPES:
        raise _MalformedError(f"Column {name!r} has the type {code!r}; it should be one of {', '.join(_DTYPES)}.")
    return np.dtype(str(code))


def _shape(name: str, shape: object) -> tuple[int, ...]:
    whole = isinstance(shape, list) and all(type(length) is int and length >= 0 for length in shape)
    if not isinstance(shape, list) or not whole or len(shape) not in (1, 2):
        raise _MalformedError(f"Column {name!r} has the shape {shape!r}; it should be [n] or [n, r].")
    return tuple(shape)


def _inflated(name: str, text: object, size: int) -> bytes:
    """The bytes behind the text, exactly `size` of them; never inflates more, whatever the text claims."""
    if not isinstance(text, str):
        raise _MalformedError(f"Column {name!r} has no text under 'zlib'.")
    try:
        inflater = zlib.decompressobj()
        data = inflater.decompress(base64.b64decode(text, validate=True), size + 1)
    except (binascii.Error, zlib.error, ValueError) as error:
        raise _MalformedError(f"Column {name!r} is damaged: {error}.") from error
    if len(data) != size or not inflater.eof:
        raise _MalformedError(f"Column {name!r} does not hold the {size} bytes that its shape and type need.")
    return data
