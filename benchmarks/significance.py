"""Time and memory of the significance engine, beside scipy's and ranx's permutation tests, as a table.

    python benchmarks/significance.py                                   # what is importable here, about a minute
    python benchmarks/significance.py --ranx-python OTHER/bin/python    # ranx from another environment
    python benchmarks/significance.py --mteb FOLDER                     # the leaderboard on mteb's result files too
    python benchmarks/significance.py --write                           # put the table into benchmarks/significance.md

Every row but the leaderboard's is a process of its own. Times are of the work alone, after imports and a first small
run (numba compiles then); the leaderboard's are of the whole command.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).parent
QUERIES, FLIPS, ENCODERS, TASKS = 1000, 10_000, 50, 50
TIMES, FLIPPED_CPU, FLIPPED_MB, ANALYTIC_CPU, TABLE_CPU = 15, 30.0, 2048, 1.0, 3.0
Sample = dict[str, Any]

INTRODUCTION = """# The engine beside scipy and ranx

Written by `python benchmarks/significance.py --ranx-python PYTHON --mteb FOLDER --write`, where PYTHON has ranx and
FOLDER is a tree of published mteb result files. Seconds are processor time of all threads and wall time, medians;
megabytes are the process's largest resident size, libraries included, and how much the work added to it.

scipy is `permutation_test(..., permutation_type="samples", vectorized=True)`, once with its default batch of everything
and once with the fastest of three batch sizes; ranx is its Fisher randomisation test, compiled before the clock starts.
The factor is against the fastest of them. All give the same p value up to the draws.

"""


def main() -> None:
    arguments = parse()
    if arguments.child:
        print(json.dumps(CHILDREN[arguments.child]()))
        return
    rows = [*pair(arguments), *boards(arguments)]
    if arguments.mteb:
        rows += table(arguments)
    text = "\n".join([versions(arguments), "", *markdown(rows)])
    print(text)
    if arguments.write:
        (HERE / "significance.md").write_text(f"{INTRODUCTION}{text}\n", encoding="utf-8")
    missed = [row[0] for row in rows if "missed" in row[-1]]
    if missed:
        sys.exit(f"Targets missed: {'; '.join(missed)}.")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ranx-python", default=sys.executable, help="an interpreter that has ranx")
    parser.add_argument("--mteb", type=Path, metavar="FOLDER", help="mteb's result files")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/significance.md")
    parser.add_argument("--child", choices=list(CHILDREN), help=argparse.SUPPRESS)
    return parser.parse_args()


# -- what is measured, each in a process of its own --------------------------------------------------------------------


def measured(work: Callable[[], Any]) -> Sample:
    """Wall time, processor time and memory of one call."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    started, used = time.perf_counter(), time.process_time()
    result = work()
    wall, cpu = time.perf_counter() - started, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "wall": wall,
        "cpu": cpu,
        "peak": _megabytes(peak),
        "rise": _megabytes(peak - before.ru_maxrss),
        "p": result,
    }


def evalkit_pair() -> Sample:
    from evalkit_leaderboard.significance import flip_test

    d = _differences()
    flip_test(d, flips=100)
    return measured(lambda: flip_test(d, flips=FLIPS))


def scipy_pair(batches: tuple[int | None, ...] = (None,)) -> Sample:
    """The fastest of some batch sizes; None is scipy's default."""
    import numpy as np
    from scipy.stats import permutation_test

    d = _differences()

    def test(resamples: int, batch: int | None) -> float:
        found = permutation_test(
            (d,), np.mean, permutation_type="samples", n_resamples=resamples, vectorized=True, batch=batch,
            rng=np.random.default_rng(0),
        )  # fmt: skip
        return float(found.pvalue)

    test(100, None)
    samples = [measured(lambda batch=batch: test(FLIPS, batch)) for batch in batches]
    return min(samples, key=lambda sample: sample["cpu"])


def ranx_pair() -> Sample:
    import numpy as np
    from ranx.statistical_tests.fisher_randomization_test import fisher_randomization_test

    values = np.random.default_rng(0).random((2, QUERIES))

    def test() -> float:
        return float(fisher_randomization_test(*values, n_permutations=FLIPS, max_p=0.05)[0])

    test()
    return measured(test)


def flipped() -> Sample:
    from evalkit_leaderboard.significance import flipped_board

    tasks = _board()
    return measured(lambda: float(flipped_board(tasks, flips=FLIPS).overall.p_adjusted.min()))


def analytic() -> Sample:
    from evalkit_leaderboard.significance import analytic_board, rank_intervals, t_interval

    tasks = _board()
    t_interval(tasks["task 0"][0])

    def work() -> float:
        overall = analytic_board(tasks).overall
        rank_intervals(overall.difference, overall.p_adjusted)
        return float(overall.p_adjusted.min())

    return measured(work)


CHILDREN = {
    "evalkit": evalkit_pair,
    "scipy": scipy_pair,
    "scipy, best batch": lambda: scipy_pair((1000, 100, 20)),
    "ranx": ranx_pair,
    "flipped": flipped,
    "analytic": analytic,
}


def _differences() -> Any:
    import numpy as np

    a, b = np.random.default_rng(0).random((2, QUERIES))
    return a - b


def _board() -> dict[str, Any]:
    import numpy as np

    generator = np.random.default_rng(0)
    return {f"task {task}": generator.random((ENCODERS, QUERIES)) for task in range(TASKS)}


def _megabytes(size: float) -> float:
    return size / (1e6 if sys.platform == "darwin" else 1e3 / 1.024)


# -- rows --------------------------------------------------------------------------------------------------------------


def pair(arguments: argparse.Namespace) -> list[tuple[str, ...]]:
    """One pair, sides taking turns."""
    sides = ["evalkit", "scipy", "scipy, best batch", *(["ranx"] if _has_ranx(arguments.ranx_python) else [])]
    samples: dict[str, list[Sample]] = {side: [] for side in sides}
    for _ in range(arguments.repeats):
        for side in sides:
            samples[side].append(child(arguments.ranx_python if side == "ranx" else sys.executable, side))
    ours = _middle(samples["evalkit"], "cpu")
    others = [side for side in sides if side != "evalkit"]
    times = min(_middle(samples[side], "cpu") for side in others) / ours
    title = f"1 pair x {QUERIES:,} queries x {FLIPS:,} sign flips"
    target = f"at least {TIMES} times faster: {times:.0f} times{'' if times >= TIMES else ', **missed**'}"
    rows = [_row(f"{title}, evalkit", samples["evalkit"], target)]
    rows += [_row(f"{title}, {side}", samples[side], "") for side in others]
    if "ranx" not in sides:
        rows.append((f"{title}, ranx", *[""] * 4, "not importable"))
    return rows


def boards(arguments: argparse.Namespace) -> list[tuple[str, ...]]:
    """Fifty encoders on fifty tasks."""
    size = f"{ENCODERS} encoders x {TASKS} tasks x {QUERIES:,} queries"
    slow = [child(sys.executable, "flipped") for _ in range(min(3, arguments.repeats))]
    cpu, peak = _middle(slow, "cpu"), _middle(slow, "peak")
    kept = cpu < FLIPPED_CPU and peak < FLIPPED_MB
    limits = f"under {FLIPPED_CPU:.0f} s CPU and {FLIPPED_MB:,} MB{'' if kept else ', **missed**'}"
    quick = [child(sys.executable, "analytic") for _ in range(arguments.repeats)]
    limit = f"under {ANALYTIC_CPU:.0f} s CPU{'' if _middle(quick, 'cpu') < ANALYTIC_CPU else ', **missed**'}"
    return [
        _row(f"{size} x {FLIPS:,} sign flips, all pairs, max-T", slow, limits),
        _row(f"{size}, analytic, all pairs, max-T, rank intervals", quick, limit),
    ]


def table(arguments: argparse.Namespace) -> list[tuple[str, ...]]:
    """The leaderboard of imported results, from the start of the interpreter to the last line."""
    with tempfile.TemporaryDirectory(prefix="evalkit-significance-") as folder:
        imported = command("import", "mteb", str(arguments.mteb), "-o", folder)
        files = sum(path.name != "encoder.json" for path in Path(folder).rglob("*.json"))
        shown = [command("leaderboard", folder) for _ in range(arguments.repeats)]
    limit = f"under {TABLE_CPU:.0f} s CPU{'' if _middle(shown, 'cpu') < TABLE_CPU else ', **missed**'}"
    return [
        _row("`evalkit import mteb`", [imported], ""),
        _row(f"`evalkit leaderboard`, {files:,} imported files", shown, limit),
    ]


def child(python: str, side: str) -> Sample:
    done = subprocess.run(
        [python, str(HERE / "significance.py"), "--child", side], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{side} failed:\n{done.stderr[-3000:]}")
    print(f"{side}: {done.stdout.strip()}", file=sys.stderr)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def command(*words: str) -> Sample:
    """One command of evalkit, seen from outside."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "evalkit", *words], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"evalkit {' '.join(words)} failed.")
    cpu, peak = used.ru_utime + used.ru_stime, _megabytes(used.ru_maxrss)
    print(f"{words[0]}: {cpu:.2f} s CPU, {wall:.2f} s, {peak:.0f} MB", file=sys.stderr)
    return {"wall": wall, "cpu": cpu, "peak": peak, "rise": float("nan")}


def _has_ranx(python: str) -> bool:
    return subprocess.run([python, "-c", "import ranx"], capture_output=True, check=False).returncode == 0


def _row(title: str, samples: list[Sample], target: str) -> tuple[str, ...]:
    wall, cpu, peak, rise = (_middle(samples, key) for key in ("wall", "cpu", "peak", "rise"))
    return (title, f"{cpu:.3f}", f"{wall:.3f}", f"{peak:.0f}", "" if rise != rise else f"{rise:.0f}", target)


def _middle(samples: list[Sample], key: str) -> float:
    return median(sample[key] for sample in samples)


def markdown(rows: list[tuple[str, ...]]) -> list[str]:
    header = ("what", "CPU s", "wall s", "peak MB", "added MB", "target")
    rule = ("---", *["---:"] * 4, "---")
    return [f"| {' | '.join(cells)} |" for cells in (header, rule, *rows)]


def versions(arguments: argparse.Namespace) -> str:
    """What it was run with."""
    found = [_version(sys.executable, name) for name in ("numpy", "scipy")]
    found += [_version(arguments.ranx_python, name) for name in ("ranx", "numba")]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    python = ".".join(map(str, sys.version_info[:3]))
    threads = os.environ.get("OMP_NUM_THREADS")
    setting = f"OMP_NUM_THREADS={threads}" if threads else "default threads"
    return (
        f"{cores} cores, {setting}, Python {python}, {', '.join(filter(None, found))}; medians of {arguments.repeats}."
    )


def _version(python: str, package: str) -> str:
    code = f"from importlib.metadata import version; print({package!r}, version({package!r}))"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip()


if __name__ == "__main__":
    main()
