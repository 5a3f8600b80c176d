"""How alpha is spread over planned looks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit_leaderboard.check.looks import critical_values, crossing, look_alphas
from evalkit_leaderboard.check.settings import Spending

POCOCK, OBF = Spending.POCOCK, Spending.OBRIEN_FLEMING
ALPHAS = st.floats(0.0005, 0.45)
LOOKS = st.integers(2, 12)
KINDS = st.sampled_from(Spending)


# Jennison and Turnbull 2000, Group Sequential Methods, tables 2.1 (Pocock's C_P) and 2.3 (O'Brien and Fleming's C_B),
# 2 to 5 looks of a two-sided test. A one-sided test at half of alpha differs by what crosses both bounds on one path:
# less than half a unit of the last printed place here.
@pytest.mark.parametrize(
    ("two_sided", "spending", "printed"),
    [
        (0.05, POCOCK, (2.178, 2.289, 2.361, 2.413)),
        (0.05, OBF, (1.977, 2.004, 2.024, 2.040)),
        (0.10, POCOCK, (1.875, 1.992, 2.067, 2.122)),
        (0.10, OBF, (1.678, 1.710, 1.733, 1.751)),
    ],
)
def test_the_constants_are_those_of_the_published_tables(two_sided, spending, printed):
    found = [critical_values(looks, two_sided / 2, spending)[-1] for looks in range(2, 6)]
    assert found == pytest.approx(printed, abs=6e-4)


def test_three_looks_of_obrien_and_fleming():
    # 2.004 of table 2.3 times sqrt(3 / look).
    assert critical_values(3, 0.025, OBF) == pytest.approx(2.004 * np.sqrt(3 / np.array([1, 2, 3])), abs=1e-3)


@pytest.mark.parametrize("spending", Spending)
@pytest.mark.parametrize("looks", [2, 3, 4, 6])
def test_the_integral_is_that_of_the_multivariate_normal(looks, spending):
    from scipy.stats import multivariate_normal

    critical = critical_values(looks, 0.05, spending)
    k = np.arange(1, looks + 1)
    correlation = np.sqrt(np.minimum.outer(k, k) / np.maximum.outer(k, k))
    normal = multivariate_normal(cov=correlation, abseps=1e-7, releps=1e-7, maxpts=2_000_000, seed=1)
    assert 1 - normal.cdf(critical) == pytest.approx(0.05, abs=1e-5)


@pytest.mark.parametrize("spending", Spending)
@pytest.mark.parametrize("looks", [3, 20])
def test_all_looks_together_err_as_often_as_promised(looks, spending):
    """A walk of 200,000 candidates that are exactly at the margin, in the binomial band (z = 3) around alpha."""
    draws, alpha = 200_000, 0.05
    rng = np.random.default_rng(20261121)
    critical = critical_values(looks, alpha, spending)
    walk, stopped = np.zeros(draws), np.zeros(draws, dtype=bool)
    for k in range(1, looks + 1):
        walk += rng.standard_normal(draws)
        stopped |= walk / np.sqrt(k) > critical[k - 1]
    assert abs(stopped.mean() - alpha) < 3 * np.sqrt(alpha * (1 - alpha) / draws)


@pytest.mark.parametrize("spending", Spending)
def test_the_integral_does_not_hang_on_its_grid(spending, monkeypatch):
    coarse = critical_values(20, 0.05, spending)
    monkeypatch.setattr("evalkit_leaderboard.check.looks._REACH", 9.0)
    monkeypatch.setattr("evalkit_leaderboard.check.looks._WIDTH", 1.0)
    assert critical_values(20, 0.05, spending) == pytest.approx(coarse, abs=1e-7)


@given(alpha=ALPHAS, spending=KINDS)
def test_the_only_look_has_alpha(alpha, spending):
    assert look_alphas(1, alpha, spending) == [alpha]


@settings(max_examples=40, deadline=None)
@given(looks=LOOKS, alpha=ALPHAS)
def test_pocock_gives_every_look_the_same(looks, alpha):
    found = look_alphas(looks, alpha, POCOCK)
    assert found.shape == (looks,)
    assert np.ptp(found) == 0
    assert alpha / looks < found[0] < alpha


@settings(max_examples=40, deadline=None)
@given(looks=LOOKS, alpha=ALPHAS)
def test_obrien_and_fleming_give_later_looks_more(looks, alpha):
    found = look_alphas(looks, alpha, OBF)
    assert (np.diff(found) > 0).all()
    assert look_alphas(looks, alpha, POCOCK)[0] < found[-1] < alpha


@settings(max_examples=40, deadline=None)
@given(looks=LOOKS, alpha=ALPHAS, spending=KINDS)
def test_the_bounds_are_crossed_with_chance_alpha_and_by_independent_looks_more_often(looks, alpha, spending):
    critical = critical_values(looks, alpha, spending)
    each = look_alphas(looks, alpha, spending)
    assert crossing(critical) == pytest.approx(alpha, rel=1e-6)
    assert 1 - np.prod(1 - each) > alpha  # what the docstring warns of
    assert each.sum() > alpha


def test_the_docstring_has_the_right_number_for_independent_looks():
    assert 1 - np.prod(1 - look_alphas(5, 0.05, POCOCK)) == pytest.approx(0.082, abs=5e-4)


def test_a_hundred_looks_and_a_tiny_alpha_have_bounds():
    assert np.isfinite(critical_values(100, 0.05, POCOCK)).all()
    assert (look_alphas(20, 1e-9, OBF) > 0).all()


@pytest.mark.parametrize(("looks", "alpha"), [(0, 0.05), (3, 0.0), (3, 0.5), (3, float("nan"))])
def test_what_cannot_be_planned_is_refused(looks, alpha):
    with pytest.raises(ValueError, match="At least one look"):
        look_alphas(looks, alpha, POCOCK)
