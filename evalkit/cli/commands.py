"""The commands by name, each loaded when it is asked for, so that none costs or breaks the others.

Built-in commands are named here; packages bring theirs as entry points of group ``evalkit.commands``: a function
with Typer's annotations, or a Typer application for a command with subcommands.
"""

from __future__ import annotations

from functools import cached_property, partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

import typer
import typer.main
from typer.core import TyperGroup

from evalkit._version import __version__
from evalkit.cli.guard import guarded
from evalkit.errors import EvalkitError
from evalkit.registry import Entry, Registry

if TYPE_CHECKING:
    from collections.abc import Callable

GROUP = "evalkit.commands"
_DISTRIBUTION = "evalkit-embeddings"
_BUILT_IN = ("run", "show", "diagnose", "list", "cache", "demo", "doctor")
_FIRST = ("demo", "run", "sweep", "leaderboard", "compare", "check", "power", "baseline")
_ORDER = (*_FIRST, "stress", "diagnose", "show", "list", "cache", "doctor")


def registry() -> Registry[Any]:
    """Every command: what is built in and what is installed.

    Raises:
        EvalkitError: Two packages bring a command of one name.
    """
    commands: Registry[Any] = Registry("command", "evalkit --help")
    origin = f"{_DISTRIBUTION} {__version__}"
    for name in _BUILT_IN:
        module = f"evalkit.cli.{name}"
        commands.add(Entry(name, origin, partial(_built_in, module), f"{module}:COMMAND"))
    for point in entry_points(group=GROUP):
        commands.add(Entry(point.name, _origin(point), point.load, point.value))
    return commands


def _built_in(module: str) -> Any:
    return import_module(module).COMMAND


def _origin(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else point.value


class CommandGroup(TyperGroup):
    """The commands as Typer's group, which loads each on demand and turns errors into sentences."""

    @cached_property
    def _registry(self) -> Registry[Any]:
        return registry()

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]  # noqa: ARG002
        """Names of all commands, the usual ones first."""
        names = [entry.name for entry in self._registry.entries()]
        return sorted(names, key=lambda name: (_ORDER.index(name) if name in _ORDER else len(_ORDER), name))

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]
        """The command, or None; an unknown name loads them all, for Typer to find the nearest."""
        if cmd_name in self._registry:
            if cmd_name not in self.commands:
                self.commands[cmd_name] = self._load(cmd_name)
            return self.commands[cmd_name]
        for name in self.list_commands(ctx):
            self.get_command(ctx, name)
        return None

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Run the command; see `evalkit.cli.guard`."""
        with guarded():
            return super().invoke(ctx)

    def format_help(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]
        """The help page, which has to know every command."""
        with guarded():
            super().format_help(ctx, formatter)

    def _load(self, name: str) -> Any:
        try:
            return as_command(name, self._registry.get(name))
        except EvalkitError as error:
            return as_command(name, _broken(error), takes_anything=True)


def as_command(name: str, target: Any, *, takes_anything: bool = False) -> Any:
    """A function or Typer application as a command object."""
    app = target
    if not isinstance(target, typer.Typer):
        settings = {"allow_extra_args": True, "ignore_unknown_options": True} if takes_anything else {}
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        app.command(name, context_settings={"help_option_names": ["-h", "--help"], **settings})(target)
    return typer.main.get_command(app)


def _broken(error: EvalkitError) -> Callable[[], None]:
    def command() -> None:
        raise error

    command.__doc__ = f"(cannot be loaded) {error.message}"
    return command
