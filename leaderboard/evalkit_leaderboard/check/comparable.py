"""Whether two results of one task can be compared at all, and if not, in a sentence that names what differs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from evalkit.schema import CellRecord, Result

_SHOWN = 3
_WIDEST = 40


def why_incomparable(baseline: Result, candidate: Result | None) -> str:
    """Why two results say nothing about each other; empty where they do."""
    return "" if candidate is None else next(_reasons(baseline, candidate), "")


def is_identical(baseline: Result, candidate: Result) -> bool:
    """Whether scores and observations agree bit for bit."""
    sides = ({(cell.split, cell.subset): _numbers(cell) for cell in side.cells} for side in (baseline, candidate))
    return next(sides) == next(sides) and baseline.main_score == candidate.main_score


def _numbers(cell: CellRecord) -> tuple[Mapping[str, Any] | None, ...]:
    """What was measured; what is known of the data stands in newer results only."""
    return cell.scores, cell.repeats, cell.observations


def _reasons(old: Result, new: Result) -> Iterator[str]:
    if old.task.type != new.task.type:
        yield f"Its type is {old.task.type} in the baseline and {new.task.type} in the candidate."
    yield from _protocol(old.task.protocol, new.task.protocol)
    if old.main_score.metric != new.main_score.metric:
        yield f"The baseline has {old.main_score.metric}, the candidate {new.main_score.metric}."
    if old.task.fingerprint != new.task.fingerprint:
        yield "The baseline was made on other data: their fingerprints differ."
    yield from _cells(_by_key(old), _by_key(new))
    for side, result in (("baseline", old), ("candidate", new)):
        if result.main_score.value is None:
            yield f"The score of the {side} is undefined."


def _protocol(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """By which parameter, with both values, two protocols differ."""
    different = sorted(key for key in {*old, *new} if old.get(key) != new.get(key) or (key in old) != (key in new))
    if different:
        said = [
            f"{key} is {_value(old, key)} in the baseline and {_value(new, key)} in the candidate" for key in different
        ]
        more = f", and {len(said) - _SHOWN} more" if len(said) > _SHOWN else ""
        yield f"The baseline was made by another protocol: {'; '.join(said[:_SHOWN])}{more}."


def _value(protocol: Mapping[str, Any], key: str) -> str:
    if key not in protocol:
        return "absent"
    text = str(protocol[key])
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 3]}..."


def _cells(old: Mapping[str, CellRecord], new: Mapping[str, CellRecord]) -> Iterator[str]:
    sides = ("baseline", set(old)), ("candidate", set(new))
    for (has, mine), (lacks, theirs) in (sides, sides[::-1]):
        if mine - theirs:
            yield f"The {lacks} lacks {', '.join(sorted(mine - theirs)[:_SHOWN])}, which the {has} has."
    for key in sorted(set(old) & set(new)):
        yield from _units(key, old[key].observations, new[key].observations)


def _by_key(result: Result) -> dict[str, CellRecord]:
    return {f"{cell.split}/{cell.subset}": cell for cell in result.cells}


def _units(where: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Iterator[str]:
    """Units pair by their place, so that places must hold the same units."""
    if old is None or new is None:
        return
    counts = [_count(observations) for observations in (old, new)]
    ids = [observations.get("ids") for observations in (old, new)]
    if ids[0] == ids[1]:
        if counts[0] != counts[1]:
            yield f"The units of {where} differ: {counts[0]:,} in the baseline and {counts[1]:,} in the candidate."
        return
    named = [set(each or ()) for each in ids]
    shared, lost = len(named[0] & named[1]), sorted(named[0] ^ named[1])
    if shared and not lost and counts[0] == counts[1]:
        yield f"The units of {where} are in another order."
        return
    which = f", among them {lost[0]!r}" if lost else ""
    said = f"{shared:,} of {counts[0]:,} and {counts[1]:,} are in both{which}" if shared else "none is in both"
    yield f"The units of {where} differ: {said}."


def _count(observations: Mapping[str, Any]) -> int:
    return int(next((packed["shape"][0] for packed in observations.get("columns", {}).values()), 0))
