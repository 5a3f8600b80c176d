"""`evalkit diagnose`."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evalkit.cli import console
from evalkit.cli.diagnosed import Diagnosed
from evalkit.cli.options import BATCH_SIZE, BatchSize, Data, Json, PluginFiles, Quiet, Suite

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalkit.cli.progress import Silent
    from evalkit.diagnostics import VectorStream
    from evalkit.embedding import EmbeddingCache, EncoderBench
    from evalkit.protocols import Encoder, Task, TaskInfo
    from evalkit.types import Vectors

_CHUNK = 4096


def diagnose(
    encoder: Annotated[str, typer.Option("--encoder", "-m", metavar="SPEC", help="An encoder with vectors.")],
    task: Annotated[
        list[str] | None, typer.Option("--task", "-t", metavar="NAME", help="Its texts; a task or a glob, repeatable.")
    ] = None,
    texts: Annotated[Path | None, typer.Option(metavar="FILE", help="Texts instead, one a line.")] = None,
    pairs: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Pairs that mean the same, a tab between, for alignment.")
    ] = None,
    suite: Suite = None,
    data: Data = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.svg", help="Draw the spectrum.")] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the scales in the rescaling test.")] = 0,
    cache: Annotated[bool, typer.Option("--cache/--no-cache", help="Keep and use embeddings.")] = True,
    batch_size: BatchSize = BATCH_SIZE,
    plugin: PluginFiles = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Look at an encoder's vectors without labels: rank, isotropy, dimension, hubs.

    Every different text of a task, or line of a file, counts once; vectors come from the cache where it has them.
    """
    from evalkit.cli import diagnose_page
    from evalkit.cli.progress import reporter
    from evalkit.plugins import Plugins

    _check_sources(task, texts, pairs, suite, data)
    plugins = Plugins.installed(plugin or [])
    # Whatever an encoder prints must not get between the data on stdout.
    with reporter(quiet=quiet) as display, redirect_stdout(sys.stderr):
        scorer = _load(plugins, encoder, display)
        work = _Work(scorer, _cache() if cache else None, batch_size, seed, display)
        if texts is not None or pairs is not None:
            found = [_of_file(work, texts, pairs)]
        else:
            found = [work.of_task(each) for each in _tasks(plugins, task, suite, data)]
    if json:
        console.json_data(diagnose_page.as_json(scorer, found))
    else:
        diagnose_page.show(scorer, found)
    if plot is not None:
        from evalkit.cli.diagnose_plot import draw

        console.note(f"Wrote {draw(scorer.name, found, plot)}.")
    if not json:
        diagnose_page.warn(scorer, found)


COMMAND = diagnose


class _Work:
    """Diagnoses one encoder on whatever it is given."""

    def __init__(
        self, scorer: Encoder, cache: EmbeddingCache | None, batch_size: int, seed: int, display: Silent
    ) -> None:
        self._scorer = scorer
        self._cache = cache
        self._batch_size = batch_size
        self._seed = seed
        self._display = display

    def of_task(self, task: Task) -> Diagnosed:
        """The texts of a task, as it embeds them; it is scored on the way, since only it knows its texts."""
        from evalkit.errors import CellError, foreign
        from evalkit.plan import texts_of

        name = task.info.name
        stream, bench = self._bench(task.info, len(task.cells()))
        for cell in task.cells():
            self._display.cell_started(self._scorer.name, name, cell)
            bench.start_cell(texts_of(task, cell))
            with foreign(f"{name} failed with {self._scorer.name}", hint="Mend the task.", kind=CellError):
                task.evaluate(cell, bench)
        return self._diagnosed(name, stream, bench)

    def of_texts(self, name: str, texts: list[str], pairs: list[tuple[str, str]]) -> Diagnosed:
        """Given texts, and for the alignment given pairs of texts that mean the same."""
        from evalkit.protocols import TaskInfo
        from evalkit.types import Role

        stream, bench = self._bench(TaskInfo(name, "Diagnose"), 1)
        bench.start_cell(lambda: {Role.TEXT: texts})
        bench.expect(len(texts) + 2 * len(pairs))
        for start in range(0, len(texts), _CHUNK):
            bench.embed(texts[start : start + _CHUNK], role=Role.TEXT)
        if not pairs:
            return self._diagnosed(name, stream, bench)
        left, right = (bench.embed(list(side), role=Role.TEXT) for side in zip(*pairs, strict=True))
        return self._diagnosed(name, stream, bench, (left, right))

    def _bench(self, info: TaskInfo, n_cells: int) -> tuple[VectorStream, EncoderBench]:
        from evalkit.diagnostics import VectorStream
        from evalkit.embedding import EncoderBench

        self._display.task_started(self._scorer.name, info.name, n_cells)
        stream = VectorStream()
        bench = EncoderBench(
            self._scorer,
            info,
            cache=self._cache,
            batch_size=self._batch_size,
            on_progress=self._display.texts,
            on_vectors=stream.add,
        )
        return stream, bench

    def _diagnosed(
        self, name: str, stream: VectorStream, bench: EncoderBench, pairs: tuple[Vectors, Vectors] | None = None
    ) -> Diagnosed:
        from evalkit import diagnostics
        from evalkit.errors import EvalkitError
        from evalkit.repeats import available_workers

        for text in bench.notes:
            console.warning(text)
        try:
            return Diagnosed(
                name, diagnostics.diagnose(stream, pairs=pairs, seed=self._seed, workers=available_workers())
            )
        except EvalkitError as error:
            raise type(error)(f"{name}: {error.message}", hint=error.hint, exit_code=error.exit_code) from None


# -- what is asked for -------------------------------------------------------------------------------------------


def _check_sources(
    task: list[str] | None, texts: Path | None, pairs: Path | None, suite: str | None, data: list[Path] | None
) -> None:
    from evalkit.errors import EvalkitError

    files, tasks = texts is not None or pairs is not None, bool(task or suite or data)
    if files and tasks:
        raise EvalkitError("Texts of a file and of tasks are two diagnoses.", hint="Give --texts (--pairs), or tasks.")
    if not files and not tasks:
        raise EvalkitError("No texts were named.", hint="Use -t NAME, --suite quick, --data FOLDER or --texts FILE.")


def _load(plugins: Any, spec: str, display: Silent) -> Encoder:
    from evalkit.errors import EncoderError, EvalkitError, foreign
    from evalkit.protocols import Encoder

    display.encoder_loading(spec)
    with foreign(f"{spec} cannot be loaded", hint="Mend the encoder or its options.", kind=EncoderError):
        scorer = plugins.load_encoder(spec)
    if not isinstance(scorer, Encoder):
        raise EvalkitError(
            f"{scorer.name} has no vectors, so there is nothing to diagnose.",
            hint="Choose an encoder that has: `evalkit list encoders`.",
        )
    display.encoder_ready(spec, scorer.name, identified=scorer.fingerprint is not None)
    return scorer


def _cache() -> EmbeddingCache | None:
    from evalkit.embedding import EmbeddingCache
    from evalkit.errors import StoreError

    try:
        return EmbeddingCache()
    except StoreError as error:
        console.warning(f"{error} It goes on without a cache.")
        return None


def _tasks(plugins: Any, task: list[str] | None, suite: str | None, data: list[Path] | None) -> list[Task]:
    from evalkit.config import RunConfig
    from evalkit.plan import select_tasks

    selection = select_tasks(plugins, RunConfig(tasks=tuple(task or ()), suite=suite, data=tuple(data or ())))
    for unfit in selection.unfit:
        console.note(f"Left out {unfit.task}: {unfit.reason}.")
    for _, error in selection.broken:
        raise error
    return selection.tasks


def _of_file(work: _Work, texts: Path | None, pairs: Path | None) -> Diagnosed:
    """The lines of the files, those of the pairs too where no texts are given."""
    both = [] if pairs is None else [_pair(pairs, place, line) for place, line in _lines(pairs)]
    if texts is None:
        return work.of_texts(pairs.stem if pairs is not None else "", [], both)
    return work.of_texts(texts.stem, [line for _, line in _lines(texts)], both)


def _pair(path: Path, place: int, line: str) -> tuple[str, str]:
    from evalkit.errors import DataError

    left, tab, right = line.partition("\t")
    if not tab or not left.strip() or not right.strip() or "\t" in right:
        raise DataError(f"{path}:{place}: no two texts with a tab between.", hint="Write two texts a line.")
    return left, right


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number and text of every line that is not blank."""
    from evalkit.errors import DataError

    try:
        content = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.", hint="Name a text file.") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no UTF-8 text: {error.reason}.", hint="Convert it to UTF-8.") from None
    for place, line in enumerate(content.split("\n"), start=1):
        if line.strip():
            yield place, line.removesuffix("\r")
