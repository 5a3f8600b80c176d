"""Write what the import of mteb's files has to know of mteb: `interchange/catalogue.json`.

Run where mteb is installed, whenever mteb's catalogue has grown:

    python tests/golden/make_mteb_catalogue.py

Text tasks only. A task with more than `MOST_SUBSETS` subsets gets null for them (every subset that a file has counts),
a benchmark that differs from its tasks in more than `LARGEST_BENCHMARK` characters is left out.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mteb
from mteb.abstasks.aggregated_task import AbsTaskAggregate
from mteb.get_tasks import _TASKS_REGISTRY
from mteb.models.model_implementations import MODEL_REGISTRY

MOST_SUBSETS = 300
LARGEST_BENCHMARK = 8_000
OUTPUT = Path(__file__).parents[2] / "leaderboard/evalkit_leaderboard/interchange/catalogue.json"


def main() -> None:
    """Write the catalogue."""
    tasks = {name: task(kind) for name, kind in sorted(_TASKS_REGISTRY.items()) if kind.metadata.modalities == ["text"]}
    found = {each.name: benchmark(each, tasks) for each in sorted(mteb.get_benchmarks(), key=lambda each: each.name)}
    parts = {
        "mteb": version("mteb"),
        "benchmarks": {name: each for name, each in found.items() if each and len(compact(each)) < LARGEST_BENCHMARK},
        "tasks": tasks,
        "revisions": {
            name: meta.revision
            for name, meta in sorted(MODEL_REGISTRY.items())
            if meta.revision and "text" in meta.modalities
        },
    }
    # One line a task, benchmark and model, so that a difference can be read.
    blocks = [f"{json.dumps(key)}: {block(value)}" for key, value in parts.items()]
    OUTPUT.write_text("{\n" + ",\n".join(blocks) + "\n}\n", encoding="utf-8")
    print({key: len(value) for key, value in parts.items()}, OUTPUT.stat().st_size)


def task(kind: Any) -> list[Any]:
    """Type, main score, splits and subsets of a task."""
    metadata = kind.metadata
    subsets = ["default"] if issubclass(kind, AbsTaskAggregate) else list(metadata.hf_subsets)
    return [
        metadata.type,
        metadata.main_score,
        list(metadata.eval_splits),
        subsets if len(subsets) <= MOST_SUBSETS else None,
    ]


def benchmark(found: Any, tasks: dict[str, list[Any]]) -> dict[str, Any] | None:
    """Where the tasks of a benchmark differ from the tasks themselves; None where one of them is not of text."""
    if any(each.metadata.name not in tasks for each in found.tasks):
        return None
    return {each.metadata.name: difference(each, tasks[each.metadata.name]) for each in found.tasks}


def difference(each: Any, usual: list[Any]) -> dict[str, list[str]]:
    """Splits and subsets that are not the usual ones."""
    changed = {}
    if list(each.eval_splits) != usual[2]:
        changed["splits"] = list(each.eval_splits)
    if not isinstance(each, AbsTaskAggregate) and set(each.hf_subsets) != set(each.metadata.hf_subsets):
        changed["subsets"] = list(each.hf_subsets)
    return changed


def block(value: Any) -> str:
    """A mapping with one entry a line; anything else as it is."""
    if not isinstance(value, dict):
        return json.dumps(value)
    return "{\n" + ",\n".join(f" {json.dumps(key)}: {compact(each)}" for key, each in value.items()) + "\n}"


def compact(value: Any) -> str:
    """JSON without white space."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


if __name__ == "__main__":
    main()
