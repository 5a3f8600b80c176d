"""Which tasks of mteb evalkit can run by its own protocols, and why others must run through mteb's evaluator.

A class that changes anything that its base class evaluates with, other than the settings that a `task.toml` can say,
is never given our protocol.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalkit_tasks.mteb import labelled, pairs, ranking

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_BASES = "mteb.abstasks"


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_HARMLESS = _names(
    """metadata load_data dataset_transform fast_load fast_loading superseded_by abstask_prompt data_loaded dataset
    hf_subsets hf_subset eval_splits _eval_splits _get_content_columns _calculate_descriptive_statistics_from_split
    _load_statistics_col_inputs_and_hashes _push_dataset_to_hub _upload_dataset_to_hub stratified_subsampling
    _abc_impl"""
)
"""What a class may define without changing how it is evaluated: where its data come from, and descriptions."""
_INIT = "__init__"


@dataclass(frozen=True)
class Recipe:
    """How tasks of one base class become task folders.

    Attributes:
        protocol: The parameters for `task.toml`.
        write: Writes the files of a subset: (task, subset, folder).
        settings: What a class may set, as the protocol holds it or a check looks at it.
        refuse: Why a task of the class cannot be had so, if so.
    """

    protocol: Callable[[Any], dict[str, Any]]
    write: Callable[[Any, str, Path], None]
    settings: frozenset[str]
    refuse: Callable[[Any], str] = lambda task: ""  # noqa: ARG005


def recipe_of(task: Any) -> Recipe | str:
    """How a task becomes a folder, or why it cannot, in half a sentence."""
    metadata = task.metadata
    if list(metadata.modalities) != ["text"]:
        return f"it is of {' and '.join(metadata.modalities)}"
    base = _base(task)
    recipe = _RECIPES.get((base.__name__, metadata.type))
    if recipe is None:
        return f"evalkit has no protocol for {base.__name__} as {metadata.type}"
    changed = _changed(task, base, recipe)
    return f"its class has its own {', '.join(changed)}" if changed else recipe.refuse(task) or recipe


def _base(task: Any) -> type:
    """The class of mteb that evaluates it."""
    return next(kind for kind in type(task).__mro__ if kind.__module__.startswith(_BASES))


def _changed(task: Any, base: type, recipe: Recipe) -> list[str]:
    """What the classes between a task and its base override that decides scores."""
    kinds = type(task).__mro__[: type(task).__mro__.index(base)]
    defined = {name for kind in kinds for name in vars(kind) if not name.startswith("__") or name == _INIT}
    return sorted(name for name in defined - _HARMLESS - recipe.settings if hasattr(base, name))


_DRAWING = _names("samples_per_label n_experiments train_split input_column_name label_column_name evaluator_model")
_RANKING = Recipe(
    ranking.ranking_protocol,
    ranking.write_ranking,
    _names("k_values ignore_identical_ids skip_first_result task_specific_scores"),
    ranking.refuse_ranking,
)
_RECIPES = {
    ("AbsTaskRetrieval", "Retrieval"): _RANKING,
    ("AbsTaskRetrieval", "Reranking"): _RANKING,
    ("AbsTaskReranking", "Reranking"): _RANKING,
    ("AbsTaskRetrieval", "InstructionRetrieval"): _RANKING,
    ("AbsTaskRetrieval", "InstructionReranking"): _RANKING,
    ("AbsTaskSTS", "STS"): Recipe(
        pairs.sts_protocol,
        pairs.write_sts,
        _names("min_score max_score column_names input1_prompt_type input2_prompt_type"),
        pairs.refuse_sts,
    ),
    ("AbsTaskPairClassification", "PairClassification"): Recipe(
        lambda task: {},  # noqa: ARG005
        pairs.write_pair_classification,
        _names("input1_column_name input2_column_name label_column_name input1_prompt_type input2_prompt_type"),
        pairs.refuse_pair_classification,
    ),
    ("AbsTaskBitextMining", "BitextMining"): Recipe(
        lambda task: {},  # noqa: ARG005
        pairs.write_bitext,
        _names("parallel_subsets"),
    ),
    ("AbsTaskClassification", "Classification"): Recipe(
        labelled.classification_protocol,
        labelled.write_classification,
        _DRAWING | _names("is_cross_validation n_splits"),
        labelled.refuse_classification,
    ),
    ("AbsTaskMultilabelClassification", "MultilabelClassification"): Recipe(
        labelled.multilabel_protocol,
        labelled.write_multilabel,
        _DRAWING | {"max_eval_samples"},
        labelled.refuse_multilabel,
    ),
    ("AbsTaskRegression", "Regression"): Recipe(
        labelled.regression_protocol,
        labelled.write_regression,
        _DRAWING | {"n_samples"},
        labelled.refuse_regression,
    ),
    ("AbsTaskClustering", "Clustering"): Recipe(
        labelled.clustering_protocol,
        labelled.write_clustering,
        _names(
            """max_fraction_of_documents_to_embed max_document_to_embed max_documents_per_cluster n_clusters
            k_mean_batch_size max_depth input_column_name label_column_name"""
        ),
        labelled.refuse_clustering,
    ),
    ("AbsTaskClusteringLegacy", "Clustering"): Recipe(
        labelled.sets_protocol,
        labelled.write_sets,
        _names("input_column_name label_column_name"),
        labelled.refuse_clustering,
    ),
    ("AbsTaskSummarization", "Summarization"): Recipe(
        labelled.summarization_protocol,
        labelled.write_summarization,
        _names(
            """min_score max_score evaluator text_column_name human_summaries_column_name
            machine_summaries_column_name relevancy_column_name"""
        ),
        labelled.refuse_summarization,
    ),
}
