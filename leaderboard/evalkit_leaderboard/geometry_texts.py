"""The texts that a task embeds, whatever its type: it is scored once on a workbench that only takes notes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from evalkit.errors import EvalkitError, foreign
from evalkit.types import Similarity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.protocols import Scorer, Task, TaskInfo
    from evalkit.types import Role, Vectors

_DIMENSION = 8
_FINGERPRINT = hashlib.sha256(b"stand-in").hexdigest()


@dataclass(frozen=True)
class StandIn:
    """An encoder whose vectors cost nothing and mean nothing, for tasks that must go on to ask for more texts.

    Attributes:
        similarity: That of the encoder that it stands for.
    """

    similarity: Similarity
    name: str = "stand-in"
    fingerprint: str | None = _FINGERPRINT

    def encode(self, texts: Sequence[str], *, role: Role, task: TaskInfo, batch_size: int) -> Vectors:  # noqa: ARG002
        """(len(texts), 8) float32 that the text alone decides."""
        drawn = b"".join(_digest(text) for text in texts)
        whole = np.frombuffer(drawn, dtype="<u4").reshape(len(texts), _DIMENSION)
        return (whole / 2**31 - 1).astype(np.float32)


@dataclass
class Recorder:
    """A `evalkit.protocols.Workbench` that notes the texts of one encoder and hands out stand-in vectors.

    Attributes:
        scorer: The stand-in, or the encoder or part that stands beside it.
        task: The task.
        texts: Each distinct text and the first role that it had.
    """

    scorer: Scorer
    task: TaskInfo
    texts: dict[str, Role] = field(default_factory=dict)
    workers: int = 1

    def embed(self, texts: Sequence[str], *, role: Role) -> Vectors:
        """Note the texts."""
        for text in texts:
            self.texts.setdefault(text, role)
        similarity = getattr(self.scorer, "similarity", Similarity.COSINE)
        return StandIn(similarity).encode(texts, role=role, task=self.task, batch_size=len(texts))

    def embed_any(self, texts: Sequence[str], *, role: Role) -> Vectors:
        """Note the texts; the stand-in's vectors are dense."""
        return self.embed(texts, role=role)

    def expect(self, n_texts: int) -> None:
        """Nobody is told."""

    def beside(self, scorer: Scorer) -> Recorder:
        """What another encoder is given is noted elsewhere."""
        return Recorder(scorer, self.task)


def embedded_texts(task: Task, similarity: Similarity) -> tuple[dict[str, Role], str]:
    """Every distinct text that a task embeds, with the first role that it has.

    Args:
        task: The task.
        similarity: How the encoder means its vectors to be compared.

    Returns:
        The texts, and as a sentence why some of them may be missing; empty where none is.
    """
    recorder, note = Recorder(StandIn(similarity), task.info), ""
    for cell in task.cells():
        try:
            with foreign(f"{task.info.name} cannot be scored with stand-in vectors", hint=""):
                task.evaluate(cell, recorder)
        except EvalkitError as error:
            note = note or f"Some texts may be missing, for {cell.split}/{cell.subset} stopped early: {error.message}"
    return recorder.texts, note


def _digest(text: str) -> bytes:
    return hashlib.shake_256(text.encode("utf-8", "surrogatepass")).digest(4 * _DIMENSION)
