"""Whether the gate keeps its promises: false alarms, false passes and power of `evalkit check` on known truths.

    python benchmarks/gate.py                 # everything, some minutes on two cores
    python benchmarks/gate.py --quick         # the headlines, under a minute
    python benchmarks/gate.py --write         # and put the tables into benchmarks/gate.md

Every experiment has its own seed, made of its name. Values are drawn, packed into result records, and checked by the
functions that the command calls; some are written to files and checked from there, by the command too.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from pathlib import Path

import gate_alarms
import gate_power
from calibration_lines import Line
from gate_lines import render

HERE = Path(__file__).parent
QUICK = 0.2
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


def main() -> None:
    arguments = parse()
    scale = QUICK if arguments.quick else 1.0
    started = time.perf_counter()
    lines = measure(scale, arguments.workers)
    print(f"{time.perf_counter() - started:.0f} s", file=sys.stderr)
    python = ".".join(map(str, sys.version_info[:3]))
    versions = f"Python {python}, numpy {version('numpy')}, scipy {version('scipy')}."
    text = f"{INTRODUCTION.format(versions=versions)}\n{render(lines)}\n"
    print(text)
    if arguments.json:
        records = [line.record() for line in lines]
        arguments.json.write_text(json.dumps(records, indent=1, default=int) + "\n", encoding="utf-8")
    if arguments.write:
        (HERE / "gate.md").write_text(text, encoding="utf-8")


def parse() -> argparse.Namespace:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer experiments, fewer simulations")
    parser.add_argument("--write", action="store_true", help="put the tables into benchmarks/gate.md")
    parser.add_argument("--json", type=Path, help="keep every line in this file")
    parser.add_argument("--workers", type=int, default=cores, help="processes")
    arguments = parser.parse_args()
    if arguments.quick and arguments.write:
        parser.error("--write is for the whole of it, not for --quick.")
    return arguments


def measure(scale: float, workers: int) -> list[Line]:
    """All lines, in the order of the experiments."""
    names = [name for name, _ in experiments(scale)]
    found: list[Line] = []
    with ProcessPoolExecutor(workers, initializer=one_thread) as pool:
        performed = pool.map(perform, [scale] * len(names), range(len(names)))
        for name, (lines, seconds) in zip(names, performed, strict=True):
            print(f"{seconds:6.1f} s  {name}", file=sys.stderr, flush=True)
            found += lines
    return found


def experiments(scale: float) -> list[tuple[str, Callable[[], list[Line]]]]:
    """Name and function of each."""
    return [*gate_alarms.experiments(scale), *gate_power.experiments(scale)]


def perform(scale: float, place: int) -> tuple[list[Line], float]:
    """The lines of one experiment and the processor time they took."""
    started = time.process_time()
    _, run = experiments(scale)[place]
    return run(), time.process_time() - started


def one_thread() -> None:
    """Workers share the cores; more threads in each would only wait for one another."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)


if __name__ == "__main__":
    main()
