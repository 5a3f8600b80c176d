"""Any object that can encode, as an encoder of evalkit."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any, cast

from evalkit.adapters.hub import model_name
from evalkit.adapters.named import NamedEncoder, named
from evalkit.adapters.objects import (
    FunctionEncoder,
    MtebEncoder,
    ObjectEncoder,
    own_fingerprint,
    own_form,
    own_similarity,
)
from evalkit.errors import EncoderError
from evalkit.protocols import Encoder, LexicalScorer, Ranker

if TYPE_CHECKING:
    from evalkit.adapters.sentence_transformers import SentenceTransformerEncoder
    from evalkit.protocols import Scorer
    from evalkit.types import Form

_EXPECTED = (
    "a function list[str] -> array, an object with sentence-transformers' or mteb's encode, or an encoder of evalkit"
)


def wrap(obj: Any, name: str | None = None) -> Scorer:
    """An object as something that a run can evaluate.

    Args:
        obj: An `Encoder`, `LexicalScorer` or `Ranker` (returned as it is), a `SentenceTransformer`, `SparseEncoder` or
            `MultiVectorEncoder`, an object with sentence-transformers' or mteb's `encode`, a function
            ``list[str] -> array``, or a class of one of these, which is made without arguments. Objects and functions
            that do not return one dense vector a text say so by an attribute `form` (see `evalkit.types.Form`).
        name: What results call it; without it, what it calls itself.

    Returns:
        The encoder. It has a fingerprint, and so is cached, where the object says who it is: every
        `SentenceTransformer` does, others by an attribute `fingerprint`.

    Raises:
        EncoderError: It is none of these.
    """
    return wrap_or_call(obj, name, "")


def wrap_or_call(obj: Any, name: str | None, fallback: str, form: Form | None = None) -> Scorer:
    """As `wrap`; an object that does not call itself anything is called `fallback`, and may be told its form."""
    if inspect.isclass(obj):
        obj = _instance(obj)
    if encoder := _of_library(obj, name):
        return encoder
    if _is_encoder(obj):
        return NamedEncoder(obj, name or obj.name, form) if name or form else cast("Scorer", obj)
    if isinstance(obj, LexicalScorer | Ranker) and not hasattr(obj, "encode"):
        return named(obj, name) if name else obj
    return _adapted(obj, name or own_name(obj, fallback), form or own_form(obj))


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


def _adapted(obj: Any, name: str, form: Form) -> Encoder:
    encode = getattr(obj, "encode", None)
    fingerprint, similarity = own_fingerprint(obj), own_similarity(obj, form)
    if callable(encode) and "task_metadata" in _parameters(encode):
        return MtebEncoder(obj, name, fingerprint, similarity, form)
    if callable(encode):
        return ObjectEncoder(obj, name, fingerprint, similarity, form)
    if callable(obj):
        return FunctionEncoder(obj, name, fingerprint, similarity, form)
    raise EncoderError(f"{type(obj).__name__} {name!r} is no encoder.", hint=f"Give {_EXPECTED}.")


def _is_encoder(obj: Any) -> bool:
    """Whether `encode` takes what a run gives it; attributes alone would let mteb's own classes through."""
    if not isinstance(getattr(obj, "similarity", None), str) or not isinstance(obj, Encoder):
        return False
    return {"role", "task", "batch_size"} <= _parameters(obj.encode) or _takes_anything(obj.encode)


def _of_library(obj: Any, name: str | None) -> Scorer | None:
    """The encoder around a model of sentence-transformers; None for anything else."""
    library = sys.modules.get("sentence_transformers")
    if isinstance(obj, getattr(library, "CrossEncoder", ())):
        from evalkit.adapters.cross import CrossEncoderRanker

        return CrossEncoderRanker(obj, name or _model_name(obj))
    for kind in ("SentenceTransformer", "SparseEncoder", "MultiVectorEncoder"):
        if isinstance(obj, getattr(library, kind, ())):
            return _encoder_class(kind)(obj, name or _model_name(obj))
    return None


def _encoder_class(kind: str) -> type[SentenceTransformerEncoder]:
    from evalkit.adapters import colbert, sentence_transformers, splade

    return {
        "SentenceTransformer": sentence_transformers.SentenceTransformerEncoder,
        "SparseEncoder": splade.SparseTransformerEncoder,
        "MultiVectorEncoder": colbert.MultiVectorTransformerEncoder,
    }[kind]


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
