"""Observations and the statistics that turn them into scores: one idea behind every number evalkit prints.

A task writes aligned columns, one row a unit, and names the statistic of every metric. A statistic is a
function of a weighted sample, so intervals, paired tests and power follow without knowing the task:

    >>> from evalkit.observations import Mean, Observations
    >>> obs = Observations(unit="query", columns={"rr": [1.0, 0.5, 0.0]}, statistics={"mrr": Mean("rr")})
    >>> obs.value("mrr")
    0.5
"""

from evalkit.observations.clustering import VMeasure, VMeasureSets
from evalkit.observations.confusion import (
    F1,
    AveragePrecision,
    AveragePrecisionWeighted,
    F1Weighted,
    Precision,
    PrecisionWeighted,
    Recall,
    RecallWeighted,
)
from evalkit.observations.correlation import Kendall, Pearson, Spearman
from evalkit.observations.means import Accuracy, FoldAccuracy, Mean
from evalkit.observations.multilabel import Jaccard, LabelAccuracy, LabelF1, LabelF1Micro, SubsetAccuracy
from evalkit.observations.registry import STATISTICS, parse_statistic
from evalkit.observations.regression import R2, KendallMean, MeanAbsoluteError, MeanSquaredError, RootMeanSquaredError
from evalkit.observations.statistic import Statistic
from evalkit.observations.table import Observations
from evalkit.observations.thresholds import (
    BestAccuracy,
    BestF1,
    PrecisionAtBestF1,
    RankedAveragePrecision,
    RecallAtBestF1,
)

__all__ = [
    "F1",
    "R2",
    "STATISTICS",
    "Accuracy",
    "AveragePrecision",
    "AveragePrecisionWeighted",
    "BestAccuracy",
    "BestF1",
    "F1Weighted",
    "FoldAccuracy",
    "Jaccard",
    "Kendall",
    "KendallMean",
    "LabelAccuracy",
    "LabelF1",
    "LabelF1Micro",
    "Mean",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Observations",
    "Pearson",
    "Precision",
    "PrecisionAtBestF1",
    "PrecisionWeighted",
    "RankedAveragePrecision",
    "Recall",
    "RecallAtBestF1",
    "RecallWeighted",
    "RootMeanSquaredError",
    "Spearman",
    "Statistic",
    "SubsetAccuracy",
    "VMeasure",
    "VMeasureSets",
    "parse_statistic",
]
