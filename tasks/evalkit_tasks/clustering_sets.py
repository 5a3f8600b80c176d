"""The legacy clustering protocol: each given set is clustered by itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from evalkit.data.jsonl import columns, is_label, is_text, rows
from evalkit.errors import CellError, DataError, in_words
from evalkit.observations import Observations, parse_statistic
from evalkit.protocols import CellScores
from evalkit.repeats import run_repeats
from evalkit.types import Role
from evalkit_tasks.base import label_codes

if TYPE_CHECKING:
    from pathlib import Path

    from evalkit.protocols import Workbench
    from evalkit.types import IntArray, Vectors

BATCH_SIZE = 500  # of mteb's ClusteringEvaluator


@dataclass(frozen=True)
class GivenSets:
    """All texts, their class codes and the set that each belongs to."""

    texts: list[str]
    labels: IntArray
    sets: IntArray
    names: tuple[str, ...]


def is_given_sets(path: Path) -> bool:
    """Whether each row of a file holds one set (texts, labels) rather than one text."""
    first = next(rows(path), None)
    return first is not None and "texts" in first[1]


def read_sets(path: Path) -> GivenSets:
    """Read a file of sets; a file of single texts is one set."""
    if not is_given_sets(path):
        table = columns(path, {"text": is_text, "label": is_label})
        given = [(table["text"], table["label"])]
    else:
        table = columns(path, {"texts": _is_texts, "labels": _is_labels})
        given = list(zip(table["texts"], table["labels"], strict=True))
    for number, (texts, labels) in enumerate(given, start=1):
        if len(texts) != len(labels) or not texts:
            raise DataError(
                f"{path}: set {number} has {len(texts)} texts and {len(labels)} labels.", hint="Give one label a text."
            )
    codes, names = label_codes([label for _, labels in given for label in labels], str(path))
    sizes = [len(texts) for texts, _ in given]
    return GivenSets(
        [text for texts, _ in given for text in texts],
        np.array(codes, dtype=np.int64),
        np.repeat(np.arange(len(given)), sizes),
        names,
    )


def _is_texts(value: Any) -> bool:
    """A list of strings."""
    return isinstance(value, list) and all(map(is_text, value))


def _is_labels(value: Any) -> bool:
    """A list of classes."""
    return isinstance(value, list) and all(map(is_label, value))


@dataclass(frozen=True)
class SetParameters:
    """How each set is clustered.

    Attributes:
        seed: Of k-means.
        spread_seeds: Further seeds whose spread is shown.
        batch_size: Documents of each step of k-means.
        n_init: Starts of k-means.
    """

    seed: int = 42
    spread_seeds: int = 10
    batch_size: int = BATCH_SIZE
    n_init: int | Literal["auto"] = "auto"


def score_sets(path: Path, bench: Workbench, parameters: SetParameters) -> CellScores:
    """Cluster each set and compare with its labels; a set of one class counts 1, as in mteb.

    The seed alone moves this number far, so further seeds are run and their spread is reported beside it.
    """
    given = read_sets(path)
    bench.expect(len(given.texts))
    vectors = bench.embed(given.texts, role=Role.TEXT)
    seeds = range(parameters.seed, parameters.seed + 1 + parameters.spread_seeds)
    clusters = run_repeats(
        lambda seed: _cluster_sets(given, vectors, replace(parameters, seed=seed)), seeds, workers=bench.workers
    )
    observations = _observations(given, clusters[0])
    values = observations.repeats()["v_measure"]
    by_seed = [_observations(given, each).value("v_measure") for each in clusters]
    extra = {"v_measure_std": float(np.std(values))}
    return CellScores(observations, extra, {"v_measure": values, "v_measure_by_seed": by_seed}, _spread(by_seed))


def _observations(given: GivenSets, clusters: IntArray) -> Observations:
    return Observations(
        unit="document",
        columns={"label": given.labels, "cluster": clusters, "set": given.sets},
        labels={"label": given.names},
        statistics={"v_measure": parse_statistic("v_measure_sets(label, cluster, set)")},
    )


def _cluster_sets(given: GivenSets, vectors: Vectors, parameters: SetParameters) -> IntArray:
    clusters = np.zeros(len(given.texts), dtype=np.int64)
    for number in range(int(given.sets[-1]) + 1):
        rows_of = np.flatnonzero(given.sets == number)
        n_clusters = len(np.unique(given.labels[rows_of]))
        if n_clusters > 1:
            clusters[rows_of] = _kmeans(vectors[rows_of], n_clusters, parameters)
    return clusters


def _kmeans(vectors: Vectors, n_clusters: int, parameters: SetParameters) -> IntArray:
    from sklearn.cluster import MiniBatchKMeans

    try:
        model = MiniBatchKMeans(
            n_clusters=n_clusters,
            batch_size=parameters.batch_size,
            n_init=parameters.n_init,
            random_state=parameters.seed,
        )
        labels: IntArray = np.asarray(model.fit(vectors).labels_, dtype=np.int64)
    except ValueError as error:
        raise CellError(
            f"k-means failed: {in_words(error)}.", hint="A set needs at least as many texts as classes."
        ) from error
    return labels


def _spread(by_seed: list[float]) -> tuple[str, ...]:
    if len(by_seed) < 2:
        return ()
    return (
        f"v_measure depends on the seed of k-means: {min(by_seed):.4f} to {max(by_seed):.4f} "
        f"over {len(by_seed)} seeds with the same vectors.",
    )
