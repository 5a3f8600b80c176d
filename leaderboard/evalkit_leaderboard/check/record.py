"""A check for programs: everything at full precision, null where there is nothing."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from evalkit_leaderboard.compare_page import versions

if TYPE_CHECKING:
    from evalkit.schema import EncoderRecord
    from evalkit_leaderboard.check.report import EncoderCheck, Line, Report
    from evalkit_leaderboard.check.settings import Settings
    from evalkit_leaderboard.hardest import HardUnit

SCHEMA_VERSION = 1


def as_json(report: Report) -> dict[str, Any]:
    """The report as strict JSON takes it: a number that is not finite becomes null."""
    record = {
        "schema_version": SCHEMA_VERSION,
        "verdict": report.verdict.value,
        "exit_code": report.exit_code,
        "baseline": report.baseline,
        "candidate": report.candidate,
        "settings": _settings(report.settings),
        "alpha": report.alpha,
        "family": report.family,
        "look": report.look,
        "encoders": [_encoder(encoder) for encoder in report.encoders],
        "notes": list(report.notes),
        "warnings": list(report.warnings),
        "provenance": {"versions": versions()},
    }
    return {name: _strict(value) for name, value in record.items()}


def _settings(settings: Settings) -> dict[str, Any]:
    return {
        **_fields(settings),
        "margins": dict(settings.margins),
        "inconclusive": settings.inconclusive.value,
        "spending": settings.spending.value,
    }


def _encoder(encoder: EncoderCheck) -> dict[str, Any]:
    return {
        "label": encoder.label,
        "baseline": _who(encoder.baseline),
        "candidate": None if encoder.candidate is None else _who(encoder.candidate),
        "tasks": [_line(line) for line in encoder.tasks],
        "mean": None if encoder.mean is None else _line(encoder.mean),
    }


def _who(encoder: EncoderRecord) -> dict[str, str | None]:
    return {"name": encoder.name, "fingerprint": encoder.fingerprint, "spec": encoder.spec}


def _line(line: Line) -> dict[str, Any]:
    return {**_fields(line), "verdict": line.verdict.value, "worst": [_unit(unit) for unit in line.worst]}


def _unit(unit: HardUnit) -> dict[str, Any]:
    return {
        "split": unit.split,
        "subset": unit.subset,
        "id": unit.id,
        "baseline": unit.a,
        "candidate": unit.b,
        "difference": unit.b - unit.a,
        "shared": dict(unit.shared),
        "seen_baseline": dict(unit.seen_a),
        "seen_candidate": dict(unit.seen_b),
        "text": unit.text,
    }


def _fields(of: Any) -> dict[str, Any]:
    """The attributes of a dataclass; `asdict` would copy mappings that cannot be copied."""
    return {field.name: getattr(of, field.name) for field in fields(of)}


def _strict(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _strict(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_strict(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
