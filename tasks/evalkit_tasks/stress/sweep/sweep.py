"""One encoder on one task at many dimensions; every text is encoded once."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from evalkit.environment import describe
from evalkit.errors import CellError, EvalkitError, foreign
from evalkit.plan import encoder_record, texts_of
from evalkit.protocols import Encoder, Ranker
from evalkit.types import Role
from evalkit_tasks.stress.sweep.interval import mean_interval
from evalkit_tasks.stress.sweep.published import published, published_notes
from evalkit_tasks.stress.sweep.record import Curve, Estimate, Point, Sweep, SweptTask
from evalkit_tasks.stress.sweep.reduce import Recorder, Reduced, Reduction, Space, principal_components

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalkit.embedding import EncoderBench
    from evalkit.protocols import Cell, CellScores, Task, Workbench

DEFAULT_DIMS = (8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
NO_VECTORS = "none"
"""The reduction of a scorer that has no vectors to shorten."""
_SHOWN = ("recall_at_2", "recall_at_10", "recall_at_20", "recall_at_100")


@dataclass(frozen=True)
class Plan:
    """What is asked for.

    Attributes:
        dims: Dimensions; an encoder's own is always added.
        reductions: How vectors are shortened.
        alpha: One less the coverage of the intervals.

    Raises:
        EvalkitError: There is no reduction, or a dimension below 1.
    """

    dims: tuple[int, ...] = DEFAULT_DIMS
    reductions: tuple[Reduction, ...] = (Reduction.TRUNCATE, Reduction.PCA)
    alpha: float = 0.05

    def __post_init__(self) -> None:
        object.__setattr__(self, "dims", tuple(sorted(set(self.dims))))
        object.__setattr__(self, "reductions", tuple(dict.fromkeys(self.reductions)))
        if self.dims and self.dims[0] < 1:
            raise EvalkitError(f"There are no vectors of {self.dims[0]} dimensions.", hint="Give numbers from 1 on.")
        if not self.reductions:
            raise EvalkitError("No reduction was named.", hint=f"Give --reduce {','.join(Reduction)}.")


class _Key(NamedTuple):
    reduction: str
    dimension: int | None


@dataclass
class _Swept:
    """One cell at every dimension."""

    scores: dict[_Key, CellScores] = field(default_factory=dict)
    explained: dict[_Key, float] = field(default_factory=dict)
    documents: int = 0
    notes: list[str] = field(default_factory=list)


def sweep_encoder(spec: str, task: Task, plan: Plan, bench: EncoderBench) -> Curve:
    """Score an encoder with its vectors at every dimension of a plan, or a lexical scorer once.

    The vectors are kept in memory, 4 D bytes for each text of a cell. Principal components are fitted on the
    documents of the cell that is scored; queries are centred and turned by the documents' mean and components.

    Args:
        spec: What named the encoder.
        task: A task that embeds documents with the role of documents.
        plan: Dimensions and reductions.
        bench: The encoder, with the cache that makes a second sweep cost no encoding.

    Raises:
        CellError: The task cannot be scored.
    """
    cells = [_sweep_cell(task, cell, plan, bench) for cell in task.cells()]
    shared = [key for key in cells[0].scores if all(key in cell.scores for cell in cells)]
    fitted = any(key.reduction == Reduction.PCA for key in shared)
    documents = " and ".join(f"{cell.documents:,}" for cell in cells)
    return Curve(
        encoder=encoder_record(bench.scorer, spec, bench.dimension),
        points=tuple(_point(key, cells, task.main_score, plan.alpha) for key in shared),
        queries=sum(len(cell.scores[shared[0]].observed) for cell in cells),
        environment=describe(bench.scorer),
        fitted_on=f"the {documents} documents of {task.info.name} itself" if fitted else None,
        notes=tuple(dict.fromkeys(note for cell in cells for note in cell.notes)),
    )


def assemble(task: Task, plan: Plan, curves: Sequence[Curve]) -> Sweep:
    """The record of several encoders on one task, the paper's rows beside them where it has some."""
    info = task.info
    return Sweep(
        task=SweptTask(name=info.name, type=info.type, fingerprint=task.fingerprint, main_score=task.main_score),
        parameters={"dims": list(plan.dims), "reductions": list(plan.reductions), "alpha": plan.alpha},
        encoders=tuple(curves),
        published=published(info.name),
        published_notes=published_notes(info.name),
    )


def _sweep_cell(task: Task, cell: Cell, plan: Plan, bench: EncoderBench) -> _Swept:
    swept = _Swept()
    bench.start_cell(texts_of(task, cell))
    if not isinstance(bench.scorer, Encoder):
        swept.scores[_Key(NO_VECTORS, None)] = _evaluate(task, cell, bench)
        swept.notes.append(f"{bench.scorer.name} has no vectors to shorten: its score is one line.")
        return swept
    if isinstance(bench.scorer, Ranker):
        raise CellError(
            f"{bench.scorer.name} ranks in a way of its own, which shorter vectors say nothing of.",
            hint="Sweep the encoder behind it.",
        )
    recorder = Recorder(bench)
    whole = _evaluate(task, cell, recorder)
    bench.zero_warnings()
    space = recorder.space()
    _truncate(task, cell, plan, recorder, space, swept)
    swept.scores[_Key(Reduction.TRUNCATE, space.dimension)] = whole
    if Reduction.PCA in plan.reductions:
        _project(task, cell, plan, recorder, space, swept)
    return swept


def _truncate(task: Task, cell: Cell, plan: Plan, bench: Workbench, space: Space, swept: _Swept) -> None:
    """All dimensions below the encoder's own."""
    if Reduction.TRUNCATE in plan.reductions:
        for dimension in (each for each in plan.dims if each < space.dimension):
            scores = _evaluate(task, cell, Reduced(bench, space, dimension))
            swept.scores[_Key(Reduction.TRUNCATE, dimension)] = scores
    beyond = [each for each in plan.dims if each > space.dimension]
    if beyond:
        own = f"{bench.scorer.name} has {space.dimension} dimensions"
        swept.notes.append(f"{own}; left out: {_listed(beyond)}.")


def _project(task: Task, cell: Cell, plan: Plan, bench: Workbench, space: Space, swept: _Swept) -> None:
    """All numbers of components up to the most that the documents span."""
    documents = space.vectors.get(Role.DOCUMENT)
    if documents is None:
        raise CellError(
            f"{task.info.name} embeds no documents to fit principal components on.", hint="Use --reduce truncate."
        )
    components = principal_components(documents)
    most, swept.documents = components.axes.shape[1], len(documents)
    turned = space.mapped(components)
    for dimension in sorted({*(each for each in plan.dims if each < most), most}):
        key = _Key(Reduction.PCA, dimension)
        swept.scores[key] = _evaluate(task, cell, Reduced(bench, turned, dimension))
        swept.explained[key] = components.explained(dimension)
    beyond = [each for each in plan.dims if most < each <= space.dimension]
    if beyond:
        swept.notes.append(
            f"{bench.scorer.name}: {len(documents):,} documents have {most:,} principal components; "
            f"left out: {_listed(beyond)}."
        )


def _evaluate(task: Task, cell: Cell, bench: Workbench) -> CellScores:
    sentence = f"{task.info.name} failed with {bench.scorer.name}"
    with foreign(sentence, hint="Mend the task or the encoder; what was encoded is kept.", kind=CellError):
        scores = task.evaluate(cell, bench)
    if task.main_score not in scores.observed.statistics:
        raise CellError(f"{task.info.name} has no {task.main_score} of single queries.", hint="Choose another task.")
    return scores


def _point(key: _Key, cells: Sequence[_Swept], main_score: str, alpha: float) -> Point:
    scores = [cell.scores[key] for cell in cells]
    shown = dict.fromkeys((main_score, *_SHOWN))
    metrics = [name for name in shown if all(name in each.observed.statistics for each in scores)]
    explained = [cell.explained[key] for cell in cells if key in cell.explained]
    ties = [each.ties.get(main_score) for each in scores]
    known = [each for each in ties if each is not None]
    return Point(
        reduction=key.reduction,
        dimension=key.dimension,
        scores={name: _estimate(name, scores, alpha) for name in metrics},
        explained=sum(explained) / len(explained) if explained else None,
        ties=known[0] if len(known) == len(scores) == 1 else None,
        warnings=tuple(dict.fromkeys(text for each in scores for text in each.warnings)),
    )


def _estimate(metric: str, scores: Sequence[CellScores], alpha: float) -> Estimate:
    values = [each.observed.value(metric) for each in scores]
    if not all(map(math.isfinite, values)):
        return Estimate(value=None)
    interval = mean_interval([each.observed.pseudo_values(metric) for each in scores], alpha)
    low, high = interval or (None, None)
    return Estimate(value=sum(values) / len(values), low=low, high=high)


def _listed(dims: Sequence[int]) -> str:
    return ", ".join(map(str, dims))
