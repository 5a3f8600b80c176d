"""Vectors on disk, by content: the same encoder and text give the same entry, anything else another.

An LMDB environment. Its transactions make it safe for several processes at once and for a process that is killed in
the middle of a write. A key is 8 bytes of the encoder (so that one encoder's entries lie together and can be
removed together) and 24 bytes of a digest over encoder fingerprint, variant (role or prompt) and text, each
with its length, so that no two triples share one. A value is what `evalkit.embedding.forms.packed` makes of the text's
vector or vectors, and its CRC-32.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakValueDictionary
from zlib import crc32

from evalkit.embedding.forms import packed
from evalkit.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from evalkit.types import Embeddings

T = TypeVar("T")

_PREFIX = 8
_DIGEST = 24
_SEAL = 4
_FIRST_MAP_SIZE = 1 << 30
_PATIENCE = 10
_ENCODERS = b"encoders"
_VECTORS = b"vectors"


@dataclass(frozen=True)
class CacheEntry:
    """What the cache holds of one encoder.

    Attributes:
        name: What the last run called it.
        names: Everything that runs have called it, in order of appearance.
        used: Seconds since the epoch when a run last opened it.
        vectors: Number of vectors.
        size: Bytes of the vectors.
    """

    name: str
    names: tuple[str, ...]
    fingerprint: str
    used: float
    vectors: int
    size: int


def cache_folder() -> Path:
    """Where the cache is: `$EVALKIT_CACHE`, else `evalkit` in the user's cache folder.

    Raises:
        StoreError: The user has no home folder.
    """
    given = os.environ.get("EVALKIT_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    try:
        return Path(given).expanduser() if given else Path(base).expanduser() / "evalkit"
    except RuntimeError:  # as in a container that runs as a user without a name
        raise StoreError(
            "There is no home folder for the embedding cache.", hint="Set EVALKIT_CACHE, or use --no-cache."
        ) from None


class EncoderCache:
    """The entries of one encoder and variant.

    Args:
        cache: The cache.
        fingerprint: The encoder's.
        variant: What else decides the vectors: the prompt, or role and task.
    """

    def __init__(self, cache: EmbeddingCache, fingerprint: str, variant: str) -> None:
        self._cache = cache
        self._prefix = _prefix(fingerprint)
        self._hash = blake2b(digest_size=_DIGEST)
        for part in (fingerprint, variant):
            raw = part.encode("utf-8", "surrogatepass")
            self._hash.update(len(raw).to_bytes(8, "little") + raw)

    def key(self, text: str) -> bytes:
        """The 32 bytes that stand for a text."""
        digest = self._hash.copy()
        digest.update(text.encode("utf-8", "surrogatepass"))
        return self._prefix + digest.digest()

    def get(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The stored vector's bytes of each key, or None."""
        return [_verified(value) for value in self._cache.get(keys)]

    def put(self, keys: Sequence[bytes], vectors: Embeddings) -> None:
        """Store embeddings; all of them or, if the process dies, none."""
        self._cache.put([(key, _sealed(value)) for key, value in zip(keys, packed(vectors), strict=True)])


class EmbeddingCache:
    """All cached vectors.

    Args:
        folder: The cache folder; made where it is missing.

    Raises:
        StoreError: The folder cannot be written or holds something else.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = _environment_folder(folder)
        self._held = _open(self.folder)
        self._env, self._vectors, self._encoders = self._held.env, self._held.vectors, self._held.encoders

    def of(self, name: str, fingerprint: str, variant: str) -> EncoderCache:
        """The entries of an encoder and variant; notes that the encoder was used now."""
        self._write(partial(self._note, name, fingerprint))
        return EncoderCache(self, fingerprint, variant)

    def get(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The stored bytes of each key, or None.

        Raises:
            StoreError: The cache cannot be read.
        """
        with self._guarded("read"), self._read() as transaction:
            return [transaction.get(key, db=self._vectors) for key in keys]

    def put(self, items: Iterable[tuple[bytes, bytes]]) -> None:
        """Store entries in one transaction.

        Raises:
            StoreError: The disk is full or the cache cannot be written.
        """
        pairs = list(items)
        self._write(lambda transaction: transaction.cursor(db=self._vectors).putmulti(pairs))

    def entries(self) -> list[CacheEntry]:
        """What it holds, the most recently used encoder first."""
        with self._guarded("read"), self._read() as transaction:
            notes = [(key, json.loads(value)) for key, value in transaction.cursor(db=self._encoders)]
            found = [self._entry(transaction, key, note) for key, note in notes]
        return sorted(found, key=lambda entry: -entry.used)

    def size_on_disk(self) -> int:
        """Bytes of its files."""
        return sum(file.stat().st_blocks * 512 for file in self.folder.iterdir() if file.is_file())

    def remove(self, fingerprints: Iterable[str]) -> int:
        """Remove every entry of these encoders; the number of vectors removed. The space is reused, not returned."""
        return sum(self._write(partial(self._drop, fingerprint)) for fingerprint in fingerprints)

    def clear(self) -> None:
        """Remove everything and give the space back; this object is of no use afterwards."""
        clear_cache(self.folder.parent)

    # -- inside --------------------------------------------------------------------------------------------------

    def _read(self) -> Any:
        import lmdb

        try:
            return self._env.begin()
        except lmdb.MapResizedError:  # another process has grown the file
            self._env.set_mapsize(0)
            return self._env.begin()

    def _write(self, work: Callable[[Any], T]) -> T:
        """Do work in one transaction, and again where the file had to grow for it."""
        import lmdb

        with self._guarded("write"):
            while True:
                try:
                    with self._env.begin(write=True) as transaction:
                        done = work(transaction)
                    self._held.make_whole()
                    return done
                except lmdb.MapFullError:
                    self._env.set_mapsize(self._env.info()["map_size"] * 2)
                except lmdb.MapResizedError:  # another process has grown it
                    self._env.set_mapsize(0)

    @contextlib.contextmanager
    def _guarded(self, verb: str) -> Iterator[None]:
        import lmdb

        try:
            yield
        except (OSError, lmdb.Error) as error:
            raise StoreError(f"Cannot {verb} the embedding cache {self.folder}: {error}.", hint=_hint(error)) from None

    def _note(self, name: str, fingerprint: str, transaction: Any) -> None:
        """Write down that an encoder was used now, and by which name."""
        held = transaction.get(_prefix(fingerprint), db=self._encoders)
        names = dict.fromkeys([*(_names(json.loads(held)) if held else ()), name])
        note = {"name": name, "names": list(names), "fingerprint": fingerprint, "used": time.time()}
        transaction.put(_prefix(fingerprint), json.dumps(note).encode(), db=self._encoders)

    def _drop(self, fingerprint: str, transaction: Any) -> int:
        keys = [key for key, _ in self._scan(transaction, _prefix(fingerprint))]
        for key in keys:
            transaction.delete(key, db=self._vectors)
        transaction.delete(_prefix(fingerprint), db=self._encoders)
        return len(keys)

    def _scan(self, transaction: Any, prefix: bytes) -> Iterable[tuple[bytes, bytes]]:
        cursor = transaction.cursor(db=self._vectors)
        if cursor.set_range(prefix):
            for key, value in cursor:
                if not key.startswith(prefix):
                    return
                yield key, value

    def _entry(self, transaction: Any, prefix: bytes, note: dict[str, Any]) -> CacheEntry:
        sizes = [len(value) - _SEAL for _, value in self._scan(transaction, prefix)]
        return CacheEntry(note["name"], _names(note), note["fingerprint"], note["used"], len(sizes), sum(sizes))


def _names(note: dict[str, Any]) -> tuple[str, ...]:
    """Every name of an encoder; notes of the first caches have one only."""
    return tuple(note.get("names") or [note["name"]])


def _sealed(vector: bytes) -> bytes:
    return vector + crc32(vector).to_bytes(_SEAL, "little")


def _verified(value: bytes | None) -> bytes | None:
    """The vector of an entry; None, as if it were not there, where the disk has changed its bytes."""
    if value is None:
        return None
    vector = value[:-_SEAL]
    return vector if crc32(vector) == int.from_bytes(value[-_SEAL:], "little") else None


def _prefix(fingerprint: str) -> bytes:
    return blake2b(fingerprint.encode(), digest_size=_PREFIX).digest()


def _environment_folder(folder: Path | None) -> Path:
    return (folder or cache_folder()).absolute() / "embeddings.lmdb"


class _Environment:
    """An open LMDB environment and its two databases."""

    def __init__(self, folder: Path) -> None:
        import lmdb

        folder.mkdir(parents=True, exist_ok=True)
        self.env = lmdb.open(str(folder), map_size=_FIRST_MAP_SIZE, max_dbs=2, max_readers=1024, metasync=True)
        self._file = folder / "data.mdb"
        self._check_size()
        self.env.reader_check()  # forget readers that were killed
        self.vectors, self.encoders = self.env.open_db(_VECTORS), self.env.open_db(_ENCODERS)

    def make_whole(self) -> None:
        """Lengthen the file to its last page: LMDB leaves freed pages at its end unwritten.

        Only so can a sound file be told from one that was cut. Holes take no room.
        """
        if self._missing() <= 0:
            return
        with self.env.begin(write=True):  # no other process may write meanwhile
            missing = self._missing()
            if missing > 0:
                os.truncate(self._file, self._file.stat().st_size + missing)

    def _missing(self) -> int:
        """Bytes between the end of the file and that of the last page."""
        needed: int = (self.env.info()["last_pgno"] + 1) * self.env.stat()["psize"]
        return needed - self._file.stat().st_size

    def _check_size(self) -> None:
        """Refuse a file that was cut short: to read beyond its end would kill the process."""
        import lmdb

        for _ in range(_PATIENCE):
            if self._missing() <= 0:
                return
            time.sleep(0.02)  # another process may be between a commit and `make_whole`
        raise lmdb.CorruptedError(f"{self._file.name} lacks {self._missing()} bytes")

    @classmethod
    def open(cls, folder: Path) -> _Environment:
        """Open it, and again where another process has made the file grow in that very moment."""
        import lmdb

        while True:
            with contextlib.suppress(lmdb.MapResizedError):
                return cls(folder)


_OPEN: WeakValueDictionary[tuple[Path, int], _Environment] = WeakValueDictionary()
"""One environment a folder and process: LMDB forbids opening a file twice in one process."""


def _open(folder: Path) -> _Environment:
    import lmdb

    key = (folder, os.getpid())
    try:
        held = _OPEN.get(key) or _Environment.open(folder)
    except (OSError, lmdb.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise StoreError(f"Cannot open the embedding cache {folder}: {reason}.", hint=_hint(error)) from None
    _OPEN[key] = held
    return held


def _hint(error: Exception) -> str:
    import lmdb

    if isinstance(error, lmdb.InvalidError | lmdb.CorruptedError | lmdb.PageNotFoundError | lmdb.VersionMismatchError):
        return "Its file is damaged: `evalkit cache clear` removes it."
    return "Make room, set EVALKIT_CACHE to a folder that can be written, or use --no-cache."


def clear_cache(folder: Path | None = None) -> None:
    """Remove the cache, also one whose file is damaged.

    Args:
        folder: The cache folder; None takes the usual one.

    Raises:
        StoreError: It cannot be removed.
    """
    path = _environment_folder(folder)
    held = _OPEN.pop((path, os.getpid()), None)
    if held is not None:
        held.env.close()
    try:
        if path.exists():
            shutil.rmtree(path)
    except OSError as error:
        raise StoreError(
            f"Cannot remove the embedding cache {path}: {error.strerror}.", hint="Check the folder's permissions."
        ) from None
