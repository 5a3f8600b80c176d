"""Small made-up data and vectors that depend on the text alone: the same here, in the tests and under mteb."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

TOPICS = ("rivers", "engines", "bread", "chess", "weather")
DIMENSION = 24


def _generator(text: str) -> np.random.Generator:
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little"))


def vector(text: str) -> NDArray[np.float32]:
    """A noisy copy of the vector of the text's first word, so that equal topics lie close; not of unit length."""
    topic = _generator(text.split()[0]).standard_normal(DIMENSION)
    noise = _generator(text).standard_normal(DIMENSION)
    return (topic + 2.0 * noise).astype(np.float32)


def encode(texts: Sequence[str]) -> NDArray[np.float32]:
    """(n, 24) float32."""
    return np.stack([vector(text) for text in texts])


def texts(n: int, tag: str) -> list[str]:
    """Texts of five topics in turn."""
    return [f"{TOPICS[row % len(TOPICS)]} {tag} {row}" for row in range(n)]


def _labels(rows: Sequence[str]) -> list[str]:
    return [row.split()[0] for row in rows]


def clustering(kind: str) -> dict[str, Any]:
    """Columns of a clustering task: flat string labels, flat numbers, or paths with a missing second level."""
    rows = texts(300, kind)
    names = _labels(rows)
    if kind == "numbers":
        return {"text": rows, "label": [TOPICS.index(name) for name in names]}
    if kind == "paths":
        return {"text": rows, "label": [[n, f"{n}-{i % 2}"] if i % 3 else [n] for i, n in enumerate(names)]}
    if kind == "number_paths":
        return {
            "text": rows,
            "label": [[TOPICS.index(n), 10 + i % 4] if i % 3 else [TOPICS.index(n)] for i, n in enumerate(names)],
        }
    return {"text": rows, "label": names}


def classification(n_labels: int) -> dict[str, dict[str, Any]]:
    """Train and test columns; labels are numbers."""
    keep = set(TOPICS[:n_labels])
    out = {}
    for split, n in (("train", 400), ("test", 150)):
        rows = [row for row in texts(n, split) if row.split()[0] in keep]
        out[split] = {"text": rows, "label": [TOPICS.index(row.split()[0]) for row in rows]}
    return out


def retrieval() -> dict[str, Any]:
    """A corpus in which some texts stand twice (ties), some ids are ids of queries, and grades are 0 to 2."""
    documents = {f"d{row:03d}": text for row, text in enumerate(texts(180, "doc"))}
    documents |= {f"e{row:03d}": text for row, text in enumerate(texts(60, "doc"))}  # copies of the first sixty
    queries = {f"q{row:02d}": text for row, text in enumerate(texts(40, "query"))}
    documents |= {name: f"{text} itself" for name, text in list(queries.items())[:10]}
    names = list(documents)
    qrels: dict[str, dict[str, int]] = {}
    for row, name in enumerate(queries):
        pick = _generator(name).choice(len(names), size=6, replace=False)
        qrels[name] = {names[column]: int((row + place) % 3) for place, column in enumerate(pick)}
        qrels[name][f"d{row:03d}"] = 2
        qrels[name][f"e{row:03d}"] = 1
    return {"documents": documents, "queries": queries, "qrels": qrels}


def sts() -> dict[str, Any]:
    """Pairs, some of equal sentences, with scores from 0 to 5."""
    first = texts(120, "left")
    second = [
        text if row % 10 == 0 else f"{first[(row * 7) % 120].split()[0]} right {row}" for row, text in enumerate(first)
    ]
    scores = [
        float(5 * (a.split()[0] == b.split()[0]) * ((row % 4) / 3))
        for row, (a, b) in enumerate(zip(first, second, strict=True))
    ]
    return {"sentence1": first, "sentence2": second, "score": scores}
