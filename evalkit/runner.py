"""The run: encoders by tasks by cells, each result stored as soon as it is finished."""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from evalkit.diagnostics import VectorStream, diagnose
from evalkit.embedding import EmbeddingCache, EncoderBench
from evalkit.environment import describe
from evalkit.errors import CellError, EncoderError, EvalkitError, StoreError, in_words
from evalkit.plan import encoder_record, finished, texts_of, unfit
from evalkit.protocols import Encoder
from evalkit.repeats import available_workers
from evalkit.reporter import Reporter
from evalkit.schema import CellRecord, FinishedCell, FinishedCells, MainScore, Result, TaskRecord, Timing, mean_of_cells

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evalkit.config import RunConfig
    from evalkit.plan import Unfit
    from evalkit.protocols import Cell, CellScores, Scorer, Task
    from evalkit.schema import EncoderRecord
    from evalkit.store import ResultStore


ANY_ENCODER = "any encoder"
"""Stands for the encoder where a task cannot be run at all."""


@dataclass(frozen=True)
class Failure:
    """One encoder on one task (or on none: it could not be loaded) that gave no result."""

    encoder: str
    task: str | None
    error: EvalkitError


@dataclass
class Outcome:
    """Everything that came of a run.

    Attributes:
        results: New and found results, in order.
        skipped: How many of them were found finished.
        failures: What went wrong.
        unfit: Encoder and task that do not go together.
        encoded: Texts encoded in this run.
        cached: Texts whose vectors came from the cache.
    """

    results: list[Result] = field(default_factory=list)
    skipped: int = 0
    failures: list[Failure] = field(default_factory=list)
    unfit: list[tuple[str, Unfit]] = field(default_factory=list)
    encoded: int = 0
    cached: int = 0

    @property
    def exit_code(self) -> int:
        """0, or the largest exit code of the failures."""
        return max((failure.error.exit_code for failure in self.failures), default=0)


class Runner:
    """Runs encoders on tasks.

    Args:
        config: What was asked for; encoders and tasks are given to `run` already opened.
        store: Where results are kept; None keeps none.
        reporter: Told of every step.
    """

    def __init__(self, config: RunConfig, store: ResultStore | None, reporter: Reporter | None = None) -> None:
        self.config = config
        self.store = store
        self.reporter = reporter or Reporter()
        self.outcome = Outcome()
        self._workers = config.workers or available_workers()
        self.notes: tuple[str, ...] = ()
        self._unidentified: set[str] = set()
        self._cache = self._open_cache() if config.cache else None

    def run(self, scorer: Scorer, spec: str, tasks: Sequence[Task]) -> None:
        """Score one encoder on tasks; failures are kept in the outcome and the next task goes on."""
        if scorer.fingerprint is None and scorer.name in self._unidentified:
            self.fail(spec, None, _namesake(scorer.name))
            return
        self._unidentified |= {scorer.name} if scorer.fingerprint is None else set()
        for task in tasks:
            try:
                self._run_task(scorer, spec, task)
            except EvalkitError as error:
                self.fail(scorer.name, task.info.name, error)

    def fail(self, encoder: str, task: str | None, error: EvalkitError) -> None:
        """Note a failure and go on."""
        self.outcome.failures.append(Failure(encoder, task, error))
        if task is None:
            self.reporter.encoder_failed(encoder, error)
        else:
            self.reporter.task_failed(encoder, task, error)

    def leave_out(self, encoder: str, reason: Unfit) -> None:
        """Note a task that cannot be given to an encoder; that is no failure."""
        self.outcome.unfit.append((encoder, reason))
        self.reporter.task_unfit(encoder, reason)

    def _open_cache(self) -> EmbeddingCache | None:
        """The cache; a run without one is slower and as right, so a broken one is no failure."""
        try:
            return EmbeddingCache()
        except StoreError as error:
            self.notes = (f"{error} The run went on without a cache.",)
            return None

    def _run_task(self, scorer: Scorer, spec: str, task: Task) -> None:
        reason = unfit(scorer, task)
        if reason is not None:
            self.leave_out(scorer.name, reason)
            return
        encoder = encoder_record(scorer, spec)
        found = finished(self.store, encoder, task, force=self.config.force)
        lacks = self.config.diagnose and isinstance(scorer, Encoder) and (found is None or found.diagnostics is None)
        if found is not None and not lacks:
            self.outcome.skipped += 1
            self.outcome.results.append(found)
            self.reporter.task_skipped(found)
            return
        self.reporter.task_started(scorer.name, task.info.name, len(task.cells()))
        run = _TaskRun(self, scorer, encoder, task, VectorStream() if lacks else None)
        result = run.result() if found is None else run.diagnosed(found)
        path = self.store.write(result) if self.store is not None else None
        self.outcome.results.append(result)
        self.reporter.task_finished(result, path)


class _TaskRun:
    """One encoder on one task; with a stream for its vectors, where these are to be diagnosed."""

    def __init__(
        self, runner: Runner, scorer: Scorer, encoder: EncoderRecord, task: Task, stream: VectorStream | None
    ) -> None:
        self.runner = runner
        self.encoder = encoder
        self.task = task
        self.stream = stream
        self.started = datetime.now(UTC)
        self.clock = time.perf_counter()
        self.finished: dict[tuple[str, str], FinishedCell] = {}
        self.bench = EncoderBench(
            scorer,
            task.info,
            cache=runner._cache,
            batch_size=runner.config.batch_size,
            workers=runner._workers,
            on_progress=runner.reporter.texts,
            on_vectors=None if stream is None else stream.add,
        )

    def result(self) -> Result:
        """Score every cell; the finished ones are kept even when another fails.

        Raises:
            EvalkitError: A cell failed; the first error, after all other cells had their turn.
        """
        self.finished = {(each.cell.split, each.cell.subset): each for each in self._kept()}
        errors: list[EvalkitError] = []
        for cell in self.task.cells():
            try:
                if (cell.split, cell.subset) not in self.finished:
                    self._score(cell)
            except EvalkitError as error:
                errors.append(_located(error, self.task, cell))
        if errors:
            raise _first(errors)
        record = self._record()
        return record if self.stream is None else self._with_diagnostics(record, self.stream)

    def diagnosed(self, found: Result) -> Result:
        """A finished result with diagnostics; the cells are gone through for their vectors, the scores stay.

        Raises:
            EvalkitError: A cell failed.
        """
        for cell in self.task.cells():
            try:
                self._evaluated(cell)
            except EvalkitError as error:
                raise _located(error, self.task, cell) from error
        return found if self.stream is None else self._with_diagnostics(found, self.stream)

    def _with_diagnostics(self, result: Result, stream: VectorStream) -> Result:
        try:
            values = diagnose(stream, workers=self.bench.workers).values
        except EvalkitError as error:
            warnings = (*result.warnings, f"No diagnostics: {error.message}")
            return result.model_copy(update={"diagnostics": {}, "warnings": tuple(dict.fromkeys(warnings))})
        return result.model_copy(update={"diagnostics": values})

    @property
    def _keeps_cells(self) -> bool:
        return self.runner.store is not None and self.encoder.fingerprint is not None

    def _kept(self) -> tuple[FinishedCell, ...]:
        store = self.runner.store
        # What is kept of a cell does not hold the vectors that diagnostics need.
        if store is None or not self._keeps_cells or self.runner.config.force or self.stream is not None:
            return ()
        return store.read_cells(self.encoder, self.task.info.name, self.task.fingerprint)

    def _score(self, cell: Cell) -> None:
        self.finished[cell.split, cell.subset] = self._evaluated(cell)
        self._keep()

    def _evaluated(self, cell: Cell) -> FinishedCell:
        self.runner.reporter.cell_started(self.encoder.name, self.task.info.name, cell)
        self.bench.start_cell(texts_of(self.task, cell))
        before = replace(self.bench.tally)
        try:
            return self._cell(cell, self.task.evaluate(cell, self.bench))
        except EvalkitError:
            raise
        except Exception as error:
            raise CellError(
                f"{self.task.info.name} failed with {self.encoder.name}: {in_words(error)}.",
                hint="Mend the task or the encoder and run again; what is finished is kept.",
            ) from error
        finally:
            self.runner.outcome.encoded += self.bench.tally.encoded - before.encoded
            self.runner.outcome.cached += self.bench.tally.cached - before.cached

    def _cell(self, cell: Cell, scores: CellScores) -> FinishedCell:
        observed = scores.observations
        values = {**(observed.scores() if observed is not None else {}), **scores.extra}
        if self.task.main_score not in values:
            raise CellError(
                f"{self.task.info.name} has no metric {self.task.main_score!r}; it has {', '.join(values)}.",
                hint="Correct main_score in task.toml.",
                exit_code=2,
            )
        undefined = [name for name, value in values.items() if not math.isfinite(value)]
        reason = (f"undefined (constant or too few values): {', '.join(undefined)}.",) if undefined else ()
        record = CellRecord(
            split=cell.split,
            subset=cell.subset,
            languages=cell.languages,
            scores={name: (float(value) if math.isfinite(value) else None) for name, value in values.items()},
            repeats={name: tuple(map(float, each)) for name, each in scores.repeats.items() if _all_finite(each)},
            observations=observed.to_json() if observed is not None else None,
            data={name: float(value) for name, value in scores.data.items() if math.isfinite(value)},
            ties={name: (float(low), float(high)) for name, (low, high) in scores.ties.items()},
            cost={name: float(value) for name, value in {**self.bench.cost(), **scores.cost}.items()},
            fits=tuple(self.bench.fits()),
        )
        said = (*reason, *scores.warnings, *self.bench.zero_warnings(), *fit_warnings(record.fits))
        return FinishedCell(cell=record, warnings=tuple(f"{cell.split}/{cell.subset}: {text}" for text in said))

    def _keep(self) -> None:
        """Store the finished cells of a task that has more to come, so that a killed run need not repeat them."""
        store = self.runner.store
        if store is None or not self._keeps_cells or len(self.finished) >= len(self.task.cells()):
            return
        kept = FinishedCells(
            task=self.task.fingerprint, encoder=self.encoder.fingerprint or "", cells=tuple(self.finished.values())
        )
        with contextlib.suppress(StoreError):  # the cell is scored all the same, and the result's own write will tell
            store.write_cells(self.encoder, self.task.info.name, kept)

    def _record(self) -> Result:
        tally, task = self.bench.tally, self.task
        finished = [self.finished[cell.split, cell.subset] for cell in task.cells()]
        cells = tuple(each.cell for each in finished)
        notes = self.runner.notes if self.encoder.fingerprint else (_UNIDENTIFIED,)
        said = [text for each in finished for text in each.warnings]
        return Result(
            task=TaskRecord(
                name=task.info.name,
                type=task.info.type,
                fingerprint=task.fingerprint,
                languages=task.info.languages,
                protocol=dict(task.protocol),
            ),
            encoder=self.encoder.model_copy(update={"dimension": self.bench.known_dimension()}),
            main_score=MainScore(metric=task.main_score, value=mean_of_cells(task.main_score, cells)),
            cells=cells,
            environment=describe(self.bench.scorer),
            timing=Timing(
                started=self.started.isoformat(timespec="seconds"),
                seconds=round(time.perf_counter() - self.clock, 3),
                encoding_seconds=round(tally.seconds, 3),
                texts_encoded=tally.encoded,
                texts_cached=tally.cached,
            ),
            warnings=tuple(dict.fromkeys([*notes, *said, *self.bench.notes, *getattr(self.bench.scorer, "notes", ())])),
        )


_UNIDENTIFIED = (
    "The encoder cannot say who it is (it has no fingerprint): nothing was cached, and it is run anew each time."
)


def fit_warnings(fits: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Which transforms have seen the very texts that they were scored on."""
    seen = dict.fromkeys(str(fit["transform"]) for fit in fits if fit.get("evaluated"))
    return (f"Fitted on the evaluated texts: {', '.join(seen)}.",) if seen else ()


def _namesake(name: str) -> EncoderError:
    return EncoderError(
        f"Two encoders without fingerprint are called {name!r}, so that their results cannot be told apart.",
        hint="Give each a name of its own (an attribute `name`, or ?name=... in a spec).",
    )


def _all_finite(values: Sequence[float]) -> bool:
    return all(map(math.isfinite, values))


def _first(errors: list[EvalkitError]) -> EvalkitError:
    """The first error, saying how many other cells failed."""
    first = errors[0]
    if len(errors) == 1:
        return first
    more = "One more cell" if len(errors) == 2 else f"{len(errors) - 1} more cells"
    code = max(error.exit_code for error in errors)
    return type(first)(f"{first.message} {more} failed too.", hint=first.hint, exit_code=code)


def _located(error: EvalkitError, task: Task, cell: Cell) -> EvalkitError:
    """The error, saying in which cell it happened where the task has several."""
    if len(task.cells()) == 1:
        return error
    return type(error)(f"{cell.split}/{cell.subset}: {error.message}", hint=error.hint, exit_code=error.exit_code)
