"""``layer:6``: the encoder cut off after so many of its layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from evalkit.adapters.options import TRANSFORM, Options, no_argument
from evalkit.adapters.transforms.rebasing import Rebasing, ability

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.protocols import Encoder

NAME = "layer"


def load(argument: str, options: Mapping[str, str]) -> Layer:
    """``layer:6``.

    Raises:
        EncoderError: The number of layers is missing or malformed.
    """
    chosen = Options.of_step(NAME, argument, options, ("layer",), main="layer")
    if "layer" not in chosen.given:
        raise no_argument(NAME, "layer:6", kind=TRANSFORM)
    return Layer(chosen.integer("layer", 1))


@dataclass(frozen=True)
class Layer(Rebasing):
    """The first `layer` layers, and then whatever stood behind the last one: a final normalisation, pooling.

    ``layer:6 | truncate:128`` is one point of a two-dimensional Matryoshka.

    Source: Li et al. 2024, "2D Matryoshka sentence embeddings"; Zhuang et al. 2024, "Starbucks".
    """

    layer: int
    name: ClassVar[str] = NAME

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Layers that are kept."""
        return {"version": 1, "layer": self.layer}

    def rebase(self, encoder: Encoder) -> Encoder:
        """The encoder's own `with_layer`.

        Raises:
            EncoderError: It has none, or not so many layers.
        """
        return ability(encoder, "with_layer", NAME, "layers")(self.layer)
