"""``center``: each vector less the mean of the vectors that it was fitted on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from evalkit.adapters.options import Options
from evalkit.adapters.transforms import fitting
from evalkit.adapters.transforms.fitting import Fit
from evalkit.adapters.transforms.rows import AppliedRows, RowTransform, check_sample, each_block

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.types import FloatArray, Vectors

NAME = "center"


def load(argument: str, options: Mapping[str, str]) -> Center:
    """``center`` or ``center:fit=texts.txt,fit_size=1000,seed=1``.

    Raises:
        EvalkitError: An option is unknown or malformed, or the file is not there.
    """
    return Center(Fit.of(Options.of_step(NAME, argument, options, fitting.OPTIONS)))


@dataclass(frozen=True)
class Center(RowTransform):
    """x - mu with the mean mu of the fit sample.

    Source: Mu and Viswanath 2018, "All-but-the-top", first step.
    """

    fit: Fit = Fit()  # noqa: RUF009
    name: ClassVar[str] = NAME
    fitted: ClassVar[bool] = True

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What the mean is of."""
        return {"version": 1, "fit": self.fit.record()}

    def ready(self, sample: Vectors) -> AppliedRows:
        """With the mean of the sample."""
        check_sample(NAME, 1, len(sample))
        return AppliedRows(partial(_moved, mean=sample.mean(axis=0, dtype=np.float64)))


def _moved(rows: Vectors, *, mean: FloatArray) -> Vectors:
    return each_block(rows, rows.shape[1], lambda part: part - mean)
