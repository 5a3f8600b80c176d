"""Tasks of one text and what is to be said of it: classification, several labels, a value, clusters, summaries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalkit_tasks.mteb.files import Inexpressible, label_of, number_of, text_of, write_jsonl
from evalkit_tasks.mteb.loading import columns_of, split_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_SUMMARIES = ("text", "human_summaries", "machine_summaries", "relevance")


def classification_protocol(task: Any) -> dict[str, Any]:
    """How many examples are learnt from, and how often."""
    return {
        "samples_per_label": task.samples_per_label,
        "classifier": "LogisticRegression",
        "max_iter": task.evaluator_model.max_iter,
        **_drawing(task),
    }


def refuse_classification(task: Any) -> str:
    """Why a folder cannot hold it, if so."""
    return _column(task) or _differs(task.evaluator_model, "LogisticRegression", {"max_iter", "random_state"})


def multilabel_protocol(task: Any) -> dict[str, Any]:
    """As of classification; of a large split `max_eval_samples` are drawn. TOML has no null."""
    return {
        "samples_per_label": task.samples_per_label,
        "n_experiments": task.n_experiments,
        "train_split": task.train_split,
        "n_neighbors": task.evaluator_model.n_neighbors,
        "max_eval_samples": task.max_eval_samples if task.max_eval_samples is not None else "none",
    }


def refuse_multilabel(task: Any) -> str:
    """Why a folder cannot hold it, if so."""
    if not hasattr(task, "max_eval_samples"):
        return "this mteb cuts large splits in another way"
    return _column(task) or _folds(task) or _differs(task.evaluator_model, "KNeighborsClassifier", {"n_neighbors"})


def regression_protocol(task: Any) -> dict[str, Any]:
    """As of classification, with the number of examples in all."""
    return {"n_samples": task.n_samples, "n_experiments": task.n_experiments, "train_split": task.train_split}


def refuse_regression(task: Any) -> str:
    """Why a folder cannot hold it, if so."""
    return _column(task) or _folds(task) or _differs(task.evaluator_model, "LinearRegression", set())


def write_classification(task: Any, subset: str, base: Path) -> None:
    """The training split and every evaluated one."""
    _write_learnt(task, subset, base, "label", label_of)


def write_multilabel(task: Any, subset: str, base: Path) -> None:
    """The same with a list of labels a text."""
    _write_learnt(task, subset, base, "labels", _labels)


def write_regression(task: Any, subset: str, base: Path) -> None:
    """The same with a number a text."""
    _write_learnt(task, subset, base, "value", number_of)


def clustering_protocol(task: Any) -> dict[str, Any]:
    """How many documents are drawn, and how often; TOML has no null."""
    optional = ("max_fraction_of_documents_to_embed", "max_document_to_embed", "max_depth")
    given = {name: getattr(task, name) for name in optional}
    return {
        **{name: "none" if value is None else value for name, value in given.items()},
        "max_documents_per_cluster": task.max_documents_per_cluster,
        "n_clusters": task.n_clusters,
        "k_mean_batch_size": task.k_mean_batch_size,
    }


def sets_protocol(task: Any) -> dict[str, Any]:  # noqa: ARG001 - as of every type
    """Each given set is clustered by itself, as mteb's evaluator has it."""
    return {"kind": "legacy", "k_mean_batch_size": 500, "n_init": "auto"}


def refuse_clustering(task: Any) -> str:
    """Why a folder cannot hold it, if so."""
    return _column(task)


def write_clustering(task: Any, subset: str, base: Path) -> None:
    """`<split>.jsonl` of every split; a label may be a path, coarse to fine."""
    for split in task.eval_splits:
        texts, labels = _two(task, subset, split)
        rows = ({"text": text_of(text), "label": _path(label)} for text, label in zip(texts, labels, strict=True))
        write_jsonl(base / f"{split}.jsonl", rows)


def write_sets(task: Any, subset: str, base: Path) -> None:
    """`<split>.jsonl` of every split, a set a line."""
    for split in task.eval_splits:
        sets = zip(*_two(task, subset, split), strict=True)
        rows = (
            {"texts": [text_of(text) for text in texts], "labels": [label_of(label) for label in labels]}
            for texts, labels in sets
        )
        write_jsonl(base / f"{split}.jsonl", rows)


def summarization_protocol(task: Any) -> dict[str, Any]:
    """The range of the ratings; mteb's first evaluator averages a correlation with its p-value."""
    legacy = task.evaluator.__name__ == "DeprecatedSummarizationEvaluator"
    return {"min_score": task.min_score, "max_score": task.max_score, **({"kind": "legacy"} if legacy else {})}


def refuse_summarization(task: Any) -> str:
    """Why a folder cannot hold it, if so."""
    known = task.evaluator.__name__ in ("SummarizationEvaluator", "DeprecatedSummarizationEvaluator")
    return "" if known else "it has an evaluator of its own"


def write_summarization(task: Any, subset: str, base: Path) -> None:
    """`<split>.jsonl` of every split."""
    names = [
        task.text_column_name,
        task.human_summaries_column_name,
        task.machine_summaries_column_name,
        task.relevancy_column_name,
    ]
    for split in task.eval_splits:
        columns = columns_of(split_of(task, subset, split), names)
        rows = zip(*(columns[name] for name in names), strict=True)
        write_jsonl(base / f"{split}.jsonl", (dict(zip(_SUMMARIES, row, strict=True)) for row in rows))


def _drawing(task: Any) -> dict[str, Any]:
    folds = {"n_splits": task.n_splits} if task.is_cross_validation else {}
    return {
        "n_experiments": task.n_experiments,
        "train_split": task.train_split,
        "is_cross_validation": task.is_cross_validation,
        **folds,
    }


def _write_learnt(task: Any, subset: str, base: Path, key: str, value_of: Callable[[Any], Any]) -> None:
    for split in dict.fromkeys([task.train_split, *task.eval_splits]):
        texts, values = _two(task, subset, split)
        rows = ({"text": text_of(text), key: value_of(value)} for text, value in zip(texts, values, strict=True))
        write_jsonl(base / f"{split}.jsonl", rows)


def _two(task: Any, subset: str, split: str) -> tuple[list[Any], list[Any]]:
    """Texts and labels of a split."""
    names = [task.input_column_name, task.label_column_name]
    columns = columns_of(split_of(task, subset, split), names)
    return columns[names[0]], columns[names[1]]


def _labels(labels: Any) -> list[int | str]:
    if not isinstance(labels, list):
        raise Inexpressible("a text has no list of labels")
    return [label_of(label) for label in labels]


def _path(label: Any) -> int | str | list[int | str]:
    if not isinstance(label, list):
        return label_of(label)
    if not label:
        raise Inexpressible("a document has no label")
    return _labels(label)


def _column(task: Any) -> str:
    return "" if isinstance(task.input_column_name, str) else "its inputs are not one text each"


def _folds(task: Any) -> str:
    return "it is cross-validated" if task.is_cross_validation else ""


def _differs(model: Any, name: str, free: set[str]) -> str:
    """Why its classifier is not the one that evalkit has, if so."""
    if type(model).__name__ != name:
        return f"it learns with {type(model).__name__}"
    default, own = type(model)().get_params(), model.get_params()
    changed = sorted(key for key in own if own[key] != default[key] and key not in free)
    return f"its {name} has another {changed[0]}" if changed else ""
