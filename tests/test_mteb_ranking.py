"""Ranking tasks of mteb's catalogue that one plain folder cannot hold, and those with scores of their own."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from helpers import sentence

pytest.importorskip("mteb", reason="mteb is not installed (extra mteb)")

from datasets import Dataset
from mteb._evaluators import retrieval_metrics
from mteb._evaluators.retrieval_metrics import max_over_subqueries, paired_accuracy, robustness_at_10
from mteb.abstasks import AbsTaskRetrieval
from mteb.abstasks.aggregated_task import AbsTaskAggregate
from mteb.mocks import mock_tasks
from mteb_mocks import by_mteb, catalogued, renamed, run

pytestmark = pytest.mark.filterwarnings("ignore")

# -- data that a folder cannot hold, or not in one ---------------------------------------------------------------


def ranking(queries: dict[str, str], corpus: dict[str, str], judged: dict[str, dict[str, int]]) -> dict[str, Any]:
    return {
        "queries": Dataset.from_list([{"id": key, "text": text} for key, text in queries.items()]),
        "corpus": Dataset.from_list([{"id": key, "text": text, "title": ""} for key, text in corpus.items()]),
        "relevant_docs": judged,
        "top_ranked": None,
    }


CORPUS = {f"d{number}": f"document about thing {number}" for number in range(9)}
QUERIES = {"q1": "thing 1", "q2": "the second thing"}


class Dangling(AbsTaskRetrieval):
    metadata = renamed("Dangling", mock_tasks.MockRetrievalTask, eval_splits=["test"])

    def load_data(self, **kwargs: Any) -> None:
        judged = {"q1": {"d1": 1, "nowhere": 1}, "q2": {"d2": 1, "d3": 0}}
        self.dataset = {"default": {"test": ranking(QUERIES, CORPUS, judged)}}
        self.data_loaded = True


def test_a_judged_document_that_is_not_there_counts_as_mteb_counts_it() -> None:
    with catalogued(Dangling):
        result = run("Dangling")
    expected = by_mteb(Dangling, "test", "default")
    assert result.cells[0].scores["recall_at_100"] == pytest.approx(expected["recall_at_100"])
    assert expected["recall_at_100"] == 0.75  # q1 finds one of two, q2 all
    assert any("its corpus lacks" in warning for warning in result.warnings)


class OtherCorpora(AbsTaskRetrieval):
    metadata = renamed("OtherCorpora", mock_tasks.MockRetrievalTask, eval_splits=["dev", "test"])

    def load_data(self, **kwargs: Any) -> None:
        other = {key: f"another {text}" for key, text in CORPUS.items()}
        judged = {"q1": {"d1": 1}, "q2": {"d2": 2, "d5": 1}}
        self.dataset = {"default": {"dev": ranking(QUERIES, CORPUS, judged), "test": ranking(QUERIES, other, judged)}}
        self.data_loaded = True


def test_splits_with_a_corpus_each_are_scored_each_on_its_own() -> None:
    with catalogued(OtherCorpora):
        result = run("OtherCorpora")
    assert [cell.split for cell in result.cells] == ["dev", "test"]
    for cell in result.cells:
        assert cell.observations is not None
        expected = by_mteb(OtherCorpora, cell.split, "default")["ndcg_at_10"]
        assert cell.scores["ndcg_at_10"] == pytest.approx(expected, abs=5.1e-6)
    assert result.cells[0].scores["ndcg_at_10"] != result.cells[1].scores["ndcg_at_10"]


class Constant(mock_tasks.MockSTSTask):
    metadata = renamed("Constant", mock_tasks.MockSTSTask)

    def _evaluate_subset(self, model: Any, data_split: Any, **kwargs: Any) -> Any:
        return {"cosine_spearman": 0.125}


class Whole(AbsTaskAggregate):
    metadata = mock_tasks.MockAggregatedTask.metadata.model_copy(
        update={"name": "Whole", "tasks": [mock_tasks.MockSTSTask(), Constant()], "main_score": "cosine_spearman"}
    )


def test_an_aggregate_is_the_mean_of_its_tasks() -> None:
    with catalogued(Whole, mock_tasks.MockSTSTask, Constant):
        result = run("Whole")
    assert [cell.subset for cell in result.cells] == ["MockSTSTask", "Constant"]
    first = by_mteb(mock_tasks.MockSTSTask, "test", "default")["cosine_spearman"]
    assert result.main_score.value == pytest.approx((first + 0.125) / 2)


class Changed(mock_tasks.MockInstructionReranking):
    metadata = renamed("Changed", mock_tasks.MockInstructionReranking, main_score="p-MRR")

    def load_data(self, **kwargs: Any) -> None:
        queries = [
            {"id": f"{key}-{form}", "text": text, "instruction": f"{form} instruction for {key}"}
            for key, text in QUERIES.items()
            for form in ("og", "changed")
        ]
        judged = {row["id"]: {"d1": 1, "d2": 1} for row in queries}
        judged["q1-changed"] = {"d1": 1, "d2": 0}
        data = ranking({}, CORPUS, judged)
        data["queries"] = Dataset.from_list(queries)
        data["top_ranked"] = {row["id"]: list(CORPUS) for row in queries}
        self.dataset = {"default": {"test": data}}
        self.data_loaded = True

    def task_specific_scores(
        self, scores: Any, qrels: Any, results: Any, hf_split: str, hf_subset: str
    ) -> dict[str, float]:
        return evaluate_p_mrr_change(qrels, results, {"q1": ["d2"], "q2": ["d1"]}, self.k_values)


def evaluate_p_mrr_change(*args: Any) -> Any:
    """As mteb's, in the module of the task, where mteb's tasks have it."""
    return retrieval_metrics.evaluate_p_mrr_change(*args)


def test_what_a_changed_instruction_makes_irrelevant_comes_along() -> None:
    with catalogued(Changed):
        result = run("Changed")
    expected = by_mteb(Changed, "test", "default")
    assert "evaluator" not in result.task.protocol
    assert result.cells[0].scores["p-MRR"] == pytest.approx(expected["p-MRR"])
    assert expected["p-MRR"] != 0
    assert sys.modules[__name__].evaluate_p_mrr_change is evaluate_p_mrr_change


class Together(mock_tasks.MockRerankingTask):
    """Queries that belong together by their ids, and candidates for each."""

    metadata = renamed("Together", mock_tasks.MockRerankingTask, eval_splits=["test"])

    def load_data(self, **kwargs: Any) -> None:
        queries = {f"{group}_q{part}": sentence(3 * group + part) for group in range(1, 7) for part in (1, 2)}
        judged = {query: {f"d{(row // 2) % 9}": 1, f"d{(row * 5 + 3) % 9}": 0} for row, query in enumerate(queries)}
        data = ranking(queries, CORPUS, judged)
        # So few that some pairs are both right by chance: no score is 0 or 1.
        data["top_ranked"] = {query: list(grades) for query, grades in judged.items()}
        self.dataset = {"default": {"test": data}}
        self.data_loaded = True


class Paired(Together):
    metadata = renamed("Paired", Together, main_score="paired_accuracy")

    def task_specific_scores(
        self, scores: Any, qrels: Any, results: Any, hf_split: str, hf_subset: str
    ) -> dict[str, float]:
        return {"paired_accuracy": paired_accuracy(qrels, results, scores)}


class Robust(Together):
    metadata = renamed("Robust", Together, main_score="robustness_at_10")

    def task_specific_scores(
        self, scores: Any, qrels: Any, results: Any, hf_split: str, hf_subset: str
    ) -> dict[str, float]:
        return {"robustness_at_10": robustness_at_10(qrels, results, scores)}


class Merged(Together):
    metadata = renamed("Merged", Together, main_score="max_over_subqueries_map_at_1000")

    def task_specific_scores(
        self, scores: Any, qrels: Any, results: Any, hf_split: str, hf_subset: str
    ) -> dict[str, float]:
        return max_over_subqueries(qrels, results, self.k_values)


class Halved(Together):
    metadata = renamed("Halved", Together, main_score="robustness_at_10")

    def task_specific_scores(
        self, scores: Any, qrels: Any, results: Any, hf_split: str, hf_subset: str
    ) -> dict[str, float]:
        return {"robustness_at_10": robustness_at_10(qrels, results, scores) / 2}


class Beside(Together):
    metadata = renamed("Beside", Together, main_score="robustness_at_10")

    def task_specific_scores(
        self, scores: Any, qrels: Any, results: Any, hf_split: str, hf_subset: str
    ) -> dict[str, float]:
        return {"robustness_at_10": robustness_at_10(qrels, results, scores), "beside": 0.25}


@pytest.mark.parametrize("kind", [Paired, Robust, Merged])
def test_scores_of_queries_that_belong_together_are_ours(kind: Any) -> None:
    with catalogued(kind):
        result = run(kind.metadata.name)
    metric = kind.metadata.main_score
    assert "evaluator" not in result.task.protocol
    assert result.cells[0].observations is not None
    expected = by_mteb(kind, "test", "default")[metric]
    assert result.main_score.value == pytest.approx(expected, abs=5.1e-6)
    assert 0 < expected < 1


@pytest.mark.parametrize("kind", [Halved, Beside])
def test_a_method_that_does_anything_else_beside_is_mteb_s(kind: Any) -> None:
    with catalogued(kind):
        result = run(kind.metadata.name)
    assert "evaluator" in result.task.protocol
    assert result.main_score.value == pytest.approx(by_mteb(kind, "test", "default")["robustness_at_10"])
