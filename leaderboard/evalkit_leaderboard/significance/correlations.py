"""Two correlations with one variable in common: is corr(j, k) larger than corr(j, h), given corr(k, h)?

For published correlations without units. Where there are units, pseudo-values are the default: they need no
normality, which these tests assume, and Spearman's rho is not what they were made for. All formulas were checked
against the worked examples of the R package cocor (Diedenhofen and Musch 2015).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit_leaderboard.significance.distributions import check_alpha, normal_quantile, normal_two_sided, t_two_sided
from evalkit_leaderboard.significance.intervals import Interval
from evalkit_leaderboard.significance.outcome import Outcome


@dataclass(frozen=True)
class Overlapping:
    """Correlations of j with k, j with h and k with h in the same n units.

    Attributes:
        jk: corr(j, k): gold and the first model's scores.
        jh: corr(j, h): gold and the second model's scores.
        kh: corr(k, h): the two models' scores.
        n: Units.

    Raises:
        ValueError: If a correlation is beyond [-1, 1].
    """

    jk: float
    jh: float
    kh: float
    n: int

    def __post_init__(self) -> None:
        if not all(-1 <= r <= 1 for r in (self.jk, self.jh, self.kh)):
            raise ValueError(f"A correlation must be between -1 and 1: {self.jk}, {self.jh}, {self.kh}.")

    @property
    def note(self) -> str:
        """Why there is no test; empty where there is one."""
        if self.n < 4:
            return f"Comparing correlations needs at least 4 units, not {self.n}."
        if max(abs(self.jk), abs(self.jh)) == 1 or self.kh == 1:
            return "A correlation of 1 has no error to compare with."
        return ""

    @property
    def fisher(self) -> float:
        """Difference of Fisher's z of the two correlations."""
        return float(np.arctanh(self.jk) - np.arctanh(self.jh))

    @property
    def determinant(self) -> float:
        """Determinant of the 3 x 3 correlation matrix."""
        return 1 - self.jk**2 - self.jh**2 - self.kh**2 + 2 * self.jk * self.jh * self.kh


def williams(r: Overlapping) -> Outcome:
    """Williams' t with n - 3 degrees of freedom. Source: Williams 1959; Steiger 1980."""
    if r.note:
        return Outcome(None, None, r.n, "Williams", note=r.note)
    mean = (r.jk + r.jh) / 2
    spread = 2 * (r.n - 1) / (r.n - 3) * r.determinant + mean**2 * (1 - r.kh) ** 3
    t = (r.jk - r.jh) * float(np.sqrt((r.n - 1) * (1 + r.kh) / spread))
    return Outcome(t, float(t_two_sided(t, r.n - 3)), r.n, "Williams", float(r.n - 3))


def dunn_clark(r: Overlapping) -> Outcome:
    """Dunn and Clark's z of Fisher's transforms. Source: Dunn and Clark 1969; Steiger 1980."""
    return _fisher_z(r, r.jk, r.jh, "Dunn-Clark")


def steiger(r: Overlapping) -> Outcome:
    """Steiger's z: Dunn and Clark's with both correlations pooled in the covariance. Source: Steiger 1980."""
    pooled = (r.jk + r.jh) / 2
    return _fisher_z(r, pooled, pooled, "Steiger")


def meng(r: Overlapping) -> Outcome:
    """Meng's z. Source: Meng, Rosenthal and Rubin 1992."""
    if r.note:
        return Outcome(None, None, r.n, "Meng", note=r.note)
    return _outcome(r, r.fisher / _meng_error(r), "Meng")


def meng_interval(r: Overlapping, *, alpha: float = 0.05) -> Interval:
    """Interval of the difference of Fisher's z. Source: Meng, Rosenthal and Rubin 1992."""
    check_alpha(alpha)
    if r.note:
        return Interval(None, None, None, None, r.n, alpha, "Meng", r.note)
    error = _meng_error(r)
    half = float(normal_quantile(1 - alpha / 2)) * error
    return Interval(r.fisher, r.fisher - half, r.fisher + half, error, r.n, alpha, "Meng")


def zou_interval(r: Overlapping, *, alpha: float = 0.05) -> Interval:
    """Interval of the difference of the correlations, from those of each. Source: Zou 2007."""
    check_alpha(alpha)
    difference = r.jk - r.jh
    if r.note:
        return Interval(difference, None, None, None, r.n, alpha, "Zou", r.note)
    half = float(normal_quantile(1 - alpha / 2)) / np.sqrt(r.n - 3)
    (low_k, high_k), (low_h, high_h) = (np.tanh(np.arctanh(x) + np.array([-half, half])) for x in (r.jk, r.jh))
    c = _covariance(r, r.jk, r.jh)
    low = _zou_distance(r.jk - low_k, high_h - r.jh, c)
    high = _zou_distance(high_k - r.jk, r.jh - low_h, c)
    return Interval(difference, difference - low, difference + high, None, r.n, alpha, "Zou")


def _fisher_z(r: Overlapping, jk: float, jh: float, method: str) -> Outcome:
    """Test of the difference of Fisher's transforms, their correlation being that at (jk, jh)."""
    if r.note:
        return Outcome(None, None, r.n, method, note=r.note)
    spread = (2 - 2 * _covariance(r, jk, jh)) / (r.n - 3)
    return _outcome(r, r.fisher / float(np.sqrt(spread)), method)


def _covariance(r: Overlapping, jk: float, jh: float) -> float:
    """Asymptotic correlation of the two estimates. Source: Pearson and Filon 1898, as in Steiger 1980."""
    covariance = r.kh * (1 - jk**2 - jh**2) - jk * jh * (1 - jk**2 - jh**2 - r.kh**2) / 2
    return covariance / ((1 - jk**2) * (1 - jh**2))


def _meng_error(r: Overlapping) -> float:
    square = (r.jk**2 + r.jh**2) / 2
    f = min(1.0, (1 - r.kh) / (2 * (1 - square)))
    h = (1 - f * square) / (1 - square)
    return float(np.sqrt(2 * (1 - r.kh) * h / (r.n - 3)))


def _zou_distance(k: float, h: float, c: float) -> float:
    return float(np.sqrt(max(k**2 + h**2 - 2 * c * k * h, 0.0)))


def _outcome(r: Overlapping, z: float, method: str) -> Outcome:
    return Outcome(z, float(normal_two_sided(z)), r.n, method)
