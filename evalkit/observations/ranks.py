"""Counting who ranks above whom, in O(n log n) where it matters. Everything is a whole number, hence exact."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from evalkit.types import AnyArray, IntArray


def dense(values: AnyArray) -> IntArray:
    """(n,) code of every value, 0 for the smallest; equal values share a code."""
    return np.unique(values, return_inverse=True)[1].reshape(-1).astype(np.int64)


def signs_below(codes: IntArray) -> IntArray:
    """(n,) how many units are smaller less how many are larger: twice the midrank, centred."""
    counts = np.bincount(codes)
    below = np.cumsum(counts) - counts
    return np.asarray((2 * below + counts - len(codes))[codes])


def signed_sums(weights: IntArray, codes: IntArray) -> IntArray:
    """(n,) for every unit i the sum over j of weights[j] * sign(codes[j] - codes[i])."""
    totals = np.zeros(codes.max(initial=-1) + 1, dtype=np.int64)
    np.add.at(totals, codes, weights)
    up_to = np.cumsum(totals)
    return np.asarray((up_to[-1:] - up_to - (up_to - totals))[codes])


def concordance(x: IntArray, y: IntArray) -> IntArray:
    """(n,) pairs of every unit in which x and y agree in direction, less those in which they disagree.

    With F_i the sum of sign(y_i - y_j) over the units with smaller x and E_i over those with equal x, the sum
    over those with larger x is signs_below(y)_i - F_i - E_i and counts the other way round.

    Args:
        x: (n,) dense codes.
        y: (n,) dense codes.
    """
    both_below = _both_below(x, y)
    x_below, _ = _within(np.zeros_like(x), x)
    x_below_y_equal, _ = _within(y, x)
    smaller_x = 2 * both_below + x_below_y_equal - x_below
    y_below, y_above = _within(x, y)
    return np.asarray(2 * smaller_x + (y_below - y_above) - signs_below(y))


def _within(groups: IntArray, values: IntArray) -> tuple[IntArray, IntArray]:
    """(n,) twice: members of the same group with a smaller value, and with a larger one."""
    size = values.max(initial=0) + 1
    keys = groups * size + values
    ordered = np.sort(keys)
    first, last = np.searchsorted(ordered, groups * size), np.searchsorted(ordered, (groups + 1) * size)
    below = np.searchsorted(ordered, keys) - first
    above = last - np.searchsorted(ordered, keys, side="right")
    return below, above


def _both_below(x: IntArray, y: IntArray) -> IntArray:
    """(n,) units that are smaller in both x and y."""
    # Equal x in descending y: then no unit comes after one of equal x and smaller y.
    order = np.lexsort((-y, x))
    counts = np.empty_like(x)
    counts[order] = _smaller_before(y[order])
    return counts


def _smaller_before(values: IntArray) -> IntArray:
    """(n,) how many earlier values are smaller, one bit of the values at a time.

    Two values differ first, from the top, at one bit; there the smaller has 0 and the larger 1. So at every bit
    count, among the values with the same higher bits and in their old order, the zeros before each one.
    """
    counts = np.zeros_like(values)
    for bit in range(int(values.max(initial=0)).bit_length()):
        order = np.argsort(values >> (bit + 1), kind="stable")
        prefix, ones = values[order] >> (bit + 1), (values[order] >> bit) & 1
        zeros = np.concatenate([[0], np.cumsum(1 - ones)])
        counts[order] += ones * (zeros[:-1] - zeros[np.searchsorted(prefix, prefix)])
    return counts
