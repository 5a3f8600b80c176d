"""The units of a task (queries, pairs, examples, documents) side by side for all encoders: what every test rests on.

A task's score is the mean of its cells' scores, and a cell's score a statistic of its units. Both become one matrix: a
row an encoder, a column a unit, such that a row's mean is the task's score and the spread of a row its error. With one
cell and a mean as statistic the matrix holds the units' own values; otherwise jackknife pseudo-values, moved to the
published score and scaled so that every cell counts the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.errors import EvalkitError
from evalkit.observations import Observations, packing, parse_statistic
from evalkit_leaderboard.significance.observed import moved_to, over_cells

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from evalkit.schema import CellRecord, Result
    from evalkit.types import FloatArray
    from evalkit_leaderboard.frame import Frame

UNITS = "units"
EXPERIMENTS = "experiments"
NOTHING = "nothing"
IMPORTED = "imported results have no units"
_NOT_THE_MEAN = 1e-6
"""Further than this from the mean of its cells, a main score is something else."""


@dataclass(frozen=True, eq=False)
class TaskUnits:
    """What the scores of a task rest on.

    Attributes:
        values: (E, n) one value a unit for every encoder, the row's mean being its score; nan for an encoder without.
        basis: `UNITS`; `EXPERIMENTS` where the results have only the scores of repeated experiments; or `NOTHING`.
        unit: What a column is: query, pair, example, document or experiment.
        reasons: Why an encoder that has a score has no row, by row.
    """

    values: FloatArray
    basis: str
    unit: str
    reasons: Mapping[int, str] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """How many units there are."""
        return int(self.values.shape[1])


def task_units(frame: Frame, column: int) -> TaskUnits:
    """The units of one task.

    Where no encoder has units, the scores of repeated experiments take their place: the same training samples were
    drawn for every encoder, so they pair by index.

    Raises:
        EvalkitError: Two results were scored on other units, or one cannot be read.
    """
    results = {row: result for (row, at), result in frame.results.items() if at == column}
    scored = {row: result for row, result in results.items() if result.main_score.value is not None}
    paths = {row: frame.paths[row, column] for row in scored}
    rows, reasons, unit = _rows(scored, paths)
    if rows:
        return TaskUnits(_stacked(rows, len(frame.encoders)), UNITS, unit, reasons)
    repeats = _experiments(scored)
    basis = EXPERIMENTS if repeats else NOTHING
    return TaskUnits(_stacked(repeats, len(frame.encoders)), basis, "experiment", reasons)


def _rows(
    results: Mapping[int, Result], paths: Mapping[int, Path]
) -> tuple[dict[int, FloatArray], dict[int, str], str]:
    """Values of every encoder that has units, why the others have none, and what a unit is."""
    rows, reasons, unit = {}, {}, "unit"
    ids: dict[tuple[str, str], tuple[Path, object]] = {}
    cells = _most_cells(results)
    for row, result in sorted(results.items()):
        reason = _unusable(result, cells)
        if reason:
            reasons[row] = reason
            continue
        _refuse_other_units(result, paths[row], ids)
        values = _values(result, paths[row])
        if np.isfinite(values).all():
            rows[row], unit = values, str(result.cells[0].observations["unit"])  # type: ignore[index]
        else:
            reasons[row] = "the score is undefined without some of the units"
    return rows, reasons, unit


def _most_cells(results: Mapping[int, Result]) -> frozenset[tuple[str, str]]:
    """The cells of the fullest result."""
    return max((_keys(result) for result in results.values()), key=len, default=frozenset())


def _keys(result: Result) -> frozenset[tuple[str, str]]:
    return frozenset((cell.split, cell.subset) for cell in result.cells)


def _unusable(result: Result, cells: frozenset[tuple[str, str]]) -> str:
    """Why a result's units do not tell the error of its score; empty where they do."""
    if not result.cells or any(cell.observations is None for cell in result.cells):
        return IMPORTED
    if _keys(result) != cells:
        lacking = ", ".join("/".join(key) for key in sorted(cells - _keys(result)))
        return f"it lacks {lacking or 'some cells'}"
    metric = result.main_score.metric
    if any(metric not in (cell.observations or {}).get("statistics", {}) for cell in result.cells):
        return f"no statistic is named for {metric}"
    scores = [cell.scores.get(metric) for cell in result.cells]
    known = [score for score in scores if score is not None]
    value = result.main_score.value
    if value is None or len(known) < len(scores) or abs(sum(known) / len(known) - value) > _NOT_THE_MEAN:
        return "its score is not the mean of its cells"
    return ""


def _refuse_other_units(result: Result, path: Path, first: dict[tuple[str, str], tuple[Path, object]]) -> None:
    """Units pair by their place, so places must hold the same units."""
    for cell in result.cells:
        observations = cell.observations or {}
        named = observations.get("ids")
        ids = named if named is not None else _length(observations)
        other, others = first.setdefault((cell.split, cell.subset), (path, ids))
        if ids != others:
            raise EvalkitError(
                f"{result.task.name} has results on different units in {cell.split}/{cell.subset}: {other} and {path}.",
                hint="Run the older one again, or keep the two in separate folders.",
            )


def _length(observations: Mapping[str, Any]) -> int:
    """Number of units of observations without ids."""
    shapes = (packed["shape"] for packed in observations["columns"].values())
    return int(next(iter(shapes), (0,))[0])


def _values(result: Result, path: Path) -> FloatArray:
    """(n,) value of every unit of all cells; see the module."""
    try:
        cells = [(_pseudo_values(cell, result.main_score.metric), _score(cell, result)) for cell in _ordered(result)]
    except (EvalkitError, KeyError, TypeError, ValueError) as error:
        raise EvalkitError(f"{path}: {error}", hint="Remove it and run again.") from None
    if len(cells) == 1:
        return moved_to(*cells[0])
    return _joined(cells)


def _ordered(result: Result) -> list[CellRecord]:
    return sorted(result.cells, key=lambda cell: (cell.split, cell.subset))


def _score(cell: CellRecord, result: Result) -> float:
    score = cell.scores[result.main_score.metric]
    return float("nan") if score is None else score


def _pseudo_values(cell: CellRecord, metric: str) -> FloatArray:
    """(n,) pseudo-values of a cell; unpacks only the columns that the metric reads."""
    observations: Mapping[str, Any] = cell.observations or {}
    with packing.reading():
        statistic = parse_statistic(observations["statistics"][metric])
        columns = {name: packing.unpack(name, observations["columns"][name]) for name in statistic.columns}
        sample = Observations(unit=observations["unit"], columns=columns, statistics={metric: statistic})
        return sample.pseudo_values(metric)


def _joined(cells: list[tuple[FloatArray, float]]) -> FloatArray:
    """The units of several cells in one row whose mean is the mean of the scores.

    Deviations are widened so that the row's variance over n is the sum of the cells' variances over their n, divided by
    the square of the number of cells. With one unit, a cell has no variance and the row is undefined.
    """
    sizes = [len(values) for values, _ in cells]
    n, score = sum(sizes), float(np.mean([score for _, score in cells]))
    if min(sizes) < 2:
        return np.full(n, np.nan)
    widths = [np.sqrt(size * (n - 1) / ((size - 1) * n)) for size in sizes]
    joined = over_cells([(values - values.mean()) * width for width, (values, _) in zip(widths, cells, strict=True)])
    return np.asarray(joined + score)


def _experiments(results: Mapping[int, Result]) -> dict[int, FloatArray]:
    """(r,) mean over the cells of every experiment, for the encoders with as many experiments as most have."""
    found = {row: values for row, result in results.items() if (values := _repeats(result)) is not None}
    lengths = [len(values) for values in found.values()]
    usual = max(sorted(set(lengths)), key=lengths.count, default=0)
    return {row: values for row, values in found.items() if len(values) == usual and usual > 1}


def _repeats(result: Result) -> FloatArray | None:
    """(r,) scores of the experiments, whose mean is the score; None where there are none."""
    metric, value = result.main_score.metric, result.main_score.value
    lists = [cell.repeats.get(metric, ()) for cell in result.cells]
    if value is None or not lists or len({len(scores) for scores in lists}) != 1 or not lists[0]:
        return None
    means = np.mean(np.array(lists, dtype=np.float64), axis=0)
    # Older files of mteb have experiments of another metric under the name, or other digits.
    return moved_to(means, value) if abs(means.mean() - value) <= _NOT_THE_MEAN else None


def _stacked(rows: Mapping[int, FloatArray], n_encoders: int) -> FloatArray:
    width = max((len(values) for values in rows.values()), default=0)
    stacked = np.full((n_encoders, width), np.nan)
    for row, values in rows.items():
        stacked[row] = values
    return stacked
