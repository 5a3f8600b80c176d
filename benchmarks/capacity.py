"""What free-embedding capacity costs: whole searches by dimension, and one step in NumPy and in PyTorch.

    python benchmarks/capacity.py                 # d = 2..8, three starts; PyTorch at d = 4, 5, 6; some minutes
    python benchmarks/capacity.py --dims 2..16

Seconds are wall time; CPU is that of all threads. The figures are in capacity.md.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

from evalkit_tasks.stress.capacity import published
from evalkit_tasks.stress.capacity.backends import Backend, optimiser
from evalkit_tasks.stress.capacity.dimensions import parsed
from evalkit_tasks.stress.capacity.display import Silent
from evalkit_tasks.stress.capacity.law import Law
from evalkit_tasks.stress.capacity.measure import Attempts, Capacity, Setup, measure
from evalkit_tasks.stress.capacity.record import Log
from evalkit_tasks.stress.capacity.subsets import all_subsets

SEEDS = (42, 43, 44)
SIZES = ((4, 10), (6, 19), (8, 29), (12, 54), (16, 80))
"""Dimensions and documents."""
STEPS = 300


def search(dimension: int, setup: Setup) -> Capacity:
    attempts = Attempts()
    [found] = measure([dimension], SEEDS, setup, attempts, Silent(Log(None, setup, attempts)))
    return found


def searches(dimensions: Sequence[int], backend: Backend) -> None:
    print("\n| backend | d | paper | critical n by seed | attempts | steps | seconds | CPU |")
    print("|---|---:|---:|---|---:|---:|---:|---:|")
    for dimension in dimensions:
        began = time.process_time()
        found = search(dimension, Setup(backend=backend))
        cpu = time.process_time() - began
        each = ", ".join(map(str, found.each))
        paper = published.critical(dimension, 2) or ""
        figures = f"{found.attempts} | {found.steps:,} | {found.seconds:.1f} | {cpu:.1f}"
        print(f"| {backend} | {dimension} | {paper} | {each} | {figures} |", flush=True)


def steps(backends: Sequence[Backend]) -> None:
    print(f"\n| d | n | queries | {' | '.join(f'{each}, µs CPU a step' for each in backends)} |")
    print(f"|---:|---:|---:|{'---:|' * len(backends)}")
    law = Law(most_steps=STEPS, look_every=2 * STEPS)
    for dimension, n in SIZES:
        relevant, cells = all_subsets(n, 2), []
        for backend in backends:
            optimiser(backend)(relevant, dimension, 0, Law(most_steps=5))  # the first call loads what it needs
            began = time.process_time()
            optimiser(backend)(relevant, dimension, 0, law)
            cells.append(f"{(time.process_time() - began) / STEPS * 1e6:,.0f}")
        print(f"| {dimension} | {n} | {len(relevant):,} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dims", default="2..8")
    parser.add_argument("--torch", default="4..6", help="dimensions for PyTorch")
    arguments = parser.parse_args()
    steps([Backend.NUMPY, Backend.TORCH])
    searches(parsed(arguments.dims), Backend.NUMPY)
    searches(parsed(arguments.torch), Backend.TORCH)


if __name__ == "__main__":
    main()
