"""What a run shows while it runs, on stderr: bars on a terminal, one line a finished task elsewhere, or nothing."""

# ruff: noqa: ARG002 - a reporter is told more than any one display shows

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from evalkit.cli import console
from evalkit.reporter import Reporter

if TYPE_CHECKING:
    from pathlib import Path

    from evalkit.errors import EvalkitError
    from evalkit.plan import Unfit
    from evalkit.protocols import Cell
    from evalkit.schema import Result


def reporter(*, quiet: bool) -> Silent:
    """The reporter that suits the terminal."""
    if quiet:
        return Silent()
    return Bars() if console.err().is_terminal else Lines()


class Silent(Reporter):
    """Shows nothing; counts what is finished, for the sentence after Ctrl-C.

    Attributes:
        finished: Results finished or found.
        skipped: Fingerprint of the encoder and name of the task of the results that were found.
    """

    def __init__(self) -> None:
        self.finished = 0
        self.skipped: set[tuple[str, str]] = set()

    def __enter__(self) -> Silent:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def task_finished(self, result: Result, path: Path | None) -> None:
        """Count it."""
        self.finished += 1

    def task_skipped(self, result: Result) -> None:
        """Count it."""
        self.finished += 1
        self.skipped.add((result.encoder.fingerprint or "", result.task.name))


class Lines(Silent):
    """One plain line a task."""

    def __init__(self) -> None:
        super().__init__()
        self._place = 0
        self._total = 0
        self._tasks: list[str] = []

    def started(self, n_encoders: int, tasks: list[str]) -> None:
        """Note how much there is to do."""
        self._tasks = tasks
        self._total = n_encoders * len(tasks)

    def encoder_failed(self, spec: str, error: EvalkitError) -> None:
        """Its tasks are done with; the end of the run says why."""
        self._place += len(self._tasks)
        self._print(f"[{self._place}/{self._total}] {spec}: cannot be run")

    def task_finished(self, result: Result, path: Path | None) -> None:
        """Say what it scored."""
        super().task_finished(result, path)
        taken = "" if result.timing is None else f" in {result.timing.seconds:.1f} s"
        self.tell(result.encoder.name, result.task.name, f"{_headline(result)}{taken}")

    def task_skipped(self, result: Result) -> None:
        """Say what it scored before."""
        super().task_skipped(result)
        self.tell(result.encoder.name, result.task.name, f"{_headline(result)}, finished already")

    def task_unfit(self, encoder: str, unfit: Unfit) -> None:
        """Say why not."""
        self.tell(encoder, unfit.task, f"left out, {unfit.reason}")

    def task_failed(self, encoder: str, task: str, error: EvalkitError) -> None:
        """Say that it failed; the end of the run says why."""
        self.tell(encoder, task, "failed")

    def tell(self, encoder: str, task: str, what: str) -> None:
        """One line with its place in the run; a task that no encoder is given has none."""
        counts = task in self._tasks
        self._place += counts
        place = f"[{self._place}/{self._total}] " if counts else ""
        self._print(f"{place}{encoder} on {task}: {what}")

    def _print(self, text: str) -> None:
        console.note(text)


class Bars(Lines):
    """A bar for the task that is being scored: texts done, texts a second, time left."""

    def __init__(self) -> None:
        super().__init__()
        self._progress = _progress()
        self._task: Any = None
        self._name = ""
        self._cells = (0, 0)
        self._pace = _Pace()

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._hide()
        self._progress.stop()

    def encoder_loading(self, spec: str) -> None:
        """Loading takes seconds for some."""
        self._show(f"{spec}: loading")

    def encoder_ready(self, spec: str, name: str, *, identified: bool) -> None:
        """Loaded."""
        self._hide()

    def encoder_failed(self, spec: str, error: EvalkitError) -> None:
        """Not loaded; the end of the run says why."""
        self._hide()
        super().encoder_failed(spec, error)

    def task_started(self, encoder: str, task: str, n_cells: int) -> None:
        """A new bar, without length until the task says how many texts it has."""
        self._name, self._cells = f"{encoder} on {task}", (0, n_cells)
        self._pace = _Pace()
        self._show(self._name)

    def cell_started(self, encoder: str, task: str, cell: Cell) -> None:
        """Name the cell where there are several."""
        place, n_cells = self._cells[0] + 1, self._cells[1]
        self._cells = (place, n_cells)
        if n_cells > 1:
            self._progress.update(self._task, description=f"{self._name}, cell {place}/{n_cells}")

    def texts(self, done: int, expected: int, encoded: int) -> None:
        """Move the bar."""
        if self._task is not None:
            pace = self._pace.describe(done, expected, encoded)
            self._progress.update(self._task, completed=done, total=expected, pace=pace)

    def tell(self, encoder: str, task: str, what: str) -> None:
        """The finished task's line takes the bar's place."""
        self._hide()
        super().tell(encoder, task, what)

    def _show(self, text: str) -> None:
        self._hide()
        self._task = self._progress.add_task(text, total=None, pace="")

    def _hide(self) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None

    def _print(self, text: str) -> None:
        self._progress.console.print(text)


class _Pace:
    """How fast texts are encoded; those from the cache take no time and do not count."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._encoded = 0

    def describe(self, done: int, expected: int, encoded: int) -> str:
        """Texts done, texts a second and time left."""
        self._encoded += encoded
        if done >= expected:
            return f"{console.counted(expected, 'text')}, scoring"
        place = f"{done:,}/{expected:,} texts"
        elapsed = time.monotonic() - self._started
        if not self._encoded or not elapsed:
            return place
        rate = self._encoded / elapsed
        left = timedelta(seconds=round((expected - done) / rate))
        return f"{place}, {rate:,.{0 if rate >= 10 else 1}f} texts/s, {left} left"


def _headline(result: Result) -> str:
    return f"{result.main_score.metric} {console.number(result.main_score.value)}"


def _progress() -> Any:
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[pace]}", markup=False),
        TimeElapsedColumn(),
        console=console.err(),
        transient=True,
    )
