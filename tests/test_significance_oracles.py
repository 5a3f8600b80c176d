"""Agreement with scipy, statsmodels, scikit-posthocs, ranx and baycomp on random data, to 1e-9 if not sampled."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import stats

from evalkit_leaderboard import significance as sig

EXACT = {"abs": 1e-9, "rel": 1e-9}
SEEDS = range(5)


def scores(seed: int, models: int = 5, tasks: int = 12, *, ties: bool = False) -> np.ndarray:
    generator = np.random.default_rng(seed)
    table = generator.normal(0.6, 0.1, (models, tasks)) + np.linspace(0, 0.05, models)[:, None]
    return table.round(1) if ties else table


def differences(seed: int, n: int = 40) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.02, 0.1, n)


# -- scipy -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_paired_t(seed: int) -> None:
    a, b = scores(seed, 2, 80)
    ours, oracle = sig.compare(a, b), stats.ttest_rel(a, b)
    interval = oracle.confidence_interval(0.95)
    assert (ours.t, ours.p_t) == (pytest.approx(oracle.statistic, **EXACT), pytest.approx(oracle.pvalue, **EXACT))
    assert (ours.low, ours.high) == (pytest.approx(interval.low, **EXACT), pytest.approx(interval.high, **EXACT))
    assert sig.paired_t(a - b).p == pytest.approx(oracle.pvalue, **EXACT)
    assert (ours.method, ours.p) == ("t", ours.p_t)


@pytest.mark.parametrize("seed", SEEDS)
def test_all_pairs_t(seed: int) -> None:
    X = scores(seed, 6, 90)
    pairs = sig.analytic_pairs(X, draws=0)
    low, high = pairs.interval(0.1)
    for i in range(6):
        for j in range(6):
            if i != j:
                oracle = stats.ttest_rel(X[i], X[j])
                interval = oracle.confidence_interval(0.9)
                assert pairs.p[i, j] == pytest.approx(oracle.pvalue, **EXACT)
                assert (low[i, j], high[i, j]) == (pytest.approx(interval.low), pytest.approx(interval.high))


@pytest.mark.parametrize("seed", SEEDS)
def test_exact_sign_flips(seed: int) -> None:
    d = differences(seed, 10)
    oracle = stats.permutation_test((d,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert sig.flip_test(d, flips=1024) == pytest.approx(oracle.pvalue, **EXACT)


@pytest.mark.parametrize("seed", SEEDS)
def test_sampled_sign_flips(seed: int) -> None:
    """Two samples of 20,000 sign patterns: within five standard errors of each other."""
    d = differences(seed, 200)
    oracle = stats.permutation_test(
        (d,), np.mean, permutation_type="samples", n_resamples=20_000, vectorized=True, rng=seed
    ).pvalue
    assert sig.flip_test(d, flips=20_000, seed=seed) == pytest.approx(oracle, abs=5 * (0.5 / 20_000) ** 0.5 + 1e-4)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_friedman(seed: int, ties: bool) -> None:
    table = scores(seed, ties=ties)
    ours, oracle = sig.friedman(table, tie_correction=True), stats.friedmanchisquare(*table)
    assert ours.chi_squared == pytest.approx(oracle.statistic, **EXACT)
    assert ours.p == pytest.approx(oracle.pvalue, **EXACT)
    assert ours.mean_ranks == pytest.approx(stats.rankdata(-table, axis=0).mean(axis=1), **EXACT)
    f = ours.f
    assert ours.p_f == pytest.approx(stats.f.sf(f, 4, 4 * 11), **EXACT)


@pytest.mark.parametrize("zeros", ["drop", "split"])
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_wilcoxon(seed: int, ties: bool, zeros: str) -> None:
    d = differences(seed, 30)
    d = (d * 20).round() if ties else d
    method = "asymptotic" if ties else "exact"
    oracle = stats.wilcoxon(d, zero_method={"drop": "wilcox", "split": "zsplit"}[zeros], method=method)
    ours = sig.wilcoxon(d, zeros=sig.Zeros(zeros))
    assert ours.statistic == pytest.approx(oracle.statistic, **EXACT)
    assert ours.p == pytest.approx(oracle.pvalue, **EXACT)


@pytest.mark.parametrize("seed", SEEDS)
def test_sign_test(seed: int) -> None:
    d = differences(seed)
    assert sig.sign_test(d).p == pytest.approx(stats.binomtest(int((d > 0).sum()), 40).pvalue, **EXACT)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("margin", [0.01, 0.05])
def test_margins(seed: int, margin: float) -> None:
    d = differences(seed)
    ours = sig.margins_of(sig.t_interval(d), margin=margin)
    not_worse = stats.ttest_1samp(d, -margin, alternative="greater")
    worse = stats.ttest_1samp(d, -margin, alternative="less")
    not_better = stats.ttest_1samp(d, margin, alternative="less")
    assert ours.p_non_inferior == pytest.approx(not_worse.pvalue, **EXACT)
    assert ours.p_inferior == pytest.approx(worse.pvalue, **EXACT)
    assert ours.p_equivalent == pytest.approx(max(not_worse.pvalue, not_better.pvalue), **EXACT)
    assert ours.lower == pytest.approx(stats.ttest_1samp(d, 0).confidence_interval(0.9).low, **EXACT)
    assert ours.non_inferior == (not_worse.pvalue < 0.05)
    assert ours.inferior == (worse.pvalue < 0.05)
    assert ours.equivalent == (max(not_worse.pvalue, not_better.pvalue) < 0.05)


@pytest.mark.parametrize("method", ["percentile", "basic", "bca"])
@pytest.mark.parametrize("seed", SEEDS)
def test_bootstrap(seed: int, method: str) -> None:
    """Against scipy's own draws: ends within Monte Carlo error of 20,000 resamples."""
    values = np.random.default_rng(seed).exponential(1.0, 60)
    oracle = stats.bootstrap((values,), np.mean, n_resamples=20_000, method=method.replace("bca", "BCa"), rng=seed)
    ours = sig.bootstrap_interval(
        lambda W: W @ values / W.sum(axis=1), values, kind=sig.Kind(method), resamples=20_000, seed=seed
    )
    assert ours.low == pytest.approx(oracle.confidence_interval.low, abs=0.02)
    assert ours.high == pytest.approx(oracle.confidence_interval.high, abs=0.02)
    assert ours.se == pytest.approx(oracle.standard_error, rel=0.03)


@pytest.mark.parametrize("n", [5, 30, 200])
def test_welch_degrees_of_freedom(n: int) -> None:
    """The mean over two tasks is half the sum, so its degrees of freedom are those of Welch's two-sample t."""
    first, second = differences(1, n), differences(2, 25)
    parts = [sig.t_interval(values) for values in (first, second)]
    ours = sig.these_tasks(
        np.array([parts[0].estimate, -parts[1].estimate]), np.array([p.se for p in parts]), np.array([n - 1, 24])
    )
    oracle = stats.ttest_ind(first, second, equal_var=False).confidence_interval(0.95)
    assert 2 * ours.low == pytest.approx(oracle.low, **EXACT)
    assert 2 * ours.high == pytest.approx(oracle.high, **EXACT)


# -- statsmodels -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("ours", "name"),
    [
        (sig.bonferroni, "bonferroni"),
        (sig.holm, "holm"),
        (sig.hochberg, "simes-hochberg"),
        (sig.benjamini_hochberg, "fdr_bh"),
        (sig.benjamini_yekutieli, "fdr_by"),
    ],
)
def test_multiple_tests(seed: int, ours, name: str) -> None:
    multipletests = pytest.importorskip("statsmodels.stats.multitest").multipletests
    p = np.random.default_rng(seed).random(30) ** 3
    p[::7] = p[0]
    assert ours(p) == pytest.approx(multipletests(p, method=name)[1], **EXACT)


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize(("b", "c"), [(3, 9), (40, 61), (11, 10), (0, 7)])
def test_mcnemar(b: int, c: int, exact: bool) -> None:
    contingency = pytest.importorskip("statsmodels.stats.contingency_tables")
    oracle = contingency.mcnemar([[10, b], [c, 12]], exact=exact, correction=True)
    ours = sig.mcnemar(b, c, exact=exact)
    assert ours.p == pytest.approx(oracle.pvalue, **EXACT)
    assert ours.statistic == pytest.approx(oracle.statistic, **EXACT)


@pytest.mark.parametrize("seed", SEEDS)
def test_tost(seed: int) -> None:
    weightstats = pytest.importorskip("statsmodels.stats.weightstats")
    d = differences(seed)
    oracle = weightstats.ttost_paired(d, np.zeros_like(d), -0.04, 0.04)[0]
    assert sig.margins_of(sig.t_interval(d), margin=0.04).p_equivalent == pytest.approx(oracle, **EXACT)


@pytest.mark.parametrize(("n", "shift"), [(20, 0.1), (200, 0.03), (50, -0.05)])
@pytest.mark.parametrize("two_sided", [True, False])
def test_power(n: int, shift: float, two_sided: bool) -> None:
    power = pytest.importorskip("statsmodels.stats.power")
    alternative = "two-sided" if two_sided else "larger"
    oracle = power.NormalIndPower(ddof=0).power(shift / 0.2, n, 0.05, ratio=0, alternative=alternative)
    assert sig.promised_power(n, shift, 0.2, two_sided=two_sided) == pytest.approx(oracle, **EXACT)


# -- scikit-posthocs and baycomp ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("ties", [False, True])
def test_nemenyi(seed: int, ties: bool) -> None:
    posthocs = pytest.importorskip("scikit_posthocs", exc_type=ImportError)
    table = scores(seed, 6, 15, ties=ties)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        oracle = posthocs.posthoc_nemenyi_friedman(table.T).to_numpy()
    assert sig.nemenyi(sig.friedman(table).mean_ranks, 15) == pytest.approx(oracle, **EXACT)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rope", [0.0, 0.02, 0.1])
def test_bayesian_signed_rank(seed: int, rope: float) -> None:
    """Against baycomp, by Janez Demsar: other draws of the same posterior."""
    baycomp = pytest.importorskip("baycomp", exc_type=ImportError)
    d = differences(seed, 14)
    ours = sig.signed_rank_posterior(d, rope=rope, seed=seed)
    oracle = baycomp.SignedRankTest.probs(np.zeros_like(d), d, rope, nsamples=50_000, random_state=seed)
    left, within, right = oracle if rope else (oracle[0], 0.0, oracle[1])
    # baycomp's left is its first argument, here 0, being better.
    assert (ours.worse, ours.equivalent, ours.better) == pytest.approx((left, within, right), abs=0.02)


# -- ranx ------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_ranx(seed: int) -> None:
    """The paired t test to 1e-9; its sign flips are other draws, so within four standard errors of 10,000."""
    tests = pytest.importorskip("ranx.statistical_tests")
    d = differences(seed)
    a = np.random.default_rng(seed).random(len(d))
    b = np.clip(a + d, 0, 1)
    ours = sig.compare(a, b)
    assert ours.p_t == pytest.approx(tests.paired_student_t_test(a, b, 0.05)[0], **EXACT)
    theirs = tests.fisher_randomization_test(a, b, 10_000, 0.05, 3)[0]
    assert ours.p_flip == pytest.approx(theirs, abs=4 * np.sqrt(0.25 / 10_000))
