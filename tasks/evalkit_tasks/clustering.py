"""Clustering: do clusters of the vectors agree with the classes of the texts?"""

from __future__ import annotations

import random
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator

from evalkit.data.jsonl import is_labels, is_text
from evalkit.errors import CellError, DataError, in_words
from evalkit.observations import Observations, parse_statistic
from evalkit.protocols import CellScores
from evalkit.repeats import run_repeats
from evalkit.types import Role
from evalkit_tasks.base import FolderTask, Parameters, label_codes
from evalkit_tasks.clustering_sets import BATCH_SIZE as SET_BATCH_SIZE
from evalkit_tasks.clustering_sets import SetParameters, is_given_sets, read_sets, score_sets

if TYPE_CHECKING:
    from evalkit.protocols import Cell, Workbench
    from evalkit.types import IntArray, Vectors

_CHECKS = {"text": is_text, "label": is_labels}
BATCH_SIZE = 512  # of mteb's AbsTaskClustering
_MISSING = -1  # mteb's mark for a text without label at a level


class ClusteringParameters(Parameters):
    """mteb's parameters.

    Attributes:
        kind: ``legacy`` clusters the given sets; empty, or mteb's ``fast``, draws documents again and again.
        max_fraction_of_documents_to_embed: Share of the documents that is embedded; none or absent takes all.
        max_document_to_embed: Or their number.
        max_documents_per_cluster: Documents of each experiment, drawn with replacement.
        n_clusters: Experiments at each level; mteb's name for it.
        k_mean_batch_size: Documents of each step of k-means; 512, and 500 in the legacy protocol.
        n_init: Legacy only: starts of k-means.
        max_depth: Levels of the labels that count; none or absent takes all.
        spread_seeds: Legacy only: further seeds with which the spread behind the one number is shown.
    """

    kind: Literal["", "legacy"] = ""
    max_fraction_of_documents_to_embed: float | None = Field(default=None, gt=0)
    max_document_to_embed: int | None = Field(default=None, ge=1)
    max_documents_per_cluster: int = Field(default=16_384, ge=1)
    n_clusters: int = Field(default=10, ge=1)
    k_mean_batch_size: int | None = Field(default=None, ge=1)
    n_init: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    max_depth: int | None = Field(default=None, ge=1)
    spread_seeds: int = Field(default=10, ge=0)

    @field_validator("kind", mode="before")
    @classmethod
    def _alias(cls, value: Any) -> Any:
        """One protocol under one name, so that its results compare."""
        return "" if value in ("fast", "bootstrap") else value

    @field_validator("max_fraction_of_documents_to_embed", "max_document_to_embed", "max_depth", mode="before")
    @classmethod
    def _none(cls, value: Any) -> Any:
        """TOML has no null: false, 0 and "none" stand for it."""
        return None if value in (False, 0, "none", "None", "") else value


@dataclass(frozen=True)
class Draw:
    """One experiment.

    Attributes:
        level: Of the labels.
        rows: Documents drawn, with repetitions.
        n_clusters: Distinct labels at the level.
    """

    level: int
    rows: IntArray
    n_clusters: int


class ClusteringTask(FolderTask[ClusteringParameters]):
    """V-measure of mini-batch k-means, over documents, experiments and label levels.

    Source: mteb 2.26.24, `AbsTaskClustering` and `AbsTaskClusteringLegacy`. mteb lets one generator run on from
    subset to subset; here each cell has its own, which equals mteb's when the subset runs alone.
    """

    parameters_type: ClassVar[type[Parameters]] = ClusteringParameters
    default_main_score: ClassVar[str] = "v_measure"

    def metrics(self) -> tuple[str, ...]:
        """V-measure, and the mutual information that only the drawing protocol computes."""
        return ("v_measure", "v_measure_std", *(() if self.parameters.kind == "legacy" else ("ami", "ami_std")))

    def implied(self) -> dict[str, Any]:
        """The version of scikit-learn: 1.9 draws mini-batches otherwise than 1.8, which moves scores by up to .07."""
        major, minor = version("scikit-learn").split(".")[:2]
        return {"scikit_learn": f"{major}.{minor}"}

    def texts(self, cell: Cell) -> dict[Role, list[str]]:
        """The documents that are embedded."""
        [path] = self.files(cell)
        if self.parameters.kind == "legacy" or is_given_sets(path):
            return {Role.TEXT: read_sets(path).texts}
        texts = self.folder.table(cell.subset, cell.split, _CHECKS)["text"]
        kept = _sample(len(texts), self.parameters, random.Random(self.parameters.seed))
        return {Role.TEXT: [texts[row] for row in kept]}

    def evaluate(self, cell: Cell, bench: Workbench) -> CellScores:
        """Score one cell."""
        path = self.folder.base(cell.subset) / f"{cell.split}.jsonl"
        if self.parameters.kind == "legacy" or is_given_sets(path):
            scores = score_sets(path, bench, self._set_parameters())
        else:
            table = self.folder.table(cell.subset, cell.split, _CHECKS)
            scores = score_clustering(table["text"], table["label"], bench, self.parameters, where=str(path))
        return CellScores(scores.observations, scores.extra, scores.repeats, (*scores.warnings, *self.notes(cell)))

    def _set_parameters(self) -> SetParameters:
        given = self.parameters
        return SetParameters(given.seed, given.spread_seeds, given.k_mean_batch_size or SET_BATCH_SIZE, given.n_init)


def score_clustering(
    texts: list[str], labels: list[Any], bench: Workbench, parameters: ClusteringParameters, *, where: str = "labels"
) -> CellScores:
    """Cluster drawn documents and compare with their labels.

    Args:
        texts: The documents.
        labels: Class of each, or a list of classes from coarse to fine.
        bench: The encoder.
        parameters: The protocol.
        where: File of the labels, for errors.
    """
    generator = random.Random(parameters.seed)
    kept = _sample(len(texts), parameters, generator)
    levels, names = _levels([labels[row] for row in kept], parameters.max_depth, where)
    bench.expect(len(kept))
    vectors = bench.embed([texts[row] for row in kept], role=Role.TEXT)
    draws = [draw for level, codes in enumerate(levels) for draw in _draws(level, codes, parameters, generator)]
    outcomes = run_repeats(lambda draw: _cluster(draw, vectors, levels, parameters), draws, workers=bench.workers)
    columns = _columns(levels, draws, [clusters for clusters, _ in outcomes])
    names_of = {f"label_{level}": name for level, name in enumerate(names)}
    statistics = {"v_measure": parse_statistic(f"v_measure({', '.join(columns)})")}
    ids = tuple(str(row) for row in kept)
    observations = Observations(unit="document", ids=ids, columns=columns, labels=names_of, statistics=statistics)
    repeats = {**observations.repeats(), "ami": [ami for _, ami in outcomes]}
    extra = {"v_measure_std": float(np.std(repeats["v_measure"])), **_mean_and_std("ami", repeats["ami"])}
    return CellScores(observations, extra, repeats)


def _sample(n: int, parameters: ClusteringParameters, generator: random.Random) -> list[int]:
    """Documents to embed; mteb's draw also reorders them."""
    fraction, number = parameters.max_fraction_of_documents_to_embed, parameters.max_document_to_embed
    if fraction is not None and number is not None:
        raise DataError(
            "max_fraction_of_documents_to_embed and max_document_to_embed are both set.", hint="Set one of them."
        )
    if fraction is None and number is None:
        return list(range(n))
    wanted = int(fraction * n) if fraction is not None else int(number or 0)
    if min(n, wanted) < 1:
        raise DataError(f"The protocol embeds {fraction:%} of {n} documents: none.", hint="Raise the share.")
    return generator.sample(range(n), k=min(n, wanted))


def _levels(labels: list[Any], max_depth: int | None, where: str) -> tuple[list[IntArray], list[tuple[str, ...]]]:
    """Class codes of the documents at each level, -1 where a document takes no part, and the classes' names."""
    paths = [label if isinstance(label, list) else [label] for label in labels]
    depth = max(map(len, paths))
    depth = min(depth, max_depth) if max_depth is not None else depth
    coded = [_level([path[level] if len(path) > level else None for path in paths], where) for level in range(depth)]
    return [codes for codes, _ in coded], [names for _, names in coded]


def _level(labels: list[Any], where: str) -> tuple[IntArray, tuple[str, ...]]:
    # mteb marks a missing level with the number -1. Among strings that becomes the class "-1", which takes part;
    # among numbers such documents are left out. We keep its numbers.
    strings = any(isinstance(label, str) for label in labels)
    filled = [("-1" if strings else _MISSING) if label is None else label for label in labels]
    present = [row for row, label in enumerate(filled) if label != _MISSING]
    codes, names = label_codes([filled[row] for row in present], where)
    out = np.full(len(filled), _MISSING, dtype=np.int64)
    out[present] = codes
    return out, names


def _draws(level: int, codes: IntArray, parameters: ClusteringParameters, generator: random.Random) -> list[Draw]:
    valid = np.flatnonzero(codes >= 0)
    size = parameters.max_documents_per_cluster
    n_clusters = len(np.unique(codes[valid]))
    return [
        Draw(level, valid[generator.choices(range(len(valid)), k=size)], n_clusters)
        for _ in range(parameters.n_clusters)
    ]


def _cluster(
    draw: Draw, vectors: Vectors, levels: list[IntArray], parameters: ClusteringParameters
) -> tuple[IntArray, float]:
    """Cluster of each drawn document, and the adjusted mutual information with the labels."""
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.metrics import adjusted_mutual_info_score

    model = MiniBatchKMeans(
        n_clusters=draw.n_clusters,
        batch_size=parameters.k_mean_batch_size or BATCH_SIZE,
        init="k-means++",
        n_init=1,
        random_state=parameters.seed,
    )
    try:
        clusters = np.asarray(model.fit_predict(vectors[draw.rows]), dtype=np.int64)
    except ValueError as error:
        raise CellError(
            f"k-means failed: {in_words(error)}.", hint="A set needs at least as many texts as classes."
        ) from error
    return clusters, float(adjusted_mutual_info_score(levels[draw.level][draw.rows], clusters))


def _columns(levels: list[IntArray], draws: list[Draw], clusters: list[IntArray]) -> dict[str, IntArray]:
    """Label, cluster and number of draws of every document, level by level.

    A document that is drawn twice in an experiment lands in one cluster, so counts say all there is to say.
    """
    columns: dict[str, IntArray] = {}
    for level, codes in enumerate(levels):
        mine = [index for index, draw in enumerate(draws) if draw.level == level]
        cluster = np.full((len(codes), len(mine)), -1, dtype=np.int64)
        counts = np.zeros((len(codes), len(mine)), dtype=np.int64)
        for repeat, index in enumerate(mine):
            rows = draws[index].rows
            cluster[rows, repeat] = clusters[index]
            counts[:, repeat] = np.bincount(rows, minlength=len(codes))
        columns |= {f"label_{level}": codes, f"cluster_{level}": cluster, f"draws_{level}": counts}
    return columns


def _mean_and_std(name: str, values: list[float]) -> dict[str, float]:
    return {name: float(np.mean(values)), f"{name}_std": float(np.std(values))}
