"""The pytest fixture `evalkit_check`. Every run of pytest imports this module: it may import nothing but pytest."""

from __future__ import annotations

import warnings
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from evalkit.errors import EvalkitError
    from evalkit_leaderboard.check.report import Report
    from evalkit_leaderboard.check.settings import Settings
    from evalkit_leaderboard.phrases import Table

_NAME = "evalkit check"


@dataclass(frozen=True)
class Gate:
    """Checks a candidate and fails the test unless it passes.

    Attributes:
        root: From where relative paths count, those in the spec of an encoder too, and the configuration is read.
        folders: Makes temporary folders.
    """

    root: Path
    folders: pytest.TempPathFactory

    def __call__(
        self,
        baseline: str | Path,
        candidate: str | Path | None = None,
        *,
        encoder: Any = None,
        data: str | Path | Iterable[str | Path] = (),
        **settings: Any,
    ) -> Report:
        """Check results, or run an encoder on the baseline's tasks and check that.

        Args:
            baseline: A results folder, one encoder's folder, a single file, or the name of a saved baseline.
            candidate: A results folder, one encoder's folder, or a single file.
            encoder: Instead of it a spec, such as ``st:./model``, or whatever else `evalkit.evaluate` takes.
            data: Folder of task folders, or several.
            **settings: Attributes of `Settings`, such as `margin`; they win over the configuration.

        Returns:
            The report of a check that passed, or that is inconclusive where that only warns; then, and for everything
            that the report warns of, pytest shows a warning.
        """
        __tracebackhide__ = True
        from evalkit.errors import EvalkitError

        folders = [Path(each) for each in ([data] if isinstance(data, str | Path) else data)]
        try:
            with chdir(self.root):
                report, failures = self._checked(baseline, candidate, encoder, folders, settings)
            refused = _page(report, failures) if report.exit_code else ""
        except EvalkitError as error:
            refused = _refusal(error)
        if refused:  # not in the handler, which would add the error's own lines
            pytest.fail(refused, pytrace=False)
        for said in _warnings(report):
            warnings.warn(pytest.PytestWarning(f"{_NAME}: {said}"), stacklevel=2)
        return report

    def _checked(
        self,
        baseline: str | Path,
        candidate: str | Path | None,
        encoder: Any,
        data: Sequence[Path],
        settings: Mapping[str, Any],
    ) -> tuple[Report, Sequence[str]]:
        """The report, and sentences of what the encoder failed at."""
        from evalkit.errors import EvalkitError
        from evalkit_leaderboard.check.gate import check
        from evalkit_leaderboard.check.history import history

        if (candidate is None) == (encoder is None):
            raise EvalkitError("Give a candidate or an encoder.", hint="One of the two, not both.")
        asked = _settings(settings)
        failures: Sequence[str] = ()
        if candidate is None:
            candidate, failures = self._run(encoder, baseline, data, asked)
        # Tests run over and over on the same results: without planned looks a warning each time would be noise.
        remembered = history() if asked.looks > 1 else None
        return check(baseline, candidate, asked, data=data, history=remembered), failures

    def _run(
        self, encoder: Any, baseline: str | Path, data: Sequence[Path], settings: Settings
    ) -> tuple[Path, Sequence[str]]:
        """Run an encoder on the tasks of the baseline: the folder of its results, and what failed."""
        import evalkit
        from evalkit_leaderboard.check.baseline import find_baseline
        from evalkit_leaderboard.check.pairing import read_side
        from evalkit_leaderboard.frame import select

        kept = select(read_side(find_baseline(str(baseline))), tasks=settings.tasks, encoders=settings.encoders)
        tasks = sorted({result.task.name for _, result in kept})
        output = self.folders.mktemp("evalkit-candidate")
        return output, evalkit.evaluate(encoder, tasks, data=data, output=output).failures


# -- settings ----------------------------------------------------------------------------------------------------


def _settings(given: Mapping[str, Any]) -> Settings:
    """The keywords of a call above the configuration."""
    from evalkit_leaderboard.check.config import configured, settings_of

    values = {name: _value(name, value) for name, value in given.items() if value is not None}
    margins = [f"{name}={margin}" for name, margin in values.pop("margins", {}).items()]
    margins += [str(values.pop("margin"))] if "margin" in values else []
    return settings_of(configured(), margins=margins, **values)


def _value(name: str, value: Any) -> Any:
    """The value of a keyword, as `Settings` takes it."""
    from evalkit.errors import EvalkitError, unknown

    readers = _readers()
    if name not in readers:
        raise unknown("keyword", name, readers, where="evalkit check --help")
    read, expected = readers[name]
    try:
        return read(value)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise EvalkitError(f"The keyword {name} must be {expected}, not {value!r}.") from None


def _readers() -> dict[str, tuple[Callable[[Any], Any], str]]:
    """How each keyword is read, and what it must be."""
    from operator import index

    from evalkit_leaderboard.check.settings import Inconclusive, Spending

    number, whole, glob = (float, "a number"), (index, "a whole number"), (str, "a name or glob")
    return {
        "margin": number,
        "margins": (_margins, "a mapping from names to numbers"),
        "alpha": number,
        "power": number,
        "strict": ({True: True, False: False}.__getitem__, "True or False"),
        "inconclusive": (Inconclusive, " or ".join(Inconclusive)),
        "tasks": glob,
        "encoders": glob,
        "looks": whole,
        "look": whole,
        "spending": (Spending, " or ".join(Spending)),
    }


def _margins(given: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(margin) for name, margin in given.items()}


# -- words -------------------------------------------------------------------------------------------------------


def _refusal(error: EvalkitError) -> str:
    """What could not be checked at all, and whether that is a verdict."""
    from evalkit.errors import EXIT_INCOMPARABLE

    return f"{_NAME}: {'incomparable: ' if error.exit_code == EXIT_INCOMPARABLE else ''}{error}"


def _warnings(report: Report) -> Iterator[str]:
    """What is worth a warning in a check that does not fail."""
    from evalkit_leaderboard.check.page import outcome
    from evalkit_leaderboard.check.report import Verdict

    if report.verdict is not Verdict.PASS:
        yield outcome(report)
    yield from report.warnings


def _page(report: Report, failures: Sequence[str]) -> str:
    """What the command would have printed, with its warnings and what the encoder failed at."""
    from evalkit_leaderboard.check.page import page

    parts = [part if isinstance(part, str) else "\n".join(_rows(part)) for part in page(report)]
    return "\n".join([f"{_NAME}: {parts[0]}", *failures, *report.warnings, *parts[1:]])


def _rows(table: Table) -> Iterator[str]:
    """A table as lines: the first columns stand left, the others right."""
    rows = (table.headers, *table.rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (
            cell.ljust(width) if at < table.left else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()


@pytest.fixture(scope="session")
def evalkit_check(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Gate:
    """Fail the test unless a candidate is no worse than its baseline.

    Call it with two folders of results, or with one and encoder="st:./model", which is run on the baseline's tasks.
    Keywords are settings of the check, such as margin=0.01. Relative paths count from pytest's rootdir.
    """
    return Gate(pytestconfig.rootpath, tmp_path_factory)
