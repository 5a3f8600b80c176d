"""`evalkit stress structure`. Cheap to import."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from evalkit.cli import console
from evalkit.cli.options import Data, Json  # noqa: TC001  Typer reads annotations at run time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalkit.data import RetrievalData
    from evalkit.metrics.structure import QrelStructure
    from evalkit_tasks.retrieval import RetrievalTask
    from evalkit_tasks.stress.capacity.law import Reached

_BOUNDS = (
    ("sign rank", "sign_rank_lower", "sign_rank_upper"),
    ("dimensions that rank every query right", "dimension_lower", "dimension_upper"),
)


def structure(
    task: Annotated[str, typer.Argument(metavar="TASK", help="A retrieval task, such as QuickRetrieval.")],
    data: Data = None,
    dims: Annotated[
        list[int] | None,
        typer.Option("--dim", min=1, metavar="D", help="Also try free vectors of D dimensions. Repeatable."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of where those start.")] = 42,
    json: Json = False,
) -> None:
    """How combinatorial are the judgements of a retrieval task, whatever the encoder?

    Density and strength of the graphs of queries and of documents that share judgements, and bounds of the number of
    dimensions that embeddings need to rank every query's relevant documents first.
    """
    from evalkit.metrics.structure import qrel_structure
    from evalkit.plugins import Plugins
    from evalkit_tasks.stress.opening import open_retrieval

    cells = dict(_cells(open_retrieval(Plugins.installed(), task, data or [])))
    found = {name: qrel_structure(each.qrels, len(each.documents)) for name, each in cells.items()}
    tried = {name: _tried(each, dims or [], seed) for name, each in cells.items()}
    if json:
        console.json_data({name: {**each.values, **_as_values(tried[name])} for name, each in found.items()})
        return
    _print(found)
    for name, attempts in tried.items():
        for dimension, attempt in attempts.items():
            console.line(f"{name}: {_attempt(dimension, attempt)}")


def _cells(task: RetrievalTask) -> Iterator[tuple[str, RetrievalData]]:
    """The data of every cell, by its name."""
    from evalkit.data import read_retrieval

    for cell in task.cells():
        name = cell.split if cell.subset == "default" else f"{cell.split}/{cell.subset}"
        yield name, read_retrieval(task.folder.base(cell.subset), cell.split)


def _tried(data: RetrievalData, dims: list[int], seed: int) -> dict[int, Reached]:
    """How far free vectors of each dimension get with the judged documents; another document can be put last."""
    import numpy as np

    from evalkit.errors import EvalkitError
    from evalkit.metrics.structure import LARGEST_MATRIX
    from evalkit_tasks.stress.capacity.backends import reached

    qrels = data.qrels
    relevant = qrels.relevance > 0
    judged, columns = np.unique(qrels.documents[relevant], return_inverse=True)
    if dims and (len(qrels.offsets) - 1) * len(judged) > LARGEST_MATRIX:
        raise EvalkitError(
            f"{len(qrels.offsets) - 1:,} queries and {len(judged):,} judged documents are too many for free vectors.",
            hint="Leave --dim out.",
        )
    rows = np.repeat(np.arange(len(qrels.offsets) - 1), np.diff(qrels.offsets))[relevant]
    matrix = np.zeros((len(qrels.offsets) - 1, len(judged)), dtype=bool)
    matrix[rows, columns] = True
    distinct = np.unique(matrix, axis=0)
    return {dimension: reached(distinct, dimension, seed) for dimension in dims}


def _attempt(dimension: int, attempt: Reached) -> str:
    steps = f"after {attempt.steps:,} steps from one start"
    if attempt.solved:
        return f"free unit vectors of {dimension} dimensions rank every query right, {steps}: at most {dimension}."
    share = f"{attempt.accuracy:.1%} of the relevant documents"
    return f"free unit vectors of {dimension} dimensions put {share} first, {steps}: this proves nothing."


def _as_values(attempts: dict[int, Reached]) -> dict[str, float]:
    return {f"reached_{dimension}": attempt.accuracy for dimension, attempt in attempts.items()}


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
