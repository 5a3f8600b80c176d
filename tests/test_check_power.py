"""`evalkit power`: golden numbers, where the spread comes from, verdicts, bad input."""

import json
import math

import numpy as np
import pytest
from board_results import bare, cell, drawn, result, with_units, without_units
from helpers import call_cli, is_a_sentence, run_cli
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import nct
from scipy.stats import t as student

from evalkit.errors import EvalkitError
from evalkit.store import ResultStore
from evalkit_leaderboard.check.power import (
    Ability,
    Assumption,
    Kind,
    Outlooks,
    chance_of,
    check_assumption,
    foresee,
)
from evalkit_leaderboard.check.power_page import as_json, notes, table
from evalkit_leaderboard.check.settings import Settings, Spending
from evalkit_leaderboard.significance import analytic_board


def values(seed: int, n: int, mean: float = 0.5) -> np.ndarray:
    """n values of exactly this mean and a standard deviation of exactly .2."""
    drawn_ = np.random.default_rng(seed).normal(size=n)
    return mean + 0.2 * (drawn_ - drawn_.mean()) / drawn_.std(ddof=1)


def one_task(n: int, **given_: float) -> Outlooks:
    """One encoder on one task of n units, with a spread that is given."""
    settings = Settings(**{name: of for name, of in given_.items() if name != "sd"})
    return foresee(with_units({"a": {"A": values(0, n)}}), settings, assumption=Assumption(sd=given_.get("sd", 0.15)))


# -- golden numbers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("margin", "units"), [(0.005, 5565), (0.01, 1392), (0.02, 348)])
def test_units_needed_are_those_of_the_formula(margin: float, units: int) -> None:
    """n = (z_.95 + z_.8)^2 .15^2 / margin^2, rounded up; Student's t adds less than 1/2 z_.95^2 + 1 = 2.4 units."""
    line = one_task(300, margin=margin).forecasts[0]
    assert line.passing is not None
    assert line.finding is not None
    assert units <= line.passing.needed <= units + 2
    assert line.finding.needed == line.passing.needed  # one line: no correction


@pytest.mark.parametrize(("n", "margin"), [(300, 0.0215), (1000, 0.0118), (5000, 0.0053)])
def test_the_minimum_detectable_difference_is_that_of_the_formula(n: int, margin: float) -> None:
    """(z_.95 + z_.8) .15 / sqrt(n), to four digits; Student's t adds .3 % to it at n = 300."""
    line = one_task(n).forecasts[0]
    assert line.passing is not None
    assert line.passing.detectable == pytest.approx(margin, abs=1e-4)
    assert line.finding is not None
    assert line.finding.detectable == pytest.approx(0.01 + margin, abs=1e-4)


@pytest.mark.parametrize(("level", "off"), [(0.05, 0.008), (0.01, 0.015)])
def test_the_chance_is_nearly_that_of_the_noncentral_t(level: float, off: float) -> None:
    distances = np.linspace(0.1, 6, 60)
    for n in (30, 100, 1000):
        exact = nct.sf(student.ppf(1 - level, n - 1), n - 1, distances)
        ours = [chance_of(float(distance), 1.0, n - 1.0, level) for distance in distances]
        assert np.abs(exact - ours).max() < off


@given(
    n=st.integers(2, 5000),
    sd=st.floats(0.001, 2),
    margin=st.floats(0.0005, 0.2),
    alpha=st.floats(0.001, 0.3),
    power=st.floats(0.5, 0.99),
)
def test_chance_units_and_detectable_margin_agree(n: int, sd: float, margin: float, alpha: float, power: float) -> None:
    """What one number says of enough units, the two others say as well."""
    outlooks = foresee(
        with_units({"a": {"A": np.linspace(0, 1, n)}}),
        Settings(margin=margin, alpha=alpha, power=power),
        assumption=Assumption(sd=sd),
    )
    plan = outlooks.forecasts[0].passing
    assert plan is not None
    enough = plan.detectable <= margin
    assert (plan.needed <= n) == enough
    assert (plan.chance >= power - 1e-9) == enough or math.isclose(plan.detectable, margin, rel_tol=1e-9)


def test_the_units_that_are_needed_are_just_enough() -> None:
    needed = one_task(300, margin=0.02).forecasts[0].passing.needed
    assert one_task(needed, margin=0.02).forecasts[0].passing.chance >= 0.8
    assert one_task(needed - 1, margin=0.02).forecasts[0].passing.chance < 0.8


# -- the level -----------------------------------------------------------------------------------------------------


def test_a_pass_is_tested_at_alpha_and_a_regression_at_alpha_over_the_family() -> None:
    tasks = ("A", "B", "C")
    outlooks = foresee(drawn(1, tasks, {"a": 0.0, "b": 0.1}), Settings(alpha=0.04))
    assert outlooks.family == 4  # three tasks and their mean, of one encoder
    assert [line.kind for line in outlooks.forecasts] == [*[Kind.TASK] * 3, Kind.MEAN]
    for line in outlooks.forecasts:
        assert line.passing.level == 0.04
        assert line.finding.level == pytest.approx(0.01)
        assert line.finding.needed > line.passing.needed


def test_strict_looks_for_any_loss_and_the_looks_share_alpha() -> None:
    lax, strict = (one_task(300, margin=0.01, strict=on).forecasts[0] for on in (False, True))
    assert strict.finding.chance > lax.finding.chance
    assert strict.finding.detectable == pytest.approx(lax.finding.detectable - 0.01)
    assert strict.passing == lax.passing
    looked = one_task(300, looks=5, spending=Spending.POCOCK)
    # Pocock 1977, five looks, one-sided .05: critical value 2.122, so .0169 at each (Jennison and Turnbull, table 2.1
    # has it two-sided at .1).
    assert looked.alpha == pytest.approx(0.0169, abs=2e-4)
    assert looked.forecasts[0].passing.level == looked.alpha
    # O'Brien and Fleming's bound has nearly all of alpha left for the last look, and next to nothing for the first.
    assert 0.03 < one_task(300, looks=5, spending=Spending.OBRIEN_FLEMING).alpha < 0.05


# -- where the spread comes from -----------------------------------------------------------------------------------


def test_pairs_of_encoders_show_the_spread() -> None:
    base = values(0, 400)
    noise = values(1, 400, 0.0)
    table_ = {"a": {"A": base}, "b": {"A": base + noise}, "c": {"A": base + 4 * noise}}
    spread = foresee(with_units(table_), Settings()).forecasts[0].spread
    assert (spread.source, spread.pairs) == ("pairs", 3)
    assert [spread.low, spread.sd, spread.high] == pytest.approx([0.2, 0.6, 0.8])  # b - a, c - b, c - a


def test_one_encoder_leaves_an_assumption_that_is_said_aloud() -> None:
    outlooks = foresee(with_units({"a": {"A": values(0, 400)}}), Settings())
    spread = outlooks.forecasts[0].spread
    wanted = [0.2 * math.sqrt(2 * (1 - r)) for r in (0.95, 0.8, 0.5)]
    assert [spread.low, spread.sd, spread.high] == pytest.approx(wanted)
    assert spread.source == "assumed"
    said = " ".join(notes(outlooks))
    assert "assumed" in said
    assert "r = 0.8" in said
    assert "from r = 0.95 to 0.5 the units needed are 0.25 to 2.5 times as many" in said


def test_a_correlation_that_is_given_wins_over_pairs() -> None:
    located = with_units({"a": {"A": values(0, 400)}, "b": {"A": values(1, 400)}})
    outlooks = foresee(located, Settings(), assumption=Assumption(correlation=0.98))
    spread = outlooks.forecasts[0].spread
    assert spread.sd == spread.low == pytest.approx(0.2 * math.sqrt(0.04))
    assert "as given" in " ".join(notes(outlooks))


def test_encoders_that_agree_everywhere_show_nothing() -> None:
    twins = {"a": {"A": values(0, 400)}, "b": {"A": values(0, 400)}}
    assert foresee(with_units(twins), Settings()).forecasts[0].spread.source == "assumed"
    others = {**twins, "c": {"A": values(2, 400)}}
    assert foresee(with_units(others), Settings()).forecasts[0].spread.pairs == 2  # a - c and b - c


def test_the_error_of_the_mean_is_that_of_the_board() -> None:
    located = drawn(3, ("A", "B"), {"a": 0.0, "b": 0.1}, n=80) + drawn(4, ("C",), {"a": 0.0, "b": 0.1}, n=300)
    mean = foresee(located, Settings()).forecasts[-1]
    rows = {
        task: np.stack([units_of(found) for _, found in located if found.task.name == task]) for task in ("A", "B", "C")
    }
    board = analytic_board(rows, draws=0).overall
    assert mean.se == pytest.approx(board.se[1, 0], rel=1e-9)
    assert mean.df == pytest.approx(board.df[1, 0], rel=1e-9)
    assert mean.n == 80 + 80 + 300


def units_of(found) -> np.ndarray:
    from evalkit_leaderboard.frame import align
    from evalkit_leaderboard.units import task_units

    return task_units(align([(None, found)]), 0).values[0]


def test_the_mean_over_results_without_units_is_over_tasks() -> None:
    table_ = {
        "a": {"A": 0.5, "B": 0.6, "C": 0.7, "D": 0.8},
        "b": {"A": 0.51, "B": 0.63, "C": 0.69, "D": 0.84},
    }
    outlooks = foresee(without_units(table_), Settings())
    *tasks, mean = outlooks.forecasts
    assert all(task.ability is Ability.NEVER and task.passing is None for task in tasks)
    assert (mean.n, mean.unit, mean.basis) == (4, "task", "tasks")
    assert mean.spread.sd == pytest.approx(np.std([0.01, 0.03, -0.01, 0.04], ddof=1))
    assert outlooks.family == 1
    assert outlooks.passes is None
    assert "A, B, C, D: Imported results have no units." in notes(outlooks)
    assert "bit-identical" in " ".join(notes(outlooks))
    given_ = foresee(without_units(table_), Settings(), assumption=Assumption(sd=0.1)).forecasts[-1]
    assert given_.passing is None
    assert "--sd" in given_.reason


# -- verdicts ------------------------------------------------------------------------------------------------------


def test_a_task_can_or_needs_more() -> None:
    assert one_task(2000, margin=0.02).forecasts[0].ability is Ability.CAN
    outlooks = one_task(300, margin=0.02)
    assert outlooks.forecasts[0].ability is Ability.NEEDS
    assert table(outlooks).rows[0][1] == "needs 350 (has 300)"


@pytest.mark.parametrize(
    ("cells", "margin", "said"),
    [
        ([bare(0.5)], 0.01, "Imported results have no units."),
        ([cell([0.5])], 0.01, "One query has no spread."),
        ([cell([0.3, 0.3, 0.3, 0.3])], 0.01, "nothing shows a spread"),
        ([cell([0.0] * 199 + [1.0])], 0.01, "even losing all of it stays within the margin"),
        ([cell([0.0, 0.1, 0.0, 0.1])], 0.01, "4 queries would not notice the loss of all of it"),
    ],
)
def test_a_task_that_never_can_says_why(cells: list, margin: float, said: str) -> None:
    outlooks = foresee([result("a", "A", cells)], Settings(margin=margin))
    line = outlooks.forecasts[0]
    assert line.ability is Ability.NEVER
    assert said in line.reason
    assert is_a_sentence(line.reason)
    assert any(note == f"A: {line.reason}" for note in notes(outlooks))
    json.dumps(as_json(outlooks), allow_nan=False)


def test_a_task_is_given_up_only_where_the_best_encoder_has_nothing_to_lose() -> None:
    weak, strong = values(0, 2000, 0.001), values(1, 2000, 0.5)
    line = foresee(with_units({"a": {"A": weak}, "b": {"A": strong}}), Settings(margin=0.03)).forecasts[0]
    assert line.score == pytest.approx(0.5)
    assert line.ability is not Ability.NEVER


def test_margins_differ_by_task() -> None:
    settings = Settings(margin=0.01, margins={"A": 0.02, "STS": 0.03, "mean": 0.04})
    outlooks = foresee(drawn(1, ("A", "B", "C"), {"a": 0.0}), settings)
    assert [line.margin for line in outlooks.forecasts] == [0.02, 0.01, 0.03, 0.04]


def test_suites_are_there_where_all_their_tasks_are() -> None:
    suites = {"both": ("A", "B"), "lacking": ("A", "Z"), "alone": ("C",)}
    outlooks = foresee(drawn(1, ("A", "B", "C"), {"a": 0.0}), Settings(), suites=suites)
    named = {line.name: line for line in outlooks.forecasts if line.kind is Kind.SUITE}
    assert set(named) == {"both", "alone"}
    assert named["both"].n == 400
    assert named["both"].finding.level == pytest.approx(0.05 / 3)  # two tasks and their mean
    assert named["alone"].finding.level == 0.05
    assert named["alone"].se == pytest.approx(outlooks.forecasts[2].se)


def test_the_chance_that_all_pass_is_their_product() -> None:
    outlooks = foresee(drawn(1, ("A", "B"), {"a": 0.0}), Settings())
    chances = [line.passing.chance for line in outlooks.forecasts]
    assert outlooks.passes == pytest.approx(math.prod(chances))


# -- bad input, the command ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments", [{"sd": 0.1, "correlation": 0.5}, {"sd": 0.0}, {"sd": math.nan}, {"correlation": 1.0}]
)
def test_an_assumption_out_of_range_is_refused(arguments: dict) -> None:
    with pytest.raises(EvalkitError) as error:
        check_assumption(arguments.get("sd"), arguments.get("correlation"))
    assert is_a_sentence(error.value.message)
    assert error.value.hint


@pytest.fixture
def folder(tmp_path):
    for _, made in drawn(1, ("A", "B"), {"a": 0.0, "b": 0.1}):
        ResultStore(tmp_path / "results").write(made)
    return tmp_path / "results"


def test_the_command_prints_a_table_and_json(folder) -> None:
    done = run_cli("power", folder, "--margin", ".02")
    assert done.returncode == 0, done.stderr
    assert "mean of all tasks" in done.stdout
    assert "To find: a candidate that loses 2 margins" in done.stdout
    done = call_cli("power", folder, "--margin", ".02", "--sd", ".15", "--tasks", "A", "--json")
    assert done.returncode == 0, done.stderr
    (line,) = json.loads(done.stdout)["lines"]
    assert (line["name"], line["n"], line["needed"], line["ability"]) == ("A", 200, 350, "needs")


def test_the_command_takes_the_settings_of_the_repository(folder, monkeypatch) -> None:
    monkeypatch.chdir(folder.parent)
    (folder.parent / "evalkit.toml").write_text("[check]\nmargin = 0.03\nalpha = 0.1\n[check.margins]\nA = 0.07\n")
    found = json.loads(call_cli("power", folder, "--json").stdout)
    assert found["alpha"] == 0.1
    assert [line["margin"] for line in found["lines"]] == [0.07, 0.03, 0.03]
    found = json.loads(call_cli("power", folder, "--json", "--margin", ".005").stdout)
    assert [line["margin"] for line in found["lines"]] == [0.005] * 3


@pytest.mark.parametrize(
    "options",
    [
        ("--margin", "0"),
        ("--alpha", ".5"),
        ("--tasks", "none*"),
        ("--sd", ".1", "--correlation", ".8"),
        ("--correlation", "1.5"),
    ],
)
def test_bad_input_is_one_sentence(folder, options: tuple[str, ...]) -> None:
    done = call_cli("power", folder, *options)
    assert done.returncode == 2
    assert is_a_sentence(done.stderr.splitlines()[0].removeprefix("error: "))


def test_a_saved_baseline_goes_by_its_name(folder, monkeypatch) -> None:
    monkeypatch.chdir(folder.parent)
    assert call_cli("baseline", "save", "results", "--name", "v1").returncode == 0
    named = call_cli("power", "v1", "--json")
    assert named.returncode == 0, named.stderr
    assert json.loads(named.stdout) == json.loads(call_cli("power", "results", "--json").stdout)
    refused = call_cli("power", "v2", "--json")
    assert refused.returncode == 2
    assert "Unknown baseline 'v2'" in refused.stderr


def test_no_results_is_one_sentence(tmp_path) -> None:
    done = call_cli("power", tmp_path)
    assert done.returncode == 2
    assert "holds no results" in done.stderr
