"""A tree of mteb's result files, read file by file; what cannot be used is counted and named."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalkit.errors import EvalkitError
from evalkit_leaderboard.interchange import legacy
from evalkit_leaderboard.interchange.entries import read_entry
from evalkit_leaderboard.interchange.oddities import Oddities, Oddity
from evalkit_leaderboard.interchange.published import EXTERNAL, Published, Scores, Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalkit_leaderboard.interchange.catalogue import Catalogue

META = "model_meta.json"
EXPERIMENTS = "experiments"
UNKNOWN_DATA = "dataset revision not available"
"""What mteb itself writes for the revision of data that an old file does not name."""
_UNKNOWN = frozenset({"", UNKNOWN_DATA, "mteb version not available"})
OWN = "evalkit"
"""The key under which evalkit's export says what mteb's layout has no place for."""


def read_tree(folder: Path, known: Catalogue, oddities: Oddities) -> list[Published]:
    """Every result below a folder, or below its ``results``.

    Raises:
        EvalkitError: There is no such folder.
    """
    if not folder.is_dir():
        raise EvalkitError(f"{folder} is no folder.", hint="Name the folder above MODEL/REVISION/TASK.json.")
    root = folder / "results" if (folder / "results").is_dir() else folder
    published = []
    for place, files in _revision_folders(root, oddities):
        source = _source(place, root, oddities)
        for path in files:
            found = _read(path, replace(source, file=path.relative_to(root).as_posix()), known, oddities)
            published += [found] if found is not None else []
    return published


def _revision_folders(root: Path, oddities: Oddities) -> Iterator[tuple[Path, list[Path]]]:
    """Every MODEL/REVISION with its files, in a fixed order."""
    found: dict[Path, list[Path]] = {}
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        parts = path.relative_to(root).parts
        if len(parts) == 5 and parts[2] == EXPERIMENTS and path.suffix == ".json" and path.name != META:
            oddities.add(Oddity.EXPERIMENT, path.relative_to(root).as_posix())
        elif len(parts) == 3 and path.suffix == ".json":
            found.setdefault(path.parent, []).extend([path] if path.name != META else [])
        elif path.name != META:
            oddities.add(Oddity.STRAY, path.relative_to(root).as_posix())
    yield from found.items()


def _source(place: Path, root: Path, oddities: Oddities) -> Source:
    """Whom the files of a folder are about."""
    named = Source("", place.parent.name.replace("__", "/"), place.name)
    where = (place.relative_to(root) / META).as_posix()
    try:
        meta = json.loads((place / META).read_text(encoding="utf-8"))
        return _from_meta(meta, named, where, oddities)
    except FileNotFoundError:
        oddities.add(Oddity.NO_META, where)
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        oddities.add(Oddity.BAD_META, where)
    return named


def _from_meta(meta: dict[str, Any], named: Source, where: str, oddities: Oddities) -> Source:
    if isinstance(meta.get("training_datasets"), dict):
        oddities.add(Oddity.TRAINING_DICT, where)
    similarity, dimension = meta.get("similarity_fn_name"), meta.get("embed_dim")
    return replace(
        named,
        model=str(meta.get("name") or named.model).replace("__", "/"),
        revision=str(meta.get("revision") or named.revision),
        similarity=similarity if isinstance(similarity, str) else named.similarity,
        dimension=dimension if type(dimension) is int else None,
        # An argument that says nothing, such as {}, makes no experiment; mteb has the same rule.
        experiment=any(value not in (None, {}, [], "") for value in (meta.get("experiment_kwargs") or {}).values()),
    )


def _read(path: Path, source: Source, known: Catalogue, oddities: Oddities) -> Published | None:
    constants: list[str] = []
    try:
        record = json.loads(path.read_text(encoding="utf-8"), parse_constant=lambda token: _constant(token, constants))
        found = _published(record, source, known)
    except (OSError, ValueError, TypeError, AttributeError, KeyError, RecursionError):
        oddities.add(Oddity.UNREADABLE, source.file)
        return None
    if source.experiment:
        oddities.add(Oddity.EXPERIMENT, source.file)
        return None
    if constants:
        oddities.add(Oddity.NAN, source.file)
    _note(found, known, oddities)
    return found


def _constant(token: str, seen: list[str]) -> float:
    seen.append(token)
    return float(token)


def _published(record: Any, source: Source, known: Catalogue) -> Published:
    old = legacy.NAME in record and "task_name" not in record
    current = legacy.modernise(record, known) if old else record
    own = current.get(OWN) or {}
    return Published(
        source=source,
        task=str(current["task_name"]),
        cells=_cells(current["scores"]),
        old=old,
        dataset_revision=_text(current.get("dataset_revision")),
        version=_text(current.get("mteb_version")),
        date=_date(current.get("date")),
        seconds=_seconds(current.get("evaluation_time")),
        kg_co2=_seconds(current.get("kg_co2_emissions")),
        metric=_text(own.get("main_score")),
        type=_text(own.get("type")),
    )


def _cells(scores: dict[str, list[dict[str, Any]]]) -> dict[tuple[str, str], Scores]:
    return {
        (split, str(entry.get("hf_subset") or "default")): read_entry(entry)
        for split, entries in scores.items()
        for entry in entries
    }


def _text(value: object) -> str | None:
    return None if value is None or value in _UNKNOWN else str(value)


def _seconds(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and value == value and abs(value) != float("inf") else None


def _date(value: object) -> str | None:
    """Seconds since 1970, or ISO 8601 (without a zone: UTC), as ISO 8601 in UTC; None for anything else."""
    try:
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC).isoformat(timespec="seconds")
        found = datetime.fromisoformat(str(value))
    except (ValueError, OverflowError, OSError):
        return None
    zoned = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    return zoned.astimezone(UTC).isoformat(timespec="seconds")


def _note(found: Published, known: Catalogue, oddities: Oddities) -> None:
    """Count what is odd about one file."""
    odd = {
        Oddity.OLD_LAYOUT: found.old,
        Oddity.EXTERNAL: found.source.revision == EXTERNAL,
        Oddity.NO_VERSION: found.version is None,
        Oddity.VERSION_RANGE: found.version is not None and "-" in found.version,
        Oddity.NO_DATA_REVISION: found.dataset_revision is None,
        Oddity.NAME: found.task != known.canonical(Path(found.source.file).stem),
    }
    for oddity, seen in odd.items():
        if seen:
            oddities.add(oddity, found.source.file)
    lost = sum(len(scores.lost) for scores in found.cells.values())
    if lost:
        oddities.add(Oddity.NO_NUMBER, found.source.file, lost)
