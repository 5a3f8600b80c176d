"""A task that is put together of others: splits with a corpus each, or mteb's aggregates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalkit.fingerprint import digest_json
from evalkit.types import Form

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.protocols import Cell, CellScores, Task, TaskInfo, Workbench
    from evalkit.types import Role


@dataclass(frozen=True)
class Part:
    """A cell of the whole.

    Attributes:
        shown: The cell, as results have it.
        task: The task that scores it.
        cell: What it is there.
    """

    shown: Cell
    task: Task
    cell: Cell


class PartedTask:
    """A `evalkit.protocols.Task` whose cells are those of other tasks.

    Args:
        info: What encoders may know.
        parts: Its cells.
    """

    def __init__(self, info: TaskInfo, parts: Sequence[Part]) -> None:
        self.info = info
        self._parts = {(part.shown.split, part.shown.subset): part for part in parts}
        self._tasks = list({id(part.task): part.task for part in parts}.values())
        self.main_score = self._tasks[0].main_score
        self.lexical = all(task.lexical for task in self._tasks)
        self.candidates = all(getattr(task, "candidates", False) for task in self._tasks)
        self.images = any(getattr(task, "images", False) for task in self._tasks)
        taken = [set(getattr(task, "forms", (Form.DENSE,))) for task in self._tasks]
        self.forms = tuple(form for form in Form if all(form in each for each in taken))

    @property
    def protocol(self) -> dict[str, Any]:
        """That of the parts where it is one, else all of them by name."""
        each = [dict(task.protocol) for task in self._tasks]
        if all(protocol == each[0] for protocol in each):
            return each[0]
        return {"parts": {task.info.name: task.protocol for task in self._tasks}}

    @property
    def fingerprint(self) -> str:
        """Digest of the parts' and of which cell is whose."""
        cells = [[*key, part.task.fingerprint, part.cell.split, part.cell.subset] for key, part in self._parts.items()]
        return digest_json({"parts": cells})

    def cells(self) -> Sequence[Cell]:
        """Those of the parts."""
        return [part.shown for part in self._parts.values()]

    def texts(self, cell: Cell) -> Mapping[Role, Sequence[str]]:
        """The texts that a cell will embed."""
        part = self._parts[cell.split, cell.subset]
        found: Mapping[Role, Sequence[str]] = part.task.texts(part.cell)  # type: ignore[attr-defined]
        return found

    def evaluate(self, cell: Cell, bench: Workbench) -> CellScores:
        """Score one cell."""
        part = self._parts[cell.split, cell.subset]
        return part.task.evaluate(part.cell, bench)
