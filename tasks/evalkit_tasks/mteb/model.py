"""An encoder of evalkit behind mteb's interface, for mteb's own evaluators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.adapters.mteb.library import mteb
from evalkit.errors import CellError
from evalkit.protocols import Encoder
from evalkit.types import Role, Similarity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.protocols import Workbench
    from evalkit.types import Vectors

_BATCH = 32


class BenchModel:
    """mteb's `EncoderProtocol` around a workbench: its cache, checks and progress serve mteb's evaluators too.

    Args:
        bench: The encoder that is being evaluated.

    Raises:
        CellError: It holds no encoder.
    """

    def __init__(self, bench: Workbench) -> None:
        if not isinstance(bench.scorer, Encoder):
            raise CellError(f"{bench.scorer.name} has no vectors.", hint="Give it ranking tasks only.")
        self._bench = bench
        self._similarity = bench.scorer.similarity
        self.mteb_model_meta = mteb("models.model_meta").ModelMeta.create_empty(
            overwrites={"name": "evalkit/encoder", "revision": "1", "similarity_fn_name": _name(self._similarity)}
        )

    def encode(
        self,
        inputs: Any,
        *,
        task_metadata: Any,  # noqa: ARG002 - the bench knows the task
        hf_split: str,  # noqa: ARG002
        hf_subset: str,  # noqa: ARG002
        prompt_type: Any = None,
        **kwargs: Any,  # noqa: ARG002
    ) -> Vectors:
        """(n, d) float32 of the texts, or of the pictures, of all batches."""
        role = Role.TEXT if prompt_type is None else Role(prompt_type.value)
        columns = _columns(inputs)
        if "image" in columns:
            return self._pictures(columns["image"])
        self._bench.expect(len(columns["text"]))
        return self._bench.embed(columns["text"], role=role)

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Any:
        """(n, m) similarity of all pairs, as mteb computes it."""
        return self._function("")(embeddings1, embeddings2)

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> Any:
        """(n,) similarity of each row with its counterpart."""
        return self._function("pairwise_")(embeddings1, embeddings2)

    def _function(self, prefix: str) -> Any:
        kind = "dot_score" if self._similarity is Similarity.DOT else "cos_sim"
        return getattr(mteb("similarity_functions"), f"{prefix}{kind}")

    def _pictures(self, images: list[Any]) -> Vectors:
        encode: Any = getattr(self._bench.scorer, "encode_images", None)
        if not callable(encode):
            raise CellError(f"{self._bench.scorer.name} takes no images.", hint="Give it tasks of texts.")
        pixels = [np.asarray(image.convert("RGB"), dtype=np.uint8) for image in images]
        vectors: Vectors = np.asarray(encode(pixels, batch_size=_BATCH), dtype=np.float32)
        return vectors


def _columns(inputs: Any) -> Mapping[str, list[Any]]:
    """All texts or all pictures.

    Raises:
        CellError: The inputs are of another kind, or of several at once.
    """
    found: dict[str, list[Any]] = {}
    for batch in inputs:
        for name in ("text", "image", "audio", "video"):
            if name in batch:
                found.setdefault(name, []).extend(batch[name])
    if list(found) not in (["text"], ["image"]):
        raise CellError(
            f"mteb gives {' and '.join(found) or 'nothing'} to encode; evalkit's encoders take texts, or images.",
            hint="Choose another task.",
        )
    return found


def _name(similarity: Similarity) -> str:
    return "dot" if similarity is Similarity.DOT else "cosine"
