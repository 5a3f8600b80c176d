"""`evalkit stress limit`. Cheap to import."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  Typer reads annotations at run time
from typing import Annotated

import typer

from evalkit.cli import console
from evalkit_tasks.stress.patterns import Pattern


def limit(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="The task's folder; its name counts.")],
    docs: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Documents that answer queries; by default as few as the pattern needs, for random all."
        ),
    ] = None,
    relevant: Annotated[int, typer.Option(metavar="K", help="Documents that answer each query.")] = 2,
    queries: Annotated[int, typer.Option(metavar="N", help="Queries.")] = 1000,
    pattern: Annotated[Pattern, typer.Option(help="Which documents answer which query.")] = Pattern.DENSE,
    corpus: Annotated[int, typer.Option(metavar="N", help="Documents in all.")] = 50_000,
    items_per_doc: Annotated[int, typer.Option("--items-per-doc", metavar="N", help="Things a document likes.")] = 45,
    seed: Annotated[int, typer.Option(help="Of every random draw.")] = 42,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="The task's name: its folder is then NAME in DIR.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a task that is there.")] = False,
) -> None:
    """Write a LIMIT-style retrieval task: easy queries, and very many sets of documents to rank first.

    The same parameters give the same bytes on every machine. Run it with `evalkit run -m SPEC --data DIR`.
    """
    from evalkit_tasks.stress.generated import place_limit
    from evalkit_tasks.stress.limit import LimitSet

    made = LimitSet(docs, relevant, queries, pattern, corpus, items_per_doc, seed)
    place = (output / _checked(name) if name else output).absolute()
    place_limit(made, place, force=force)
    numbers = f"{corpus:,} documents, {queries:,} queries, {queries * relevant:,} judgements"
    console.line(f"Written {output / name if name else output}: {numbers}.")


def _checked(name: str) -> str:
    """A name that can be a folder's."""
    from evalkit.errors import EvalkitError

    if name in {".", ".."} or not name.isprintable() or set(name) & set('/\\:*?"<>|'):
        raise EvalkitError(f"{name!r} cannot be the name of a folder.", hint="Give another --name.")
    return name
