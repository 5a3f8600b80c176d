"""What is proven against the reference row, after correction for everything that was compared along with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalkit_leaderboard.options import Family, Method
from evalkit_leaderboard.significance.multiplicity import holm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.types import FloatArray, IntArray
    from evalkit_leaderboard.options import Options
    from evalkit_leaderboard.significance.pairs import Pairs
    from evalkit_leaderboard.standing import Standing


@dataclass(frozen=True, eq=False)
class Against:
    """Every row against the reference, in one column.

    Attributes:
        difference: (E,) row less reference; nan where they share nothing.
        low: (E,) lower end of its interval, for this comparison alone; nan where no error is known.
        high: (E,) upper end.
        p: (E,) p value of this comparison alone.
        p_adjusted: (E,) p value adjusted for the family.
        verdict: (E,) 1 proven better, -1 proven worse, 0 neither.
    """

    difference: FloatArray
    low: FloatArray
    high: FloatArray
    p: FloatArray
    p_adjusted: FloatArray
    verdict: IntArray


@dataclass(frozen=True, eq=False)
class Proof:
    """What is proven against the reference.

    Attributes:
        family: Which comparisons were corrected together in the columns.
        overall: The overall standing; its comparisons are a family of their own.
        columns: One for each column.
        correction: How the columns were corrected, in words.
    """

    family: Family
    overall: Against
    columns: tuple[Against, ...]
    correction: str


def proven(overall: Standing, columns: Sequence[Standing], reference: int, options: Options) -> Proof:
    """Compare every row with the reference, overall and in every column."""
    family = options.family or (Family.ALL if options.baseline is None else Family.BASELINE)
    marginal = family is Family.BASELINE
    p_overall = overall.pairs.p_marginal[reference] if marginal else overall.pairs.p_adjusted[reference]
    adjusted, correction = _adjusted([column.pairs for column in columns], reference, family, options.method)
    return Proof(
        family,
        _against(overall.pairs, p_overall, reference, options.alpha),
        tuple(_against(column.pairs, p, reference, options.alpha) for column, p in zip(columns, adjusted, strict=True)),
        correction,
    )


def _against(pairs: Pairs, adjusted: FloatArray, reference: int, alpha: float) -> Against:
    low, high = (ends[:, reference] for ends in pairs.interval(alpha))
    difference = pairs.difference[:, reference]
    verdict = np.where(adjusted <= alpha, np.sign(np.nan_to_num(difference)), 0).astype(np.int64)
    return Against(difference, low, high, pairs.p[:, reference], adjusted, verdict)


def _adjusted(columns: Sequence[Pairs], reference: int, family: Family, method: Method) -> tuple[list[FloatArray], str]:
    """(E,) adjusted p values of every column against the reference, and how they were adjusted."""
    if not columns:
        return [], ""
    if family is Family.TASK:
        return [pairs.p_adjusted[:, reference] for pairs in columns], f"{columns[0].adjustment} within each column"
    if family is Family.BASELINE:
        p = np.stack([pairs.p[:, reference] for pairs in columns])
        others = np.arange(p.shape[1]) != reference
        p[:, others] = holm(p[:, others])
        return list(p), f"Holm over {_count(p[:, others])}"
    if method is Method.RESAMPLE:
        # Sampled p values have a floor; the families of the columns, each under max-T, do not multiply it by all pairs.
        raised = [np.minimum(len(columns) * pairs.p_adjusted[:, reference], 1.0) for pairs in columns]
        return raised, f"{columns[0].adjustment} within each column, Bonferroni over {len(columns)} columns"
    upper = np.triu_indices(len(columns[0].p), 1)
    p = holm(np.stack([pairs.p[upper] for pairs in columns]))
    return [_symmetric(row, upper)[:, reference] for row in p], f"Holm over {_count(p)}"


def _symmetric(values: FloatArray, upper: tuple[IntArray, IntArray]) -> FloatArray:
    size = int(upper[1].max(initial=0)) + 1
    matrix = np.ones((size, size))
    matrix[upper] = matrix.T[upper] = values
    return matrix


def _count(p: FloatArray) -> str:
    made = int((~np.isnan(p)).sum())
    return f"{made:,} comparison" if made == 1 else f"{made:,} comparisons"
