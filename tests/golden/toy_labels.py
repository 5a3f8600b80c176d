"""Made-up texts with sets of labels, and with numbers, and vectors that depend on the text alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

TOPICS = ("rivers", "engines", "bread", "chess", "weather", "violins")
DIMENSION = 24
LABELS = {"plain": TOPICS, "edges": (3, 11, 2, 7, 40, 5)}


def _generator(text: str) -> np.random.Generator:
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little"))


def vector(text: str) -> NDArray[np.float32]:
    """The vectors of the topics in the text, and noise of its own; not of unit length."""
    topics = sum((_generator(word).standard_normal(DIMENSION) for word in text.split() if word in TOPICS), 0.0)
    return (topics + _generator(text).standard_normal(DIMENSION)).astype(np.float32)


def encode(texts: Sequence[str]) -> NDArray[np.float32]:
    """(n, 24) float32."""
    return np.stack([vector(text) for text in texts])


def multilabel(kind: str, splits: Sequence[tuple[str, int]] = (("train", 260), ("test", 110))) -> dict[str, Any]:
    """Columns of each split: one to three of six labels a text.

    In ``edges`` labels are numbers, every seventh text has none, the last label is nowhere in the training split, the
    first but one is in three of its texts only, and the label 99 is there alone.
    """
    names = LABELS[kind]
    out = {}
    for split, n in splits:
        texts, labels = [], []
        for row in range(n):
            generator = _generator(f"{kind} {split} {row}")
            picked = sorted(
                generator.choice(6, size=generator.integers(1, 4), replace=False, p=[0.3, 0.25, 0.2, 0.1, 0.1, 0.05])
            )
            texts.append(" ".join([*(TOPICS[each] for each in picked), split, kind, str(row)]))
            labels.append([names[each] for each in picked])
        if kind == "edges":
            labels = [[] if row % 7 == 0 else each for row, each in enumerate(labels)]
        if kind == "edges" and split == "train":
            labels = [
                [each for each in some if each != 5 and (each != 11 or row < 9)] for row, some in enumerate(labels)
            ]
            labels[20:30] = [[*some, 99] for some in labels[20:30]]
        out[split] = {"text": texts, "label": labels}
    return out


def label_samples() -> list[tuple[list[list[int]], int]]:
    """Sets of labels, some of them always together, and how many of the sets are to be drawn."""
    cases = []
    for number in range(12):
        generator = _generator(f"sample {number}")
        sets = [np.flatnonzero(generator.random(5) < 0.3).tolist() for _ in range(40 + number)]
        # Labels 0 and 1 are always together: a pair then has as many rows as its label.
        sets = [sorted({*some, 0, 1}) if {0, 1} & set(some) else some for some in sets]
        cases.append((sets, 12 + number))
    return cases


def value_samples() -> list[tuple[list[float], int]]:
    """Values, many of them equal, and how many are to be drawn."""
    cases = []
    for number in range(12):
        generator = _generator(f"values {number}")
        values = generator.integers(0, 30, 101 + number) if number % 2 else generator.exponential(1, 101).round(1)
        cases.append(([float(value) for value in values], 30 + number))
    return cases


def regression(kind: str) -> dict[str, Any]:
    """Columns of each split; values are in part what the topics add up to.

    They are ``plain`` numbers, small whole ones (``whole``), or plain ones with a ``constant`` test split.
    """
    out = {}
    for split, n in (("train", 300), ("test", 90)):
        texts = multilabel("plain", ((split, n),))[split]["text"]
        worth = [sum(TOPICS.index(word) - 2 for word in text.split() if word in TOPICS) for text in texts]
        noise = [float(_generator(f"{kind} {text}").standard_normal()) for text in texts]
        values: list[float] = [each + more for each, more in zip(worth, noise, strict=True)]
        if kind == "whole":
            values = [round(value) for value in values]
        if kind == "constant" and split == "test":
            values = [0.7] * n
        out[split] = {"text": texts, "value": values}
    return out
