"""What is installed: encoders, task types, collections of tasks, commands.

Everything arrives through entry points, the built-ins included, or from a file named with `--plugin`.
"""

from __future__ import annotations

import importlib.util
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from evalkit.data import TaskFolder, find_folders
from evalkit.errors import EvalkitError, foreign, unknown
from evalkit.registry import Entry, Registry
from evalkit.spec import parse_spec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from evalkit.protocols import (
        Collection,
        CombinerFactory,
        EncoderFactory,
        Scorer,
        Task,
        TaskSource,
        TaskType,
        TransformFactory,
    )
    from evalkit.spec import Spec

T = TypeVar("T")
Steps: TypeAlias = "tuple[tuple[Spec, Any], ...]"
"""How each transform of a spec is written, and the transform."""

ENCODERS = "evalkit.encoders"
TRANSFORMS = "evalkit.transforms"
COMBINERS = "evalkit.combiners"
TASKS = "evalkit.tasks"
COLLECTIONS = "evalkit.collections"
SOURCES = "evalkit.sources"


@dataclass
class Plugins:
    """Everything that is registered.

    Attributes:
        encoders: Encoder families by scheme.
        transforms: Steps that can stand behind an encoder, by name.
        combiners: What makes one scorer of several, by scheme.
        task_types: Task types by name.
        collections: Packages of tasks and suites.
        sources: Catalogues of tasks that lie elsewhere, by scheme.
    """

    encoders: Registry[EncoderFactory] = field(default_factory=lambda: Registry("encoder", "evalkit list encoders"))
    transforms: Registry[TransformFactory] = field(
        default_factory=lambda: Registry("transform", "evalkit list transforms")
    )
    combiners: Registry[CombinerFactory] = field(default_factory=lambda: Registry("combiner", "evalkit list plugins"))
    task_types: Registry[TaskType] = field(default_factory=lambda: Registry("task type", "evalkit list plugins"))
    collections: Registry[Collection] = field(default_factory=lambda: Registry("collection", "evalkit list plugins"))
    sources: Registry[TaskSource] = field(default_factory=lambda: Registry("task source", "evalkit list plugins"))

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
        return {
            ENCODERS: self.encoders,
            TRANSFORMS: self.transforms,
            COMBINERS: self.combiners,
            TASKS: self.task_types,
            COLLECTIONS: self.collections,
            SOURCES: self.sources,
        }

    def add_encoder(self, name: str, factory: EncoderFactory, *, origin: str = "this program") -> None:
        """Register an encoder family; its specs are ``name:argument?key=value``."""
        self.encoders.add(Entry(name, origin, lambda: factory, repr(factory)))

    def add_transform(self, name: str, factory: TransformFactory, *, origin: str = "this program") -> None:
        """Register a transform; it stands behind an encoder as ``| name:argument?key=value``."""
        self.transforms.add(Entry(name, origin, lambda: factory, repr(factory)))

    def add_task_type(self, name: str, task_type: TaskType, *, origin: str = "this program") -> None:
        """Register a task type; folders whose `task.toml` says ``type = name`` use it."""
        self.task_types.add(Entry(name, origin, lambda: task_type, repr(task_type)))

    def add_collection(self, name: str, collection: Collection, *, origin: str = "this program") -> None:
        """Register a collection of tasks and suites."""
        self.collections.add(Entry(name, origin, lambda: collection, repr(collection)))

    def add_source(self, name: str, source: TaskSource, *, origin: str = "this program") -> None:
        """Register a catalogue of tasks; ``-t name:TASK`` takes one of it."""
        self.sources.add(Entry(name, origin, lambda: source, repr(source)))

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
        return self._loaded(parse_spec(text))

    def _loaded(self, spec: Spec) -> Scorer:
        steps = self._steps(spec)
        if spec.parts:
            parts = [self._loaded(part) for part in spec.parts]
            with _pointing(spec):
                scorer: Scorer = self.combiners.get(spec.scheme)(parts, spec.weights, spec.options)
        else:
            scorer = self._made(spec, self.encoders)
        return put_behind(scorer, steps)

    def load_steps(self, text: str) -> Steps:
        """The transforms of a spec without its encoder, for `put_behind`: what is wrong with them shows at once.

        Raises:
            EvalkitError: The spec is malformed, or a transform is unknown or wrongly given.
        """
        return self._steps(parse_spec(text))

    def _steps(self, spec: Spec) -> Steps:
        return tuple((step, self._made(step, self.transforms)) for step in spec.steps)

    def _made(self, spec: Spec, registry: Registry[Any]) -> Any:
        with _pointing(spec):
            return registry.get(spec.scheme)(spec.argument, spec.options)

    def check_spec(self, text: str) -> None:
        """Refuse a spec that is malformed or names what is unknown, before anything is loaded.

        Raises:
            EvalkitError: It is.
        """
        self._check(parse_spec(text))

    def _check(self, spec: Spec) -> None:
        _check_known(spec, self.combiners if spec.parts else self.encoders)
        for part in spec.parts:
            self._check(part)
        for step in spec.steps:
            _check_known(step, self.transforms)

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


def put_behind(scorer: Scorer, steps: Steps) -> Scorer:
    """An encoder with transforms of `Plugins.load_steps` behind it.

    Raises:
        EncoderError: The encoder has no vectors, or a transform cannot follow what stands before it.
    """
    from evalkit.adapters.transformed import behind

    for step, transform in steps:
        with _pointing(step):
            scorer = behind(scorer, transform, step.text)
    return scorer


@contextmanager
def _pointing(spec: Spec) -> Iterator[None]:
    """Let errors show which part of what was written they are about."""
    try:
        yield
    except EvalkitError as error:
        raise spec.pointed(error) from error.__cause__


def _check_known(spec: Spec, registry: Registry[Any]) -> None:
    if spec.scheme not in registry:
        known = [entry.name for entry in registry.entries()]
        raise spec.pointed(unknown(registry.kind, spec.scheme, known, where=registry.listing))


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
