"""The units on which two encoders differ most, and what they are: query, pair, example or document, with its text.

Values and differences come from the observations alone. Only the texts need the task's folder: by query id where it has
queries, by row otherwise.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.data import TaskFolder
from evalkit.data.jsonl import rows
from evalkit.errors import EvalkitError
from evalkit.observations import Observations
from evalkit.observations.means import RowMean
from evalkit.plan import task_path
from evalkit.plugins import Plugins
from evalkit_leaderboard.significance.intervals import NEGLIGIBLE
from evalkit_leaderboard.significance.observed import unit_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from evalkit.protocols import Collection
    from evalkit.schema import CellRecord, Result
    from evalkit.types import AnyArray, FloatArray
    from evalkit_leaderboard.frame import Frame

BETWEEN = " / "
"""Stands between the texts of one unit."""
_DIGITS = 9
"""Differences are ordered by so many decimals: pseudo-values carry rounding errors."""


@dataclass(frozen=True, eq=False)
class PairedCell:
    """One cell that both encoders have units for.

    Attributes:
        split: Split of the cell.
        subset: Its subset.
        metric: The main score.
        values: (2, n) (pseudo-)value of every unit for A and for B.
        observations: What A saw, and what B saw.
    """

    split: str
    subset: str
    metric: str
    values: FloatArray
    observations: tuple[Observations, Observations]

    @property
    def is_mean(self) -> bool:
        """Whether the score is the mean of what each unit scored; otherwise jackknife pseudo-values stand for that."""
        return all(isinstance(each.statistics[self.metric], RowMean) for each in self.observations)


@dataclass(frozen=True)
class HardUnit:
    """A unit on which two encoders differ much.

    Attributes:
        split: Split of its cell.
        subset: Subset of its cell.
        id: Its name: a query's id, otherwise the number of its row, from 0.
        a: (Pseudo-)value of A.
        b: (Pseudo-)value of B.
        difference: A less B.
        shared: What is the same for both, such as label or gold score, by column.
        seen_a: What A made of it, such as its predictions, by column.
        seen_b: What B made of it.
        text: The unit itself; None where the data are not at hand.
    """

    split: str
    subset: str
    id: str
    a: float
    b: float
    difference: float
    shared: Mapping[str, str] = field(default_factory=dict)
    seen_a: Mapping[str, str] = field(default_factory=dict)
    seen_b: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None


def paired_cells(frame: Frame, column: int) -> list[PairedCell]:
    """The cells of a task that both rows of a frame have units for."""
    first, second = (_by_key(frame.results[row, column]) for row in (0, 1))
    metric = frame.task(column).main_score.metric
    return [_paired(key, first[key], second[key], metric) for key in sorted(first) if key in second]


def hardest(cells: Sequence[PairedCell], count: int) -> list[tuple[PairedCell, int]]:
    """The units of all cells with the largest differences, as (cell, row); none where the two do not differ."""
    return _largest(cells, [np.abs(cell.values[0] - cell.values[1]) for cell in cells], count)


def lost_most(cells: Sequence[PairedCell], count: int) -> list[tuple[PairedCell, int]]:
    """The units of all cells on which B is furthest below A, as (cell, row); none where it is nowhere."""
    return _largest(cells, [cell.values[0] - cell.values[1] for cell in cells], count)


def _largest(cells: Sequence[PairedCell], sizes: Sequence[FloatArray], count: int) -> list[tuple[PairedCell, int]]:
    """The units of the largest sizes, equal ones in their own order; none that is 0."""
    scale = max((float(np.abs(cell.values).max(initial=0.0)) for cell in cells), default=0.0)
    found = [(cell, row) for cell in cells for row in range(cell.values.shape[1])]
    all_ = np.concatenate([np.zeros(0), *sizes])
    order = np.argsort(-np.round(all_, _DIGITS), kind="stable")
    return [found[at] for at in order[: max(count, 0)] if all_[at] > NEGLIGIBLE * scale]


def described(cell: PairedCell, row: int, text: str | None = None) -> HardUnit:
    """A unit as it is shown."""
    a, b = (float(value) for value in cell.values[:, row])
    shared, seen_a, seen_b = _seen(cell, row)
    return HardUnit(cell.split, cell.subset, _id(cell, row), a, b, a - b, shared, seen_a, seen_b, text)


class Texts:
    """Finds the texts of units in the folders of tasks.

    Args:
        data: Folders of task folders, beside the tasks that are installed.

    Raises:
        DataError: One of the folders holds no task.
    """

    def __init__(self, data: Sequence[Path] = ()) -> None:
        self._data = data
        if data:
            self._known  # noqa: B018  A folder that is wrong shows before anything is read.

    @cached_property
    def _plugins(self) -> Plugins:
        return Plugins.installed()

    @cached_property
    def _known(self) -> dict[str, Path | Collection]:
        return self._plugins.task_folders(self._data)

    def of(self, result: Result, units: Sequence[tuple[PairedCell, int]]) -> tuple[list[str | None], str]:
        """Text of each unit, None for one that is not found; and why there are none, as a sentence."""
        try:
            return self._found(result, units)
        except EvalkitError as error:
            return [None] * len(units), f"The texts of {result.task.name} cannot be read: {error.message}"

    def _found(self, result: Result, units: Sequence[tuple[PairedCell, int]]) -> tuple[list[str | None], str]:
        name = result.task.name
        if name not in self._known:
            return [None] * len(units), f"The texts of {name} are not at hand: --data DIR says where its folder is."
        path = task_path(self._known, name)
        if self._plugins.open_task(path).fingerprint != result.task.fingerprint:
            return [None] * len(units), f"The data of {name} in {path} are not those that were scored: no texts."
        return _look_up(TaskFolder.open(path), units), ""


# -- what an encoder made of a unit ------------------------------------------------------------------------------


def _by_key(result: Result) -> dict[tuple[str, str], CellRecord]:
    return {(cell.split, cell.subset): cell for cell in result.cells if cell.observations is not None}


def _paired(key: tuple[str, str], a: CellRecord, b: CellRecord, metric: str) -> PairedCell:
    seen = Observations.from_json(a.observations or {}), Observations.from_json(b.observations or {})
    return PairedCell(*key, metric, unit_values(seen, metric), seen)


def _id(cell: PairedCell, row: int) -> str:
    ids = cell.observations[0].ids
    return ids[row] if ids is not None else str(row)


def _seen(cell: PairedCell, row: int) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """What the columns behind the score say of a unit: shared by both, of A, of B."""
    a, b = cell.observations
    shared, seen_a, seen_b = {}, {}, {}
    for name in dict.fromkeys((*a.statistics[cell.metric].columns, *b.statistics[cell.metric].columns)):
        if name not in a.columns or name not in b.columns:
            continue
        if np.array_equal(a.columns[name], b.columns[name], equal_nan=True):
            shared[name] = _entry(a, name, row)
        elif not np.array_equal(a.columns[name], cell.values[0]):  # the value itself stands in a column of its own
            seen_a[name], seen_b[name] = _entry(a, name, row), _entry(b, name, row)
    kept = ({name: text for name, text in each.items() if text} for each in (shared, seen_a, seen_b))
    return tuple(kept)  # type: ignore[return-value]


def _entry(observations: Observations, name: str, row: int) -> str:
    """A unit's entry in a column, in words; empty for codes that mean nothing outside."""
    values = observations.matrix(name)[row]
    # Predictions are codes of the same classes as the labels.
    names = observations.labels.get(name) or (observations.labels.get("label") if name == "predicted" else None)
    if names is not None:
        return _counted([names[code] for code in values.tolist() if code >= 0])
    if values.dtype.kind == "f" and len(values) == 1:
        return _number(values)
    return ""


def _counted(names: list[str]) -> str:
    """Names by how often they occur, such as ``parks 7, noise 3``; a single one alone."""
    counts = sorted(Counter(names).items(), key=lambda each: (-each[1], each[0]))
    return ", ".join(name if len(names) == 1 else f"{name} {count}" for name, count in counts)


def _number(values: AnyArray) -> str:
    return f"{float(values[0]):.4g}"


# -- texts -------------------------------------------------------------------------------------------------------


def _look_up(folder: TaskFolder, units: Sequence[tuple[PairedCell, int]]) -> list[str | None]:
    wanted: dict[tuple[str, str], set[str]] = {}
    for cell, row in units:
        wanted.setdefault((cell.split, cell.subset), set()).add(_id(cell, row))
    found = {(*key, name): text for key, ids in wanted.items() for name, text in _texts(folder, *key, ids).items()}
    return [found.get((cell.split, cell.subset, _id(cell, row))) for cell, row in units]


def _texts(folder: TaskFolder, split: str, subset: str, ids: set[str]) -> dict[str, str]:
    """Texts by the names of their units; stops reading when it has them all."""
    base, found = folder.base(subset), {}
    queries = base / "queries.jsonl"
    named = _queries(queries) if queries.is_file() else _numbered(base / f"{split}.jsonl")
    for name, text in named:
        if name in ids:
            found[name] = text
            if len(found) == len(ids):
                break
    return found


def _queries(path: Path) -> Iterator[tuple[str, str]]:
    for _, row in rows(path):
        yield str(row.get("_id")), _shown({key: value for key, value in row.items() if key != "_id"})


def _numbered(path: Path) -> Iterator[tuple[str, str]]:
    """Texts by their number from 0; a row that holds a set of texts is as many units."""
    number = 0
    for _, row in rows(path):
        texts = row.get("texts")
        for text in texts if isinstance(texts, list) else [_shown(row)]:
            yield str(number), str(text)
            number += 1


def _shown(row: Mapping[str, Any]) -> str:
    """The texts of a row; its label stands in the observations already."""
    return BETWEEN.join(value.strip() for key, value in row.items() if isinstance(value, str) and key != "label")
