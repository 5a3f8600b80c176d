"""Made-up texts and vectors for `speed.py`, the same for every side.

A text starts with its row number, seven digits, and its vector is that row of one matrix, so that looking it up costs
next to nothing and the same everywhere. Vectors scatter around a few hundred centres, neither normalised nor distinct
enough to give anything a perfect score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

DIMENSION = 384
SEED = 20_260_801
_WORDS = ("river", "copper", "lantern", "seven", "orchard", "signal", "winter", "paper", "bridge", "garden", "falcon")
_PHRASES = 4096


@dataclass(frozen=True)
class Case:
    """What is made for one row of the table.

    Attributes:
        kind: Which task scores it.
        sizes: Documents and queries, training and test examples, or just one number.
    """

    kind: str
    sizes: tuple[int, ...]


CASES = {
    "sts": Case("sts", (10_000,)),
    "retrieval-100k": Case("retrieval", (100_000, 1000)),
    "retrieval-500k": Case("retrieval", (500_000, 1000)),
    "classification": Case("classification", (10_000, 10_000)),
    "clustering": Case("clustering", (20_000,)),
}


@dataclass(frozen=True)
class Workload:
    """What both sides are given.

    Attributes:
        case: What it is for.
        vectors: (n_texts, 384) float32.
        columns: Gold scores, labels or judgements.
    """

    case: Case
    vectors: np.ndarray[Any, Any]
    columns: dict[str, np.ndarray[Any, Any]]

    @classmethod
    def load(cls, name: str, folder: Path) -> Workload:
        """What `make` wrote."""
        columns = np.load(folder / f"{name}.columns.npz")
        return cls(CASES[name], np.load(folder / f"{name}.vectors.npy"), {key: columns[key] for key in columns})

    def texts(self, start: int, count: int) -> list[str]:
        """Texts of rows, about a hundred characters each."""
        phrases = _phrases()
        return [f"{row:07d} {phrases[row % _PHRASES]}" for row in range(start, start + count)]

    def titles(self, count: int) -> list[str]:
        """Titles of the first documents; the look-up reads the number here, where a title comes first."""
        return [f"{row:07d} document" for row in range(count)]


def look_up(vectors: np.ndarray[Any, Any], texts: Sequence[str]) -> np.ndarray[Any, Any]:
    """Rows of the texts: the whole encoder, on both sides."""
    return vectors[[int(text[:7]) for text in texts]]


def make(name: str, folder: Path) -> None:
    """Write the vectors and columns of a case."""
    case, rng = CASES[name], np.random.default_rng(SEED)
    vectors, columns = _MAKERS[case.kind](rng, *case.sizes)
    np.save(folder / f"{name}.vectors.npy", vectors)
    np.savez(folder / f"{name}.columns.npz", **columns)


def _phrases() -> list[str]:
    rng = np.random.default_rng(SEED)
    return [" ".join(_WORDS[word] for word in rng.integers(len(_WORDS), size=15)) for _ in range(_PHRASES)]


def _scattered(rng: np.random.Generator, groups: np.ndarray[Any, Any], share: float) -> np.ndarray[Any, Any]:
    """A vector for each row, `share` of it its group's centre."""
    centres = rng.standard_normal((groups.max() + 1, DIMENSION), dtype=np.float32)
    vectors = rng.standard_normal((len(groups), DIMENSION), dtype=np.float32)
    for start in range(0, len(groups), 10_000):
        rows = slice(start, start + 10_000)
        vectors[rows] += np.float32(share) * centres[groups[rows]]
    return vectors


def _sts(rng: np.random.Generator, n: int) -> tuple[np.ndarray[Any, Any], dict[str, np.ndarray[Any, Any]]]:
    gold = rng.integers(0, 26, n) / 5
    vectors = _scattered(rng, np.tile(rng.integers(0, 300, n), 2), 0.3)
    vectors[n:] += (gold / 5 * rng.uniform(0.2, 1.5, n))[:, None].astype(np.float32) * vectors[:n]
    return vectors, {"score": gold}


def _retrieval(
    rng: np.random.Generator, n: int, n_queries: int
) -> tuple[np.ndarray[Any, Any], dict[str, np.ndarray[Any, Any]]]:
    """Documents, then queries; each query lies near one document (grade 2), further from two others (grade 1)."""
    vectors = _scattered(rng, rng.integers(0, 500, n + n_queries), 0.5)
    near = np.stack([rng.choice(n, n_queries, replace=False) for _ in range(3)], axis=1)
    vectors[n:] *= 1.5
    vectors[n:] += 0.5 * vectors[near[:, 0]] + 0.3 * (vectors[near[:, 1]] + vectors[near[:, 2]])
    grades = np.tile([2, 1, 1], n_queries)
    return vectors, {"query": np.repeat(np.arange(n_queries), 3), "document": near.ravel(), "grade": grades}


def _classification(
    rng: np.random.Generator, n_train: int, n_test: int
) -> tuple[np.ndarray[Any, Any], dict[str, np.ndarray[Any, Any]]]:
    labels = rng.integers(0, 77, n_train + n_test)
    return _scattered(rng, labels, 0.25), {"label": labels}


def _clustering(rng: np.random.Generator, n: int) -> tuple[np.ndarray[Any, Any], dict[str, np.ndarray[Any, Any]]]:
    labels = rng.integers(0, 50, n)
    return _scattered(rng, labels, 0.35), {"label": labels}


_MAKERS: dict[str, Any] = {
    "sts": _sts,
    "retrieval": _retrieval,
    "classification": _classification,
    "clustering": _clustering,
}
