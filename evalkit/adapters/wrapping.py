"""Any object that can encode, as an encoder of evalkit."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any, cast

from evalkit.adapters.hub import model_name
from evalkit.adapters.objects import (
    FunctionEncoder,
    MtebEncoder,
    NamedEncoder,
    NamedScorer,
    ObjectEncoder,
    own_fingerprint,
    own_similarity,
)
from evalkit.errors import EncoderError
from evalkit.protocols import Encoder, LexicalScorer

if TYPE_CHECKING:
    from evalkit.protocols import Scorer

_EXPECTED = (
    "a function list[str] -> array, an object with sentence-transformers' or mteb's encode, or an encoder of evalkit"
)


def wrap(obj: Any, name: str | None = None) -> Scorer:
    """An object as something that a run can evaluate.

    Args:
        obj: An `Encoder` or `LexicalScorer` (returned as it is), a `SentenceTransformer`, an object with
            sentence-transformers' or mteb's `encode`, a function ``list[str] -> array``, or a class of one of
            these, which is made without arguments.
        name: What results call it; without it, what it calls itself.

    Returns:
        The encoder. It has a fingerprint, and so is cached, where the object says who it is: every
        `SentenceTransformer` does, others by an attribute `fingerprint`.

    Raises:
        EncoderError: It is none of these.
    """
    return wrap_or_call(obj, name, "")


def wrap_or_call(obj: Any, name: str | None, fallback: str) -> Scorer:
    """As `wrap`; an object that does not call itself anything is called `fallback`."""
    if inspect.isclass(obj):
        obj = _instance(obj)
    if _is_sentence_transformer(obj):
        from evalkit.adapters.sentence_transformers import SentenceTransformerEncoder

        return SentenceTransformerEncoder(obj, name or _model_name(obj))
    if _is_encoder(obj):
        return NamedEncoder(obj, name) if name else cast("Scorer", obj)
    if isinstance(obj, LexicalScorer) and not hasattr(obj, "encode"):
        return NamedScorer(obj, name) if name else obj
    return _adapted(obj, name or own_name(obj, fallback))


def own_name(obj: Any, fallback: str = "") -> str:
    """What an object calls itself (its `name`, or mteb's model name), or `fallback`, or its function's or class's."""
    meta = getattr(obj, "mteb_model_meta", None)
    for said in (getattr(obj, "name", None), getattr(meta, "name", None), fallback, getattr(obj, "__name__", None)):
        if isinstance(said, str) and said:
            return said.strip("<>")
    return type(obj).__name__


def _model_name(model: Any) -> str:
    """Where the model came from, by its transformers config."""
    origin = getattr(getattr(model, "config", None), "_name_or_path", "")
    return model_name(origin) if origin else own_name(model)


def _adapted(obj: Any, name: str) -> Encoder:
    encode = getattr(obj, "encode", None)
    fingerprint, similarity = own_fingerprint(obj), own_similarity(obj)
    if callable(encode) and "task_metadata" in _parameters(encode):
        return MtebEncoder(obj, name, fingerprint, similarity)
    if callable(encode):
        return ObjectEncoder(obj, name, fingerprint, similarity)
    if callable(obj):
        return FunctionEncoder(obj, name, fingerprint, similarity)
    raise EncoderError(f"{type(obj).__name__} {name!r} is no encoder.", hint=f"Give {_EXPECTED}.")


def _is_encoder(obj: Any) -> bool:
    """Whether `encode` takes what a run gives it; attributes alone would let mteb's own classes through."""
    if not isinstance(getattr(obj, "similarity", None), str) or not isinstance(obj, Encoder):
        return False
    return {"role", "task", "batch_size"} <= _parameters(obj.encode) or _takes_anything(obj.encode)


def _is_sentence_transformer(obj: Any) -> bool:
    library = sys.modules.get("sentence_transformers")
    return library is not None and isinstance(obj, library.SentenceTransformer)


def _takes_anything(function: Any) -> bool:
    """Whether it has ``**kwargs``: beside name, fingerprint and similarity, the mark of an encoder of evalkit."""
    parameters = inspect.signature(function).parameters.values()
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)


def _parameters(function: Any) -> set[str]:
    try:
        return set(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return set()


def _instance(kind: type[Any]) -> Any:
    try:
        return kind()
    except (Exception, SystemExit) as error:
        raise EncoderError(
            f"{kind.__name__}() failed: {type(error).__name__}: {error}.",
            hint="A class must be makeable without arguments; give an object of it instead.",
        ) from error
