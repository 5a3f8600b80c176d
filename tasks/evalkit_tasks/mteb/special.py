"""Scores that a ranking task of mteb adds to those of its type.

Its classes do so in a method, `task_specific_scores`. Where that does nothing but hand the rankings to one function of
mteb's that evalkit has too, the task is evalkit's; the function is stood in for, to see that.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from evalkit.adapters.mteb.library import mteb
from evalkit_tasks.mteb.files import Inexpressible
from evalkit_tasks.mteb.loading import fetching

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

GROUPS = {"paired_accuracy": "paired", "robustness_at_10": "robustness", "max_over_subqueries": "subqueries"}
"""mteb's functions, and the parameter `groups` that says the same in a `task.toml`."""
CHANGES = "evaluate_p_mrr_change"
"""mteb's function for instructions that change."""
_METHOD = "task_specific_scores"


def special_of(task: Any) -> str | None:
    """The function that a task's own scores come of; empty where it has none, None where evalkit has no such thing."""
    if getattr(type(task), _METHOD) is getattr(mteb("abstasks").AbsTaskRetrieval, _METHOD):
        return ""
    module = sys.modules[type(task).__module__]
    for name in GROUPS:
        with suppress(Exception):  # of a method that looks into the empty rankings that it is given
            if hasattr(module, name) and _handed_on(task, name, "default", "test"):
                return name
    # What changes is fetched within the method, so that it is called when the data are.
    return CHANGES if hasattr(module, CHANGES) else None


def changes_of(task: Any, subset: str, split: str) -> dict[str, list[str]]:
    """The documents that a changed instruction makes irrelevant, by query.

    Raises:
        DataError: They cannot be had.
        Inexpressible: The task does something else beside.
    """
    with fetching(task):
        given = _handed_on(task, CHANGES, subset, split)
    if not given:
        raise Inexpressible("its class has its own task_specific_scores")
    changed: Mapping[Any, Sequence[Any]] = given[2]
    return {str(query): [str(document) for document in documents] for query, documents in changed.items()}


def _handed_on(task: Any, name: str, subset: str, split: str) -> tuple[Any, ...]:
    """What a task's method hands to a function of its module; nothing where it does more than that."""
    module = sys.modules[type(task).__module__]
    own, answer, told = getattr(module, name), object(), []

    def listen(*arguments: Any) -> Any:
        told.append(arguments)
        return answer

    setattr(module, name, listen)
    try:
        given = getattr(task, _METHOD)({}, {}, {}, hf_split=split, hf_subset=subset)
    finally:
        setattr(module, name, own)
    alone = given is answer or (isinstance(given, dict) and list(given) == [name] and given[name] is answer)
    return told[0] if alone and len(told) == 1 else ()
