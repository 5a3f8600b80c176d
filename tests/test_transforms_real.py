"""What must come out of transforms on real vectors: all-MiniLM-L6-v2's, of `../shared/data/minilm_vectors.npz`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import evalkit
from evalkit.diagnostics import VectorStream, diagnose
from evalkit.embedding import EncoderBench
from evalkit.plugins import Plugins
from evalkit.types import Role


def scores(shared_data: Path, task: str, *chains: str) -> list[Any]:
    """The headline, and the cell, of the encoder with each chain of transforms behind it."""
    base = f"precomputed:{shared_data / 'minilm_vectors.npz'}"
    specs = [f"{base} | {chain}" if chain else base for chain in chains]
    found = evalkit.evaluate(specs, task, data=[shared_data / "tasks"], cache=False)
    assert not found.failures
    return [(result.main_score.value, result.cells[0]) for result in found]


def test_truncating_384_dimensions_to_384_changes_nothing(shared_data: Path) -> None:
    (_, plain), (_, cut) = scores(shared_data, "STSBenchmark", "", "truncate:384")
    assert cut.scores == plain.scores
    assert cut.observations == plain.observations


def test_rescored_signs_lie_between_signs_and_floats(shared_data: Path) -> None:
    (plain, _), (signs, coarse), (rescored, fine) = scores(
        shared_data, "SciFact", "", "quantize:binary", "quantize:binary | rescore"
    )
    assert plain == pytest.approx(0.64508, abs=1e-4)  # mteb's published score of the model
    assert signs + 0.01 < rescored < plain - 0.001
    assert coarse.cost["bytes_per_text"] == fine.cost["bytes_per_text"] == 48


def test_a_byte_a_value_costs_next_to_nothing(shared_data: Path) -> None:
    """Published for such models: about 99 % of the score is kept (huggingface.co/blog/embedding-quantization)."""
    (plain, _), (byte, cell), (codes, _) = scores(
        shared_data, "SciFact", "", "quantize:int8", "quantize:int8,compare=codes"
    )
    assert byte == pytest.approx(plain, abs=0.005)
    assert codes == pytest.approx(plain, abs=0.02)
    assert cell.cost["bytes_per_text"] == 384
    assert cell.fits[0]["n"] == 5183


def test_whitening_at_full_rank_gives_isoscore_1_on_what_it_was_fitted_on(shared_data: Path) -> None:
    plugins = Plugins.installed()
    encoder: Any = plugins.load_encoder(f"precomputed:{shared_data / 'minilm_vectors.npz'} | whiten")
    task = plugins.open_task(shared_data / "tasks" / "STSBenchmark")
    [cell] = task.cells()
    texts = list(dict.fromkeys(task.texts(cell)[Role.TEXT]))  # type: ignore[attr-defined]
    bench = EncoderBench(encoder, task.info)
    bench.start_cell(lambda: task.texts(cell))  # type: ignore[attr-defined]
    vectors = bench.embed(texts, role=Role.TEXT)
    # Three of the model's 384 directions are empty, whatever the texts (eigenvalues of 1e-18): 381 is full rank.
    assert vectors.shape == (len(texts), 381)
    assert bench.tally.fits[0]["n"] == len(texts)
    stream = VectorStream()
    stream.add(texts, vectors)
    assert diagnose(stream, workers=1).values["isoscore"] == pytest.approx(1, abs=1e-6)
    assert np.cov(vectors.T) == pytest.approx(np.eye(381), abs=1e-3)


def test_the_frontier_falls_with_the_bytes(shared_data: Path) -> None:
    """Each halving of the dimensions loses more; a model that was not trained so loses a lot at 32."""
    found = scores(shared_data, "SciFact", *(f"truncate:{d}" for d in (384, 192, 96, 32)))
    values = [value for value, _ in found]
    assert values == sorted(values, reverse=True)
    assert [cell.cost["bytes_per_text"] for _, cell in found] == [1536, 768, 384, 128]
