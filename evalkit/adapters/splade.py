"""``splade:``: sparse encoders of the sentence-transformers library, such as SPLADE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.adapters.convert import as_csr
from evalkit.adapters.hub import check_path, model_name
from evalkit.adapters.options import Options, no_argument
from evalkit.adapters.sentence_transformers import SIMILARITIES, SentenceTransformerEncoder, dimension_of
from evalkit.adapters.st_loading import AUTO, LOADING, SPARSE, Family, load_model
from evalkit.types import Form, Similarity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scipy.sparse import csr_array

    from evalkit.protocols import TaskInfo
    from evalkit.types import Role

SCHEME = "splade"
KNOWN = (*LOADING, "similarity", "max_active_dims")


def load(argument: str, options: Mapping[str, str]) -> SparseTransformerEncoder:
    """``splade:NAME_OR_PATH?max_length=256&max_active_dims=64``, and the options of ``st:`` but for ``dim``.

    Raises:
        EncoderError: The library is missing, the model cannot be loaded or is not sparse, or an option is unknown or
            malformed.
    """
    if not argument:
        raise no_argument(SCHEME, "splade:naver/splade-v3")
    check_path(SCHEME, argument)
    chosen = Options(SCHEME, options, KNOWN)
    # Every option is read before the model, which may take minutes, is loaded.
    similarity = chosen.choice("similarity", AUTO, SIMILARITIES)
    name, prompts = chosen.name(model_name(argument)), chosen.family("prompt.")
    most = chosen.integer("max_active_dims", 1) if "max_active_dims" in options else None
    model = load_model(Family(SPARSE, _kind), argument, chosen, settings={"max_active_dims": most})
    said = None if similarity == AUTO else Similarity(similarity)
    return SparseTransformerEncoder(model, name, prompts=prompts, similarity=said)


class SparseTransformerEncoder(SentenceTransformerEncoder):
    """A `evalkit.protocols.Encoder` around a `SparseEncoder`; arguments as of `SentenceTransformerEncoder`."""

    form = Form.SPARSE

    def encode(self, texts: Sequence[str], *, role: Role, task: TaskInfo, batch_size: int) -> csr_array:
        """(len(texts), size of the vocabulary) float32 weights of the terms."""
        from scipy.sparse import csr_array

        if not texts:
            return csr_array((0, dimension_of(self._model)), dtype=np.float32)
        raw = self._encoded(texts, role, task, batch_size=batch_size, convert_to_tensor=True, save_to_cpu=True)
        return as_csr(raw, encoder=self.name)


def _kind(path: str, revision: str | None, offline: bool) -> str:
    """The class of a model; one with a masked language model's head that says nothing is sparse.

    So were SPLADE models published before the library had a class for them. Any other would get a sparse layer with
    random weights.
    """
    from evalkit.adapters.st_identity import model_type, saved_config

    if saved_config(path, "config_sentence_transformers.json", revision, offline):
        return model_type(path, revision, offline)
    heads: Any = saved_config(path, "config.json", revision, offline).get("architectures") or ()
    masked = any(str(head).endswith("ForMaskedLM") for head in heads)
    return SPARSE if masked else model_type(path, revision, offline)
