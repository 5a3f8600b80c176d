"""Models of mteb's registry that make vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.adapters.convert import as_float32
from evalkit.adapters.mteb.identity import fingerprint, is_plain, notes, sentence_transformer
from evalkit.adapters.mteb.library import mteb, quiet
from evalkit.adapters.mteb.metadata import metadata_of, prompt_type_of
from evalkit.adapters.objects import Batches, accepted
from evalkit.errors import EncoderError
from evalkit.fingerprint import context_digest
from evalkit.types import Form, Role, Similarity, TokenVectors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scipy.sparse import csr_array

    from evalkit.protocols import TaskInfo
    from evalkit.types import Embeddings


class MtebModel:
    """A `evalkit.protocols.Encoder` around a model of mteb, called as mteb calls it.

    Args:
        model: The model, loaded by mteb.
        name: What results call it.
        given: What the user has given its loader.
        similarity: How its vectors are compared; None asks the model.
        form: What it makes of a text.

    Raises:
        EncoderError: It compares its vectors in a way that this version has not.
    """

    def __init__(
        self,
        model: Any,
        name: str,
        *,
        given: Mapping[str, Any],
        similarity: Similarity | None = None,
        form: Form = Form.DENSE,
    ) -> None:
        self.name = name
        self.form = form
        self.similarity = similarity or similarity_of(model, name)
        self.notes = notes(model)
        self._model = model
        self._given = dict(given)
        self._fingerprint: list[str | None] = []

    @property
    def fingerprint(self) -> str | None:
        """Who it is; computed once, when first asked for."""
        if not self._fingerprint:
            self._fingerprint.append(fingerprint(self._model, self._given, self.similarity))
        return self._fingerprint[0]

    @property
    def device(self) -> str:
        """Where the model computes, as far as it says so."""
        inner = getattr(self._model, "model", None)
        return str(getattr(inner, "device", getattr(self._model, "device", "cpu")))

    def encode(self, texts: Sequence[str], *, role: Role, task: TaskInfo, batch_size: int) -> Embeddings:
        """Embeddings of the texts, in the encoder's form."""
        # Late interaction models hide theirs, so that mteb gives them ranking tasks only.
        method = self._model._encode if self.form is Form.MULTI else self._model.encode
        with quiet():
            raw = method(
                Batches(texts, batch_size),
                task_metadata=metadata_of(task),
                hf_split="test",
                hf_subset="default",
                prompt_type=prompt_type_of(role),
                **accepted(method, {"batch_size": batch_size, "show_progress_bar": False}, rest=True),
            )
        return self._formed(raw)

    def variant(self, role: Role, task: TaskInfo) -> str:
        """The prompt and the method where mteb's own wrapper chooses them; else everything that the model is told."""
        if not is_plain(self._model):
            return context_digest(role, task)
        prompts = self._model.model_prompts
        prompt = mteb("models.abs_encoder").get_prompt_name(prompts, metadata_of(task), prompt_type_of(role))
        return f"{role}|{prompts[prompt]}" if prompt is not None else str(role)

    def _formed(self, raw: Any) -> Embeddings:
        if self.form is Form.SPARSE:
            return as_csr(raw, encoder=self.name)
        if self.form is Form.MULTI:
            return TokenVectors.of([as_float32(each, encoder=self.name) for each in raw])
        return as_float32(raw, encoder=self.name)


def similarity_of(model: Any, name: str) -> Similarity:
    """How a model compares its vectors: as sentence-transformers or its metadata say, else by cosine.

    Raises:
        EncoderError: In a way that this version has not.
    """
    inner = sentence_transformer(model)
    said = getattr(inner, "similarity_fn_name", None) or model.mteb_model_meta.similarity_fn_name
    value = str(getattr(said, "value", said) or Similarity.COSINE).lower()
    if value in set(Similarity):
        return Similarity(value)
    raise EncoderError(
        f"{name} compares its vectors by {value}, which this version has not.",
        hint="Add ?similarity=cosine or ?similarity=dot to compare them so all the same.",
    )


def form_of(model: Any) -> Form | None:
    """What a model makes of a text; None where it makes no vectors that can be had."""
    wrappers = mteb("models.sentence_transformer_wrapper")
    if isinstance(model, getattr(wrappers, "MultiVectorWrapper", ())):
        return Form.MULTI
    if not callable(getattr(model, "encode", None)):
        return None
    kinds = set(model.mteb_model_meta.model_type or ["dense"])
    if "late-interaction" in kinds:
        return None
    return Form.SPARSE if kinds == {"sparse"} else Form.DENSE


def as_csr(raw: Any, *, encoder: str) -> csr_array:
    """A sparse tensor of torch, or anything that `as_float32` takes, as a CSR array of float32."""
    from scipy.sparse import coo_array, csr_array

    if not getattr(raw, "is_sparse", False):
        return csr_array(as_float32(raw, encoder=encoder))
    held = raw.detach().cpu().coalesce()
    rows, columns = held.indices().numpy()
    values = held.values().float().numpy()
    return csr_array(coo_array((values, (rows, columns)), shape=tuple(held.shape)), dtype=np.float32)
