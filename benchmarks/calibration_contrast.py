"""Methods that are not the defaults, on the same truths: why they are not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from calibration_lines import Line, Promise
from calibration_truths import (
    ACCURACY,
    LARGE_LOSSES,
    MANY_UNEQUAL,
    NORMAL,
    SKEWED,
    TIED,
    Generator,
    ManyTruth,
    PairTruth,
)
from scipy.stats import ttest_ind

from evalkit.types import FloatArray
from evalkit_leaderboard.significance import (
    analytic_board,
    generator_of,
    paired_t,
    sign_test,
    wilcoxon,
)

ALPHA = 0.05
SECTION = "For comparison: what is not the default"


def experiments(scale: float) -> Iterator[tuple[str, Callable[[], list[Line]]]]:
    """Name and experiment; there are none in a quick run."""
    if scale < 1:
        return
    tests: dict[str, Callable[[FloatArray, FloatArray], float | None]] = {
        "paired t below 50 units": lambda a, b: paired_t(a - b).p,
        "Wilcoxon": lambda a, b: wilcoxon(a - b).p,
        "sign test": lambda a, b: sign_test(a - b).p,
        "unpaired t": lambda a, b: float(ttest_ind(a, b).pvalue),
    }
    for name, truths, sizes in (
        ("paired t below 50 units", (NORMAL, TIED, ACCURACY, SKEWED), (30,)),
        ("Wilcoxon", (LARGE_LOSSES, SKEWED), (100, 1000)),
        ("sign test", (LARGE_LOSSES, SKEWED), (100, 1000)),
        ("unpaired t", (NORMAL,), (300,)),
    ):
        for truth in truths:
            for n in sizes:
                yield f"{name} {truth.name} {n}", partial(error, name, tests[name], truth, n, 2000)
    yield "Tukey", partial(tukey, MANY_UNEQUAL, 8, 100, 500)
    yield "these for like", partial(wrong_question, 500)


def error(
    name: str,
    test: Callable[[FloatArray, FloatArray], float | None],
    truth: PairTruth,
    n: int,
    simulations: int,
) -> list[Line]:
    """Error of a test of two models with equal means."""
    generator = generator_of("calibration", "contrast", name, truth.name, str(n))
    false = 0
    for _ in range(simulations):
        a, b, _ = truth.draw(generator, n, 0.0)
        p = test(a, b)
        false += p is not None and p <= ALPHA
    return [_line("error", name, truth.name, 2, str(n), false, simulations)]


def tukey(truth: ManyTruth, models: int, n: int, simulations: int) -> list[Line]:
    """The randomised Tukey HSD: models' values are exchanged within units, differences are not studentised."""
    generator = generator_of("calibration", "contrast", "Tukey")
    false = 0
    for _ in range(simulations):
        X = truth.draw(generator, np.zeros(models), n)
        order = np.argsort(generator.random((199, models, n)), axis=1)
        means = np.take_along_axis(X[None], order, axis=1).mean(axis=2)
        false += (1 + np.count_nonzero(np.ptp(means, axis=1) >= np.ptp(X.mean(axis=1)))) / 200 <= ALPHA
    return [_line("family-wise error", "randomised Tukey HSD", truth.name, models, str(n), false, simulations)]


def wrong_question(simulations: int) -> list[Line]:
    """Models equal over tasks like these, each better on some: the units of *these* tasks tell them apart."""
    generator = generator_of("calibration", "contrast", "these for like")
    false = 0
    for seed in range(simulations):
        tasks = {f"task {task}": _task(generator) for task in range(10)}
        false += bool((analytic_board(tasks, draws=999, seed=seed).overall.p_adjusted <= ALPHA).any())
    truth = "10 tasks at random, models equal over all such tasks"
    return [_line("family-wise error", "analytic_board, of tasks like these", truth, 8, "10 tasks", false, simulations)]


def _task(generator: Generator) -> FloatArray:
    return np.asarray(0.02 * generator.normal(size=(8, 1)) + 0.1 * generator.normal(size=(8, 200)))


def _line(measures: str, method: str, truth: str, models: int, n: str, hits: int, simulations: int) -> Line:
    return Line(SECTION, measures, method, truth, models, n, Promise.EXACT, ALPHA, hits, simulations, default=False)
