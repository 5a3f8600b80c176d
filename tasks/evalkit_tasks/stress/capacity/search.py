"""The search for the critical number of documents: gallop, bisect, sweep, as the released code has it.

The optimisation does not always find what exists, and whether it solves n documents is not monotone in n: at d = 4 and
k = 2 more starts solve 9 documents than 8. So the released code looks around the place where bisection ends, and so
does this one. The critical n is the *largest* n that was solved, not the smallest that was not: that is what the
released code calls `critical_n`, and what gives the paper's 14 and 19 for d = 5 and 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SWEEP = range(-4, 6)
"""Around the place where bisection ends."""


@dataclass(frozen=True)
class Critical:
    """What a search found.

    Attributes:
        largest_solved: The critical n; k where nothing above it was solved, which every space solves.
        smallest_unsolved: Of the n that were tried; None where all were solved.
        capped: Whether the search ended at the most documents that fit in memory, so that the truth may be larger.
    """

    largest_solved: int
    smallest_unsolved: int | None
    capped: bool


def search(solves: Callable[[int], bool], *, floor: int, start: int, most: int) -> Critical:
    """Find the critical n.

    Args:
        solves: Whether n documents are solved; asked once for each n above the floor.
        floor: What is solved without asking: n = k, with one query to which everything is relevant.
        start: Where to begin.
        most: The most documents to try.
    """
    known = _Known(solves, floor)
    low, high = _gallop(known, floor, start, most)
    critical = _bisect(known, low, high) if high is not None else low
    for n in (critical + offset for offset in SWEEP):
        if floor < n <= most:
            known(n)
    unsolved = [n for n, solved in known.answers.items() if not solved]
    largest = max(n for n, solved in known.answers.items() if solved)
    return Critical(largest, min(unsolved, default=None), capped=largest >= most)


class _Known:
    """Answers, each asked for once."""

    def __init__(self, solves: Callable[[int], bool], floor: int) -> None:
        self._solves = solves
        self.answers = {floor: True}

    def __call__(self, n: int) -> bool:
        if n not in self.answers:
            self.answers[n] = self._solves(n)
        return self.answers[n]


def _gallop(known: _Known, floor: int, start: int, most: int) -> tuple[int, int | None]:
    """A solved and an unsolved n, with steps that double; None for the latter where all up to the most are solved."""
    at, step = start, 1
    if known(start):
        while at < most:
            further = min(at + step, most)
            if not known(further):
                return at, further
            at, step = further, 2 * step
        return at, None
    while True:
        nearer = max(at - step, floor)
        if known(nearer):
            return nearer, at
        at, step = nearer, 2 * step


def _bisect(known: _Known, low: int, high: int) -> int:
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if known(middle) else (low, middle)
    return low
