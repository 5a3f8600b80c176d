"""Names to things, looked up when they are asked for.

A registry knows the names at once and loads what stands behind one only on demand, so that listing a plugin costs
nothing and a broken one harms nobody who does not ask for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from evalkit.errors import EvalkitError, unknown

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


@dataclass(frozen=True)
class Entry(Generic[T]):
    """One registered name.

    Attributes:
        name: The name.
        origin: Who registered it: distribution and version, or a plugin file.
        load: Loads what it stands for; may raise anything.
        target: What is loaded, for people.
    """

    name: str
    origin: str
    load: Callable[[], T]
    target: str = ""


class Registry(Generic[T]):
    """The names of one kind.

    Args:
        kind: What the names stand for, such as ``encoder``.
        listing: The command that lists them, for errors.
    """

    def __init__(self, kind: str, listing: str) -> None:
        self.kind = kind
        self.listing = listing
        self._entries: dict[str, Entry[T]] = {}

    def add(self, entry: Entry[T]) -> None:
        """Register a name.

        Raises:
            EvalkitError: Another plugin has registered it already.
        """
        held = self._entries.get(entry.name)
        if held is not None:
            raise EvalkitError(
                f"Two plugins register the {self.kind} {entry.name!r}: {held.origin} and {entry.origin}.",
                hint="Uninstall one of them.",
            )
        self._entries[entry.name] = entry

    def entries(self) -> list[Entry[T]]:
        """All entries, by name."""
        return [self._entries[name] for name in sorted(self._entries)]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def get(self, name: str) -> T:
        """Load what a name stands for.

        Raises:
            EvalkitError: Nothing has that name, or its plugin cannot be loaded.
        """
        entry = self._entries.get(name)
        if entry is None:
            raise unknown(self.kind, name, self._entries, where=self.listing)
        try:
            return entry.load()
        except EvalkitError:
            raise
        except Exception as error:
            raise EvalkitError(
                f"The {self.kind} {name!r} of {entry.origin} cannot be loaded: {type(error).__name__}: {error}.",
                hint="Upgrade or uninstall that package.",
            ) from error
