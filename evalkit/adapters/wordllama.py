"""``wordllama``: a real static encoder, 19 MB, without PyTorch (extra ``demo``)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.adapters.extras import calm_tokenizers, require
from evalkit.adapters.options import Options
from evalkit.adapters.tokenizers import tokenizer_state
from evalkit.errors import EncoderError
from evalkit.fingerprint import digest_parts
from evalkit.types import Similarity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.protocols import TaskInfo
    from evalkit.types import Role, Vectors

SCHEME = "wordllama"
DIM = 256
DIMS = (64, 128, 256)
"""The weights are trained to be cut to these lengths; the package carries 256."""


def load(argument: str, options: Mapping[str, str]) -> WordLlamaEncoder:
    """``wordllama`` or ``wordllama:dim=64``.

    Raises:
        EncoderError: The library is missing, or an option is unknown or malformed.
    """
    chosen = Options.of_pairs(SCHEME, argument, options, ("dim",))
    dim = int(chosen.choice("dim", str(DIM), [str(dim) for dim in DIMS]))
    return WordLlamaEncoder(_model(dim), chosen.name())


class WordLlamaEncoder:
    """A `evalkit.protocols.Encoder`: the mean of the tokens' vectors.

    Args:
        model: A `wordllama.WordLlamaInference`.
        name: What results call it.
    """

    similarity = Similarity.COSINE

    def __init__(self, model: Any, name: str = SCHEME) -> None:
        self.name = name
        self.fingerprint: str | None = digest_parts(
            SCHEME, np.ascontiguousarray(model.embedding).data, tokenizer_state(model.tokenizer)
        )
        self._model = model

    def encode(self, texts: Sequence[str], *, role: Role, task: TaskInfo, batch_size: int) -> Vectors:  # noqa: ARG002
        """(len(texts), dim) float32; zero for a text without tokens."""
        # The library pads a batch to its longest text: neighbours of one length save most of the work.
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        out = np.empty((len(texts), self._model.embedding.shape[1]), dtype=np.float32)
        out[order] = self._model.embed([texts[row] for row in order], norm=False, batch_size=batch_size)
        return out

    def variant(self, role: Role, task: TaskInfo) -> str:  # noqa: ARG002
        """Nothing depends on role or task."""
        return ""


def _model(dim: int) -> Any:
    calm_tokenizers()
    library = require("wordllama", extra="demo", scheme=SCHEME)
    # The package carries weights and tokenizer beside its code, but looks for them only where it is told.
    folder = Path(library.__file__).parent
    try:
        return library.WordLlama.load(
            dim=DIM, trunc_dim=dim if dim < DIM else None, cache_dir=folder, disable_download=True
        )
    except (OSError, ValueError) as error:
        raise EncoderError(
            f"The wordllama encoder cannot be loaded: {error}.",
            hint="Reinstall it: pip install --force-reinstall wordllama",
        ) from error
