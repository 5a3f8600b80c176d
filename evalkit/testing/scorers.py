"""Whatever a run can evaluate, checked as what it is."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from evalkit.errors import EncoderError
from evalkit.protocols import Derived, Encoder, LexicalScorer, Ranker
from evalkit.testing.abilities import check_abilities
from evalkit.testing.derived import check_derived
from evalkit.testing.encoders import check_comparison, check_vectors
from evalkit.testing.lexical import check_lexical
from evalkit.testing.rankers import check_ranker
from evalkit.testing.rules import TEXTS, check_identity, check_texts, rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.protocols import Scorer


def check_encoder(encoder: Any, texts: Sequence[str] = TEXTS) -> None:
    """Check that an encoder, a lexical scorer or a ranker keeps its contract.

    An encoder that computes its vectors from another one's is checked with the other one; one that ranks too is
    checked as both.

    Args:
        encoder: What to check. What is none of these, such as a function, is checked as a run would use it: wrapped by
            `evalkit.adapters.wrapping.wrap`.
        texts: What to try it on: at least two, some of them different, one of them twice.

    Raises:
        AssertionError: It does not; the message names the rule.
        ValueError: The texts are unfit.
    """
    check_texts(texts)
    encoder = _as_scorer(encoder)
    check_identity(encoder)
    before = encoder.fingerprint
    if isinstance(encoder, Encoder):
        _check_encoder(encoder, list(texts))
    elif isinstance(encoder, LexicalScorer):
        check_lexical(encoder, list(texts))
    if isinstance(encoder, Ranker):
        check_ranker(encoder, texts)
    rule(encoder.fingerprint == before, "fingerprint must not change when texts are encoded")


def _as_scorer(given: Any) -> Scorer:
    from evalkit.adapters.wrapping import wrap

    if isinstance(given, Encoder | LexicalScorer | Ranker) and not inspect.isclass(given):
        return given
    try:
        return wrap(given)
    except EncoderError as error:
        said = f"an encoder needs encode, or index or rank where it has no vectors ({error})"
        raise AssertionError(f"Broken rule: {said}") from error


def _check_encoder(encoder: Encoder, texts: list[str]) -> None:
    check_comparison(encoder)
    if isinstance(encoder, Derived):
        rule(isinstance(encoder.base, Encoder), "base must be an encoder")
        check_encoder(encoder.base, texts)
        check_derived(encoder, texts)
        return
    check_vectors(encoder, texts)
    check_abilities(encoder, texts)
