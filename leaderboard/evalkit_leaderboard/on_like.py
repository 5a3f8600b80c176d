"""The question *tasks like these*: the tasks are a sample of their types. It needs no units, so imports have it too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalkit_leaderboard.options import Method
from evalkit_leaderboard.significance.pairs import flipped_pairs
from evalkit_leaderboard.significance.seeds import seed_of
from evalkit_leaderboard.significance.twolevel import like_these_pairs, tasks_like_these
from evalkit_leaderboard.standing import Group, Standing, unknown_pairs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalkit.types import FloatArray
    from evalkit_leaderboard.significance.pairs import Pairs

BASIS = "tasks"
FEW = 14
"""With fewer tasks to spare (beyond one a type) than this, t over tasks is rough.

Eight equal encoders on tasks of two types, with scatters that differ by a factor of four between the types and between
the encoders: with 6, 8, 10, 12, 14 and 16 tasks to spare, some pair is called different in .075, .064, .062, .061, .054
and .050 of 10,000 simulations; promised is .05.
"""


def stand(group: Group, method: Method, alpha: float, *, headline: bool = False) -> Standing:
    """Where the encoders stand on tasks like those of a group.

    Args:
        group: The tasks.
        method: Student's t over the tasks, or sign flips of them where no score is missing.
        alpha: One less the coverage of the intervals.
        headline: Whether all pairs are corrected by max-T; otherwise by Holm's method, which is quicker.
    """
    why = _why_not(group)
    pairs = unknown_pairs(group) if why else compare(group, method, headline=headline)
    low, high = _intervals(group, alpha)
    basis = "nothing" if why else BASIS
    notes = (why,) if why else tuple(_notes(group, method))
    return Standing(group.name, group.values, low, high, group.counts, len(group.tasks), pairs, basis, notes)


def compare(group: Group, method: Method, *, headline: bool = False) -> Pairs:
    """All pairs on tasks like those of the group, from the tasks that both encoders have."""
    seed = seed_of("tasks like these", *group.tasks)
    if _flips(group, method):
        return flipped_pairs(group.scores * group.weights * len(group.tasks), seed=seed)
    more = {} if headline else {"draws": 0}
    return like_these_pairs(group.scores, types=group.types, over_types=group.by_type, seed=seed, **more)


def _flips(group: Group, method: Method) -> bool:
    return method is Method.RESAMPLE and not np.isnan(group.scores).any()


def _intervals(group: Group, alpha: float) -> tuple[FloatArray, FloatArray]:
    """(E,) twice: ends of the interval of every row that has all tasks."""
    low, high = np.full(len(group.scores), np.nan), np.full(len(group.scores), np.nan)
    for row in np.flatnonzero(group.counts == len(group.tasks)):
        found = tasks_like_these(group.scores[row], types=group.types, over_types=group.by_type, alpha=alpha)
        if found.estimate is not None and found.low is not None and found.high is not None:
            # Where a rule such as Borda's gives the number of a row, the interval is around that.
            moved = group.values[row] - found.estimate
            low[row], high[row] = found.low + moved, found.high + moved
    return low, high


def _why_not(group: Group) -> str:
    """Why nothing can be said; empty where it can."""
    if len(group.tasks) < 2:
        return f"There is one task in {group.name}: nothing tells how tasks like it vary."
    if len(set(group.types)) == len(group.types):
        return "No task type has two tasks: nothing tells how tasks of a type vary."
    return ""


def _notes(group: Group, method: Method) -> Iterator[str]:
    spare = len(group.tasks) - len(set(group.types))
    if spare < FEW:
        types = len(set(group.types))
        yield f"{len(group.tasks)} tasks of {types} types are few to tell of tasks like these: t over them is rough."
    alone = sorted(kind for kind in set(group.types) if group.types.count(kind) == 1)
    if alone:
        yield f"A type of one task ({', '.join(alone)}) is taken to vary as the other types do."
    if method is Method.RESAMPLE and not _flips(group, method):
        yield "Where results are missing, tasks are compared by Student's t instead of sign flips."
