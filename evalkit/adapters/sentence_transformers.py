"""``st:``: dense encoders of the sentence-transformers library, prompted as mteb prompts them."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.adapters.convert import as_float32
from evalkit.adapters.extras import calm_tokenizers
from evalkit.adapters.hub import check_path, model_name
from evalkit.adapters.options import Options, no_argument
from evalkit.adapters.st_images import image_encoding, takes_images
from evalkit.adapters.st_loading import AUTO, DENSE, LOADING, Family, load_model
from evalkit.errors import EncoderError
from evalkit.types import Form, Role, Similarity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.protocols import TaskInfo
    from evalkit.types import Embeddings

SCHEME = "st"
SIMILARITIES = (AUTO, Similarity.COSINE, Similarity.DOT)
KNOWN = (*LOADING, "dim", "similarity")


def load(argument: str, options: Mapping[str, str]) -> SentenceTransformerEncoder:
    """``st:NAME_OR_PATH?max_length=128&device=cpu&dtype=float32&prompt.query=query: ``.

    Raises:
        EncoderError: The library is missing, the model cannot be loaded, or an option is unknown or malformed.
    """
    if not argument:
        raise no_argument(SCHEME, "st:sentence-transformers/all-MiniLM-L6-v2")
    check_path(SCHEME, argument)
    chosen = Options(SCHEME, options, KNOWN)
    # Every option is read before the model, which may take minutes, is loaded.
    similarity = chosen.choice("similarity", AUTO, SIMILARITIES)
    name, prompts = chosen.name(model_name(argument)), chosen.family("prompt.")
    dimension = chosen.integer("dim", 1) if "dim" in options else None
    model = load_model(Family(DENSE), argument, chosen, settings={"truncate_dim": dimension})
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

    form = Form.DENSE

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
        self.similarity = similarity or self._said(model, name)
        self._model = model
        self._own_prompts = dict(model.prompts or {})
        self._prompts = dict(prompts) if prompts else self._own_prompts
        self._by_role = False
        self._fingerprint: str | None = None
        if self.form is Form.DENSE and takes_images(model):
            self.encode_images = image_encoding(model, name)
        self._untrained: dict[int, SentenceTransformerEncoder | None] = {}

    @property
    def fingerprint(self) -> str | None:
        """Digest of weights, tokenizer, modules, prompts and settings; computed once, when first asked for."""
        if self._fingerprint is None:
            from evalkit.adapters.st_identity import fingerprint

            # Under mteb's rules the same keys are chosen in another way.
            mark = "role:" if self._by_role else ""
            prompts = {f"{mark}{key}": text for key, text in self._prompts.items()}
            self._fingerprint = fingerprint(self._model, prompts, self.similarity)
        return self._fingerprint

    @property
    def device(self) -> str:
        """Where the model computes, such as ``cpu`` or ``cuda:0``."""
        return str(self._model.device)

    def encode(self, texts: Sequence[str], *, role: Role, task: TaskInfo, batch_size: int) -> Embeddings:
        """(len(texts), d) float32. The library sorts the texts by length, so that batches pad little."""
        if not texts:
            return np.zeros((0, dimension_of(self._model)), dtype=np.float32)
        raw = self._encoded(texts, role, task, batch_size=batch_size, convert_to_numpy=True)
        return as_float32(raw, encoder=self.name)

    def _encoded(self, texts: Sequence[str], role: Role, task: TaskInfo, **arguments: Any) -> Any:
        """What the library makes of texts, prompted."""
        method = getattr(self._model, self._method(role))
        return method(list(texts), prompt=self._resolved(role, task), show_progress_bar=False, **arguments)

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
            self._untrained[seed] = model and self._but(model=model, name=name)
        return self._untrained[seed]

    def with_prompts(self, prompts: Mapping[str, str]) -> SentenceTransformerEncoder:
        """The same model with these prompts by role (``query``, ``document``, ``text``), and no others."""
        if not prompts and not any(self._prompts.values()):
            return self
        return self._but(prompts=prompts)

    def with_layer(self, layer: int) -> SentenceTransformerEncoder:
        """The same model cut off after so many layers; itself where it has no more.

        Raises:
            EncoderError: It has fewer, or no stack of layers that can be told from the rest.
        """
        from evalkit.adapters.st_layers import cut

        model = cut(self._model, layer, name=self.name)
        return self if model is self._model else self._but(model=model)

    def _but(
        self, *, model: Any = None, name: str | None = None, prompts: Mapping[str, str] | None = None
    ) -> SentenceTransformerEncoder:
        """A copy of itself with another model or name, or with these prompts by role and no others."""
        other = copy.copy(self)
        other._fingerprint, other._untrained = None, {}
        other.name = name or self.name
        if prompts is not None:
            other._prompts, other._by_role = dict(prompts), True
        if model is not None:
            other._model = model
            if hasattr(self, "encode_images"):
                other.encode_images = image_encoding(model, other.name)
        return other

    def _said(self, model: Any, name: str) -> Similarity:
        """How the model says that its vectors are compared."""
        said = model.similarity_fn_name
        if said in SIMILARITIES:
            return Similarity(said)
        raise EncoderError(
            f"{name} compares its vectors by {said}, which this version has not.",
            hint="Add ?similarity=cosine or ?similarity=dot to compare them so all the same.",
        )

    def _method(self, role: Role) -> str:
        """What mteb calls for texts of this role; models of sentence-transformers before 5 have `encode` alone."""
        special = f"encode_{role.value}"
        return special if role is not Role.TEXT and hasattr(self._model, special) else "encode"

    def _resolved(self, role: Role, task: TaskInfo) -> str:
        """The text that the library will put in front, by mteb's rules and then the library's own."""
        if self._by_role:  # nothing else, neither the model's own prompts nor its default
            return self._prompts.get(role.value, "")
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


def dimension_of(model: Any) -> int:
    """Length of the vectors; its method was renamed in sentence-transformers 6."""
    method = getattr(model, "get_embedding_dimension", None) or model.get_sentence_embedding_dimension
    return int(method() or 1)
