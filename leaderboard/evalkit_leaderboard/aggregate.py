"""Means over tasks, as mteb's leaderboards have them: a mean of an incomplete row is no mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from evalkit.types import FloatArray
    from evalkit_leaderboard.frame import Frame


@dataclass(frozen=True, eq=False)
class Means:
    """Means of the rows of a frame.

    Attributes:
        types: (K) types of tasks, in the frame's order.
        over_tasks: (E,) mean over all tasks; nan where one is missing.
        by_type: (E, K) mean over the tasks of each type; nan where one is missing.
        over_types: (E,) mean of `by_type`, so that every type counts the same; nan where one is missing.
    """

    types: tuple[str, ...]
    over_tasks: FloatArray
    by_type: FloatArray
    over_types: FloatArray


def means(frame: Frame) -> Means:
    """Means over tasks, within types and over types.

    Source: mteb's "Mean (Task)", "Mean (TaskType)" and means by type, which are empty for an encoder that lacks
    a task.
    """
    types = tuple(dict.fromkeys(frame.types))
    of_type = np.array(frame.types)
    by_type = np.column_stack([frame.main[:, of_type == kind].mean(axis=1) for kind in types])
    return Means(types, frame.main.mean(axis=1), by_type, by_type.mean(axis=1))
