"""Embeddings of any form: are they what they should be, and are two of them the same?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.embedding.checks import as_embeddings
from evalkit.embedding.forms import count_of, joined, take
from evalkit.testing.rules import TOLERANCE, rule
from evalkit.types import OF_VECTORS, Form, Similarity, TokenVectors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from evalkit.types import AnyArray, Embeddings

    Ask: TypeAlias = Callable[[Sequence[str], int], Embeddings]

LEGAL = {Form.DENSE: OF_VECTORS, Form.SPARSE: OF_VECTORS, Form.MULTI: tuple(Similarity)}
"""How embeddings of each form can be compared."""


def form_of(encoder: Any) -> Form:
    """The form that an encoder says it has.

    Raises:
        AssertionError: It is none.
    """
    said = getattr(encoder, "form", Form.DENSE)
    rule(isinstance(said, str) and said in set(Form), f"form must be one of {', '.join(Form)}")
    return Form(said)


def checked(embeddings: Any, texts: Sequence[str], form: Form, what: str = "encode") -> Embeddings:
    """Embeddings as scores are made of them, after every rule of their form.

    Args:
        embeddings: What was returned.
        texts: For what; at least one.
        form: What it should be.
        what: What returned it.

    Raises:
        AssertionError: A rule is broken.
    """
    values = _CHECKS[form](embeddings, len(texts), what)
    rule(np.isfinite(values).all(), f"{what} must return finite numbers, also for an empty text")
    return as_embeddings(embeddings, texts, encoder=what, dimension=None, form=form)


def _check_dense(vectors: Any, n: int, what: str) -> AnyArray:
    rule(isinstance(vectors, np.ndarray), f"{what} must return a NumPy array, not {type(vectors).__name__}")
    _check_table(vectors, n, what)
    values: AnyArray = vectors
    return values


def _check_sparse(matrix: Any, n: int, what: str) -> AnyArray:
    csr = getattr(matrix, "format", None) == "csr"
    rule(csr, f"{what} must return a CSR array where the form is sparse, not {type(matrix).__name__}")
    _check_table(matrix, n, what)
    values: AnyArray = matrix.data
    return values


def _check_table(table: Any, n: int, what: str) -> None:
    rule(table.dtype == np.float32, f"{what} must return float32, not {table.dtype}")
    expected = f"{what} must return one row for each text, ({n}, d), not {table.shape}"
    rule(table.ndim == 2 and table.shape[0] == n and table.shape[1] > 0, expected)


def _check_tokens(tokens: Any, n: int, what: str) -> AnyArray:
    named = isinstance(tokens, TokenVectors)
    rule(named, f"{what} must return TokenVectors where the form is multi, not {type(tokens).__name__}")
    rule(tokens.vectors.dtype == np.float32, f"{what} must return float32, not {tokens.vectors.dtype}")
    rule(tokens.vectors.ndim == 2 and tokens.vectors.shape[1] > 0, f"{what} must return vectors of length d")
    rule(len(tokens) == n, f"{what} must return vectors for each of {n} texts, not of {len(tokens)}")
    rule((tokens.counts >= 1).all(), f"{what} must return at least one vector a text, also for an empty text")
    ends = tokens.offsets[0] == 0 and tokens.offsets[-1] == len(tokens.vectors)
    rule(ends, f"the offsets that {what} returns must begin with 0 and end with the number of vectors")
    values: AnyArray = tokens.vectors
    return values


_CHECKS: dict[Form, Callable[[Any, int, str], AnyArray]] = {
    Form.DENSE: _check_dense,
    Form.SPARSE: _check_sparse,
    Form.MULTI: _check_tokens,
}


def check_rows(ask: Ask, texts: list[str], vectors: Embeddings, what: str = "encode") -> None:
    """Check that every way of asking for the same texts gives the same vectors.

    Args:
        ask: Gives the embeddings of texts, encoded so many at a time.
        texts: Some texts, one of them twice.
        vectors: Their embeddings.
        what: What makes them.

    Raises:
        AssertionError: A rule is broken.
    """
    backwards = np.arange(len(texts))[::-1]
    variations = {
        f"{what} must give the same vectors on a second call": ask(texts, 32),
        "rows must be in the order of the texts": take(ask(texts[::-1], 32), backwards),
        "vectors must not depend on the batch size": ask(texts, 2),
        "vectors must not depend on the texts beside them": joined([ask([text], 32) for text in texts]),
        "equal texts must have equal vectors": take(vectors, [texts.index(text) for text in texts]),
    }
    for said, other in variations.items():
        rule(close(vectors, other), said)


def close(one: Embeddings, other: Embeddings) -> bool:
    """Whether two embeddings are the same but for rounding; several vectors a text come in one order."""
    if isinstance(one, TokenVectors) or isinstance(other, TokenVectors):
        return _close_tokens(one, other)
    return _close_values(_full(one), _full(other))


def _close_tokens(one: Any, other: Any) -> bool:
    both = isinstance(one, TokenVectors) and isinstance(other, TokenVectors)
    return both and np.array_equal(one.offsets, other.offsets) and _close_values(one.vectors, other.vectors)


def _close_values(one: AnyArray, other: AnyArray) -> bool:
    if one.shape != other.shape:
        return False
    scale = max(1.0, float(np.abs(one).max(initial=0.0)))
    return bool(np.abs(one - other).max(initial=0.0) <= TOLERANCE * scale)


def _full(embeddings: Any) -> AnyArray:
    full: AnyArray = embeddings if isinstance(embeddings, np.ndarray) else embeddings.toarray()
    return full


def held(embeddings: Any) -> list[AnyArray]:
    """The arrays that embeddings lie in, for watching whether they are changed."""
    if isinstance(embeddings, TokenVectors):
        return [embeddings.offsets, embeddings.vectors]
    if hasattr(embeddings, "indptr"):
        return [embeddings.data, embeddings.indices, embeddings.indptr]
    return [embeddings]


def is_of_none(embeddings: Any, dimension: int) -> bool:
    """Whether they are those of no texts; some libraries cannot know the length without a text."""
    if isinstance(embeddings, TokenVectors):
        return count_of(embeddings) == 0
    return np.shape(embeddings) in {(0, dimension), (0,)}
