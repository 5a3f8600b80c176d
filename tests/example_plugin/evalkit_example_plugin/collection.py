"""The tasks and suites that this package brings."""

from __future__ import annotations

from pathlib import Path

DATA = Path(__file__).parent / "data"


class Example:
    """A `evalkit.protocols.Collection`: one folder a task."""

    def names(self) -> list[str]:
        """Names of the tasks."""
        return sorted(path.parent.name for path in DATA.glob("*/task.toml"))

    def folder(self, name: str) -> Path:
        """The folder of a task."""
        return DATA / name

    def suites(self) -> dict[str, list[str]]:
        """Task names of each suite."""
        return {"odd": self.names()}


COLLECTION = Example()
