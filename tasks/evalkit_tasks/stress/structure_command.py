"""`evalkit stress structure`. Cheap to import."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from evalkit.cli import console
from evalkit.cli.options import Data, Json  # noqa: TC001  Typer reads annotations at run time

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from evalkit.metrics.structure import QrelStructure
    from evalkit_tasks.retrieval import RetrievalTask

_BOUNDS = (
    ("sign rank", "sign_rank_lower", "sign_rank_upper"),
    ("dimensions that rank every query right", "dimension_lower", "dimension_upper"),
)


def structure(
    task: Annotated[str, typer.Argument(metavar="TASK", help="A retrieval task, such as QuickRetrieval.")],
    data: Data = None,
    json: Json = False,
) -> None:
    """How combinatorial are the judgements of a retrieval task, whatever the encoder?

    Density and strength of the graphs of queries and of documents that share judgements, and bounds of the number of
    dimensions that embeddings need to rank every query's relevant documents first.
    """
    found = dict(_structures(_retrieval_task(task, data or [])))
    if json:
        console.json_data({name: structure.values for name, structure in found.items()})
        return
    _print(found)


def _retrieval_task(name: str, data: Sequence[Path]) -> RetrievalTask:
    """The task of a name.

    Raises:
        EvalkitError: There is none, it cannot be read, or it is no retrieval task.
    """
    from evalkit.errors import EvalkitError
    from evalkit.plan import task_path
    from evalkit.plugins import Plugins
    from evalkit_tasks.retrieval import RetrievalTask

    plugins = Plugins.installed()
    task = plugins.open_task(task_path(plugins.task_folders(data), name))
    if not isinstance(task, RetrievalTask):
        raise EvalkitError(
            f"{name} is a task of type {task.info.type}: it has no judgements.",
            hint="Name a task of type Retrieval; `evalkit list tasks` shows the types.",
        )
    return task


def _structures(task: RetrievalTask) -> Iterator[tuple[str, QrelStructure]]:
    """The structure of every cell, by its name."""
    from evalkit.data import read_retrieval
    from evalkit.metrics.structure import qrel_structure

    for cell in task.cells():
        data = read_retrieval(task.folder.base(cell.subset), cell.split)
        name = cell.split if cell.subset == "default" else f"{cell.split}/{cell.subset}"
        yield name, qrel_structure(data.qrels, len(data.documents))


def _print(found: dict[str, QrelStructure]) -> None:
    from evalkit.cli.show import print_data

    bounds = {name for _, *pair in _BOUNDS for name in pair}
    print_data(
        {
            cell: {name: value for name, value in each.values.items() if name not in bounds}
            for cell, each in found.items()
        }
    )
    console.line()
    for cell, each in found.items():
        for text in _sentences(each):
            console.line(f"{cell}: {text}")


def _sentences(structure: QrelStructure) -> Iterator[str]:
    """The bounds in words, and what was left out."""
    from evalkit.metrics.structure import LARGEST_MATRIX

    for what, lower, upper in _BOUNDS:
        if lower in structure.values:
            low, high = int(structure.values[lower]), int(structure.values[upper])
            yield f"{what}: exactly {low}." if low == high else f"{what}: at least {low}, at most {high}."
    if "sign_rank_lower" not in structure.values:
        yield f"no bounds of the sign rank: over {LARGEST_MATRIX:,} distinct queries times distinct documents."
    yield from structure.left_out
