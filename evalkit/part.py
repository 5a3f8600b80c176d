"""Some cells of a task, as a task."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evalkit.fingerprint import digest_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.protocols import Cell, CellScores, Task, TaskInfo, Workbench


def part_of(task: Task, cells: Sequence[Cell], *, noted: bool) -> Task:
    """A task with some of its cells only; itself where those are all.

    Args:
        task: The task.
        cells: Some of its cells.
        noted: Whether results are to say that there are more.
    """
    return task if len(cells) == len(task.cells()) else Part(task, cells, noted=noted)


class Part:
    """A task of which only some cells are scored.

    Fingerprint and protocol name the cells, so that its result is never taken for that of the whole task.

    Args:
        whole: The task.
        cells: Those of its cells that are scored.
        noted: Whether its results say that there are more.
    """

    def __init__(self, whole: Task, cells: Sequence[Cell], *, noted: bool = True) -> None:
        self.whole = whole
        self._cells = tuple(cells)
        self._noted = noted

    def __getattr__(self, name: str) -> Any:
        """An ability that the whole may have or not."""
        if name == "whole":  # while it is being copied or unpickled there is none yet
            raise AttributeError(name)
        return getattr(self.whole, name)

    @property
    def info(self) -> TaskInfo:
        """What encoders may know: that of the whole, so that they give the same vectors."""
        return self.whole.info

    @property
    def main_score(self) -> str:
        """Name of the headline metric."""
        return self.whole.main_score

    @property
    def lexical(self) -> bool:
        """Whether a lexical scorer can be given it."""
        return self.whole.lexical

    @property
    def protocol(self) -> Mapping[str, Any]:
        """The parameters of the whole, and the cells."""
        return {**self.whole.protocol, "cells": [f"{cell.split}/{cell.subset}" for cell in self._cells]}

    @property
    def fingerprint(self) -> str:
        """Digest of the whole's and the cells."""
        cells = [[cell.split, cell.subset] for cell in self._cells]
        return digest_json({"whole": self.whole.fingerprint, "cells": cells})

    def cells(self) -> Sequence[Cell]:
        """Those that are scored."""
        return self._cells

    def evaluate(self, cell: Cell, bench: Workbench) -> CellScores:
        """Score one cell; the first says that there are more."""
        scores = self.whole.evaluate(cell, bench)
        if not self._noted or cell != self._cells[0]:
            return scores
        said = f"Only {len(self._cells)} of the task's {len(self.whole.cells())} cells were asked for."
        return replace(scores, warnings=(*scores.warnings, said))
