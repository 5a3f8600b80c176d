"""The page of `evalkit diagnose`, and its JSON."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.cli import console
from evalkit.diagnostics import Finding, Level, findings, warnings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalkit.cli.diagnosed import Diagnosed
    from evalkit.diagnostics import Diagnosis
    from evalkit.protocols import Encoder
    from evalkit.types import FloatArray

LABELS = {
    "rankme": "RankMe",
    "effective_rank": "effective rank",
    "stable_rank": "stable rank",
    "participation_ratio": "participation ratio",
    "isoscore": "IsoScore",
    "alpha_req": "alpha-ReQ",
    "nesum": "NESum",
    "anisotropy": "mean cosine",
    "mean_angle": "mean angle",
    "uniformity": "uniformity",
    "alignment": "alignment",
    "two_nn": "TwoNN dimension",
    "mle_dimension": "MLE dimension",
    "hubness": "hubness",
    "cosine_dot_disagreement": "cosine against dot",
    "rescaling_disagreement": "rescaled axes",
    "n": "texts",
    "dimension": "dimensions",
}
"""What people call the diagnostics."""
_STYLES = {Level.HEALTHY: "green", Level.SUSPICIOUS: "yellow", Level.PLAIN: ""}
_BAR = 12
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_HEIGHTS = " ▁▂▃▄▅▆▇█"
_CHART_WIDTH, _CHART_HEIGHT = 64, 4
_SMALLEST = 1e-6
"""Share of the variance below which the chart shows nothing."""


def show(encoder: Encoder, found: Sequence[Diagnosed]) -> None:
    """One page for each set of texts."""
    for number, each in enumerate(found):
        if number:
            console.line()
        _show(encoder, each.texts, each.diagnosis)


def _show(encoder: Encoder, texts: str, diagnosis: Diagnosis) -> None:
    from rich.text import Text

    size = f"{console.counted(diagnosis.n, 'different text')}, {diagnosis.dimension:,} dimensions"
    console.line(f"{encoder.name} on {texts}: {size}, compared by {encoder.similarity}")
    console.line()
    for finding in findings(diagnosis, encoder.similarity):
        level = "" if finding.level is Level.PLAIN else str(finding.level)
        value = f"{_value(finding.value)}{_plus_minus(diagnosis.errors.get(finding.name))}"
        start = f"{LABELS[finding.name]:<20}{value:>16}  {bar(finding.share)}  "
        console.out().print(Text.assemble(start, (f"{level:<11}", _STYLES[finding.level]), finding.why))
    console.line()
    for line in chart(diagnosis.spectrum):
        console.line(line)
    for line in _notes(diagnosis):
        console.line(line)


def _value(value: float | None) -> str:
    if value is None:
        return console.MISSING
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.3f}" if abs(value) < 10 else f"{value:.2f}"


def _plus_minus(error: float | None) -> str:
    return f" ± {error:.2g}" if error else ""


def bar(share: float | None) -> str:
    """A share between 0 and 1 as a bar of twelve places, in eighths; blank where there is none."""
    if share is None:
        return " " * _BAR
    eighths = round(share * _BAR * 8)
    full, rest = divmod(eighths, 8)
    return (_EIGHTHS[8] * full + (_EIGHTHS[rest] if rest else "")).ljust(_BAR, "·")


def chart(spectrum: FloatArray) -> list[str]:
    """The spectrum in a few lines: shares of the variance on a logarithmic scale, strongest direction first."""
    there = spectrum[spectrum > _SMALLEST]
    width = min(_CHART_WIDTH, len(spectrum))
    edges = np.linspace(0, len(spectrum), width + 1).astype(int)
    means = np.array([spectrum[low:high].mean() for low, high in pairwise(edges)])
    low, high = np.log10(there.min()), np.log10(there.max())
    scale = 8 * _CHART_HEIGHT
    logs = (np.log10(np.maximum(means, _SMALLEST)) - low) / max(high - low, 1e-9)
    heights = np.where(means > _SMALLEST, 1 + np.round(np.clip(logs, 0, 1) * (scale - 1)), 0).astype(int)
    labels = {0: f"{there.max():>8.2%}", _CHART_HEIGHT - 1: f"{there.min():>8.1e}"}
    rows = [
        f"{labels.get(row, ''):>8} {''.join(_HEIGHTS[_part(height, row)] for height in heights)}".rstrip()
        for row in range(_CHART_HEIGHT)
    ]
    axis = f"{'':>8} 1{len(spectrum):>{max(width - 1, 1)}}"
    return ["share of the variance by principal direction, logarithmic", *rows, axis]


def _part(height: int, row: int) -> int:
    """How much of a column lies in a line of the chart, the uppermost being 0."""
    return int(min(max(height - 8 * (_CHART_HEIGHT - 1 - row), 0), 8))


def _notes(diagnosis: Diagnosis) -> Iterator[str]:
    reached = np.cumsum(diagnosis.spectrum)
    half, most = (int(np.searchsorted(reached, share)) + 1 for share in (0.5, 0.9))
    yield f"Half of the variance is in {console.counted(half, 'direction')}, 90 % in {most:,}."
    usable = diagnosis.n - diagnosis.zeros
    if diagnosis.n < diagnosis.dimension:
        yield f"There are fewer texts than dimensions: no rank can exceed {diagnosis.n:,}."
    if diagnosis.zeros:
        yield f"{console.counted(diagnosis.zeros, 'vector')} of 0 left out of cosines, angles and neighbours."
    if diagnosis.neighbours_of < usable:
        yield f"Neighbours are among {diagnosis.neighbours_of:,} texts, chosen by a hash, of {usable:,}."
    if diagnosis.spectrum_of < diagnosis.n:
        yield f"The spectrum is that of {diagnosis.spectrum_of:,} texts, chosen by a hash."
    if diagnosis.errors:
        yield "± is one standard error of an estimate from a sample."


def warn(encoder: Encoder, found: Sequence[Diagnosed]) -> None:
    """What the two tests of similarities say, once each."""
    for text in dict.fromkeys(text for each in found for text in warnings(each.diagnosis, encoder.similarity)):
        console.warning(text)


def as_json(encoder: Encoder, found: Sequence[Diagnosed]) -> dict[str, Any]:
    """Everything, for scripts."""
    return {
        "encoder": {
            "name": encoder.name,
            "fingerprint": encoder.fingerprint,
            "similarity": str(encoder.similarity),
        },
        "diagnoses": [_diagnosis_json(encoder, each.texts, each.diagnosis) for each in found],
    }


def _diagnosis_json(encoder: Encoder, texts: str, diagnosis: Diagnosis) -> dict[str, Any]:
    return {
        "texts": texts,
        "diagnostics": diagnosis.values,
        "standard_errors": diagnosis.errors,
        "findings": [_finding_json(each) for each in findings(diagnosis, encoder.similarity)],
        "warnings": warnings(diagnosis, encoder.similarity),
        "zero_vectors": diagnosis.zeros,
        "neighbours_of": diagnosis.neighbours_of,
        "spectrum_of": diagnosis.spectrum_of,
        "spectrum": diagnosis.spectrum.tolist(),
    }


def _finding_json(finding: Finding) -> dict[str, str]:
    return {"name": finding.name, "level": str(finding.level), "why": finding.why}
