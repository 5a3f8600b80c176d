"""How many directions vectors use: functions of their singular values, or of their covariance's eigenvalues.

All but `rankme`'s 1e-7 are free of scale: multiplied vectors give the same value. All are invariant under rotation.
Values come in descending order; those that are absent (with fewer vectors than dimensions) count as zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from evalkit.types import FloatArray

RANKME_EPSILON = 1e-7
"""Added to every share, as in the paper."""
FIRST_RANK, LAST_RANK = 4, 100
"""Ranks that `alpha_req` is fitted to, both included."""
_FEWEST_RANKS = 10


def rankme(singular: FloatArray) -> float:
    """RankMe: exp(-sum p log p) with p = s / sum(s) + 1e-7, of vectors that are not centred.

    Between 1 (one direction) and min(n, d) (all alike). Orthonormal rows give n.

    Source: Garrido et al. 2023, "RankMe: Assessing the downstream performance of pretrained self-supervised
    representations by their rank", equation 1.

    Args:
        singular: (r,) singular values of the vectors, not centred.
    """
    shares = singular / singular.sum() + RANKME_EPSILON
    return float(np.exp(-(shares * np.log(shares)).sum()))


def effective_rank(singular: FloatArray) -> float:
    """Effective rank: exp(-sum p log p) with p = s / sum(s), here of the centred vectors.

    Of one and the same matrix it differs from `rankme` by the 1e-7 only; centring takes away the mean, which for many
    encoders is the strongest direction and tells no two texts apart.

    Source: Roy and Vetterli 2007, "The effective rank: a measure of effective dimensionality", definition 1.

    Args:
        singular: (r,) singular values of the centred vectors.
    """
    shares = singular[singular > 0] / singular.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def stable_rank(singular: FloatArray) -> float:
    """Stable rank: |X|_F^2 / s_1^2, of vectors that are not centred; 1 over the first direction's share of |X|_F^2.

    Source: Rudelson and Vershynin 2007, "Sampling from large matrices" (there: numerical rank).

    Args:
        singular: (r,) singular values of the vectors, not centred.
    """
    return float((singular**2).sum() / singular.max() ** 2)


def participation_ratio(eigenvalues: FloatArray) -> float:
    """Participation ratio: (sum l)^2 / sum l^2. k equal eigenvalues give k.

    Source: Gao et al. 2017, "A theory of multineuronal dimensionality, dynamics and measurement".

    Args:
        eigenvalues: (r,) eigenvalues of the covariance.
    """
    return float(eigenvalues.sum() ** 2 / (eigenvalues**2).sum())


def isoscore(eigenvalues: FloatArray, dimension: int) -> float:
    """IsoScore: (PR - 1) / (d - 1) with the participation ratio PR. 0 for one direction, 1 for equal variance in all.

    The paper's longer formula, by way of the distance of the normalised eigenvalues from (1, ..., 1), comes to the
    same. k equal directions of d give (k - 1) / (d - 1). With n vectors it is at most (n - 2) / (d - 1).

    Source: Rudman et al. 2022, "IsoScore: Measuring the uniformity of embedding space utilization".

    Args:
        eigenvalues: (r,) eigenvalues of the covariance.
        dimension: Length d of the vectors, at least 2.
    """
    return (participation_ratio(eigenvalues) - 1) / (dimension - 1)


def alpha_req(eigenvalues: FloatArray) -> float:
    """alpha-ReQ: the slope alpha of log l_i = c - alpha log i, by least squares over ranks 4 to 100, weighted 1 / i.

    The paper speaks of the whole spectrum; ranks and weights are those of the authors' code. 0 is a flat spectrum.

    Source: Agrawal et al. 2022, "alpha-ReQ: Assessing representation quality in self-supervised learning by measuring
    eigenspectrum decay", and its code, which follows Stringer et al. 2019.

    Args:
        eigenvalues: (r,) eigenvalues of the covariance, descending.

    Returns:
        The slope; NaN with fewer than ten positive eigenvalues in that range.
    """
    ranks = np.arange(FIRST_RANK, min(LAST_RANK, int((eigenvalues > 0).sum())) + 1)
    if len(ranks) < _FEWEST_RANKS:
        return float("nan")
    # polyfit squares the weights.
    slope, _ = np.polyfit(np.log(ranks), np.log(eigenvalues[ranks - 1]), 1, w=ranks**-0.5)
    return -float(slope)


def nesum(eigenvalues: FloatArray) -> float:
    """NESum: sum l / l_1, 1 over the first principal direction's share of the variance.

    Source: He and Ozay 2022, "Exploring the gap between collapsed and whitened features in self-supervised learning".

    Args:
        eigenvalues: (r,) eigenvalues of the covariance.
    """
    return float(eigenvalues.sum() / eigenvalues.max())
