"""Published numbers, each with where it is from. Collected in the project's statistics notes, section 6."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from evalkit_leaderboard import significance as sig

GOLDEN = json.loads((Path(__file__).parent / "golden" / "statistics.json").read_text(encoding="utf-8"))


# -- Demsar 2006, JMLR 7, "Statistical comparisons of classifiers over multiple data sets", table 6 --------------------


def demsar(*, untied: bool = True) -> np.ndarray:
    """(4, 14) AUC of C4.5, +m, +cf, +m+cf; the book's ranks come from an unrounded value in row 13."""
    table = np.array(GOLDEN["demsar_2006_table_6"]["auc"])
    if untied:
        table[12, 2] = 0.97501
    return table.T


def test_demsar_friedman() -> None:
    result = sig.friedman(demsar())
    assert result.mean_ranks == pytest.approx([3.143, 2.000, 2.893, 1.964], abs=5e-4)
    assert (result.chi_squared, result.f) == (pytest.approx(9.2786, abs=5e-5), pytest.approx(3.6863, abs=5e-5))
    assert result.tasks == 14


def test_demsar_as_printed() -> None:
    """With the printed (rounded) value the tie moves both statistics."""
    result = sig.friedman(demsar(untied=False))
    assert (result.chi_squared, result.f) == (pytest.approx(9.857, abs=5e-4), pytest.approx(3.987, abs=5e-4))


def test_demsar_tie_corrected() -> None:
    """scipy.stats.friedmanchisquare 1.17."""
    result = sig.friedman(demsar(), tie_correction=True)
    assert (result.chi_squared, result.p) == (pytest.approx(10.2283, abs=5e-5), pytest.approx(0.01672, abs=5e-6))


@pytest.mark.parametrize(("alpha", "q", "distance"), [(0.05, 2.5690, 1.2536), (0.10, 2.2913, 1.1181)])
def test_demsar_critical_distance(alpha: float, q: float, distance: float) -> None:
    """Demsar's table 5(a), k = 4."""
    found = sig.nemenyi_distance(4, 14, alpha=alpha)
    assert found == pytest.approx(distance, abs=1e-4)
    assert found / np.sqrt(4 * 5 / (6 * 14)) == pytest.approx(q, abs=5e-5)


def test_demsar_nemenyi() -> None:
    """scikit-posthocs on the same table; no pair at .05, at .10 C4.5 against +m and +m+cf."""
    p = sig.nemenyi(sig.friedman(demsar()).mean_ranks, 14)
    pairs = p[np.triu_indices(4, 1)]
    assert pairs == pytest.approx([0.08867, 0.95618, 0.07418, 0.25923, 0.99986, 0.2267], abs=5e-6)
    assert not (pairs <= 0.05).any()
    assert np.flatnonzero(pairs <= 0.10).tolist() == [0, 2]


def test_demsar_against_control() -> None:
    """Section 3.2.2: every variant against C4.5."""
    z, p = sig.bonferroni_dunn(sig.friedman(demsar()).mean_ranks, 14, control=0)
    assert z[1:] == pytest.approx([2.342, 0.512, 2.415], abs=5e-4)
    assert p[1:] == pytest.approx([0.0192, 0.608, 0.0157], abs=5e-4)
    assert (z[0], p[0]) == (0, 1)
    # Table 5(b), k = 4: q(.05) = 2.394.
    assert sig.bonferroni_dunn_distance(4, 14) / np.sqrt(20 / 84) == pytest.approx(2.394, abs=5e-4)


def test_demsar_wilcoxon() -> None:
    """Section 3.1.3: T = 12, z = -2.542 without tie correction; p from scipy's wilcoxon(zero_method="zsplit"), with."""
    scores = demsar()
    differences = scores[0] - scores[1]
    result = sig.wilcoxon(differences)
    assert (result.statistic, result.p) == (12, pytest.approx(0.010968, abs=5e-7))
    assert sig.wilcoxon_z(12, differences, tie_correction=False) == pytest.approx(-2.542, abs=5e-4)


# -- Dependent correlations --------------------------------------------------------------------------------------------


def test_steiger() -> None:
    """Worked example of Steiger 1980, as in R's psych::r.test(103, .4, .5, .1)."""
    assert sig.steiger(sig.Overlapping(0.4, 0.5, 0.1, 103)).statistic == pytest.approx(-0.8887185, abs=5e-8)


def test_four_tests_of_one_triple() -> None:
    """R's cocor 1.1 on (.3, .4, .5, 100)."""
    r = sig.Overlapping(0.3, 0.4, 0.5, 100)
    williams = sig.williams(r)
    assert (williams.statistic, williams.p) == (pytest.approx(-1.0767, abs=5e-5), pytest.approx(0.2843, abs=5e-5))
    assert sig.dunn_clark(r).statistic == pytest.approx(-1.0730, abs=5e-5)
    assert sig.steiger(r).statistic == pytest.approx(-1.0718, abs=5e-5)
    assert sig.meng(r).statistic == pytest.approx(-1.0707, abs=5e-5)


def test_dunn_clark_to_ten_digits() -> None:
    """R's cocor 1.1 on (.5, .6, .7, 100)."""
    result = sig.dunn_clark(sig.Overlapping(0.5, 0.6, 0.7, 100))
    assert result.statistic == pytest.approx(-1.5838851123, abs=5e-11)
    assert result.p == pytest.approx(0.1132198659, abs=5e-11)


def test_zou() -> None:
    """Zou 2007, the example of overlapping correlations."""
    interval = sig.zou_interval(sig.Overlapping(0.396, 0.179, 0.088, 66))
    assert (interval.low, interval.high) == (pytest.approx(-0.093, abs=5e-4), pytest.approx(0.517, abs=5e-4))


def test_meng() -> None:
    """Meng, Rosenthal and Rubin 1992, the worked example."""
    r = sig.Overlapping(0.63, -0.03, -0.19, 15)
    interval = sig.meng_interval(r)
    assert sig.meng(r).statistic == pytest.approx(1.68, abs=5e-3)
    assert (interval.low, interval.high) == (pytest.approx(-0.129, abs=5e-4), pytest.approx(1.672, abs=5e-4))


# -- Bootstrap ---------------------------------------------------------------------------------------------------------

BOOT = np.array([10, 12, 12.5, 12.5, 13.9, 15, 21, 22, 23, 34, 50, 81, 89, 121, 134, 213.0])


@pytest.mark.parametrize(
    ("kind", "low", "high"), [("basic", 23.77, 79.12), ("percentile", 28.86, 84.21), ("bca", 32.31, 91.43)]
)
def test_bootstrap_of_a_mean(kind: str, low: float, high: float) -> None:
    """R's boot.ci, as quoted in scipy's test_bootstrap_against_R, which allows rtol .005 of a million resamples."""
    interval = sig.bootstrap_interval(
        lambda W: W @ BOOT / W.sum(axis=1), BOOT, kind=sig.Kind(kind), resamples=1_000_000, seed=1
    )
    assert (interval.low, interval.high) == (pytest.approx(low, rel=0.005), pytest.approx(high, rel=0.005))


# -- Multiplicity ------------------------------------------------------------------------------------------------------

SIX = np.array([0.01, 0.02, 0.03, 0.04, 0.005, 0.2])
BH_1995 = np.array(
    [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1]
)


@pytest.mark.parametrize(
    ("method", "adjusted"),
    [
        (sig.holm, [0.05, 0.08, 0.09, 0.09, 0.03, 0.2]),
        (sig.hochberg, [0.05, 0.08, 0.08, 0.08, 0.03, 0.2]),
        (sig.benjamini_hochberg, [0.03, 0.04, 0.045, 0.048, 0.03, 0.2]),
    ],
)
def test_six_p_values(method, adjusted: list[float]) -> None:
    """R's p.adjust."""
    assert method(SIX) == pytest.approx(adjusted, abs=1e-12)


@pytest.mark.parametrize(
    ("method", "rejected"), [(sig.benjamini_hochberg, 4), (sig.holm, 3), (sig.benjamini_yekutieli, 3)]
)
def test_benjamini_hochberg_1995(method, rejected: int) -> None:
    """Benjamini and Hochberg 1995, section 4: fifteen p values of the NIMI trial."""
    assert int((method(BH_1995) <= 0.05).sum()) == rejected


# -- Classical tests ---------------------------------------------------------------------------------------------------


def test_wilcoxon_exact() -> None:
    """Darwin's maize, the example of scipy.stats.wilcoxon."""
    differences = np.array([6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75.0])
    result = sig.wilcoxon(differences)
    assert (result.statistic, result.method) == (24, "Wilcoxon, exact")
    assert result.p == pytest.approx(0.041259765625, abs=1e-15)


def test_mcnemar() -> None:
    """[[794, 86], [150, 570]]: the approval ratings of Agresti (1990), the example of statsmodels and R."""
    exact = sig.mcnemar(86, 150)
    assert (exact.statistic, exact.p) == (86, pytest.approx(3.7159e-5, rel=1e-4))
    assert sig.mcnemar(86, 150, exact=False).statistic == pytest.approx(16.8178, abs=5e-5)
    assert sig.mcnemar(86, 150, exact=False, correction=False).statistic == pytest.approx(17.3559, abs=5e-5)


def test_nadeau_bengio() -> None:
    """scikit-learn's example plot_grid_search_stats, rbf against linear."""
    golden = GOLDEN["nadeau_bengio"]
    n_test, n_train = golden["test_to_train"]
    result = sig.corrected_resampled_t(np.array(golden["differences"]), test_to_train=n_test / n_train)
    assert result.statistic == pytest.approx(0.7503, abs=5e-5)
    assert result.p is not None and result.p / 2 == pytest.approx(0.2274, abs=5e-5)
    assert (result.n, result.df) == (100, 99)


# -- Power: n = (z_(1-a) + z_(1-b))^2 sd^2 / margin^2, the project's statistics notes, section 3 -----------------------


@pytest.mark.parametrize(("margin", "n"), [(0.005, 5565), (0.01, 1392), (0.02, 348)])
def test_units_needed(margin: float, n: int) -> None:
    assert sig.units_needed(margin, 0.15, two_sided=False) == n


@pytest.mark.parametrize(("n", "difference"), [(300, 0.0215), (1000, 0.0118), (5000, 0.0053)])
def test_minimum_detectable(n: int, difference: float) -> None:
    assert sig.minimum_detectable(n, 0.15, two_sided=False) == pytest.approx(difference, abs=5e-5)


def test_multiplier() -> None:
    assert sig.multiplier(two_sided=False) == pytest.approx(2.486, abs=5e-4)
    assert sig.multiplier() == pytest.approx(2.802, abs=5e-4)
