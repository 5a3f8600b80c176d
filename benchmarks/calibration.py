"""Whether the engine keeps its promises: errors, coverage and power on values drawn from known truths.

    python benchmarks/calibration.py                 # everything, several minutes on two cores
    python benchmarks/calibration.py --quick         # the headlines, under a minute
    python benchmarks/calibration.py --write         # and put the tables into benchmarks/calibration.md

Every experiment has its own seed, made of its name, and calls the functions that the leaderboard calls. What is outside
its band is printed first, with the reason where it is known.
"""

from __future__ import annotations

from collections.abc import Callable

import calibration_contrast
import calibration_many
import calibration_pair
import calibration_tasks
from calibration_lines import Line, render
from experiments import carry_out, versions

INTRODUCTION = """# Does it hold? Errors, coverage and power on known truths

Written by `python benchmarks/calibration.py --write`; seeded, so the same versions give the same numbers.

Values are drawn from distributions whose truth is known, thousands of times, and given to the functions that the
leaderboard calls, with their defaults (max-T with {draws} draws or flips in place of 10,000: the level is the same).

- **error**: how often a difference is called proven that is not there. **family-wise**: at least one among all pairs.
- **coverage**: how often the interval holds the truth. **power**: how often a difference that is there is found.
- **nominal**: what the method promises; `≤` and `≥` where it promises a bound, as Holm's method and rank intervals do.
  The nominal power is that of `significance.promised_power`, a formula for large n.
- **around published scores**: pseudo-values are moved to the published score, by the leaderboard as by
  `compare_observations` and `score_interval`: intervals are about the score that so many units give on average.
  **around the jackknife's estimate**: they are left as they are, and intervals are about the score of all units there
  are; this is not the default. The two differ where a score is biased: V-measure of 300 documents in 10 topics, drawn
  with replacement, is .063 too high. The jackknife takes off half of that, and its estimate varies more (by .0332) than
  its error says (.0305).
- **95 % band**: where the measured share lies in 95 of 100 runs if the promise is kept exactly.
- **reason**: numbers in it were measured in simulations of their own; "perhaps chance" was not looked into further.

{versions}
"""


def page(lines: list[Line]) -> str:
    introduction = INTRODUCTION.format(draws=calibration_many.DRAWS, versions=versions())
    return f"{introduction}\n{render(lines)}\n"


def experiments(scale: float) -> list[tuple[str, Callable[[], list[Line]]]]:
    """Name and function of each."""
    modules = (calibration_pair, calibration_many, calibration_tasks, calibration_contrast)
    return [each for module in modules for each in module.experiments(scale)]


if __name__ == "__main__":
    carry_out("calibration", __doc__.splitlines()[0], experiments, page)
