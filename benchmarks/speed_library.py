"""The least that the mathematics costs: faiss finding the best 1,000 of normalised vectors. No texts, no metrics."""

from __future__ import annotations

from collections.abc import Callable

import faiss
from speed_data import Workload

TOP_K = 1000


def prepare(work: Workload) -> Callable[[], dict[str, float]]:
    """What is to be measured; it has no scores."""
    n, _ = work.case.sizes

    def run() -> dict[str, float]:
        faiss.normalize_L2(work.vectors)
        faiss.knn(work.vectors[n:], work.vectors[:n], TOP_K, metric=faiss.METRIC_INNER_PRODUCT)
        return {}

    return run
