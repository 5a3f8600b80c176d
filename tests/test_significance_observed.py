"""The engine on observations: any statistic, aligned units, several cells, bootstrap by weights."""

from __future__ import annotations

import numpy as np
import pytest

from evalkit.errors import EvalkitError
from evalkit.observations import F1, Accuracy, Mean, Observations, Spearman, parse_statistic
from evalkit_leaderboard import significance as sig


def sts(seed: int, n: int = 200, noise: float = 0.5, ids: tuple[str, ...] | None = None) -> Observations:
    gold = np.random.default_rng(99).random(n)
    predicted = gold + np.random.default_rng(seed).normal(0, noise, n)
    return Observations(
        unit="pair",
        columns={"gold": gold, "predicted": predicted},
        statistics={"spearman": Spearman("gold", "predicted")},
        ids=ids,
    )


def classified(seed: int, right: float, n: int = 150) -> Observations:
    label = np.random.default_rng(98).integers(0, 3, n)
    generator = np.random.default_rng(seed)
    predicted = np.where(generator.random((n, 4)) < right, label[:, None], generator.integers(0, 3, (n, 4)))
    return Observations(
        unit="example",
        columns={"label": label, "predicted": predicted},
        statistics={"accuracy": Accuracy("label", "predicted"), "f1": F1("label", "predicted")},
    )


@pytest.mark.parametrize(
    ("obs", "metric"), [(sts(1), "spearman"), (classified(1, 0.6), "accuracy"), (classified(1, 0.6), "f1")]
)
def test_jackknife_and_bootstrap_agree_for_any_statistic(obs: Observations, metric: str) -> None:
    jackknife = sig.score_interval(obs, metric)
    assert jackknife.estimate == pytest.approx(obs.value(metric), abs=1e-12)
    for kind in sig.Kind:
        boot = sig.score_interval(obs, metric, kind=kind)
        assert boot.estimate == pytest.approx(obs.value(metric), abs=1e-12)
        assert boot.se == pytest.approx(jackknife.se, rel=0.1)
        assert (boot.low, boot.high) == pytest.approx((jackknife.low, jackknife.high), abs=jackknife.se)


@pytest.mark.parametrize(
    ("a", "b", "metric"), [(sts(1, noise=0.3), sts(2), "spearman"), (classified(1, 0.7), classified(2, 0.6), "f1")]
)
def test_comparison_by_pseudo_values_and_by_bootstrap(a: Observations, b: Observations, metric: str) -> None:
    paired, boot = sig.compare_observations(a, b, metric), sig.bootstrap_difference(a, b, metric)
    assert paired.difference == pytest.approx(a.value(metric) - b.value(metric), abs=1e-12)
    assert boot.estimate == pytest.approx(a.value(metric) - b.value(metric), abs=1e-12)
    assert (boot.low, boot.high) == pytest.approx((paired.low, paired.high), abs=paired.se)
    assert paired.p_t == pytest.approx(paired.p_flip, abs=0.05)


def test_repeats_are_averaged_within_a_unit_first() -> None:
    """Ten experiments of one model are not ten times as many examples."""
    obs = classified(3, 0.7)
    per_example = (obs.columns["predicted"] == obs.columns["label"][:, None]).mean(axis=1)
    ours = sig.score_interval(obs, "accuracy")
    assert (ours.n, ours.se) == (150, pytest.approx(per_example.std(ddof=1) / np.sqrt(150), rel=1e-12))


def test_units_are_aligned_by_name() -> None:
    names = tuple(f"p{i}" for i in range(200))
    a, b = sts(1, ids=names), sts(2, ids=names)
    order = np.random.default_rng(0).permutation(200)
    shuffled = Observations(
        unit="pair",
        columns={name: values[order] for name, values in b.columns.items()},
        statistics=dict(b.statistics),
        ids=tuple(names[i] for i in order),
    )
    assert sig.unit_values([a, shuffled], "spearman") == pytest.approx(sig.unit_values([a, b], "spearman"), abs=1e-9)
    straight, crooked = (sig.bootstrap_difference(a, other, "spearman") for other in (b, shuffled))
    assert (straight.low, straight.high) == pytest.approx((crooked.low, crooked.high), abs=1e-12)
    numbered = sts(2, ids=tuple(map(str, range(200))))
    assert sig.unit_values([sts(1), numbered], "spearman").shape == (2, 200)


def test_other_units_are_refused() -> None:
    with pytest.raises(EvalkitError, match=r"different units.*200 and 150"):
        sig.unit_values([sts(1), sts(2, n=150)], "spearman")
    other = sts(2, ids=tuple(f"q{i}" for i in range(200)))
    with pytest.raises(EvalkitError, match="different units"):
        sig.compare_observations(sts(1), other, "spearman")
    with pytest.raises(EvalkitError, match="No model"):
        sig.unit_values([None], "spearman")


def test_missing_models_are_rows_of_nan() -> None:
    values = sig.unit_values([None, sts(1), None], "spearman")
    assert np.isnan(values[[0, 2]]).all() and np.isfinite(values[1]).all()


def clustered(seed: int, n: int = 100) -> Observations:
    """Documents of ten topics, of which a clustering finds 70 %."""
    generator = np.random.default_rng(seed)
    label = np.arange(n) % 10
    cluster = np.where(generator.random(n) < 0.7, label, generator.integers(0, 10, n))
    statistics = {"v_measure": parse_statistic("v_measure(label, cluster, draws)")}
    columns = {"label": label, "cluster": cluster, "draws": np.ones(n)}
    return Observations(unit="document", columns=columns, statistics=statistics)


def test_values_are_around_the_published_score_not_around_the_jackknife_s_estimate() -> None:
    """V-measure of few documents is biased; the jackknife takes off a part and adds more spread than its error has."""
    a, b = clustered(1), clustered(2)
    pseudo, values = a.pseudo_values("v_measure"), sig.unit_values([a, b], "v_measure")
    assert abs(pseudo.mean() - a.value("v_measure")) > 0.02
    assert values.mean(axis=1) == pytest.approx([a.value("v_measure"), b.value("v_measure")], abs=1e-12)
    assert values[0] - values[0].mean() == pytest.approx(pseudo - pseudo.mean(), abs=1e-12)
    found = sig.score_interval(a, "v_measure")
    assert found.estimate == pytest.approx(a.value("v_measure"), abs=1e-12)
    assert found.se == pytest.approx(pseudo.std(ddof=1) / 10, rel=1e-9)


def test_undefined_scores_are_said() -> None:
    flat = Observations(
        unit="pair",
        columns={"gold": np.arange(60.0), "p": np.ones(60)},
        statistics={"s": parse_statistic("spearman(gold, p)")},
    )
    assert "undefined" in sig.score_interval(flat, "s").note
    assert sig.score_interval(flat, "s", kind=sig.Kind.BCA).low is None
    # Without the last pair nothing varies, so that one value of 60 is undefined and the others stay known.
    lonely = Observations(
        unit="pair",
        columns={"gold": np.arange(60.0), "p": np.arange(60) == 59},
        statistics={"s": parse_statistic("spearman(gold, p)")},
    )
    assert "for 1 of 60 units" in sig.score_interval(lonely, "s").note


@pytest.mark.parametrize("sizes", [[40], [40, 40], [30, 80, 200]])
def test_a_mean_over_cells(sizes: list[int]) -> None:
    generator = np.random.default_rng(7)
    cells = [generator.normal(mean, 0.1, n) for mean, n in enumerate(sizes)]
    values = sig.over_cells(cells)
    assert values.mean() == pytest.approx(np.mean([cell.mean() for cell in cells]), abs=1e-12)
    stratified = np.sqrt(sum(cell.var(ddof=1) / len(cell) for cell in cells)) / len(cells)
    assert sig.t_interval(values).se == pytest.approx(stratified, rel=0.02)
    others = [cell + generator.normal(0, 0.05, len(cell)) for cell in cells]
    differences = sig.over_cells([a - b for a, b in zip(cells, others, strict=True)])
    assert values - sig.over_cells(others) == pytest.approx(differences, abs=1e-9)
    assert sig.over_cells([]).size == 0


def test_means_pass_their_values_through() -> None:
    values = np.random.default_rng(0).random(30)
    obs = Observations(unit="query", columns={"ndcg": values}, statistics={"ndcg": Mean("ndcg")})
    assert np.array_equal(sig.unit_values([obs], "ndcg")[0], values)
