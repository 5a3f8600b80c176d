"""Cross-validated scores: each fold is scored on its own examples, then the folds are averaged."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

from evalkit.observations import Observations, parse_statistic

ORACLES = {
    "fold_accuracy": accuracy_score,
    "f1": lambda y, p: f1_score(y, p, average="macro"),
    "f1_weighted": lambda y, p: f1_score(y, p, average="weighted"),
    "precision": lambda y, p: precision_score(y, p, average="macro", zero_division=0),
    "recall": lambda y, p: recall_score(y, p, average="macro", zero_division=0),
}


def folds(n: int, seed: int) -> Observations:
    generator = np.random.default_rng(seed)
    label = generator.integers(0, 4, n)
    predicted = np.full((n, 3), -1)
    fold = generator.integers(0, 3, n)
    predicted[np.arange(n), fold] = np.where(generator.random(n) < 0.6, label, generator.integers(0, 4, n))
    statistics = {name: parse_statistic(f"{name}(label, predicted)") for name in ORACLES}
    return Observations(unit="example", columns={"label": label, "predicted": predicted}, statistics=statistics)


def by_fold(obs: Observations, name: str, rows: np.ndarray) -> list[float]:
    label, predicted = obs.columns["label"][rows], obs.columns["predicted"][rows]
    return [ORACLES[name](label[p >= 0], p[p >= 0]) for p in predicted.T]


@pytest.mark.parametrize("name", ORACLES)
@pytest.mark.parametrize("seed", range(3))
def test_folds_are_scored_apart(name: str, seed: int) -> None:
    obs = folds(60, seed)
    everything = np.arange(60)
    assert obs.value(name) == pytest.approx(np.mean(by_fold(obs, name, everything)), abs=1e-12)
    assert obs.repeats()[name] == pytest.approx(by_fold(obs, name, everything), abs=1e-12)
    counts = np.random.default_rng(seed).integers(0, 3, 60)
    replicated = np.mean(by_fold(obs, name, np.repeat(everything, counts)))
    assert obs.weighted(name, counts[None])[0] == pytest.approx(replicated, abs=1e-12)
    left_out = [np.mean(by_fold(obs, name, np.delete(everything, row))) for row in range(60)]
    assert obs.pseudo_values(name) == pytest.approx(60 * obs.value(name) - 59 * np.array(left_out), abs=1e-9)
