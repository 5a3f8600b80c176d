"""A task as mteb's models are told of it: mteb's own metadata, or a stand-in of the same class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalkit.adapters.mteb.library import mteb
from evalkit.types import Role

if TYPE_CHECKING:
    from evalkit.protocols import TaskInfo

_BASES = {
    "Retrieval": "AbsTaskRetrieval",
    "Reranking": "AbsTaskRetrieval",
    "InstructionRetrieval": "AbsTaskRetrieval",
    "InstructionReranking": "AbsTaskRetrieval",
    "STS": "AbsTaskSTS",
    "PairClassification": "AbsTaskPairClassification",
    "Classification": "AbsTaskClassification",
    "MultilabelClassification": "AbsTaskMultilabelClassification",
    "Regression": "AbsTaskRegression",
    "Clustering": "AbsTaskClustering",
    "BitextMining": "AbsTaskBitextMining",
    "Summarization": "AbsTaskSummarization",
}
"""mteb's class of each type of task: it has the instruction that a task without one of its own falls back on."""


def metadata_of(task: TaskInfo) -> Any:
    """The `TaskMetadata` of mteb's task of that name, or one made from what evalkit knows of the task.

    Models look up prompts by its name and type, and take its prompt for an instruction.
    """
    known = mteb("get_tasks")._TASKS_REGISTRY.get(task.name)
    return known.metadata if known is not None else _stand_in(task)


def prompt_type_of(role: Role) -> Any:
    """Mteb's word for a role; None for a text that is neither query nor document."""
    return None if role is Role.TEXT else mteb("types").PromptType(role.value)


def _stand_in(task: TaskInfo) -> Any:
    """Without validation, as mteb's names of types and languages are not all that there are."""
    kind = mteb("abstasks.task_metadata").TaskMetadata
    defaults = {name: None if field.is_required() else field.default for name, field in kind.model_fields.items()}
    return kind.model_construct(
        **{
            **defaults,
            "name": task.name,
            "type": task.type,
            "description": task.name,
            "dataset": {"path": task.name, "revision": "local"},
            "category": "t2t",
            "modalities": ["text"],
            "eval_splits": ["test"],
            "eval_langs": list(task.languages),
            "main_score": "main_score",
            "prompt": _prompt(task),
        }
    )


def _prompt(task: TaskInfo) -> str | dict[str, str] | None:
    by_role = {str(role): prompt for role, prompt in task.prompts.items() if role != Role.TEXT}
    base = getattr(mteb("abstasks"), _BASES.get(task.type, ""), None)
    return by_role or task.prompts.get(Role.TEXT) or getattr(base, "abstask_prompt", None)
