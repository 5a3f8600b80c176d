"""What holds for all inputs: ranges, symmetry, invariance, order of the adjustments, brute force on small cases."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from evalkit_leaderboard import significance as sig
from evalkit_leaderboard.significance.bayes import region_masses
from evalkit_leaderboard.significance.strata import Strata

FINITE = st.floats(-1, 1, allow_nan=False, width=32).map(lambda x: round(float(x), 4))
P = st.floats(1e-6, 1)


def vectors(low: int = 2, high: int = 70) -> st.SearchStrategy[np.ndarray]:
    return st.integers(low, high).flatmap(lambda n: arrays(np.float64, n, elements=FINITE))


def pairs() -> st.SearchStrategy[np.ndarray]:
    return st.integers(2, 70).flatmap(lambda n: arrays(np.float64, (2, n), elements=FINITE))


def p_values() -> st.SearchStrategy[np.ndarray]:
    return st.integers(1, 30).flatmap(lambda n: arrays(np.float64, n, elements=P))


# -- paired comparison -------------------------------------------------------------------------------------------------


@given(pairs())
def test_paired_is_in_range_and_antisymmetric(X: np.ndarray) -> None:
    there, back = sig.compare(*X, flips=99), sig.compare(*X[::-1], flips=99)
    for p in (there.p, there.p_t, there.p_flip):
        assert p is None or 0 < p <= 1
    assert (there.p_t, there.p_flip, there.p) == pytest.approx((back.p_t, back.p_flip, back.p))
    assert there.difference == pytest.approx(-back.difference, abs=1e-12)
    assert (there.wins, there.ties, there.losses) == (back.losses, back.ties, back.wins)
    assert there.wins + there.ties + there.losses == there.n == X.shape[1]
    assert there.better == pytest.approx(1 - back.better)
    if there.low is not None:
        assert (there.low, there.high) == (pytest.approx(-back.high, abs=1e-9), pytest.approx(-back.low, abs=1e-9))
        assert there.low <= there.difference <= there.high
        assert (there.p_t < 0.05) == (there.low > 0 or there.high < 0) or there.p_t == pytest.approx(0.05, rel=1e-6)
    assert bool(there.note) == (there.se is None)


@given(pairs(), st.sampled_from([0.5, -2.0, 16.0]))
def test_shifting_both_changes_nothing(X: np.ndarray, shift: float) -> None:
    before, after = sig.compare(*X, flips=99), sig.compare(*(X + shift), flips=99)
    assert after.difference == pytest.approx(before.difference, abs=1e-9)
    assert (after.wins, after.losses) == (before.wins, before.losses)
    assert (after.p_t is None) == (before.p_t is None)
    if before.p_t is not None:
        assert after.p_t == pytest.approx(before.p_t, rel=1e-4, abs=1e-9)


@given(vectors(), st.randoms())
def test_order_of_the_units_does_not_matter(d: np.ndarray, random) -> None:
    shuffled = np.array(random.sample(list(d), len(d)))
    first, second = sig.compare(d, 0 * d, confirm=False), sig.compare(shuffled, 0 * d, confirm=False)
    assert first.p_t == second.p_t or first.p_t == pytest.approx(second.p_t, rel=1e-6)
    # Up to 13 units all patterns are taken, so even the sign flips do not know the order.
    if len(d) <= 10:
        assert sig.flip_test(d) == sig.flip_test(shuffled)


@given(vectors(1, 60), st.integers(0, 3))
def test_flip_p_is_never_zero(d: np.ndarray, seed: int) -> None:
    p = sig.flip_test(d, flips=50, seed=seed)
    assert 1 / 51 <= p <= 1 or (2 ** len(d) <= 50 and p >= 2.0 ** -len(d))


@given(pairs())
def test_interval_widens_with_confidence(X: np.ndarray) -> None:
    narrow, wide = sig.compare(*X, alpha=0.2, confirm=False), sig.compare(*X, alpha=0.01, confirm=False)
    if narrow.low is not None:
        assert wide.low < narrow.low and narrow.high < wide.high


# -- multiplicity ------------------------------------------------------------------------------------------------------


@given(p_values())
def test_order_of_the_adjustments(p: np.ndarray) -> None:
    chain = [p, *(f(p) for f in (sig.benjamini_hochberg, sig.hochberg, sig.holm, sig.bonferroni))]
    for smaller, larger in itertools.pairwise(chain):
        assert (smaller <= larger * (1 + 1e-12)).all()
    assert (sig.benjamini_hochberg(p) <= sig.benjamini_yekutieli(p) * (1 + 1e-12)).all()
    assert all((adjusted <= 1).all() for adjusted in chain)


@given(p_values(), st.randoms())
def test_adjustments_keep_order_and_place(p: np.ndarray, random) -> None:
    order = np.array(random.sample(range(len(p)), len(p)))
    for method in (sig.holm, sig.hochberg, sig.benjamini_hochberg, sig.benjamini_yekutieli, sig.bonferroni):
        adjusted = method(p)
        assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()
        assert method(p[order]) == pytest.approx(adjusted[order], abs=1e-15)
        with_gap = method(np.insert(p, 0, np.nan))
        assert np.isnan(with_gap[0]) and np.array_equal(with_gap[1:], adjusted)


def test_adjustments_refuse_what_is_no_p_value() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        sig.holm(np.array([0.5, 1.5]))
    assert sig.holm(np.array([])).size == 0


@given(arrays(np.float64, (4, 9), elements=FINITE))
@settings(max_examples=40)
def test_max_t_is_at_least_unadjusted(X: np.ndarray) -> None:
    for ours in (sig.flipped_pairs(X, flips=300), sig.analytic_pairs(X, draws=300)):
        known = ~np.isnan(ours.p)
        assert ((ours.p > 0) & (ours.p <= 1))[known].all()
        assert (ours.p_adjusted >= ours.p - 1e-12)[known].all()
        assert (ours.p_marginal >= ours.p - 1e-12)[known].all()
        assert (ours.p_adjusted >= ours.p_marginal - 0.1)[known].all()
        assert np.array_equal(ours.p, ours.p.T, equal_nan=True)
        assert np.array_equal(ours.p_adjusted, ours.p_adjusted.T, equal_nan=True)
        assert (np.diag(ours.p) == 1).all() and (np.diag(ours.p_marginal) == 1).all()
        assert np.array_equal(ours.difference, -ours.difference.T, equal_nan=True)


# -- ranks -------------------------------------------------------------------------------------------------------------


@given(arrays(np.float64, (6,), elements=FINITE), arrays(np.float64, (6, 6), elements=st.floats(0.001, 1)))
def test_ranks_and_groups(means: np.ndarray, raw: np.ndarray) -> None:
    p = np.minimum(raw, raw.T)
    np.fill_diagonal(p, 1)
    difference = means[:, None] - means
    low, high = sig.rank_intervals(difference, p, alpha=0.3)
    assert ((low >= 1) & (low <= high) & (high <= 6)).all()
    order = [int(i) for i in np.argsort(-means, kind="stable")]
    places = {model: place + 1 for place, model in enumerate(order)}
    assert all(low[model] <= places[model] <= high[model] for model in range(6) if len(set(means)) == 6)
    wins = sig.better(difference, p, alpha=0.3)
    assert not (wins & wins.T).any()
    disjoint, groups = sig.tiers(order, p, alpha=0.3), sig.tie_groups(order, p, alpha=0.3)
    assert [model for tier in disjoint for model in tier] == order
    assert {model for group in groups for model in group} == set(order)
    for group in [*disjoint, *groups]:
        assert all(p[i, j] > 0.3 for i, j in itertools.combinations(group, 2))
    assert not any(set(a) <= set(b) for a, b in itertools.permutations(groups, 2))


def test_tiers_of_a_chain() -> None:
    """A ties with B and B with C, but A is better than C."""
    p = np.array([[1, 0.5, 0.01], [0.5, 1, 0.5], [0.01, 0.5, 1]])
    assert sig.tiers([0, 1, 2], p) == [(0, 1), (2,)]
    assert sig.tie_groups([0, 1, 2], p) == [(0, 1), (1, 2)]
    low, high = sig.rank_intervals(np.array([[0, 1, 2], [-1, 0, 1], [-2, -1, 0.0]]), p)
    assert (low.tolist(), high.tolist()) == ([1, 1, 2], [2, 3, 3])
    assert sig.tiers([0, 1, 2], np.full((3, 3), np.nan)) == [(0, 1, 2)]
    assert sig.tiers([], np.zeros((0, 0))) == []


# -- over tasks --------------------------------------------------------------------------------------------------------


@given(vectors(1, 12))
def test_wilcoxon_equals_brute_force(d: np.ndarray) -> None:
    sizes = np.abs(d)
    if len(np.unique(sizes)) < len(d) or not d.all():
        return
    ranks = sizes.argsort().argsort() + 1
    sums = [
        sum(rank for rank, sign in zip(ranks, signs, strict=True) if sign)
        for signs in itertools.product([0, 1], repeat=len(d))
    ]
    smaller = min(ranks[d > 0].sum(), ranks[d < 0].sum())
    assert sig.wilcoxon(d).p == pytest.approx(min(1, 2 * np.mean(np.array(sums) <= smaller)), abs=1e-12)


@given(
    arrays(np.float64, (7,), elements=FINITE), arrays(np.float64, (3, 7), elements=st.floats(0, 2)), st.floats(0, 0.5)
)
def test_bayes_masses_equal_a_double_loop(values: np.ndarray, weights: np.ndarray, rope: float) -> None:
    expected = np.zeros((3, 3))
    for i, j in itertools.product(range(7), repeat=2):
        total = values[i] + values[j]
        region = 0 if total < -2 * rope else 2 if total > 2 * rope else 1
        expected[:, region] += weights[:, i] * weights[:, j]
    assert region_masses(values, weights, rope) == pytest.approx(expected, abs=1e-9)


@given(vectors(1, 20))
@settings(max_examples=25)
def test_posterior_is_a_distribution_and_mirrors(d: np.ndarray) -> None:
    ours = sig.signed_rank_posterior(d, draws=500)
    mirrored = sig.signed_rank_posterior(-d, draws=500)
    assert ours.worse + ours.equivalent + ours.better == pytest.approx(1)
    assert (ours.worse, ours.equivalent) == (mirrored.better, mirrored.equivalent)


# -- power -------------------------------------------------------------------------------------------------------------


@given(st.floats(0.001, 0.2), st.floats(0.01, 1), st.floats(0.3, 0.99), st.booleans())
def test_power_formulas_invert_each_other(difference: float, sd: float, power: float, two_sided: bool) -> None:
    n = sig.units_needed(difference, sd, power=power, two_sided=two_sided)
    assert sig.minimum_detectable(n, sd, power=power, two_sided=two_sided) <= difference * (1 + 1e-9)
    assert sig.promised_power(n, difference, sd, two_sided=two_sided) >= power - 1e-9
    if n > 2:
        assert sig.minimum_detectable(n - 1, sd, power=power, two_sided=two_sided) >= difference * (1 - 1e-9)


# -- two levels --------------------------------------------------------------------------------------------------------


def naive_strata(d: np.ndarray, types: list[str], over_types: bool) -> tuple[float, float]:
    """Estimate and variance of one pair, type by type."""
    kinds = list(dict.fromkeys(types))
    groups = [d[np.array(types) == kind] for kind in kinds]
    weights = [1 / len(kinds) if over_types else len(group) / len(d) for group in groups]
    squares = sum(((g - g.mean()) ** 2).sum() for g in groups)
    pooled = squares / max(sum(len(g) - 1 for g in groups), 1)
    spreads = [g.var(ddof=1) if len(g) > 1 else pooled for g in groups]
    estimate = sum(w * g.mean() for w, g in zip(weights, groups, strict=True))
    return estimate, sum(w**2 * s / len(g) for w, s, g in zip(weights, spreads, groups, strict=True))


@given(
    arrays(np.float64, (3, 8), elements=FINITE),
    st.lists(st.sampled_from("abc"), min_size=8, max_size=8),
    st.booleans(),
    st.sets(st.integers(0, 7), max_size=3),
)
def test_strata_equal_a_naive_loop(X: np.ndarray, types: list[str], over_types: bool, holes: set[int]) -> None:
    X[1, list(holes)] = np.nan
    ours = Strata(X, types, over_types=over_types).differences()
    for i, j in itertools.combinations(range(3), 2):
        shared = np.isfinite(X[[i, j]]).all(axis=0)
        kinds = [kind for kind, has in zip(types, shared, strict=True) if has]
        estimate, variance = naive_strata((X[i] - X[j])[shared], kinds, over_types)
        assert ours.mean[i, j] == pytest.approx(estimate, abs=1e-12)
        assert ours.n[i, j] == shared.sum()
        if any(kinds.count(kind) > 1 for kind in kinds):
            assert ours.variance[i, j] == pytest.approx(variance, abs=1e-9)


def test_one_type_is_a_plain_t_over_tasks() -> None:
    X = np.random.default_rng(3).normal(0, 1, (4, 15))
    pairs, single = sig.like_these_pairs(X, draws=0), sig.tasks_like_these(X[0] - X[1])
    plain = sig.paired_t(X[0] - X[1])
    assert pairs.p[0, 1] == pytest.approx(plain.p, rel=1e-9)
    assert pairs.df[0, 1] == pytest.approx(14)
    assert (single.low, single.high) == pytest.approx((pairs.interval()[0][0, 1], pairs.interval()[1][0, 1]))


def test_like_these_by_max_t_and_by_holm() -> None:
    X = np.random.default_rng(4).normal(0, 1, (5, 60)) + np.linspace(0, 1, 5)[:, None]
    types = ["a", "b", "c"] * 20
    complete = sig.like_these_pairs(X, types=types, over_types=True)
    assert complete.adjustment == "max-T"
    assert (complete.p_adjusted >= complete.p).all()
    X[0, 0] = np.nan
    holed = sig.like_these_pairs(X, types=types, over_types=True)
    assert holed.adjustment == "Holm"
    assert holed.p == pytest.approx(complete.p, abs=0.1)
    assert holed.n[0, 1] == 59
    assert sig.like_these_pairs(X[:, :40], types=types[:40]).adjustment == "Holm"


@pytest.mark.parametrize("over_types", [False, True])
@pytest.mark.parametrize("like_these", [False, True])
def test_bootstrap_of_the_mean_agrees_with_t(like_these: bool, over_types: bool) -> None:
    generator = np.random.default_rng(5)
    types = ["a"] * 20 + ["b"] * 10
    shifts = generator.normal(0.02, 0.05, 30)
    units = {f"t{t}": generator.normal(shifts[t], 0.1, 200) for t in range(30)}
    boot = sig.bootstrap_mean(units, like_these=like_these, types=types, over_types=over_types, resamples=4000)
    parts = [sig.t_interval(values) for values in units.values()]
    means, errors = np.array([p.estimate for p in parts]), np.array([p.se for p in parts])
    if like_these:
        analytic = sig.tasks_like_these(means, types=types, over_types=over_types)
    else:
        analytic = sig.these_tasks(means, errors, np.full(30, 199), types=types, over_types=over_types)
    assert boot.estimate == pytest.approx(analytic.estimate, abs=1e-12)
    assert boot.se == pytest.approx(analytic.se, rel=0.1)
    assert (boot.low, boot.high) == (pytest.approx(analytic.low, abs=0.004), pytest.approx(analytic.high, abs=0.004))


# -- seeds -------------------------------------------------------------------------------------------------------------


def test_seeds_come_from_names_alone() -> None:
    # The number itself is pinned: published tables depend on it.
    assert sig.seed_of("STSBenchmark", "sign flips") == 12569876715947508150
    assert (
        len({sig.seed_of("a", "bc"), sig.seed_of("ab", "c"), sig.seed_of("a", "b", "c"), sig.seed_of("bc", "a")}) == 4
    )
    assert sig.generator_of("a").random() == sig.generator_of("a").random()
