"""``pca:64``: the directions of largest variance of the vectors that it was fitted on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from evalkit.adapters.options import TRANSFORM, Options, no_argument
from evalkit.adapters.transforms import fitting
from evalkit.adapters.transforms.axes import principal_axes
from evalkit.adapters.transforms.fitting import Fit
from evalkit.adapters.transforms.rows import AppliedRows, RowTransform, check_dimension, check_sample, moved_product

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.types import Vectors

NAME = "pca"


def load(argument: str, options: Mapping[str, str]) -> PCA:
    """``pca:64`` or ``pca:64,fit=texts.jsonl,fit_size=10000,seed=1``.

    Raises:
        EvalkitError: An option is missing, unknown or malformed, or the file is not there.
    """
    chosen = Options.of_step(NAME, argument, options, ("dim", *fitting.OPTIONS), main="dim")
    if "dim" not in chosen.given:
        raise no_argument(NAME, "pca:64", kind=TRANSFORM)
    return PCA(chosen.integer("dim", 1), Fit.of(chosen))


@dataclass(frozen=True)
class PCA(RowTransform):
    """(x - mu) U with the mean mu of the fit sample and the first `dim` eigenvectors U of its covariance.

    Nothing is normalised, and variances stay as they are. With all dimensions it is a rotation of the centred vectors.

    Source: Pearson 1901, "On lines and planes of closest fit to systems of points in space".
    """

    dim: int
    fit: Fit = Fit()  # noqa: RUF009
    name: ClassVar[str] = NAME
    fitted: ClassVar[bool] = True

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Dimensions that are kept, and what they were chosen by."""
        return {"version": 1, "dim": self.dim, "fit": self.fit.record()}

    def ready(self, sample: Vectors) -> AppliedRows:
        """With the directions of the sample; the share of the variance that they explain is recorded.

        Raises:
            CellError: There are fewer dimensions than asked for, or not more vectors.
        """
        step = f"{NAME}:{self.dim}"
        check_dimension(step, self.dim, sample.shape[1])
        check_sample(step, self.dim + 1, len(sample))
        axes = principal_axes(sample)
        total = float(axes.variances.sum())
        explained = float(axes.variances[: self.dim].sum()) / total if total > 0 else 1.0
        moved = partial(moved_product, mean=axes.mean, matrix=axes.directions[:, : self.dim].copy())
        return AppliedRows(moved, learned={"explained": explained})
