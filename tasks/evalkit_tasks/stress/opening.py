"""What stress commands are given: one retrieval task by name, encoders by spec, the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.config import RunConfig
from evalkit.embedding import EmbeddingCache
from evalkit.errors import EncoderError, EvalkitError, StoreError, foreign
from evalkit.plan import select_tasks
from evalkit_tasks.retrieval import RetrievalTask

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evalkit.plugins import Plugins
    from evalkit.protocols import Scorer


def open_retrieval(plugins: Plugins, name: str, data: Sequence[Path]) -> RetrievalTask:
    """The retrieval task of a name.

    Raises:
        EvalkitError: There is none, several, or it is of another type or cannot be read.
    """
    selection = select_tasks(plugins, RunConfig(tasks=(name,), data=tuple(data)))
    if selection.broken:
        raise selection.broken[0][1]
    if len(selection.tasks) != 1:
        names = ", ".join(task.info.name for task in selection.tasks)
        raise EvalkitError(f"{name!r} stands for {len(selection.tasks)} tasks: {names}.", hint="Name one of them.")
    task = selection.tasks[0]
    if not isinstance(task, RetrievalTask):
        raise EvalkitError(
            f"{task.info.name} is of the type {task.info.type}, not Retrieval.",
            hint="`evalkit list tasks` shows the types.",
        )
    return task


def load_encoder(plugins: Plugins, spec: str) -> Scorer:
    """The encoder of a spec.

    Raises:
        EvalkitError: It cannot be loaded.
    """
    with foreign(f"{spec} cannot be loaded", hint="Mend the encoder or its options.", kind=EncoderError):
        return plugins.load_encoder(spec)


def open_cache() -> tuple[EmbeddingCache | None, str]:
    """The embedding cache, or None and a sentence where it cannot be used: that costs time but no result."""
    try:
        return EmbeddingCache(), ""
    except StoreError as error:
        return None, f"{error} The command goes on without a cache."
