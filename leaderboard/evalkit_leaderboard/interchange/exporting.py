"""`evalkit export mteb`: results in the layout and with the keys that mteb loads.

What mteb's layout has no place for (the name of the main metric, the type of a task that mteb does not know) goes under
the key ``evalkit``, which mteb passes over, so that an import of the export finds the same scores.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from evalkit._version import __version__
from evalkit.errors import EvalkitError
from evalkit.fingerprint import short
from evalkit.store import file_name
from evalkit_leaderboard.interchange.entries import EXPERIMENTS, V_MEASURE, V_MEASURES
from evalkit_leaderboard.interchange.importing import write_text
from evalkit_leaderboard.interchange.published import TOOL, UNDETERMINED
from evalkit_leaderboard.interchange.reading import META, OWN, UNKNOWN_DATA

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from evalkit.schema import CellRecord, EncoderRecord, Imported, Result

NO_REVISION = "no_revision_available"
"""mteb's name for the revision of a model that has none."""
_SIMILARITIES = frozenset({"cosine", "dot", "euclidean", "manhattan", "MaxSim"})
_UNKNOWN = (
    "loader",
    "release_date",
    "languages",
    "n_parameters",
    "memory_usage_mb",
    "max_tokens",
    "license",
    "open_weights",
    "public_training_code",
    "public_training_data",
    "use_instructions",
    "training_datasets",
)


def export_results(results: Iterable[Result], folder: Path) -> list[Path]:
    """Write results as ``results/<org__name>/<revision>/<Task>.json`` with a ``model_meta.json`` beside them.

    Returns:
        The result files.

    Raises:
        EvalkitError: Two results would be one file.
        StoreError: The folder cannot be written.
    """
    written: dict[Path, None] = {}
    folders: set[Path] = set()
    for result in results:
        path = _place(result, folder)
        if path in written:
            raise EvalkitError(
                f"{result.encoder.name} has two results on {result.task.name} at revision {path.parent.name}.",
                hint="Keep them in separate folders and export one after the other.",
            )
        if path.parent not in folders:
            folders.add(path.parent)
            write_text(path.with_name(META), _text(_meta(result.encoder, path.parent.name)))
        written[path] = None
        write_text(path, _text(task_result(result)))
    return list(written)


def task_result(result: Result) -> dict[str, Any]:
    """A result with the keys of mteb's `TaskResult`."""
    return {
        "dataset_revision": _dataset_revision(result),
        "task_name": result.task.name,
        **(_own_facts(result) if result.imported is None else _imported_facts(result.imported)),
        "scores": _scores(result),
        OWN: {"version": __version__, "type": result.task.type, "main_score": result.main_score.metric},
    }


def _own_facts(result: Result) -> dict[str, Any]:
    timing = result.timing
    return {
        # mteb compares its versions; evalkit's is none of them.
        "mteb_version": None,
        "evaluation_time": timing.seconds if timing is not None else None,
        "kg_co2_emissions": None,
        "date": _timestamp(timing.started if timing is not None else None),
    }


def _imported_facts(imported: Imported) -> dict[str, Any]:
    return {
        "mteb_version": imported.version,
        "evaluation_time": imported.seconds,
        "kg_co2_emissions": imported.kg_co2,
        "date": _timestamp(imported.date),
    }


def _dataset_revision(result: Result) -> str:
    """The revision of the data; of data without one, what evalkit knows it by."""
    if result.imported is None:
        return result.task.fingerprint
    return result.imported.dataset_revision or UNKNOWN_DATA


def _scores(result: Result) -> dict[str, list[dict[str, Any]]]:
    scores: dict[str, list[dict[str, Any]]] = {}
    for cell in result.cells:
        if not _is_hole(result, cell):
            scores.setdefault(cell.split, []).append(_entry(cell, result.main_score.metric))
    return scores


def _is_hole(result: Result, cell: CellRecord) -> bool:
    """Whether this is what an import leaves where a file lacks a cell that counts."""
    return result.imported is not None and cell.scores == {result.main_score.metric: None}


def _entry(cell: CellRecord, metric: str) -> dict[str, Any]:
    return {
        **cell.scores,
        **_repeats(cell.repeats),
        "main_score": cell.scores[metric],
        "hf_subset": cell.subset,
        "languages": list(cell.languages) or [UNDETERMINED],
    }


def _repeats(repeats: Mapping[str, tuple[float, ...]]) -> dict[str, Any]:
    """V-measures under one level, other metrics by experiment, as far as all have equally many."""
    lists: dict[str, Any] = {}
    if V_MEASURE in repeats:
        lists[V_MEASURES] = {"Level 0": list(repeats[V_MEASURE])}
    others = {metric: values for metric, values in repeats.items() if metric != V_MEASURE}
    if others and len({len(values) for values in others.values()}) == 1:
        lists[EXPERIMENTS] = [dict(zip(others, each, strict=True)) for each in zip(*others.values(), strict=True)]
    return lists


def _place(result: Result, folder: Path) -> Path:
    model = file_name(result.encoder.name.replace(" ", "_"))
    return folder / "results" / model / file_name(_revision(result)) / f"{file_name(result.task.name)}.json"


def _revision(result: Result) -> str:
    if result.imported is not None and result.imported.tool == TOOL:
        return result.imported.encoder_revision
    return short(result.encoder.fingerprint) if result.encoder.fingerprint is not None else NO_REVISION


def _meta(encoder: EncoderRecord, revision: str) -> dict[str, Any]:
    """The keys that mteb's `ModelMeta` asks for; what evalkit does not know is null."""
    return {
        "name": encoder.name,
        "revision": revision,
        "embed_dim": encoder.dimension,
        "similarity_fn_name": encoder.similarity if encoder.similarity in _SIMILARITIES else None,
        "framework": [],
        **dict.fromkeys(_UNKNOWN),
    }


def _timestamp(date: str | None) -> float | None:
    """Seconds since 1970: what every mteb that knows dates can read."""
    return datetime.fromisoformat(date).timestamp() if date is not None else None


def _text(record: Mapping[str, Any]) -> str:
    return json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
