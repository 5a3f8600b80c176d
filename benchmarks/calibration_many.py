"""Many models on one task: what is found together, ranks and tiers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise

import numpy as np
from calibration_lines import Line, Promise
from calibration_truths import MANY_DISCRETE, MANY_HEAVY, MANY_NORMAL, MANY_TRUTHS, MANY_UNEQUAL, ManyTruth

from evalkit.types import AnyArray, FloatArray
from evalkit_leaderboard.significance import (
    Pairs,
    analytic_pairs,
    flipped_pairs,
    generator_of,
    rank_intervals,
    tiers,
)

ALPHA = 0.05
DRAWS = 999
"""Enough for a level of .05 to the last digit; more draws only sharpen single p values."""
NULL = "Many models, one task: no model differs"
LADDER = "Many models, one task: some differ, some do not"

_MANY = "a little above in truth: 216 of 3,600 (.060), simulated apart"

METHODS: dict[str, Callable[..., Pairs]] = {
    "analytic_pairs: max-T": partial(analytic_pairs, draws=DRAWS),
    "flipped_pairs: max-T": partial(flipped_pairs, flips=DRAWS),
    "analytic_pairs: Holm": partial(analytic_pairs, draws=0),
}


def experiments(scale: float) -> Iterator[tuple[str, Callable[[], list[Line]]]]:
    """Name and experiment; `scale` is the share of the simulations that are made."""
    quick = scale < 1
    if quick:
        combinations = [(8, 100, MANY_NORMAL), (8, 100, MANY_UNEQUAL)]
    else:
        combinations = [(8, n, truth) for n in (30, 100, 300, 1000) for truth in MANY_TRUTHS]
        combinations += [(2, n, truth) for n in (100, 300) for truth in (MANY_NORMAL, MANY_DISCRETE)]
        combinations += [(50, n, truth) for n, truth in ((100, MANY_NORMAL), (100, MANY_UNEQUAL), (1000, MANY_NORMAL))]
    for models, n, truth in combinations:
        simulations = int((400 if models > 8 else 2500) * scale)
        yield f"null {models} {n} {truth.name}", partial(null, truth, models, n, simulations)
    ladders = [(8, 100, MANY_NORMAL)] if quick else [
        (8, 30, MANY_NORMAL), (8, 100, MANY_NORMAL), (8, 300, MANY_NORMAL), (8, 1000, MANY_NORMAL),
        (8, 300, MANY_UNEQUAL), (8, 300, MANY_DISCRETE), (8, 300, MANY_HEAVY), (50, 300, MANY_NORMAL),
    ]  # fmt: skip
    for models, n, truth in ladders:
        simulations = int((300 if models > 8 else 1500) * scale)
        yield f"ladder {models} {n} {truth.name}", partial(ladder, truth, models, n, simulations)


def null(truth: ManyTruth, models: int, n: int, simulations: int) -> list[Line]:
    """Family-wise error of each method on the same values."""
    generator = generator_of("calibration", "null", truth.name, str(models), str(n))
    found = dict.fromkeys(METHODS, 0)
    labels: dict[str, str] = {}
    for seed in range(simulations):
        X = truth.draw(generator, np.zeros(models), n)
        for name, method in METHODS.items():
            pairs = method(X, seed=seed)
            labels[name] = f"{name.split(':')[0]}: {pairs.adjustment}"
            found[name] += bool((pairs.p_adjusted <= ALPHA).any())
    lines = []
    for name, hits in found.items():
        if name == "analytic_pairs: Holm" and labels["analytic_pairs: max-T"] == name:
            continue  # below `ENOUGH` degrees of freedom the default is Holm's, already there
        promise = Promise.AT_MOST if labels[name].endswith("Holm") else Promise.EXACT
        why = _MANY if models == 50 and n == 100 and labels[name] == "analytic_pairs: max-T" else ""
        lines.append(
            Line(NULL, "family-wise error", labels[name], truth.name, models, str(n), promise, ALPHA, hits,
                 simulations, why, headline=True)
        )  # fmt: skip
    return lines


def ladder(truth: ManyTruth, models: int, n: int, simulations: int) -> list[Line]:
    """Groups of equal models at unequal distances: false claims, ranks, tiers, and what is found."""
    generator = generator_of("calibration", "ladder", truth.name, str(models), str(n))
    shifts = _shifts(models, n, truth)
    better = shifts[:, None] > shifts
    lines = []
    counts = {name: np.zeros(6, dtype=np.int64) for name in METHODS}
    labels: dict[str, str] = {}
    for seed in range(simulations):
        X = truth.draw(generator, shifts, n)
        for name, method in METHODS.items():
            pairs = method(X, seed=seed)
            labels[name] = f"{name.split(':')[0]}: {pairs.adjustment}"
            counts[name] += _outcome(pairs, better)
    upper = int(better.sum())
    line = partial(Line, LADDER, truth=truth.name, models=models, n=str(n))
    for name, (claims, together, alone, borders, pairs_found, width) in counts.items():
        if name == "analytic_pairs: Holm" and labels["analytic_pairs: max-T"] == name:
            continue
        at = partial(line, method=labels[name], simulations=simulations)
        limit = partial(at, promise=Promise.AT_MOST, nominal=ALPHA, headline=True)
        cover = partial(at, promise=Promise.AT_LEAST, nominal=1 - ALPHA, headline=True)
        lines += [
            limit("family-wise error: a false claim", hits=int(claims)),
            cover("all rank intervals cover", hits=int(together)),
            cover("the middle model's marginal rank interval covers", hits=int(alone)),
            limit("a tier begins with a model not worse than any above", hits=int(borders)),
            line("power: share of unequal pairs found", labels[name], promise=Promise.NONE, nominal=0.0,
                 hits=int(pairs_found), simulations=upper * simulations),
            line("width of the rank intervals, of that of no information", labels[name], promise=Promise.NONE,
                 nominal=0.0, hits=int(width), simulations=models * (models - 1) * simulations),
        ]  # fmt: skip
    return lines


def _shifts(models: int, n: int, truth: ManyTruth) -> FloatArray:
    """(M,) true places: pairs of equal models, steps from one to four standard errors of a difference."""
    steps = np.resize([0.0, 1.0, 0.0, 2.0, 0.0, 3.0, 0.0, 4.0], models)
    width = 3.0 if truth is MANY_UNEQUAL else 1.0
    return np.asarray(np.cumsum(steps) * width * np.sqrt(2 / n))[::-1].copy()


def _outcome(pairs: Pairs, better: AnyArray) -> AnyArray:
    """What happened: false claims, covered ranks together and alone, false tiers; pairs found, width of ranks."""
    claimed = (pairs.p_adjusted <= ALPHA) & (pairs.difference > 0)
    best, worst = 1 + better.sum(axis=0), len(better) - better.sum(axis=1)
    low, high = rank_intervals(pairs.difference, pairs.p_adjusted, alpha=ALPHA)
    own_low, own_high = rank_intervals(pairs.difference, pairs.p_marginal, alpha=ALPHA)
    middle = len(better) // 2
    order = list(map(int, np.argsort(-pairs.difference.mean(axis=1), kind="stable")))
    groups = tiers(order, pairs.p_adjusted, alpha=ALPHA)
    return np.array(
        [
            bool((claimed & ~better).any()),
            bool(((low <= best) & (worst <= high)).all()),
            bool(own_low[middle] <= best[middle] and worst[middle] <= own_high[middle]),
            any(not better[list(above), below[0]].any() for above, below in pairwise(groups)),
            int((claimed & better).sum()),
            int((high - low).sum()),
        ],
        dtype=np.int64,
    )
