"""Results on disk: `<root>/<encoder>/<fingerprint>/<Task>.json`, each written whole or not at all.

A file is written beside its place, flushed to the disk and then renamed over it. That costs one fsync a result and
buys that a crash, a full disk or a `kill -9` leaves either the old file or the new one, never half of one.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import quote

from pydantic import ValidationError

from evalkit.errors import EXIT_FAILED, StoreError
from evalkit.fingerprint import digest_json, short
from evalkit.migrations import NewerSchemaError, upgrade
from evalkit.schema import EncoderFile, EncoderRecord, FinishedCell, FinishedCells, Result, first_problem

ENCODER_FILE = "encoder.json"
MANIFEST = "baseline.json"
"""The file that makes a folder of results a saved baseline."""
_NO_RESULTS = (ENCODER_FILE, MANIFEST)
UNIDENTIFIED = "unidentified"
"""The folder of an encoder without fingerprint."""
_PARTIAL_SUFFIX = ".partial"
_LONGEST = 180  # file systems allow 255 bytes, and something is put before and behind
_HEX = re.compile("[0-9a-f]{12,}")


def file_name(name: str) -> str:
    """A name as one path component.

    "/" becomes "__"; whatever a file system may refuse, or hide, is percent-encoded; the end of a name that is too
    long is replaced by a digest of the whole.
    """
    component = quote(name.replace("/", "__"), safe="()[]+,=@ '&!~#")
    if component.startswith("."):
        component = f"%2E{component[1:]}"
    if len(component) <= _LONGEST:
        return component
    return f"{component[:_LONGEST]}~{short(digest_json(name))}"


@dataclass
class Loaded:
    """What a folder of results holds.

    Attributes:
        results: Path and record of every readable result, by path.
        unreadable: Path of every other `.json` file, and the sentence that says why.
    """

    results: list[tuple[Path, Result]] = field(default_factory=list)
    unreadable: list[tuple[Path, str]] = field(default_factory=list)


class ResultStore:
    """The results below one folder.

    Args:
        root: The folder; it is made when something is first written.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, encoder: EncoderRecord) -> Path:
        """Where the results of an encoder are."""
        return self.root / file_name(encoder.name) / _folder_name(encoder.fingerprint)

    def path(self, encoder: EncoderRecord, task: str) -> Path:
        """Where the result of an encoder on a task is."""
        name = f"{file_name(task)}.json"
        if name.lower() in _NO_RESULTS:
            name = f"%{ord(name[0]):X}{name[1:]}"
        return self.folder(encoder) / name

    def check_writable(self) -> None:
        """Make the folder and a file in it, now rather than after an hour of encoding.

        Raises:
            StoreError: It cannot be written.
        """
        probe = self.root / f".probe-{os.getpid()}"
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise StoreError(
                f"Cannot write results to {self.root}: {error.strerror}.", hint="Choose another folder with -o."
            ) from None

    def write(self, result: Result) -> Path:
        """Write a result and, once, the `encoder.json` beside it.

        Raises:
            StoreError: The disk is full or the folder cannot be written; nothing is left under the result's name.
        """
        path = self.path(result.encoder, result.task.name)
        encoder_file = path.with_name(ENCODER_FILE)
        if not os.path.exists(encoder_file):  # noqa: PTH110 - Path.exists raises where the folder is closed to us
            write_atomic(encoder_file, EncoderFile(encoder=result.encoder).model_dump_json(indent=1) + "\n")
        write_atomic(path, result_text(result))
        self._partial(result.encoder, result.task.name).unlink(missing_ok=True)
        return path

    def read(self, encoder: EncoderRecord, task: str, fingerprint: str) -> Result | None:
        """The finished result of this encoder on this very task, if there is one that can be read.

        Raises:
            NewerSchemaError: There is one that a newer evalkit has written; it must not be written over.
        """
        result = self.held(encoder, task)
        agrees = result is not None and result.task.fingerprint == fingerprint
        return result if agrees else None

    def held(self, encoder: EncoderRecord, task: str) -> Result | None:
        """The result of this encoder that would be written over, whatever data and protocol it is of.

        Raises:
            NewerSchemaError: There is one that a newer evalkit has written; it must not be written over.
        """
        try:
            result = read_result(self.path(encoder, task))
        except NewerSchemaError:
            raise
        except StoreError:
            return None
        return result if result.encoder.fingerprint == encoder.fingerprint else None

    def write_cells(self, encoder: EncoderRecord, task: str, cells: FinishedCells) -> None:
        """Keep the finished cells of a task that is not finished.

        Raises:
            StoreError: They cannot be written.
        """
        write_atomic(self._partial(encoder, task), cells.model_dump_json())

    def read_cells(self, encoder: EncoderRecord, task: str, fingerprint: str) -> tuple[FinishedCell, ...]:
        """The finished cells of an unfinished task; none where encoder, data or protocol have changed since."""
        try:
            kept = FinishedCells.model_validate_json(self._partial(encoder, task).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return ()
        return kept.cells if (kept.task, kept.encoder) == (fingerprint, encoder.fingerprint) else ()

    def _partial(self, encoder: EncoderRecord, task: str) -> Path:
        return self.path(encoder, task).with_suffix(_PARTIAL_SUFFIX)


def _folder_name(fingerprint: str | None) -> str:
    """Twelve hex digits; of a fingerprint that a plugin words otherwise, those of its digest."""
    if fingerprint is None:
        return UNIDENTIFIED
    return short(fingerprint if _HEX.fullmatch(fingerprint) else digest_json(fingerprint))


def result_text(result: Result) -> str:
    """A result as it stands in its file: strict JSON, one line a cell's worth of columns."""
    return json.dumps(result.model_dump(mode="json"), allow_nan=False, ensure_ascii=False, indent=1) + "\n"


def write_atomic(path: Path, text: str) -> None:
    """Write a file whole or not at all.

    Raises:
        StoreError: The file cannot be written; what was there before still is.
    """
    # Two threads, or two machines with one file system, may write one result with one process id.
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise StoreError(
            f"Cannot write {path}: {error.strerror}.",
            hint="Make room or choose another folder with -o, and run again: what is finished is kept.",
            exit_code=EXIT_FAILED,
        ) from None


def read_result(path: Path) -> Result:
    """Read one result, of this or an older schema version.

    Raises:
        StoreError: No such file, no strict JSON, no result, or one of a newer version.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except FileNotFoundError:
        raise StoreError(f"{path} does not exist.", hint="`evalkit run` writes results.") from None
    except IsADirectoryError:
        raise StoreError(
            f"{path} is a folder.", hint="Name a result in it: FOLDER/ENCODER/FINGERPRINT/TASK.json."
        ) from None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}.", hint="Check the file's permissions.") from None
    except (ValueError, RecursionError) as error:
        raise StoreError(
            f"{path} cannot be read: {error}.", hint="If it is a result, it is damaged: run its task again."
        ) from None
    if not isinstance(record, dict):
        raise StoreError(f"{path} is no evalkit result.", hint="Name a file that `evalkit run` has written.")
    try:
        return Result.model_validate(upgrade(record, where=str(path)))
    except ValidationError as error:
        raise StoreError(
            f"{path} is no valid result: {first_problem(error)}.",
            hint="If evalkit wrote it, it is damaged: run its task again.",
        ) from None


def _refuse_constant(token: str) -> Any:
    raise ValueError(f"{token} is no JSON")


def load(path: Path) -> Loaded:
    """Every result below a folder, or the one in a file; what cannot be read is listed, never dropped.

    Raises:
        StoreError: The path does not exist.
    """
    if not path.exists():
        raise StoreError(f"{path} does not exist.", hint="`evalkit run -o FOLDER` writes results there.")
    loaded = Loaded()
    for file in result_files(path):
        try:
            loaded.results.append((file, read_result(file)))
        except StoreError as error:
            loaded.unreadable.append((file, str(error)))
    return loaded


def result_files(path: Path) -> list[Path]:
    """Everything below a folder that is called as a result is, by path; of a file itself.

    Left out are hidden files and folders, and the baselines saved below the folder: their results are copies, which
    would be second results beside those that they were made of.
    """
    if path.is_file():
        return [path]
    found: list[Path] = []
    for folder, folders, names in os.walk(path):
        here = Path(folder)
        if MANIFEST in names and here != path:
            folders.clear()
            continue
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [here / name for name in (*names, *folders) if _may_be_result(name)]
    return sorted(found)


def _may_be_result(name: str) -> bool:
    return name.endswith(".json") and not name.startswith(".") and name not in _NO_RESULTS
