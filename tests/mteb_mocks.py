"""mteb's mock tasks in its catalogue, and its own evaluation of them: what evalkit's scores are compared with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from helpers import Counting, vector
from mteb import similarity_functions
from mteb.abstasks.abstask import AbsTask
from mteb.get_tasks import _TASKS_REGISTRY
from mteb.mocks import mock_tasks
from mteb.mocks.mock_tasks import clustering
from mteb.models import ModelMeta
from mteb.models.abs_encoder import AbsEncoder

import evalkit

TEXTS = {
    kind.metadata.name: kind
    for module in (mock_tasks, clustering)
    for kind in vars(module).values()
    if isinstance(kind, type)
    and issubclass(kind, AbsTask)
    and getattr(kind, "metadata", None) is not None
    and not kind.metadata.name.startswith("MockAggregated")
    and list(kind.metadata.modalities) == ["text"]
}
"""mteb's mock tasks of texts, by name."""


def run(name: str, **more: Any) -> Any:
    """The result of the encoder `Counting` on a task of mteb's catalogue."""
    results = evalkit.evaluate(Counting(), f"mteb:{name}", **more)
    assert not results.failures, results.failures
    return results[0]


def renamed(name: str, like: type[AbsTask], **more: Any) -> Any:
    """A task's metadata under another name."""
    return like.metadata.model_copy(update={"name": name, **more})


class FixedVectors(AbsEncoder):
    """mteb's interface around the vectors that `helpers.Counting` gives."""

    def __init__(self) -> None:
        self.mteb_model_meta = ModelMeta.create_empty(overwrites={"name": "evalkit/fixed", "revision": "1"})

    def encode(self, inputs: Any, **kwargs: Any) -> np.ndarray:
        return np.stack([vector(text) for batch in inputs for text in batch["text"]])

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Any:
        return similarity_functions.cos_sim(embeddings1, embeddings2)

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> Any:
        return similarity_functions.pairwise_cos_sim(embeddings1, embeddings2)


@contextmanager
def catalogued(*kinds: type[AbsTask]) -> Iterator[None]:
    """Have tasks in mteb's catalogue for a while."""
    for kind in kinds:
        _TASKS_REGISTRY[kind.metadata.name] = kind
    try:
        yield
    finally:
        for kind in kinds:
            del _TASKS_REGISTRY[kind.metadata.name]


def by_mteb(kind: type[AbsTask], split: str, subset: str, model: Any = None) -> dict[str, float]:
    """mteb's own numbers of one cell that runs alone."""
    task = kind()
    task.hf_subsets = [subset]
    told = {"batch_size": 32, "show_progress_bar": False}
    scores: Mapping[str, Any] = task.evaluate(
        model or FixedVectors(), split, subsets_to_run=[subset], encode_kwargs=told
    )[subset]
    return {
        name: float(value)
        for name, value in scores.items()
        if name != "main_score" and isinstance(value, int | float | np.number)
    }
