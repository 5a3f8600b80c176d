"""What a measurement shows on stderr while it runs: a bar on a terminal, one line a dimension elsewhere, or nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalkit.cli import console

if TYPE_CHECKING:
    from evalkit_tasks.stress.capacity.measure import Attempt, Capacity
    from evalkit_tasks.stress.capacity.record import Log


def display(log: Log, *, searches: int, quiet: bool) -> Silent:
    """The display that suits the terminal.

    Args:
        log: Is told of every attempt.
        searches: Dimensions times seeds.
        quiet: Whether to show nothing.
    """
    if quiet:
        return Silent(log)
    return Bar(log, searches) if console.err().is_terminal else Lines(log)


class Silent:
    """Shows nothing, and keeps every attempt."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def __enter__(self) -> Silent:
        return self

    def __exit__(self, *_: object) -> None:
        self._log.write()

    def starts(self, dimension: int, seed: int, n: int) -> None:
        """Nothing to show."""

    def made(self, attempt: Attempt) -> None:  # noqa: ARG002  The log holds what it is part of.
        """Keep it."""
        self._log.note()

    def searched(self, dimension: int, seed: int) -> None:
        """Nothing to show."""

    def found(self, capacity: Capacity) -> None:
        """Nothing to show."""


class Lines(Silent):
    """One plain line a dimension."""

    def found(self, capacity: Capacity) -> None:
        """Say what was found."""
        made = console.counted(capacity.attempts, "attempt")
        self._say(f"d = {capacity.dimension}: n = {capacity.largest}, {made}, {capacity.seconds:.1f} s")

    def _say(self, text: str) -> None:
        console.note(text)


class Bar(Lines):
    """A bar over all searches, with the attempt that is running."""

    def __init__(self, log: Log, searches: int) -> None:
        super().__init__(log)
        self._progress = _progress()
        self._task = self._progress.add_task("", total=searches)

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()
        super().__exit__(*exception)

    def starts(self, dimension: int, seed: int, n: int) -> None:
        """Name it."""
        self._progress.update(self._task, description=f"d = {dimension}, seed {seed}, n = {n}")

    def searched(self, dimension: int, seed: int) -> None:  # noqa: ARG002  One of them is through, whichever.
        """Move the bar."""
        self._progress.advance(self._task)

    def _say(self, text: str) -> None:
        self._progress.console.print(text)


def _progress() -> Any:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("searches"),
        TimeElapsedColumn(),
        console=console.err(),
        transient=True,
    )
