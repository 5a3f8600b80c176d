"""`evalkit stress reach`. Cheap to import."""

from __future__ import annotations

import json as json_module
import sys
from contextlib import contextmanager, redirect_stdout
from pathlib import Path  # noqa: TC003  Typer reads annotations at run time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evalkit.cli import console
from evalkit.cli.options import Data, Json, PluginFiles, Quiet  # noqa: TC001  so it does

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from evalkit.data import RetrievalData
    from evalkit.embedding import EncoderBench
    from evalkit.plugins import Plugins
    from evalkit.protocols import Encoder
    from evalkit_tasks.retrieval import RetrievalTask
    from evalkit_tasks.stress.reach import Draws, Reach, Reached

SCHEMA_VERSION = 1
_KINDS = 3
"""Kinds of queries that are drawn."""


def reach(
    encoder: Annotated[list[str], typer.Option("--encoder", "-m", metavar="SPEC", help="An encoder; may be repeated.")],
    task: Annotated[str, typer.Option("--task", "-t", metavar="NAME", help="A retrieval task.")] = "LimitSmall",
    relevant: Annotated[str, typer.Option(metavar="K,K,...", help="Sizes of the top sets.")] = "1,2,3",
    draws: Annotated[int, typer.Option(min=1, metavar="N", help="Random queries of each kind.")] = 1_000_000,
    seed: Annotated[int, typer.Option(min=0, help="Of every random draw.")] = 42,
    data: Data = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE.json", help="Write all numbers here.")
    ] = None,
    cache: Annotated[bool, typer.Option("--cache/--no-cache", help="Keep and use embeddings.")] = True,
    plugin: PluginFiles = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Count the distinct top-k sets that an encoder's document vectors produce for random and for real queries.

    Of C(n, k) sets of k documents, how many are some query's best k, and how many of those that the task asks for?
    """
    from evalkit.plan import check_unique
    from evalkit.plugins import Plugins
    from evalkit.store import write_atomic
    from evalkit_tasks.stress.opening import open_retrieval
    from evalkit_tasks.stress.reach import Draws

    asked = Draws(_sizes(relevant), draws, seed)
    check_unique(encoder)
    plugins = Plugins.installed(plugin or [])
    for spec in encoder:
        plugins.check_spec(spec)
    opened = open_retrieval(plugins, task, data or [])
    found = [_reach(spec, plugins, opened, asked, cache=cache, quiet=quiet) for spec in encoder]
    record = _record(opened, asked, found)
    if output is not None:
        write_atomic(output, json_module.dumps(record, indent=2, allow_nan=False) + "\n")
    if json:
        console.json_data(record)
        return
    _print(found, asked)
    if output is not None:
        console.line(f"Written {output}.")


def _sizes(relevant: str) -> tuple[int, ...]:
    from evalkit.errors import EvalkitError

    try:
        return tuple(int(each) for each in relevant.split(",") if each.strip())
    except ValueError:
        raise EvalkitError(f"--relevant {relevant} is no list of numbers.", hint="Give --relevant 1,2,3.") from None


def _reach(
    spec: str, plugins: Plugins, task: RetrievalTask, draws: Draws, *, cache: bool, quiet: bool
) -> tuple[dict[str, Any], Reach]:
    """How an encoder is written into records, and its ladder."""
    from evalkit.plan import encoder_record
    from evalkit.types import Role
    from evalkit_tasks.stress import reach as library

    data = _data(task)
    # Whatever an encoder prints must not get between the data on stdout.
    with redirect_stdout(sys.stderr):
        encoder, bench = _bench(spec, plugins, task, cache=cache)
        documents = bench.embed(data.documents, role=Role.DOCUMENT)
        queries = bench.embed(data.queries, role=Role.QUERY)
    with _bar(f"{encoder.name} on {task.info.name}", _KINDS * draws.draws, quiet=quiet) as progress:
        found = library.reach(data, documents, queries, encoder.similarity, draws, progress)
    return encoder_record(encoder, spec, bench.dimension).model_dump(mode="json"), found


def _data(task: RetrievalTask) -> RetrievalData:
    from evalkit.data import read_retrieval
    from evalkit.errors import EvalkitError

    cell, *others = task.cells()
    if others:
        raise EvalkitError(f"{task.info.name} has {1 + len(others)} cells.", hint="Name a task with one.")
    return read_retrieval(task.folder.base(cell.subset), cell.split)


def _bench(spec: str, plugins: Plugins, task: RetrievalTask, *, cache: bool) -> tuple[Encoder, EncoderBench]:
    from evalkit.embedding import EncoderBench
    from evalkit.errors import EvalkitError
    from evalkit.protocols import Encoder
    from evalkit_tasks.stress.opening import load_encoder, open_cache

    scorer = load_encoder(plugins, spec)
    if not isinstance(scorer, Encoder):
        raise EvalkitError(
            f"{scorer.name} has no vector of a text, so no direction that ranks documents can be drawn for it.",
            hint="Give an encoder with one vector a text; `evalkit run` scores the others on the same task.",
        )
    kept, said = open_cache() if cache else (None, "")
    if said:
        console.warning(said)
    return scorer, EncoderBench(scorer, task.info, cache=kept)


@contextmanager
def _bar(text: str, total: int, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal; nothing elsewhere."""
    from rich.progress import Progress

    hidden = quiet or not console.err().is_terminal
    with Progress(console=console.err(), transient=True, disable=hidden) as progress:
        bar = progress.add_task(text, total=total)
        yield lambda queries: progress.advance(bar, queries)


def _record(task: RetrievalTask, draws: Draws, found: list[tuple[dict[str, Any], Reach]]) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "reach",
        "task": {"name": task.info.name, "type": task.info.type, "fingerprint": task.fingerprint},
        "parameters": {**asdict(draws), "relevant": list(draws.relevant)},
        "encoders": [
            {
                "encoder": encoder,
                **asdict(each),
                "rungs": [{**asdict(rung), "share": rung.share} for rung in each.rungs],
            }
            for encoder, each in found
        ],
    }


def _print(found: list[tuple[dict[str, Any], Reach]], draws: Draws) -> None:
    headers = (
        "encoder", "queries", "k", "drawn", "distinct sets", "possible", "share", "at least", "next is new",
        "needed sets", "reached",
    )  # fmt: skip
    console.table(headers, [(encoder["name"], *_row(rung)) for encoder, each in found for rung in each.rungs], left=2)
    console.line()
    for text in _notes(found, draws):
        console.line(text)


def _row(rung: Reached) -> tuple[str, ...]:
    needed = (f"{rung.needed:,}", f"{rung.needed_reached:,}") if rung.needed else (console.MISSING, console.MISSING)
    return (
        rung.kind, str(rung.k), f"{rung.queries:,}", f"{rung.distinct:,}", f"{rung.possible:,}", _share(rung.share),
        console.MISSING if rung.at_least is None else f"{rung.at_least:,.0f}",
        console.MISSING if rung.new is None else f"{rung.new:.2g}", *needed,
    )  # fmt: skip


def _share(share: float) -> str:
    return f"{share:.4f}" if share >= 0.0001 else "<0.0001"


def _notes(found: list[tuple[dict[str, Any], Reach]], draws: Draws) -> Iterator[str]:
    yield "all directions: from the standard normal distribution; control: the same before random document vectors."
    yield "like the queries: normal, with the mean and the covariance of the encoder's own query vectors."
    yield (
        f"Drawn with seed {draws.seed}. at least: Chao's lower bound of the sets that more draws would show, by those "
        "that came up once and twice (Chao 1984, bias-corrected); next is new: Good's estimate for one more draw."
    )
    yield "needed sets: distinct sets of k documents that are all that is relevant to some query of the task."
    for encoder, each in found:
        yield f"{encoder['name']}: {_geometry(each)}"
        if each.copies:
            yield f"{encoder['name']}: {each.copies:,} documents share their vector with another."


def _geometry(each: Reach) -> str:
    span = f"{each.documents:,} documents of {each.dimension} dimensions span {each.spanned}"
    if each.spanned == each.documents - 1:
        return f"{span}, as many as they can: each set has some direction, however rarely queries take it."
    return f"{span}; only {each.documents - 1:,} would make sure that each set has a direction."
