"""`evalkit list tasks|encoders|suites|plugins`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from evalkit.cli import console
from evalkit.cli.options import Data, Json, PluginFiles

if TYPE_CHECKING:
    from evalkit.plugins import Plugins
    from evalkit.protocols import Collection
    from evalkit.registry import Entry, Registry

Source: TypeAlias = Annotated[
    str | None, typer.Option("--source", metavar="NAME", help="Those of a catalogue elsewhere, such as mteb.")
]

COMMAND = typer.Typer(
    help="List tasks, encoders, suites or plugins.", no_args_is_help=True, add_completion=False, rich_markup_mode=None
)


@COMMAND.command()
def tasks(data: Data = None, plugin: PluginFiles = None, source: Source = None, json: Json = False) -> None:
    """List the tasks that `evalkit run -t` takes."""
    plugins = _plugins(plugin)
    if source is not None:
        _print(_catalogue_tasks(plugins, source), json=json)
        return
    origins = _origins(plugins.collections)
    rows = [
        {"task": name, "type": _task_type(name, place), "from": origins.get(id(place), str(place))}
        for name, place in sorted(plugins.task_folders(data or []).items())
    ]
    _print(rows, json=json)


@COMMAND.command()
def encoders(
    plugin: PluginFiles = None,
    spec: Annotated[
        bool, typer.Option("--spec", help="Explain the grammar of specs: transforms, hybrids, rerankers.")
    ] = False,
    json: Json = False,
) -> None:
    """List the encoder families that `evalkit run -m` takes."""
    found = _plugins(plugin)
    if spec:
        _explain(found)
        return
    _print(_usages("encoder", found.encoders), json=json)


@COMMAND.command()
def transforms(plugin: PluginFiles = None, json: Json = False) -> None:
    """List the transforms that can stand behind an encoder, as in 'st:PATH | truncate:128'."""
    _print(_usages("transform", _plugins(plugin).transforms), json=json)


@COMMAND.command()
def suites(plugin: PluginFiles = None, source: Source = None, json: Json = False) -> None:
    """List the suites that `evalkit run --suite` takes."""
    plugins = _plugins(plugin)
    found = plugins.suites() if source is None else _catalogue_suites(plugins, source)
    if json:
        console.json_data([{"suite": name, "tasks": list(tasks)} for name, tasks in found.items()])
    else:
        _print([{"suite": name, "tasks": ", ".join(tasks)} for name, tasks in found.items()], json=False)
        if source is None:
            _tell_of_catalogues(plugins)


@COMMAND.command()
def plugins(plugin: PluginFiles = None, json: Json = False) -> None:
    """List everything that is registered, and whether it can be loaded."""
    rows = [row for registry in _registries(plugin) for row in _plugin_rows(registry)]
    _print(rows, json=json)
    if not json:
        _warn_of_broken(rows)


def _explain(plugins: Plugins) -> None:
    """The grammar of specs, with what there is to fill it in."""
    from evalkit.spec import EXAMPLES, GRAMMAR

    console.line(GRAMMAR.replace("``", ""))
    for title, registry in (("FAMILY", plugins.encoders), ("NAME of a STEP", plugins.transforms)):
        console.line(f"{title}: {', '.join(entry.name for entry in registry.entries())}")
    console.line("\nExamples:")
    for spec, meaning in EXAMPLES.items():
        console.line(f"  {spec}\n      {meaning}")


def _usages(kind: str, registry: Registry[Any]) -> list[dict[str, str]]:
    return [{kind: entry.name, "usage": _usage(entry), "from": entry.origin} for entry in registry.entries()]


def _plugins(files: list[Path] | None) -> Plugins:
    from evalkit.plugins import Plugins

    return Plugins.installed(files or [])


def _catalogue_tasks(plugins: Plugins, scheme: str) -> list[dict[str, str]]:
    """The tasks of a catalogue, with their types where it can say them beforehand."""
    source = plugins.sources.get(scheme)
    types: dict[str, str] = getattr(source, "types", dict)()
    return [{"task": f"{scheme}:{name}", "type": types.get(name, ""), "from": scheme} for name in source.names()]


def _catalogue_suites(plugins: Plugins, scheme: str) -> dict[str, tuple[str, ...]]:
    source = plugins.sources.get(scheme)
    return {name: tuple(each.name for each in source.suite(name) or ()) for name in source.suites()}


def _tell_of_catalogues(plugins: Plugins) -> None:
    """Catalogues may take seconds to be read: their suites are shown when they are asked for."""
    for entry in plugins.sources.entries():
        console.note(f"The suites of {entry.name} can be named too: `evalkit list suites --source {entry.name}`.")


def _print(rows: list[dict[str, str]], *, json: bool) -> None:
    if json:
        console.json_data(rows)
        return
    headers = list(rows[0]) if rows else []
    console.table(headers, [list(row.values()) for row in rows], left=len(headers))


def _origins(collections: Registry[Collection]) -> dict[int, str]:
    """Who brings each collection, by the object's identity; a broken one is a warning here."""
    origins = {}
    for entry in collections.entries():
        try:
            origins[id(entry.load())] = entry.origin
        except Exception as error:
            console.warning(f"The collection {entry.name!r} of {entry.origin} is broken: {error}.")
    return origins


def _task_type(name: str, place: Path | Collection) -> str:
    """The type that a task folder names; listing never fails for one folder that is broken."""
    from evalkit.data.spec import read_spec
    from evalkit.errors import EvalkitError

    # A collection whose folders are costly to make may say `types() -> {name: type}` beforehand.
    types = getattr(place, "types", None)
    if callable(types):
        return str(types().get(name, ""))
    try:
        return read_spec(place if isinstance(place, Path) else place.folder(name)).type
    except EvalkitError as error:
        return f"unreadable: {error.message}"


def _usage(entry: Entry[Any]) -> str:
    """The first line of a factory's documentation, which shows the spec."""
    try:
        return (inspect.getdoc(entry.load()) or "").partition("\n")[0].replace("``", "").removesuffix(".")
    except Exception as error:
        return f"cannot be loaded: {error}"


def _registries(files: list[Path] | None) -> Iterator[Registry[Any]]:
    from evalkit.cli.commands import registry

    found = _plugins(files)
    kinds = (found.encoders, found.transforms, found.combiners, found.task_types, found.collections, found.sources)
    yield from (*kinds, registry())


def _plugin_rows(registry: Registry[Any]) -> Iterator[dict[str, str]]:
    for entry in registry.entries():
        yield {
            "kind": registry.kind,
            "name": entry.name,
            "from": entry.origin,
            "target": entry.target,
            "state": _state(entry),
        }


def _state(entry: Entry[Any]) -> str:
    try:
        entry.load()
    except Exception as error:
        return f"broken: {type(error).__name__}: {error}"
    return "ok"


def _warn_of_broken(rows: list[dict[str, str]]) -> None:
    for row in rows:
        if row["state"] != "ok":
            console.warning(f"The {row['kind']} {row['name']!r} of {row['from']} is {row['state']}.")
