"""Whether the engine keeps its promises: errors, coverage and power on values drawn from known truths.

    python benchmarks/calibration.py                 # everything, several minutes on two cores
    python benchmarks/calibration.py --quick         # the headlines, under a minute
    python benchmarks/calibration.py --write         # and put the tables into benchmarks/calibration.md

Every experiment has its own seed, made of its name, and calls the functions that the leaderboard calls. What is outside
its band is printed first, with the reason where it is known.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib.metadata import version
from pathlib import Path

import calibration_contrast
import calibration_many
import calibration_pair
import calibration_tasks
from calibration_lines import Line, render

HERE = Path(__file__).parent
QUICK = 0.2
INTRODUCTION = """# Does it hold? Errors, coverage and power on known truths

Written by `python benchmarks/calibration.py --write`; seeded, so the same versions give the same numbers.

Values are drawn from distributions whose truth is known, thousands of times, and given to the functions that the
leaderboard calls, with their defaults (max-T with {draws} draws or flips in place of 10,000: the level is the same).

- **error**: how often a difference is called proven that is not there. **family-wise**: at least one among all pairs.
- **coverage**: how often the interval holds the truth. **power**: how often a difference that is there is found.
- **nominal**: what the method promises; `≤` and `≥` where it promises a bound, as Holm's method and rank intervals do.
  The nominal power is that of `significance.promised_power`, a formula for large n.
- **around published scores**: pseudo-values are moved to the published score, by the leaderboard as by
  `compare_observations` and `score_interval`: intervals are about the score that so many units give on average.
  **around the jackknife's estimate**: they are left as they are, and intervals are about the score of all units there
  are; this is not the default. The two differ where a score is biased: V-measure of 300 documents in 10 topics, drawn
  with replacement, is .063 too high. The jackknife takes off half of that, and its estimate varies more (by .0332) than
  its error says (.0305).
- **95 % band**: where the measured share lies in 95 of 100 runs if the promise is kept exactly.
- **reason**: numbers in it were measured in simulations of their own; "perhaps chance" was not looked into further.

{versions}
"""


def main() -> None:
    arguments = parse()
    scale = QUICK if arguments.quick else 1.0
    started = time.perf_counter()
    lines = measure(scale, arguments.workers)
    print(f"{time.perf_counter() - started:.0f} s", file=sys.stderr)
    text = f"{introduction()}\n{render(lines)}\n"
    print(text)
    if arguments.json:
        arguments.json.write_text(
            json.dumps([line.record() for line in lines], indent=1, default=int) + "\n", encoding="utf-8"
        )
    if arguments.write:
        (HERE / "calibration.md").write_text(text, encoding="utf-8")


def parse() -> argparse.Namespace:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer experiments, fewer simulations")
    parser.add_argument("--write", action="store_true", help="put the tables into benchmarks/calibration.md")
    parser.add_argument("--json", type=Path, help="keep every line in this file")
    parser.add_argument("--workers", type=int, default=cores, help="processes")
    arguments = parser.parse_args()
    if arguments.quick and arguments.write:
        parser.error("--write is for the whole of it, not for --quick.")
    return arguments


def measure(scale: float, workers: int) -> list[Line]:
    """All lines, in the order of the experiments, whatever order they end in."""
    names = [name for name, _ in experiments(scale)]
    found: list[list[Line]] = [[] for _ in names]
    with ProcessPoolExecutor(workers, initializer=one_thread) as pool:
        futures = {pool.submit(perform, scale, place): place for place in range(len(names))}
        for future in as_completed(futures):
            place = futures[future]
            found[place], seconds = future.result()
            print(f"{seconds:6.1f} s  {names[place]}", file=sys.stderr)
    return [line for lines in found for line in lines]


def experiments(scale: float) -> list[tuple[str, Callable[[], list[Line]]]]:
    """Name and function of each."""
    modules = (calibration_pair, calibration_many, calibration_tasks, calibration_contrast)
    return [each for module in modules for each in module.experiments(scale)]


def perform(scale: float, place: int) -> tuple[list[Line], float]:
    """The lines of one experiment and the processor time they took."""
    started = time.process_time()
    _, run = experiments(scale)[place]
    return run(), time.process_time() - started


def one_thread() -> None:
    """Workers share the cores; more threads in each would only wait for one another."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)


def introduction() -> str:
    python = ".".join(map(str, sys.version_info[:3]))
    versions = f"Python {python}, numpy {version('numpy')}, scipy {version('scipy')}."
    return INTRODUCTION.format(draws=calibration_many.DRAWS, versions=versions)


if __name__ == "__main__":
    main()
