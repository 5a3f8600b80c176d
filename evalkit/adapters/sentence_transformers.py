"""``st:``: dense encoders of the sentence-transformers library, prompted as mteb prompts them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.adapters.convert import as_float32
from evalkit.adapters.extras import calm_tokenizers, require
from evalkit.adapters.hub import check_path, hub_reachable, is_local, model_name, unloadable
from evalkit.adapters.options import Options, no_argument
from evalkit.adapters.st_images import image_encoding, takes_images
from evalkit.errors import EncoderError
from evalkit.types import Role, Similarity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.protocols import TaskInfo
    from evalkit.types import Vectors

SCHEME = "st"
EXTRA = "sentence-transformers"
AUTO = "auto"
DENSE = "SentenceTransformer"
DTYPES = (AUTO, "float32", "float16", "bfloat16")
"""Number type of the weights; unless one is asked for, the library decides, as it does under mteb."""
KNOWN = (
    "max_length",
    "device",
    "dtype",
    "dim",
    "similarity",
    "trust_remote_code",
    "revision",
    "prompt.",
)


def load(argument: str, options: Mapping[str, str]) -> SentenceTransformerEncoder:
    """``st:NAME_OR_PATH?max_length=128&device=cpu&dtype=float32&prompt.query=query: ``.

    Raises:
        EncoderError: The library is missing, the model cannot be loaded, or an option is unknown or malformed.
    """
    if not argument:
        raise no_argument(SCHEME, "st:sentence-transformers/all-MiniLM-L6-v2")
    check_path(SCHEME, argument)
    chosen = Options(SCHEME, options, KNOWN)
    similarity = chosen.choice("similarity", AUTO, (AUTO, *Similarity))
    # Every option is read before the model, which may take minutes, is loaded.
    max_length = chosen.integer("max_length", 512) if "max_length" in options else None
    name, prompts = chosen.name(model_name(argument)), chosen.family("prompt.")
    model = _model(argument, chosen)
    if max_length is not None:
        model.max_seq_length = max_length
    return SentenceTransformerEncoder(
        model,
        name,
        prompts=prompts,
        similarity=None if similarity == AUTO else Similarity(similarity),
    )


class SentenceTransformerEncoder:
    """A `evalkit.protocols.Encoder` around a `SentenceTransformer`.

    Args:
        model: The model.
        name: What results call it.
        prompts: Prompts by task name, task type or role (``query``, ``document``), or both joined by ``-``. As in
            mteb they replace the model's own; without any, the model's own are used.
        similarity: How its vectors are compared; None asks the model.

    Raises:
        EncoderError: The model compares its vectors neither by cosine nor by dot product.
    """

    def __init__(
        self,
        model: Any,
        name: str,
        *,
        prompts: Mapping[str, str] | None = None,
        similarity: Similarity | None = None,
    ) -> None:
        calm_tokenizers()
        self.name = name
        self.similarity = similarity or _similarity(model, name)
        self._model = model
        self._own_prompts = dict(model.prompts or {})
        self._prompts = dict(prompts) if prompts else self._own_prompts
        self._fingerprint: str | None = None
        if takes_images(model):
            self.encode_images = image_encoding(model, name)
        self._untrained: dict[int, SentenceTransformerEncoder | None] = {}

    @property
    def fingerprint(self) -> str | None:
        """Digest of weights, tokenizer, modules, prompts and settings; computed once, when first asked for."""
        if self._fingerprint is None:
            from evalkit.adapters.st_identity import fingerprint

            self._fingerprint = fingerprint(self._model, self._prompts, self.similarity)
        return self._fingerprint

    @property
    def device(self) -> str:
        """Where the model computes, such as ``cpu`` or ``cuda:0``."""
        return str(self._model.device)

    def encode(self, texts: Sequence[str], *, role: Role, task: TaskInfo, batch_size: int) -> Vectors:
        """(len(texts), d) float32. The library sorts the texts by length, so that batches pad little."""
        if not texts:
            return np.zeros((0, _dimension(self._model)), dtype=np.float32)
        method = getattr(self._model, self._method(role))
        raw = method(
            list(texts),
            prompt=self._resolved(role, task),
            batch_size=batch_size,
            show_progress_bar=False,
            convert_to_numpy=True,
        )
        return as_float32(raw, encoder=self.name)

    def variant(self, role: Role, task: TaskInfo) -> str:
        """The prompt in front of the texts, and the model's route where it has several."""
        from evalkit.adapters.st_identity import has_routes

        route = self._method(role) if has_routes(self._model) else "encode"
        return f"{route}|{self._resolved(role, task)}"

    def untrained(self, seed: int) -> SentenceTransformerEncoder | None:
        """The same architecture with fresh weights; None where it cannot be made. Made once for a seed."""
        if seed not in self._untrained:
            from evalkit.adapters.st_untrained import untrained

            model = untrained(self._model, seed)
            name = f"{self.name} (untrained, seed {seed})"
            self._untrained[seed] = model and SentenceTransformerEncoder(
                model, name, prompts=self._prompts, similarity=self.similarity
            )
        return self._untrained[seed]

    def _method(self, role: Role) -> str:
        """What mteb calls for texts of this role; models of sentence-transformers before 5 have `encode` alone."""
        special = f"encode_{role.value}"
        return special if role is not Role.TEXT and hasattr(self._model, special) else "encode"

    def _resolved(self, role: Role, task: TaskInfo) -> str:
        """The text that the library will put in front, by mteb's rules and then the library's own."""
        name = prompt_name(self._prompts, role, task)
        if name is not None:
            return self._prompts[name] or ""
        # No `prompt` is given then, and the library falls back on its default prompt.
        default = self._model.default_prompt_name
        return self._prompts.get(default, "") or "" if default is not None else ""


def prompt_name(prompts: Mapping[str, str], role: Role, task: TaskInfo) -> str | None:
    """Which prompt mteb takes: that of task and role, task, task type and role, task type, or role."""
    suffix = "" if role is Role.TEXT else f"-{role.value}"
    candidates = [f"{task.name}{suffix}", task.name, f"{task.type}{suffix}", task.type]
    if suffix:
        candidates.append(role.value)
    return next((name for name in candidates if name and name in prompts), None)


def _dimension(model: Any) -> int:
    """Length of the vectors; its method was renamed in sentence-transformers 6."""
    method = getattr(model, "get_embedding_dimension", None) or model.get_sentence_embedding_dimension
    return int(method() or 1)


def _similarity(model: Any, name: str) -> Similarity:
    said = model.similarity_fn_name
    if said in set(Similarity):
        return Similarity(said)
    raise EncoderError(
        f"{name} compares its vectors by {said}, which this version has not.",
        hint="Add ?similarity=cosine or ?similarity=dot to compare them so all the same.",
    )


def _model(argument: str, options: Options) -> Any:
    calm_tokenizers()
    dtype = options.choice("dtype", DTYPES[0], DTYPES)
    device = options.text("device", AUTO)
    arguments: dict[str, Any] = {
        "device": None if device == AUTO else device,
        "trust_remote_code": options.flag("trust_remote_code", False),
        "revision": options.text("revision", "") or None,
        "truncate_dim": options.integer("dim", 1) if "dim" in options.given else None,
    }
    library = require("sentence_transformers", extra=EXTRA, scheme=SCHEME)
    _check_device(options, device)
    path = str(Path(argument).expanduser()) if is_local(argument) else argument
    return _load(library, path, dtype, arguments)


def _load(library: Any, path: str, dtype: str, arguments: Mapping[str, Any]) -> Any:
    from evalkit.adapters.st_identity import dtype_argument, model_type, quiet_loading, with_dtype

    offline = not is_local(path) and not hub_reachable()
    model_kwargs = {} if dtype == AUTO else dtype_argument(dtype)
    try:
        with quiet_loading():
            kind = model_type(path, arguments["revision"], offline=offline)
            if kind == DENSE:
                model = library.SentenceTransformer(
                    path, model_kwargs=model_kwargs, local_files_only=offline, **arguments
                )
    except Exception as error:
        raise unloadable(SCHEME, path, error, local=is_local(path)) from error
    if kind != DENSE:
        # The library would put a pooling of its own on top and give vectors that nobody trained.
        raise EncoderError(f"{path} is a {kind}; the st encoder runs dense encoders.", hint=f"Give it a {DENSE}.")
    return model if dtype == AUTO else with_dtype(model, dtype)


def _check_device(options: Options, device: str) -> None:
    """Refuse a device that is not there with a sentence; torch would fail only when the model is moved to it."""
    torch = require("torch", extra=EXTRA, scheme=SCHEME)
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == AUTO or there.get(device.partition(":")[0], device.partition(":")[0] not in there):
        return
    found = ", ".join([AUTO, *(name for name, available in there.items() if available)])
    raise options.refuse("device", f"on this machine; there is {found}")
