"""Borda counts: mteb's rule and the one over shared cells, against brute force and numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import rankdata

from evalkit_leaderboard.borda import borda_mteb, borda_shared, rank_descending

NAN = float("nan")
TABLES = st.tuples(st.integers(1, 7), st.integers(1, 6)).flatmap(
    # Few distinct values make ties; nan makes holes.
    lambda shape: arrays(float, shape, elements=st.sampled_from([0.1, 0.2, 0.3, 0.4, NAN]))
)


def brute_force(scores: np.ndarray) -> np.ndarray:
    """mteb's rule, task by task, by scipy's ranks."""
    rows = scores[~np.isnan(scores).all(axis=1)]
    points = np.zeros(len(rows))
    for column in rows.T:
        there = ~np.isnan(column)
        points[there] += len(rows) - rankdata(-column[there], method="average")
    return points


def test_mteb_s_rule_by_hand() -> None:
    # Task 1: a .9, b .5 and c .5 tied, d missing; task 2: only b and d.
    scores = np.array([[0.9, NAN], [0.5, 0.2], [0.5, NAN], [NAN, 0.7]])
    found = borda_mteb(scores)
    np.testing.assert_array_equal(found.points, [3, (4 - 2.5) + (4 - 2), 1.5, 3])
    np.testing.assert_array_equal(found.ranks, [2, 1, 4, 2])


def test_a_row_without_scores_takes_no_part() -> None:
    found = borda_mteb(np.array([[0.9, 0.1], [NAN, NAN], [0.5, 0.2]]))
    np.testing.assert_array_equal(found.points, [1, NAN, 1])
    np.testing.assert_array_equal(found.ranks, [1, NAN, 1])


@given(TABLES)
def test_mteb_s_rule_is_what_scipy_s_ranks_give(scores: np.ndarray) -> None:
    found = borda_mteb(scores)
    known = ~np.isnan(found.points)
    np.testing.assert_array_equal(known, ~np.isnan(scores).all(axis=1))
    np.testing.assert_array_equal(found.points[known], brute_force(scores))
    if known.any():
        np.testing.assert_array_equal(found.ranks[known], rankdata(-found.points[known], method="min"))


@given(TABLES.map(np.nan_to_num))
def test_without_holes_both_rules_are_one(scores: np.ndarray) -> None:
    if len(scores) > 1:
        np.testing.assert_array_equal(borda_shared(scores).points, borda_mteb(scores).points)


@given(TABLES, st.randoms(use_true_random=False))
def test_the_order_of_rows_and_tasks_decides_nothing(scores: np.ndarray, random: object) -> None:
    rows, columns = np.random.default_rng(0).permutation(len(scores)), np.arange(scores.shape[1])[::-1]
    for rule in (borda_mteb, borda_shared):
        np.testing.assert_allclose(rule(scores[rows][:, columns]).points, rule(scores).points[rows], atol=1e-12)


def test_a_hole_costs_nothing_over_shared_cells() -> None:
    whole = np.array([[0.9, 0.9, 0.9, 0.9], [0.5, 0.5, 0.5, 0.5], [0.1, 0.1, 0.1, 0.1]])
    holed = whole.copy()
    holed[0, 1:] = NAN
    np.testing.assert_array_equal(borda_shared(holed).points, borda_shared(whole).points)
    assert borda_mteb(holed).ranks[0] > borda_mteb(whole).ranks[0] == 1


def test_shared_cells_by_hand() -> None:
    # a and b share task 1 (a wins) and 2 (tie); a and c task 1 (c wins); b and c task 1 (c wins) and 3 (b wins).
    scores = np.array([[0.5, 0.4, NAN], [0.3, 0.4, 0.6], [0.9, NAN, 0.2]])
    expected = [1.5 * 3 / 2 + 0, 0.5 * 3 / 2 + 1 * 3 / 2, 1 * 3 / 1 + 1 * 3 / 2]
    np.testing.assert_allclose(borda_shared(scores).points, expected, rtol=1e-15)


def test_who_shares_nothing_with_anyone_has_no_rank() -> None:
    found = borda_shared(np.array([[0.5, NAN], [0.4, NAN], [NAN, 0.9]]))
    # The first two have one opponent of two, and are scaled up by it.
    np.testing.assert_array_equal(found.points, [4, 0, NAN])
    np.testing.assert_array_equal(found.ranks, [1, 2, NAN])


@pytest.mark.parametrize("rule", [borda_mteb, borda_shared])
def test_nothing_gives_nothing(rule: object) -> None:
    assert len(rule(np.zeros((0, 3))).points) == 0  # type: ignore[operator]
    assert len(rule(np.zeros((2, 0))).points) == 2  # type: ignore[operator]


def test_equal_values_share_the_smallest_rank() -> None:
    np.testing.assert_array_equal(rank_descending(np.array([3, NAN, 5, 3, 1])), [2, NAN, 1, 2, 4])
