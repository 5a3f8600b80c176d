"""Ranks that say how sure they are: intervals of ranks, and groups of models that cannot be told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalkit_leaderboard.significance.distributions import check_alpha

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.types import AnyArray, IntArray


def better(difference: AnyArray, p: AnyArray, *, alpha: float = 0.05) -> AnyArray:
    """(M, M) whether the row's model is significantly better than the column's; a nan is no significance.

    Args:
        difference: (M, M) row less column, higher scores being better.
        p: (M, M) two-sided p values, adjusted as the question asks.
        alpha: A p value of at most this is significant.

    Raises:
        ValueError: If alpha is no error rate.
    """
    check_alpha(alpha)
    return (np.asarray(p) <= alpha) & (np.asarray(difference) > 0)


def rank_intervals(difference: AnyArray, p: AnyArray, *, alpha: float = 0.05) -> tuple[IntArray, IntArray]:
    """(M,) twice: best and worst rank that each model can have: 1 + #{better than it}, M - #{worse than it}.

    Source: Mogstad, Romano, Shaikh and Wilhelm 2024 (Review of Economic Studies 91). With p values adjusted for all
    comparisons of the row's model (`Pairs.p_marginal`) each interval covers its model's rank with 1 - alpha; with
    those adjusted for all pairs (`Pairs.p_adjusted`) all intervals do so together.

    Args:
        difference: (M, M) row less column, higher scores being better.
        p: (M, M) two-sided adjusted p values.
        alpha: One less the coverage.

    Raises:
        ValueError: If alpha is no error rate.
    """
    check_alpha(alpha)
    told_apart = np.asarray(p) <= alpha
    # Row by row, because marginal p values are those of the row's model.
    worse_than = (told_apart & (np.asarray(difference) < 0)).sum(axis=1)
    better_than = (told_apart & (np.asarray(difference) > 0)).sum(axis=1)
    return 1 + worse_than, len(told_apart) - better_than


def tie_groups(order: Sequence[int], p: AnyArray, *, alpha: float = 0.05) -> list[tuple[int, ...]]:
    """Maximal runs of neighbours of whom no two can be told apart; they may overlap, as the bars of a CD diagram.

    "Cannot be told apart" is not transitive: A and B, B and C can be tied while A is better than C; then B is in two
    groups. Only neighbours in the order form groups, so a model between two tied ones belongs with them or parts them.

    Args:
        order: Models, best first.
        p: (M, M) two-sided adjusted p values; nan cannot be told apart.
        alpha: A p value of at most this tells two models apart.

    Returns:
        The groups, best first, each of at least one model; every model is in some group.

    Raises:
        ValueError: If alpha is no error rate.
    """
    check_alpha(alpha)
    groups: list[tuple[int, ...]] = []
    covered = 0
    for start in range(len(order)):
        end = _end_of_run(order, start, p, alpha)
        if end > covered:
            groups.append(tuple(order[start:end]))
            covered = end
    return groups


def tiers(order: Sequence[int], p: AnyArray, *, alpha: float = 0.05) -> list[tuple[int, ...]]:
    """Disjoint tiers: from the best model down, each takes in neighbours until one can be told apart from a member.

    So no two models of a tier can be told apart, and the first of a tier is told apart from some model of the tier
    above; other members need not be: `tie_groups` shows the ties across the border.

    Args:
        order: Models, best first.
        p: (M, M) two-sided adjusted p values; nan cannot be told apart.
        alpha: A p value of at most this tells two models apart.

    Raises:
        ValueError: If alpha is no error rate.
    """
    check_alpha(alpha)
    found: list[tuple[int, ...]] = []
    start = 0
    while start < len(order):
        end = _end_of_run(order, start, p, alpha)
        found.append(tuple(order[start:end]))
        start = end
    return found


def _end_of_run(order: Sequence[int], start: int, p: AnyArray, alpha: float) -> int:
    """End of the longest run from `start` in which no two models can be told apart."""
    matrix = np.asarray(p)
    end = start + 1
    while end < len(order) and not np.any(matrix[order[end], list(order[start:end])] <= alpha):
        end += 1
    return end
