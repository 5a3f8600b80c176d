"""Tasks and suites of mteb's catalogue: its own scores from its own mock tasks, restrictions, folders, offline."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from helpers import Counting, vector

import evalkit
from evalkit.errors import EvalkitError

pytest.importorskip("mteb", reason="mteb is not installed (extra mteb)")

from datasets import Dataset, DatasetDict
from mteb.abstasks import AbsTaskClustering, AbsTaskSTS
from mteb.mocks import mock_tasks
from mteb.types import PromptType
from mteb_mocks import TEXTS, by_mteb, catalogued, renamed, run

from evalkit_tasks.mteb import catalogue
from evalkit_tasks.mteb.mapping import Recipe, recipe_of

# mteb warns of labels that are never predicted and of tasks that a newer version supersedes.
pytestmark = pytest.mark.filterwarnings("ignore")
# mteb rounds the metrics of retrieval to five decimals.
ROUNDED = ("Retrieval", "Reranking", "InstructionRetrieval", "InstructionReranking")


# -- scores ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_every_score_is_mteb_s(name: str) -> None:
    kind = TEXTS[name]
    with catalogued(kind):
        result = run(name)
    tolerance = 5.1e-6 if result.task.type in ROUNDED else 1e-7
    for cell in result.cells:
        expected = by_mteb(kind, cell.split, cell.subset)
        compared = {metric for metric in expected if "nauc" not in metric} if result.task.type in ROUNDED else expected
        assert set(compared) <= set(cell.scores)
        for metric in compared:
            got = cell.scores[metric]
            assert np.isnan(expected[metric]) if got is None else got == pytest.approx(expected[metric], abs=tolerance)
    assert len(result.cells) == len(kind().metadata.hf_subsets) * len(kind().metadata.eval_splits)


@pytest.mark.parametrize("name", sorted(set(TEXTS) - {"MockTextZeroShotClassification"}))
def test_our_protocols_run_them_and_show_observations(name: str) -> None:
    with catalogued(TEXTS[name]):
        result = run(name)
    assert "evaluator" not in result.task.protocol
    assert all(cell.observations is not None for cell in result.cells)
    assert result.task.name == name
    assert result.task.type == TEXTS[name].metadata.type


def test_a_type_that_we_lack_is_marked() -> None:
    with catalogued(mock_tasks.MockTextZeroShotClassificationTask):
        result = run("MockTextZeroShotClassification")
    assert result.task.protocol["evaluator"].startswith("mteb ")
    assert result.cells[0].observations is None
    assert any("Scored by mteb" in warning for warning in result.warnings)


class OwnEvaluation(mock_tasks.MockSTSTask):
    metadata = renamed("OwnEvaluation", mock_tasks.MockSTSTask)

    def _evaluate_subset(self, model: Any, data_split: Any, **kwargs: Any) -> Any:
        scores = super()._evaluate_subset(model, data_split, **kwargs)
        return {**scores, "cosine_spearman": 0.125}


class OwnNormalization(mock_tasks.MockSTSTask):
    metadata = renamed("OwnNormalization", mock_tasks.MockSTSTask)

    def _normalize(self, x: float) -> float:
        return -x


class OwnConstructor(mock_tasks.MockSTSTask):
    metadata = renamed("OwnConstructor", mock_tasks.MockSTSTask)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)


class OwnClassifier(mock_tasks.MockClassificationTask):
    metadata = renamed("OwnClassifier", mock_tasks.MockClassificationTask)
    evaluator_model = mock_tasks.MockClassificationTask.evaluator_model.__class__(max_iter=50, C=0.5)


class OwnIterations(mock_tasks.MockClassificationTask):
    metadata = renamed("OwnIterations", mock_tasks.MockClassificationTask)
    evaluator_model = mock_tasks.MockClassificationTask.evaluator_model.__class__(max_iter=1)
    samples_per_label = 1
    n_experiments = 3


class AsymmetricSTS(mock_tasks.MockSTSTask):
    metadata = renamed("AsymmetricSTS", mock_tasks.MockSTSTask)
    input1_prompt_type = PromptType.query


class OwnRetrievalScores(mock_tasks.MockRetrievalTask):
    metadata = renamed("OwnRetrievalScores", mock_tasks.MockRetrievalTask)

    def task_specific_scores(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        return {"special": 0.75}


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (OwnEvaluation, "_evaluate_subset"),
        (OwnNormalization, "_normalize"),
        (OwnConstructor, "__init__"),
        (OwnClassifier, "another C"),
        (AsymmetricSTS, "query and document"),
        (OwnRetrievalScores, "task_specific_scores"),
    ],
)
def test_a_class_that_evaluates_in_a_way_of_its_own_never_gets_our_protocol(kind: Any, why: str) -> None:
    assert why in str(recipe_of(kind()))
    with catalogued(kind):
        result = run(kind.metadata.name)
    assert "evaluator" in result.task.protocol
    cell = result.cells[0]
    expected = by_mteb(kind, cell.split, cell.subset)
    finite = {name: value for name, value in expected.items() if np.isfinite(value)}
    assert {name: cell.scores[name] for name in finite} == pytest.approx(finite, abs=1e-7)


def test_settings_of_a_class_become_parameters() -> None:
    assert isinstance(recipe_of(OwnIterations()), Recipe)
    with catalogued(OwnIterations):
        result = run("OwnIterations")
    assert result.task.protocol["max_iter"] == 1
    assert result.task.protocol["n_experiments"] == 3
    assert result.cells[0].scores["accuracy"] == pytest.approx(by_mteb(OwnIterations, "test", "default")["accuracy"])


def test_nearly_all_tasks_of_texts_have_our_protocol() -> None:
    tasks = [kind() for kind in catalogue.mteb("get_tasks")._TASKS_REGISTRY.values()]
    texts = [task for task in tasks if not task.is_aggregate and list(task.metadata.modalities) == ["text"]]
    reasons = [reason for reason in map(recipe_of, texts) if isinstance(reason, str)]
    # mteb 2.26.24: 1,289 of 1,319; the others have scores of their own, one classifier for two types, or two roles.
    assert len(reasons) < 0.05 * len(texts)
    assert {"StakeholderGrounding", "TERRa.V2", "IFIRPm", "LoCoMo"} <= {
        task.metadata.name for task in texts if isinstance(recipe_of(task), str)
    }


# -- what mteb draws ---------------------------------------------------------------------------------------------


def test_the_generators_of_the_program_are_left_alone() -> None:
    random.seed(7)
    np.random.seed(7)
    expected = random.random(), np.random.rand()
    random.seed(7)
    np.random.seed(7)
    with catalogued(mock_tasks.MockTextZeroShotClassificationTask, mock_tasks.MockSTSTask):
        run("MockTextZeroShotClassification")
        run("MockSTSTask")
    assert (random.random(), np.random.rand()) == expected


# -- images ------------------------------------------------------------------------------------------------------


class Pictures(Counting):
    """Takes pictures, too: their mean colour."""

    def encode_images(self, images: Any, *, batch_size: int) -> np.ndarray:
        return np.stack([[*image.reshape(-1, 3).mean(axis=0), 1.0] for image in images]).astype(np.float32)


def test_tasks_of_pictures_run_through_mteb_s_evaluator() -> None:

    with catalogued(mock_tasks.MockImageClassificationTask):
        name = mock_tasks.MockImageClassificationTask.metadata.name
        [result] = evalkit.evaluate(Pictures(), f"mteb:{name}")
        with pytest.raises(EvalkitError, match="takes no images"):
            evalkit.evaluate(Counting(), f"mteb:{name}")
    assert 0 <= (result.main_score.value or -1) <= 1


class Clusters(AbsTaskClustering):
    """Large enough that draws differ."""

    metadata = renamed("Clusters", TEXTS["LegacyMockClusteringFastTask"], eval_splits=["test"])
    max_fraction_of_documents_to_embed = None
    max_document_to_embed = 60
    max_documents_per_cluster = 40
    n_clusters = 3

    def load_data(self, **kwargs: Any) -> None:
        rows = [{"sentences": f"text {number}", "labels": number % 4} for number in range(90)]
        self.dataset = DatasetDict({"test": Dataset.from_list(rows)})
        self.data_loaded = True


class Pairs(AbsTaskSTS):
    metadata = renamed("Pairs", mock_tasks.MockSTSTask)
    column_names = ("left", "right")
    min_score, max_score = 1, 3

    def load_data(self, **kwargs: Any) -> None:
        rows = [{"left": f"l {n}", "right": f"r {n * 7 % 31}", "score": n % 3 + 1} for n in range(50)]
        self.dataset = DatasetDict({"test": Dataset.from_list(rows)})
        self.data_loaded = True


@pytest.mark.parametrize("kind", [Clusters, Pairs])
def test_columns_and_settings_of_a_task_of_some_size(kind: Any) -> None:
    with catalogued(kind):
        result = run(kind.metadata.name)
    expected = by_mteb(kind, "test", "default")
    assert "evaluator" not in result.task.protocol
    assert {name: result.cells[0].scores[name] for name in expected} == pytest.approx(expected, abs=1e-7)


def test_fixed_vectors_are_those_of_the_counting_encoder() -> None:
    assert (Counting().vector("text", None, None) == vector("text")).all()
