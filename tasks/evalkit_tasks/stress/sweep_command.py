"""`evalkit stress sweep`. Cheap to import."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path  # noqa: TC003  Typer reads annotations at run time
from typing import TYPE_CHECKING, Annotated

import typer

from evalkit.cli import console
from evalkit.cli.guard import Interrupted
from evalkit.cli.options import BATCH_SIZE, BatchSize, Data, Json, PluginFiles, Quiet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.plugins import Plugins
    from evalkit.reporter import Reporter
    from evalkit_tasks.retrieval import RetrievalTask
    from evalkit_tasks.stress.sweep import Curve, Plan, Sweep

_DIMS = "8,16,32,64,128,256,512,1024,2048,4096"


def sweep(
    encoder: Annotated[
        list[str], typer.Option("--encoder", "-m", metavar="SPEC", help="An encoder, such as bm25; may be repeated.")
    ],
    dims: Annotated[
        str, typer.Option(metavar="D,D,...", help="Dimensions; each encoder's own is always there.")
    ] = _DIMS,
    task: Annotated[str, typer.Option("--task", "-t", metavar="NAME", help="A retrieval task.")] = "LimitSmall",
    data: Data = None,
    reduce: Annotated[
        str, typer.Option(metavar="truncate,pca", help="First dimensions, first principal components, or both.")
    ] = "truncate,pca",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE.json", help="Write all numbers here.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.svg", help="Draw the curves here.")] = None,
    cache: Annotated[bool, typer.Option("--cache/--no-cache", help="Keep and use embeddings.")] = True,
    batch_size: BatchSize = BATCH_SIZE,
    plugin: PluginFiles = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Score a retrieval task at many lengths of an encoder's vectors; every text is encoded once.

    What was encoded is in the embedding cache: the same command again goes on where it stopped.
    """
    from evalkit.plan import check_unique
    from evalkit.plugins import Plugins
    from evalkit_tasks.stress.opening import open_retrieval
    from evalkit_tasks.stress.sweep import assemble

    plan = _plan(dims, reduce)
    check_unique(encoder)
    plugins = Plugins.installed(plugin or [])
    for spec in encoder:
        plugins.check_spec(spec)
    opened = open_retrieval(plugins, task, data or [])
    if plot is not None:
        _check_drawing()
    curves = _curves(encoder, plugins, opened, plan, cache=cache, batch_size=batch_size, quiet=quiet)
    _show(assemble(opened, plan, curves), output, plot, json=json)


def _plan(dims: str, reduce: str) -> Plan:
    from evalkit.errors import EvalkitError, unknown
    from evalkit_tasks.stress.sweep import Plan, Reduction

    try:
        numbers = tuple(int(each) for each in dims.split(",") if each.strip())
    except ValueError:
        raise EvalkitError(f"--dims {dims} is no list of numbers.", hint="Give --dims 32,64,128.") from None
    names = [each.strip() for each in reduce.split(",") if each.strip()]
    for name in names:
        if name not in set(Reduction):
            raise unknown("reduction", name, list(Reduction), where="evalkit stress sweep --help")
    return Plan(numbers, tuple(Reduction(name) for name in names))


def _check_drawing() -> None:
    """Refuse a picture that cannot be drawn before an hour of encoding."""
    from evalkit.plots import style

    with style():
        pass


def _curves(
    specs: Sequence[str],
    plugins: Plugins,
    task: RetrievalTask,
    plan: Plan,
    *,
    cache: bool,
    batch_size: int,
    quiet: bool,
) -> list[Curve]:
    from evalkit.cli.progress import reporter

    display = reporter(quiet=quiet)
    try:
        # Whatever an encoder prints must not get between the data on stdout.
        with display, redirect_stdout(sys.stderr):
            return [_curve(spec, plugins, task, plan, display, cache=cache, batch_size=batch_size) for spec in specs]
    except KeyboardInterrupt:
        raise Interrupted("Interrupted; what was encoded is kept in the embedding cache.") from None


def _curve(
    spec: str, plugins: Plugins, task: RetrievalTask, plan: Plan, display: Reporter, *, cache: bool, batch_size: int
) -> Curve:
    from evalkit.embedding import EncoderBench
    from evalkit.repeats import available_workers
    from evalkit_tasks.stress.opening import load_encoder, open_cache
    from evalkit_tasks.stress.sweep import sweep_encoder

    display.encoder_loading(spec)
    scorer = load_encoder(plugins, spec)
    display.encoder_ready(spec, scorer.name, identified=scorer.fingerprint is not None)
    display.task_started(scorer.name, task.info.name, len(task.cells()))
    kept, said = open_cache() if cache else (None, "")
    if said:
        console.warning(said)
    bench = EncoderBench(
        scorer,
        task.info,
        cache=kept,
        batch_size=batch_size,
        workers=available_workers(),
        on_progress=display.texts,
    )
    return sweep_encoder(spec, task, plan, bench)


def _show(sweep: Sweep, output: Path | None, plot: Path | None, *, json: bool) -> None:
    from evalkit.store import write_atomic
    from evalkit_tasks.stress.sweep import page

    if output is not None:
        write_atomic(output, sweep.model_dump_json(indent=2) + "\n")
    if plot is not None:
        from evalkit_tasks.stress.sweep.plot import draw

        draw(sweep, plot)
    if json:
        console.json_data(sweep.model_dump(mode="json"))
    else:
        _print(sweep)
    for text in page.warnings(sweep):
        console.warning(text)
    for path in (output, plot):
        if path is not None and not json:
            console.line(f"Written {path}.")


def _print(sweep: Sweep) -> None:
    from evalkit_tasks.stress.sweep import page

    console.table(page.headers(sweep), page.rows(sweep), left=2)
    console.line()
    if sweep.published:
        console.table(page.published_headers(sweep), page.published_rows(sweep))
        console.line()
    for note in page.notes(sweep):
        console.line(note)
