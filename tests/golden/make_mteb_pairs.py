"""Write `mteb_pairs.json`: mteb's own scores on the data of `toy_pairs.py`, with the vectors of `toy.py`.

    pip install mteb==2.26.24 scikit-learn==1.9.1
    python tests/golden/make_mteb_pairs.py

mteb is not needed to run the tests; this is where their numbers come from.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any

import numpy as np
import toy
import toy_pairs
from datasets import Dataset
from make_mteb import HERE, Toy, run
from mteb._evaluators.text.summarization_evaluator import DeprecatedSummarizationEvaluator
from mteb.abstasks.pair_classification import AbsTaskPairClassification
from mteb.abstasks.text.bitext_mining import AbsTaskBitextMining
from mteb.abstasks.text.summarization import AbsTaskSummarization
from mteb.models.model_meta import ScoringFunction

SIMILARITIES = {"cosine": ScoringFunction.COSINE, "dot": ScoringFunction.DOT_PRODUCT}


class DoubleToy(Toy):
    """The same vectors as 64-bit numbers, so that rounding orders no equal similarities."""

    def encode(self, inputs: Any, **kwargs: Any) -> Any:
        return np.float64(super().encode(inputs, **kwargs))


def data(columns: dict[str, Any]) -> dict[str, Any]:
    return {"default": {"test": Dataset.from_dict(columns)}}


def pair_classifications(name: str, model: Toy) -> dict[str, Any]:
    base, kind, main = AbsTaskPairClassification, "PairClassification", "max_ap"
    return {
        f"pairs_{each}_{name}": run(
            base, kind, main, data(toy_pairs.pairs(each)), "test", model, label_column_name="label"
        )
        for each in ("mixed", "positive", "negative", "two")
    }


def summarizations(name: str, model: Toy) -> dict[str, Any]:
    base, kind, main = AbsTaskSummarization, "Summarization", "cosine_spearman"
    columns = data(toy_pairs.summaries())
    scale = {"min_score": 1, "max_score": 5}
    legacy = {**scale, "evaluator": DeprecatedSummarizationEvaluator}
    return {
        f"summaries_{name}": run(base, kind, main, columns, "test", model, **scale),
        f"summaries_legacy_{name}": run(base, kind, main, columns, "test", model, **legacy),
    }


def main() -> None:
    packages = {name: version(name) for name in ("mteb", "scikit-learn", "numpy", "scipy", "torch")}
    goldens: dict[str, Any] = {}
    for name, similarity in SIMILARITIES.items():
        goldens |= pair_classifications(name, DoubleToy(similarity))
        goldens |= summarizations(name, Toy(similarity))
        goldens[f"bitext_{name}"] = run(
            AbsTaskBitextMining, "BitextMining", "f1", data(toy_pairs.translations()), "test", Toy(similarity)
        )
    record = {"made_by": "tests/golden/make_mteb_pairs.py", "packages": packages, "scores": goldens}
    (HERE / "mteb_pairs.json").write_text(json.dumps(record, indent=1, allow_nan=False) + "\n")
    print({name: scores["main_score"] for name, scores in goldens.items()}, toy.DIMENSION)


if __name__ == "__main__":
    main()
