"""A sweep as tables and sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit_tasks.stress.sweep.reduce import Reduction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evalkit_tasks.stress.sweep.record import Estimate, Point, PublishedScore, Sweep

_MISSING = "—"
_BYTES = 4  # a float32


def headers(sweep: Sweep) -> tuple[str, ...]:
    """Names of the columns of `rows`; the first two are text."""
    main = sweep.task.main_score
    level = f"{100 * (1 - _alpha(sweep)):g} % interval"
    return ("encoder", "reduction", "dimension", "bytes", main, level, *_others(sweep))


def rows(sweep: Sweep) -> Iterator[tuple[str, ...]]:
    """One row a point."""
    main, others = sweep.task.main_score, _others(sweep)
    for curve in sweep.encoders:
        for point in curve.points:
            size = _MISSING if point.dimension is None else f"{_BYTES * point.dimension:,}"
            estimate = point.scores[main]
            values = (_number(point.scores.get(name)) for name in others)
            yield (
                curve.encoder.name, _reduction(point, curve.encoder.dimension), _dimension(point.dimension), size,
                _number(estimate), _interval(estimate), *values,
            )  # fmt: skip


def published_headers(sweep: Sweep) -> tuple[str, ...]:
    """Names of the columns of `published_rows`; the first is text."""
    return ("published", "dimension", *_metrics(sweep.published))


def published_rows(sweep: Sweep) -> Iterator[tuple[str, ...]]:
    """The paper's rows."""
    for row in sweep.published:
        scores = (row.scores.get(name) for name in _metrics(sweep.published))
        yield (row.model, _dimension(row.dimension), *(_MISSING if s is None else f"{s:.3f}" for s in scores))


def notes(sweep: Sweep) -> Iterator[str]:
    """How to read the numbers, and what was left out."""
    queries = max((curve.queries for curve in sweep.encoders), default=0)
    yield f"Intervals: Student's t over the {queries:,} queries of {sweep.task.name}, each point by itself."
    yield from dict.fromkeys(_comparison(curve.encoder.similarity) for curve in sweep.encoders)
    fitted = dict.fromkeys(curve.fitted_on for curve in sweep.encoders if curve.fitted_on)
    for documents in fitted:
        yield f"pca: principal components, centred, fitted on {documents}, that is on the texts that are scored."
    yield from dict.fromkeys(note for curve in sweep.encoders for note in curve.notes)
    yield from sweep.published_notes


def warnings(sweep: Sweep) -> Iterator[str]:
    """What the task warned of, with the points where it did."""
    for curve in sweep.encoders:
        places: dict[str, list[str]] = {}
        for point in curve.points:
            for text in point.warnings:
                places.setdefault(text, []).append(_place(point))
        for text, where in places.items():
            yield f"{curve.encoder.name} ({', '.join(where)}): {text}"


def _comparison(similarity: str) -> str:
    return {
        "cosine": "Compared by cosine: vectors are divided by their norms after they are shortened.",
        "dot": "Compared by inner product: shortened vectors keep their lengths and are not divided by their norms.",
    }.get(similarity, "A lexical scorer has no dimensions.")


def _place(point: Point) -> str:
    return point.reduction if point.dimension is None else f"{point.reduction} {point.dimension}"


def _reduction(point: Point, own: int | None) -> str:
    whole = point.reduction == Reduction.TRUNCATE and point.dimension == own
    return "whole" if whole else point.reduction


def _dimension(dimension: int | None) -> str:
    return _MISSING if dimension is None else str(dimension)


def _alpha(sweep: Sweep) -> float:
    return float(str(sweep.parameters["alpha"]))


def _others(sweep: Sweep) -> tuple[str, ...]:
    """Metrics beside the headline, in order."""
    names = dict.fromkeys(name for curve in sweep.encoders for point in curve.points for name in point.scores)
    return tuple(name for name in names if name != sweep.task.main_score)


def _metrics(published: tuple[PublishedScore, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for row in published for name in row.scores))


def _number(estimate: Estimate | None) -> str:
    return _MISSING if estimate is None or estimate.value is None else f"{estimate.value:.4f}"


def _interval(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return _MISSING
    return f"{estimate.low:.4f} ... {estimate.high:.4f}"
