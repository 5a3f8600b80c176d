"""Which texts a transform is fitted on: those of a file, or a sample of those that the task evaluates."""

from __future__ import annotations

import hashlib
import heapq
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalkit.data.jsonl import is_text, lines, rows
from evalkit.errors import DataError
from evalkit.fingerprint import digest_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from evalkit.adapters.options import Options

SIZE = 10_000
TASK = "task"
OPTIONS = ("fit", "fit_size", "seed")
"""What every fitted transform can be told."""
_SUFFIXES = (".txt", ".jsonl")


@dataclass(frozen=True)
class Fit:
    """Where the texts come from.

    Attributes:
        path: A ``.txt`` file with one text a line or a ``.jsonl`` file with a field ``text``; None for the texts that
            the task evaluates.
        size: Most texts that are taken.
        seed: Of the choice among more.
    """

    path: Path | None = None
    size: int = SIZE
    seed: int = 0

    @classmethod
    def of(cls, options: Options) -> Fit:
        """What the options ``fit``, ``fit_size`` and ``seed`` of a transform say.

        Raises:
            EncoderError: One of them is malformed.
            DataError: There is no such file.
        """
        said = options.text("fit", TASK)
        size, seed = options.integer("fit_size", SIZE), options.integer("seed", 0, least=0)
        if said == TASK:
            return cls(None, size, seed)
        path = Path(said).expanduser()
        if path.suffix not in _SUFFIXES:
            raise options.refuse("fit", "the name of a .txt or .jsonl file")
        if not path.is_file():
            raise DataError(f"{path} does not exist.", hint=f"Correct fit= of {options.scheme}, or leave it out.")
        return cls(path, size, seed)

    def texts(self) -> list[str]:
        """Every text of the file; lines that are blank are skipped.

        Raises:
            DataError: It cannot be read, or holds no texts; the message names file and line.
        """
        if self.path is None:
            raise ValueError("the task has the texts")
        read = _of_json if self.path.suffix == ".jsonl" else _of_lines
        found = read(self.path)
        if not found:
            raise DataError(f"{self.path} holds no texts.", hint="Put the texts to be fitted on into it.")
        return found

    def sample(self, texts: Iterable[str]) -> list[str]:
        """At most `size` different texts, in an order that the seed decides and that of the texts does not.

        Those with the smallest hashes are taken, so that of two overlapping sets much the same are.
        """
        key = str(self.seed).encode()

        def place(text: str) -> tuple[bytes, str]:
            return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=key, digest_size=16).digest(), text

        return heapq.nsmallest(self.size, set(texts), key=place)

    def record(self) -> dict[str, Any]:
        """Itself as JSON, the same wherever the file lies."""
        return {"texts": self._source, "size": self.size, "seed": self.seed}

    @cached_property
    def _source(self) -> str | Mapping[str, str]:
        return TASK if self.path is None else {"file": self.path.name, "sha256": _digest(self.path)}


def _digest(path: Path) -> str:
    try:
        return digest_file(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}.", hint="Check the file's permissions.") from None


def _of_lines(path: Path) -> list[str]:
    return [line.rstrip("\n") for _, line in lines(path) if line.strip()]


def _of_json(path: Path) -> list[str]:
    return [_text(path, number, row) for number, row in rows(path)]


def _text(path: Path, number: int, row: Mapping[str, Any]) -> str:
    text = row.get("text")
    if not is_text(text):
        raise DataError(f"{path}:{number}: field 'text' is missing or no string.", hint="Mend that line.")
    return str(text)
