"""Encoders with transforms behind them: from cached vectors, fitted per cell, all of it in the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import helpers
import numpy as np
import pytest

import evalkit
from evalkit.adapters.transformed import Step, TransformedEncoder, behind
from evalkit.embedding import EmbeddingCache, EncoderBench
from evalkit.errors import CellError, EncoderError
from evalkit.plugins import Plugins
from evalkit.protocols import Derived, Encoder, Ranker, TaskInfo
from evalkit.testing import check_encoder
from evalkit.types import Form, Role, Similarity

TASK = TaskInfo("T", "STS")
TEXTS = [helpers.sentence(number) for number in range(40)]


def piped(encoder: Any, *labels: str) -> Any:
    """An encoder object with transforms of the command line behind it."""
    plugins = Plugins.installed()
    for label in labels:
        name, _, argument = label.partition(":")
        encoder = behind(encoder, plugins.transforms.get(name)(argument, {}), label)
    return encoder


def vectors(encoder: Any, texts: Sequence[str] = TEXTS, evaluated: Sequence[str] | None = TEXTS) -> Any:
    bench = EncoderBench(encoder, TASK)
    bench.start_cell(None if evaluated is None else lambda: {Role.TEXT: evaluated})
    return bench.embed_any(texts, role=Role.TEXT)


def test_a_chain_is_an_encoder_that_says_what_it_is_made_of() -> None:
    encoder = piped(helpers.Counting(), "truncate:8", "quantize:binary")
    assert isinstance(encoder, Derived)
    assert isinstance(encoder, Encoder)
    assert not isinstance(encoder, Ranker)
    assert encoder.name == "counting | truncate:8 | quantize:binary"
    assert encoder.parts["base"] == {
        "name": "counting", "fingerprint": helpers.FINGERPRINT, "similarity": "cosine", "form": "dense"
    }  # fmt: skip
    assert [step["transform"] for step in encoder.parts["steps"]] == ["truncate", "quantize"]
    assert set(np.unique(vectors(encoder))) == {-1, 1}
    check_encoder(piped(helpers.Counting(), "truncate:8"))


def test_the_fingerprint_says_everything() -> None:
    chains = ["truncate:8", "truncate:4", "truncate:8 | normalize", "normalize | truncate:8", "pca:4", "pca:4,seed=1"]
    chains += ["quantize:binary", "quantize:binary | rescore", "quantize:binary | rescore:3"]
    made = [piped(helpers.Counting(), *chain.split(" | ")).fingerprint for chain in chains]
    made.append(piped(helpers.Counting(fingerprint="ab" * 32), "truncate:8").fingerprint)
    assert len({*made, helpers.FINGERPRINT}) == len(chains) + 2
    assert piped(helpers.Counting(), "truncate:8").fingerprint == made[0]
    assert piped(helpers.Counting(fingerprint=None), "truncate:8").fingerprint is None


def test_ten_transforms_encode_each_text_once(tmp_path: Path) -> None:
    data = helpers.sts(tmp_path / "data" / "A", n=20)
    encoder = helpers.Counting()
    chains = [("truncate:8",), ("truncate:4",), ("pca:4",), ("whiten",), ("center",), ("project:8",), ("topk:4",),
              ("quantize:int8",), ("quantize:binary",), ("pq:4,bits=2",)]  # fmt: skip
    results = evalkit.evaluate([encoder, *(piped(encoder, *chain) for chain in chains)], data=data.parent)
    assert len(results) == 11
    assert not results.failures
    assert len(encoder.texts) == len(set(encoder.texts))
    assert all(result.timing and result.timing.texts_encoded == 0 for result in results[1:])


def test_nothing_of_a_chain_is_cached() -> None:
    cache = EmbeddingCache()
    EncoderBench(piped(helpers.Counting(), "truncate:8"), TASK, cache=cache).embed(TEXTS, role=Role.TEXT)
    [entry] = cache.entries()
    assert (entry.fingerprint, entry.vectors) == (helpers.FINGERPRINT, len(TEXTS))


def test_truncating_to_the_whole_length_changes_nothing(tmp_path: Path) -> None:
    data = helpers.sts(tmp_path / "data" / "A", n=20).parent
    plain = evalkit.evaluate(helpers.Counting(), data=data)
    cut = evalkit.evaluate(piped(helpers.Counting(), "truncate:16"), data=data)
    assert plain[0].cells[0].scores == cut[0].cells[0].scores
    assert plain[0].cells[0].observations == cut[0].cells[0].observations


def test_what_was_fitted_is_in_the_result_and_marked(tmp_path: Path) -> None:
    data = helpers.sts(tmp_path / "data" / "A", n=20).parent
    file = tmp_path / "own.txt"
    file.write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    own, foreign = evalkit.evaluate(
        [piped(helpers.Counting(), "center", "pca:4,seed=3"), piped(helpers.Counting(), f"pca:4,fit={file}")], data=data
    )
    center, pca = own.cells[0].fits
    distinct = {text for row in helpers_rows(data / "A") for text in (row["sentence1"], row["sentence2"])}
    assert (center["transform"], pca["transform"], pca["seed"]) == ("center", "pca:4,seed=3", 3)
    assert (pca["texts"], pca["n"], pca["role"], pca["evaluated"]) == ("task", len(distinct), "text", True)
    assert any("Fitted on the evaluated texts: center, pca:4,seed=3" in text for text in own.warnings)
    [fit] = foreign.cells[0].fits
    assert (fit["texts"]["file"], fit["n"], fit["evaluated"]) == ("own.txt", len(set(TEXTS)), False)
    assert not any("Fitted" in text for text in foreign.warnings)
    assert own.encoder.parts["steps"][1]["parameters"]["fit"]["seed"] == 3


def helpers_rows(folder: Path) -> list[Mapping[str, Any]]:
    import json

    return [json.loads(line) for line in (folder / "test.jsonl").read_text(encoding="utf-8").splitlines()]


def test_the_order_in_which_a_task_asks_decides_nothing() -> None:
    """A chain is fitted on the cell's texts, not on those that happen to come first."""
    one = vectors(piped(helpers.Counting(), "whiten:4"))
    encoder = piped(helpers.Counting(), "whiten:4")
    bench = EncoderBench(encoder, TASK)
    bench.start_cell(lambda: {Role.TEXT: TEXTS[::-1]})
    parts = [bench.embed(TEXTS[start : start + 7], role=Role.TEXT) for start in range(0, len(TEXTS), 7)]
    assert np.allclose(np.concatenate(parts), one, atol=1e-6)


def test_each_cell_is_fitted_anew(tmp_path: Path) -> None:
    both = helpers.sts(tmp_path / "both" / "A", n=20, subsets=("de", "en")).parent
    alone = helpers.sts(tmp_path / "alone" / "A", n=20, subsets=("en",)).parent
    [together] = evalkit.evaluate(piped(helpers.Counting(), "whiten:4"), data=both)
    [single] = evalkit.evaluate(piped(helpers.Counting(), "whiten:4"), data=alone)
    assert together.cells[1].scores == single.cells[0].scores


def test_documents_are_what_a_ranking_task_is_fitted_on(tmp_path: Path) -> None:
    data = helpers.retrieval(tmp_path / "data" / "R").parent
    [result] = evalkit.evaluate(piped(helpers.Counting(), "pca:4"), data=data)
    [fit] = result.cells[0].fits
    assert (fit["role"], fit["n"]) == ("document", 30)
    assert result.cells[0].cost["bytes_per_text"] == 16


def test_a_task_that_cannot_say_its_texts_is_an_error_that_says_what_helps() -> None:
    with pytest.raises(CellError, match="cannot say which texts it embeds") as caught:
        vectors(piped(helpers.Counting(), "pca:4"), evaluated=None)
    assert "fit=FILE" in caught.value.hint
    with pytest.raises(CellError, match="which only a run knows"):
        piped(helpers.Counting(), "pca:4").encode(TEXTS, role=Role.TEXT, task=TASK, batch_size=4)


def test_an_encoder_without_vectors_cannot_be_transformed() -> None:
    plugins = Plugins.installed()
    with pytest.raises(EncoderError, match="bm25 has no vectors, so truncate:8 cannot follow it"):
        plugins.load_encoder("bm25 | truncate:8")
    with pytest.raises(EncoderError, match="has no vectors, so truncate:8"):
        plugins.load_encoder("hybrid:[bm25 + hashing] | truncate:8")


def test_what_changes_the_encoder_stands_first() -> None:
    with pytest.raises(EncoderError, match="layer:2 changes the encoder itself, and truncate:8 its vectors"):
        piped(helpers.Counting(), "truncate:8", "layer:2")


def test_a_form_that_a_transform_does_not_take_is_refused_at_once() -> None:
    class Sparse(helpers.Counting):
        form = Form.SPARSE

    with pytest.raises(EncoderError, match="pca:4 takes dense or multi embeddings, and those before it are sparse"):
        piped(Sparse(), "pca:4")
    assert piped(Sparse(), "project:8", "pca:4").form is Form.DENSE


def test_a_broken_transform_is_a_sentence_about_its_encoder() -> None:
    class Broken:
        name, parameters, takes, fitted, decodes = "broken", {}, frozenset(Form), False, False

        def gives(self, form: Form) -> Form:
            return form

        def compared(self, similarity: Similarity) -> Similarity:
            return similarity

        def apply(self, sample: Any) -> Any:
            return lambda vectors, role: vectors[:1] if role else 1 / 0

    encoder = TransformedEncoder(helpers.Counting(), [Step(Broken(), "broken")])
    with pytest.raises(CellError, match=r"counting \| broken returned 1 vectors for 40 texts"):
        vectors(encoder)


def test_the_untrained_encoder_wears_the_same_transforms() -> None:
    base = helpers.Counting()
    base.untrained = lambda seed: helpers.Counting(f"fresh {seed}", fingerprint="cd" * 32)  # type: ignore[attr-defined]
    fresh = piped(base, "truncate:8").untrained(3)
    assert fresh.name == "fresh 3 | truncate:8"
    assert piped(helpers.Counting(), "truncate:8").untrained(3) is None


# -- rescoring ---------------------------------------------------------------------------------------------------


def test_rescoring_stands_behind_a_transform_and_last() -> None:
    with pytest.raises(EncoderError, match="none stands before it"):
        piped(helpers.Counting(), "rescore")
    with pytest.raises(EncoderError, match="Nothing can follow rescore"):
        piped(helpers.Counting(), "quantize:binary", "rescore", "truncate:8")


def test_rescoring_everything_is_the_asymmetric_comparison(tmp_path: Path) -> None:
    """With every document in the second stage: query as it was times documents of signs, by hand."""
    data = helpers.retrieval(tmp_path / "data" / "R", n=30).parent
    [result] = evalkit.evaluate(piped(helpers.Counting(), "quantize:binary", "rescore:depth=30"), data=data)
    documents = np.stack([helpers.vector(helpers.sentence(i)) for i in range(30)])
    queries = np.stack([helpers.vector(helpers.sentence(i * 3)) for i in range(8)])
    ranked = np.argsort(-(queries @ np.sign(documents).T), axis=1)
    hits = [row[0] in {(i * 3) % 30, (i * 3 + 1) % 30} for i, row in enumerate(ranked)]
    assert result.cells[0].scores["precision_at_1"] == pytest.approx(np.mean(hits))


def test_full_rescoring_of_everything_is_the_encoder_itself(tmp_path: Path) -> None:
    data = helpers.retrieval(tmp_path / "data" / "R").parent
    plain, full = evalkit.evaluate(
        [helpers.Counting(), piped(helpers.Counting(), "truncate:4", "rescore:depth=30")], data=data
    )
    assert full.cells[0].scores == plain.cells[0].scores
    assert full.cells[0].cost["bytes_per_text"] == 4 * 4 + 4 * 16  # the second stage needs what stood before


def test_rescoring_of_signs_needs_no_more_bytes(tmp_path: Path) -> None:
    data = helpers.retrieval(tmp_path / "data" / "R").parent
    stored, full = evalkit.evaluate(
        [piped(helpers.Counting(), "quantize:binary", end) for end in ("rescore", "rescore:with=full")], data=data
    )
    assert stored.cells[0].cost["bytes_per_text"] == 2
    assert full.cells[0].cost["bytes_per_text"] == 2 + 64
    assert stored.encoder.parts["steps"][-1] == {
        "transform": "rescore",
        "parameters": {"multiplier": 2, "with": "stored"},
    }


def test_rescoring_is_nothing_to_a_task_that_ranks_nothing(tmp_path: Path) -> None:
    data = helpers.sts(tmp_path / "data" / "A", n=20).parent
    coarse, both = evalkit.evaluate(
        [piped(helpers.Counting(), "quantize:binary"), piped(helpers.Counting(), "quantize:binary", "rescore")],
        data=data,
    )
    assert coarse.cells[0].scores == both.cells[0].scores


def test_a_fit_is_recorded_once_for_both_stages(tmp_path: Path) -> None:
    data = helpers.retrieval(tmp_path / "data" / "R").parent
    [result] = evalkit.evaluate(piped(helpers.Counting(), "pca:8", "quantize:int8", "rescore"), data=data)
    assert [fit["transform"] for fit in result.cells[0].fits] == ["pca:8", "quantize:int8"]


def test_specs_say_the_same_as_objects(tmp_path: Path) -> None:
    data = helpers.retrieval(tmp_path / "data" / "R").parent
    spec = "hashing:dim=64 | truncate:32 | quantize:binary | rescore:4"
    [result] = evalkit.evaluate(spec, data=data, output=tmp_path / "out")
    assert result.encoder.spec == spec
    assert result.encoder.name == spec.replace("hashing:dim=64", "hashing-dim=64")
    again = evalkit.evaluate(spec, data=data, output=tmp_path / "out")
    assert again[0] == result
