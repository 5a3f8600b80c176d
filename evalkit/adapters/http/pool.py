"""Requests side by side, never more than so many, on threads that an interrupt need not wait for."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")


def side_by_side(do: Callable[[T, threading.Event], None], items: Sequence[T], limit: int) -> None:
    """Do something with every item, at most `limit` at a time, in the order given.

    Once one fails, no further one is begun; those under way end, so that their work is not lost. Threads of
    `concurrent.futures` would be waited for when the interpreter exits, for as long as a server lets them hang.

    Args:
        do: Called with an item and an event that is set once another item failed.
        items: The items.
        limit: How many at a time.

    Raises:
        Exception: What the first one to fail raised.
    """
    waiting: queue.SimpleQueue[T] = queue.SimpleQueue()
    ended: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()
    stop = threading.Event()
    for item in items:
        waiting.put(item)

    def work() -> None:
        failure = _work_off(do, waiting, stop)
        # In this order: what others raise because of the stop comes later.
        ended.put(failure)
        if failure is not None:
            stop.set()

    workers = [threading.Thread(target=work, daemon=True) for _ in range(min(limit, len(items)))]
    try:
        for worker in workers:
            worker.start()
        failures = [failure for failure in (ended.get() for _ in workers) if failure is not None]
    finally:
        stop.set()
    if failures:
        raise failures[0]


def _work_off(
    do: Callable[[T, threading.Event], None], waiting: queue.SimpleQueue[T], stop: threading.Event
) -> Exception | None:
    """Take items until there are none; what was raised, if anything was."""
    try:
        while not stop.is_set():
            do(waiting.get_nowait(), stop)
    except queue.Empty:
        return None
    except Exception as failure:
        return failure
    return None
