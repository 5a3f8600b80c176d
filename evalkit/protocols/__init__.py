"""The contracts: what an encoder is, what a task is, and what the runner lends to a task.

All are structural: an object with these attributes is one, nothing needs to be inherited.
`evalkit.testing` checks that an object keeps its contract.
"""

from evalkit.protocols.encoders import (
    CombinerFactory,
    Derived,
    Encoder,
    EncoderFactory,
    FitSource,
    LexicalIndex,
    LexicalScorer,
    Prepared,
    Ranker,
    Scorer,
    TaskInfo,
    Workbench,
    form_of,
)
from evalkit.protocols.sources import TaskChoice, TaskOpener, TaskSource
from evalkit.protocols.tasks import Cell, CellScores, Collection, Task, TaskType
from evalkit.protocols.transforms import Applied, Transform, TransformFactory

__all__ = [
    "Applied",
    "Cell",
    "CellScores",
    "Collection",
    "CombinerFactory",
    "Derived",
    "Encoder",
    "EncoderFactory",
    "FitSource",
    "LexicalIndex",
    "LexicalScorer",
    "Prepared",
    "Ranker",
    "Scorer",
    "Task",
    "TaskChoice",
    "TaskInfo",
    "TaskOpener",
    "TaskSource",
    "TaskType",
    "Transform",
    "TransformFactory",
    "Workbench",
    "form_of",
]
