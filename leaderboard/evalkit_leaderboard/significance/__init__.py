"""What is proven: intervals, paired tests, many comparisons at once, ranks, power. NumPy and SciPy only.

Everything rests on (pseudo-)values, one number a unit for every model, and knows no task type:

    >>> from evalkit_leaderboard.significance import compare
    >>> result = compare([0.9, 0.8, 0.7, 0.9], [0.5, 0.6, 0.6, 0.6])
    >>> round(result.difference, 3), result.method, result.p
    (0.25, 'sign flips', 0.125)

Default methods: `compare` for one pair, `flipped_pairs` or `analytic_pairs` for all pairs on a task, `flipped_board` or
`analytic_board` for the mean over *these* tasks, `like_these_pairs` for *tasks like these*, `rank_intervals` and
`tiers` from their adjusted p values.
"""

from evalkit_leaderboard.significance.bayes import Posterior, signed_rank_posterior
from evalkit_leaderboard.significance.board import Board, analytic_board, flipped_board
from evalkit_leaderboard.significance.bootstrap import Kind, bootstrap_interval, replicates
from evalkit_leaderboard.significance.correlations import (
    Overlapping,
    dunn_clark,
    meng,
    meng_interval,
    steiger,
    williams,
    zou_interval,
)
from evalkit_leaderboard.significance.effects import Effects, effects
from evalkit_leaderboard.significance.equivalence import Margins, margins, margins_of
from evalkit_leaderboard.significance.friedman import (
    Friedman,
    bonferroni_dunn,
    bonferroni_dunn_distance,
    friedman,
    nemenyi,
    nemenyi_distance,
)
from evalkit_leaderboard.significance.intervals import Interval, t_interval
from evalkit_leaderboard.significance.multiplicity import (
    benjamini_hochberg,
    benjamini_yekutieli,
    bonferroni,
    hochberg,
    holm,
    step_down,
)
from evalkit_leaderboard.significance.observed import (
    bootstrap_difference,
    compare_observations,
    over_cells,
    score_interval,
    unit_values,
)
from evalkit_leaderboard.significance.outcome import Outcome
from evalkit_leaderboard.significance.over_tasks import (
    Zeros,
    corrected_resampled_t,
    mcnemar,
    paired_t,
    sign_test,
    wilcoxon,
    wilcoxon_z,
)
from evalkit_leaderboard.significance.paired import Paired, compare
from evalkit_leaderboard.significance.pairs import Pairs, analytic_pairs, flipped_pairs
from evalkit_leaderboard.significance.power import minimum_detectable, multiplier, promised_power, units_needed
from evalkit_leaderboard.significance.ranks import better, rank_intervals, tie_groups, tiers
from evalkit_leaderboard.significance.seeds import generator_of, seed_of
from evalkit_leaderboard.significance.signflip import Flips, flip, flip_test
from evalkit_leaderboard.significance.twolevel import (
    bootstrap_mean,
    like_these_pairs,
    task_weights,
    tasks_like_these,
    these_tasks,
)

__all__ = [
    "Board",
    "Effects",
    "Flips",
    "Friedman",
    "Interval",
    "Kind",
    "Margins",
    "Outcome",
    "Overlapping",
    "Paired",
    "Pairs",
    "Posterior",
    "Zeros",
    "analytic_board",
    "analytic_pairs",
    "benjamini_hochberg",
    "benjamini_yekutieli",
    "better",
    "bonferroni",
    "bonferroni_dunn",
    "bonferroni_dunn_distance",
    "bootstrap_difference",
    "bootstrap_interval",
    "bootstrap_mean",
    "compare",
    "compare_observations",
    "corrected_resampled_t",
    "dunn_clark",
    "effects",
    "flip",
    "flip_test",
    "flipped_board",
    "flipped_pairs",
    "friedman",
    "generator_of",
    "hochberg",
    "holm",
    "like_these_pairs",
    "margins",
    "margins_of",
    "mcnemar",
    "meng",
    "meng_interval",
    "minimum_detectable",
    "multiplier",
    "nemenyi",
    "nemenyi_distance",
    "over_cells",
    "paired_t",
    "promised_power",
    "rank_intervals",
    "replicates",
    "score_interval",
    "seed_of",
    "sign_test",
    "signed_rank_posterior",
    "steiger",
    "step_down",
    "t_interval",
    "task_weights",
    "tasks_like_these",
    "these_tasks",
    "tie_groups",
    "tiers",
    "unit_values",
    "units_needed",
    "wilcoxon",
    "wilcoxon_z",
    "williams",
    "zou_interval",
]
