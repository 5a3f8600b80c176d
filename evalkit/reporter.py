"""What a run tells while it runs. The engine calls, the command line shows; the engine itself never prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from evalkit.errors import EvalkitError
    from evalkit.plan import Unfit
    from evalkit.protocols import Cell
    from evalkit.schema import Result


class Reporter:
    """Receives the events of a run; every method may be overridden, and none needs to be."""

    def started(self, n_encoders: int, tasks: list[str]) -> None:
        """The run begins."""

    def encoder_loading(self, spec: str) -> None:
        """An encoder is about to be loaded."""

    def encoder_ready(self, spec: str, name: str, *, identified: bool) -> None:
        """An encoder is loaded; without identity it is never cached."""

    def encoder_failed(self, spec: str, error: EvalkitError) -> None:
        """An encoder cannot be loaded; its tasks are not run."""

    def task_started(self, encoder: str, task: str, n_cells: int) -> None:
        """A task begins."""

    def cell_started(self, encoder: str, task: str, cell: Cell) -> None:
        """A cell of the task begins."""

    def texts(self, done: int, expected: int, encoded: int) -> None:
        """Progress within the cell: texts with vectors, texts expected, texts encoded in this step."""

    def task_finished(self, result: Result, path: Path | None) -> None:
        """A task has its result, written where a path is given."""

    def task_skipped(self, result: Result) -> None:
        """A finished result was found and kept."""

    def task_unfit(self, encoder: str, unfit: Unfit) -> None:
        """The encoder cannot be given the task."""

    def task_failed(self, encoder: str, task: str, error: EvalkitError) -> None:
        """The task, or a cell of it, could not be scored."""
