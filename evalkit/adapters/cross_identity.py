"""Who a `CrossEncoder` is: everything that decides its scores, in one digest. Imports torch."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from evalkit.adapters import st_identity
from evalkit.fingerprint import digest_json, digest_parts

if TYPE_CHECKING:
    from collections.abc import Mapping


def fingerprint(model: Any, prompts: Mapping[str, str]) -> str:
    """SHA-256 (64 hex digits) of weights, tokenizer, modules, maximum length, activation and prompts.

    Args:
        model: The `CrossEncoder`.
        prompts: Texts in front of queries and documents.
    """
    settings = {
        "activation": _activation(model.activation_fn),
        "float32": sorted(getattr(model, "keep_in_fp32_modules", None) or ()),
        "sides": {side: prompts.get(side, "") for side in ("query", "document")},
    }
    own = st_identity.fingerprint(model, model.prompts or {}, "pairs")
    return digest_parts("cross-encoder", digest_json(settings), own)


def _activation(function: Any) -> list[str]:
    """What a function on the logits is: of torch's own its name and settings, of others their source too."""
    kind = type(function) if hasattr(function, "forward") else function
    name = f"{getattr(kind, '__module__', '')}.{getattr(kind, '__qualname__', repr(kind))}"
    # A function's repr holds its address in memory.
    said = repr(function) if hasattr(function, "forward") else ""
    return [name, said, "" if name.startswith("torch.") else _source(kind)]


def _source(kind: Any) -> str:
    try:
        return inspect.getsource(kind)
    except (OSError, TypeError):
        return ""
