"""``precomputed:``: vectors that somebody else computed, looked up by text.

An ``.npz`` holds `sha256` (n, 32) uint8, the digest of each text's UTF-8 bytes, and `vectors` (n, d); a
``.parquet`` holds the columns `text` and `vector`. Vectors are used as float32.
"""

from __future__ import annotations

import zipfile
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.adapters.extras import require
from evalkit.adapters.options import Options, no_argument
from evalkit.errors import EncoderError
from evalkit.fingerprint import digest_file, digest_parts
from evalkit.types import OF_VECTORS, Similarity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from evalkit.protocols import TaskInfo
    from evalkit.types import AnyArray, Role, Vectors

SCHEME = "precomputed"
DIGEST = "S32"
"""NumPy's type of a digest: strings can be sorted and searched. It drops NUL bytes at the end on both sides alike."""


def load(argument: str, options: Mapping[str, str]) -> PrecomputedEncoder:
    """``precomputed:FILE.npz?name=minilm&similarity=dot``, or a ``.parquet``.

    Raises:
        EncoderError: The file cannot be read or holds something else, or an option is unknown or malformed.
    """
    if not argument:
        raise no_argument(SCHEME, "precomputed:vectors.npz?name=minilm")
    chosen = Options(SCHEME, options, ("similarity",))
    similarity = Similarity(chosen.choice("similarity", Similarity.COSINE, OF_VECTORS))
    path = Path(argument).expanduser()
    keys, vectors = _read(path)
    fingerprint = digest_parts(SCHEME, digest_file(path), similarity)
    return PrecomputedEncoder(keys, vectors, chosen.name(path.stem), similarity=similarity, fingerprint=fingerprint)


class PrecomputedEncoder:
    """A `evalkit.protocols.Encoder` that looks its vectors up.

    Args:
        keys: (n,) digests of the texts; of equal ones the first counts.
        vectors: (n, d) float32.
        name: What results call it.
        similarity: How the vectors are compared.
        fingerprint: Digest of the file.
    """

    def __init__(
        self, keys: AnyArray, vectors: Vectors, name: str, *, similarity: Similarity, fingerprint: str | None
    ) -> None:
        self.name = name
        self.similarity = similarity
        self.fingerprint = fingerprint
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]
        self._vectors = vectors

    def encode(self, texts: Sequence[str], *, role: Role, task: TaskInfo, batch_size: int) -> Vectors:  # noqa: ARG002
        """(len(texts), d) float32.

        Raises:
            EncoderError: The file has no vector for some of the texts.
        """
        wanted = digests(texts)
        places = np.minimum(np.searchsorted(self._keys, wanted), len(self._keys) - 1)
        missing = np.flatnonzero(self._keys[places] != wanted)
        if len(missing):
            raise self._missing(texts[missing[0]], len(missing), len(texts))
        found: Vectors = self._vectors[self._order[places]]
        return found

    def variant(self, role: Role, task: TaskInfo) -> str:  # noqa: ARG002
        """Nothing depends on role or task."""
        return ""

    def _missing(self, first: str, n_missing: int, n_texts: int) -> EncoderError:
        shown = first if len(first) <= 60 else f"{first[:57]}..."
        return EncoderError(
            f"{self.name} has no vector for {n_missing} of {n_texts} texts, first for {shown!r}.",
            hint="Compute the vectors of exactly these texts (white space counts) and add them to the file.",
        )


def digests(texts: Iterable[str]) -> AnyArray:
    """(n,) SHA-256 of each text's UTF-8 bytes."""
    return np.frombuffer(b"".join(sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts), DIGEST)


def _read(path: Path) -> tuple[AnyArray, Vectors]:
    readers = {".npz": _read_npz, ".parquet": _read_parquet}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise EncoderError(f"{path} is neither .npz nor .parquet.", hint="See docs/write-an-encoder.md.")
    try:
        keys, vectors = reader(path)
    except FileNotFoundError:
        raise EncoderError(f"{path} does not exist.", hint="Check the path after 'precomputed:'.") from None
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise _unfit(path, f"cannot be read: {error}") from error
    if vectors.ndim != 2 or not vectors.size or len(keys) != len(vectors):
        raise _unfit(path, f"holds {len(keys)} texts and vectors of shape {vectors.shape}")
    return keys, vectors


def _read_npz(path: Path) -> tuple[AnyArray, Vectors]:
    with np.load(path, allow_pickle=False) as arrays:
        if lacking := {"sha256", "vectors"} - set(arrays):
            raise _unfit(path, f"has no array {sorted(lacking)[0]!r}")
        keys, vectors = arrays["sha256"], arrays["vectors"]
    if keys.dtype != np.uint8 or keys.ndim != 2 or keys.shape[1] != 32:
        raise _unfit(path, f"has sha256 of shape {keys.shape} {keys.dtype}, not (n, 32) uint8")
    return np.ascontiguousarray(keys).view(DIGEST).ravel(), _as_float32(path, vectors)


def _read_parquet(path: Path) -> tuple[AnyArray, Vectors]:
    parquet = require("pyarrow.parquet", extra="parquet", scheme=SCHEME)
    if not path.is_file():
        raise FileNotFoundError(path)
    columns = parquet.read_schema(path).names
    if lacking := {"text", "vector"} - set(columns):
        raise _unfit(path, f"has no column {sorted(lacking)[0]!r} (it has {', '.join(columns)})")
    table = parquet.read_table(path, columns=["text", "vector"])
    return digests(_texts(path, table["text"])), _as_float32(path, _matrix(path, table["vector"]))


def _texts(path: Path, column: Any) -> list[str]:
    texts = column.to_pylist()
    if not all(isinstance(text, str) for text in texts):
        raise _unfit(path, "has a value in column 'text' that is no string")
    return list(texts)


def _matrix(path: Path, column: Any) -> AnyArray:
    """Lists of one length as rows, without a Python object for each number."""
    rows = column.combine_chunks()
    values = np.asarray(rows.flatten())
    lengths = (
        set(np.diff(np.asarray(rows.offsets)).tolist()) if hasattr(rows, "offsets") else {len(values) // len(rows)}
    )
    if len(lengths) != 1 or rows.null_count:
        raise _unfit(path, "has vectors of different lengths")
    return values.reshape(len(rows), -1)


def _as_float32(path: Path, vectors: AnyArray) -> Vectors:
    if vectors.dtype.kind not in "fiu":
        raise _unfit(path, f"has vectors of {vectors.dtype}, which are no numbers")
    return np.ascontiguousarray(vectors, dtype=np.float32)


def _unfit(path: Path, what: str) -> EncoderError:
    return EncoderError(
        f"{path} {what}.",
        hint="Expected an npz of sha256 (n, 32) uint8 and vectors (n, d), or a parquet of text and vector.",
    )
