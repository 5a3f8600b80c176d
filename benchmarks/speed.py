"""Time and memory of evalkit and mteb on the same work, as a table.

    pip install -e '.[bench]' torch
    python benchmarks/speed.py                          # everything, about half an hour
    python benchmarks/speed.py --only sts clustering    # some of it
    python benchmarks/speed.py --write                  # and put the table into benchmarks/README.md

Every measurement is a process of its own; evalkit and mteb take turns, and the table gives medians. Both read the same
texts and the same vectors. The scores of both must be equal, or the script ends with exit code 1.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from speed_table import COMMANDS, EVALUATIONS, Sample, render, unequal, write

HERE = Path(__file__).parent
Samples = dict[str, dict[str, list[Sample]]]


def main() -> None:
    arguments = parse()
    samples: Samples = {}
    with tempfile.TemporaryDirectory(prefix="evalkit-speed-") as temporary:
        for name in arguments.only:
            samples[name] = measure(name, arguments, Path(temporary))
    table = render(samples, versions(arguments))
    print(table)
    if arguments.json:
        arguments.json.write_text(json.dumps(samples, indent=1) + "\n")
    if arguments.write:
        write(table, HERE / "README.md")
    different = unequal(samples)
    if different:
        sys.exit(f"The scores differ: {'; '.join(different)}.")


def parse() -> argparse.Namespace:
    names = [*COMMANDS, *EVALUATIONS]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/README.md")
    parser.add_argument("--json", type=Path, help="keep every measurement in this file")
    parser.add_argument(
        "--mteb-python", default=sys.executable, help="mteb's interpreter, to try it with other versions"
    )
    return parser.parse_args()


def measure(name: str, arguments: argparse.Namespace, folder: Path) -> dict[str, list[Sample]]:
    """All measurements of one row, sides taking turns."""
    pythons = {"evalkit": sys.executable, "mteb": arguments.mteb_python, "library": sys.executable}
    sides = ["evalkit", "mteb", *(["library"] if name.startswith("retrieval") else [])]
    if name in EVALUATIONS:
        child(sys.executable, "make", name, folder)
    samples: dict[str, list[Sample]] = {side: [] for side in sides}
    for repeat in range(arguments.repeats):
        for side in sides:
            python = pythons[side]
            sample = child(python, side, name, folder) if name in EVALUATIONS else command(python, name, side)
            samples[side].append(sample)
            print(f"{name} {repeat + 1}/{arguments.repeats} {side}: {sample['wall']:.2f} s", file=sys.stderr)
    for file in folder.glob(f"{name}.*"):
        file.unlink()
    return samples


def child(python: str, side: str, name: str, folder: Path) -> Any:
    """One measurement by `speed_child.py`."""
    arguments = [python, str(HERE / "speed_child.py"), side, name, str(folder)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(arguments)} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1]) if done.stdout else None


def command(python: str, name: str, side: str) -> Sample:
    """Time, processor time and peak memory of one short command, seen from outside."""
    arguments = [python, *COMMANDS[name].arguments(side)]
    started = time.perf_counter()
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(arguments)} failed.")
    size = used.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3 / 1.024)
    return {"wall": wall, "cpu": used.ru_utime + used.ru_stime, "before": 0.0, "peak": size, "scores": {}}


def versions(arguments: argparse.Namespace) -> str:
    """What it was run with."""
    packages = ["mteb", "datasets", "torch", "numpy", "scikit-learn", "faiss-cpu"]
    code = f"from importlib.metadata import version; print(*[f'{{p}} {{version(p)}}' for p in {packages}], sep=', ')"
    found = subprocess.run(
        [arguments.mteb_python, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    python = ".".join(map(str, sys.version_info[:3]))
    return f"{cores} cores, {gib:.0f} GiB, Python {python}, {found}; medians of {arguments.repeats}."


if __name__ == "__main__":
    main()
