"""``quantize:int8``, ``quantize:binary``, ``quantize:ubinary``: fewer bits a value."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from evalkit.adapters.options import TRANSFORM, Options, no_argument
from evalkit.adapters.transforms import fitting
from evalkit.adapters.transforms.fitting import Fit
from evalkit.adapters.transforms.rows import AppliedRows, RowTransform, check_sample, each_block
from evalkit.types import Similarity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.adapters.transforms.rows import Rows
    from evalkit.types import AnyArray, Vectors

NAME = "quantize"
INT8 = "int8"
BINARY = ("binary", "ubinary")
VALUES, CODES = "values", "codes"
STEPS = 255
"""Steps between the 256 values of a byte."""


def load(argument: str, options: Mapping[str, str]) -> Int8 | Binary:
    """``quantize:int8``, ``quantize:int8,compare=codes,fit=texts.txt``, ``quantize:binary`` or ``quantize:ubinary``.

    Raises:
        EvalkitError: An option is missing, unknown or malformed, or the file is not there.
    """
    known = ("to", "compare", *fitting.OPTIONS)
    chosen = Options.of_step(NAME, argument, options, known, main="to")
    if "to" not in chosen.given:
        raise no_argument(NAME, "quantize:int8 or quantize:binary", kind=TRANSFORM)
    to = chosen.choice("to", INT8, (INT8, *BINARY))
    if to == INT8:
        return Int8(chosen.choice("compare", VALUES, (VALUES, CODES)), Fit.of(chosen))
    Options(f"{NAME}:{to}", chosen.given, ("to",), kind=TRANSFORM)
    return Binary(to)


@dataclass(frozen=True)
class Int8(RowTransform):
    """One byte a value: 255 steps between the smallest and the largest value that the fit sample has in a dimension.

    What lies outside becomes the nearest end. Codes are rounded to the nearest step, and the vectors are the values
    that they stand for, as vector databases compare them: off by at most half a step. With ``compare=codes`` the codes
    themselves, from -128 to 127, are the vectors; they are those of sentence-transformers 6.2, which rounds down.

    Attributes:
        compare: ``values`` or ``codes``.
        fit: The sample.

    Source: `quantize_embeddings` of sentence-transformers.
    """

    compare: str = VALUES
    fit: Fit = Fit()  # noqa: RUF009
    name: ClassVar[str] = NAME
    fitted: ClassVar[bool] = True

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What is compared, and what the ranges are of."""
        return {"version": 1, "to": INT8, "compare": self.compare, "fit": self.fit.record()}

    @property
    def decodes(self) -> bool:
        """Values are; codes live in a space of their own."""
        return self.compare == VALUES

    def ready(self, sample: Vectors) -> AppliedRows:
        """With the ranges of the sample."""
        check_sample(f"{NAME}:{INT8}", 1, len(sample))
        function = _decoded if self.compare == VALUES else _codes
        bounds = {"low": sample.min(axis=0), "high": sample.max(axis=0)}
        return AppliedRows(partial(_by_block, partial(function, **bounds)), size=lambda rows: float(rows.shape[1]))


@dataclass(frozen=True)
class Binary(RowTransform):
    """One bit a value: whether it is above zero. The vectors are +1 and -1.

    Their inner product is d - 2h for h differing bits, so that it orders exactly as Hamming distance does, ties
    included, and so does cosine, their norms being equal. The inner product is taken because rounding would break the
    ties of cosine.

    Attributes:
        to: ``binary`` or ``ubinary``: the same bits, which libraries pack into signed and unsigned bytes.

    Source: `quantize_embeddings` of sentence-transformers: ``packbits(x > 0)``.
    """

    to: str = BINARY[0]
    name: ClassVar[str] = NAME

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The kind of bytes."""
        return {"version": 1, "to": self.to}

    @property
    def decodes(self) -> bool:
        """Signs live in the space of the values."""
        return True

    def compared(self, similarity: Similarity) -> Similarity:
        """Cosine becomes the inner product."""
        return Similarity.DOT if similarity is Similarity.COSINE else similarity

    def ready(self, sample: object) -> AppliedRows:  # noqa: ARG002
        """Nothing is fitted."""
        return AppliedRows(partial(_by_block, _signs), size=_bit_bytes)


def _by_block(function: Any, rows: Vectors) -> Vectors:
    return each_block(rows, rows.shape[1], function)


def _signs(rows: Vectors) -> AnyArray:
    signs: AnyArray = np.where(rows > 0, np.float32(1), np.float32(-1))
    return signs


def _bit_bytes(rows: Rows) -> float:
    return float(-(-rows.shape[1] // 8))


def _decoded(rows: Vectors, *, low: Vectors, high: Vectors) -> AnyArray:
    start = low.astype(np.float64)
    step = (high.astype(np.float64) - start) / STEPS
    codes = np.rint((rows - start) / np.where(step > 0, step, 1))
    values: AnyArray = start + step * np.clip(codes, 0, STEPS)
    return values


def _codes(rows: Vectors, *, low: Vectors, high: Vectors) -> AnyArray:
    # In single precision, as the library that is followed computes it.
    step = (high - low) / STEPS
    codes = np.floor((rows - low) / np.where(step == 0, np.float32(1), step))
    signed: AnyArray = np.clip(codes, 0, STEPS) - 128
    return signed
