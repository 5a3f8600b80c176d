"""Who a model of mteb's registry is."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from evalkit.adapters.mteb.library import mteb_version
from evalkit.fingerprint import digest_json, digest_parts

if TYPE_CHECKING:
    from collections.abc import Mapping

_LIBRARIES = ("mteb", "sentence-transformers", "transformers", "torch")
_NO_REVISION = (None, "", "no_revision_available")
_PLAIN = "SentenceTransformerEncoderWrapper"


def fingerprint(model: Any, given: Mapping[str, Any], similarity: str) -> str | None:
    """SHA-256 (64 hex digits) of what decides its vectors; None where nothing says so.

    Of a model around a `SentenceTransformer`: weights, tokenizer, settings, the wrapper's class and its prompts. Of
    any other: name, revision, arguments of its loader, and the versions of the libraries that run it. A model
    without revision may be another one tomorrow.

    Args:
        model: The model.
        given: What the user has given its loader.
        similarity: How its vectors are compared.
    """
    meta, kind = model.mteb_model_meta, type(model)
    said = {
        "class": f"{kind.__module__}.{kind.__qualname__}",
        "prompts": [_plain(getattr(model, name, None) or {}) for name in ("model_prompts", "prompts_dict")],
        "template": _told(getattr(model, "instruction_template", None)),
        "loader": _plain({**(meta.loader_kwargs or {}), **given}),
    }
    inner = sentence_transformer(model)
    if inner is not None:
        from evalkit.adapters.st_identity import fingerprint as of_weights

        weights = of_weights(inner, dict(inner.prompts or {}), similarity)
        return digest_parts("mteb", digest_json(said | _versions_beyond(kind)), weights)
    if meta.revision in _NO_REVISION:
        return None
    return digest_json({**said, "name": meta.name, "revision": meta.revision, "libraries": _versions()})


def sentence_transformer(model: Any) -> Any:
    """The `SentenceTransformer` that a model of mteb wraps, if it does."""
    library, inner = sys.modules.get("sentence_transformers"), getattr(model, "model", None)
    return inner if library is not None and isinstance(inner, library.SentenceTransformer) else None


def is_plain(model: Any) -> bool:
    """Whether mteb's own wrapper of sentence-transformers runs it, and nothing else decides its vectors."""
    return type(model).__name__ == _PLAIN and type(model).__module__.startswith("mteb.models.sentence_transformer")


def notes(model: Any) -> tuple[str, ...]:
    """What a result of this model should say."""
    if "API" not in (model.mteb_model_meta.framework or []):
        return ()
    return ("The model is run by its provider: that it is still the same rests on its name and revision.",)


def _versions_beyond(kind: type) -> dict[str, str]:
    """A wrapper with code of its own may change with mteb."""
    return {} if kind.__name__ == _PLAIN else {"mteb": mteb_version()}


def _versions() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _plain(values: Mapping[str, Any]) -> dict[str, str]:
    """Arguments as text; where a model computes decides nothing."""
    return {key: _told(value) for key, value in sorted(values.items()) if key != "device"}


def _told(value: Any) -> str:
    """A value as text that is the same in every process: Python shows some objects by their address."""
    if callable(value):
        return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', type(value).__qualname__)}"
    shown = repr(value)
    return shown if " at 0x" not in shown else type(value).__qualname__
