"""`evalkit run`."""

from __future__ import annotations

import sys
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evalkit.cli import console
from evalkit.cli.guard import Interrupted
from evalkit.cli.options import (
    BATCH_SIZE,
    BatchSize,
    Data,
    Force,
    Json,
    Output,
    PluginFiles,
    Quiet,
    Splits,
    Subsets,
    Suite,
    Tasks,
    Workers,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalkit.cli.progress import Silent
    from evalkit.config import RunConfig
    from evalkit.runner import Outcome


def run(
    encoder: Annotated[
        list[str], typer.Option("--encoder", "-m", metavar="SPEC", help="An encoder, such as bm25; may be repeated.")
    ],
    task: Tasks = None,
    suite: Suite = None,
    data: Data = None,
    split: Splits = None,
    subset: Subsets = None,
    output: Output = Path("results"),
    force: Force = False,
    cache: Annotated[bool, typer.Option("--cache/--no-cache", help="Keep and use embeddings.")] = True,
    batch_size: BatchSize = BATCH_SIZE,
    workers: Workers = 0,
    diagnose: Annotated[
        bool, typer.Option("--diagnose", help="Add label-free diagnostics, also to results that are finished.")
    ] = False,
    plugin: PluginFiles = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Score encoders on tasks; one result file for each pair.

    What is finished already is kept: the same command again goes on where it stopped. Without --task and --suite
    it takes every task of --data.
    """
    from evalkit.config import RunConfig

    config = RunConfig(
        encoders=tuple(encoder),
        tasks=tuple(task or ()),
        suite=suite,
        data=tuple(data or ()),
        splits=tuple(split or ()),
        subsets=tuple(subset or ()),
        output=output,
        force=force,
        cache=cache,
        batch_size=batch_size,
        workers=workers,
        diagnose=diagnose,
    )
    outcome, skipped = execute(config, plugin or [], quiet=quiet)
    refuse_nothing(outcome)
    if json:
        console.json_data(_as_json(outcome, output, skipped))
    elif outcome.results:
        _print_scores(outcome)
        console.line()
        console.line(summary(outcome))
        console.line(f"Results are in {output}.")
    complain(outcome)
    if diagnose:
        _tell_without_vectors(outcome)
    raise typer.Exit(outcome.exit_code)


COMMAND = run


def execute(config: RunConfig, plugins: list[Path], *, quiet: bool) -> tuple[Outcome, set[tuple[str, str]]]:
    """Carry out a run behind a progress display.

    Returns:
        What came of it, and the fingerprints (encoder, task) of the results that were finished already.

    Raises:
        EvalkitError: Something was named that is not there, or results cannot be written.
        Interrupted: Ctrl-C; says how much is kept.
    """
    from evalkit.cli.progress import reporter

    display = reporter(quiet=quiet)
    with watched(display, config.output):
        # The import itself takes a moment: Ctrl-C during it is one too.
        from evalkit.api import run_config
        from evalkit.plugins import Plugins

        return run_config(config, Plugins.installed(plugins), display), display.skipped


@contextmanager
def watched(display: Silent, output: Path | None) -> Iterator[None]:
    """A run behind its display.

    Raises:
        Interrupted: Ctrl-C; says how much is kept.
    """
    try:
        # Whatever an encoder prints must not get between the data on stdout.
        with display, redirect_stdout(sys.stderr):
            yield
    except KeyboardInterrupt:
        kept = console.counted(display.finished, "finished result")
        verb = "is" if display.finished == 1 else "are"
        raise Interrupted(
            f"Interrupted; {kept} {verb} kept in {output}: run the same command again to go on."
        ) from None


def summary(outcome: Outcome) -> str:
    """What was encoded, what was not, in one sentence."""
    encoded = f"Encoded {console.counted(outcome.encoded, 'text')}" if outcome.encoded else "Encoded nothing"
    cached = f", {outcome.cached:,} from the cache" if outcome.encoded or outcome.cached else ""
    were = "was" if outcome.skipped == 1 else "were"
    done = f"; {console.counted(outcome.skipped, 'result')} {were} finished already" if outcome.skipped else ""
    return f"{encoded}{cached}{done}."


def complain(outcome: Outcome) -> None:
    """Tell what was left out, warnings once each, and failures."""
    for reason, tasks in _grouped(((unfit.reason, unfit.task) for _, unfit in outcome.unfit), most=100).items():
        console.note(f"Left out {tasks}: {reason}.")
    pairs = ((text, f"{r.encoder.name} on {r.task.name}") for r in outcome.results for text in r.warnings)
    for text, where in _grouped(pairs).items():
        console.warning(f"{where}: {text}")
    for failure in outcome.failures:
        where = f"{failure.encoder} on {failure.task}" if failure.task else failure.encoder
        console.error(failure.error, where=where)


def _grouped(pairs: Any, most: int = 3) -> dict[str, str]:
    """Each text once, with the places where it holds; beyond `most` places their number."""
    places: dict[str, list[str]] = {}
    for text, place in pairs:
        places.setdefault(text, []).append(place)
    return {text: _enumerated(list(dict.fromkeys(where)), most) for text, where in places.items()}


def _enumerated(names: list[str], most: int) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _tell_without_vectors(outcome: Outcome) -> None:
    without = ("lexical", "ranker")
    for name in dict.fromkeys(r.encoder.name for r in outcome.results if r.encoder.similarity in without):
        console.note(f"{name} has no vectors, so there are no diagnostics of it.")


def refuse_nothing(outcome: Outcome) -> None:
    """Refuse a run that came to nothing, although nothing failed.

    Raises:
        EvalkitError: It did.
    """
    from evalkit.errors import EvalkitError

    if outcome.results or outcome.failures:
        return
    reasons = "; ".join(dict.fromkeys(unfit.reason for _, unfit in outcome.unfit))
    hint = "Choose other tasks (`evalkit list tasks`) or another encoder."
    raise EvalkitError(f"Nothing could be scored: {reasons}.", hint=hint)


def _print_scores(outcome: Outcome) -> None:
    """Main score by encoder and task; encoders of one name are told apart by their specs."""
    rows: dict[tuple[str, str | None], dict[str, str]] = {}
    specs: dict[tuple[str, str | None], str] = {}
    headers: dict[str, str] = {}
    for result in outcome.results:
        key = (result.encoder.name, result.encoder.fingerprint)
        rows.setdefault(key, {})[result.task.name] = console.number(result.main_score.value)
        specs[key] = result.encoder.spec
        headers[result.task.name] = f"{result.task.name}\n{result.main_score.metric}"
    names = [name for name, _ in rows]
    labels = {key: key[0] if names.count(key[0]) == 1 else specs[key] for key in rows}
    body = [[labels[key], *(scores.get(task, console.MISSING) for task in headers)] for key, scores in rows.items()]
    console.table(["encoder", *headers.values()], body)


def _as_json(outcome: Outcome, output: Path, skipped: set[tuple[str, str]]) -> dict[str, Any]:
    from evalkit.store import ResultStore

    store = ResultStore(output)
    return {
        "results": [
            {
                "encoder": result.encoder.name,
                "task": result.task.name,
                "metric": result.main_score.metric,
                "value": result.main_score.value,
                "path": str(store.path(result.encoder, result.task.name)),
                "skipped": (result.encoder.fingerprint or "", result.task.name) in skipped,
            }
            for result in outcome.results
        ],
        "failures": [
            {
                "encoder": failure.encoder,
                "task": failure.task,
                "message": failure.error.message,
                "hint": failure.error.hint,
            }
            for failure in outcome.failures
        ],
        "unfit": [{"encoder": name, "task": unfit.task, "reason": unfit.reason} for name, unfit in outcome.unfit],
        "encoded": outcome.encoded,
        "cached": outcome.cached,
    }
