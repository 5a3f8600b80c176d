"""Rules of what a task makes of a cell."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from evalkit.observations import Observations
from evalkit.protocols import CellScores
from evalkit.testing.rules import is_json, is_sentences, rule

if TYPE_CHECKING:
    from evalkit.protocols import Task


def check_scores(task: Task, key: tuple[str, str], scores: CellScores) -> None:
    """Check the scores of a cell.

    Raises:
        AssertionError: A rule is broken.
    """
    rule(isinstance(scores, CellScores), f"evaluate must return CellScores, not {type(scores).__name__}")
    rule(is_sentences(scores.warnings), "warnings must be sentences")
    metrics = dict(scores.extra)
    if scores.observations is None:
        rule(task.main_score in metrics, "without observations the main score must be among extra")
    else:
        metrics |= _observed(task, key, scores.observations)
    for metric, value in metrics.items():
        rule(not math.isinf(value), f"{metric} must be a finite number, or nan where it is undefined, not {value}")
    _check_numbers("data", scores.data)
    _check_numbers("cost", scores.cost)
    _check_ties(scores.ties, metrics)
    _check_repeats(scores.repeats)


def _observed(task: Task, key: tuple[str, str], observations: Observations) -> dict[str, float]:
    rule(isinstance(observations, Observations), f"the observations of cell {key} must be Observations")
    rule(len(observations), f"the observations of cell {key} must have at least one unit")
    rule(
        task.main_score in observations.statistics,
        f"the main score {task.main_score!r} must be a statistic of the observations of cell {key}, "
        f"which have {', '.join(observations.statistics) or 'none'}",
    )
    _check_round_trip(key, observations)
    return dict(observations.scores())


def _check_round_trip(key: tuple[str, str], observations: Observations) -> None:
    record = observations.to_json()
    rule(is_json(record), f"the observations of cell {key} must be strict JSON")
    read = Observations.from_json(json.loads(json.dumps(record)))
    same = repr(read.scores()) == repr(observations.scores())
    rule(same, f"the scores of cell {key} must follow bit for bit from its observations as they are stored")


def _check_numbers(what: str, numbers: Any) -> None:
    rule(isinstance(numbers, Mapping), f"{what} must be a mapping of numbers by name")
    for name, value in numbers.items():
        rule(
            isinstance(name, str) and _is_finite(value),
            f"{what} must be finite numbers by name, not {name!r}: {value!r}",
        )


def _check_ties(ties: Any, metrics: Mapping[str, float]) -> None:
    rule(isinstance(ties, Mapping), "ties must be a mapping of metrics to their lowest and highest value")
    for metric, ends in ties.items():
        rule(metric in metrics, f"ties must be of metrics that the cell has, not of {metric!r}")
        pair = len(ends) == 2 and all(map(_is_finite, ends)) and ends[0] <= ends[1]
        rule(pair, f"ties of {metric} must be its lowest and highest value, finite numbers, not {ends!r}")


def _check_repeats(repeats: Any) -> None:
    rule(isinstance(repeats, Mapping), "repeats must be a mapping of metrics to a value for each repeat")
    for metric, values in repeats.items():
        listed = not isinstance(values, str) and all(_is_number(value) and not math.isinf(value) for value in values)
        rule(listed, f"repeats of {metric} must be numbers, finite or nan where it is undefined")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_finite(value: Any) -> bool:
    return _is_number(value) and math.isfinite(value)


def shown(scores: CellScores) -> str:
    """Everything that must be equal between two evaluations; nan equals nan."""
    observed = scores.observations
    of_units = (observed.to_json(), observed.scores()) if observed is not None else None
    rest = (dict(scores.extra), dict(scores.data), dict(scores.ties), dict(scores.cost))
    repeats = {metric: list(values) for metric, values in scores.repeats.items()}
    return repr((of_units, *rest, repeats, scores.warnings))
