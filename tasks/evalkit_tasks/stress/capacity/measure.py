"""The measurement: critical numbers of documents by dimension and seed, out of attempts that are each made once."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from evalkit.errors import EvalkitError
from evalkit_tasks.stress.capacity.backends import MOST_BYTES, Backend, optimiser
from evalkit_tasks.stress.capacity.law import Law
from evalkit_tasks.stress.capacity.search import Critical, search
from evalkit_tasks.stress.capacity.subsets import all_subsets, most_documents, needed_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


@dataclass(frozen=True)
class Setup:
    """What attempts must share to stand in one table.

    Attributes:
        relevant: k, the documents relevant to each query.
        backend: What optimises.
        law: The constants.
    """

    relevant: int = 2
    backend: Backend = Backend.NUMPY
    law: Law = field(default_factory=Law)


@dataclass(frozen=True)
class Attempt:
    """One optimisation.

    Attributes:
        dimension: Of the vectors.
        n: Documents.
        seed: Of the start.
        solved: Whether every query was answered.
        accuracy: Share of relevant documents among the top k.
        loss: InfoNCE at the end, in nats.
        steps: Of Adam.
        seconds: It took.
    """

    dimension: int
    n: int
    seed: int
    solved: bool
    accuracy: float
    loss: float
    steps: int
    seconds: float


@dataclass(frozen=True)
class Capacity:
    """What was found for one dimension.

    Attributes:
        dimension: Of the vectors.
        by_seed: What each seed found.
        attempts: How many optimisations that took.
        steps: Of all of them.
        seconds: Of all of them.
    """

    dimension: int
    by_seed: dict[int, Critical]
    attempts: int
    steps: int
    seconds: float

    @property
    def largest(self) -> int:
        """The critical n: the most documents that any seed solved, as one solution shows that there is one."""
        return max(self.each)

    @property
    def least(self) -> int:
        """Critical n of the unluckiest seed."""
        return min(self.each)

    @property
    def median(self) -> float:
        """Over the seeds."""
        return float(statistics.median(self.each))

    @property
    def each(self) -> list[int]:
        """Critical n of each seed."""
        return [critical.largest_solved for critical in self.by_seed.values()]

    @property
    def smallest_unsolved(self) -> int | None:
        """The fewest documents that some seed tried and did not solve."""
        return min(
            (c.smallest_unsolved for c in self.by_seed.values() if c.smallest_unsolved is not None), default=None
        )


class Attempts:
    """Attempts by dimension, documents and seed."""

    def __init__(self, attempts: Iterable[Attempt] = ()) -> None:
        self._known = {(each.dimension, each.n, each.seed): each for each in attempts}

    def __iter__(self) -> Iterator[Attempt]:
        return iter(self._known.values())

    def __len__(self) -> int:
        return len(self._known)

    def get(self, dimension: int, n: int, seed: int) -> Attempt | None:
        """The attempt, if it was made."""
        return self._known.get((dimension, n, seed))

    def add(self, attempt: Attempt) -> None:
        """Remember one."""
        self._known[attempt.dimension, attempt.n, attempt.seed] = attempt


class Listener(Protocol):
    """Who is told how a measurement goes."""

    def starts(self, dimension: int, seed: int, n: int) -> None:
        """An optimisation begins."""

    def made(self, attempt: Attempt) -> None:
        """It is over."""

    def searched(self, dimension: int, seed: int) -> None:
        """The search of a dimension and seed is over."""

    def found(self, capacity: Capacity) -> None:
        """All seeds of a dimension are through."""


class _Unfinished(Exception):  # noqa: N818  No failure: the next run goes on from here.
    """An attempt is wanted that was not made and may not be made now."""


def check(dimensions: Sequence[int], setup: Setup) -> None:
    """Refuse what cannot be measured, before anything is.

    Raises:
        EvalkitError: It cannot.
    """
    if setup.relevant < 1:
        raise EvalkitError(
            f"A query cannot have {setup.relevant} relevant documents.", hint="Take --relevant 1 or more."
        )
    for dimension in dimensions:
        n = _start(dimension, setup.relevant)
        needed = needed_bytes(n, setup.relevant)
        if needed > MOST_BYTES:
            raise EvalkitError(
                f"At {dimension:,} dimensions the search begins with {n:,} documents, whose {setup.relevant}-subsets "
                f"take a matrix of {needed / 1e9:,.1f} GB; {MOST_BYTES / 1e9:.1f} GB is the most.",
                hint="Take fewer dimensions or fewer relevant documents.",
            )


def measure(
    dimensions: Sequence[int],
    seeds: Sequence[int],
    setup: Setup,
    attempts: Attempts,
    listener: Listener,
    *,
    budget: float | None = None,
) -> list[Capacity]:
    """Find the critical number of documents of each dimension.

    Args:
        dimensions: Of the vectors.
        seeds: Of the starts.
        setup: k, backend and law.
        attempts: Those made before, which are not made again; those made now are added.
        listener: Is told of every attempt.
        budget: Seconds after which no further attempt begins; None for no end.

    Returns:
        One for each dimension that all seeds have searched; fewer than asked for where the budget ran out.
    """
    check(dimensions, setup)
    maker = _Maker(setup, attempts, listener, None if budget is None else time.monotonic() + budget)
    found: list[Capacity] = []
    for dimension in dimensions:
        try:
            found.append(_capacity(dimension, seeds, setup, maker))
        except _Unfinished:
            break
        listener.found(found[-1])
    return found


def finished(attempts: Attempts, setup: Setup) -> tuple[list[Capacity], list[tuple[int, int]]]:
    """What attempts show without a further one.

    Returns:
        The capacities of all dimensions with the seeds that have searched them to the end, and dimension and seed of
        the searches that have begun and not ended.
    """
    seeds: dict[int, set[int]] = {}
    for attempt in attempts:
        seeds.setdefault(attempt.dimension, set()).add(attempt.seed)
    replay = _Replay(attempts)
    found, begun = [], []
    for dimension in sorted(seeds):
        ended = [seed for seed in sorted(seeds[dimension]) if _ends(dimension, seed, setup, replay)]
        begun += [(dimension, seed) for seed in sorted(seeds[dimension]) if seed not in ended]
        if ended:
            found.append(_capacity(dimension, ended, setup, replay))
    return found, begun


class _Replay:
    """Knows the attempts that were made and makes none."""

    def __init__(self, attempts: Attempts) -> None:
        self._attempts = attempts

    def attempt(self, dimension: int, n: int, seed: int) -> Attempt:
        known = self._attempts.get(dimension, n, seed)
        if known is None:
            raise _Unfinished
        return known

    def searched(self, dimension: int, seed: int) -> None:
        """Of no interest."""


class _Maker(_Replay):
    """Makes the attempts that were not made."""

    def __init__(self, setup: Setup, attempts: Attempts, listener: Listener, deadline: float | None) -> None:
        super().__init__(attempts)
        self._setup = setup
        self._listener = listener
        self._deadline = deadline
        self._optimise = optimiser(setup.backend)

    def attempt(self, dimension: int, n: int, seed: int) -> Attempt:
        known = self._attempts.get(dimension, n, seed)
        return self._made(dimension, n, seed) if known is None else known

    def searched(self, dimension: int, seed: int) -> None:
        self._listener.searched(dimension, seed)

    def _made(self, dimension: int, n: int, seed: int) -> Attempt:
        if self._deadline is not None and time.monotonic() >= self._deadline:
            raise _Unfinished
        self._listener.starts(dimension, seed, n)
        reached = self._optimise(all_subsets(n, self._setup.relevant), dimension, seed, self._setup.law)
        attempt = Attempt(dimension=dimension, n=n, seed=seed, **vars(reached))
        self._attempts.add(attempt)
        self._listener.made(attempt)
        return attempt


def _start(dimension: int, k: int) -> int:
    return max(k + 1, 2 * dimension)


def _ends(dimension: int, seed: int, setup: Setup, replay: _Replay) -> bool:
    try:
        _capacity(dimension, [seed], setup, replay)
    except _Unfinished:
        return False
    return True


def _capacity(dimension: int, seeds: Sequence[int], setup: Setup, maker: _Replay) -> Capacity:
    by_seed: dict[int, Critical] = {}
    used: list[Attempt] = []

    for seed in seeds:

        def solves(n: int, seed: int = seed) -> bool:
            used.append(maker.attempt(dimension, n, seed))
            return used[-1].solved

        k = setup.relevant
        by_seed[seed] = search(solves, floor=k, start=_start(dimension, k), most=most_documents(k))
        maker.searched(dimension, seed)
    steps, seconds = sum(each.steps for each in used), sum(each.seconds for each in used)
    return Capacity(dimension, by_seed, len(used), steps, seconds)
