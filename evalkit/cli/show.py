"""`evalkit show`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evalkit.cli import console
from evalkit.cli.options import Json
from evalkit.cli.show_made import made_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evalkit.observations import Observations
    from evalkit.schema import CellRecord, Imported, Result, Timing

_OVER_REPEATS = "±: half of the 95 % interval over repeats (draws, runs or groups), which says nothing of other units."
_CELLS_A_TABLE = 5
_CELLS_WITH_TIES = 2  # a score with its range is wide


def show(
    result_files: Annotated[
        list[Path], typer.Argument(help="Results, such as results/bm25/0123456789ab/SciFact.json.", show_default=False)
    ],
    units: Annotated[
        str | None,
        typer.Option(metavar="METRIC", help="Print what the metric is made of instead, one unit a line, as TSV."),
    ] = None,
    json: Json = False,
) -> None:
    """Show results: scores, warnings, and what they were computed with.

    With --json, of one file its object, of several a list of objects.
    """
    from evalkit.store import read_result

    results = [read_result(file) for file in result_files]
    if units is not None:
        _print_units(results, units, as_json=json)
    elif json:
        records = [result.model_dump(mode="json") for result in results]
        console.json_data(records if len(records) > 1 else records[0])
    else:
        _print_pages(results)


COMMAND = show


def _print_pages(results: list[Result]) -> None:
    for number, result in enumerate(results):
        if number:
            console.line()
        _print_page(result)


def _print_page(result: Result) -> None:
    for key, value in _facts(result):
        console.line(f"{key:<12} {value}")
    step = _CELLS_WITH_TIES if any(cell.ties for cell in result.cells) else _CELLS_A_TABLE
    for start in range(0, len(result.cells), step):
        cells = result.cells[start : start + step]
        console.line()
        _print_cells(cells)
        if any(cell.data for cell in cells):
            console.line()
            print_data({_cell_name(cell): cell.data for cell in cells})
        if any(cell.cost for cell in cells):
            console.line()
            print_data({_cell_name(cell): cell.cost for cell in cells}, title="cost")
    if result.diagnostics:
        console.line()
        _print_diagnostics(result.diagnostics)
    for text in result.warnings:
        console.line(f"warning: {text}")


def _print_diagnostics(diagnostics: Mapping[str, float | None]) -> None:
    """Label-free diagnostics of the vectors, whatever the scores."""
    rows = [[name.replace("_", " "), _quantity(value)] for name, value in diagnostics.items()]
    console.table(["diagnostic", "value"], rows)


def _facts(result: Result) -> Iterator[tuple[str, str]]:
    task, encoder, environment = result.task, result.encoder, result.environment
    yield "main score", f"{result.main_score.metric} {console.number(result.main_score.value)}"
    yield "task", f"{task.name} ({task.type}{', ' + ', '.join(task.languages) if task.languages else ''})"
    yield "", f"fingerprint {task.fingerprint}"
    form = "" if encoder.form in {"dense", "none"} else f"{encoder.form}, "
    dimensions = f", {encoder.dimension} dimensions" if encoder.dimension else ""
    yield "encoder", f"{encoder.name} ({form}{encoder.similarity}{dimensions})"
    yield "", f"fingerprint {encoder.fingerprint or 'none: it cannot say who it is'}"
    yield "", f"spec {encoder.spec}"
    yield from made_of(encoder.parts, result.cells)
    yield "protocol", ", ".join(f"{key}={value}" for key, value in task.protocol.items())
    yield from _imported_facts(result.imported) if result.imported is not None else _timing_facts(result.timing)
    versions = "".join(f", {name} {version}" for name, version in environment.packages.items())
    yield "environment", f"evalkit {environment.evalkit}, Python {environment.python}{versions}"
    yield "", f"{environment.platform}, {environment.device}"


def _timing_facts(timing: Timing | None) -> Iterator[tuple[str, str]]:
    if timing is not None:
        yield "timing", f"{timing.started}, {timing.seconds:.1f} s, of which {timing.encoding_seconds:.1f} s encoding"
        yield "", f"{console.counted(timing.texts_encoded, 'text')} encoded, {timing.texts_cached:,} from the cache"


def _imported_facts(imported: Imported) -> Iterator[tuple[str, str]]:
    yield "imported", f"from {imported.tool} {imported.version or 'of unknown version'}: {imported.file}"
    yield "", f"encoder at {imported.encoder_revision}, data at {imported.dataset_revision or 'an unknown revision'}"
    yield "", f"computed {imported.date or 'at an unknown time'}; its units were not published"


def _print_cells(cells: tuple[CellRecord, ...]) -> None:
    """A table with one row a metric, one column a cell."""
    metrics = dict.fromkeys(metric for cell in cells for metric in cell.scores)
    rows = [[metric, *(_score(cell, metric) for cell in cells)] for metric in metrics]
    console.table(["metric", *(_cell_name(cell) for cell in cells)], rows)
    if any(len(repeats) > 1 for cell in cells for repeats in cell.repeats.values()):
        console.line(_OVER_REPEATS)


def _score(cell: CellRecord, metric: str) -> str:
    """A score, how sure its repeats make it, and what it can be where the order of equal scores decides it."""
    score = console.number(cell.scores.get(metric))
    if len(cell.repeats.get(metric, ())) > 1:
        return f"{score} ± {_half_interval(cell.repeats[metric]):.4f}"
    if metric not in cell.ties:
        return score
    low, high = cell.ties[metric]
    return f"{score} ({console.number(low)} to {console.number(high)} by ties)"


def _half_interval(repeats: Sequence[float]) -> float:
    """Half of the 95 % interval of a mean over repeats, by Student's t."""
    import numpy as np
    from scipy.special import stdtrit

    return float(stdtrit(len(repeats) - 1, 0.975) * np.std(repeats, ddof=1) / np.sqrt(len(repeats)))


def print_data(cells: Mapping[str, Mapping[str, float]], title: str = "data") -> None:
    """Quantities of cells that are no scores: a table with one row a quantity, one column a cell.

    Args:
        cells: Quantities of each cell, by its name.
        title: What they are of.
    """
    names = dict.fromkeys(name for data in cells.values() for name in data)
    rows = [[name.replace("_", " "), *(_quantity(data.get(name)) for data in cells.values())] for name in names]
    console.table([title, *cells], rows)


def _quantity(value: float | None) -> str:
    """A whole number as such, any other with six digits."""
    if value is None:
        return console.MISSING
    return f"{value:,.0f}" if value == int(value) else f"{value:.6g}"


def _cell_name(cell: CellRecord) -> str:
    return cell.split if cell.subset == "default" else f"{cell.split}/{cell.subset}"


def _print_units(results: list[Result], metric: str, *, as_json: bool) -> None:
    rows = [
        {**(_origin(result) if len(results) > 1 else {}), **row}
        for result in results
        for cell in result.cells
        for row in _unit_rows(cell, metric)
    ]
    if as_json:
        console.json_data(rows)
        return
    header = list(dict.fromkeys(key for row in rows for key in row))
    console.line("\t".join(header))
    for row in rows:
        console.line("\t".join(_tsv(row.get(key)) for key in header))


def _origin(result: Result) -> dict[str, str]:
    """What tells the rows of several results apart."""
    return {"encoder": result.encoder.name, "task": result.task.name}


def _unit_rows(cell: CellRecord, metric: str) -> Iterator[dict[str, Any]]:
    from evalkit.errors import EvalkitError
    from evalkit.observations import Observations

    if cell.observations is None:
        raise EvalkitError("An imported result has no units.", hint="Run the task with evalkit to have them.")
    observations = Observations.from_json(cell.observations)
    columns = _unit_columns(observations, metric)
    for row in range(len(observations)):
        unit = observations.ids[row] if observations.ids is not None else str(row)
        values = {name: column[row] for name, column in columns.items()}
        yield {"split": cell.split, "subset": cell.subset, observations.unit: unit, **values}


def _unit_columns(observations: Observations, metric: str) -> dict[str, list[Any]]:
    """The columns that a metric reads; one for each repeat where a column has several."""
    from evalkit.errors import unknown

    if metric not in observations.statistics:
        raise unknown("metric", metric, observations.statistics, where="evalkit show RESULT_FILE")
    # Predictions are codes of the same classes as the labels.
    names = {"predicted": observations.labels.get("label"), **observations.labels}
    columns: dict[str, list[Any]] = {}
    for name in dict.fromkeys(observations.statistics[metric].columns):
        matrix = observations.matrix(name)
        for repeat in range(matrix.shape[1]):
            label = name if matrix.shape[1] == 1 else f"{name}_{repeat}"
            columns[label] = _named(matrix[:, repeat].tolist(), names.get(name))
    return columns


def _named(values: list[Any], labels: tuple[str, ...] | None) -> list[Any]:
    """Codes by the names they stand for; numbers that JSON has no word for as None."""
    if labels is not None:
        return [labels[value] if value >= 0 else None for value in values]
    return [None if value != value or value in {float("inf"), float("-inf")} else value for value in values]


def _tsv(value: Any) -> str:
    """A value without the two characters that would break the table."""
    return "" if value is None else str(value).replace("\t", " ").replace("\n", " ")
