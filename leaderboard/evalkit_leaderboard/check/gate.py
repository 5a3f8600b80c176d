"""`check`: baseline and candidate read, paired, measured and judged."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit.fingerprint import digest_json
from evalkit_leaderboard.check.baseline import find_baseline, verified
from evalkit_leaderboard.check.comparable import is_identical
from evalkit_leaderboard.check.evidence import PairEvidence, gather
from evalkit_leaderboard.check.history import Past, look_now
from evalkit_leaderboard.check.looks import look_alphas
from evalkit_leaderboard.check.pairing import Pair, pair_up, read_side
from evalkit_leaderboard.check.report import EncoderCheck, Line, Report
from evalkit_leaderboard.check.settings import MEAN, Settings
from evalkit_leaderboard.check.verdicts import judge
from evalkit_leaderboard.check.worst import with_worst
from evalkit_leaderboard.hardest import Texts
from evalkit_leaderboard.units import EXPERIMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evalkit.schema import EncoderRecord
    from evalkit_leaderboard.check.evidence import Evidence
    from evalkit_leaderboard.check.history import History
    from evalkit_leaderboard.frame import Located

UNITS_SHOWN = 10


def check(
    baseline: str | Path,
    candidate: str | Path,
    settings: Settings | None = None,
    *,
    data: Sequence[Path] = (),
    units: int = UNITS_SHOWN,
    history: History | None = None,
) -> Report:
    """Whether a candidate is worse than its baseline by more than the margin.

    Args:
        baseline: A results folder, one encoder's folder, a single file, or the name of a saved baseline.
        candidate: A results folder, one encoder's folder, or a single file.
        settings: Margins, error rates, what counts; by default a margin of .01 at alpha .05.
        data: Folders of task folders, for the texts of the units that got worst.
        units: How many of those to name for each task.
        history: Which checks were made before; None to remember none.

    Raises:
        EvalkitError: One side cannot be read, or both have no task in common.
    """
    settings = settings or Settings()
    texts = Texts(data)
    path = find_baseline(str(baseline))
    verified(path)
    pairing = pair_up(read_side(path), read_side(Path(candidate)), settings)
    look, said = _look(pairing.pairs, settings, history)
    alpha = float(look_alphas(settings.looks, settings.alpha, settings.spending)[look - 1])
    evidence = [gather(pair, settings) for pair in pairing.pairs]
    encoders, family, notes = _judged(pairing.pairs, evidence, settings, alpha, units, texts)
    kept = history.notes if history is not None else ()
    report = Report(
        settings=settings,
        baseline=str(baseline),
        candidate=str(candidate),
        encoders=encoders,
        alpha=alpha,
        family=family,
        look=look,
        notes=(
            *pairing.notes,
            *_bases(evidence),
            *_doubts(pairing.pairs),
            *notes,
            *(said if settings.looks > 1 else ()),
            *kept,
        ),
        warnings=(*(said if settings.looks == 1 else ()), *_idle(settings, pairing.pairs)),
    )
    _remember(pairing.pairs, report, history)
    return report


def _judged(
    pairs: Sequence[Pair],
    evidence: Sequence[PairEvidence],
    settings: Settings,
    alpha: float,
    units: int,
    texts: Texts,
) -> tuple[tuple[EncoderCheck, ...], int, tuple[str, ...]]:
    """Every encoder with its lines, the size of the family, and what is to be said of missing texts."""
    all_ = [(pair.label, each) for pair, of in zip(pairs, evidence, strict=True) for each in _lines(of)]
    lines, family = judge(all_, settings, alpha)
    remaining, encoders = iter(lines), []
    notes: list[str] = []
    for pair, of in zip(pairs, evidence, strict=True):
        # By place: a task may be called what the mean is called.
        judged = [next(remaining) for _ in of.tasks]
        mean = None if of.mean is None else next(remaining)
        tasks, missing = with_worst(judged, of.frame, units, texts)
        encoders.append(EncoderCheck(pair.label, pair.baseline, pair.candidate, tasks, _partial(mean, tasks)))
        notes += missing
    return tuple(encoders), family, tuple(dict.fromkeys(notes))


def _lines(evidence: PairEvidence) -> tuple[Evidence, ...]:
    return evidence.tasks if evidence.mean is None else (*evidence.tasks, evidence.mean)


def _partial(mean: Line | None, tasks: Sequence[Line]) -> Line | None:
    """The mean, which says so where it is not over all tasks."""
    compared = sum(line.difference is not None and line.verdict != "incomparable" for line in tasks)
    if mean is None or compared == len(tasks):
        return mean
    return replace(mean, reason=f"Over {compared} of {len(tasks)} tasks. {mean.reason}")


def _bases(evidence: Sequence[PairEvidence]) -> Iterator[str]:
    """What some numbers rest on, where that is not units."""
    tasks = [task for of in evidence for task in of.tasks]
    without = [task.name for task in tasks if task.note and not task.n and not task.incomparable]
    if without:
        more = f" and {len(without) - 1} more" if len(without) > 1 else ""
        yield (
            f"{without[0]}{more}: the results have no units, so that a task's own difference proves nothing and the "
            "mean is tested over tasks."
        )
    if any(task.basis == EXPERIMENTS for task in tasks):
        yield "Experiments stand for units that were not published: their error is that of drawing samples, not texts."


def _idle(settings: Settings, pairs: Sequence[Pair]) -> Iterator[str]:
    """Margins that are for nothing here: more often a slip of the pen than meant."""
    tasks = {(task, old[1].task.type) for pair in pairs for task, (old, _) in pair.results.items()}
    for name in settings.margins:
        one = Settings(margins={name: 2 * settings.margin}, margin=settings.margin)
        if name.lower() != MEAN and not any(one.margin_of(*task) != settings.margin for task in tasks):
            yield f"The margin of {name} is for no task of this check."


def _doubts(pairs: Sequence[Pair]) -> Iterator[str]:
    """What the results themselves warn of, such as a score that hangs on a seed or on ties: no interval has it."""
    for pair in pairs:
        for task, (old, new) in pair.results.items():
            if new is None or is_identical(old[1], new[1]):
                continue
            sides = {"baseline": old[1].warnings, "candidate": new[1].warnings}
            for text in dict.fromkeys(each for warnings in sides.values() for each in warnings):
                who = " and ".join(side for side, warnings in sides.items() if text in warnings)
                yield f"{task}, {who} of {pair.label}: {text}"


# -- looks -------------------------------------------------------------------------------------------------------


def _look(pairs: Sequence[Pair], settings: Settings, history: History | None) -> tuple[int, tuple[str, ...]]:
    """Which look this is, and what is to be said of it."""
    past = history.of(_key(pairs)) if history is not None else ()
    return look_now(past, _digest(pairs), settings.looks, settings.look, alpha=settings.alpha)


def _remember(pairs: Sequence[Pair], report: Report, history: History | None) -> None:
    if history is not None:
        when = datetime.now(UTC).isoformat(timespec="seconds")
        past = Past(when, report.verdict.value, _digest(pairs), report.look, report.settings.looks)
        history.add(_key(pairs), past)


def _key(pairs: Sequence[Pair]) -> str:
    """Who is checked against whom on what."""
    return digest_json([[_who(pair.baseline), _who(pair.candidate), sorted(pair.results)] for pair in pairs])


def _who(encoder: EncoderRecord | None) -> list[str | None]:
    return [] if encoder is None else [encoder.name, encoder.fingerprint]


def _digest(pairs: Sequence[Pair]) -> str:
    """Of the numbers themselves, whenever and wherever they were written."""
    sides = (each for pair in pairs for located in pair.results.values() for each in located)
    return digest_json([[] if each is None else _numbers(each) for each in sides])


def _numbers(located: Located) -> list[object]:
    _, result = located
    return [result.task.name, [[dict(cell.scores), cell.observations] for cell in result.cells]]
