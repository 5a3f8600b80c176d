"""Every k-subset of n documents as a query, and how many documents that can be done for."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np

from evalkit_tasks.stress.capacity.backends import MOST_BYTES

if TYPE_CHECKING:
    from evalkit.types import AnyArray, IntArray


def subsets(n: int, k: int) -> IntArray:
    """(C(n, k), k) int64, the subsets in lexicographic order."""
    flat = itertools.chain.from_iterable(itertools.combinations(range(n), k))
    return np.fromiter(flat, dtype=np.int64, count=k * math.comb(n, k)).reshape(-1, k)


def all_subsets(n: int, k: int) -> AnyArray:
    """(C(n, k), n) bool: each query has one subset as its relevant documents."""
    chosen = subsets(n, k)
    relevant = np.zeros((len(chosen), n), dtype=bool)
    np.put_along_axis(relevant, chosen, values=True, axis=1)
    return relevant


def needed_bytes(n: int, k: int) -> int:
    """Of one float32 matrix of all subsets times all documents."""
    return 4 * n * math.comb(n, k)


def most_documents(k: int) -> int:
    """The most documents whose matrix stays within `MOST_BYTES`; k at least."""
    low, high = k, 2 * k + 1
    while needed_bytes(high, k) <= MOST_BYTES:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if needed_bytes(middle, k) <= MOST_BYTES else (low, middle)
    return low
