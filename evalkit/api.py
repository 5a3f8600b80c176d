"""The Python API: evaluate, load_results, load_encoder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalkit.adapters import wrap
from evalkit.config import DEFAULT_BATCH_SIZE, RunConfig
from evalkit.errors import EncoderError, EvalkitError, in_words
from evalkit.observations import Observations
from evalkit.plan import Selection, check_tasks, check_unique, select_tasks
from evalkit.plugins import Plugins
from evalkit.runner import ANY_ENCODER, Outcome, Runner
from evalkit.store import ResultStore, load

if TYPE_CHECKING:
    from evalkit.protocols import Scorer, Task
    from evalkit.reporter import Reporter
    from evalkit.schema import Result


@dataclass(frozen=True)
class Results(Sequence["Result"]):
    """Results, as a sequence.

    Attributes:
        records: The results.
        failures: Sentences of what could not be scored or read.
    """

    records: tuple[Result, ...]
    failures: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: Any) -> Any:
        return self.records[index]

    def __iter__(self) -> Iterator[Result]:
        return iter(self.records)

    def scores(self) -> dict[str, dict[str, float | None]]:
        """Main score by encoder and task."""
        table: dict[str, dict[str, float | None]] = {}
        for result in self.records:
            table.setdefault(result.encoder.name, {})[result.task.name] = result.main_score.value
        return table

    def only(self, *, encoder: str | None = None, task: str | None = None) -> Results:
        """The results of one encoder, one task, or both."""
        kept = [r for r in self.records if encoder in {None, r.encoder.name} and task in {None, r.task.name}]
        return replace(self, records=tuple(kept))

    @staticmethod
    def observations(result: Result, split: str | None = None, subset: str | None = None) -> Observations:
        """The observations of a cell: the only one, or the one named.

        Raises:
            EvalkitError: No such cell, several, or one without observations, as imported results have.
        """
        cells = [c for c in result.cells if split in {None, c.split} and subset in {None, c.subset}]
        if len(cells) != 1:
            there = ", ".join(f"{cell.split}/{cell.subset}" for cell in result.cells)
            raise EvalkitError(f"{result.task.name} has the cells {there}.", hint="Name a split and a subset.")
        if cells[0].observations is None:
            raise EvalkitError(f"{result.task.name} was imported: it has no units.", hint="Run it to have them.")
        return Observations.from_json(cells[0].observations)


def load_encoder(spec: str) -> Scorer:
    """The encoder that a spec names, such as ``st:PATH`` or ``bm25``.

    Raises:
        EvalkitError: The spec is malformed, its scheme unknown, or the encoder cannot be loaded.
    """
    return Plugins.installed().load_encoder(spec)


def load_results(path: str | Path) -> Results:
    """Every result below a folder, or the one in a file.

    Raises:
        StoreError: The path does not exist.
    """
    loaded = load(Path(path))
    return Results(tuple(result for _, result in loaded.results), tuple(reason for _, reason in loaded.unreadable))


def evaluate(
    encoder: Any,
    tasks: str | Path | Task | Iterable[str | Path | Task] = (),
    *,
    suite: str | None = None,
    data: str | Path | Iterable[str | Path] = (),
    output: str | Path | None = None,
    cache: bool = True,
    force: bool = False,
    batch_size: int = DEFAULT_BATCH_SIZE,
    workers: int = 0,
    reporter: Reporter | None = None,
) -> Results:
    """Score an encoder, or several, on tasks.

    Args:
        encoder: A spec, an object with `encode`, a function from texts to an array, or a list of such.
        tasks: Names or globs, task folders, or task objects.
        suite: Name of a suite, such as ``quick``.
        data: Folder of task folders, or several.
        output: Where to write results, and to find finished ones; None writes none.
        cache: Keep and use embeddings.
        force: Score again what is finished already.
        batch_size: Texts in one forward pass.
        workers: Independent repeats side by side; 0 takes every core.
        reporter: Told of every step.

    Raises:
        EvalkitError: A name is unknown, or nothing at all could be scored. Otherwise what could not be scored is in
            `Results.failures`.
    """
    named, opened = _split_tasks(tasks)
    config = RunConfig(
        tasks=named,
        suite=suite,
        data=tuple(Path(folder) for folder in ([data] if isinstance(data, str | Path) else data)),
        output=Path(output) if output is not None else None,
        force=force,
        cache=cache,
        batch_size=batch_size,
        workers=workers,
    )
    plugins = Plugins.installed()
    chosen = [plugins.open_task(task) if isinstance(task, Path) else task for task in opened]
    selection = select_tasks(plugins, config) if named or suite or config.data or not chosen else Selection()
    selection.tasks += chosen
    given = list(encoder) if isinstance(encoder, list | tuple) else [encoder]
    outcome = run_all(config, plugins, given, selection, reporter)
    if outcome.failures and not outcome.results:
        raise outcome.failures[0].error
    failed = [f"{failure.encoder} on {failure.task}: {failure.error}" for failure in outcome.failures]
    return Results(tuple(outcome.results), tuple(failed))


def run_config(config: RunConfig, plugins: Plugins, reporter: Reporter | None = None) -> Outcome:
    """Carry out a run that the command line describes.

    Raises:
        EvalkitError: Something was named that is not there, or results cannot be written.
    """
    check_unique(config.encoders)
    selection = select_tasks(plugins, config)
    for spec in config.encoders:
        plugins.check_spec(spec)
    return run_all(config, plugins, list(config.encoders), selection, reporter)


def run_all(
    config: RunConfig, plugins: Plugins, encoders: Sequence[Any], selection: Selection, reporter: Reporter | None
) -> Outcome:
    """Run encoders, given as specs or objects, one after the other: only one is in memory at a time.

    Raises:
        EvalkitError: Two tasks have one name, the batch size is no size, or results cannot be written.
    """
    check_tasks(selection.tasks)
    if config.batch_size < 1:
        raise EvalkitError(f"A batch of {config.batch_size} texts is none.", hint="Give a batch size of at least 1.")
    store = ResultStore(config.output) if config.output is not None else None
    if store is not None:
        store.check_writable()
    runner = Runner(config, store, reporter)
    tasks = selection.tasks
    runner.reporter.started(len(encoders), [task.info.name for task in tasks])
    for reason in selection.unfit:
        runner.leave_out(ANY_ENCODER, reason)
    for name, error in selection.broken:
        runner.fail(ANY_ENCODER, name, error)
    for encoder in encoders:
        spec = encoder if isinstance(encoder, str) else type(encoder).__name__
        runner.reporter.encoder_loading(spec)
        try:
            scorer = _load(plugins, encoder)
        except EvalkitError as error:
            runner.fail(spec, None, error)
            continue
        runner.reporter.encoder_ready(spec, scorer.name, identified=scorer.fingerprint is not None)
        runner.run(scorer, spec, tasks)
    return runner.outcome


def _load(plugins: Plugins, encoder: Any) -> Scorer:
    try:
        return plugins.load_encoder(encoder) if isinstance(encoder, str) else wrap(encoder)
    except EvalkitError:
        raise
    except Exception as error:
        raise EncoderError(
            f"{encoder} cannot be loaded: {in_words(error)}.", hint="Mend the encoder or its options."
        ) from error


def _split_tasks(tasks: Any) -> tuple[tuple[str, ...], list[Path | Task]]:
    """Names, and folders or task objects, of what was given as one or as several."""
    single = isinstance(tasks, str | Path) or not isinstance(tasks, Iterable)
    given = [tasks] if single else list(tasks)
    return tuple(each for each in given if isinstance(each, str)), [each for each in given if not isinstance(each, str)]
