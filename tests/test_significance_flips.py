"""Sign flips of all pairs at once: against plain loops, against exact enumeration, and as a board of tasks."""

from __future__ import annotations

import itertools
import resource
import time
from functools import partial

import numpy as np
import pytest
from scipy import stats

from evalkit_leaderboard import significance as sig
from evalkit_leaderboard.significance.signflip import centre


def models(seed: int, m: int = 4, n: int = 60, spread: float = 0.1) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.random(n) + generator.normal(0, 0.2, (m, n)) + np.linspace(0, spread, m)[:, None]


def all_signs(n: int) -> np.ndarray:
    return np.array(list(itertools.product([1.0, -1.0], repeat=n)))


# -- one product for all pairs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [14, 64, 65, 130, 1000])
def test_one_product_equals_a_loop_over_pairs(n: int) -> None:
    X = models(1, 5, n)
    means = sig.flip(X, flips=300, seed=3).means
    one_hot = np.vstack([np.eye(n), np.zeros((1, n))])
    flipped = sig.flip(one_hot, flips=300, seed=3).means
    S = np.round((flipped[:n] - flipped[n]) * n)
    assert set(np.unique(S)) == {-1.0, 1.0}
    for i, j in itertools.combinations(range(5), 2):
        naive = [float(np.mean(s * (X[i] - X[j]))) for s in S.T]
        assert means[i] - means[j] == pytest.approx(naive, abs=1e-6)


def test_draws_depend_on_neither_models_nor_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    X = models(2, 6, 700)
    whole = sig.flip(X, flips=500, seed=1).means
    few = sig.flip(X[:2], flips=500, seed=1).means
    assert few[0] - few[1] == pytest.approx(whole[0] - whole[1], abs=1e-6)
    monkeypatch.setattr("evalkit_leaderboard.significance.signflip.CACHE", 1)
    assert np.abs(sig.flip(X, flips=500, seed=1).means - whole).max() < 1e-6


def test_signs_are_fair_and_independent() -> None:
    flipped = sig.flip(np.vstack([np.eye(100), np.zeros((1, 100))]), flips=4000, seed=0).means
    S = np.round((flipped[:100] - flipped[100]) * 100)
    assert np.abs(S.mean(axis=1)).max() < 5 / np.sqrt(4000)
    assert np.abs(np.corrcoef(S) - np.eye(100)).max() < 5 / np.sqrt(4000)


def test_centring_keeps_differences_and_whole_numbers() -> None:
    X = models(3, 5)
    assert centre(X)[0] - centre(X)[3] == pytest.approx(X[0] - X[3], abs=1e-15)
    hits = (X > 0.5).astype(float)
    assert set(np.unique(2 * centre(hits))) <= {-2.0, -1.0, 0.0, 1.0, 2.0}


def test_ties_of_whole_numbers_are_counted_exactly() -> None:
    """0/1 scores: many flips give the observed difference again, and every one must count."""
    generator = np.random.default_rng(5)
    d = generator.integers(-1, 2, 400).astype(float)
    wins, losses = int((d > 0).sum()), int((d < 0).sum())
    exact = stats.binomtest(wins, wins + losses).pvalue
    assert sig.flip_test(d, flips=40_000, seed=2) == pytest.approx(exact, abs=5 * np.sqrt(0.25 / 40_000))


# -- exact enumeration -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 5, 10])
@pytest.mark.parametrize("seed", range(3))
def test_enumeration_equals_brute_force(n: int, seed: int) -> None:
    d = np.random.default_rng(seed).normal(0.1, 0.2, n)
    statistics = np.abs(all_signs(n) @ d)
    expected = np.mean(statistics >= abs(d.sum()) * (1 - 1e-9))
    assert sig.flip_test(d, flips=2**n) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("seed", range(4))
def test_step_down_equals_brute_force(seed: int) -> None:
    """Westfall and Young's algorithm written out: t statistics of all 2^8 patterns, successive maxima."""
    X = models(seed, 4, 8, spread=0.6)
    pairs = list(itertools.combinations(range(4), 2))
    D = np.array([X[i] - X[j] for i, j in pairs])
    flipped = all_signs(8)[:, None, :] * D
    with np.errstate(divide="ignore"):
        t = np.abs(flipped.mean(axis=2) / (flipped.std(axis=2, ddof=1) / np.sqrt(8)))
    observed, order = t[0], np.argsort(-t[0])
    adjusted, floor = np.empty(6), 0.0
    for step, k in enumerate(order):
        largest = t[:, order[step:]].max(axis=1)
        floor = max(floor, float(np.mean(largest >= observed[k] * (1 - 1e-9))))
        adjusted[k] = floor
    ours = sig.flipped_pairs(X, flips=256)
    assert [ours.p_adjusted[pair] for pair in pairs] == pytest.approx(adjusted, abs=1e-12)
    assert [ours.p[pair] for pair in pairs] == pytest.approx(np.mean(t >= observed * (1 - 1e-9), axis=0), abs=1e-12)
    assert (ours.method, ours.adjustment, ours.draws) == ("sign flips", "max-T", 256)


# -- all pairs ---------------------------------------------------------------------------------------------------------


def test_all_pairs_equal_single_pairs() -> None:
    X = models(7, 4, 90)
    ours = sig.flipped_pairs(X, flips=2000, seed=9)
    for i, j in itertools.combinations(range(4), 2):
        single = sig.compare(X[i], X[j], flips=2000, seed=9)
        assert ours.p[i, j] == pytest.approx(single.p_flip, abs=1 / 2000)
        assert ours.difference[i, j] == pytest.approx(single.difference, abs=1e-12)
        assert ours.se[i, j] == pytest.approx(single.se, abs=1e-12)


def test_analytic_and_flipped_agree() -> None:
    X = models(8, 8, 400, spread=0.08)
    analytic, flipped = sig.analytic_pairs(X, draws=20_000), sig.flipped_pairs(X, flips=20_000)
    for name in ("p", "p_adjusted", "p_marginal"):
        assert getattr(analytic, name) == pytest.approx(getattr(flipped, name), abs=0.02)
    assert analytic.difference == pytest.approx(flipped.difference, abs=1e-12)


def test_few_units_leave_the_analytic_board_to_holm() -> None:
    assert sig.analytic_pairs(models(1, 5, 49)).adjustment == "Holm"
    assert sig.analytic_pairs(models(1, 5, 50)).adjustment == "max-T"
    assert sig.analytic_pairs(models(1, 1, 90)).p.tolist() == [[1]]


def test_missing_model_changes_nothing_for_the_others() -> None:
    X = models(9, 4, 80)
    X[2] = np.nan
    there = [0, 1, 3]
    for pairs, without in (
        (sig.flipped_pairs(X), sig.flipped_pairs(X[there])),
        (sig.analytic_pairs(X, draws=0), sig.analytic_pairs(X[there], draws=0)),
    ):
        for name in ("difference", "se", "p", "p_adjusted", "p_marginal", "n"):
            assert getattr(pairs, name)[np.ix_(there, there)] == pytest.approx(getattr(without, name), abs=1e-12)
        assert np.isnan(pairs.difference[2]).all()
        assert np.isnan(np.delete(pairs.p[2], 2)).all()
        assert not pairs.n[2].any()


def test_effects() -> None:
    X = models(4, 3, 70).round(1)
    X[2] = np.nan
    ours = sig.effects(X)
    d = X[0] - X[1]
    tie = np.abs(d) < 1e-9
    assert (ours.wins[0, 1], ours.wins[1, 0], ours.ties[0, 1]) == ((d[~tie] > 0).sum(), (d[~tie] < 0).sum(), tie.sum())
    assert ours.d_z[0, 1] == pytest.approx(d.mean() / d.std(ddof=1), rel=1e-9)
    assert ours.better[0, 1] == pytest.approx(1 - ours.better[1, 0])
    assert np.isnan(ours.wins[2]).all()


# -- boards ------------------------------------------------------------------------------------------------------------


def board(seed: int, m: int = 4, tasks: int = 6, missing: bool = False) -> dict[str, np.ndarray]:
    made = {f"task{t}": models(100 * seed + t, m, 40 + 30 * t, spread=0.03) for t in range(tasks)}
    if missing:
        made["task1"][0] = np.nan
        made["task2"][3] = np.nan
    return made


TYPES = ["a", "a", "a", "b", "b", "c"]


@pytest.mark.parametrize("types", [None, TYPES])
@pytest.mark.parametrize("missing", [False, True])
def test_board_equals_task_by_task(missing: bool, types: list[str] | None) -> None:
    tasks = board(1, missing=missing)
    flipped, analytic = sig.flipped_board(tasks, types=types), sig.analytic_board(tasks, types=types)
    for i, j in itertools.combinations(range(4), 2):
        shared = [t for t, X in enumerate(tasks.values()) if np.isfinite(X[[i, j]]).all()]
        parts = [sig.t_interval(X[i] - X[j]) for t, X in enumerate(tasks.values()) if t in shared]
        kinds = [TYPES[t] for t in shared]
        expected = sig.these_tasks(
            np.array([part.estimate for part in parts]),
            np.array([part.se for part in parts]),
            np.array([part.n - 1 for part in parts]),
            types=kinds,
            over_types=types is not None,
        )
        for pairs in (flipped.overall, analytic.overall):
            assert pairs.n[i, j] == len(shared)
            assert pairs.difference[i, j] == pytest.approx(expected.estimate, abs=1e-12)
            assert pairs.se[i, j] == pytest.approx(expected.se, abs=1e-12)
            assert pairs.interval()[0][i, j] == pytest.approx(expected.low, abs=1e-12)
    off = ~np.eye(4, dtype=bool)
    for name in ("p", "p_adjusted", "p_marginal"):
        ours, other = getattr(flipped.overall, name)[off], getattr(analytic.overall, name)[off]
        assert ours == pytest.approx(other, abs=0.04)


def test_adding_a_task_changes_no_other_task() -> None:
    tasks = board(2)
    before, after = sig.flipped_board(tasks), sig.flipped_board({"new": models(77, 4, 33), **tasks})
    for name in tasks:
        assert np.array_equal(before.tasks[name].p_adjusted, after.tasks[name].p_adjusted)


def test_board_with_tiny_tasks() -> None:
    """Few units are enumerated on their own and sampled for the mean."""
    tasks = {"tiny": models(1, 3, 5), "one": models(2, 3, 1), "big": models(3, 3, 100)}
    ours = sig.flipped_board(tasks, flips=500)
    assert ours.tasks["tiny"].draws == 32
    assert ours.tasks["one"].p[0, 1] == 1
    assert ours.overall.draws == 500
    assert ((ours.overall.p > 0) & (ours.overall.p <= 1)).all()
    assert np.isnan(ours.overall.se[0, 1])


def test_tasks_must_have_the_same_models() -> None:
    with pytest.raises(ValueError, match="row for each model"):
        sig.flipped_board({"a": models(1, 3), "b": models(1, 4)})


# -- error rates (the full tables are those of benchmarks/calibration.py) ----------------------------------------------


@pytest.mark.parametrize("method", [partial(sig.flipped_pairs, flips=499), partial(sig.analytic_pairs, draws=499)])
@pytest.mark.parametrize("unequal", [False, True])
def test_family_wise_error(method, unequal: bool) -> None:
    """No model differs: something is found in about 5 % of 400 samples; bound: 99.9 % point of a binomial."""
    generator = np.random.default_rng(11)
    scale = np.array([1, 1, 1, 1, 6.0])[:, None] if unequal else np.ones((5, 1))
    found = 0
    for trial in range(400):
        X = generator.normal(0, 0.2, 60) + 0.1 * scale * generator.normal(0, 1, (5, 60))
        found += bool((method(X, seed=trial).p_adjusted <= 0.05).any())
    assert found <= stats.binom.ppf(0.999, 400, 0.05)


# -- speed and memory (measured tables: benchmarks) --------------------------------------------------------------------


@pytest.mark.slow
def test_much_faster_than_scipy() -> None:
    d = np.random.default_rng(0).normal(0, 1, 1000)
    sig.flip_test(d, flips=100)
    start = time.process_time()
    sig.flip_test(d, flips=10_000)
    ours, start = time.process_time() - start, time.process_time()
    stats.permutation_test((d,), np.mean, permutation_type="samples", n_resamples=10_000, vectorized=True)
    assert time.process_time() - start > 15 * ours


@pytest.mark.slow
def test_a_whole_board_is_quick_and_small() -> None:
    generator = np.random.default_rng(0)
    tasks = {f"t{t}": generator.random((50, 1000)) for t in range(10)}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    sig.flipped_board(tasks)
    assert time.process_time() - start < 6
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 256 * 1024
    start = time.process_time()
    sig.analytic_board(tasks)
    assert time.process_time() - start < 1
