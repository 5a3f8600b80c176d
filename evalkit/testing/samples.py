"""Small encoders of every form, and a small ranker, that tasks and transforms are tried with."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.adapters.hashing import HashingEncoder, Parameters
from evalkit.adapters.random import RandomEncoder
from evalkit.fingerprint import digest_json
from evalkit.ranking import rank
from evalkit.testing.rules import rule
from evalkit.types import Form, Role, Similarity, TokenVectors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.protocols import Encoder, TaskInfo, Workbench
    from evalkit.types import Embeddings, Ranking, TopK, Vectors

FIT_TEXTS = tuple(f"Text {i} of {i % 7} is about {i % 13} things and {i * i % 31} more." for i in range(300))
"""Enough to fit 256 centroids on."""

_NAME = "contract-check"
_TERMS = 512


class Words:
    """One sparse vector a text: how often it has each word, of hashed numbers."""

    name, similarity, form = _NAME, Similarity.DOT, Form.SPARSE
    fingerprint = digest_json([_NAME, "words", 1])

    def encode(self, texts: Sequence[str], *, role: Role, task: TaskInfo, batch_size: int) -> Embeddings:  # noqa: ARG002
        """(len(texts), 512) CSR."""
        from scipy.sparse import csr_array

        counts = np.zeros((len(texts), _TERMS), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                counts[row, int(sha256(word.encode("utf-8", "surrogatepass")).hexdigest(), 16) % _TERMS] += 1
        return csr_array(counts)

    def variant(self, role: Role, task: TaskInfo) -> str:  # noqa: ARG002
        """Nothing depends on role or task."""
        return ""


class Tokens:
    """Several vectors a text: one a word."""

    name, similarity, form = _NAME, Similarity.MAXSIM, Form.MULTI
    fingerprint = digest_json([_NAME, "tokens", 1])

    def __init__(self) -> None:
        self._words = RandomEncoder(dim=32)

    def encode(self, texts: Sequence[str], *, role: Role, task: TaskInfo, batch_size: int) -> TokenVectors:
        """Vectors of 32 values; a text without words has that of the empty word."""
        words = [text.lower().split() or [""] for text in texts]
        flat = [word for each in words for word in each]
        offsets = np.concatenate([[0], np.cumsum([len(each) for each in words])]).astype(np.int64)
        return TokenVectors(offsets, self._words.encode(flat, role=role, task=task, batch_size=batch_size))

    def variant(self, role: Role, task: TaskInfo) -> str:  # noqa: ARG002
        """Nothing depends on role or task."""
        return ""


class Adjustable:
    """A dense encoder that has whatever a step may change in an encoder: prompts and layers.

    Args:
        prompts: Texts in front, by role.
        layer: The last layer.
    """

    name, similarity = _NAME, Similarity.COSINE

    def __init__(self, prompts: Mapping[str, str], layer: int = 4) -> None:
        self._prompts, self._layer = dict(prompts), layer
        self._encoder = RandomEncoder(dim=32, seed=layer)
        self.fingerprint = digest_json([_NAME, "adjustable", 1, self._prompts, layer])

    def encode(self, texts: Sequence[str], *, role: Role, task: TaskInfo, batch_size: int) -> Vectors:
        """(len(texts), 32)."""
        front = self._prompts.get(role, "")
        return self._encoder.encode([front + text for text in texts], role=role, task=task, batch_size=batch_size)

    def variant(self, role: Role, task: TaskInfo) -> str:  # noqa: ARG002
        """The prompt."""
        return self._prompts.get(role, "")

    def with_prompts(self, prompts: Mapping[str, str]) -> Adjustable:
        """With these in place of its own."""
        return Adjustable(prompts, self._layer)

    def with_layer(self, layer: int) -> Adjustable:
        """Cut off behind a layer."""
        return Adjustable(self._prompts, layer)


class SmallRanker:
    """A ranker without vectors of its own.

    Args:
        needs_candidates: Whether it says so, and then insists on them.
    """

    name = _NAME

    def __init__(self, *, needs_candidates: bool = False) -> None:
        self.needs_candidates = needs_candidates
        self.fingerprint = digest_json([_NAME, "ranker", 1, needs_candidates])

    def rank(self, problem: Ranking, bench: Workbench) -> TopK:
        """As a small dense encoder ranks."""
        there = problem.candidates is not None or not self.needs_candidates
        rule(there, "a task that says that it has candidates must give them to a ranker")
        return rank(problem, bench.beside(small(Form.DENSE)))


def small(form: Form) -> Encoder:
    """A small encoder of a form."""
    made: dict[Form, Any] = {Form.SPARSE: Words, Form.MULTI: Tokens}
    encoder: Encoder = made[form]() if form in made else HashingEncoder(_NAME, Parameters(dim=64))
    return encoder


def changeable() -> Encoder:
    """A small encoder with prompts and layers."""
    return Adjustable({"query": "query: "})
