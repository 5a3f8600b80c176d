"""What is installed: encoders, task types, collections of tasks, commands.

Everything arrives through entry points, the built-ins included, or from a file named with `--plugin`.
"""

from __future__ import annotations

import importlib.util
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, TypeVar

from evalkit.data import TaskFolder, find_folders
from evalkit.errors import EvalkitError, foreign, unknown
from evalkit.registry import Entry, Registry
from evalkit.spec import parse_spec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evalkit.protocols import Collection, EncoderFactory, Scorer, Task, TaskType

T = TypeVar("T")

ENCODERS = "evalkit.encoders"
TASKS = "evalkit.tasks"
COLLECTIONS = "evalkit.collections"


@dataclass
class Plugins:
    """Everything that is registered.

    Attributes:
        encoders: Encoder families by scheme.
        task_types: Task types by name.
        collections: Packages of tasks and suites.
    """

    encoders: Registry[EncoderFactory] = field(default_factory=lambda: Registry("encoder", "evalkit list encoders"))
    task_types: Registry[TaskType] = field(default_factory=lambda: Registry("task type", "evalkit list plugins"))
    collections: Registry[Collection] = field(default_factory=lambda: Registry("collection", "evalkit list plugins"))

    @classmethod
    def installed(cls, files: Sequence[Path] = ()) -> Plugins:
        """What the installed packages and the given plugin files register.

        Raises:
            EvalkitError: Two of them register one name, or a plugin file cannot be loaded.
        """
        plugins = cls()
        for group, registry in plugins._groups().items():
            for point in entry_points(group=group):
                registry.add(_entry(point))
        for path in files:
            plugins._add_file(path)
        return plugins

    def _groups(self) -> dict[str, Registry[Any]]:
        return {ENCODERS: self.encoders, TASKS: self.task_types, COLLECTIONS: self.collections}

    def add_encoder(self, name: str, factory: EncoderFactory, *, origin: str = "this program") -> None:
        """Register an encoder family; its specs are ``name:argument?key=value``."""
        self.encoders.add(Entry(name, origin, lambda: factory, repr(factory)))

    def add_task_type(self, name: str, task_type: TaskType, *, origin: str = "this program") -> None:
        """Register a task type; folders whose `task.toml` says ``type = name`` use it."""
        self.task_types.add(Entry(name, origin, lambda: task_type, repr(task_type)))

    def add_collection(self, name: str, collection: Collection, *, origin: str = "this program") -> None:
        """Register a collection of tasks and suites."""
        self.collections.add(Entry(name, origin, lambda: collection, repr(collection)))

    def _add_file(self, path: Path) -> None:
        register = getattr(_load_file(path), "register", None)
        if not callable(register):
            raise EvalkitError(
                f"{path} has no function register(plugins).", hint="See docs/write-a-task.md for a plugin file."
            )
        with foreign(f"register() of the plugin {path} failed", hint="Mend the file."):
            register(self)

    # -- encoders ------------------------------------------------------------------------------------------------

    def load_encoder(self, text: str) -> Scorer:
        """The encoder that a spec names.

        Raises:
            EvalkitError: The spec is malformed, its scheme unknown, or the encoder cannot be loaded.
        """
        spec = parse_spec(text)
        return self.encoders.get(spec.scheme)(spec.argument, spec.options)

    def check_spec(self, text: str) -> None:
        """Refuse a spec that is malformed or whose family is unknown, before anything is loaded.

        Raises:
            EvalkitError: It is.
        """
        scheme = parse_spec(text).scheme
        if scheme not in self.encoders:
            raise unknown(
                "encoder", scheme, (entry.name for entry in self.encoders.entries()), where=self.encoders.listing
            )

    # -- tasks ---------------------------------------------------------------------------------------------------

    def task_folders(self, data: Sequence[Path] = ()) -> dict[str, Path | Collection]:
        """Every task by name: where it lies, or the collection that can make its folder. `data` wins over built-ins."""
        known: dict[str, Path | Collection] = {}
        for collection in self._usable_collections():
            for name in collection.names():
                if name in known:
                    raise EvalkitError(f"Two collections bring the task {name!r}.", hint="Uninstall one of them.")
                known[name] = collection
        known.update(find_folders(data))
        return known

    def suites(self) -> dict[str, tuple[str, ...]]:
        """Task names of every suite."""
        suites: dict[str, tuple[str, ...]] = {}
        for collection in self._usable_collections():
            for name, tasks in collection.suites().items():
                if name in suites:
                    raise EvalkitError(f"Two collections bring the suite {name!r}.", hint="Uninstall one of them.")
                suites[name] = tuple(tasks)
        return suites

    def _usable_collections(self) -> list[Collection]:
        """Those that can be loaded; nobody asked for a broken one by name, and `evalkit list plugins` shows it."""
        usable = []
        for entry in self.collections.entries():
            with suppress(EvalkitError):
                usable.append(self.collections.get(entry.name))
        return usable

    def suite(self, name: str) -> tuple[str, ...]:
        """Task names of a suite.

        Raises:
            EvalkitError: No such suite.
        """
        suites = self.suites()
        if name not in suites:
            raise unknown("suite", name, suites, where="evalkit list suites")
        return suites[name]

    def task_type(self, path: Path) -> str:
        """Name of the type of the task in a folder, whether or not a plugin knows it.

        Raises:
            DataError: The folder cannot be read.
        """
        return TaskFolder.open(path).spec.type

    def open_task(self, path: Path) -> Task:
        """The task in a folder.

        Raises:
            EvalkitError: The folder cannot be read, or no plugin knows its type.
        """
        folder = TaskFolder.open(path)
        return self.task_types.get(folder.spec.type)(folder)


def _entry(point: EntryPoint) -> Entry[Any]:
    dist = point.dist
    origin = f"{dist.name} {dist.version}" if dist is not None else point.value
    return Entry(point.name, origin, point.load, point.value)


def _load_file(path: Path) -> Any:
    """Import a file under a name of its own, without touching `sys.path`."""
    if not path.is_file():
        raise EvalkitError(f"{path} does not exist.", hint="Give --plugin a Python file.")
    name = f"evalkit_plugin_{sha256(str(path.resolve()).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise EvalkitError(f"{path} is no Python file.", hint="Give --plugin a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with foreign(f"The plugin {path} cannot be loaded", hint="Mend the file."):
            spec.loader.exec_module(module)
    except EvalkitError:
        del sys.modules[name]
        raise
    return module
