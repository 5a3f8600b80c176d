"""Whether what is promised is found: regressions, passes, and the same verdicts from real files."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from calibration_lines import Line, Promise
from gate_truths import DISCRETE, HEAVY, LOSSES, NORMAL, PAIRS, SD, Truth, checked, encoder, mean_of, paired, record

from evalkit.store import ResultStore
from evalkit_leaderboard.check.gate import check
from evalkit_leaderboard.check.pairing import Pair
from evalkit_leaderboard.check.power import Assumption, Forecast, chance_of, foresee
from evalkit_leaderboard.check.report import Verdict
from evalkit_leaderboard.check.settings import Settings
from evalkit_leaderboard.frame import Located
from evalkit_leaderboard.significance import generator_of

FOUND = "A candidate that loses twice the margin: found as `evalkit power` promised"
PASSES = "A candidate that is no different: it must be able to pass"
FILES = "The same from result files"

_RARE = (
    "where fewer lose by chance, the spread is smaller too, so that what is found mostly is found more often than the "
    "normal distribution has it: .973 by the binomial distribution"
)
WHY = {LOSSES.name: _RARE}


def experiments(scale: float) -> Iterator[tuple[str, Callable[[], list[Line]]]]:
    """Name and experiment; `scale` is the share of the simulations that are made."""
    quick = scale < 1
    plans = ((300, 0.02), (1000, 0.01), (5000, 0.005))
    for n, margin in plans[:2] if quick else (*plans, (300, 0.01), (350, 0.02), (1394, 0.01)):
        yield f"found {n} {margin}", partial(found, NORMAL, n, margin, int((4000 if n < 5000 else 2000) * scale))
    yield "found strict", partial(found, NORMAL, 300, 0.01, int(4000 * scale), strict=True)
    if not quick:
        for truth in (HEAVY, DISCRETE, LOSSES):
            for n, margin in ((300, 0.03), (1000, 0.02), (5000, 0.01)):
                yield f"found {truth.name} {n}", partial(found, truth, n, margin, 2000)
        yield "found pairs", partial(found_pairs, 1000, 0.02, 1500)
    yield "found seen", partial(found_from_encoders, 1000, 0.01, int(2000 * scale))
    yield "found one of four", partial(found_among, 4, 1000, 0.015, int(2000 * scale))
    for n, margin in ((1000, 0.02),) if quick else ((1000, 0.02), (300, 0.02), (5000, 0.01)):
        yield f"passes {n}", partial(passes, n, margin, int((4000 if n < 5000 else 2000) * scale))
    yield "passes all of four", partial(passes_all, 4, 1000, 0.02, int(2000 * scale))
    yield "files", partial(from_files, int(40 * scale))


def found(truth: Truth, n: int, margin: float, simulations: int, *, strict: bool = False) -> list[Line]:
    """One task; the spread is known."""
    generator = generator_of("gate", "found", truth.name, str(n), str(margin), str(strict))
    settings = Settings(margin=margin, strict=strict)
    hits = 0
    for _ in range(simulations):
        pair = paired("encoder", {"T": truth.draw(generator, n, 2 * margin)})
        hits += checked([pair], settings).exit_code == 1
    promised = _promised(_side(pair, 0), settings, truth.sd(2 * margin))[0]
    return [_found(truth.name, _options(settings), 1, n, simulations, hits, promised, WHY.get(truth.name, ""))]


def _promised(baseline: Sequence[Located], settings: Settings, sd: float | None) -> tuple[float, Forecast]:
    """What `evalkit power` promises of the first task."""
    line = foresee(baseline, settings, assumption=Assumption(sd=sd)).forecasts[0]
    assert line.finding is not None
    return line.finding.chance, line


def _found(
    truth: str, check: str, lines: int, n: int, simulations: int, hits: int, promised: float, why: str = "",
    promise: Promise = Promise.EXACT,
) -> Line:  # fmt: skip
    head = truth.startswith(NORMAL.name)
    return Line(FOUND, "found", check, truth, lines, str(n), promise, promised, hits, simulations, why, head)


def found_pairs(n: int, margin: float, simulations: int) -> list[Line]:
    """Spearman's correlation: the spread of a unit's difference is that of other draws of the same truth."""
    generator = generator_of("gate", "found", PAIRS.name)
    settings = Settings(margin=margin)
    errors = []
    hits = 0
    for _ in range(simulations):
        pair = paired("encoder", {"T": PAIRS.draw(generator, n, 2 * margin)})
        report = checked([pair], settings)
        hits += report.exit_code == 1
        errors.append(report.encoders[0].tasks[0].se)
    se = float(np.median([error for error in errors if error is not None]))
    promised = chance_of(margin, se, n - 1.0, settings.alpha)
    return [_found(PAIRS.name, _options(settings), 1, n, simulations, hits, promised)]


def found_from_encoders(n: int, margin: float, simulations: int) -> list[Line]:
    """The spread is what four other encoders showed, drawn anew each time."""
    generator = generator_of("gate", "found", "seen")
    settings = Settings(margin=margin)
    hits, promises = 0, []
    for _ in range(simulations):
        difficulty = 0.5 + 0.2 * generator.normal(size=n)
        others = [
            record(encoder(f"other {at}"), "T", mean_of(difficulty + SD / np.sqrt(2) * generator.normal(size=n)))
            for at in range(4)
        ]
        promises.append(_promised(others, settings, None)[0])
        pair = paired("encoder", {"T": NORMAL.draw(generator, n, 2 * margin)})
        hits += checked([pair], settings).exit_code == 1
    truth = f"{NORMAL.name}; the promise from six pairs of encoders"
    return [_found(truth, _options(settings), 1, n, simulations, hits, float(np.mean(promises)))]


def found_among(tasks: int, n: int, margin: float, simulations: int) -> list[Line]:
    """One task of several loses: Holm's correction costs what was promised, or less."""
    generator = generator_of("gate", "found", "among")
    settings = Settings(margin=margin)
    hits = lines = 0
    for _ in range(simulations):
        drawn = {f"T{at}": NORMAL.draw(generator, n, 0.0 if at else 2 * margin) for at in range(tasks)}
        pair = paired("encoder", drawn)
        report = checked([pair], settings)
        lines = report.family
        hits += report.encoders[0].tasks[0].verdict is Verdict.REGRESSION
    promised = _promised(_side(pair, 0), settings, SD)[0]
    truth = f"{NORMAL.name}; one of {tasks} tasks"
    return [_found(truth, _options(settings), lines, n, simulations, hits, promised)]


# -- passes ------------------------------------------------------------------------------------------------------


def passes(n: int, margin: float, simulations: int) -> list[Line]:
    """One task; what is asked of it at n = 1000 and a margin of .02, and what was promised."""
    generator = generator_of("gate", "passes", str(n), str(margin))
    settings = Settings(margin=margin)
    hits = 0
    for _ in range(simulations):
        pair = paired("encoder", {"T": NORMAL.draw(generator, n, 0.0)})
        hits += checked([pair], settings).exit_code == 0
    _, line = _promised(_side(pair, 0), settings, SD)
    assert line.passing is not None
    made = partial(
        Line, PASSES, "pass (exit 0)", truth=NORMAL.name, models=1, n=str(n), hits=hits, simulations=simulations,
        headline=True,
    )  # fmt: skip
    options = _options(settings, 0)
    promised = made(method=f"{options}: as promised", promise=Promise.EXACT, nominal=line.passing.chance)
    if (n, margin) != (1000, 0.02):
        return [promised]
    return [made(method=f"{options}: as must be", promise=Promise.AT_LEAST, nominal=0.95), promised]


def passes_all(tasks: int, n: int, margin: float, simulations: int) -> list[Line]:
    """Several tasks and their mean must all pass."""
    generator = generator_of("gate", "passes", "all")
    settings = Settings(margin=margin)
    hits = lines = 0
    for _ in range(simulations):
        pair = paired("encoder", {f"T{at}": NORMAL.draw(generator, n, 0.0) for at in range(tasks)})
        report = checked([pair], settings)
        hits, lines = hits + (report.exit_code == 0), report.family
    promised = foresee(_side(pair, 0), settings, assumption=Assumption(sd=SD)).passes
    truth = f"{NORMAL.name}; {tasks} tasks"
    check = f"{_options(settings, 0)}: at least as promised"
    line = Line(
        PASSES, "pass (exit 0)", check, truth, lines, str(n), Promise.AT_LEAST, float(promised or 0), hits, simulations,
        headline=True,
    )  # fmt: skip
    return [line]


# -- files -------------------------------------------------------------------------------------------------------


def from_files(simulations: int) -> list[Line]:
    """`check` on folders of results says the same, and the command exits with it."""
    generator = generator_of("gate", "files")
    settings = Settings(margin=0.02)
    same = commands = exits = bit_identical = 0
    for at in range(simulations):
        drawn = {"T0": NORMAL.draw(generator, 300, at % 3 * 0.02), "T1": PAIRS.draw(generator, 300, 0.0)}
        pair = paired("encoder", drawn)
        report = checked([pair], settings)
        with TemporaryDirectory() as folder:
            old, new = (_written(pair, side, Path(folder)) for side in (0, 1))
            fromfile = check(old, new, settings)
            same += [line.verdict for line in fromfile.lines()] == [line.verdict for line in report.lines()]
            bit_identical += check(old, old, settings).exit_code == 0
            if at % 10 < 3:
                commands += 1
                exits += _exit_code(old, new, settings.margin, Path(folder)) == report.exit_code
    line = partial(
        Line, FILES, truth=f"{NORMAL.name}, and Spearman", models=3, n="300", promise=Promise.EXACT, nominal=1.0,
        headline=True,
    )  # fmt: skip
    return [
        line("every verdict as in memory", "check(folder, folder)", hits=same, simulations=simulations),
        line("the exit code as in memory", "evalkit check, a process", hits=exits, simulations=commands),
        line("pass (exit 0)", "check(folder, the same folder)", hits=bit_identical, simulations=simulations),
    ]


def _written(pair: Pair, side: int, folder: Path) -> Path:
    root = folder / ("baseline", "candidate")[side]
    for _, result in _side(pair, side):
        ResultStore(root).write(result)
    return root


def _side(pair: Pair, side: int) -> list[Located]:
    return [located for both in pair.results.values() if (located := both[side]) is not None]


def _exit_code(old: Path, new: Path, margin: float, folder: Path) -> int:
    command = [sys.executable, "-m", "evalkit", "check", str(old), str(new), "--margin", str(margin)]
    own = {**os.environ, "EVALKIT_CACHE": str(folder / "cache"), "GITHUB_STEP_SUMMARY": ""}
    return subprocess.run(command, cwd=folder, env=own, capture_output=True, check=False).returncode


def _options(settings: Settings, times: int = 2) -> str:
    loss = f"true loss {times * settings.margin:g}" if times else "no loss"
    return f"margin {settings.margin:g}{' --strict' if settings.strict else ''}, {loss}".replace("0.", ".")
