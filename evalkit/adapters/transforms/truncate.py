"""``truncate:128``: the first values of each vector, for encoders that were trained so (Matryoshka)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from evalkit.adapters.options import TRANSFORM, Options, no_argument
from evalkit.adapters.transforms.rows import AppliedRows, RowTransform, check_dimension, unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.types import Vectors

NAME = "truncate"


def load(argument: str, options: Mapping[str, str]) -> Truncate:
    """``truncate:128``.

    Raises:
        EncoderError: The number of dimensions is missing or malformed.
    """
    chosen = Options.of_step(NAME, argument, options, ("dim",), main="dim")
    if "dim" not in chosen.given:
        raise no_argument(NAME, "truncate:128", kind=TRANSFORM)
    return Truncate(chosen.integer("dim", 1))


@dataclass(frozen=True)
class Truncate(RowTransform):
    """The first `dim` values, divided by their norm. Where nothing is cut off, nothing is changed.

    Source: Kusupati et al. 2022, "Matryoshka representation learning"; `truncate_dim` of sentence-transformers, with
    the normalisation that its documentation asks for.
    """

    dim: int
    name: ClassVar[str] = NAME

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Dimensions that are kept."""
        return {"version": 1, "dim": self.dim}

    def ready(self, sample: object) -> AppliedRows:  # noqa: ARG002
        """Nothing is fitted."""
        return AppliedRows(self._cut)

    def _cut(self, rows: Vectors) -> Vectors:
        check_dimension(f"{NAME}:{self.dim}", self.dim, rows.shape[1])
        return rows if self.dim == rows.shape[1] else unit(rows[:, : self.dim])
