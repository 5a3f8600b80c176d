"""Samples that keep the make-up of the whole, drawn as mteb draws them: generator by generator, call by call."""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.types import FloatArray, IntArray

Pair: TypeAlias = tuple[int, int]

N_BINS = 10
"""Strata of a number: its deciles."""


# -- numbers -----------------------------------------------------------------------------------------------------


def stratified_by_value(values: FloatArray, size: int, seed: int) -> IntArray:
    """Rows drawn from every decile of the values, in the order in which they are drawn.

    Source: mteb 2.26.24, `AbsTaskRegression.stratified_subsampling`, which bins with pandas' `qcut` and draws with
    `Dataset.train_test_split` of datasets 4: the test part of a stratified split.

    Args:
        values: (n,).
        size: Rows to draw, below n.
        seed: Of the generator.

    Raises:
        ValueError: A stratum has one row only, or there are fewer rows, drawn or left, than strata.
    """
    generator = np.random.default_rng(seed)
    codes = quantile_bins(values)
    counts = np.bincount(codes)
    left = len(values) - size
    if counts.min() < 2:
        raise ValueError("a tenth of the values, by size, has one example only")
    if min(size, left) < len(counts):
        raise ValueError(f"{size} examples drawn and {left} left are too few for {len(counts)} groups by value")
    members = np.split(np.argsort(codes, kind="stable"), np.cumsum(counts)[:-1])
    leaves = _shares(counts, left, generator)
    takes = _shares(counts - leaves, size, generator)
    shuffled = [rows[generator.permutation(len(rows))] for rows in members]
    generator.permutation(left)  # of the rows that are left
    drawn = [rows[leave : leave + take] for rows, leave, take in zip(shuffled, leaves, takes, strict=True)]
    return np.asarray(generator.permutation(np.concatenate(drawn)))


def quantile_bins(values: FloatArray) -> IntArray:
    """(n,) decile of every value, 0, 1, ..., as pandas' ``qcut(values, 10, labels=False, duplicates="drop")``.

    Bins without a value, which few values have, are left out of the count; constant values are one bin.
    """
    shares = np.linspace(0, 1, N_BINS + 1)
    # pandas rounds a share that is no binary fraction up, which decides for values on an edge.
    rounded = N_BINS * shares != np.arange(N_BINS + 1)
    shares[rounded] = np.nextafter(shares[rounded], 1)
    edges = np.unique(np.quantile(values, shares))
    # A value on an edge belongs below it, and the smallest to the first bin.
    bins = np.maximum(np.searchsorted(edges, values, side="left"), 1)
    return np.asarray(np.unique(bins, return_inverse=True)[1].reshape(-1))


def _shares(counts: IntArray, size: int, generator: np.random.Generator) -> IntArray:
    """How many of each stratum make `size` rows in proportion; what rounding leaves goes to the largest remainders."""
    exact = size * counts / counts.sum()
    shares = np.floor(exact)
    remainder = exact - shares
    missing = int(size - shares.sum())
    for value in np.unique(remainder)[::-1] if missing > 0 else ():
        strata = np.flatnonzero(remainder == value)
        strata = generator.choice(strata, size=min(len(strata), missing), replace=False)
        shares[strata] += 1
        missing -= len(strata)
        if not missing:
            break
    return np.asarray(shares, dtype=np.int64)


# -- sets of labels ----------------------------------------------------------------------------------------------


def stratified_by_labels(labels: Sequence[Sequence[int]], size: int, seed: int) -> list[int]:
    """About `size` rows, in order, with pairs of labels as frequent as among all.

    Source: Sechidis, Tsoumakas and Vlahavas (2011), "On the stratification of multi-label data", as mteb 2.26.24 has it
    in `_stratification.py` (from scikit-multilearn): second order, two folds of which the first is taken.

    Args:
        labels: Distinct label codes of every row, sorted.
        size: Rows wanted, below their number.
        seed: Of the generator that breaks ties.
    """
    return _Stratifier(labels, size / len(labels), seed).taken()


class _Stratifier:
    """Deals rows to two folds, the rows of one pair of labels after the other.

    A pair of a label with itself stands for the label.
    """

    def __init__(self, labels: Sequence[Sequence[int]], share: float, seed: int) -> None:
        self.generator = np.random.RandomState(seed)
        self.pairs = [list(combinations_with_replacement(codes, 2)) for codes in labels]
        # Rows of every pair that are not dealt yet, in order of appearance; a dict because rows leave from anywhere.
        self.waiting: dict[Pair, dict[int, None]] = {}
        for row, pairs in enumerate(self.pairs):
            for pair in pairs:
                self.waiting.setdefault(pair, {})[row] = None
        shares = (share, 1.0 - share)
        self.wanted = {pair: [len(rows) * each for each in shares] for pair, rows in self.waiting.items()}
        self.room = [each * len(labels) for each in shares]

    def taken(self) -> list[int]:
        """Rows of the first fold."""
        first = []
        dealt = set()
        while self.waiting:
            pair = self._next_pair()
            while pair in self.waiting:
                row, fold = self._deal(pair)
                dealt.add(row)
                first += [row] if fold == 0 else []
        for row in reversed(range(len(self.pairs))):
            if row not in dealt and self._deal_unlabelled() == 0:
                first.append(row)
        return sorted(first)

    def _next_pair(self) -> Pair:
        """The first pair that has rows; after a label with itself, the first of two labels that has fewer rows."""
        first = next(iter(self.waiting))
        if first[0] != first[1]:
            return first
        support = len(self.waiting[first])
        rarer = (pair for pair, rows in self.waiting.items() if pair[0] != pair[1] and len(rows) < support)
        return next(rarer, first)

    def _deal(self, pair: Pair) -> tuple[int, int]:
        """The last row of a pair, and the fold that wants it most."""
        row = next(reversed(self.waiting[pair]))
        one, other = self.wanted[pair]
        fold = int(self.generator.choice(np.arange(2), 1)[0]) if one == other else int(other > one)
        for each in self.pairs[row]:
            del self.waiting[each][row]
            if not self.waiting[each]:
                del self.waiting[each]
            self.wanted[each][fold] -= 1
        self.room[fold] -= 1
        return row, fold

    def _deal_unlabelled(self) -> int:
        """The fold, among those with room, that a row without labels falls into."""
        open_folds = [fold for fold, room in enumerate(self.room) if room > 0]
        fold = int(self.generator.choice(np.array(open_folds), 1)[0])
        self.room[fold] -= 1
        return fold
