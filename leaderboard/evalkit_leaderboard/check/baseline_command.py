"""`evalkit baseline save|list|show`. Cheap to import."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from evalkit.cli import console
from evalkit.cli.groups import group
from evalkit.cli.options import Json  # noqa: TC001  Typer reads annotations at run time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalkit_leaderboard.check.baseline import Differences, Manifest

BASELINE = group("baseline", "Save results that later checks go back to, and look at what was saved.")
_SHOWN = 3

Parent: TypeAlias = Annotated[Path, typer.Option("--in", metavar="DIR", help="The folder that baselines are in.")]


@BASELINE.command("save")
def save(
    results: Annotated[Path, typer.Argument(metavar="RESULTS", help="Results: a folder, an encoder's folder, a file.")],
    name: Annotated[str, typer.Option(metavar="NAME", help="What to call it.")] = "baseline",
    parent: Parent = Path("results"),
    tasks: Annotated[str | None, typer.Option(metavar="GLOB", help="Only these tasks.")] = None,
    encoders: Annotated[str | None, typer.Option(metavar="GLOB", help="Only these encoders.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the baseline of that name.")] = False,
    note: Annotated[str, typer.Option(metavar="TEXT", help="What a reader should know.")] = "",
) -> None:
    """Save results as a baseline: copies of them, and a manifest with every fingerprint and digest."""
    from evalkit_leaderboard.check.baseline import save_baseline

    saved = save_baseline(results, name, parent, tasks=tasks, encoders=encoders, note=note, force=force)
    encoders_, tasks_ = console.counted(len(saved.encoders), "encoder"), console.counted(len(saved.tasks), "task")
    console.line(f"Saved {parent / name}: {encoders_}, {tasks_}.")


@BASELINE.command("list")
def list_(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that baselines are in.")] = Path("results"),
    json: Json = False,
) -> None:
    """List the baselines in a folder."""
    from evalkit.errors import StoreError
    from evalkit_leaderboard.check.baseline import baselines, is_baseline

    if not folder.is_dir():
        raise StoreError(f"{folder} is no folder.", hint="`evalkit baseline save RESULTS --in DIR` makes one.")
    entries = [_entry(each) for each in ([folder] if is_baseline(folder) else baselines(folder))]
    if json:
        console.json_data(entries)
    elif entries:
        console.table(["baseline", "saved", "encoders", "tasks", "note"], map(_row, entries), left=5)
    else:
        console.line(f"No baselines in {folder}.")


@BASELINE.command("show")
def show(
    baseline: Annotated[str, typer.Argument(metavar="NAME", help="Name of a baseline, or its folder.")],
    parent: Parent = Path("results"),
    json: Json = False,
) -> None:
    """Show a baseline, and verify its files. Exit 2: some were changed, removed or added since it was saved."""
    from evalkit_leaderboard.check.baseline import changed, differences, find_baseline, read_manifest

    folder = find_baseline(baseline, parent)
    manifest = read_manifest(folder)
    found = differences(folder, manifest)
    if json:
        console.json_data({**manifest.model_dump(mode="json"), "path": str(folder), "differences": vars(found)})
    else:
        _print(folder, manifest, found)
    if found:
        raise changed(folder, found)


def _entry(folder: Path) -> dict[str, Any]:
    from evalkit.errors import StoreError
    from evalkit_leaderboard.check.baseline import read_manifest

    try:
        manifest = read_manifest(folder)
    except StoreError as error:
        return {"name": folder.name, "path": str(folder), "problem": str(error)}
    return {
        "name": folder.name,
        "path": str(folder),
        "created": manifest.created,
        "evalkit": manifest.evalkit,
        "note": manifest.note,
        "encoders": [encoder.name for encoder in manifest.encoders],
        "tasks": [task.name for task in manifest.tasks],
        "problem": None,
    }


def _row(entry: dict[str, Any]) -> list[str]:
    if entry["problem"]:
        return [entry["name"], *[console.MISSING] * 3, f"broken: {entry['problem']}"]
    return [entry["name"], entry["created"], _some(entry["encoders"]), _some(entry["tasks"]), entry["note"]]


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _print(folder: Path, manifest: Manifest, found: Differences) -> None:
    for key, value in _facts(folder, manifest, found):
        console.line(f"{key:<12} {value}")
    console.line()
    encoders = [[each.name, each.fingerprint or "none", each.spec] for each in manifest.encoders]
    console.table(["encoder", "fingerprint", "spec"], encoders, left=3)
    console.line()
    tasks = [
        [task.name, task.type, task.metric, task.fingerprint, f"{task.cells:,}", f"{task.units:,}"]
        for task in manifest.tasks
    ]
    console.table(["task", "type", "main score", "fingerprint", "cells", "units"], tasks, left=4)


def _facts(folder: Path, manifest: Manifest, found: Differences) -> Iterator[tuple[str, str]]:
    yield "baseline", f"{manifest.name} in {folder}"
    yield "saved", f"{manifest.created} by evalkit {manifest.evalkit}"
    if manifest.note:
        yield "note", manifest.note
    yield "files", f"{len(manifest.files):,}, {'not as they were saved' if found else 'all as they were saved'}"
    for what, paths in vars(found).items():
        for path in paths:
            yield f"  {what}", path
