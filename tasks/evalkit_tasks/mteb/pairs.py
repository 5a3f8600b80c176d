"""Tasks of two sentences a row: similarity, pair classification, bitext mining."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalkit_tasks.mteb.files import Inexpressible, label_of, number_of, text_of, write_jsonl
from evalkit_tasks.mteb.loading import columns_of, split_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def sts_protocol(task: Any) -> dict[str, Any]:
    """The range of the scores, which decides no correlation."""
    return {"min_score": task.min_score, "max_score": task.max_score}


def refuse_sts(task: Any) -> str:
    """Why a folder cannot hold it, if so."""
    return _refuse(task, *task.column_names)


def write_sts(task: Any, subset: str, base: Path) -> None:
    """`<split>.jsonl` of every split."""
    for split in task.eval_splits:
        _write(base / f"{split}.jsonl", split_of(task, subset, split), (*task.column_names, "score"), number_of)


def refuse_pair_classification(task: Any) -> str:
    """Why a folder cannot hold it, if so."""
    return _refuse(task, task.input1_column_name, task.input2_column_name)


def write_pair_classification(task: Any, subset: str, base: Path) -> None:
    """`<split>.jsonl` of every split; old data sets have all pairs in one row."""
    names = (task.input1_column_name, task.input2_column_name, task.label_column_name)
    for split in task.eval_splits:
        table = split_of(task, subset, split)
        _write(base / f"{split}.jsonl", table[0] if len(table) == 1 else table, names, label_of)


def write_bitext(task: Any, subset: str, base: Path) -> None:
    """`<split>.jsonl` of every split; in parallel data each language is a column, and a subset a pair of them."""
    for split in task.eval_splits:
        table = task.dataset[split] if task.parallel_subsets else split_of(task, subset, split)
        if isinstance(table, dict) and "gold" in table:
            raise Inexpressible("its pairs are listed apart from its sentences")
        names = subset.split("-") if task.parallel_subsets else ["sentence1", "sentence2"]
        columns = columns_of(table, names)
        rows = zip(*(columns[name] for name in names), strict=True)
        write_jsonl(
            base / f"{split}.jsonl", ({"sentence1": text_of(one), "sentence2": text_of(two)} for one, two in rows)
        )


def _refuse(task: Any, *names: Any) -> str:
    if not all(isinstance(name, str) for name in names):
        return "its inputs are not one text each"
    if task.input1_prompt_type is not None or task.input2_prompt_type is not None:
        return "its two sentences are query and document"
    return ""


def _write(path: Path, table: Any, names: tuple[str, str, str], value_of: Callable[[Any], Any]) -> None:
    columns = columns_of(table, list(names))
    key = "label" if value_of is label_of else "score"
    rows = zip(*(columns[name] for name in names), strict=True)
    write_jsonl(
        path, ({"sentence1": text_of(one), "sentence2": text_of(two), key: value_of(value)} for one, two, value in rows)
    )
