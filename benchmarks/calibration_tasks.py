"""The mean over tasks, for both questions, and Borda counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from calibration_lines import Line, Promise
from calibration_truths import MANY_DISCRETE, MANY_NORMAL, MANY_UNEQUAL, Generator

from evalkit.types import FloatArray
from evalkit_leaderboard.on_like import FEW
from evalkit_leaderboard.on_these import compare as compare_these
from evalkit_leaderboard.options import Aggregate, Method
from evalkit_leaderboard.points import in_points
from evalkit_leaderboard.significance import (
    Pairs,
    analytic_board,
    flipped_board,
    flipped_pairs,
    generator_of,
    like_these_pairs,
    t_interval,
    tasks_like_these,
    these_tasks,
)
from evalkit_leaderboard.standing import Group
from evalkit_leaderboard.units import UNITS, TaskUnits

ALPHA = 0.05
DRAWS = 999
THESE = "Many tasks, these tasks: other units could have been drawn"
LIKE = "Many tasks, tasks like these: other tasks could have been drawn"
BORDA = "Many tasks, these tasks: Borda counts"
SIZES = (50, 80, 100, 150, 200, 300, 300, 500, 800, 1000)
TYPES = ("retrieval",) * 4 + ("sts",) * 3 + ("classification",) * 2 + ("clustering",)

BENCHMARKS = {
    "7 tasks of one type": ("",) * 7,
    "8 tasks of 2 types": ("a",) * 4 + ("b",) * 4,
    "16 tasks of 2 types": ("a",) * 8 + ("b",) * 8,
    "10 tasks of 4 types, one alone": TYPES,
    "41 tasks of 7 types": sum(((str(k),) * size for k, size in enumerate((10, 9, 8, 5, 4, 3, 2))), ()),
}
_FEW = (
    "few tasks a type: Holm's small levels need the degrees of freedom, which are estimates (with the true ones: .02)"
)
_ALONE = "the type of one task varies most here and is taken to vary as the others do (without it, errors: .033)"


def experiments(scale: float) -> Iterator[tuple[str, Callable[[], list[Line]]]]:
    """Name and experiment; `scale` is the share of the simulations that are made."""
    quick = scale < 1
    for holes in (0.0,) if quick else (0.0, 0.2):
        for types in (None,) if quick else (None, TYPES):
            yield f"board {holes} {types}", partial(board, int(400 * scale), holes, types)
    yield "these", partial(mean_of_these, int(2000 * scale))
    for name in ["10 tasks of 4 types, one alone"] if quick else BENCHMARKS:
        for unequal in (False,) if quick else (False, True):
            yield f"like {name} {unequal}", partial(like, name, unequal, int(1500 * scale))
    if not quick:
        for tasks in (2, 8):
            yield f"borda {tasks}", partial(borda, tasks, 300)


def board(simulations: int, holes: float, types: tuple[str, ...] | None) -> list[Line]:
    """Eight equal models on ten tasks of three kinds: errors on the mean, by t and by sign flips."""
    generator = generator_of("calibration", "board", str(holes), str(types))
    found = {"analytic_board: max-T": 0, "flipped_board: max-T": 0}
    on_tasks = {"analytic_board: Holm": 0, "flipped_board: max-T": 0}
    for seed in range(simulations):
        tasks = _tasks(generator, np.zeros(8), holes)
        analytic = analytic_board(tasks, types=types, draws=DRAWS, seed=seed)
        flipped = flipped_board(tasks, types=types, flips=DRAWS, seed=seed)
        for name, result in zip(found, (analytic, flipped), strict=True):
            found[name] += _any(result.overall)
        for name, result in zip(on_tasks, (analytic, flipped), strict=True):
            on_tasks[name] += _any(result.tasks["task 4"])
    truth = f"{'mean over types' if types else 'mean over tasks'}, {'20 % of cells missing' if holes else 'all cells'}"
    line = partial(Line, THESE, truth=truth, models=8, simulations=simulations)
    lines = [
        line("family-wise error, mean", name, n="10 tasks", promise=Promise.EXACT, nominal=ALPHA, hits=hits,
             headline=not holes)
        for name, hits in found.items()
    ]  # fmt: skip
    if not holes and types is None:
        lines += [
            line("family-wise error, one task", name, n=str(SIZES[4]), nominal=ALPHA, hits=hits,
                 promise=Promise.AT_MOST if name.endswith("Holm") else Promise.EXACT)
            for name, hits in on_tasks.items()
        ]  # fmt: skip
    return lines


def _tasks(generator: Generator, shifts: FloatArray, holes: float) -> dict[str, FloatArray]:
    kinds = (MANY_NORMAL, MANY_UNEQUAL, MANY_DISCRETE)
    tasks = {}
    for task, n in enumerate(SIZES):
        X = kinds[task % 3].draw(generator, shifts, n)
        X[generator.random(len(shifts)) < holes] = np.nan
        tasks[f"task {task}"] = X
    return tasks


def mean_of_these(simulations: int) -> list[Line]:
    """Coverage of one pair's difference, which is another on every task."""
    generator = generator_of("calibration", "these")
    truths = np.linspace(-0.05, 0.1, len(SIZES))
    covered = {"mean over tasks": 0, "mean over types": 0}
    for _ in range(simulations):
        scales = 0.1 * np.geomspace(1, 4, len(SIZES))
        intervals = [
            t_interval(truth + scale * generator.normal(size=n))
            for truth, scale, n in zip(truths, scales, SIZES, strict=True)
        ]
        arrays = [np.array([getattr(each, name) for each in intervals], dtype=float) for name in ("estimate", "se")]
        for name in covered:
            by_type = name == "mean over types"
            types = list(TYPES)
            weights = [1 / (4 * types.count(kind)) if by_type else 1 / len(SIZES) for kind in types]
            found = these_tasks(*arrays, np.array(SIZES) - 1, types=types, over_types=by_type, alpha=ALPHA)
            truth = float(np.dot(weights, truths))
            covered[name] += found.low is not None and found.high is not None and found.low <= truth <= found.high
    return [
        Line(THESE, "coverage of the difference", "these_tasks", f"{name}, unequal variances and sizes", 2,
             f"{len(SIZES)} tasks", Promise.EXACT, 1 - ALPHA, hits, simulations, headline=True)
        for name, hits in covered.items()
    ]  # fmt: skip


def like(name: str, unequal: bool, simulations: int) -> list[Line]:
    """Each type has a true mean, its tasks scatter around it, and their units add noise.

    Where unequal, types and models scatter by factors up to four.
    """
    types = BENCHMARKS[name]
    generator = generator_of("calibration", "like", name, str(unequal))
    over = len(set(types)) > 1
    covered = {False: 0, True: 0}
    errors = {"like_these_pairs": 0, "sign flips of tasks": 0}
    adjusted = "max-T"
    for seed in range(simulations):
        scores, truths = _benchmark(generator, types, unequal, 8)
        pairs = like_these_pairs(scores, types=types, over_types=False, draws=DRAWS, seed=seed)
        adjusted = pairs.adjustment
        errors["like_these_pairs"] += _any(pairs)
        errors["sign flips of tasks"] += _any(flipped_pairs(scores, flips=DRAWS, seed=seed))
        for by_type in covered if over else (False,):
            found = tasks_like_these(scores[0] - scores[1] + truths, types=types, over_types=by_type, alpha=ALPHA)
            kinds = list(dict.fromkeys(types))
            means = [truths[types.index(kind)] for kind in kinds]
            truth = float(np.mean(means)) if by_type else float(truths.mean())
            covered[by_type] += found.low is not None and found.high is not None and found.low <= truth <= found.high
    spread = "unequal spreads" if unequal else "equal spreads"
    few = len(types) - len(set(types)) < FEW
    why = _ALONE if "alone" in name and unequal else _FEW if unequal and few else ""
    line = partial(Line, LIKE, n=f"{len(types)} tasks", simulations=simulations)
    head = not unequal
    lines = [
        line("family-wise error", f"like_these_pairs: {adjusted}", f"{name}, {spread}", models=8, nominal=ALPHA,
             promise=Promise.AT_MOST if adjusted == "Holm" else Promise.EXACT, hits=errors["like_these_pairs"],
             why=why, headline=head),
        line("family-wise error", "--method resample: sign flips of tasks", f"{name}, {spread}", models=8,
             nominal=ALPHA, promise=Promise.EXACT, hits=errors["sign flips of tasks"], why=_SIGNS),
    ]  # fmt: skip
    for by_type in covered if over else (False,):
        truth = f"{name}, {spread}, mean over {'types' if by_type else 'tasks'}"
        lines.append(
            line("coverage of the difference", "tasks_like_these", truth, models=2, promise=Promise.EXACT,
                 nominal=1 - ALPHA, hits=covered[by_type], why=why, headline=head)
        )  # fmt: skip
    return lines


_SIGNS = "few tasks have few sign patterns (2^7 of seven), and types with spreads of their own"


def _benchmark(
    generator: Generator, types: tuple[str, ...], unequal: bool, models: int
) -> tuple[FloatArray, FloatArray]:
    """(M, T) scores of equal models on tasks drawn at random, and the (T,) truth to add to a difference."""
    kinds = list(dict.fromkeys(types))
    of = np.array([kinds.index(kind) for kind in types])
    scale = np.geomspace(0.5, 2, len(kinds))[of] if unequal and len(kinds) > 1 else np.ones(len(types))
    own = np.geomspace(0.5, 2, models)[:, None] if unequal else np.ones((models, 1))
    difficulty = 0.1 * generator.normal(size=len(types))
    scores = 0.5 + difficulty + 0.02 * own * scale * generator.normal(size=(models, len(types)))
    scores += 0.005 * generator.normal(size=scores.shape)
    return scores, np.linspace(0.1, -0.05, len(kinds))[of]


def borda(tasks: int, simulations: int) -> list[Line]:
    """Four models, equal or with one far ahead, on tasks of 100 units."""
    lines = []
    for name, ahead in (("no model differs", 0.0), ("one is ahead, three are equal", 1.0)):
        generator = generator_of("calibration", "borda", str(tasks), name)
        false = found = 0
        for _ in range(simulations):
            pairs = _points(generator, tasks, np.array([ahead, 0, 0, 0]))
            claimed = pairs.p_adjusted <= ALPHA
            false += bool((claimed[1:, 1:]).any() if ahead else claimed.any())
            found += bool(claimed[0, 1:].all())
        line = partial(Line, BORDA, method="Borda, analytic", truth=name, models=4, n=f"{tasks} tasks of 100")
        lines.append(
            line("family-wise error", promise=Promise.AT_MOST, nominal=ALPHA, hits=false, simulations=simulations)
        )
        if ahead:
            found_line = line("power: the one ahead found", promise=Promise.NONE, nominal=0.0, hits=found,
                              simulations=simulations)  # fmt: skip
            lines.append(found_line)
    return lines


def _points(generator: Generator, tasks: int, shifts: FloatArray) -> Pairs:
    names = tuple(f"task {task}" for task in range(tasks))
    values = [MANY_NORMAL.draw(generator, shifts, 100) for _ in names]
    units = {name: TaskUnits(X, UNITS, "query") for name, X in zip(names, values, strict=True)}
    scores = np.column_stack([X.mean(axis=1) for X in values])
    group = Group("overall", names, ("",) * tasks, scores, units)
    return compare_these(in_points(group, Aggregate.BORDA), Method.ANALYTIC, headline=True)


def _any(pairs: Pairs) -> bool:
    return bool((pairs.p_adjusted <= ALPHA).any())
