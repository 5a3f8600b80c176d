"""The built-in tasks and suites: ordinary task folders that ship in the package, or are generated on first use."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from evalkit.errors import unknown
from evalkit_tasks.stress.generated import GENERATED, generated_folder

_ROOT = Path(__file__).parent
DATA = _ROOT / "data"
SUITES = _ROOT / "suites"


class BuiltinCollection:
    """A `evalkit.protocols.Collection` of the folders in `data/`, the generated tasks and the suites in `suites/`."""

    def names(self) -> tuple[str, ...]:
        """Names of the tasks."""
        return tuple(sorted({*(path.parent.name for path in DATA.glob("*/task.toml")), *GENERATED}))

    def folder(self, name: str) -> Path:
        """The task's folder; a generated one is made first."""
        if name not in self.names():
            raise unknown("task", name, self.names(), where="evalkit list tasks")
        return generated_folder(name) if name in GENERATED else DATA / name

    @cache  # noqa: B019 - one collection a process
    def types(self) -> dict[str, str]:
        """Type of each task, without making any."""
        from evalkit.data.spec import read_spec

        return {name: "Retrieval" if name in GENERATED else read_spec(DATA / name).type for name in self.names()}

    @cache  # noqa: B019 - one collection a process
    def suites(self) -> dict[str, tuple[str, ...]]:
        """Task names of each suite."""
        return {
            path.stem: tuple(tomllib.loads(path.read_text(encoding="utf-8"))["tasks"])
            for path in sorted(SUITES.glob("*.toml"))
        }


COLLECTION = BuiltinCollection()
