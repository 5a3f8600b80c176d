"""What a result should be warned of: rungs in the wrong order, and scores that mean less than they seem to."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from evalkit_tasks.rankability.measures import noise_band

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def ladder_notes(scores: Mapping[str, float], n: int, n_train: int, dimension: int) -> tuple[str, ...]:
    """Sentences for the result's warnings.

    Args:
        scores: Every score of the cell.
        n: Number of items.
        n_train: Number of training items of the smallest training part.
        dimension: Length of the vectors.
    """
    return tuple(_notes(scores, n, n_train, dimension))


def _notes(scores: Mapping[str, float], n: int, n_train: int, dimension: int) -> Iterator[str]:
    linear = scores["spearman"]
    if dimension > n_train:
        yield (
            f"The vectors have {dimension} dimensions and the axis is learnt from {n_train} items: its penalty alone "
            "decides between axes that fit them all, and more items would raise it."
        )
    if abs(scores["spearman_length"]) > abs(linear):
        yield (
            f"Text length alone orders the items better ({scores['spearman_length']:+.3f}) than the linear axis "
            f"({linear:+.3f})."
        )
    if scores["spearman_untrained"] > linear:
        yield (
            f"The untrained encoder orders the items better ({scores['spearman_untrained']:+.3f}) than the encoder "
            f"itself ({linear:+.3f})."
        )
    if abs(linear) <= noise_band(n):
        yield f"The linear axis ({linear:+.3f}) is within what chance gives for {n} items (+-{noise_band(n):.3f})."
    if math.isnan(scores["normalised_gap"]):
        yield "The non-linear head leads the untrained encoder by no more than chance gives: no normalised gap."
