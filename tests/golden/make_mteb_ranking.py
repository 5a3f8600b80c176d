"""Write `mteb_ranking.json`: mteb's own scores on the data of `toy_ranking.py`, with the vectors of `toy.py`.

    pip install mteb==2.26.24
    python tests/golden/make_mteb_ranking.py

mteb is not needed to run the tests; this is where their numbers come from.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any

import numpy as np
import toy_ranking
from datasets import Dataset, DatasetDict
from make_mteb import HERE, Toy, metadata, run
from mteb._evaluators.retrieval_metrics import (
    evaluate_p_mrr_change,
    max_over_subqueries,
    paired_accuracy,
    robustness_at_10,
)
from mteb.abstasks.retrieval import AbsTaskRetrieval
from mteb.abstasks.text import reranking
from mteb.models.model_meta import ScoringFunction

SIMILARITIES = {"cosine": ScoringFunction.COSINE, "dot": ScoringFunction.DOT_PRODUCT}
K_VALUES = (1, 3, 10, 100)


class RoundedToy(Toy):
    """The same vectors, compared in 64-bit numbers to ten decimals.

    As mteb compares them, equal vectors can differ in the last bit by their place in a product, which then orders
    them; ours are equal, and the order of their ids decides.
    """

    def encode(self, inputs: Any, **kwargs: Any) -> Any:
        return np.float64(super().encode(inputs, **kwargs))

    def similarity(self, *sides: Any) -> Any:
        return super().similarity(*sides).round(decimals=10)


def flat(scores: dict[str, Any]) -> dict[str, Any]:
    """Every number but nAUC; those of a nested part with its name in front."""
    out = {key: value for key, value in scores.items() if not isinstance(value, dict) and "nauc" not in key.lower()}
    for part, values in scores.items():
        if isinstance(values, dict):
            out |= {f"{part}_{key}": value for key, value in flat(values).items()}
    return out


def split(raw: dict[str, Any], *, candidates: bool = True) -> dict[str, Any]:
    told = raw.get("instructions")
    queries = [{"id": name, "text": text} for name, text in raw["queries"].items()]
    if told is not None:
        queries = [{**query, "instruction": told.get(query["id"])} for query in queries]
    data = {
        "corpus": Dataset.from_list([{"id": name, **texts} for name, texts in raw["documents"].items()]),
        "queries": Dataset.from_list(queries),
        "relevant_docs": {name: judged for name, judged in raw["qrels"].items() if name in raw["queries"]},
        "top_ranked": raw["candidates"] if candidates else None,
    }
    return {"default": {"test": data}}


def lists(model: Toy) -> dict[str, Any]:
    reranking.OLD_FORMAT_RERANKING_TASKS.append("Toy")
    base = type("Lists", (reranking.AbsTaskReranking,), {"metadata": metadata("Reranking", "map_at_1000", ["test"])})
    task = base()
    task.transform_old_dataset_format({"default": DatasetDict({"test": Dataset.from_list(toy_ranking.lists())})})
    return flat(run(AbsTaskRetrieval, "Reranking", "map_at_1000", task.dataset, "test", model))


def followed(raw: dict[str, Any], model: Toy) -> dict[str, Any]:
    def specific(self: Any, scores: Any, qrels: Any, results: Any, hf_split: str, hf_subset: str) -> Any:
        return evaluate_p_mrr_change(qrels, results, raw["changes"], self.k_values)

    attributes = {"k_values": K_VALUES, "task_specific_scores": specific}
    return flat(run(AbsTaskRetrieval, "InstructionReranking", "p-MRR", split(raw), "test", model, **attributes))


def in_groups(kind: str, model: Toy) -> dict[str, Any]:
    def specific(self: Any, scores: Any, qrels: Any, results: Any, hf_split: str, hf_subset: str) -> Any:
        if kind == "subqueries":
            return max_over_subqueries(qrels, results, self.k_values)
        name, of = {
            "paired": ("paired_accuracy", paired_accuracy),
            "robustness": ("robustness_at_10", robustness_at_10),
        }[kind]
        return {name: of(qrels, results, scores)}

    attributes = {"k_values": K_VALUES, "task_specific_scores": specific}
    data = split(toy_ranking.grouped(kind))
    return flat(run(AbsTaskRetrieval, "Reranking", "map_at_10", data, "test", model, **attributes))


def main() -> None:
    packages = {name: version(name) for name in ("mteb", "numpy", "torch", "pytrec_eval-terrier")}
    base, goldens = AbsTaskRetrieval, {}
    for name, similarity in SIMILARITIES.items():
        model = RoundedToy(similarity)
        given, told = split(toy_ranking.reranking()), split(toy_ranking.instructions(), candidates=False)
        small = {"k_values": K_VALUES}
        goldens |= {
            f"lists_{name}": lists(model),
            f"reranking_{name}": flat(run(base, "Reranking", "ndcg_at_10", given, "test", model, **small)),
            f"instructions_{name}": flat(run(base, "InstructionRetrieval", "ndcg_at_10", told, "test", model, **small)),
            f"follow_{name}": followed(toy_ranking.follow(), model),
            f"follow_some_{name}": followed(toy_ranking.follow(complete=False), model),
        }
        goldens |= {f"{kind}_{name}": in_groups(kind, model) for kind in ("paired", "robustness", "subqueries")}
        given = split(toy_ranking.reranking())
        ignored = run(base, "Reranking", "ndcg_at_10", given, "test", model, ignore_identical_ids=True, **small)
        goldens[f"reranking_ignore_{name}"] = flat(ignored)
    record = {"made_by": "tests/golden/make_mteb_ranking.py", "packages": packages, "scores": goldens}
    (HERE / "mteb_ranking.json").write_text(json.dumps(record, indent=1, allow_nan=False) + "\n")
    print({name: (scores.get("main_score"), len(scores)) for name, scores in goldens.items()})


if __name__ == "__main__":
    main()
