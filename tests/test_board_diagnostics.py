"""Diagnostics on the leaderboard: means over the same tasks, every format, and whether they go with the scores."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from board_results import board, without_units
from helpers import call_cli, is_a_sentence
from hypothesis import given
from hypothesis import strategies as st

from evalkit.store import ResultStore
from evalkit_leaderboard import diagnostics_page, rank_correlation
from evalkit_leaderboard.diagnostics_columns import FEWEST, Diagnostics, diagnostics
from evalkit_leaderboard.frame import Located, align
from evalkit_leaderboard.rank_correlation import smallest_p
from evalkit_leaderboard.render import comma_separated, latex, markdown
from evalkit_leaderboard.report import as_json
from evalkit_leaderboard.sheet import Sheet, sheet

Values = Mapping[str, float | None]

SCORES = [0.31, 0.42, 0.55, 0.61, 0.70, 0.78]


def given_diagnostics(located: list[Located], table: Mapping[tuple[str, str], Values]) -> list[Located]:
    """Results with the diagnostics of some (encoder, task)."""
    return [
        (path, result.model_copy(update={"diagnostics": table.get((result.encoder.name, result.task.name))}))
        for path, result in located
    ]


def family(n: int = 6, **diagnostic: float) -> list[Located]:
    """Encoders e0, e1, ... on two tasks: RankMe rises with the score, anisotropy does not, hubness is the same."""
    scores = {f"e{i}": {"A": SCORES[i % 6] + i // 6, "C": SCORES[i % 6] / 2} for i in range(n)}
    table = {
        (f"e{i}", task): {
            "rankme": 10.0 * (i + 1) + at,
            "anisotropy": (0.3, 0.1, 0.5, 0.2, 0.4, 0.6)[i % 6],
            "hubness": 2.0,
            "n": 100.0 + i,
            **diagnostic,
        }
        for i in range(n)
        for at, task in enumerate("AC")
    }
    return given_diagnostics(without_units(scores), table)


def found_in(located: list[Located], alpha: float = 0.05) -> Diagnostics:
    return diagnostics(align(located), alpha=alpha)


def shown(located: list[Located], *, full: bool = False) -> Sheet:
    return sheet(board(located, diagnostics=True), full=full)


def words(found: Diagnostics) -> list[str]:
    return [*diagnostics_page.notes(found), *diagnostics_page.association_notes(found, 0.05)]


# -- means -------------------------------------------------------------------------------------------------------


def test_means_are_over_the_tasks_on_which_all_that_have_any_have_it() -> None:
    located = without_units({name: {"A": 0.5, "B": 0.4, "C": 0.3} for name in "xyz"})
    table: dict[tuple[str, str], Values] = {
        ("x", "A"): {"rankme": 1.0, "two_nn": 7.0},
        ("x", "B"): {"rankme": 3.0, "two_nn": None},
        ("x", "C"): {"rankme": 100.0},
        ("y", "A"): {"rankme": 5.0, "two_nn": 8.0},
        ("y", "B"): {"rankme": 7.0, "two_nn": 9.0},
    }
    frame = align(given_diagnostics(located, table))
    rankme, two_nn = diagnostics(frame, alpha=0.05).means
    at = [frame.encoders.index(name) for name in "xyz"]
    assert rankme.values[at] == pytest.approx([2, 6, math.nan], nan_ok=True)
    assert ([frame.tasks[column] for column in rankme.columns], rankme.of) == (["A", "B"], 3)
    assert two_nn.values[at] == pytest.approx([7, 8, math.nan], nan_ok=True)
    assert (
        "2 of 3 tasks with diagnostics (rankme); 1 of 2 tasks with diagnostics (two_nn)"
        in words(diagnostics(frame, alpha=0.05))[0]
    )


def test_encoders_that_share_no_task_have_no_means() -> None:
    located = without_units({"x": {"A": 0.5, "B": 0.4}, "y": {"A": 0.5, "B": 0.4}})
    found = found_in(given_diagnostics(located, {("x", "A"): {"rankme": 1.0}, ("y", "B"): {"rankme": 2.0}}))
    assert np.isnan(found.means[0].values).all()
    assert "means over 0 of 2 tasks" in words(found)[0]


def test_a_diagnostic_that_is_undefined_everywhere_is_missing_and_breaks_nothing() -> None:
    located = family(two_nn=math.nan)
    located = given_diagnostics(located, {(r.encoder.name, r.task.name): {"two_nn": None} for _, r in located})
    found = found_in(located)
    assert np.isnan(found.means[0].values).all()
    assert found.associations == ()
    json.dumps(as_json(board(located, diagnostics=True)), allow_nan=False)


# -- do they go with the scores? ---------------------------------------------------------------------------------


def test_a_planted_association_is_found_and_corrected() -> None:
    found = found_in(family())
    by_name = {each.name: each for each in found.associations}
    assert list(by_name) == ["rankme", "anisotropy", "hubness"]  # n is no property of an encoder
    rankme, anisotropy = by_name["rankme"], by_name["anisotropy"]
    assert (rankme.found.rho, rankme.found.p) == (1.0, 2 / math.factorial(6))
    assert rankme.p_adjusted == pytest.approx(2 * rankme.found.p)  # of two that are tested: hubness is constant
    assert math.isnan(rankme.found.low)  # a correlation of 1 has no error
    assert math.isnan(by_name["hubness"].found.p)
    # Ranks 3 1 5 2 4 6 against 1 to 6: 1 - 6 (4 + 1 + 4 + 4 + 1 + 0) / (6 * 35).
    assert anisotropy.found.rho == pytest.approx(0.6)
    assert anisotropy.p_adjusted == anisotropy.found.p
    said = words(found)
    assert "Proven to go with the scores: rankme at 0.05" in said[1]
    assert "over 2 diagnostics" in said[1]
    assert "6 encoders: weak evidence." in said[-1]


def test_scores_are_those_of_the_tasks_that_the_diagnostic_rests_on() -> None:
    """On A the order of scores is that of RankMe; C, where nobody has diagnostics, would turn it round."""
    located = without_units({f"e{i}": {"A": SCORES[i], "C": -5 * SCORES[i]} for i in range(6)})
    table = {(f"e{i}", "A"): {"rankme": float(i)} for i in range(6)}
    [association] = found_in(given_diagnostics(located, table)).associations
    assert association.found.rho == 1


def test_six_encoders_are_the_fewest_that_could_prove_anything_beside_sixteen_others() -> None:
    assert FEWEST == 6
    assert 17 * smallest_p(6) <= 0.05 < 17 * smallest_p(5)
    few = found_in(family(5))
    assert few.associations == ()
    [sentence] = [note for note in diagnostics_page.notes(few) if "takes 6 encoders" in note]
    assert sentence.endswith("here 5 encoders have any.")
    assert is_a_sentence(sentence)
    assert shown(family(5)).below is None
    assert shown(family(6)).below is not None


def test_encoders_with_an_undefined_score_do_not_count() -> None:
    located = family(7)
    broken = [
        (path, r.model_copy(update={"main_score": r.main_score.model_copy(update={"value": None})}))
        if (r.encoder.name, r.task.name) == ("e6", "A")
        else (path, r)
        for path, r in located
    ]
    assert {each.found.n for each in found_in(located).associations} == {7}
    assert {each.found.n for each in found_in(broken).associations} == {6}


def test_diagnostics_that_few_have_are_named_as_untested() -> None:
    located = family()
    first = {
        (r.encoder.name, r.task.name): {**(r.diagnostics or {}), "alignment": 0.5}
        for _, r in located
        if r.encoder.name == "e0"
    }
    rest = {(r.encoder.name, r.task.name): r.diagnostics or {} for _, r in located if r.encoder.name != "e0"}
    found = found_in(given_diagnostics(located, {**rest, **first}))
    assert found.untested == ("alignment",)
    assert any("fewer than 6 encoders have them on the same tasks: alignment." in note for note in words(found))


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=4, max_size=6))
def test_rho_and_p_agree_with_scipy_and_with_all_orders_gone_through(pairs: list[tuple[int, int]]) -> None:
    x, y = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    found = rank_correlation.rank_correlation(x, y, alpha=0.05, purpose="test")
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert math.isnan(found.rho)
        return
    assert found.rho == pytest.approx(scipy.stats.spearmanr(x, y).statistic, abs=1e-12)
    ranks = scipy.stats.rankdata(x), scipy.stats.rankdata(y)
    all_ = [abs(np.corrcoef(order, ranks[1])[0, 1]) for order in permutations(ranks[0])]
    assert found.p == pytest.approx(np.mean(np.array(all_) >= abs(found.rho) - 1e-9))


def test_many_encoders_are_tested_by_seeded_draws() -> None:
    x = np.arange(20.0)
    y = np.array([3, 1, 4, 2, 7, 5, 9, 6, 8, 12, 10, 11, 14, 13, 18, 15, 17, 16, 20, 19.0])
    found = rank_correlation.rank_correlation(x, y, alpha=0.05, purpose="test")
    assert found.p == smallest_p(20) == 1 / 10_001
    assert found == rank_correlation.rank_correlation(x, y, alpha=0.05, purpose="test")
    assert found.low < found.rho < found.high < 1
    noise = np.random.default_rng(0).permutation(x)
    chance = rank_correlation.rank_correlation(x, noise, alpha=0.05, purpose="test")
    assert chance.p == pytest.approx(scipy.stats.spearmanr(x, noise).pvalue, abs=0.03)


def test_interval_is_that_of_bonett_and_wright() -> None:
    # n = 28, rho = .5: tanh(.549306 -+ 1.959964 sqrt(1.125 / 25)) = tanh(.549306 -+ .415771), worked out by hand.
    low, high = rank_correlation._interval(0.5, 28, 0.05)
    assert (low, high) == pytest.approx((0.13275, 0.74653), abs=2e-5)


@pytest.mark.parametrize(("n", "rho"), [(6, 0.0), (10, 0.5), (20, 0.8)])
def test_intervals_cover_the_true_correlation(n: int, rho: float) -> None:
    true = 6 / math.pi * math.asin(rho / 2)  # Spearman's rho of a bivariate normal
    rng = np.random.default_rng(3)
    covered = []
    for _ in range(400):
        x = rng.normal(size=n)
        y = rho * x + math.sqrt(1 - rho**2) * rng.normal(size=n)
        low, high = rank_correlation._interval(float(scipy.stats.spearmanr(x, y).statistic), n, 0.05)
        covered += [low <= true <= high] if low == low else []
    assert np.mean(covered) > 0.92  # 95 % less 2.8 standard errors of 400 draws


# -- every format ------------------------------------------------------------------------------------------------


def test_columns_stand_behind_the_scores_for_people() -> None:
    page = shown(family())
    assert page.headers[-3:] == ("RankMe", "anisotropy", "hubness")
    first = dict(zip(page.headers, page.rows[0], strict=True))
    assert (first["encoder"], first["RankMe"], first["anisotropy"], first["hubness"]) == ("e5", "60.5", "0.600", "2.00")
    assert page.below is not None
    assert page.below.rows[0] == ("rankme", "6", "+1.00", "—", "0.0028", "0.0056")
    assert page.below.headers[3] == "95 % interval"


def test_csv_has_all_of_them_at_full_precision_and_stays_one_table() -> None:
    rows = list(csv.DictReader(io.StringIO(comma_separated(shown(family(mean_angle=90.125), full=True)))))
    assert len(rows) == 6
    assert rows[0]["diagnostic rankme"] == "60.5"
    assert rows[0]["diagnostic mean_angle"] == "90.125"
    assert rows[0]["diagnostic n"] == "105.0"


def test_markdown_and_latex_have_the_table_below() -> None:
    page = shown(family())
    text = markdown(page)
    assert "| RankMe |" in text
    assert "\n\n| diagnostic | encoders | rho |" in text
    assert text.index("weak evidence") > text.index("| rankme |")
    tex = latex(page)
    assert tex.count(r"\begin{tabular}") == tex.count(r"\end{tabular}") == 2
    assert "% Do the diagnostics go with the scores?" in tex


def test_json_has_everything_and_null_where_it_was_not_asked_for() -> None:
    located = family(mean_angle=90.0)
    record = as_json(board(located, diagnostics=True))["diagnostics"]
    assert record["means"]["rankme"] == {
        "tasks": ["A", "C"],
        "of_tasks": 2,
        "encoders": {f"e{i}": 10.5 + 10 * i for i in reversed(range(6))},
    }
    assert [each["name"] for each in record["correlations"]] == ["rankme", "anisotropy", "hubness", "mean_angle"]
    assert record["correlations"][0] == {
        "name": "rankme",
        "encoders": 6,
        "rho": 1.0,
        "low": None,
        "high": None,
        "p": 2 / 720,
        "p_adjusted": pytest.approx(4 / 720),
    }
    json.dumps(record, allow_nan=False)
    assert as_json(board(located))["diagnostics"] is None
    assert "RankMe" not in sheet(board(located)).headers


def test_results_without_diagnostics_say_how_to_have_them() -> None:
    page = shown(without_units({"x": {"A": 0.5}, "y": {"A": 0.4}}))
    assert page.notes[-1] == "No result has diagnostics: `evalkit run --diagnose` adds them."
    assert page.headers == sheet(board(without_units({"x": {"A": 0.5}, "y": {"A": 0.4}}))).headers
    assert page.below is None


def test_an_empty_mapping_is_none_at_all() -> None:
    located = without_units({"bm25": {"A": 0.5}, "y": {"A": 0.4}})
    found = found_in(given_diagnostics(located, {("bm25", "A"): {}, ("y", "A"): {"rankme": 3.0}}))
    assert found.encoders == 1
    assert any(note.endswith("here 1 encoder has any.") for note in diagnostics_page.notes(found))


@pytest.mark.slow
def test_command_prints_both_tables(tmp_path: Path) -> None:
    for _, result in family():
        ResultStore(tmp_path).write(
            result.model_copy(update={"encoder": result.encoder.model_copy(update={"fingerprint": "ab" * 32})})
        )
    done = call_cli("leaderboard", tmp_path, "--diagnostics")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "RankMe" in lines[0]
    [row] = [line for line in lines if line.startswith("rankme")]
    assert row.split() == ["rankme", "6", "+1.00", "—", "0.0028", "0.0056"]
    assert "weak evidence" in lines[-1]
