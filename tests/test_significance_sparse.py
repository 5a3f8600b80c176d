"""Changes of few units: the test of a pass keeps its error where Student's t does not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from scipy.stats import t as student

from evalkit_leaderboard.significance.sparse import FEW, with_two_more


def passes(mean: float, se: float, df: int, margin: float) -> bool:
    return bool(student.sf((mean + margin) / se, df) <= 0.05)


@pytest.mark.parametrize(
    ("n", "margin", "plain", "cautious"),
    # Exact, by the binomial distribution of the number of units lost, each with a chance of the margin.
    [
        (300, 0.01, 0.1976, 0.0490),
        (300, 0.02, 0.1485, 0.0602),
        (100, 0.05, 0.1183, 0.0371),
        (1000, 0.005, 0.1240, 0.0401),
    ],
)
def test_false_passes_where_units_are_lost_now_and_then(n: int, margin: float, plain: float, cautious: float) -> None:
    errors = np.zeros(2)
    for lost in range(n + 1):
        d = -(np.arange(n) < lost).astype(float)
        usual = (float(d.mean()), float(d.std(ddof=1) / np.sqrt(n)))
        for which, (mean, se) in enumerate((usual, with_two_more(d) or usual)):
            passed = passes(mean, se, n - 1, margin) if se > 0 else lost == 0
            errors[which] += binom.pmf(lost, n, margin) * passed
    assert errors == pytest.approx([plain, cautious], abs=5e-5)


def test_it_is_the_adjusted_wald_of_bonett_and_price() -> None:
    # With b units lost and c gained of n: ((c + 1) - (b + 1)) / (n + 2), and the variance of that with the same counts.
    b, c, n = 7, 3, 150
    d = np.concatenate([-np.ones(b), np.ones(c), np.zeros(n - b - c)])
    p, q = (b + 1) / (n + 2), (c + 1) / (n + 2)
    mean, se = with_two_more(d) or (0.0, 0.0)
    assert mean == pytest.approx(q - p)
    assert se == pytest.approx(np.sqrt((p + q - (q - p) ** 2) / (n + 1)))


def test_many_changes_or_none_are_left_to_student() -> None:
    assert with_two_more(np.zeros(50)) is None
    unchanged = np.zeros(100)
    assert with_two_more(np.concatenate([np.ones(FEW), unchanged])) is None
    assert with_two_more(np.concatenate([np.ones(FEW - 1), unchanged])) is not None
    assert with_two_more(np.ones(FEW - 1)) is None  # every unit of a small sample has changed


def test_noise_on_every_unit_does_not_hide_that_few_units_carry_the_loss() -> None:
    rng = np.random.default_rng(1)
    lost = np.zeros(300)
    lost[:3] = -1
    assert with_two_more(lost + rng.normal(0, 1e-3, 300)) == pytest.approx(with_two_more(lost), abs=2e-3)
    assert with_two_more(rng.normal(0, 0.15, 300)) is None  # a participation ratio of about n / 3


def test_false_passes_with_noise_on_every_unit() -> None:
    # Student's t alone calls 18 % of these kept; without the noise it is exactly .1976, and .0490 with two units more.
    rng = np.random.default_rng(1)
    passed = 0
    for _ in range(2000):
        d = rng.normal(0, 1e-3, 300) - (rng.random(300) < 0.01)
        mean, se = with_two_more(d) or (float(d.mean()), float(d.std(ddof=1) / np.sqrt(300)))
        passed += passes(mean, se, 299, 0.01)
    assert passed / 2000 < binom.ppf(0.999, 2000, 0.05) / 2000


@given(st.lists(st.floats(-1, 1).filter(lambda v: abs(v) > 1e-3), min_size=1, max_size=FEW - 1), st.integers(30, 400))
def test_it_is_never_surer_than_the_mean_that_it_shrinks(changes: list[float], n: int) -> None:
    d = np.concatenate([changes, np.zeros(n)])
    mean, se = with_two_more(d) or (0.0, 0.0)
    assert abs(mean) <= abs(d.mean())
    assert se >= d.std(ddof=1) / np.sqrt(len(d)) * len(d) / (len(d) + 2)
