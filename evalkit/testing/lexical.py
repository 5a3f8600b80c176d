"""Rules of lexical scorers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalkit.testing.rules import rule

if TYPE_CHECKING:
    from evalkit.protocols import LexicalScorer


def check_lexical(scorer: LexicalScorer, texts: list[str]) -> None:
    """Check the scores of some texts, as queries and as documents.

    Raises:
        AssertionError: A rule is broken.
    """
    scores = scorer.index(texts).scores(texts)
    shape = (len(texts), len(texts))
    rule(isinstance(scores, np.ndarray) and scores.dtype == np.float32, "scores must return a float32 NumPy array")
    rule(scores.shape == shape, f"scores must be (queries, documents), {shape}, not {scores.shape}")
    rule(np.isfinite(scores).all(), "scores must be finite, also for an empty query or document")
    again = scorer.index(texts).scores(texts)
    rule(np.array_equal(scores, again), "an index made again must give the same scores")
    backwards = scorer.index(texts).scores(texts[::-1])[::-1]
    rule(np.array_equal(scores, backwards), "a query's scores must not depend on the queries beside it")
    twin = [texts.index(text) for text in texts]
    rule(np.array_equal(scores, scores[:, twin]), "equal documents must have equal scores")
