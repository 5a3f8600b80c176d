"""Observations: aligned columns, one row a unit, and the statistic behind every metric."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.observations import packing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.observations.statistic import Statistic
    from evalkit.types import AnyArray, FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Observations:
    """What a task saw, unit by unit, and how its scores follow from it.

    Columns are kept read-only, as int64 (whole numbers, booleans), float32 or float64, so that what is read back
    from a file equals what was written bit for bit.

    Attributes:
        unit: What a row is: query, pair, example or document.
        columns: (n,) or (n, r) numbers by column name; r repeats (experiments, bootstraps).
        statistics: Statistic of every metric, in the order in which they are shown.
        ids: Name of every unit; None stands for "0" to "n - 1".
        labels: Names of the codes 0, 1, ... of a label column.

    Raises:
        ValueError: If the columns differ in length, are not numbers, or a statistic does not fit them.
    """

    unit: str
    columns: Mapping[str, AnyArray]
    statistics: Mapping[str, Statistic] = field(default_factory=dict)
    ids: tuple[str, ...] | None = None
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", {name: _column(name, values) for name, values in self.columns.items()})
        object.__setattr__(self, "statistics", dict(self.statistics))
        object.__setattr__(self, "labels", {name: tuple(names) for name, names in self.labels.items()})
        if self.ids is not None:
            object.__setattr__(self, "ids", tuple(self.ids))
        self._check_lengths()
        self._check_labels()
        for statistic in self.statistics.values():
            statistic.check(self.columns)

    def __len__(self) -> int:
        if self.ids is not None:
            return len(self.ids)
        return len(next(iter(self.columns.values()), ()))

    def matrix(self, column: str) -> AnyArray:
        """(n, r) a column with its repeats, r = 1 where it has none."""
        values = self.columns[column]
        return values if values.ndim == 2 else values[:, None]

    def value(self, metric: str) -> float:
        """The metric's score; nan where it is undefined."""
        return self.statistics[metric].value(self)

    def weighted(self, metric: str, W: AnyArray) -> FloatArray:
        """(B,) the metric's scores under (B, n) weights of the units; see `Statistic.weighted`."""
        return self.statistics[metric].weighted(self, W)

    def pseudo_values(self, metric: str) -> FloatArray:
        """(n,) the metric's leave-one-out pseudo-values; for a mean the units' own values."""
        return self.statistics[metric].pseudo_values(self)

    def scores(self) -> dict[str, float]:
        """Every metric's score, in order."""
        return {metric: self.value(metric) for metric in self.statistics}

    def repeats(self) -> dict[str, list[float]]:
        """Every repeat's score, for the metrics that have repeats."""
        repeats = {metric: statistic.repeats(self) for metric, statistic in self.statistics.items()}
        return {metric: scores for metric, scores in repeats.items() if scores}

    def to_json(self) -> dict[str, Any]:
        """The observations as strict JSON; see `evalkit.observations.packing` for how columns are packed."""
        return {
            "unit": self.unit,
            "ids": None if self.ids is None else list(self.ids),
            "columns": {name: packing.pack(values) for name, values in self.columns.items()},
            "labels": {name: list(names) for name, names in self.labels.items()},
            "statistics": {metric: str(statistic) for metric, statistic in self.statistics.items()},
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Observations:
        """The observations that `to_json` wrote.

        Raises:
            StoreError: If they are malformed or name a statistic that is not known.
        """
        with packing.reading():
            return cls(**packing.fields(record))

    def _check_lengths(self) -> None:
        lengths = {name: len(values) for name, values in self.columns.items()}
        for name, length in lengths.items():
            if length != len(self):
                raise ValueError(f"Column {name!r} has {length} rows where there are {len(self)} units.")

    def _check_labels(self) -> None:
        for name, names in self.labels.items():
            if name not in self.columns:
                raise ValueError(f"Labels are named for a column {name!r} that there is not.")
            if len(self) and self.columns[name].max() >= len(names):
                raise ValueError(f"Column {name!r} has a code beyond its {len(names)} labels.")


def _column(name: str, values: AnyArray) -> AnyArray:
    """A read-only view or copy of a column in one of the three dtypes that are kept."""
    array = np.asarray(values)
    if array.ndim not in (1, 2) or (array.ndim == 2 and not array.shape[1]):
        raise ValueError(f"Column {name!r} must be (n,) or (n, r), not {array.shape}.")
    kept = np.ascontiguousarray(array, dtype=_kept_dtype(name, array)).view()
    kept.flags.writeable = False
    return kept


def _kept_dtype(name: str, array: AnyArray) -> np.dtype[Any]:
    if array.dtype.kind in "biu":
        if array.dtype == np.uint64 and array.size and array.max() > np.iinfo(np.int64).max:
            raise ValueError(f"Column {name!r} has a number beyond 64 bits.")
        return np.dtype(np.int64)
    if array.dtype.kind != "f" or array.dtype.itemsize > 8:
        raise ValueError(f"Column {name!r} must hold numbers of at most 64 bits, not {array.dtype}.")
    return np.dtype(np.float32 if array.dtype == np.float32 else np.float64)
