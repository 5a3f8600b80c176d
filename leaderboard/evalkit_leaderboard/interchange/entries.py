"""The scores of one cell, as mteb writes them, sorted into numbers, repeats and the rest."""

from __future__ import annotations

import math
from itertools import chain
from typing import TYPE_CHECKING, Any

from evalkit_leaderboard.interchange.published import UNDETERMINED, Scores

if TYPE_CHECKING:
    from collections.abc import Mapping

EXPERIMENTS = "scores_per_experiment"
V_MEASURES = "v_measures"
V_MEASURE = "v_measure"
_NO_SCORES = frozenset({"main_score", "hf_subset", "languages", "mteb_version", "evaluation_time"})


def read_entry(entry: Mapping[str, Any]) -> Scores:
    """The scores of a cell."""
    flat = _flat({key: value for key, value in entry.items() if key not in _NO_SCORES})
    main, lists = entry.get("main_score"), {key: flat.pop(key) for key in (EXPERIMENTS, V_MEASURES) if key in flat}
    numbers = {key: value for key, value in flat.items() if value is None or _is_number(value)}
    repeats = {**_experiments(lists.get(EXPERIMENTS)), **_v_measures(lists.get(V_MEASURES))}
    return Scores(
        main=_finite(main) if main is not None and _is_number(main) else None,
        values={key: None if value is None else _finite(value) for key, value in numbers.items()},
        repeats={key: values for key, values in repeats.items() if all(map(math.isfinite, values))},
        languages=tuple(str(code) for code in entry.get("languages") or () if code != UNDETERMINED),
        undefined=tuple(key for key, value in numbers.items() if value is None or not math.isfinite(value)),
        lost=tuple(key for key in flat if key not in numbers),
    )


def _flat(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Scores by similarity, ``{"max": {"ap": 1}}`` before mteb 1.12.48, as ``{"max_ap": 1}``."""
    flat: dict[str, Any] = {}
    for key, value in entry.items():
        if isinstance(value, dict) and key not in {EXPERIMENTS, V_MEASURES}:
            flat.update({f"{key}_{inner}": each for inner, each in value.items()})
        else:
            flat[key] = value
    return flat


def _experiments(record: Any) -> dict[str, tuple[float, ...]]:
    """Values of each experiment, for the metrics that all experiments have."""
    if not isinstance(record, list) or not record or not all(isinstance(each, dict) for each in record):
        return {}
    return {
        metric: tuple(float(each[metric]) for each in record)
        for metric in record[0]
        if all(_is_number(each.get(metric)) for each in record)
    }


def _v_measures(record: Any) -> dict[str, tuple[float, ...]]:
    """V-measures of each repeat, level after level: what evalkit's own clustering calls its repeats."""
    levels = list(record.values()) if isinstance(record, dict) else [record]
    if not all(isinstance(level, list) for level in levels):
        return {}
    values = list(chain.from_iterable(levels))
    return {V_MEASURE: tuple(map(float, values))} if values and all(map(_is_number, values)) else {}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
