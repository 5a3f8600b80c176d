"""The task type: a ladder from text length to a non-linear head, with the linear axis as the headline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from evalkit.errors import CellError, DataError
from evalkit.observations import Observations, parse_statistic
from evalkit.protocols import CellScores, Encoder
from evalkit.types import Role
from evalkit_tasks.base import FolderTask, Parameters
from evalkit_tasks.rankability import head
from evalkit_tasks.rankability.items import Items, read_items
from evalkit_tasks.rankability.ladder import (
    Fold,
    Predictions,
    extremes_score,
    make_folds,
    out_of_fold,
    predict,
    transfer_mean,
    transfer_scores,
)
from evalkit_tasks.rankability.measures import mean, normalised_gap, pairwise_accuracy, shots_to_reach
from evalkit_tasks.rankability.notes import ladder_notes
from evalkit_tasks.rankability.untrained import untrained_beside

if TYPE_CHECKING:
    from evalkit.observations import Statistic
    from evalkit.protocols import Cell, Workbench
    from evalkit.types import AnyArray, FloatArray, Vectors

_OF_LINEAR = ("spearman", "kendall", "pearson")
_RUNGS = ("length", "untrained", "nonlinear", "zero_shot")


class ZeroShot(BaseModel):
    """Two texts whose difference is an axis.

    Attributes:
        high: A text at the upper end, such as ``a very long text``.
        low: One at the lower end.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    high: str
    low: str

    @model_validator(mode="after")
    def _different(self) -> ZeroShot:
        if self.high == self.low:
            raise ValueError("the two texts are the same")
        return self


class RankabilityParameters(Parameters):
    """What decides the scores.

    Attributes:
        probe: What learns the linear axis; ridge regression is the only one so far.
        alpha: Penalty of its squared weights.
        n_folds: Folds of the cross-validation.
        shuffle: Whether items are shuffled into the folds.
        extremes_fraction: Share of the items at each end that make the axis of the extremes.
        few_repeats: Draws of the shots.
        zero_shot: The two texts of the zero-shot axis; without them there is none.
        transfer_to: Groups that are left out in turn; without them every group is.
    """

    probe: Literal["ridge"] = "ridge"
    alpha: float = Field(default=1.0, gt=0)
    n_folds: int = Field(default=5, ge=2, le=20)
    shuffle: bool = True
    extremes_fraction: float = Field(default=0.05, gt=0, le=0.5)
    few_repeats: int = Field(default=10, ge=1, le=1000)
    zero_shot: ZeroShot | None = None
    transfer_to: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Embedded:
    """What encoders made of the items.

    Attributes:
        vectors: (n, d) the encoder's.
        untrained: (n, d') the untrained encoder's.
        which: The sentence that says which that is.
        zero_shot: (2, d) vectors of the texts at the upper and the lower end, or None.
    """

    vectors: Vectors
    untrained: Vectors
    which: str
    zero_shot: Vectors | None


class RankabilityTask(FolderTask[RankabilityParameters]):
    """Spearman, Kendall's tau-b, Pearson and pairwise accuracy of value and out-of-fold prediction, over items.

    After "On the rankability of visual embeddings": an attribute is rankable when one direction keeps its order. The
    rungs below and above the linear axis say what that is worth: text length, the untrained encoder, few shots, a
    non-linear head.
    """

    parameters_type: ClassVar[type[Parameters]] = RankabilityParameters
    default_main_score: ClassVar[str] = "spearman"

    def metrics(self) -> tuple[str, ...]:
        """Those that are statistics of the items; scores of a part of them, or of no single item, are beside them."""
        rungs = _RUNGS if self.parameters.zero_shot else _RUNGS[:-1]
        return tuple(_statistics(rungs))

    def implied(self) -> dict[str, Any]:
        """The non-linear head's settings."""
        return {"head": head.PROTOCOL}

    def texts(self, cell: Cell) -> dict[Role, list[str]]:
        """The items, and the two texts of the zero-shot axis."""
        ends = self.parameters.zero_shot
        return {Role.TEXT: [*self.items(cell).texts, *([ends.high, ends.low] if ends else [])]}

    def evaluate(self, cell: Cell, bench: Workbench) -> CellScores:
        """Score one cell."""
        items = self.items(cell)
        embedded = self.embed(items, bench)
        return self._scores(items, embedded, bench.workers, self.notes(cell))

    def items(self, cell: Cell) -> Items:
        """The items of a cell, checked against the protocol.

        Raises:
            DataError: They cannot be put in order, or the protocol asks for what they have not.
        """
        [path] = self.files(cell)
        items = read_items(path)
        for name in self.parameters.transfer_to:
            if name not in items.names:
                raise DataError(
                    f"{path} has no group {name!r}; it has {', '.join(items.names) or 'none'}.",
                    hint="Correct transfer_to in task.toml.",
                )
        return items

    def embed(self, items: Items, bench: Workbench) -> Embedded:
        """Vectors of the items, of the untrained encoder, and of the two texts of the zero-shot axis."""
        ends = self.parameters.zero_shot
        bench.expect(2 * len(items) + (2 if ends else 0))
        vectors = bench.embed(items.texts, role=Role.TEXT)
        zero_shot = bench.embed([ends.high, ends.low], role=Role.TEXT) if ends else None
        if not isinstance(bench.scorer, Encoder):
            raise CellError(f"{bench.scorer.name} has no vectors.", hint="Give it retrieval tasks only.")
        fresh, which = untrained_beside(bench.scorer, vectors.shape[1], self.parameters.seed)
        untrained = bench.beside(fresh).embed(items.texts, role=Role.TEXT)
        return Embedded(vectors, untrained, which, zero_shot)

    def _scores(self, items: Items, embedded: Embedded, workers: int, notes: tuple[str, ...]) -> CellScores:
        parameters = self.parameters
        folds = make_folds(len(items), parameters.n_folds, parameters.seed, shuffle=parameters.shuffle)
        X, y = embedded.vectors.astype(np.float64), items.values
        ladder = predict(
            X,
            y,
            folds,
            alpha=parameters.alpha,
            repeats=parameters.few_repeats,
            seed=parameters.seed,
            workers=workers,
        )
        untrained = out_of_fold(embedded.untrained.astype(np.float64), y, folds, parameters.alpha, workers)
        observations = _observations(items, ladder, untrained, _zero_shot(X, embedded.zero_shot))
        extra, repeats = self._beside(items, X, ladder, observations, folds)
        transfer, by_group, unscored = self._transfer(items, X)
        scores = {**observations.scores(), **extra, **transfer}
        said = ladder_notes(scores, len(items), min(len(fold.train) for fold in folds), X.shape[1])
        return CellScores(
            observations,
            extra={**extra, **transfer},
            repeats={**repeats, **by_group},
            warnings=(*notes, embedded.which, *said, *unscored),
        )

    def _beside(
        self, items: Items, X: FloatArray, ladder: Predictions, observations: Observations, folds: list[Fold]
    ) -> tuple[dict[str, float], dict[str, list[float]]]:
        """Scores that are no statistics of the observations, and values of their repeats."""
        n, y = len(items), items.values
        linear, low, high = (observations.value(f"spearman{rung}") for rung in ("", "_untrained", "_nonlinear"))
        curve = ladder.curve(y)
        whole = {min(len(fold.train) for fold in folds): linear}
        reached = [
            shots_to_reach({**{size: scores[repeat] for size, scores in curve.items()}, **whole}, linear, n)
            for repeat in range(self.parameters.few_repeats)
        ]
        means = {size: mean(scores) for size, scores in curve.items()}
        extra = {
            "pairwise_accuracy": pairwise_accuracy(y, ladder.linear),
            **{f"spearman_few_{size}": score for size, score in means.items()},
            "spearman_extremes": extremes_score(X, y, self.parameters.extremes_fraction, self.parameters.seed),
            "normalised_gap": normalised_gap(linear, low, high, n),
            "shots_to_90": shots_to_reach({**means, **whole}, linear, n),
        }
        return extra, {**{f"spearman_few_{size}": scores for size, scores in curve.items()}, "shots_to_90": reached}

    def _transfer(
        self, items: Items, X: FloatArray
    ) -> tuple[dict[str, float], dict[str, list[float]], tuple[str, ...]]:
        """The mean over the groups, each group's score, and what could not be scored."""
        if items.groups is None:
            return {}, {}, ()
        if len(items.names) < 2:
            return {}, {}, (f"All items are of the group {items.names[0]!r}: there is no other to carry the axis to.",)
        wanted = self.parameters.transfer_to or items.names
        codes = sorted({items.names.index(name) for name in wanted})
        scores = transfer_scores(X, items.values, items.groups, codes, self.parameters.alpha)
        known = {items.names[code]: score for code, score in scores.items() if np.isfinite(score)}
        missing = [items.names[code] for code in codes if items.names[code] not in known]
        said = (f"Groups without an order that could be kept: {', '.join(missing)}.",) if missing else ()
        return (
            {"transfer_spearman": transfer_mean(list(scores.values()))},
            {"transfer_spearman": list(known.values())} if known else {},
            said,
        )


def _zero_shot(X: FloatArray, ends: Vectors | None) -> FloatArray | None:
    """(n,) positions along the axis between two texts."""
    return None if ends is None else np.asarray(X @ (ends[0].astype(np.float64) - ends[1]))


def _observations(
    items: Items, ladder: Predictions, untrained: FloatArray, zero_shot: FloatArray | None
) -> Observations:
    columns: dict[str, AnyArray] = {
        "value": items.values,
        "linear": ladder.linear,
        "length": np.array([len(text) for text in items.texts], dtype=np.int64),
        "untrained": untrained,
        "nonlinear": ladder.nonlinear,
    }
    if zero_shot is not None:
        columns["zero_shot"] = zero_shot
    rungs = [rung for rung in _RUNGS if rung in columns]
    labels = {}
    if items.groups is not None:
        columns["group"], labels["group"] = items.groups, items.names
    return Observations(unit="item", columns=columns, labels=labels, statistics=_statistics(rungs))


def _statistics(rungs: tuple[str, ...] | list[str]) -> dict[str, Statistic]:
    named = {name: f"{name}(value, linear)" for name in _OF_LINEAR}
    named |= {f"spearman_{rung}": f"spearman(value, {rung})" for rung in rungs}
    return {name: parse_statistic(text) for name, text in named.items()}
