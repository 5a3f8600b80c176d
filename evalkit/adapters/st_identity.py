"""Who a `SentenceTransformer` is: everything that decides its vectors, in one digest. Imports torch."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import json
import pickle
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import transformers

from evalkit.adapters.st_images import image_settings
from evalkit.adapters.tokenizers import tokenizer_state
from evalkit.fingerprint import digest_json, digest_parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LIBRARIES = ("sentence_transformers.", "transformers.", "torch.")
_UNTOLD = frozenset({"_name_or_path", "transformers_version", "dtype", "torch_dtype"})
"""Entries of a transformers config that say where it came from, or what the tensors say themselves."""
_CONFIGS = ("config_sentence_transformers.json", "modules.json", "config.json")
"""Every model has one of them."""
_ROLE_LENGTHS = ("query_length", "document_length", "query_expansion")


def fingerprint(model: Any, prompts: Mapping[str, str], similarity: str) -> str:
    """SHA-256 (64 hex digits) of weights, tokenizers, modules, prompts and settings."""
    settings = {
        "prompts": {key: prompts[key] or "" for key in prompts},
        "default_prompt_name": model.default_prompt_name,
        "max_seq_length": repr(model.max_seq_length),  # static embeddings say infinity, which JSON has no word for
        "truncate_dim": getattr(model, "truncate_dim", None),
        # Of sparse encoders alone, so that the others stay who they were.
        **{key: getattr(model, key) for key in ("max_active_dims",) if hasattr(model, key)},
        "similarity": str(similarity),
        "modules": [_describe(name, module) for name, module in model.named_modules() if _says_something(module)],
        "configs": _configs(model),
        **image_settings(model),
    }
    return digest_parts("sentence-transformers", digest_json(settings), _weights(model), *_tokenizers(model))


def has_routes(model: Any) -> bool:
    """Whether queries and documents may take different ways through the model, prompts apart."""
    return any(_routes(module) for module in model.modules())


def dtype_argument(dtype: str) -> dict[str, Any]:
    """Number type of the weights, as this version of transformers wants to be told it."""
    value = dtype if dtype == "auto" else getattr(torch, dtype)
    major, minor = (int(part) for part in transformers.__version__.split(".")[:2])
    return {"dtype" if (major, minor) >= (4, 56) else "torch_dtype": value}


def model_type(path: str, revision: str | None, offline: bool) -> str:
    """The class that a model was saved by, such as ``SparseEncoder``; models that do not say are dense."""
    said = saved_config(path, "config_sentence_transformers.json", revision, offline)
    return str(said.get("model_type", "SentenceTransformer"))


def saved_config(path: str, name: str, revision: str | None, offline: bool) -> dict[str, Any]:
    """A JSON file of a model, by its name in the model's folder; empty where it has none."""
    find = importlib.import_module("sentence_transformers.util").load_file_path
    found = find(path, name, revision=revision, local_files_only=offline)
    read: dict[str, Any] = json.loads(Path(found).read_text(encoding="utf-8")) if found else {}
    return read


def check_there(path: str, revision: str | None, offline: bool) -> None:
    """Refuse to speak of the kind of a model of which there is no file at all.

    Raises:
        FileNotFoundError: There is none, or none can be had.
    """
    if not any(saved_config(path, name, revision, offline) for name in _CONFIGS):
        raise FileNotFoundError(f"none of {', '.join(_CONFIGS)} was found")


def with_dtype(model: Any, dtype: str) -> Any:
    """The model in one number type.

    Transformers are loaded in it and stay as they are: converting them again would also round the buffers that they
    keep in float32 on purpose. Modules that cannot be told (static embeddings) are converted here.
    """
    wanted = getattr(torch, dtype)
    floating = [parameter.dtype for parameter in model.parameters() if parameter.is_floating_point()]
    return model if all(held == wanted for held in floating) else model.to(wanted)


@contextmanager
def quiet_loading() -> Iterator[None]:
    """No progress bars of transformers and the hub; what the user had set comes back."""
    hub: Any = importlib.import_module("huggingface_hub.utils")
    logging: Any = transformers.utils.logging
    loud, loud_hub = logging.is_progress_bar_enabled(), not hub.are_progress_bars_disabled()
    logging.disable_progress_bar()
    hub.disable_progress_bars()
    try:
        yield
    finally:
        if loud:
            logging.enable_progress_bar()
        if loud_hub:
            hub.enable_progress_bars()


def _routes(module: Any) -> bool:
    kind = type(module)
    if not kind.__module__.startswith(_LIBRARIES):
        return True  # Code from elsewhere may look at the role; nobody can tell from outside.
    return kind.__name__ == "Router" or any(getattr(module, key, None) for key in _ROLE_LENGTHS)


def _says_something(module: Any) -> bool:
    """Whether a module is one of sentence-transformers' own, or from elsewhere; the rest follows from the config."""
    return hasattr(module, "get_config_dict") or not type(module).__module__.startswith(_LIBRARIES)


def _describe(name: str, module: Any) -> list[str]:
    """A module's place, class and settings, and the source of its class where no library's name vouches for it."""
    kind = type(module)
    settings = module.get_config_dict() if hasattr(module, "get_config_dict") else {}
    extra = {key: getattr(module, key, None) for key in ("max_seq_length", "do_lower_case")}
    return [name, kind.__qualname__, repr(sorted({**extra, **settings}.items())), _source(kind)]


def _configs(model: Any) -> list[list[list[str]]]:
    """What each transformers config says other than the default, once a config."""
    held: list[Any] = [getattr(module, "config", None) for module in model.modules()]
    distinct = {id(config): config for config in held if hasattr(config, "to_diff_dict")}
    return [
        sorted([key, repr(value)] for key, value in config.to_diff_dict().items() if key not in _UNTOLD)
        for config in distinct.values()
    ]


def _source(kind: type[Any]) -> str:
    if kind.__module__.startswith(_LIBRARIES):
        return ""
    try:
        return inspect.getsource(kind)
    except (OSError, TypeError):
        return kind.__module__


def _weights(model: Any) -> str:
    """Digest of every tensor of the state (name, number type, shape, bytes), and of what else modules put there."""
    state = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        state.update(f"{name}|".encode())
        _digest(value, state)
    return state.hexdigest()


def _digest(value: Any, state: Any) -> None:
    """Quantized layers, and modules with ``get_extra_state``, have entries that are no tensors but may hold some."""
    if isinstance(value, torch.Tensor):
        _digest_tensor(value, state)
    elif isinstance(value, list | tuple | dict):
        state.update(f"{type(value).__name__}|{len(value)}|".encode())
        for item in value.items() if isinstance(value, dict) else value:
            _digest(item, state)
    else:
        state.update(_pickled(value))


def _digest_tensor(tensor: Any, state: Any) -> None:
    state.update(f"{tensor.dtype}|{tuple(tensor.shape)}|".encode())
    plain = tensor.dequantize() if tensor.is_quantized else tensor
    # bfloat16 has no NumPy type; its bytes have.
    state.update(plain.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)


def _pickled(value: Any) -> bytes:
    """The value's pickle; of what has none, such as a lock, what it says of itself."""
    try:
        return pickle.dumps(value, protocol=4)
    except Exception:  # pickling runs the object's own code
        return repr(value).encode()


def _tokenizers(model: Any) -> Iterator[str]:
    """The state of each tokenizer, modules in order; a tokenizer that is shared comes once."""
    seen: set[int] = set()
    for module in model.modules():
        tokenizer = getattr(module, "tokenizer", None)
        if module is not model and tokenizer is not None and id(tokenizer) not in seen:
            seen.add(id(tokenizer))
            yield _tokenizer(tokenizer)


def _tokenizer(tokenizer: Any) -> str:
    sides = [getattr(tokenizer, key, None) for key in ("padding_side", "truncation_side", "chat_template")]
    backend = getattr(tokenizer, "backend_tokenizer", None) or tokenizer
    if hasattr(backend, "to_str"):
        return digest_json([sides, tokenizer_state(backend)])
    vocabulary = tokenizer.get_vocab() if hasattr(tokenizer, "get_vocab") else getattr(tokenizer, "vocab", {})
    options = repr(sorted((key, repr(value)) for key, value in getattr(tokenizer, "init_kwargs", {}).items()))
    return digest_json([sides, type(tokenizer).__qualname__, vocabulary, options])
