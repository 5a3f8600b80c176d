"""One measurement of `speed.py` in a process of its own: python speed_child.py SIDE CASE FOLDER.

The clock starts after imports and after vectors and texts are in memory. Prints one line of JSON.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from importlib import import_module
from pathlib import Path

from speed_data import Workload, make


def main(side: str, name: str, folder: Path) -> None:
    if side == "make":
        make(name, folder)
        return
    run = import_module(f"speed_{side}").prepare(Workload.load(name, folder))
    before, cpu, wall = memory("VmRSS"), cpu_seconds(), time.perf_counter()
    scores = run()
    wall, cpu = time.perf_counter() - wall, cpu_seconds() - cpu
    peak = memory("VmHWM")
    print(json.dumps({"wall": wall, "cpu": cpu, "before": before, "peak": peak, "scores": scores}))


def cpu_seconds() -> float:
    """User and system time of this process, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def memory(field: str) -> float:
    """A field of /proc/self/status in MB; where there is no /proc, the largest resident size so far."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    line = next(line for line in status.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1.024e-3


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
