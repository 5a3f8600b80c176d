"""A board as JSON: every number, what it rests on, and where it comes from."""

from __future__ import annotations

import math
import platform
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit_leaderboard import diagnostics_page
from evalkit_leaderboard.diagnostics_columns import diagnostics
from evalkit_leaderboard.sheet import VERDICTS
from evalkit_leaderboard.wording import notes, pairs_method

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evalkit_leaderboard.board import Board
    from evalkit_leaderboard.diagnostics_columns import Association, DiagnosticMeans
    from evalkit_leaderboard.proof import Against
    from evalkit_leaderboard.standing import Standing


def as_json(board: Board) -> dict[str, Any]:
    """Everything at full precision, best encoder first; null where there is nothing, or nothing was asked for."""
    frame, options = board.frame, board.options
    return {
        "question": board.question.value,
        "aggregate": options.aggregate.value,
        "by": options.by.value,
        "alpha": options.alpha,
        "family": board.proof.family.value,
        "method": options.method.value,
        "reference": frame.encoders[board.reference],
        "tasks": [_task(board, column) for column in range(len(frame.tasks))],
        "encoders": [_encoder(board, row) for row in board.order],
        "comparisons": list(_comparisons(board)),
        "methods": _methods(board),
        "diagnostics": _diagnostics(board) if options.diagnostics else None,
        "notes": list(notes(board)),
        "provenance": _provenance(board),
    }


def _task(board: Board, column: int) -> dict[str, Any]:
    result = board.frame.task(column)
    units = board.units[result.task.name]
    return {
        "name": result.task.name,
        "type": result.task.type,
        "metric": result.main_score.metric,
        "fingerprint": result.task.fingerprint,
        "basis": units.basis,
        "unit": units.unit if units.n else None,
        "units": units.n,
        "without_units": {board.frame.encoders[row]: reason for row, reason in sorted(units.reasons.items())},
    }


def _encoder(board: Board, row: int) -> dict[str, Any]:
    frame, means = board.frame, board.means
    encoder = frame.encoder(row)
    return {
        "label": frame.encoders[row],
        "name": encoder.name,
        "fingerprint": encoder.fingerprint,
        "spec": encoder.spec,
        "mean": or_none(means.over_tasks[row]),
        "mean_of_types": or_none(means.over_types[row]),
        "mean_by_type": _named(means.types, means.by_type[row]),
        "scores": _named(frame.tasks, frame.main[row]),
        "overall": _place(board.overall, board.proof.overall, row),
        "rank": _ranks(board, row),
        "tier": int(board.tiers[row]) or None,
        "columns": {
            standing.name: _place(standing, against, row)
            for standing, against in zip(board.columns, board.proof.columns, strict=True)
        },
    }


def _place(standing: Standing, against: Against, row: int) -> dict[str, Any]:
    """One encoder in one standing."""
    return {
        "value": or_none(standing.values[row]),
        "low": or_none(standing.low[row]),
        "high": or_none(standing.high[row]),
        "tasks": int(standing.tasks[row]),
        "of_tasks": standing.n_tasks,
        "against_reference": {
            "difference": or_none(against.difference[row]),
            "low": or_none(against.low[row]),
            "high": or_none(against.high[row]),
            "p": or_none(against.p[row]),
            "p_adjusted": or_none(against.p_adjusted[row]),
            "verdict": VERDICTS[int(against.verdict[row])],
        },
    }


def _ranks(board: Board, row: int) -> dict[str, list[int]] | None:
    if not board.tiers[row]:
        return None
    both = {"simultaneous": board.ranks, "marginal": board.marginal_ranks}
    return {kind: [int(ends[row]) for ends in ranks] for kind, ranks in both.items()}


def _comparisons(board: Board) -> Iterable[dict[str, Any]]:
    """Every pair overall, in the order of the rows."""
    pairs, names = board.overall.pairs, board.frame.encoders
    low, high = pairs.interval(board.options.alpha)
    for place, row in enumerate(board.order):
        for column in board.order[place + 1 :]:
            at = row, column
            p = pairs.p_adjusted[at]
            yield {
                "a": names[row],
                "b": names[column],
                "difference": or_none(pairs.difference[at]),
                "low": or_none(low[at]),
                "high": or_none(high[at]),
                "p": or_none(pairs.p[at]),
                "p_adjusted": or_none(p),
                "tasks": int(pairs.n[at]),
                "verdict": VERDICTS[int(np.sign(pairs.difference[at])) if p <= board.options.alpha else 0],
            }


def _methods(board: Board) -> dict[str, Any]:
    return {
        "overall": {"basis": board.overall.basis, "comparisons": pairs_method(board.overall.pairs)},
        "columns": {
            standing.name: {"basis": standing.basis, "comparisons": pairs_method(standing.pairs)}
            for standing in board.columns
        },
        "marks": board.proof.correction or None,
        "seeds": "BLAKE2b of the names of the tasks and the purpose; no clock, no process, no order of files",
    }


def _diagnostics(board: Board) -> dict[str, Any]:
    found, alpha = diagnostics(board.frame, alpha=board.options.alpha), board.options.alpha
    more = diagnostics_page.association_notes(found, alpha) if found.associations else ()
    return {
        "means": {each.name: _diagnostic(board, each) for each in found.means},
        "correlations": [_correlation(each) for each in found.associations],
        "notes": [*diagnostics_page.notes(found), *more],
    }


def _diagnostic(board: Board, means: DiagnosticMeans) -> dict[str, Any]:
    frame = board.frame
    return {
        "tasks": [frame.tasks[column] for column in means.columns],
        "of_tasks": means.of,
        "encoders": {frame.encoders[row]: or_none(means.values[row]) for row in board.order},
    }


def _correlation(each: Association) -> dict[str, Any]:
    found = each.found
    numbers = {"rho": found.rho, "low": found.low, "high": found.high, "p": found.p, "p_adjusted": each.p_adjusted}
    return {"name": each.name, "encoders": found.n, **_named(numbers, numbers.values())}


def _provenance(board: Board) -> dict[str, Any]:
    import scipy

    from evalkit import __version__

    return {
        "files": sorted(str(path) for path in board.frame.paths.values()),
        "versions": {
            "evalkit": __version__,
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "python": platform.python_version(),
        },
    }


def _named(names: Iterable[str], values: Iterable[float]) -> dict[str, float | None]:
    return {name: or_none(value) for name, value in zip(names, values, strict=True)}


def or_none(value: float) -> float | None:
    """A number that JSON has a word for."""
    return None if math.isnan(value) else float(value)
