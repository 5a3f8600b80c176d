"""Every statistic by the name that it has in a file."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

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
from evalkit.observations.means import Accuracy, DefinedMean, FoldAccuracy, Mean
from evalkit.observations.multilabel import Jaccard, LabelAccuracy, LabelF1, LabelF1Micro, SubsetAccuracy
from evalkit.observations.regression import R2, KendallMean, MeanAbsoluteError, MeanSquaredError, RootMeanSquaredError
from evalkit.observations.thresholds import (
    BestAccuracy,
    BestF1,
    PrecisionAtBestF1,
    RankedAveragePrecision,
    RecallAtBestF1,
)

if TYPE_CHECKING:
    from evalkit.observations.statistic import Statistic

STATISTICS: dict[str, type[Statistic]] = {
    kind.name: kind
    for kind in (
        Mean,
        DefinedMean,
        Accuracy,
        FoldAccuracy,
        F1,
        F1Weighted,
        Precision,
        PrecisionWeighted,
        Recall,
        RecallWeighted,
        AveragePrecision,
        AveragePrecisionWeighted,
        Pearson,
        Spearman,
        Kendall,
        VMeasure,
        VMeasureSets,
        RankedAveragePrecision,
        BestAccuracy,
        BestF1,
        PrecisionAtBestF1,
        RecallAtBestF1,
        SubsetAccuracy,
        Jaccard,
        LabelAccuracy,
        LabelF1,
        LabelF1Micro,
        MeanAbsoluteError,
        MeanSquaredError,
        RootMeanSquaredError,
        R2,
        KendallMean,
    )
}
"""A plugin's own statistic becomes readable by adding its class here."""

_CALL = re.compile(r"\s*(\w+)\s*\((.*)\)\s*")


def parse_statistic(text: str) -> Statistic:
    """The statistic that prints as `text`, such as ``spearman(gold, predicted)``.

    Raises:
        ValueError: If nothing is called so, or its arguments do not fit.
    """
    call = _CALL.fullmatch(text)
    if call is None:
        raise ValueError(f"{text!r} is no statistic: it should read like 'mean(ndcg_at_10)'.")
    arguments = [argument.strip() for argument in call[2].split(",")]
    columns = [argument for argument in arguments if "=" not in argument]
    options = dict(_option(argument) for argument in arguments if "=" in argument)
    return _kind(call[1])(*columns, **options)


def _kind(name: str) -> type[Statistic]:
    if name in STATISTICS:
        return STATISTICS[name]
    close = get_close_matches(name, STATISTICS, n=1)
    meant = f"; did you mean {close[0]!r}?" if close else "."
    raise ValueError(f"No statistic is called {name!r}{meant}")


def _option(argument: str) -> tuple[str, int]:
    key, _, value = argument.partition("=")
    return key.strip(), int(value)
