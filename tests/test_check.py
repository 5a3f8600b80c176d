"""Verdicts of the regression gate and what they rest on, against scipy and statsmodels and by their properties."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from board_results import bare, cell, ranked, result
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as budget
from hypothesis import strategies as st
from scipy.stats import t as student
from scipy.stats import ttest_1samp
from statsmodels.stats.multitest import multipletests

from evalkit.errors import EvalkitError
from evalkit.store import ResultStore
from evalkit_leaderboard.check.evidence import gather
from evalkit_leaderboard.check.gate import check
from evalkit_leaderboard.check.pairing import pair_up
from evalkit_leaderboard.check.report import Line, Report, Verdict
from evalkit_leaderboard.check.settings import MEAN, Inconclusive, Settings
from evalkit_leaderboard.check.verdicts import judge
from evalkit_leaderboard.frame import Located

NAMES = "ABCD"
BETTER = (Verdict.REGRESSION, Verdict.INCONCLUSIVE, Verdict.PASS)
"""From worst to best."""
UNDECIDED = 1e-9
"""A bound closer than this to the margin is on neither side: rounding decides."""

quick = budget(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
NUMBERS = st.one_of(
    st.sampled_from([-0.3, -0.02, -0.011, -0.01, -0.009, 0.0, 0.005, 0.01, 0.3]),
    st.floats(-0.3, 0.3, allow_subnormal=False).map(lambda x: round(x, 6)),
)
DIFFERENCES = st.one_of(
    st.lists(NUMBERS, min_size=1, max_size=14),
    st.tuples(NUMBERS, st.integers(1, 8)).map(lambda it: [it[0]] * it[1]),
    st.tuples(st.integers(0, 2**32 - 1), st.integers(2, 300), st.floats(-0.05, 0.05)).map(
        lambda it: list(np.random.default_rng(it[0]).normal(it[2], 0.05, it[1]))
    ),
)
TASKS = st.lists(DIFFERENCES, min_size=1, max_size=4)
MARGINS = st.sampled_from([0.005, 0.01, 0.05, 0.2])


def baseline_of(differences: Sequence[float], shift: float = 0.0) -> np.ndarray:
    return np.linspace(0.3, 0.7, len(differences)) + shift


def sides(tasks: Sequence[Sequence[float]], shift: float = 0.0) -> tuple[list[Located], list[Located]]:
    """Two sides that differ by these on the units of each task; a shift of both."""
    named = list(zip(NAMES, tasks, strict=False))
    old = [result("a", name, [cell(baseline_of(of, shift))]) for name, of in named]
    new = [result("a", name, [cell(baseline_of(of, shift) + np.array(of))]) for name, of in named]
    return old, new


def judged(old: Sequence[Located], new: Sequence[Located], **settings: Any) -> dict[str, Line]:
    """The lines of one encoder by name."""
    chosen = Settings(**settings)
    [pair] = pair_up(old, new, chosen).pairs
    found = gather(pair, chosen)
    every = [*found.tasks, *([] if found.mean is None else [found.mean])]
    lines, _ = judge([(pair.label, each) for each in every], chosen, chosen.alpha)
    return {line.name: line for line in lines}


def check_of(folder: Path, old: Sequence[Located], new: Sequence[Located], **settings: Any) -> Report:
    """The whole check of two folders."""
    for name, side in (("old", old), ("new", new)):
        for _, each in side:
            ResultStore(folder / name).write(each)
    return check(folder / "old", folder / "new", Settings(**settings))


# -- against scipy and statsmodels -------------------------------------------------------------------------------


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_verdicts_are_those_of_scipy_s_one_sided_t_tests_with_statsmodels_holm(seed: int, strict: bool) -> None:
    """Three tasks of one margin each and their mean, whose error is Welch's, written out here."""
    rng = np.random.default_rng(seed)
    margin, alpha, count = 0.02, 0.05, 3
    tasks = [
        rng.normal(rng.choice([-0.06, -0.03, -0.01, 0.0, 0.01]), 0.08, rng.integers(20, 400)) for _ in range(count)
    ]
    tolerated = 0.0 if strict else margin
    loss = [ttest_1samp(d, popmean=-tolerated, alternative="less").pvalue for d in tasks]
    hold = [ttest_1samp(d, popmean=-margin, alternative="greater").pvalue for d in tasks]
    parts = np.array([d.var(ddof=1) / len(d) for d in tasks]) / count**2
    df = parts.sum() ** 2 / (parts**2 / np.array([len(d) - 1 for d in tasks])).sum()
    mean, se = float(np.mean([d.mean() for d in tasks])), math.sqrt(parts.sum())
    loss.append(student.cdf((mean + tolerated) / se, df))
    hold.append(student.sf((mean + margin) / se, df))
    reject, adjusted, _, _ = multipletests(loss, alpha=alpha, method="holm")
    lines = judged(*sides([list(d) for d in tasks]), margin=margin, alpha=alpha, strict=strict)
    for name, lost, p, p_adjusted, p_pass in zip([*NAMES[:count], MEAN], reject, loss, adjusted, hold, strict=True):
        line = lines[name]
        assert (line.p, line.p_adjusted, line.p_pass) == pytest.approx((p, p_adjusted, p_pass), rel=1e-6)
        expected = Verdict.REGRESSION if lost else Verdict.PASS if p_pass <= alpha else Verdict.INCONCLUSIVE
        assert line.verdict is expected, name


def test_a_single_line_has_textbook_bounds() -> None:
    """d = -.04 -.02 -.01 -.03: mean -.025, sd sqrt(.0005 / 3) = .0129099, t(3) at .95 = 2.353363."""
    line = judged(*sides([[-0.04, -0.02, -0.01, -0.03]]), margin=0.01)["A"]
    half = 2.353363 * math.sqrt(0.0005 / 3 / 4)
    assert (line.difference, line.lower, line.upper) == pytest.approx((-0.025, -0.025 - half, -0.025 + half), abs=1e-7)
    assert (line.n, line.unit, line.basis, line.df) == (4, "query", "units", 3)
    assert line.verdict is Verdict.INCONCLUSIVE
    # u = t / sqrt(3) = (-.025 + .01) / .00645497 / sqrt(3) = -1.341641: 1/2 + (u / (1 + u^2) + atan u) / pi = .051364.
    assert line.p == pytest.approx(0.051364, abs=1e-6)


# -- properties --------------------------------------------------------------------------------------------------


@quick
@given(tasks=TASKS, margin=MARGINS, strict=st.booleans())
def test_the_bounds_agree_with_the_verdict(tasks: list[list[float]], margin: float, strict: bool) -> None:
    tolerated = 0.0 if strict else margin
    for line in judged(*sides(tasks), margin=margin, strict=strict).values():
        lost = line.upper is not None and line.upper < -tolerated
        held = line.lower is not None and line.lower > -margin
        near = [
            abs(bound + of) for bound in (line.lower, line.upper) if bound is not None for of in (margin, tolerated)
        ]
        if min(near, default=1.0) < UNDECIDED and line.difference != 0:
            continue
        assert (line.verdict is Verdict.REGRESSION) == lost
        assert (line.verdict is Verdict.PASS) == (held and not lost)


@quick
@given(tasks=TASKS, margin=MARGINS, shift=st.floats(-5, 5))
def test_adding_a_constant_to_both_sides_changes_nothing(tasks: list[list[float]], margin: float, shift: float) -> None:
    before, after = judged(*sides(tasks), margin=margin), judged(*sides(tasks, shift), margin=margin)
    for line in before.values():
        moved = after[line.name]
        assert moved.difference == pytest.approx(line.difference, abs=1e-9)
        if line.se is not None and line.se > 1e-6:
            assert (moved.lower, moved.upper) == pytest.approx((line.lower, line.upper), abs=1e-7)
        if min(abs((bound or 0.0) + margin) for bound in (line.lower, line.upper)) > 1e-7:
            assert moved.verdict is line.verdict


@quick
@given(tasks=TASKS, margin=MARGINS, seed=st.integers(0, 1000))
def test_the_order_of_the_units_changes_nothing(tasks: list[list[float]], margin: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(len(of)) for of in tasks]
    pairs = [(baseline_of(of), baseline_of(of) + np.array(of)) for of in tasks]
    shuffled = [
        [result("a", name, [cell(pair[side][order])]) for name, pair, order in zip(NAMES, pairs, orders, strict=False)]
        for side in (0, 1)
    ]
    before, after = judged(*sides(tasks), margin=margin), judged(*shuffled, margin=margin)
    for line in before.values():
        assert after[line.name].difference == pytest.approx(line.difference, abs=1e-12)
        if min(abs((bound or 0.0) + margin) for bound in (line.lower, line.upper)) > UNDECIDED:
            assert after[line.name].verdict is line.verdict


@quick
@given(tasks=TASKS, margin=MARGINS, strict=st.booleans(), gain=st.floats(0.001, 0.5))
def test_a_better_candidate_never_has_a_worse_verdict(
    tasks: list[list[float]], margin: float, strict: bool, gain: float
) -> None:
    """All units of one task gain the same: no line gets worse, the others' by Holm's correction neither."""
    better = [[each + gain for each in tasks[0]], *tasks[1:]]
    # A spread of rounding errors has another test than none at all, which a shift may make of it; and with one unit the
    # mean is tested over tasks, whose spread the gain changes.
    assume(all(len(of) > 1 and (np.ptp(of) == 0 or np.ptp(of) > 1e-6) for of in tasks))
    before = judged(*sides(tasks), margin=margin, strict=strict)
    after = judged(*sides(better), margin=margin, strict=strict)
    for name, line in before.items():
        if line.difference != 0:  # nothing changed is a pass that needs no proof
            assert BETTER.index(after[name].verdict) >= BETTER.index(line.verdict), name


@quick
@given(tasks=TASKS, strict=st.booleans(), factor=st.floats(1.01, 50))
def test_a_wider_margin_never_has_a_worse_verdict(tasks: list[list[float]], strict: bool, factor: float) -> None:
    narrow = judged(*sides(tasks), margin=0.01, strict=strict)
    wide = judged(*sides(tasks), margin=0.01 * factor, strict=strict)
    for name, line in narrow.items():
        assert BETTER.index(wide[name].verdict) >= BETTER.index(line.verdict), name


@quick
@given(tasks=TASKS, margin=MARGINS, alpha=st.floats(0.001, 0.49))
def test_no_difference_below_the_margin_passes_with_error_alpha_and_strict_only_adds_regressions(
    tasks: list[list[float]], margin: float, alpha: float
) -> None:
    known = {"margin": margin, "alpha": alpha, "power": 0.8}
    loose, strict = (judged(*sides(tasks), strict=strict, **known) for strict in (False, True))
    for name, line in loose.items():
        assert strict[name].verdict in (line.verdict, Verdict.REGRESSION)
        assert (line.verdict is Verdict.REGRESSION) <= (strict[name].verdict is Verdict.REGRESSION)


# -- what cannot be tested ---------------------------------------------------------------------------------------


NO_PSEUDO_VALUES = ranked(np.array([1.0, 1.0, 2.0]), np.array([0.1, 0.2, 0.3]))
"""Without its last pair all gold scores are equal and Spearman's rho is undefined."""


@pytest.mark.parametrize(
    "cells", [[cell([0.4])], [cell([0.4, 0.6])], [NO_PSEUDO_VALUES], [bare(0.5)], [bare(0.5, [0.4, 0.6])]]
)
@pytest.mark.parametrize("strict", [False, True])
def test_what_is_bit_identical_passes_whatever_it_rests_on(cells: list[Any], strict: bool) -> None:
    side = [result("a", name, cells) for name in "AC"]
    lines = judged(side, side, margin=1e-9, alpha=1e-6, strict=strict)
    assert {(line.verdict, line.reason, line.difference) for line in lines.values()} == {
        (Verdict.PASS, "Bit-identical.", 0.0)
    }
    assert set(lines) == {"A", "C", MEAN}


def test_equal_units_pass_though_the_files_differ() -> None:
    """Another metric beside the main one has changed."""
    old, new = (cell([0.4, 0.6]), cell([0.4, 0.6]).model_copy(update={"repeats": {"m": (0.5,)}}))
    line = judged([result("a", "A", [old])], [result("a", "A", [new])])["A"]
    assert (line.verdict, line.reason) == (Verdict.PASS, "No query differs.")


@pytest.mark.parametrize(("n", "proven"), [(2, False), (4, False), (5, True), (300, True)])
@pytest.mark.parametrize(("by", "verdict"), [(-0.02, Verdict.REGRESSION), (0.02, Verdict.PASS), (-0.005, Verdict.PASS)])
def test_where_all_units_differ_by_the_same_only_their_signs_prove_something(
    n: int, proven: bool, by: float, verdict: Verdict
) -> None:
    """2^-4 = .0625 and 2^-5 = .03125."""
    line = judged(*sides([[by] * n]))["A"]
    assert line.se is None
    assert line.verdict is (verdict if proven else Verdict.INCONCLUSIVE)
    assert (line.lower is None) == (not proven)


def test_a_constant_difference_of_exactly_the_margin_is_neither() -> None:
    """Also where the scores round it to either side, as .29 - .3, which is -.010000000000000009."""
    for score in np.linspace(0.1, 1.0, 40):
        old, new = ([result("a", "A", [cell([value] * 50)])] for value in (score, score - 0.01))
        assert judged(old, new, margin=0.01)["A"].verdict is Verdict.INCONCLUSIVE, score


def test_one_unit_that_differs_proves_nothing_and_one_that_does_not_passes() -> None:
    lines = judged(*sides([[-0.9]]))
    assert lines["A"].verdict is Verdict.INCONCLUSIVE
    assert "one unit" in lines["A"].reason
    assert (lines["A"].lower, lines["A"].p) == (None, None)
    assert MEAN not in lines


def test_a_task_of_one_unit_does_not_make_the_mean_certain() -> None:
    """Its error is unknown, so that of the mean is that of drawing other tasks: with two of them, of little use."""
    rng = np.random.default_rng(0)
    for loss in (-0.2, 0.2):
        mean = judged(*sides([[loss], list(rng.normal(loss, 0.05, 300))]))[MEAN]
        assert (mean.basis, mean.n, mean.unit) == ("tasks", 2, "task")
        assert mean.df == 1
    mean = judged(*sides([[0.01], [-0.01] * 300]))[MEAN]
    assert mean.verdict is Verdict.INCONCLUSIVE


def test_identical_tasks_count_in_the_mean_and_add_no_error() -> None:
    """The mean of 0 and d is d / 2, with half the error; with or without units behind what is identical."""
    rng = np.random.default_rng(1)
    d = list(rng.normal(-0.1, 0.1, 200))
    for same in ([cell([0.1, 0.5])], [cell([0.4])], [bare(0.5)]):
        old, new = sides([d])
        pair = [[*side, result("a", "C", same)] for side in (old, new)]
        lines = judged(*pair)
        assert lines["C"].reason == "Bit-identical."
        assert lines[MEAN].difference == pytest.approx(lines["A"].difference / 2)
        assert lines[MEAN].se == pytest.approx(lines["A"].se / 2)
        assert lines[MEAN].df == pytest.approx(199)
        assert lines[MEAN].verdict is Verdict.REGRESSION
        assert lines[MEAN].basis == "units"


def test_a_loss_and_an_equal_gain_are_a_mean_that_is_the_same() -> None:
    lines = judged(*sides([[-0.1] * 10, [0.1] * 10]))
    assert lines["A"].verdict is Verdict.REGRESSION
    assert (lines[MEAN].verdict, lines[MEAN].reason) == (Verdict.PASS, "The mean is the same.")


def test_rounding_errors_are_no_spread_of_the_mean() -> None:
    """Two tasks of two units that all lose .1: four equal signs prove nothing at .05, and there is no t."""
    lines = judged(*sides([[-0.1] * 2, [-0.1] * 2]))
    assert {(line.se, line.verdict) for line in lines.values()} == {(None, Verdict.INCONCLUSIVE)}


def test_undefined_pseudo_values_prove_nothing_and_say_why() -> None:
    other = ranked(np.array([1.0, 1.0, 2.0]), np.array([0.3, 0.2, 0.1]))
    line = judged([result("a", "C", [NO_PSEUDO_VALUES])], [result("a", "C", [other])])["C"]
    assert line.verdict is Verdict.INCONCLUSIVE
    assert "undefined without some of the units" in line.reason


# -- imported results --------------------------------------------------------------------------------------------


def imported(scores: dict[str, float]) -> list[Located]:
    return [result("a", name, [bare(score)]) for name, score in scores.items()]


def test_results_without_units_fall_back_to_tasks_and_say_so(tmp_path: Path) -> None:
    """d = -.10 -.12 -.11 -.13 over four tasks: t = (-.115 + .01) / .00645497 with 3 degrees of freedom."""
    old = imported(dict.fromkeys(NAMES, 0.5))
    new = imported({"A": 0.40, "B": 0.38, "C": 0.39, "D": 0.37})
    report = check_of(tmp_path, old, new)
    [encoder] = report.encoders
    assert {line.verdict for line in encoder.tasks} == {Verdict.INCONCLUSIVE}
    assert all("imported results have no units" in line.reason for line in encoder.tasks)
    assert encoder.mean is not None
    assert (encoder.mean.verdict, encoder.mean.basis, encoder.mean.n) == (Verdict.REGRESSION, "tasks", 4)
    assert encoder.mean.p == pytest.approx(ttest_1samp([-0.10, -0.12, -0.11, -0.13], -0.01, alternative="less").pvalue)
    assert (report.verdict, report.exit_code, report.family) == (Verdict.REGRESSION, 1, 1)
    assert any("A and 3 more: the results have no units" in note for note in report.notes)


def test_experiments_stand_for_units_that_were_not_published(tmp_path: Path) -> None:
    old, new = ([result("a", "A", [bare(float(np.mean(r)), r)])] for r in ([0.5, 0.6, 0.7], [0.52, 0.61, 0.75]))
    report = check_of(tmp_path, old, new, margin=0.1)
    [line] = report.lines()
    assert (line.basis, line.unit, line.n, line.verdict) == ("experiments", "experiment", 3, Verdict.PASS)
    assert any("Experiments stand for units" in note for note in report.notes)


# -- margins -----------------------------------------------------------------------------------------------------


def test_margins_by_task_glob_type_and_for_the_mean() -> None:
    """A and B are Retrieval, C and D are STS."""
    margins = {"a": 0.1, "[CB]*": 0.2, "sts": 0.3, "MEAN": 0.4}
    lines = judged(*sides([[0.0, 0.01]] * 4), margin=0.5, margins=margins)
    assert {name: line.margin for name, line in lines.items()} == {"A": 0.1, "B": 0.2, "C": 0.2, "D": 0.3, MEAN: 0.4}
    assert judged(*sides([[0.0, 0.01]] * 2), margin=0.5, margins={"*": 0.1})[MEAN].margin == 0.5


def test_a_margin_decides_its_own_line_alone() -> None:
    d = list(np.random.default_rng(2).normal(-0.05, 0.05, 200))
    lines = judged(*sides([d, d]), margins={"A": 0.2})
    assert [lines[name].verdict for name in "AB"] == [Verdict.PASS, Verdict.REGRESSION]


def test_a_margin_for_nothing_is_a_warning(tmp_path: Path) -> None:
    report = check_of(tmp_path, *sides([[0.0, 0.1]]), margins={"Quick*": 0.1, "retrieval": 0.2})
    assert report.warnings == ("The margin of Quick* is for no task of this check.",)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"margin": margin} for margin in (0.0, -0.1, math.inf, math.nan)),
        {"margins": {"A": 0.0}},
        *({"alpha": alpha} for alpha in (0.0, 0.5, 0.7, -0.1, math.nan)),
        *({"power": power} for power in (0.05, 1.0, math.nan)),
        *({"looks": looks} for looks in (0, 101)),
        {"looks": 2, "look": 3},
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(EvalkitError) as caught:
        Settings(**wrong)
    assert caught.value.exit_code == 2
    assert caught.value.hint


# -- the whole ---------------------------------------------------------------------------------------------------


def test_a_task_called_mean_is_no_mean(tmp_path: Path) -> None:
    old, new = ([result("a", name, [cell(values)])] for name, values in ((MEAN, [0.5] * 9), (MEAN, [0.3] * 9)))
    report = check_of(tmp_path, [*old, *sides([[0.0] * 9])[0]], [*new, *sides([[0.0] * 9])[1]])
    [encoder] = report.encoders
    assert sorted(line.name for line in encoder.tasks) == ["A", MEAN]
    assert encoder.mean is not None
    assert encoder.mean.difference == pytest.approx(-0.1)
    assert report.verdict is Verdict.REGRESSION


def test_the_mean_of_the_comparable_tasks_says_which_it_is(tmp_path: Path) -> None:
    old, new = sides([[0.0] * 9, [0.001] * 9, [0.0] * 9])
    report = check_of(tmp_path, old, new[:2])
    [encoder] = report.encoders
    assert encoder.mean is not None
    assert encoder.mean.reason.startswith("Over 2 of 3 tasks.")
    assert (report.verdict, report.exit_code) == (Verdict.INCOMPARABLE, 4)


def test_a_regression_outranks_what_is_incomparable_and_open(tmp_path: Path) -> None:
    old, new = sides([[-0.5] * 9, [0.0] * 9, [-0.5, 0.5, -0.02]])
    assert check_of(tmp_path, old, [new[0], new[2]]).exit_code == 1
    assert check_of(tmp_path / "open", old[1:], new[1:]).exit_code == 3
    assert check_of(tmp_path / "warn", old[1:], new[1:], inconclusive=Inconclusive.WARN).exit_code == 0
