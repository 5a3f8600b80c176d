"""Saved baselines: results that a check goes back to, and a manifest by which it knows that they are still the same.

A baseline is the folder `<parent>/<name>` with ordinary results in the store's layout and `baseline.json`. It is
written beside its place and put there in one step, so that a crash or a `kill -9` leaves the old one or the new one.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping  # noqa: TC003  Pydantic reads annotations at run time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError

from evalkit._version import __version__
from evalkit.errors import EXIT_FAILED, EvalkitError, StoreError, unknown
from evalkit.fingerprint import digest_file
from evalkit.labels import identity
from evalkit.observations import Observations
from evalkit.placing import restore, restore_all, whole_folder, write_file
from evalkit.schema import EncoderFile, Record, first_problem
from evalkit.store import ENCODER_FILE, MANIFEST, ResultStore, file_name, result_files
from evalkit_leaderboard.check.pairing import read_side
from evalkit_leaderboard.frame import align, select

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.schema import Result
    from evalkit_leaderboard.frame import Located

_VERSION: Literal[1] = 1
_LEVELS = 3  # encoder, fingerprint and file below a folder of results
_SHOWN = 5
_RESULTS = Path("results")


class BaselineEncoder(Record):
    """An encoder of a baseline, as its results describe it."""

    name: str
    fingerprint: str | None
    spec: str


class BaselineTask(Record):
    """A task of a baseline.

    Attributes:
        fingerprint: Digest of data and protocol.
        metric: The main score.
        units: Units in all cells together; 0 where the results have none.
        cells: Splits times subsets.
    """

    name: str
    type: str
    fingerprint: str
    metric: str
    units: int
    cells: int


class Manifest(Record):
    """`baseline.json`.

    Attributes:
        created: UTC, ISO 8601.
        evalkit: The version that saved it.
        files: SHA-256 of each file by its path below the folder, with forward slashes.
    """

    schema_version: Literal[1] = _VERSION
    name: str
    created: str
    evalkit: str
    note: str = ""
    encoders: tuple[BaselineEncoder, ...]
    tasks: tuple[BaselineTask, ...]
    files: Mapping[str, str]


@dataclass(frozen=True)
class Differences:
    """How a folder differs from its manifest, as paths below it.

    Attributes:
        changed: Files with other bytes.
        missing: Files that are gone.
        additional: Results that the manifest does not name; other files do no harm.
    """

    changed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    additional: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changed or self.missing or self.additional)

    def __str__(self) -> str:
        parts = (("changed", self.changed), ("missing", self.missing), ("additional", self.additional))
        return "; ".join(f"{what}: {_some(paths)}" for what, paths in parts if paths)


# -- reading -----------------------------------------------------------------------------------------------------


def find_baseline(given: str, parent: Path = _RESULTS) -> Path:
    """The folder or file of results that is meant.

    Args:
        given: A path, if something is there; else the name of a baseline. A manifest stands for its folder.
        parent: Folder in which names are looked up.

    Raises:
        EvalkitError: There is neither.
    """
    place, named = Path(given), parent / given
    for each in (place, named):
        restore(each)
    if given and os.path.exists(place):  # noqa: PTH110 - Path.exists raises where a name is too long
        return place.parent if place.name == MANIFEST and _readable(place.parent) else place
    if given and is_baseline(named):
        return named
    raise unknown("baseline", given, [each.name for each in baselines(parent)], where=f"evalkit baseline list {parent}")


def is_baseline(folder: Path) -> bool:
    """Whether a folder holds a manifest, readable or not."""
    return os.path.isfile(folder / MANIFEST)  # noqa: PTH113 - Path.is_file raises where the folder is closed to us


def baselines(parent: Path) -> list[Path]:
    """The baselines in a folder, by name."""
    if not parent.is_dir():
        return []
    restore_all(parent)
    return sorted(each for each in parent.iterdir() if not each.name.startswith(".") and is_baseline(each))


def read_manifest(folder: Path) -> Manifest:
    """What a baseline says of itself.

    Raises:
        StoreError: The folder is no baseline, or its manifest is damaged or of a newer version.
    """
    path = folder / MANIFEST
    anew = "Restore it, or save the baseline anew with --force."
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise StoreError(
            f"{folder} is no saved baseline: it holds no {MANIFEST}.", hint="`evalkit baseline save RESULTS` makes one."
        ) from None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}.", hint="Check its permissions.") from None
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path} cannot be read: {error}.", hint=anew) from None
    version = record.get("schema_version") if isinstance(record, dict) else None
    if not isinstance(version, int):
        raise StoreError(f"{path} is no manifest of a baseline: it has no schema_version.", hint=anew)
    if version > _VERSION:
        raise StoreError(
            f"{path} has schema version {version}; this evalkit reads up to {_VERSION}.",
            hint="Upgrade: pip install -U evalkit-embeddings.",
        )
    try:
        return Manifest.model_validate(record)
    except ValidationError as error:
        raise StoreError(f"{path} is no valid manifest: {first_problem(error)}.", hint=anew) from None


def differences(folder: Path, manifest: Manifest) -> Differences:
    """What has happened to a baseline since it was saved.

    Raises:
        StoreError: A file is closed to us.
    """
    found = {path: _digest(folder / path) for path in manifest.files}
    results = {path.relative_to(folder).as_posix() for path in result_files(folder)}
    return Differences(
        changed=tuple(path for path, digest in found.items() if digest not in {None, manifest.files[path]}),
        missing=tuple(path for path, digest in found.items() if digest is None),
        additional=tuple(sorted(results - set(manifest.files))),
    )


def verified(path: Path) -> None:
    """Refuse a baseline that is no longer what was saved.

    Of a folder or file inside a baseline the whole baseline counts. Results that are in none pass.

    Args:
        path: Folder or file of results.

    Raises:
        StoreError: Files were changed, removed or added; the message names them. Or the manifest cannot be read.
    """
    folder = path if is_baseline(path) else _around(path)
    if folder is None:
        return
    found = differences(folder, read_manifest(folder))
    if found:
        raise changed(folder, found)


def changed(folder: Path, found: Differences) -> StoreError:
    """The error for a baseline that is no longer what was saved."""
    return StoreError(
        f"{folder} is not the baseline that was saved: {found}.",
        hint="Restore its files, or save it anew with --force.",
    )


def _digest(path: Path) -> str | None:
    try:
        return digest_file(path)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}.", hint="Check its permissions.") from None


def _around(path: Path) -> Path | None:
    """The baseline that a path lies in. Somebody else's file may have the manifest's name: it has to be one."""
    return next((above for above in path.absolute().parents[:_LEVELS] if _readable(above)), None)


def _readable(folder: Path) -> bool:
    with contextlib.suppress(StoreError):
        return bool(read_manifest(folder))
    return False


def _some(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return ", ".join(paths[:_SHOWN]) + more


# -- saving ------------------------------------------------------------------------------------------------------


def save_baseline(
    source: Path,
    name: str,
    parent: Path = _RESULTS,
    *,
    tasks: str | None = None,
    encoders: str | None = None,
    note: str = "",
    force: bool = False,
) -> Manifest:
    """Save results as a baseline.

    Args:
        source: A folder of results, one encoder's folder, or a single file.
        name: What to call it.
        parent: The folder that it will be in.
        tasks: Glob of the tasks that count.
        encoders: Glob of the encoders that count.
        note: What a reader should know, on one line.
        force: Replace a baseline of that name.

    Raises:
        EvalkitError: There is nothing to save, a result cannot be read, the results do not go together, or the place
            is taken.
        StoreError: It cannot be written; what was there before still is.
    """
    _refuse_name(name)
    place = parent / name
    restore(place)
    _refuse_taken(place, source, force=force)
    chosen = select(read_side(source), tasks=tasks, encoders=encoders)
    _refuse_namesake(place, chosen)
    align(chosen)  # refuses two results of one encoder on one task, and one task on two data
    described = Manifest(
        name=name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        evalkit=__version__,
        note=" ".join(note.encode("utf-8", "replace").decode().split()),
        encoders=_encoders(chosen),
        tasks=_tasks(chosen),
        files={},
    )
    try:
        return _write(chosen, place, described)
    except OSError as error:
        raise StoreError(
            f"Cannot save {place}: {error.strerror}{f' ({error.filename})' if error.filename else ''}.",
            hint="Make room or choose another folder with --in; a baseline that was there still is.",
            exit_code=EXIT_FAILED,
        ) from None


def _refuse_name(name: str) -> None:
    if not name or file_name(name) != name or name.endswith(".json"):
        raise EvalkitError(
            f"{name!r} cannot be a baseline's name.",
            hint="Letters a to z, digits, '-', '_' and '.' make one; it neither begins with '.' nor ends in '.json'.",
        )


def _refuse_taken(place: Path, source: Path, *, force: bool) -> None:
    around = _around(place)
    if around is not None:
        raise EvalkitError(f"{place} would lie in the baseline {around}.", hint="Choose another folder with --in.")
    if not os.path.lexists(place):
        return
    if not is_baseline(place) or place.is_symlink():
        results = any(place.glob(f"*/{ENCODER_FILE}"))
        raise EvalkitError(
            f"{place} {'holds the results of an encoder' if results else 'exists and is no saved baseline'}.",
            hint="Choose another --name.",
        )
    if source.resolve().is_relative_to(place.resolve()):
        raise EvalkitError(
            f"{source} would be saved into itself.", hint="Name the results of a run, or choose another --name."
        )
    if not force:
        raise EvalkitError(f"The baseline {place} exists.", hint="--force replaces it; --name NAME saves another.")


def _refuse_namesake(place: Path, located: Sequence[Located]) -> None:
    """A run that writes beside the baseline would write into it."""
    names = {file_name(result.encoder.name).lower() for _, result in located}
    if place.name.lower() in names:
        raise EvalkitError(
            f"{place.name!r} is the folder of an encoder's results in {place.parent}.", hint="Choose another --name."
        )


def _encoders(located: Sequence[Located]) -> tuple[BaselineEncoder, ...]:
    encoders = {identity(result.encoder): result.encoder for _, result in located}
    return tuple(
        BaselineEncoder(name=encoder.name, fingerprint=encoder.fingerprint, spec=encoder.spec)
        for encoder in encoders.values()
    )


def _tasks(located: Sequence[Located]) -> tuple[BaselineTask, ...]:
    """Every task with the units and cells of the result that has most of them."""
    found: dict[str, BaselineTask] = {}
    for path, result in located:
        task, other = result.task, found.get(result.task.name)
        found[task.name] = BaselineTask(
            name=task.name,
            type=task.type,
            fingerprint=task.fingerprint,
            metric=result.main_score.metric,
            units=max(_units(path, result), other.units if other else 0),
            cells=max(len(result.cells), other.cells if other else 0),
        )
    return tuple(sorted(found.values(), key=lambda task: (task.type, task.name)))


def _units(path: Path, result: Result) -> int:
    try:
        return sum(
            len(Observations.from_json(cell.observations)) for cell in result.cells if cell.observations is not None
        )
    except StoreError as error:
        raise StoreError(f"{path}: {error.message}", hint=error.hint) from None


# -- writing -----------------------------------------------------------------------------------------------------


def _write(located: Sequence[Located], place: Path, described: Manifest) -> Manifest:
    with whole_folder(place) as folder:
        manifest = described.model_copy(update={"files": _copy(located, folder)})
        write_file(folder / MANIFEST, f"{manifest.model_dump_json(indent=1)}\n".encode())
    return manifest


def _copy(located: Sequence[Located], folder: Path) -> dict[str, str]:
    """Results, byte for byte, and the cards of their encoders: the digest of each file by its path."""
    store, written = ResultStore(folder), set[Path]()
    for path, result in located:
        target = store.path(result.encoder, result.task.name)
        card = target.with_name(ENCODER_FILE)
        if card not in written:
            write_file(card, f"{EncoderFile(encoder=result.encoder).model_dump_json(indent=1)}\n".encode())
        write_file(target, path.read_bytes())
        written |= {card, target}
    return {path.relative_to(folder).as_posix(): digest_file(path) for path in sorted(written)}
