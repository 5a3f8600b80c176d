"""``model2vec:``: static encoders distilled from sentence transformers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.adapters.convert import as_float32
from evalkit.adapters.extras import calm_tokenizers, require
from evalkit.adapters.hub import check_path, hub_reachable, is_local, model_name, unloadable
from evalkit.adapters.options import Options, no_argument
from evalkit.adapters.tokenizers import tokenizer_state
from evalkit.fingerprint import digest_json, digest_parts
from evalkit.types import Similarity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.protocols import TaskInfo
    from evalkit.types import Role, Vectors

SCHEME = "model2vec"


def load(argument: str, options: Mapping[str, str]) -> Model2VecEncoder:
    """``model2vec:NAME_OR_PATH?dim=128&max_length=512``; ``max_length=0`` cuts nothing.

    Raises:
        EncoderError: The library is missing, the model cannot be loaded, or an option is unknown or malformed.
    """
    if not argument:
        raise no_argument(SCHEME, "model2vec:minishlab/potion-base-8M")
    check_path(SCHEME, argument)
    chosen = Options(SCHEME, options, ("dim", "max_length"))
    dim = chosen.integer("dim", 1) if "dim" in options else None
    model = _model(argument, dim)
    if "max_length" in options:
        model.max_length = chosen.integer("max_length", 0, least=0) or None
    return Model2VecEncoder(model, chosen.name(model_name(argument)))


class Model2VecEncoder:
    """A `evalkit.protocols.Encoder`.

    Args:
        model: A `model2vec.StaticModel`.
        name: What results call it.
    """

    similarity = Similarity.COSINE

    def __init__(self, model: Any, name: str) -> None:
        self.name = name
        self.fingerprint: str | None = _fingerprint(model)
        self._model = model

    def encode(self, texts: Sequence[str], *, role: Role, task: TaskInfo, batch_size: int) -> Vectors:  # noqa: ARG002
        """(len(texts), dim) float32; zero for a text without known tokens."""
        if not texts:
            return np.zeros((0, self._model.dim), dtype=np.float32)
        return as_float32(self._model.encode(list(texts), use_multiprocessing=False), encoder=self.name)

    def variant(self, role: Role, task: TaskInfo) -> str:  # noqa: ARG002
        """Nothing depends on role or task."""
        return ""


def _model(argument: str, dim: int | None) -> Any:
    calm_tokenizers()
    library = require("model2vec", extra="model2vec", scheme=SCHEME)
    try:
        path = argument if is_local(argument) or hub_reachable() else _cached(argument)
        return library.StaticModel.from_pretrained(path, dimensionality=dim, force_download=False)
    except Exception as error:
        raise unloadable(SCHEME, argument, error, local=is_local(argument)) from error


def _cached(argument: str) -> str:
    """The folder of a model that was downloaded before; the hub's own error where it was not."""
    return str(
        require("huggingface_hub", extra="model2vec", scheme=SCHEME).snapshot_download(argument, local_files_only=True)
    )


def _fingerprint(model: Any) -> str:
    """Digest of vectors, token weights, tokenizer and settings."""
    arrays = [model.embedding, getattr(model, "weights", None), getattr(model, "token_mapping", None)]
    described = [None if array is None else [str(array.dtype), list(array.shape)] for array in arrays]
    settings = {
        "arrays": described,
        "normalize": bool(model.normalize),
        "max_length": getattr(model, "max_length", None),
        "median_token_length": int(model.median_token_length),
    }
    contents = [np.ascontiguousarray(array).data for array in arrays if array is not None]
    return digest_parts(SCHEME, digest_json(settings), tokenizer_state(model.tokenizer), *contents)
