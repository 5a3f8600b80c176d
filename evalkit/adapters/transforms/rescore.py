"""``rescore``: a second, more exact comparison of the best documents that coarse vectors have found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalkit.adapters.options import Options
from evalkit.adapters.rescored import RescoredEncoder, Rescoring
from evalkit.adapters.transformed import TransformedEncoder
from evalkit.errors import EncoderError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.protocols import Encoder

NAME = "rescore"
STORED, FULL = "stored", "full"


def load(argument: str, options: Mapping[str, str]) -> Rescore:
    """``rescore``, ``rescore:4`` (times as many documents as asked for), ``rescore:depth=100,with=full``.

    Raises:
        EncoderError: An option is unknown or malformed.
    """
    chosen = Options.of_step(NAME, argument, options, ("multiplier", "depth", "with"), main="multiplier")
    depth = chosen.integer("depth", 1) if "depth" in chosen.given else 0
    full = chosen.choice("with", STORED, (STORED, FULL)) == FULL
    return Rescore(Rescoring(chosen.integer("multiplier", 2), depth, full))


@dataclass(frozen=True)
class Rescore:
    """The last step behind an encoder; see `evalkit.adapters.rescored.RescoredEncoder`."""

    rule: Rescoring

    def rescored(self, encoder: Encoder, label: str) -> RescoredEncoder:
        """An encoder with its transforms, and the second stage behind them.

        Raises:
            EncoderError: There is no transform whose loss could be made good.
        """
        if not isinstance(encoder, TransformedEncoder):
            raise EncoderError(
                f"{label} makes good what a transform lost, and none stands before it.",
                hint="For example: quantize:binary | rescore.",
            )
        return RescoredEncoder(encoder, label, self.rule)
