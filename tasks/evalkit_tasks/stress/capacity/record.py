"""The file of a measurement: every attempt and what follows from them. A run that is cut short goes on from it."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from evalkit.environment import describe
from evalkit.errors import StoreError
from evalkit.schema import first_problem
from evalkit.store import write_atomic
from evalkit_tasks.stress.capacity import published
from evalkit_tasks.stress.capacity.fit import Cubic, fit, fit_measured
from evalkit_tasks.stress.capacity.measure import Attempt, Attempts, Capacity, Setup, finished

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SCHEMA_VERSION: Literal[1] = 1
KIND: Literal["capacity"] = "capacity"
_PAUSE = 1.0
"""Seconds between two writings: a small optimisation takes less time than a flush to the disk."""


class _Kept(BaseModel):
    """What is read of a file; all else in it follows from this."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    schema_version: Literal[1]
    kind: Literal["capacity"]
    parameters: Setup
    attempts: tuple[Attempt, ...]


class Log:
    """Keeps attempts in a file, at most a second late.

    Args:
        path: The file; None keeps nothing.
        setup: What all attempts share.
        attempts: Those that are kept; the measurement adds to them.
    """

    def __init__(self, path: Path | None, setup: Setup, attempts: Attempts) -> None:
        self._path = path
        self._setup = setup
        self._attempts = attempts
        self._written = 0.0

    def note(self) -> None:
        """Something was added."""
        if time.monotonic() - self._written > _PAUSE:
            self.write()

    def write(self) -> None:
        """Write the file whole.

        Raises:
            StoreError: It cannot be written.
        """
        if self._path is not None:
            text = json.dumps(document(self._attempts, self._setup), allow_nan=False, indent=1)
            write_atomic(self._path, text + "\n")
        self._written = time.monotonic()


def kept(path: Path | None, setup: Setup) -> Attempts:
    """The attempts of an earlier run; none where there is no file.

    Raises:
        StoreError: The file is none of these, or its attempts were made otherwise.
    """
    if path is None or not path.exists():
        return Attempts()
    found = _read(path)
    if found.parameters != setup:
        raise StoreError(
            f"{path} was measured otherwise: {_differences(found.parameters, setup)}.",
            hint="Name another file with -o, or measure as it says.",
        )
    return Attempts(found.attempts)


def document(attempts: Attempts, setup: Setup) -> dict[str, Any]:
    """Attempts and what follows from them, for JSON."""
    capacities, begun = finished(attempts, setup)
    k = setup.relevant
    own = fit_measured({each.dimension: each.largest for each in capacities}, k)
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": KIND,
        "parameters": asdict(setup),
        "versions": describe(object()).model_dump(mode="json"),
        "unfinished": [{"dimension": dimension, "seed": seed} for dimension, seed in begun],
        "capacities": [capacity_data(each, k) for each in capacities],
        "fit": None if own is None else cubic_data(own),
        "paper_fit": paper_data() if k == published.RELEVANT else None,
        "attempts": [asdict(each) for each in attempts],
    }


def capacity_data(capacity: Capacity, k: int) -> dict[str, Any]:
    """One dimension."""
    return {
        "dimension": capacity.dimension,
        "critical_n": capacity.largest,
        "median": capacity.median,
        "min": capacity.least,
        "smallest_unsolved": capacity.smallest_unsolved,
        "paper": published.critical(capacity.dimension, k),
        "seeds": {str(seed): asdict(critical) for seed, critical in capacity.by_seed.items()},
        "attempts": capacity.attempts,
        "steps": capacity.steps,
        "seconds": capacity.seconds,
    }


def paper_data() -> dict[str, Any]:
    """The cubic through the paper's numbers and through those before the last three, and where they would lead."""
    fits = {"all": fit(published.CRITICAL), "without_last": fit(published.before_the_last())}
    return {name: {**cubic_data(each), "extrapolated": _extrapolated(each)} for name, each in fits.items()}


def cubic_data(cubic: Cubic) -> dict[str, Any]:
    """A fit: coefficients of 1, d, d^2 and d^3 with their 95 % intervals."""
    return {
        "coefficients": cubic.coefficients.tolist(),
        "low": cubic.low.tolist(),
        "high": cubic.high.tolist(),
        "r_squared": cubic.r_squared,
        "points": cubic.n,
    }


def _extrapolated(cubic: Cubic) -> list[dict[str, float]]:
    reach = cubic.at(np.array(published.EXTRAPOLATED, dtype=np.float64)).tolist()
    ends = zip(published.EXTRAPOLATED, reach, strict=True)
    return [{"dimension": at, "value": value, "low": low, "high": high} for at, (value, low, high) in ends]


def _read(path: Path) -> _Kept:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}.", hint="Name another file with -o.") from None
    except ValueError as error:
        raise StoreError(f"{path} is no JSON: {error}.", hint="Name another file with -o.") from None
    version = data.get("schema_version") if isinstance(data, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise StoreError(f"{path} was written by a newer evalkit (schema {version}).", hint="Upgrade evalkit.")
    try:
        return _Kept.model_validate(data)
    except ValidationError as error:
        raise StoreError(
            f"{path} is no measurement of capacity: {first_problem(error)}.", hint="Name another file with -o."
        ) from None


def _differences(kept: Setup, wanted: Setup) -> str:
    pairs = _flat(asdict(kept)), _flat(asdict(wanted))
    return ", ".join(
        f"{name} {value}, not {pairs[1][name]}" for name, value in pairs[0].items() if pairs[1][name] != value
    )


def _flat(setup: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in setup.items() if key != "law"} | dict(setup["law"])
