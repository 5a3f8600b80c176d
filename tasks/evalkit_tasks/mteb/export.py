"""A task of mteb as a task folder in the cache: written once, whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalkit.adapters.mteb.library import mteb_version
from evalkit.placing import write_file
from evalkit_tasks.made import make_once, place_of
from evalkit_tasks.mteb.catalogue import cells_of, prompts_of
from evalkit_tasks.mteb.files import toml_lines
from evalkit_tasks.mteb.loading import load

if TYPE_CHECKING:
    from pathlib import Path

    from evalkit_tasks.mteb.mapping import Recipe

EXPORTER = 1
"""Version of what is written here; a change that other folders come of raises it."""
_TOML = "task.toml"


def exported(task: Any, recipe: Recipe) -> Path:
    """The folder of a task, with exactly its chosen cells; made first where it is missing.

    Raises:
        DataError: The data cannot be had.
        Inexpressible: A folder cannot hold them.
        StoreError: It cannot be written.
    """
    place = place_of(task.metadata.name, recorded(task))
    if not (place / _TOML).is_file():
        load(task)
        make_once(task.metadata.name, place, lambda folder: write_folder(task, recipe, folder))
    return place


def recorded(task: Any) -> dict[str, Any]:
    """What the folder depends on."""
    dataset = task.metadata.dataset
    return {
        "source": "mteb",
        "task": task.metadata.name,
        "dataset": str(dataset.get("path", "")),
        "revision": str(dataset.get("revision", "")),
        "version": mteb_version(),
        "exporter": EXPORTER,
        "subsets": list(task.hf_subsets),
        "splits": list(task.eval_splits),
    }


def write_folder(task: Any, recipe: Recipe, folder: Path) -> None:
    """All subsets, and the `task.toml` last."""
    for subset in task.hf_subsets:
        recipe.write(task, subset, folder / subset if task.metadata.is_multilingual else folder)
    write_file(folder / _TOML, ("\n".join(task_toml(task, recipe)) + "\n").encode())


def task_toml(task: Any, recipe: Recipe) -> list[str]:
    """Lines of the `task.toml`."""
    metadata = task.metadata
    said = {
        "name": metadata.name,
        "type": metadata.type,
        "main_score": metadata.main_score,
        "eval_splits": list(task.eval_splits),
        "languages": _languages(task),
        "license": str(metadata.license or ""),
        "source": [f"{metadata.dataset.get('path', '')}@{metadata.dataset.get('revision', '')}"],
        "description": metadata.description or "",
    }
    protocol = {**recipe.protocol(task), "seed": task.seed, "default_prompt": task.abstask_prompt}
    prompts = prompts_of(metadata)
    if prompts:
        protocol["prompt"] = prompts.get("text", prompts)
    return [*toml_lines(said), "", "[protocol]", *toml_lines(protocol), "", "[mteb]", *toml_lines(recorded(task))]


def _languages(task: Any) -> list[str] | dict[str, list[str]]:
    cells = cells_of(task)
    if not task.metadata.is_multilingual:
        return list(cells[0].languages)
    return {cell.subset: list(cell.languages) for cell in cells}
