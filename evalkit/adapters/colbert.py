"""``colbert:``: late-interaction encoders of the sentence-transformers library, such as ColBERT."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.adapters.convert import as_token_vectors
from evalkit.adapters.hub import check_path, model_name
from evalkit.adapters.options import Options, no_argument
from evalkit.adapters.sentence_transformers import SentenceTransformerEncoder, dimension_of
from evalkit.adapters.st_loading import DENSE, LOADING, MULTI, Family, check_version, load_model
from evalkit.errors import EncoderError
from evalkit.fingerprint import digest_parts
from evalkit.types import Form, Similarity, TokenVectors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.protocols import TaskInfo
    from evalkit.types import Role, Vectors

SCHEME = "colbert"
PRECISIONS = ("float32", "float16")
KNOWN = (*LOADING, "precision", "token_vectors")

_PYLATE_KEYS = frozenset({"query_prefix", "document_prefix", "query_length", "skiplist_words"})
"""In the configuration of models that pylate saved."""


def load(argument: str, options: Mapping[str, str]) -> MultiVectorTransformerEncoder:
    """``colbert:NAME_OR_PATH?precision=float16``, and the options of ``st:`` but for ``dim`` and ``similarity``.

    Raises:
        EncoderError: The library is missing, the model cannot be loaded or does not give several vectors a text, or an
            option is unknown or malformed.
    """
    if not argument:
        raise no_argument(SCHEME, "colbert:lightonai/GTE-ModernColBERT-v1")
    check_path(SCHEME, argument)
    chosen = Options(SCHEME, options, KNOWN)
    # Every option is read before the model, which may take minutes, is loaded.
    precision = chosen.choice("precision", PRECISIONS[0], PRECISIONS)
    name, prompts = chosen.name(model_name(argument)), chosen.family("prompt.")
    family = Family(DENSE, build=_token_vectors) if chosen.flag("token_vectors", False) else _late_interaction(argument)
    model = load_model(family, argument, chosen)
    return MultiVectorTransformerEncoder(model, name, prompts=prompts, precision=precision)


class MultiVectorTransformerEncoder(SentenceTransformerEncoder):
    """A `evalkit.protocols.Encoder` around a `MultiVectorEncoder`, compared by MaxSim.

    A model may say that it divides MaxSim by the number of the query's vectors; that changes no ranking.

    Args:
        model: The model.
        name: What results call it.
        prompts: As of `SentenceTransformerEncoder`.
        similarity: MaxSim, whatever is said.
        precision: ``float16`` rounds the vectors to it, which halves what they need where they are kept.
    """

    form = Form.MULTI

    def __init__(
        self,
        model: Any,
        name: str,
        *,
        prompts: Mapping[str, str] | None = None,
        similarity: Similarity | None = None,  # noqa: ARG002
        precision: str = PRECISIONS[0],
    ) -> None:
        super().__init__(model, name, prompts=prompts, similarity=Similarity.MAXSIM)
        self._precision = precision
        self.value_bytes = 2 if precision == "float16" else 4

    @property
    def fingerprint(self) -> str | None:
        """As of `SentenceTransformerEncoder`, and the precision."""
        said = super().fingerprint
        return said and digest_parts("multi-vector", said, self._precision)

    def encode(self, texts: Sequence[str], *, role: Role, task: TaskInfo, batch_size: int) -> TokenVectors:
        """One vector for each token that the model scores; a text that has none of them gets one of zeros."""
        if not texts:
            return TokenVectors(np.zeros(1, dtype=np.int64), self._nothing()[:0])
        raw = self._encoded(texts, role, task, batch_size=batch_size, convert_to_numpy=True)
        vectors = as_token_vectors([each if len(each) else self._nothing() for each in raw], encoder=self.name)
        return TokenVectors(vectors.offsets, self._rounded(vectors.vectors))

    def variant(self, role: Role, task: TaskInfo) -> str:
        """The prompt, and the role: markers, lengths and the tokens that are left out may differ by it."""
        return f"{self._method(role)}|{self._resolved(role, task)}"

    def _nothing(self) -> Vectors:
        return np.zeros((1, dimension_of(self._model)), dtype=np.float32)

    def _rounded(self, vectors: Vectors) -> Vectors:
        return vectors.astype(np.float16).astype(np.float32) if self._precision == "float16" else vectors


def _kind(path: str, revision: str | None, offline: bool) -> str:
    """The class of a model; those of pylate and of the authors of ColBERT are the library's own, too."""
    from evalkit.adapters.st_identity import model_type, saved_config

    said = saved_config(path, "config_sentence_transformers.json", revision, offline)
    if said.get("model_type") == "ColBERT" or _PYLATE_KEYS & said.keys():
        return MULTI
    heads: Any = saved_config(path, "config.json", revision, offline).get("architectures") or ()
    native = any(str(head) == "HF_ColBERT" or str(head).endswith("ForRetrieval") for head in heads)
    return MULTI if native and not said else model_type(path, revision, offline)


def _late_interaction(argument: str) -> Family:
    hint = (
        "The library would put a random layer on top; add ?token_vectors=on to compare the vectors of its tokens "
        f"as they are, or write st:{argument} for one vector a text."
    )
    return Family(MULTI, _kind, elsewhere={DENSE: hint})


def _token_vectors(library: Any, path: str, arguments: Mapping[str, Any]) -> Any:
    """The token vectors of a dense encoder, divided by their norm: without its pooling and whatever follows that."""
    check_version(library, MULTI, SCHEME)
    from sentence_transformers.base.modules import Normalize, Transformer
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask

    dense = library.SentenceTransformer(path, **arguments)
    if not isinstance(dense[0], Transformer):
        raise EncoderError(f"{path} is no transformer, so it has no token vectors.", hint=f"Write st:{path}.")
    unit = Normalize(module_input_name="token_embeddings", module_output_name="token_embeddings")
    return library.MultiVectorEncoder(
        modules=[dense[0], MultiVectorMask(), unit],
        device=arguments["device"],
        prompts=dense.prompts,
        default_prompt_name=dense.default_prompt_name,
    )
