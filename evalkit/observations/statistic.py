"""What every statistic is: a value that prints, parses, and scores weighted samples."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeAlias

import numpy as np

from evalkit.types import AnyArray, FloatArray


class Sample(Protocol):
    """What a statistic reads: `Observations`, without the import cycle that naming it would make."""

    @property
    def columns(self) -> Mapping[str, AnyArray]:
        """(n,) or (n, r) numbers by column name."""
        ...

    def __len__(self) -> int: ...

    def matrix(self, column: str) -> AnyArray:
        """(n, r) a column with its repeats, r = 1 where it has none."""
        ...


Evaluator: TypeAlias = Callable[[FloatArray], FloatArray]
"""Scores of a few reweightings: (b, n) float64 to (b,)."""

BUDGET = 16 << 20
"""Bytes that the temporaries of one chunk may take; beyond the caches a larger chunk is no faster."""

_COLUMN = re.compile(r"[^\s,()=]+")


@dataclass(frozen=True, init=False, repr=False)
class Statistic(ABC):
    """A function of weighted observations, as a value: hashable, comparable, printable, parseable.

    ``str(Spearman("gold", "predicted"))`` is ``spearman(gold, predicted)`` and `parse_statistic` reads it back.
    What is undefined (the correlation of a constant, any score of an empty sample) is nan, never an error.

    Attributes:
        columns: Names of the columns it reads, in the order of `parameters`.
        options: Name and value of every option that differs from its default, sorted.
    """

    columns: tuple[str, ...]
    options: tuple[tuple[str, int], ...]

    name: ClassVar[str]
    """What the statistic is called in a file."""
    parameters: ClassVar[tuple[str, ...]]
    """What each column is for."""
    repeated: ClassVar[frozenset[str]] = frozenset()
    """Parameters whose column may be (n, r), one value a repeat."""
    variadic: ClassVar[bool] = False
    """Whether the parameters may be given several times over."""
    defaults: ClassVar[Mapping[str, int]] = {}
    """The options and their defaults."""

    def __init__(self, *columns: str, **options: int) -> None:
        self._check_arguments(columns, options)
        given = sorted((key, int(value)) for key, value in options.items() if value != self.defaults[key])
        object.__setattr__(self, "columns", columns)
        object.__setattr__(self, "options", tuple(given))

    def __str__(self) -> str:
        return f"{self.name}({', '.join([*self.columns, *(f'{key}={value}' for key, value in self.options)])})"

    def __repr__(self) -> str:
        arguments = [*map(repr, self.columns), *(f"{key}={value}" for key, value in self.options)]
        return f"{type(self).__name__}({', '.join(arguments)})"

    def option(self, name: str) -> int:
        """Value of an option."""
        return dict(self.options).get(name, self.defaults[name])

    def check(self, columns: Mapping[str, AnyArray]) -> None:
        """Check that the columns are there and have the right number of dimensions.

        Raises:
            ValueError: If not.
        """
        for position, column in enumerate(self.columns):
            parameter = self.parameters[position % len(self.parameters)]
            if column not in columns:
                raise ValueError(f"{self} needs a column {column!r}; there are {', '.join(columns) or 'none'}.")
            if columns[column].ndim > 1 and parameter not in self.repeated:
                raise ValueError(f"{self} needs one value a unit in column {column!r}, not {columns[column].shape}.")

    def value(self, obs: Sample) -> float:
        """The score, exactly as it is published."""
        return float(self.weighted(obs, np.ones((1, len(obs))))[0])

    def weighted(self, obs: Sample, W: AnyArray) -> FloatArray:
        """Scores under many reweightings of the units.

        Args:
            obs: The observations, n units.
            W: (B, n) weights, at least 0. Whole numbers mean that unit i is in the sample W[b, i] times.

        Returns:
            (B,) scores; nan where every weight is 0.

        Raises:
            ValueError: If W has another shape or a negative weight.
        """
        W = _checked_weights(W, len(obs))
        scores = np.full(len(W), np.nan)
        drawn = W.any(axis=1)
        if not drawn.any():
            return scores
        evaluate, width = self._evaluator(obs)
        for rows in chunks(len(W), width):
            scores[rows] = evaluate(np.asarray(W[rows], dtype=np.float64))
        scores[~drawn] = np.nan
        return scores

    def pseudo_values(self, obs: Sample) -> FloatArray:
        """(n,) jackknife pseudo-values n t - (n - 1) t_(-i); for a mean these are the units' own values.

        Their mean and standard error give the jackknife estimate and its t interval (Tukey 1958).
        """
        n, score = len(obs), self.value(obs)
        if np.isnan(score):
            return np.full(n, np.nan)
        return np.asarray(n * score - (n - 1) * self.leave_one_out(obs))

    def leave_one_out(self, obs: Sample) -> FloatArray:
        """(n,) the score without each unit; nan where it is then undefined."""
        n = len(obs)
        scores = np.empty(n)
        for rows in chunks(n, n):
            left_out = np.arange(n)[rows]
            W = np.ones((len(left_out), n))
            W[np.arange(len(left_out)), left_out] = 0.0
            scores[rows] = self.weighted(obs, W)
        return scores

    def repeats(self, obs: Sample) -> list[float]:  # noqa: ARG002
        """The score of every repeat (experiment, bootstrap, given set); empty where there are none."""
        return []

    @abstractmethod
    def _evaluator(self, obs: Sample) -> tuple[Evaluator, int]:
        """What scores a few reweightings, and how many floats of temporaries it takes for each of them."""

    def _check_arguments(self, columns: tuple[str, ...], options: Mapping[str, int]) -> None:
        times, rest = divmod(len(columns), len(self.parameters))
        if rest or times < 1 or (times > 1 and not self.variadic):
            raise ValueError(f"{self.name} takes the columns ({', '.join(self.parameters)}), not {columns}.")
        for column in columns:
            if not _COLUMN.fullmatch(column):
                raise ValueError(f"{column!r} cannot be a column of a statistic: no spaces, commas, brackets or '='.")
        for option in options:
            if option not in self.defaults:
                raise ValueError(f"{self.name} has no option {option!r}; it has {', '.join(self.defaults) or 'none'}.")


def chunks(total: int, width: int) -> Iterator[slice]:
    """Slices of `total` rows such that `width` floats for each row stay within `BUDGET`."""
    step = max(1, BUDGET // (8 * max(1, width)))
    return (slice(start, min(start + step, total)) for start in range(0, total, step))


def ratio(numerator: AnyArray, denominator: AnyArray, *, empty: float) -> FloatArray:
    """Quotient of two arrays of one shape, `empty` where the denominator is not positive."""
    shape = np.broadcast_shapes(np.shape(numerator), np.shape(denominator))
    return np.asarray(np.divide(numerator, denominator, out=np.full(shape, empty), where=np.greater(denominator, 0)))


def _checked_weights(W: AnyArray, n: int) -> AnyArray:
    weights = np.asarray(W)
    if weights.ndim != 2 or weights.shape[1] != n:
        raise ValueError(f"The weights must be (B, {n}), not {weights.shape}.")
    if weights.size and weights.min() < 0:
        raise ValueError("A weight is negative.")
    return weights
