"""The rankability probe on planted truths: what must be found, what must not, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import helpers
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evalkit
from evalkit.embedding import EmbeddingCache, EncoderBench
from evalkit.errors import DataError, EvalkitError
from evalkit.observations import Observations, Spearman
from evalkit.protocols import Cell, TaskInfo
from evalkit.testing import MemoryBench, check_encoder, check_task
from evalkit.types import Role, Similarity
from evalkit_tasks.rankability.axis import extremes, ridge, standardised, two_extremes
from evalkit_tasks.rankability.head import head
from evalkit_tasks.rankability.items import read_items
from evalkit_tasks.rankability.ladder import Fold, few_shot, make_folds, out_of_fold, shot_sizes
from evalkit_tasks.rankability.measures import (
    noise_band,
    normalised_gap,
    pairwise_accuracy,
    shots_to_reach,
    spearman,
)
from evalkit_tasks.rankability.task import RankabilityTask
from evalkit_tasks.rankability.untrained import BagOfWords, untrained_beside

RUNGS = ("spearman", "spearman_nonlinear", "spearman_extremes")


class Planted:
    """An encoder that knows a vector for every text, "0", "1", ..., and for the two ends of the zero-shot axis."""

    similarity = Similarity.COSINE
    name = "planted"

    def __init__(self, X: np.ndarray, ends: np.ndarray | None = None) -> None:
        self.known = {str(row): vector for row, vector in enumerate(np.asarray(X, dtype=np.float32))}
        if ends is not None:
            self.known |= {"high": ends[0].astype(np.float32), "low": ends[1].astype(np.float32)}
        self.fingerprint = None

    def encode(self, texts: Any, *, role: Any, task: Any, batch_size: int) -> np.ndarray:
        return np.stack([self.known[text] for text in texts])


def folder(path: Path, values: Any, groups: Any = None, lines: str = "") -> Path:
    """A task of texts "0", "1", ... with the values."""
    rows: list[dict[str, Any]] = [{"text": str(row), "value": value} for row, value in enumerate(values)]
    if groups is not None:
        rows = [row if group is None else {**row, "group": group} for row, group in zip(rows, groups, strict=True)]
    helpers.jsonl(path / "test.jsonl", rows)
    text = f'name = "{path.name}"\ntype = "Rankability"\n[protocol]\n{lines}\n'
    (path / "task.toml").write_text(text, encoding="utf-8")
    return path


def scored(path: Path, encoder: Any) -> Any:
    [result] = evalkit.evaluate(encoder, data=[path], cache=False)
    return result


def observed(result: Any) -> Observations:
    return Observations.from_json(result.cells[0].observations)


def scores(path: Path, encoder: Any) -> dict[str, Any]:
    return dict(scored(path, encoder).cells[0].scores)


def gaussian(n: int, d: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, d))


def task(path: Path) -> RankabilityTask:
    return RankabilityTask(evalkit.data.TaskFolder.open(path))


# -- what must be found ------------------------------------------------------------------------------------------


def test_one_planted_axis_is_found_by_every_rung(tmp_path: Path) -> None:
    """All vectors lie on one line in the order of their values: nothing but the order can be read from them."""
    values = np.random.default_rng(1).permutation(200) / 10.0
    line = 5 * gaussian(1, 8)[0]
    encoder = Planted(values[:, None] * line + 3.0, np.stack([line, -line]))
    found = scores(folder(tmp_path / "P", values, lines='zero_shot = {high = "high", low = "low"}'), encoder)
    few = {name: value for name, value in found.items() if name.startswith("spearman_few_")}
    assert set(few) == {f"spearman_few_{2**k}" for k in range(1, 8)}
    for name in (*RUNGS, "spearman_zero_shot", "kendall", "pearson", "pairwise_accuracy"):
        assert found[name] == pytest.approx(1, abs=5e-3), name
    # The folds' axes are set side by side by their training items alone, which neighbours may cross by.
    assert min(few.values()) > 0.995
    assert found["shots_to_90"] == 2
    assert abs(found["spearman_length"]) < 0.4
    assert found["normalised_gap"] == pytest.approx(1, abs=0.02)


def test_a_planted_axis_in_noise_is_found_by_the_linear_axis(tmp_path: Path) -> None:
    X = gaussian(300, 16)
    found = scores(folder(tmp_path / "P", X[:, 3].tolist()), Planted(X))
    assert found["spearman"] > 0.999
    assert found["spearman_few_4"] < found["spearman_few_32"] < found["spearman_few_128"] <= found["spearman"]
    assert 8 <= found["shots_to_90"] <= 128


@pytest.mark.parametrize("bend", [np.abs, np.square])
def test_what_no_direction_orders_only_the_head_finds(bend: Any, tmp_path: Path) -> None:
    X = gaussian(600, 8)
    found = scores(folder(tmp_path / "P", bend(X[:, 0]).tolist()), Planted(X))
    assert abs(found["spearman"]) < noise_band(600)
    assert found["spearman_nonlinear"] > 0.9
    assert abs(found["normalised_gap"]) < 0.3


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_noise_stays_within_the_band(seed: int, tmp_path: Path) -> None:
    n = 400
    values = np.random.default_rng(100 + seed).permutation(n)
    result = scored(folder(tmp_path / "P", values.tolist()), Planted(gaussian(n, 16, seed)))
    found = result.cells[0].scores
    for name in ("spearman", "spearman_nonlinear", "spearman_few_32", "spearman_untrained"):
        assert abs(found[name]) < noise_band(n), name
    assert abs(found["spearman_extremes"]) < noise_band(n // 2)
    assert abs(found["pairwise_accuracy"] - 0.5) < noise_band(n) / 2
    assert found["shots_to_90"] is None
    assert found["normalised_gap"] is None
    assert any("within what chance gives for 400 items" in text for text in result.warnings)


def test_the_band_of_learnt_axes_holds_95_of_100_draws_and_the_plain_one_does_not() -> None:
    """300 draws of noise: 5 % beyond the band are 15 +- 4; beyond the plain one, sqrt(2) narrower, 17 % or 50 +- 6."""
    n, folds = 200, make_folds(200, 5, 42, shuffle=True)
    found = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        X, y = rng.standard_normal((n, 32)), rng.standard_normal(n)
        found.append(abs(spearman(y, out_of_fold(X, y, folds, 1.0, 1))))
    assert 0.02 < np.mean(np.array(found) > noise_band(n)) < 0.09
    assert 0.11 < np.mean(np.array(found) > noise_band(n, learnt=False)) < 0.23


def test_an_axis_that_holds_in_both_groups_is_carried_over_and_one_that_turns_round_is_not(tmp_path: Path) -> None:
    X = gaussian(240, 6)
    groups = ["a" if row % 3 else "b" for row in range(240)]
    same = scores(folder(tmp_path / "same", X[:, 0].tolist(), groups), Planted(X))
    assert same["transfer_spearman"] > 0.999
    turned = np.where([group == "a" for group in groups], X[:, 0], -X[:, 0])
    result = scored(folder(tmp_path / "turned", turned.tolist(), groups), Planted(X))
    assert result.cells[0].scores["transfer_spearman"] < -0.999
    assert len(result.cells[0].repeats["transfer_spearman"]) == 2
    one = scored(folder(tmp_path / "one", turned.tolist(), groups, 'transfer_to = ["b"]'), Planted(X))
    assert len(one.cells[0].repeats["transfer_spearman"]) == 1
    assert observed(one).labels["group"] == ("a", "b")


def test_a_group_without_an_order_is_left_out_and_named(tmp_path: Path) -> None:
    X = gaussian(90, 6)
    groups = ["flat" if row < 20 else "ab"[row % 2] for row in range(90)]
    values = [1.0 if group == "flat" else float(x) for group, x in zip(groups, X[:, 0], strict=True)]
    result = scored(folder(tmp_path / "P", values, groups), Planted(X))
    by_group = result.cells[0].repeats["transfer_spearman"]
    assert len(by_group) == 2
    assert result.cells[0].scores["transfer_spearman"] == pytest.approx(np.mean(by_group))
    assert any("Groups without an order that could be kept: flat." in text for text in result.warnings)


def test_one_group_only_is_said_and_not_scored(tmp_path: Path) -> None:
    X = gaussian(60, 4)
    result = scored(folder(tmp_path / "P", X[:, 0].tolist(), ["only"] * 60), Planted(X))
    assert "transfer_spearman" not in result.cells[0].scores
    assert any("All items are of the group 'only'" in text for text in result.warnings)


# -- properties --------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 40), st.integers(1, 40), st.floats(1e-2, 100), st.integers(0, 99))
def test_ridge_is_scikit_learns(n: int, d: int, alpha: float, seed: int) -> None:
    from sklearn.linear_model import Ridge

    X, y = gaussian(n, d, seed), gaussian(n, 1, seed + 1000)[:, 0]
    ours, theirs = ridge(X, y, alpha), Ridge(alpha=alpha).fit(X, y)
    assert ours(X) == pytest.approx(theirs.predict(X), abs=1e-8)


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(40)), st.integers(0, 99))
def test_the_order_of_the_rows_does_not_matter_within_the_same_folds(order: list[int], seed: int) -> None:
    X, y, rows = gaussian(40, 6, seed), gaussian(40, 1, seed + 1)[:, 0], np.array(order)
    folds = make_folds(40, 5, 42, shuffle=True)
    place = np.argsort(rows)
    moved = [Fold(fold.number, place[fold.train], place[fold.test]) for fold in folds]
    assert out_of_fold(X[rows], y[rows], moved, 1.0, 1) == pytest.approx(out_of_fold(X, y, folds, 1.0, 1)[rows])


def test_turning_the_space_changes_no_axis() -> None:
    X, y = gaussian(60, 10), gaussian(60, 1, 3)[:, 0]
    turn = np.linalg.qr(gaussian(10, 10, 4))[0]
    folds = make_folds(60, 5, 42, shuffle=True)
    assert out_of_fold(X @ turn, y, folds, 1.0, 1) == pytest.approx(out_of_fold(X, y, folds, 1.0, 1))
    assert X @ turn @ extremes(X @ turn, y, 0.1) == pytest.approx(X @ extremes(X, y, 0.1))
    few = [few_shot(space, y, folds[0], (2, 4, 8, 16, 32), alpha=1.0, repeats=3, seed=1) for space in (X, X @ turn)]
    assert few[1] == pytest.approx(few[0])


def test_predictions_of_a_fold_do_not_see_its_values() -> None:
    X, y = gaussian(50, 5), gaussian(50, 1, 3)[:, 0]
    folds = make_folds(50, 5, 42, shuffle=True)
    other = y.copy()
    other[folds[2].test] += 100
    before, after = (out_of_fold(X, values, folds, 1.0, 1) for values in (y, other))
    assert np.array_equal(before[folds[2].test], after[folds[2].test])
    assert not np.isclose(before[folds[0].test], after[folds[0].test]).any()
    draws = [few_shot(X, values, folds[2], (2, 4, 8), alpha=1.0, repeats=2, seed=1) for values in (y, other)]
    assert np.array_equal(*draws)


def test_folds_are_scikit_learns_in_file_order() -> None:
    from sklearn.model_selection import KFold

    expected = list(KFold(5, shuffle=True, random_state=42).split(np.zeros(33)))
    for fold, (train, test) in zip(make_folds(33, 5, 42, shuffle=True), expected, strict=True):
        assert np.array_equal(fold.train, train)
        assert np.array_equal(fold.test, test)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=25))
def test_pairwise_accuracy_counts_pairs(pairs: list[tuple[int, int]]) -> None:
    values, predicted = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    right = [
        (np.sign(predicted[i] - predicted[j]) * np.sign(values[i] - values[j]) + 1) / 2
        for i in range(len(pairs))
        for j in range(i)
        if values[i] != values[j]
    ]
    found = pairwise_accuracy(values, predicted)
    assert np.isnan(found) if not right else found == pytest.approx(np.mean(right))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=25))
def test_spearman_is_scipys_and_the_statistics(pairs: list[tuple[int, int]]) -> None:
    x, y = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    ours = spearman(x, y)
    theirs = Spearman("x", "y").value(Observations(unit="item", columns={"x": x, "y": y}))
    assert ours == pytest.approx(theirs, nan_ok=True, abs=1e-12)


def test_shots() -> None:
    assert shot_sizes(453) == (2, 4, 8, 16, 32, 64, 128, 256)
    assert shot_sizes(8) == (2, 4)
    assert shots_to_reach({2: 0.1, 4: 0.7, 8: 0.73, 16: 0.8}, 0.8, 1000) == 8
    assert np.isnan(shots_to_reach({2: 0.1, 16: 0.05}, 0.05, 1000))
    assert normalised_gap(0.6, 0.2, 0.7, 1000) == pytest.approx(0.8)
    assert np.isnan(normalised_gap(0.6, 0.5, 0.52, 1000))


def test_two_extremes_draw_among_equals() -> None:
    X, y = gaussian(10, 3), np.array([0, 0, 0, 1, 1, 1, 2, 2, 2, 2.0])
    drawn = {tuple(two_extremes(X, y, np.random.default_rng(seed)).round(9)) for seed in range(200)}
    assert drawn == {tuple((X[high] - X[low]).round(9)) for high in range(6, 10) for low in range(3)}


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_the_head_does_not_depend_on_the_units_of_columns_and_values() -> None:
    X, y = gaussian(60, 3), gaussian(60, 1, 2)[:, 0]
    scale, shift = np.array([0.5, 4.0, 16.0]), np.array([0.0, -8.0, 2.0])
    plain = head(X[:40], y[:40], X[40:], 1)
    moved = head(X[:40] * scale + shift, y[:40] * 8 - 3, X[40:] * scale + shift, 1)
    assert moved == pytest.approx(plain * 8 - 3, abs=0.05)


def test_positions_do_not_depend_on_the_length_of_an_axis() -> None:
    """Else folds whose two extremes lie farther apart would spread farther in the joint ranking."""
    X, y = gaussian(40, 3), gaussian(40, 1, 2)[:, 0]
    fold = make_folds(40, 5, 42, shuffle=True)[0]
    near, far = (few_shot(space, y, fold, (2,), alpha=1.0, repeats=2, seed=1) for space in (X, 100 * X + 7))
    assert far == pytest.approx(near)


def test_positions_along_an_axis_of_no_length_are_zero() -> None:
    positions = np.column_stack([np.arange(6.0), np.full(6, 0.1)])
    out = standardised(positions, np.arange(4))
    assert out[:4, 0].std() == pytest.approx(1)
    assert not out[:, 1].any()


# -- the same each time ------------------------------------------------------------------------------------------


def test_the_contract_is_kept(tmp_path: Path) -> None:
    groups = ["ab"[row % 2] for row in range(40)]
    check_task(task(folder(tmp_path / "P", range(40), groups, 'zero_shot = {high = "9999", low = "1"}')))


def test_workers_do_not_move_scores(tmp_path: Path) -> None:
    X = gaussian(80, 6)
    probe = task(folder(tmp_path / "P", (X[:, 0] + X[:, 1] ** 2).tolist()))
    cell = Cell("test")
    one, two = (probe.evaluate(cell, MemoryBench(Planted(X), probe.info, workers=workers)) for workers in (1, 2))
    assert one.observations.to_json() == two.observations.to_json()
    assert repr((one.extra, one.repeats)) == repr((two.extra, two.repeats))


def test_the_seed_moves_the_folds(tmp_path: Path) -> None:
    X = gaussian(60, 6)
    y = (X[:, 0] + gaussian(60, 1, 5)[:, 0]).tolist()
    found = [scores(folder(tmp_path / f"P{seed}", y, None, f"seed = {seed}"), Planted(X)) for seed in (42, 43)]
    assert found[0]["spearman"] != found[1]["spearman"]
    assert found[0]["spearman_length"] == found[1]["spearman_length"]


def test_observations_give_the_scores_and_repeats_their_means(tmp_path: Path) -> None:
    X = gaussian(60, 6)
    result = scored(folder(tmp_path / "P", X[:, 0].tolist()), Planted(X))
    [cell] = result.cells
    seen = observed(result)
    assert list(seen.columns) == ["value", "linear", "length", "untrained", "nonlinear"]
    assert seen.value("spearman") == cell.scores["spearman"] == result.main_score.value
    assert np.isfinite(seen.pseudo_values("spearman")).all()
    for size in (2, 4, 8, 16, 32):
        values = cell.repeats[f"spearman_few_{size}"]
        assert len(values) == 10
        assert np.mean(values) == pytest.approx(cell.scores[f"spearman_few_{size}"])
    assert len(cell.repeats["shots_to_90"]) == 10
    assert result.task.protocol["head"]["steps"] == 300


# -- the untrained encoder ---------------------------------------------------------------------------------------


class Renewable(helpers.Counting):
    """Has an untrained self."""

    fresh: Any = None

    def untrained(self, seed: int) -> Any:
        return self.fresh(seed) if callable(self.fresh) else self.fresh


def test_the_random_projection_keeps_the_contract_and_distances() -> None:
    encoder = BagOfWords(256, 1)
    check_encoder(encoder)
    info = TaskInfo("T", "Rankability")
    texts = ["the cat sat", "the cat sat there", "seven 7 8 9", "7"]
    a, b = (BagOfWords(256, seed).encode(texts, role=Role.TEXT, task=info, batch_size=8) for seed in (1, 2))
    assert BagOfWords(256, 1).fingerprint != BagOfWords(256, 2).fingerprint != BagOfWords(128, 2).fingerprint
    assert not np.allclose(a, b)
    assert np.linalg.norm(a, axis=1) == pytest.approx(1, abs=0.2)
    assert a[0] @ a[1] == pytest.approx(3 / np.sqrt(12), abs=0.2)
    assert a[2] @ a[3] == pytest.approx(0.5, abs=0.2)  # a digit that stands alone is a word


def test_which_untrained_encoder_it_was_is_said(tmp_path: Path) -> None:
    path = folder(tmp_path / "P", range(40))
    plain = scored(path, helpers.Counting("plain"))
    assert any("random projection of bags of words: plain cannot be made" in text for text in plain.warnings)
    renewable = Renewable("renewable", fingerprint="1" * 64)
    renewable.fresh = lambda seed: helpers.Counting(f"fresh {seed}", fingerprint="2" * 64, dimension=5)
    result = scored(path, renewable)
    assert any("is renewable with fresh weights (seed 42)" in text for text in result.warnings)
    assert result.encoder.dimension == 16
    renewable.fresh = None
    again = scored(path, renewable)
    assert any("random projection" in text for text in again.warnings)
    assert result.cells[0].scores["spearman_untrained"] != again.cells[0].scores["spearman_untrained"]


def test_an_untrained_encoder_that_cannot_be_made_is_one_sentence() -> None:
    renewable = Renewable("renewable")
    renewable.fresh = lambda seed: 1 // 0
    with pytest.raises(EvalkitError) as caught:
        untrained_beside(renewable, 4, 1)
    assert helpers.is_a_sentence(str(caught.value))
    assert "renewable failed to make itself anew" in str(caught.value)


def test_a_bench_beside_shares_cache_progress_and_count_but_nothing_of_the_vectors() -> None:
    seen: list[tuple[int, int, int]] = []
    info = TaskInfo("T", "Rankability")
    zeros = helpers.Counting("zeros", "3" * 64, fault=lambda texts, vectors, call: vectors * 0, dimension=4)

    def bench() -> EncoderBench:
        made = EncoderBench(helpers.Counting(), info, cache=EmbeddingCache(), on_progress=lambda *at: seen.append(at))
        made.expect(4)
        made.embed(["a", "b"], role=Role.TEXT)
        made.beside(zeros).embed(["a", "c"], role=Role.TEXT)
        return made

    first, second = bench(), bench()
    assert (first.tally.encoded, first.tally.cached) == (4, 0)
    assert (second.tally.encoded, second.tally.cached) == (0, 4)
    assert seen[-1][:2] == (4, 4)
    assert first.dimension == 16
    assert first.zero_warnings() == ()
    assert sorted(zeros.texts) == ["a", "c"]


# -- what is refused, and what is said ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "groups", "lines", "said"),
    [
        ([1.0] * 40, None, "", "every item has the value 1, which leaves nothing to put in order"),
        (range(29), None, "", "has 29 items. Rankability needs 30 or more"),
        (["tall"] + [1.0] * 39, None, "", ":1: field 'value' is \"tall\"; expected: a finite number"),
        ([None] + [1.0] * 39, None, "", ":1: field 'value' is null; expected: a finite number"),
        ([True] + [1.0] * 39, None, "", ":1: field 'value' is true; expected: a finite number"),
        (range(40), ["a"] * 39 + [None], "", "item 40 has no group, though others have"),
        (range(40), [3] * 40, "", ":1: field 'group' is 3; expected: the name of a group"),
        (range(40), ["a", "b"] * 20, 'transfer_to = ["c"]', "has no group 'c'; it has a, b"),
        (range(40), None, 'transfer_to = ["c"]', "has no group 'c'; it has none"),
        (range(40), None, "alpha = 0", "protocol.alpha: Input should be greater than 0"),
        (range(40), None, "n_folds = 1", "protocol.n_folds"),
        (range(40), None, 'probe = "svm"', "protocol.probe: Input should be 'ridge'"),
        (range(40), None, 'zero_shot = {high = "x"}', "protocol.zero_shot.low: Field required"),
        (range(40), None, 'zero_shot = {high = "x", low = "x"}', "protocol.zero_shot: Value error, "),
    ],
)
def test_bad_input_is_one_sentence(values: Any, groups: Any, lines: str, said: str, tmp_path: Path) -> None:
    path = folder(tmp_path / "P", values, groups, lines)
    with pytest.raises(DataError) as caught:
        evalkit.evaluate(helpers.Counting(), "P", data=[path], cache=False)
    assert said in str(caught.value)
    assert helpers.is_a_sentence(str(caught.value))


def test_not_a_number_is_refused_by_line(tmp_path: Path) -> None:
    path = folder(tmp_path / "P", range(40))
    helpers.edit(path / "test.jsonl", 7, '{"text": "x", "value": NaN}')
    with pytest.raises(DataError, match=r"test.jsonl:7: field 'value' is NaN; expected: a finite number"):
        read_items(path / "test.jsonl")


def test_more_dimensions_than_items_is_scored_and_said(tmp_path: Path) -> None:
    X = gaussian(60, 100)
    result = scored(folder(tmp_path / "P", X[:, 0].tolist()), Planted(X))
    assert any("have 100 dimensions and the axis is learnt from 48 items" in text for text in result.warnings)
    assert np.isfinite(result.main_score.value)


def test_a_constant_encoder_has_no_score_and_says_so(tmp_path: Path) -> None:
    result = scored(folder(tmp_path / "P", range(40)), Planted(np.ones((40, 4))))
    assert result.cells[0].scores["spearman_few_8"] == 0
    assert all(helpers.is_a_sentence(text) for text in result.warnings)


def test_a_length_that_orders_better_is_said(tmp_path: Path) -> None:
    path = folder(tmp_path / "P", range(40))
    rows = [{"text": "x" * (row + 1), "value": row} for row in range(40)]
    helpers.jsonl(path / "test.jsonl", rows)
    result = scored(path, helpers.Counting())
    assert result.cells[0].scores["spearman_length"] == pytest.approx(1)
    assert any("Text length alone orders the items better (+1.000)" in text for text in result.warnings)


def test_a_scorer_without_vectors_is_left_out(tmp_path: Path) -> None:
    path = folder(tmp_path / "P", range(40))
    done = helpers.call_cli("run", "-m", "bm25", "--data", path, "-o", tmp_path / "out")
    assert "has no vectors" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_the_command_line_runs_it(tmp_path: Path) -> None:
    path = folder(tmp_path / "P", range(40), ["a", "b"] * 20)
    done = helpers.run_cli("run", "-m", "random", "--data", path, "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    [file] = (tmp_path / "out").glob("random/*/P.json")
    record = json.loads(file.read_text())
    assert record["task"]["type"] == "Rankability"
    assert record["main_score"]["metric"] == "spearman"
