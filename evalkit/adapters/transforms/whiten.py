"""``whiten`` or ``whiten:64``: uncorrelated dimensions of variance 1 on the vectors that it was fitted on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from evalkit.adapters.options import Options
from evalkit.adapters.transforms import fitting
from evalkit.adapters.transforms.axes import principal_axes
from evalkit.adapters.transforms.fitting import Fit
from evalkit.adapters.transforms.rows import AppliedRows, RowTransform, check_dimension, check_sample, moved_product
from evalkit.errors import CellError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.adapters.transforms.axes import Axes
    from evalkit.types import Vectors

NAME = "whiten"


def load(argument: str, options: Mapping[str, str]) -> Whiten:
    """``whiten``, ``whiten:64`` or ``whiten:64,fit=texts.jsonl,fit_size=10000,seed=1``.

    Raises:
        EvalkitError: An option is unknown or malformed, or the file is not there.
    """
    chosen = Options.of_step(NAME, argument, options, ("dim", *fitting.OPTIONS), main="dim")
    return Whiten(chosen.integer("dim", 1) if "dim" in chosen.given else None, Fit.of(chosen))


@dataclass(frozen=True)
class Whiten(RowTransform):
    """(x - mu) U diag(s^-1/2) with mean mu, eigenvectors U and eigenvalues s of the fit sample's covariance.

    Dimensions whose variance is no more than rounding (`Axes.above_rounding`) are dropped.

    Attributes:
        dim: The dimensions of largest variance that are kept; None for all.
        fit: The sample.

    Source: Su et al. 2021, "Whitening sentence representations for better semantics and faster retrieval".
    """

    dim: int | None = None
    fit: Fit = Fit()  # noqa: RUF009
    name: ClassVar[str] = NAME
    fitted: ClassVar[bool] = True

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Dimensions that are kept (null for all), and what the covariance is of."""
        return {"version": 1, "dim": self.dim, "fit": self.fit.record()}

    def ready(self, sample: Vectors) -> AppliedRows:
        """With the covariance of the sample; how many dimensions were dropped as rounding is recorded.

        Raises:
            CellError: There are too few vectors, or fewer dimensions with any variance than asked for.
        """
        check_dimension(self._step, self.dim or 1, sample.shape[1])
        check_sample(self._step, (self.dim or 1) + 1, len(sample))
        axes = principal_axes(sample)
        rank = axes.above_rounding
        kept = self._kept(rank)
        learned = {"dimensions": kept, "dropped": sample.shape[1] - rank if self.dim is None else 0}
        return AppliedRows(_whitening(axes, kept), learned=learned)

    @property
    def _step(self) -> str:
        return NAME if self.dim is None else f"{NAME}:{self.dim}"

    def _kept(self, rank: int) -> int:
        if rank < (self.dim or 1):
            raise CellError(
                f"{self._step} was fitted on vectors that vary in {rank} dimensions only.",
                hint="Ask for fewer dimensions, or fit it on more texts with fit=FILE.",
            )
        return rank if self.dim is None else self.dim


def _whitening(axes: Axes, kept: int) -> partial[Vectors]:
    matrix = axes.directions[:, :kept] / axes.variances[:kept] ** 0.5
    return partial(moved_product, mean=axes.mean, matrix=matrix)
