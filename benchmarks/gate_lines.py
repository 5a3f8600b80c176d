"""The tables of `gate.py`."""

from __future__ import annotations

from collections.abc import Sequence

from calibration_lines import FAR, Line, Promise, markdown

WITHIN = 0.03
"""How far the power found may be from the power promised."""

HEADER = ("measures", "truth", "check", "lines", "units", "expected", "measured", "simulations", "95 % band", "verdict")


def render(lines: Sequence[Line]) -> str:
    """The tables in Markdown, what is outside first."""
    parts = [*_summary(lines), "", *_outside(lines)]
    for section in dict.fromkeys(line.section for line in lines):
        rows = [(*_cells(line), line.verdict) for line in lines if line.section == section]
        parts += ["", f"## {section}", "", *markdown(HEADER, rows)]
    return "\n".join(parts)


def _summary(lines: Sequence[Line]) -> list[str]:
    promised = [line for line in lines if line.promise is not Promise.NONE]
    missed = [line for line in promised if not line.inside()]
    far = [line for line in missed if not line.inside(FAR)]
    power = [line for line in lines if is_power(line)]
    usual = [line for line in power if line.headline]
    return [
        f"{len(promised)} lines with an expectation ({sum(line.simulations for line in lines):,} checks): "
        f"**{len(promised) - len(missed)} inside** the binomial 95 % band, **{len(missed)} OUTSIDE**, {len(far)} of "
        f"these outside the 99.9 % band too. Of {len(power)} powers promised exactly, the furthest is "
        f"{_furthest(power):.3f} from what was found; of the {len(usual)} for differences from a normal distribution "
        f"{_furthest(usual):.3f}. {WITHIN:g} is allowed."
    ]


def _furthest(lines: Sequence[Line]) -> float:
    return max((abs(line.measured - line.nominal) for line in lines), default=0.0)


def is_power(line: Line) -> bool:
    """Whether it sets what `evalkit power` promised exactly against what was found."""
    return line.measures.startswith("found") and line.promise is Promise.EXACT


def _outside(lines: Sequence[Line]) -> list[str]:
    missed = [line for line in lines if line.promise is not Promise.NONE and not line.inside()]
    if not missed:
        return ["Nothing is outside."]
    rows = [(*_cells(line), line.reason()) for line in missed]
    return ["## What is outside", "", *markdown((*HEADER[:-1], "reason"), rows)]


def _cells(line: Line) -> tuple[str, ...]:
    return (
        line.measures, line.truth, line.method, str(line.models), line.n, _expected(line), f"{line.measured:.4f}",
        f"{line.simulations:,}", _band(line),
    )  # fmt: skip


def _expected(line: Line) -> str:
    if line.promise is Promise.NONE:
        return ""
    sign = "" if line.promise is Promise.EXACT else f"{line.promise} "
    return f"{sign}{line.nominal:.4f}".rstrip("0").rstrip(".")


def _band(line: Line) -> str:
    low, high = line.band()
    if line.promise is Promise.NONE:
        return ""
    if line.promise is Promise.AT_MOST:
        return f"up to {high:.4f}"
    if line.promise is Promise.AT_LEAST:
        return f"from {low:.4f}"
    return f"{low:.4f} to {high:.4f}"
