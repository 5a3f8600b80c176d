"""The Python API: evaluate, load_results, load_encoder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalkit.adapters import wrap
from evalkit.config import DEFAULT_BATCH_SIZE, RunConfig
from evalkit.data.spec import FILE_NAME
from evalkit.errors import EncoderError, EvalkitError, foreign
from evalkit.labels import encoder_labels
from evalkit.observations import Observations
from evalkit.plan import Selection, check_tasks, check_unique, choose_cells, probed, select_tasks
from evalkit.plugins import Plugins
from evalkit.runner import ANY_ENCODER, Outcome, Runner
from evalkit.spec import without_secrets
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
        left_out: Sentences of what an encoder cannot be given, which is no failure: BM25 has no vectors for STS.
    """

    records: tuple[Result, ...]
    failures: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Results({', '.join(map(repr, self.records)) or 'none'}; {len(self.failures)} failures)"

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: Any) -> Any:
        """A result, or for a slice the results in it."""
        return replace(self, records=self.records[index]) if isinstance(index, slice) else self.records[index]

    def __iter__(self) -> Iterator[Result]:
        return iter(self.records)

    def scores(self) -> dict[str, dict[str, float | None]]:
        """Main score by encoder and task; encoders that share a name are told apart by what differs in their specs."""
        table: dict[str, dict[str, float | None]] = {}
        for label, result in zip(self._labels(), self.records, strict=True):
            table.setdefault(label, {})[result.task.name] = result.main_score.value
        return table

    def only(self, *, encoder: str | None = None, task: str | None = None) -> Results:
        """The results of one encoder (by its name, or by its key in `scores`), of one task, or of both."""
        kept = [
            result
            for label, result in zip(self._labels(), self.records, strict=True)
            if encoder in {None, label, result.encoder.name} and task in {None, result.task.name}
        ]
        return replace(self, records=tuple(kept))

    def _labels(self) -> tuple[str, ...]:
        return encoder_labels([result.encoder for result in self.records])

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
    splits: str | Iterable[str] = (),
    subsets: str | Iterable[str] = (),
    output: str | Path | None = None,
    cache: bool = True,
    force: bool = False,
    diagnose: bool = False,
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
        splits: A split to score, or several; all where none is named.
        subsets: A subset to score, or several; likewise.
        output: Where to write results, and to find finished ones; None writes none.
        cache: Keep and use embeddings.
        force: Score again what is finished already.
        diagnose: Attach label-free diagnostics of the vectors, also to finished results.
        batch_size: Texts in one forward pass.
        workers: Independent repeats side by side; 0 takes every core.
        reporter: Told of every step.

    Raises:
        EvalkitError: A name is unknown, or nothing at all could be scored. Otherwise what could not be scored is in
            `Results.failures` and `Results.left_out`.
    """
    named, opened = _split_tasks(tasks)
    config = RunConfig(
        tasks=named,
        suite=suite,
        data=tuple(Path(folder) for folder in ([data] if isinstance(data, str | Path) else data)),
        splits=(splits,) if isinstance(splits, str) else tuple(splits),
        subsets=(subsets,) if isinstance(subsets, str) else tuple(subsets),
        output=Path(output) if output is not None else None,
        force=force,
        diagnose=diagnose,
        cache=cache,
        batch_size=batch_size,
        workers=workers,
    )
    plugins = Plugins.installed()
    chosen = [_opened(plugins, task) for task in opened]
    selection = select_tasks(plugins, config) if named or suite or config.data or not chosen else Selection()
    selection.tasks += chosen
    given = list(encoder) if isinstance(encoder, list | tuple) else [encoder]
    outcome = run_all(config, plugins, given, selection, reporter)
    return _results(outcome)


def _results(outcome: Outcome) -> Results:
    if outcome.failures and not outcome.results:
        raise outcome.failures[0].error
    failed = [_sentence(failure.encoder, failure.task, str(failure.error)) for failure in outcome.failures]
    left_out = [_sentence(encoder, unfit.task, f"{unfit.reason}.") for encoder, unfit in outcome.unfit]
    if left_out and not outcome.results:
        raise EvalkitError(f"Nothing could be scored. {left_out[0]}", hint="Choose another encoder or task.")
    return Results(tuple(outcome.results), tuple(failed), tuple(left_out))


def _sentence(encoder: str, task: str | None, said: str) -> str:
    return f"{encoder} on {task}: {said}" if task is not None else f"{encoder}: {said}"


def _opened(plugins: Plugins, task: Path | Task) -> Task:
    if isinstance(task, Path):
        return probed(task.name, lambda: plugins.open_task(task))
    return probed(type(task).__name__, lambda: task)


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
        EvalkitError: Two tasks have one name, none has a split or subset that is asked for, the batch size is no size,
            or results cannot be written.
    """
    runner = begin(config, selection, len(encoders), reporter)
    for encoder in encoders:
        spec = without_secrets(encoder) if isinstance(encoder, str) else type(encoder).__name__
        run_one(runner, spec, partial(load_scorer, plugins, encoder), selection.tasks)
    return runner.outcome


def begin(config: RunConfig, selection: Selection, n_encoders: int, reporter: Reporter | None) -> Runner:
    """A run with everything checked and told but for its encoders, which `run_one` gives it.

    Raises:
        EvalkitError: As `run_all`.
    """
    check_tasks(selection.tasks)
    choose_cells(selection, config)
    if config.batch_size < 1:
        raise EvalkitError(f"A batch of {config.batch_size} texts is none.", hint="Give a batch size of at least 1.")
    store = ResultStore(config.output) if config.output is not None else None
    if store is not None:
        store.check_writable()
    runner = Runner(config, store, reporter)
    runner.reporter.started(n_encoders, [task.info.name for task in selection.tasks])
    for reason in selection.unfit:
        runner.leave_out(ANY_ENCODER, reason)
    for name, error in selection.broken:
        runner.fail(ANY_ENCODER, name, error)
    return runner


def run_one(runner: Runner, spec: str, load: Callable[[], Scorer], tasks: Sequence[Task]) -> None:
    """Load an encoder and score it; it is in memory no longer than that. Failures are kept in the runner's outcome."""
    runner.reporter.encoder_loading(spec)
    try:
        scorer = load()
    except EvalkitError as error:
        runner.fail(spec, None, error)
        return
    runner.reporter.encoder_ready(spec, scorer.name, identified=scorer.fingerprint is not None)
    runner.run(scorer, spec, tasks)


def load_scorer(plugins: Plugins, encoder: Any) -> Scorer:
    """The encoder that a spec names, or an object as one; what a run cannot do without is checked.

    Raises:
        EvalkitError: It cannot be loaded, or its name or fingerprint are none.
    """
    shown = without_secrets(str(encoder))
    with foreign(f"{shown} cannot be loaded", hint="Mend the encoder or its options.", kind=EncoderError):
        scorer = plugins.load_encoder(encoder) if isinstance(encoder, str) else wrap(encoder)
        name, fingerprint = scorer.name, scorer.fingerprint
    if not isinstance(name, str) or not name or not isinstance(fingerprint, str | None):
        raise EncoderError(
            f"{shown} has the name {name!r} and the fingerprint {fingerprint!r}.",
            hint="A name is a string; a fingerprint is a string of hex digits, or None.",
        )
    return scorer


def _split_tasks(tasks: Any) -> tuple[tuple[str, ...], list[Path | Task]]:
    """Names, and folders or task objects, of what was given as one or as several; a string may name a folder."""
    single = isinstance(tasks, str | Path) or not isinstance(tasks, Iterable)
    given = [Path(task) if _is_folder(task) else task for task in ([tasks] if single else tasks)]
    return tuple(each for each in given if isinstance(each, str)), [each for each in given if not isinstance(each, str)]


def _is_folder(task: Any) -> bool:
    return isinstance(task, str) and (Path(task) / FILE_NAME).is_file()
