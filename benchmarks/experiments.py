"""What benchmarks of many simulated experiments share: their options, their processes, their files."""

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
from typing import TypeAlias

from calibration_lines import Line

HERE = Path(__file__).parent
QUICK = 0.2
Experiments: TypeAlias = Callable[[float], list[tuple[str, Callable[[], list[Line]]]]]
"""Name and function of each experiment, from the share of the simulations that are wanted."""


def carry_out(name: str, title: str, experiments: Experiments, page: Callable[[list[Line]], str]) -> None:
    """Perform all experiments as the command line asks, and print and keep what they found.

    Args:
        name: Of the page in this folder, without its ending.
        title: What the benchmark is for, for its help.
        experiments: A function of a module, so that other processes find it.
        page: The whole page, from all lines.
    """
    arguments = parse(name, title)
    started = time.perf_counter()
    lines = measure(experiments, QUICK if arguments.quick else 1.0, arguments.workers)
    print(f"{time.perf_counter() - started:.0f} s", file=sys.stderr)
    text = page(lines)
    print(text)
    if arguments.json:
        records = [line.record() for line in lines]
        arguments.json.write_text(json.dumps(records, indent=1, default=int) + "\n", encoding="utf-8")
    if arguments.write:
        (HERE / f"{name}.md").write_text(text, encoding="utf-8")


def parse(name: str, title: str) -> argparse.Namespace:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--quick", action="store_true", help="fewer experiments, fewer simulations")
    parser.add_argument("--write", action="store_true", help=f"put the tables into benchmarks/{name}.md")
    parser.add_argument("--json", type=Path, help="keep every line in this file")
    parser.add_argument("--workers", type=int, default=cores, help="processes")
    arguments = parser.parse_args()
    if arguments.quick and arguments.write:
        parser.error("--write is for the whole of it, not for --quick.")
    return arguments


def measure(experiments: Experiments, scale: float, workers: int) -> list[Line]:
    """All lines, in the order of the experiments, whatever order they end in."""
    names = [name for name, _ in experiments(scale)]
    found: list[list[Line]] = [[] for _ in names]
    with ProcessPoolExecutor(workers, initializer=one_thread) as pool:
        futures = {pool.submit(perform, experiments, scale, place): place for place in range(len(names))}
        for future in as_completed(futures):
            place = futures[future]
            found[place], seconds = future.result()
            print(f"{seconds:6.1f} s  {names[place]}", file=sys.stderr, flush=True)
    return [line for lines in found for line in lines]


def perform(experiments: Experiments, scale: float, place: int) -> tuple[list[Line], float]:
    """The lines of one experiment and the processor time they took."""
    started = time.process_time()
    _, run = experiments(scale)[place]
    return run(), time.process_time() - started


def one_thread() -> None:
    """Workers share the cores; more threads in each would only wait for one another."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)


def versions() -> str:
    """With what the numbers were made."""
    python = ".".join(map(str, sys.version_info[:3]))
    return f"Python {python}, numpy {version('numpy')}, scipy {version('scipy')}."
