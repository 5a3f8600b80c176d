"""mteb's result files made by hand, and what an import has made of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from evalkit.schema import Result
from evalkit_leaderboard.interchange.importing import Import
from evalkit_leaderboard.interchange.oddities import Oddity

REVISION = "a" * 40


def write(path: Path, record: Any) -> Path:
    """A file of text or JSON, with bare NaN where a number is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(record if isinstance(record, str) else json.dumps(record), encoding="utf-8")
    return path


def meta(folder: Path, name: str = "org/model", revision: str = REVISION, **more: Any) -> Path:
    record = {"name": name, "revision": revision, "similarity_fn_name": "cosine", "embed_dim": 8, **more}
    return write(folder / name.replace("/", "__") / revision / "model_meta.json", record)


def entry(main: Any = 0.5, subset: str = "default", **scores: Any) -> dict[str, Any]:
    return {"main_score": main, "hf_subset": subset, "languages": ["eng-Latn"], **scores}


def task(name: str = "SciFact", scores: Any = None, **more: Any) -> dict[str, Any]:
    return {
        "task_name": name,
        "dataset_revision": "d1",
        "mteb_version": "2.0.0",
        "scores": {"test": [entry(ndcg_at_10=0.5)]} if scores is None else scores,
        "evaluation_time": 1.5,
        "kg_co2_emissions": None,
        **more,
    }


def put(folder: Path, record: dict[str, Any], revision: str = REVISION, model: str = "org__model") -> Path:
    name = record.get("task_name", record.get("mteb_dataset_name"))
    return write(folder / model / revision / f"{name}.json", record)


def only(found: Import) -> Result:
    assert len(found.results) == 1
    return found.results[0]


def counts(found: Import) -> dict[Oddity, int]:
    return {oddity: found.oddities.count(oddity) for oddity in found.oddities.seen}


def scores(results: Any) -> dict[tuple[str, str, str, str], Any]:
    return {
        (result.encoder.name, result.task.name, cell.split, cell.subset): (
            result.task.type,
            result.main_score.metric,
            result.main_score.value,
            dict(cell.scores),
            dict(cell.repeats),
        )
        for result in results
        for cell in result.cells
    }
