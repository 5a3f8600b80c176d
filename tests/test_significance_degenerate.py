"""Where there is nothing to say the engine says so: a sentence and None; no crash, no p of 0, no warning."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from evalkit_leaderboard import significance as sig

pytestmark = pytest.mark.filterwarnings("error")
NAN = float("nan")


# -- one pair ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_units(n: int) -> None:
    ours = sig.compare(np.full(n, 0.5), np.full(n, 0.25))
    assert (ours.p, ours.p_t, ours.p_flip, ours.low, ours.se, ours.method) == (None, None, None, None, None, "")
    assert "at least two" in ours.note
    assert ours.difference == (0.25 if n else None)


@pytest.mark.parametrize("n", [2, 30, 1000])
def test_no_difference_at_all(n: int) -> None:
    values = np.random.default_rng(0).random(n)
    ours = sig.compare(values, values)
    assert (ours.difference, ours.wins, ours.ties, ours.losses, ours.better) == (0, 0, n, 0, 0.5)
    assert (ours.p, ours.low, ours.d_z) == (None, None, None)
    assert ours.note == f"The two do not differ on any of {n} units."


@pytest.mark.parametrize("n", [12, 1000])
def test_the_same_difference_everywhere(n: int) -> None:
    """No spread, so no t; but n equal signs are evidence, and their p value is given."""
    values = np.random.default_rng(0).random(n)
    ours = sig.compare(values + 0.1, values)
    assert (ours.se, ours.low, ours.t, ours.p_t, ours.d_z) == (None, None, None, None, None)
    assert ours.difference == pytest.approx(0.1)
    assert (ours.p, ours.method) == (pytest.approx(2 / 2**n if n == 12 else 1 / 10_001), "sign flips")
    assert "same amount" in ours.note


def test_rounding_errors_are_no_difference() -> None:
    values = np.random.default_rng(0).random(500) * 100
    ours = sig.compare(values * (1 + 1e-13), values)
    assert (ours.ties, ours.p) == (500, None)


@pytest.mark.parametrize("broken", [NAN, float("inf")])
def test_undefined_values(broken: float) -> None:
    a, b = np.random.default_rng(0).random((2, 60))
    a[3] = broken
    ours = sig.compare(a, b)
    assert (ours.difference, ours.p, ours.low) == (None, None, None)
    assert "undefined" in ours.note


def test_a_huge_effect_has_no_p_of_zero() -> None:
    values = np.random.default_rng(0).normal(0, 1e-6, 5000)
    ours = sig.compare(values + 1, np.zeros(5000))
    assert 0 < ours.p < 1e-300
    assert sig.paired_t(values + 1).p > 0
    assert 0 < sig.margins_of(sig.t_interval(values + 1), margin=0.5).p_non_inferior < 1e-300
    assert sig.analytic_pairs(np.stack([values + 1, 0 * values])).p[0, 1] > 0


def test_values_of_other_units_are_refused() -> None:
    with pytest.raises(ValueError, match="same units"):
        sig.compare(np.zeros(3), np.zeros(4))
    with pytest.raises(ValueError, match="One value a unit"):
        sig.compare(np.zeros((3, 2)), np.zeros((3, 2)))
    with pytest.raises(ValueError, match="alpha"):
        sig.compare(np.zeros(3), np.zeros(3), alpha=1.5)


# -- one score ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "said"),
    [([], "no units"), ([0.5], "one unit"), ([0.5, 0.5, 0.5], "same value"), ([0.5, NAN, 0.2], "undefined")],
)
def test_intervals(values: list[float], said: str) -> None:
    ours = sig.t_interval(np.array(values))
    assert (ours.low, ours.high, ours.se) == (None, None, None)
    assert said in ours.note


@pytest.mark.parametrize("kind", sig.Kind)
def test_bootstrap_says_why_not(kind: sig.Kind) -> None:
    def mean(W: np.ndarray) -> np.ndarray:
        return W.mean(axis=1)

    for values in ([], [0.5], [0.5, 0.5]):
        ours = sig.bootstrap_interval(mean, np.array(values), kind=kind)
        assert (ours.low, bool(ours.note)) == (None, True)
    undefined = sig.bootstrap_interval(lambda W: np.full(len(W), NAN), np.array([0.1, 0.4, 0.2]), kind=kind)
    assert (undefined.low, "undefined" in undefined.note) == (None, True)
    sometimes = sig.bootstrap_interval(
        lambda W: np.where(W[:, 0] > 3, NAN, W[:, 1] / W.sum(axis=1)), np.array([0.1, 0.4, 0.2, 0.3]), kind=kind
    )
    assert sometimes.low is not None and "resamples" in sometimes.note


# -- all pairs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [sig.flipped_pairs, sig.analytic_pairs])
def test_odd_matrices(method) -> None:
    generator = np.random.default_rng(0)
    for X in (np.zeros((3, 20)), np.ones((3, 1)), generator.random((1, 9)), np.zeros((0, 4)), np.full((3, 5), NAN)):
        pairs = method(X)
        for field in dataclasses.fields(pairs):
            value = getattr(pairs, field.name)
            if isinstance(value, np.ndarray):
                assert value.shape == (len(X), len(X))
        assert not (pairs.p == 0).any()
        pairs.interval()
    assert (method(np.zeros((3, 20))).p_adjusted == 1).all()


def test_twins_and_constant_shifts() -> None:
    values = np.random.default_rng(0).random(100)
    X = np.stack([values, values, values + 0.1, np.random.default_rng(1).random(100)])
    flipped, analytic = sig.flipped_pairs(X), sig.analytic_pairs(X)
    assert (flipped.p[0, 1], analytic.p[0, 1], analytic.p_adjusted[0, 1]) == (1, 1, 1)
    # A constant shift has no t; its signs have a p value.
    assert np.isnan(analytic.p[0, 2]) and np.isnan(analytic.p_adjusted[0, 2])
    assert flipped.p[0, 2] == pytest.approx(1 / 10_001)


def test_single_task_and_single_model_boards() -> None:
    X = np.random.default_rng(0).random((3, 50))
    for board in (sig.flipped_board({"only": X}), sig.analytic_board({"only": X})):
        assert board.overall.difference == pytest.approx(board.tasks["only"].difference, abs=1e-15)
        assert board.overall.p == pytest.approx(board.tasks["only"].p, abs=1e-12)
        assert (board.overall.n == 1).all()
    assert sig.flipped_board({"only": X[:1]}).overall.p.tolist() == [[1]]
    with pytest.raises(ValueError, match="At least one task"):
        sig.flipped_board({})


def test_models_that_share_no_task() -> None:
    generator = np.random.default_rng(0)
    first, second = generator.random((3, 40)), generator.random((3, 40))
    first[0], second[1] = NAN, NAN
    for board in (sig.flipped_board, sig.analytic_board):
        overall = board({"a": first, "b": second}).overall
        assert np.isnan(overall.difference[0, 1]) and np.isnan(overall.p_adjusted[0, 1])
        assert (overall.n[0, 1], overall.n[0, 2]) == (0, 1)
        low, high = sig.rank_intervals(overall.difference, overall.p_adjusted)
        assert (low.tolist(), high.tolist()) == ([1, 1, 1], [3, 3, 3])


# -- over tasks --------------------------------------------------------------------------------------------------------


def test_friedman_without_a_question() -> None:
    generator = np.random.default_rng(0)
    assert "three models" in sig.friedman(generator.random((2, 10))).note
    assert "two tasks" in sig.friedman(generator.random((3, 1))).note
    assert sig.friedman(np.ones((3, 5))).chi_squared == pytest.approx(0)
    assert "same score" in sig.friedman(np.ones((3, 5)), tie_correction=True).note
    perfect = sig.friedman(np.arange(3)[:, None] + np.zeros((3, 6)))
    assert (perfect.f, perfect.p_f) == (None, None) and 0 < perfect.p < 0.01
    holed = generator.random((3, 6))
    holed[1, 2] = NAN
    assert sig.friedman(holed).tasks == 5


def test_classical_tests_without_differences() -> None:
    zeros = np.zeros(5)
    for ours in (sig.paired_t(zeros), sig.wilcoxon(zeros), sig.sign_test(zeros), sig.mcnemar(0, 0)):
        assert (ours.statistic, ours.p) == (None, None)
        assert ours.note
    assert sig.corrected_resampled_t(zeros, test_to_train=1 / 9).note
    assert sig.wilcoxon(np.array([])).note
    with pytest.raises(ValueError, match="without ties"):
        sig.wilcoxon(np.array([1.0, 1.0, 2.0]), exact=True)


def test_bayes_without_tasks() -> None:
    assert sig.signed_rank_posterior(np.array([])).better is None
    with pytest.raises(ValueError, match="rope"):
        sig.signed_rank_posterior(np.array([0.1]), rope=-1)


def test_two_levels_without_enough() -> None:
    assert sig.these_tasks(np.array([]), np.array([]), np.array([])).note
    assert sig.these_tasks(np.array([0.1]), np.array([0.0]), np.array([9.0])).note
    assert sig.these_tasks(np.array([0.1, 0.2]), np.array([0.1, NAN]), np.array([9.0, 0.0])).low is None
    assert sig.tasks_like_these(np.array([])).note
    single = sig.tasks_like_these(np.array([0.1, 0.2]), types=["a", "b"])
    assert (single.low, single.estimate) == (None, pytest.approx(0.15))
    assert sig.bootstrap_mean({}, like_these=True).note
    with pytest.raises(ValueError, match="type"):
        sig.task_weights(3, over_types=True)
    with pytest.raises(ValueError, match="type"):
        sig.task_weights(3, ["a"])


def test_correlations_of_one() -> None:
    for r in (
        sig.Overlapping(1.0, 0.5, 0.5, 30),
        sig.Overlapping(0.5, 0.5, 1.0, 30),
        sig.Overlapping(0.5, 0.4, 0.3, 3),
    ):
        for test in (sig.williams, sig.dunn_clark, sig.steiger, sig.meng):
            assert (test(r).p, bool(test(r).note)) == (None, True)
        assert sig.zou_interval(r).low is None and sig.meng_interval(r).low is None
    with pytest.raises(ValueError, match="between -1 and 1"):
        sig.Overlapping(1.2, 0, 0, 10)


def test_margins_and_power_refuse_nonsense() -> None:
    identical = sig.margins_of(sig.t_interval(np.zeros(10)), margin=0.01)
    assert (identical.difference, identical.p_equivalent, identical.equivalent) == (0, None, False)
    with pytest.raises(ValueError, match="margin"):
        sig.margins(0.1, 0.1, 9, margin=0)
    with pytest.raises(ValueError, match="standard error"):
        sig.margins(0.1, 0.0, 9, margin=0.1)
    for wrong in (
        {"difference": 0.0, "sd": 0.1},
        {"difference": 0.1, "sd": -1.0},
        {"difference": 0.1, "sd": 1, "power": 0.01},
    ):
        with pytest.raises(ValueError):
            sig.units_needed(**wrong)
    assert sig.units_needed(0.1, 0.0) == 2


def test_importing_is_cheap() -> None:
    """SciPy loads with the first number that needs it; nothing heavier ever does."""
    code = (
        "import sys, numpy as np\nimport evalkit_leaderboard.significance as sig\n"
        "assert 'scipy' not in sys.modules\n"
        "sig.flipped_pairs(np.random.default_rng(0).random((3, 60))); sig.compare([1, 2, 3.5], [1, 1, 1])\n"
        "assert not {'torch', 'sklearn', 'pandas', 'scipy.stats'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
