"""Threads that share out blocks of a search, each with one BLAS thread."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import ThreadpoolController

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from evalkit.types import Vectors


class BlockWorkers:
    """Calls a function on blocks, side by side.

    The threads of one BLAS product wait for each other, so on a busy core all of them stall; independent products do
    not. One BLAS thread each also makes a product the same on every machine.

    Args:
        workers: Threads.
    """

    def __init__(self, workers: int) -> None:
        self._controller = ThreadpoolController()
        self._pool = ThreadPoolExecutor(workers) if workers > 1 else None
        self._local = threading.local()

    def each(self, function: Callable[..., None], *columns: Iterable[Any]) -> None:
        """Call the function on the first of each column, the second of each, and so on; in any order."""
        with self._controller.limit(limits=1, user_api="blas"):
            if self._pool is not None:
                list(self._pool.map(function, *columns))
                return
            for arguments in zip(*columns, strict=True):
                function(*arguments)

    def buffer(self, rows: int, columns: int) -> Vectors:
        """(rows, columns) float32 to write a product to; the calling thread's own, valid until it asks again."""
        size = rows * columns
        held = getattr(self._local, "buffer", None)
        if held is None or len(held) < size:
            held = self._local.buffer = None  # given back before the larger one is asked for
            held = self._local.buffer = np.empty(size, dtype=np.float32)
        product: Vectors = held[:size].reshape(rows, columns)
        return product
