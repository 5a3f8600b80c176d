"""Independent repeats over the cores, each with one BLAS and one OpenMP thread.

Ten fits of a small classifier gain nothing from a threaded BLAS and lose much to two of them at once. One thread a
fit also makes the result the same on every machine, however many cores it has and however busy it is.
"""

from __future__ import annotations

import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
R = TypeVar("R")


def available_workers() -> int:
    """Cores that this process may use; `$EVALKIT_WORKERS` overrides it."""
    given = os.environ.get("EVALKIT_WORKERS", "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_repeats(function: Callable[[T], R], items: Sequence[T], *, workers: int) -> list[R]:
    """Call a function on every item; the results in the items' order.

    Args:
        function: Must not depend on the order of the calls.
        items: One for each repeat.
        workers: Threads; scikit-learn and BLAS release the interpreter lock where it counts.
    """
    from threadpoolctl import ThreadpoolController

    controller = ThreadpoolController()

    def call(item: T) -> R:
        # OpenMP keeps its limit for each thread, BLAS for the whole process.
        with controller.limit(limits=1, user_api="openmp"):
            return function(item)

    with controller.limit(limits=1, user_api="blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn's ConvergenceWarning: 100 iterations are the protocol
        if workers <= 1 or len(items) <= 1:
            return [call(item) for item in items]
        with ThreadPoolExecutor(min(workers, len(items))) as pool:
            return list(pool.map(call, items))
