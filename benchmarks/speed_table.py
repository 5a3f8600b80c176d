"""The rows of `speed.py`'s table, their targets, and how they are shown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

Sample = dict[str, Any]
"""One measurement: wall and cpu in seconds, peak and before (both MB), scores by metric."""

_MARKS = ("<!-- speed: begin -->", "<!-- speed: end -->")


@dataclass(frozen=True)
class Command:
    """A short command that each side has.

    Attributes:
        title: How the table calls it; ``{}`` stands for the side.
        options: Python's options; ``{}`` stands for the side.
        limit: CPU seconds that evalkit may take.
    """

    title: str
    options: tuple[str, ...]
    limit: float

    def arguments(self, side: str) -> list[str]:
        """Python's options for one side."""
        return [option.format(side) for option in self.options]


@dataclass(frozen=True)
class Evaluation:
    """An evaluation of `speed_data.CASES`.

    Attributes:
        title: How the table calls it.
        times: How many times faster than mteb it has to be.
        tolerance: How far scores may differ; mteb rounds those of retrieval.
    """

    title: str
    times: float
    tolerance: float = 1e-6


COMMANDS = {
    "import": Command("`import`", ("-c", "import {}"), 0.15),
    "help": Command("`--help`", ("-m", "{}", "--help"), 0.4),
}
EVALUATIONS = {
    "sts": Evaluation("STS, 10,000 pairs", 3),
    "retrieval-100k": Evaluation("retrieval, 100,000 documents x 1,000 queries", 5, 1e-4),
    "retrieval-500k": Evaluation("retrieval, 500,000 documents x 1,000 queries", 5, 1e-4),
    "classification": Evaluation("classification, 77 classes, 10,000 + 10,000", 3),
    "clustering": Evaluation("clustering, 20,000 texts of 50 labels", 2),
}

Samples = Mapping[str, Mapping[str, Sequence[Sample]]]


def render(samples: Samples, versions: str) -> str:
    """Three tables in Markdown."""
    parts = [versions, "", *_times(samples), "", *_memory(samples)]
    if any(name in EVALUATIONS for name in samples):
        parts += ["", *_scores(samples)]
    return "\n".join(parts)


def write(table: str, path: Path) -> None:
    """Put the tables between the marks of a file."""
    begin, end = _MARKS
    head, _, rest = path.read_text(encoding="utf-8").partition(begin)
    _, _, tail = rest.partition(end)
    path.write_text(f"{head}{begin}\n{table}\n{end}{tail}", encoding="utf-8")


def unequal(samples: Samples) -> list[str]:
    """A sentence for each evaluation whose scores are not equal."""
    found = [(name, *_largest_difference(samples[name])) for name in samples if name in EVALUATIONS]
    return [f"{name}, {key} by {by:.1e}" for name, key, by, _ in found if not by <= EVALUATIONS[name].tolerance]


def _title(name: str) -> str:
    return COMMANDS[name].title if name in COMMANDS else EVALUATIONS[name].title


def _middle(samples: Sequence[Sample], key: str) -> float:
    return median(sample[key] for sample in samples)


def _times(samples: Samples) -> list[str]:
    header = (
        "seconds",
        "evalkit",
        "mteb",
        "ratio",
        "target",
        "evalkit CPU",
        "mteb CPU",
        "ratio",
        "faiss top-1000 alone",
    )
    return _table(header, [_time_row(name, sides) for name, sides in samples.items()])


def _time_row(name: str, sides: Mapping[str, Sequence[Sample]]) -> tuple[str, ...]:
    wall, cpu = ([_middle(sides[side], key) for side in ("evalkit", "mteb")] for key in ("wall", "cpu"))
    if name in COMMANDS:
        limit = COMMANDS[name].limit
        target = f"< {limit} CPU{'' if cpu[0] < limit else ', **missed**'}"
    else:
        times = EVALUATIONS[name].times
        target = f"{times:g} times{'' if wall[1] >= times * wall[0] else ', **missed**'}"
    library = f"{_middle(sides['library'], 'wall'):.2f}" if "library" in sides else ""
    return (
        _title(name), f"{wall[0]:.2f}", f"{wall[1]:.2f}", f"**{wall[1] / wall[0]:.1f}**", target,
        f"{cpu[0]:.2f}", f"{cpu[1]:.2f}", f"{cpu[1] / cpu[0]:.1f}", library,
    )  # fmt: skip


def _memory(samples: Samples) -> list[str]:
    header = (
        "megabytes", "evalkit peak", "mteb peak", "ratio", "evalkit before", "mteb before", "evalkit rise", "mteb rise",
    )  # fmt: skip
    return _table(header, [_memory_row(name, sides) for name, sides in samples.items()])


def _memory_row(name: str, sides: Mapping[str, Sequence[Sample]]) -> tuple[str, ...]:
    peak, before = ([_middle(sides[side], key) for side in ("evalkit", "mteb")] for key in ("peak", "before"))
    rises = [f"{high - low:.0f}" for high, low in zip(peak, before, strict=True)]
    extra = (f"{before[0]:.0f}", f"{before[1]:.0f}", *rises) if name in EVALUATIONS else ("",) * 4
    return (_title(name), f"{peak[0]:.0f}", f"{peak[1]:.0f}", f"{peak[1] / peak[0]:.1f}", *extra)


def _scores(samples: Samples) -> list[str]:
    header = ("scores", "evalkit main", "mteb main", "metrics compared", "largest difference", "allowed")
    return _table(header, [_score_row(name, sides) for name, sides in samples.items() if name in EVALUATIONS])


def _score_row(name: str, sides: Mapping[str, Sequence[Sample]]) -> tuple[str, ...]:
    key, by, count = _largest_difference(sides)
    mains = [f"{sides[side][0]['scores']['main_score']:.6f}" for side in ("evalkit", "mteb")]
    return (_title(name), *mains, str(count), f"{by:.1e} ({key})", f"{EVALUATIONS[name].tolerance:.0e}")


def _largest_difference(sides: Mapping[str, Sequence[Sample]]) -> tuple[str, float, int]:
    """Metric, difference and number of metrics, over all measurements of both sides."""
    theirs = {key: value for key, value in sides["mteb"][0]["scores"].items() if not math.isnan(value)}
    shared = [key for key in theirs if key in sides["evalkit"][0]["scores"]]
    ours = [sample["scores"] for sample in sides["evalkit"]]
    differences = {key: max(abs(scores[key] - theirs[key]) for scores in ours) for key in shared}
    worst = max(shared, key=differences.__getitem__)
    return worst, differences[worst], len(shared)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    rule = ("---", *("---:" for _ in header[1:]))
    return [f"| {' | '.join(cells)} |" for cells in (header, rule, *rows)]
