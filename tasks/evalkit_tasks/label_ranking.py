"""How high a ranking of labels puts those that an example has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from evalkit.types import AnyArray, FloatArray


def label_ranking_precision(members: AnyArray, scores: AnyArray) -> FloatArray:
    """Label ranking average precision of every example, as scikit-learn's `label_ranking_average_precision_score`.

    For each label of an example: the share of its labels among all that score as high or higher; then the mean. An
    example with no label, or with all of them, counts 1.

    Args:
        members: (n, L) whether the example has the label.
        scores: (n, L) the larger, the higher the label is ranked; equal scores share the lower rank.

    Returns:
        (n,) in (0, 1].
    """
    n, n_labels = members.shape
    order = np.argsort(scores, axis=1)[:, ::-1]
    ranked, true = (np.take_along_axis(each, order, axis=1) for each in (scores, members))
    last = np.ones((n, n_labels), dtype=np.bool_)
    last[:, :-1] = ranked[:, 1:] != ranked[:, :-1]
    # Where the equal scores of each place end: the nearest last place at or after it.
    ends = np.minimum.accumulate(np.where(last, np.arange(n_labels), n_labels)[:, ::-1], axis=1)[:, ::-1]
    precision = np.take_along_axis(np.cumsum(true, axis=1), ends, axis=1) / (ends + 1)
    sizes = true.sum(axis=1)
    means = (precision * true).sum(axis=1) / np.maximum(sizes, 1)
    return np.where(sizes == 0, 1.0, means)
