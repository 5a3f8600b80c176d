"""Whether the gate keeps its promises: false alarms, false passes and power of `evalkit check` on known truths.

    python benchmarks/gate.py                 # everything, some minutes on two cores
    python benchmarks/gate.py --quick         # the headlines, under a minute
    python benchmarks/gate.py --write         # and put the tables into benchmarks/gate.md

Every experiment has its own seed, made of its name. Values are drawn, packed into result records, and checked by the
functions that the command calls; some are written to files and checked from there, by the command too.
"""

from __future__ import annotations

from collections.abc import Callable

import gate_alarms
import gate_power
from calibration_lines import Line
from experiments import carry_out, versions
from gate_lines import render

INTRODUCTION = """# Does the gate hold? False alarms, false passes and power on known truths

Written by `python benchmarks/gate.py --write`; seeded, so the same versions give the same numbers.

- **false alarm**: `evalkit check` exits 1 though no line loses more than the margin (with `--strict`: though none loses
  anything). Most likely where every line loses exactly the margin. At most alpha = .05 is promised for all lines of a
  check together.
- **false pass**: it exits 0 though a line loses the margin. At most alpha is promised.
- **found**: it exits 1, or gives the task that loses the verdict *regression*, where the true loss is twice the margin.
  The expected share is what `evalkit power` promises (`foresee`, its function).
- **pass**: it exits 0 for a candidate that differs by noise alone.
- **lines**: p values that Holm's method corrects together: tasks and their mean, of every encoder.
- **95 % band**: where the measured share lies in 95 of 100 runs if the expectation is met exactly; `≤` and `≥` are
  promises of a bound, and nothing is expected where the column is empty.

{versions}
"""


def page(lines: list[Line]) -> str:
    return f"{INTRODUCTION.format(versions=versions())}\n{render(lines)}\n"


def experiments(scale: float) -> list[tuple[str, Callable[[], list[Line]]]]:
    """Name and function of each."""
    return [*gate_alarms.experiments(scale), *gate_power.experiments(scale)]


if __name__ == "__main__":
    carry_out("gate", __doc__.splitlines()[0], experiments, page)
