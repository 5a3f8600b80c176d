"""Time and memory of all diagnostics of many vectors, in a process of its own.

OMP_NUM_THREADS=1 python benchmarks/diagnostics.py                # 100,000 x 384, of one length and of several
OMP_NUM_THREADS=1 python benchmarks/diagnostics.py -n 20000 -d 1024

Vectors of one length have one order of neighbours; of several, by distance and by inner product are looked for too.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import time

import numpy as np

MIB = 1 << 20
_TO_BYTES = 1 if sys.platform == "darwin" else 1024
_CHUNK = 4096


def main() -> None:
    arguments = parse()
    print(f"{'vectors':<34}{'CPU s':>8}{'wall s':>8}{'peak MiB beyond the vectors':>30}")
    for equal in (True, False):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            cpu, wall, memory = pool.apply(measure, (arguments.n, arguments.d, equal))
        kind = "one length" if equal else "several lengths"
        vectors = f"{arguments.n:,} x {arguments.d}, {kind}"
        print(f"{vectors:<34}{cpu:>8.1f}{wall:>8.1f}{memory:>30.0f}", flush=True)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=100_000, help="vectors")
    parser.add_argument("-d", type=int, default=384, help="dimensions")
    return parser.parse_args()


def measure(n: int, d: int, equal: bool) -> tuple[float, float, float]:
    """CPU and wall seconds, and peak MiB beyond the vectors and their texts."""
    from evalkit.diagnostics import VectorStream, diagnose

    vectors, texts = made(n, d, equal), [f"text number {row}" for row in range(n)]
    before, cpu, wall = peak(), time.process_time(), time.perf_counter()
    stream = VectorStream()
    for start in range(0, n, _CHUNK):
        stream.add(texts[start : start + _CHUNK], vectors[start : start + _CHUNK])
    diagnose(stream)
    return time.process_time() - cpu, time.perf_counter() - wall, (peak() - before) / MIB


def made(n: int, d: int, equal: bool) -> np.ndarray:
    """(n, d) float32 with a common direction and a falling spectrum, as encoders have; made in place."""
    generator = np.random.default_rng(0)
    vectors = generator.standard_normal((n, d), dtype=np.float32)
    vectors *= np.arange(1, d + 1, dtype=np.float32) ** -0.5
    vectors += np.float32(0.1)
    if equal:
        vectors /= np.sqrt(np.einsum("ij,ij->i", vectors, vectors))[:, None]
    return vectors


def peak() -> int:
    """Bytes that the process has had at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _TO_BYTES


if __name__ == "__main__":
    main()
