"""Does my plugin keep the contract? For the tests of whoever writes an encoder, a transform, a ranker or a task.

    >>> from evalkit.adapters.random import RandomEncoder
    >>> from evalkit.testing import check_encoder
    >>> check_encoder(RandomEncoder())

Each check raises `AssertionError` with the rule that is broken, and returns nothing where all are kept.
"""

from evalkit.testing.bench import MemoryBench
from evalkit.testing.rankers import check_ranker
from evalkit.testing.rules import TEXTS, TOLERANCE
from evalkit.testing.scorers import check_encoder
from evalkit.testing.tasks import check_task
from evalkit.testing.transforms import check_transform

__all__ = ["TEXTS", "TOLERANCE", "MemoryBench", "check_encoder", "check_ranker", "check_task", "check_transform"]
