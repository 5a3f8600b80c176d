"""Which encoder of the candidate is checked against which of the baseline, and on what."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from evalkit.errors import EXIT_INCOMPARABLE, EvalkitError, StoreError
from evalkit.labels import encoder_labels, identity, options_of
from evalkit.observations import Observations
from evalkit.store import load
from evalkit_leaderboard.frame import select

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import TypeAlias

    from evalkit.schema import EncoderRecord, Result
    from evalkit_leaderboard.check.settings import Settings
    from evalkit_leaderboard.frame import Located

    _Side: TypeAlias = dict[str, dict[str, Located]]
    """Results of one side by label of the encoder and name of the task."""

_SHOWN = 5


@dataclass(frozen=True, eq=False)
class Pair:
    """One encoder of the baseline and the one of the candidate that is checked against it.

    Attributes:
        label: What it is called in the report: as in the baseline, or the candidate's only encoder by its own name.
        baseline: The encoder behind the baseline.
        candidate: The encoder behind the candidate; None where it lacks this one.
        results: By task, sorted by type and name: the baseline's result and the candidate's, None where it has none.
    """

    label: str
    baseline: EncoderRecord
    candidate: EncoderRecord | None
    results: Mapping[str, tuple[Located, Located | None]]


@dataclass(frozen=True, eq=False)
class Pairing:
    """Everything that is checked.

    Attributes:
        pairs: One an encoder of the baseline.
        notes: What the candidate has beyond the baseline, in sentences.
    """

    pairs: tuple[Pair, ...]
    notes: tuple[str, ...]


def read_side(path: Path) -> list[Located]:
    """The results of a folder or file.

    Raises:
        StoreError: It is not there, it holds no result, or one of its results cannot be read: a gate that skipped
            what is damaged would pass it.
    """
    loaded = load(path)
    if loaded.unreadable:
        more = f" {len(loaded.unreadable) - 1} more cannot be read either." if len(loaded.unreadable) > 1 else ""
        raise StoreError(f"{loaded.unreadable[0][1]}{more}")
    if not loaded.results:
        raise StoreError(f"{path} holds no results.", hint="`evalkit run -o FOLDER` writes them there.")
    for located in loaded.results:
        _refuse_damaged(*located)
    return loaded.results


def _refuse_damaged(path: Path, result: Result) -> None:
    """Every column is read: what is damaged in the same way on both sides would pass as identical."""
    for cell in result.cells:
        if cell.observations is not None:
            try:
                Observations.from_json(cell.observations)
            except StoreError as error:
                raise StoreError(f"{path}: {cell.split}/{cell.subset}: {error.message}", hint=error.hint) from None


def pair_up(baseline: Sequence[Located], candidate: Sequence[Located], settings: Settings) -> Pairing:
    """Match encoders and tasks.

    With one encoder left on each side the two are a pair, whatever they are called: the glob of the encoders chooses
    among several and says nothing of a candidate that has but one. Otherwise encoders pair by name, and namesakes by
    the options of their specs; one that the candidate lacks is a pair without a candidate.

    Raises:
        EvalkitError: A glob of the settings matches nothing in the baseline; an encoder has two results on one task;
            nothing says which namesake is meant; or the two sides have no task in common.
    """
    kept = select(baseline, tasks=settings.tasks, encoders=settings.encoders)
    others = _wanted(candidate, settings)
    _refuse_strangers(kept, others or candidate)
    old, new = _by_encoder(kept), _by_encoder(others)
    partners = _partners(old, new)
    renamed = len(old) == len(new) == 1
    pairs = tuple(
        _pair((partner if renamed else None) or label, old[label], new.get(partner or "", {}))
        for label, partner in partners.items()
    )
    return Pairing(pairs, tuple(_beyond(old, new, partners)))


def _wanted(candidate: Sequence[Located], settings: Settings) -> list[Located]:
    """The candidate's results that the globs leave; its only encoder may have any name."""
    left = [each for each in candidate if _matches(each[1].task.name, settings.tasks)]
    if len({identity(result.encoder) for _, result in left}) == 1:
        return left
    return [each for each in left if _matches(each[1].encoder.name, settings.encoders)]


def _matches(name: str, glob: str | None) -> bool:
    return glob is None or fnmatchcase(name.lower(), glob.lower())


def _refuse_strangers(baseline: Sequence[Located], candidate: Sequence[Located]) -> None:
    mine, theirs = ({result.task.name for _, result in side} for side in (baseline, candidate))
    if not mine & theirs:
        raise EvalkitError(
            f"Baseline and candidate have no task in common: {_some(sorted(mine))} against {_some(sorted(theirs))}.",
            hint="Run the candidate on the baseline's tasks: evalkit run -m ... -t TASK.",
            exit_code=EXIT_INCOMPARABLE,
        )


def _by_encoder(located: Sequence[Located]) -> _Side:
    """Results by label of the encoder and name of the task, both sorted."""
    found: dict[str, dict[str, Located]] = defaultdict(dict)
    labels = encoder_labels([result.encoder for _, result in located])
    ordered = sorted(zip(labels, located, strict=True), key=lambda e: (e[0], e[1][1].task.type, e[1][1].task.name))
    for label, (path, result) in ordered:
        other = found[label].setdefault(result.task.name, (path, result))
        if other[0] != path:
            raise EvalkitError(
                f"{label} has two results on {result.task.name}: {other[0]} and {path}.",
                hint="Remove one of them, or name the folder that is meant.",
            )
    return dict(found)


def _partners(old: _Side, new: _Side) -> dict[str, str | None]:
    """Label in the candidate of every label of the baseline."""
    if len(old) == len(new) == 1:
        return {next(iter(old)): next(iter(new))}
    mine, theirs = _by_name(old), _by_name(new)
    found = {label: partner for name in mine for label, partner in _namesakes(name, mine[name], theirs[name]).items()}
    return {label: found.get(label) for label in old}


def _namesakes(name: str, old: _Side, new: _Side) -> dict[str, str]:
    """Who is who among encoders of one name. Labels do not say: they depend on who else is on their side."""
    if not new:
        return {}
    if len(old) == len(new) == 1:
        return {next(iter(old)): next(iter(new))}
    mine, theirs = (_by(lambda encoder: options_of(encoder.spec), side) for side in (old, new))
    if len(mine) < len(old) or len(theirs) < len(new):
        mine, theirs = (_by(lambda encoder: encoder.fingerprint, side) for side in (old, new))
        # One with the same weights as the baseline may not be the candidate that is meant.
        if set(mine) != set(theirs):
            raise _ambiguous(name, *(("candidate", new) if len(new) > 1 else ("baseline", old)))
    return {label: theirs[told] for told, label in mine.items() if told in theirs}


def _by(key: Callable[[EncoderRecord], str | None], side: _Side) -> dict[str | None, str]:
    """Labels by what tells their encoders apart."""
    return {key(_encoder(results)): label for label, results in side.items()}


def _ambiguous(name: str, which: str, several: _Side) -> EvalkitError:
    folder = next(iter(next(iter(several.values())).values()))[0].parent
    return EvalkitError(
        f"The {which} has {len(several)} encoders called {name}, and nothing says which one is meant: "
        f"{_some(sorted(several))}.",
        hint=f"Name the folder of one of them, such as {folder}.",
    )


def _by_name(side: _Side) -> dict[str, _Side]:
    found: dict[str, _Side] = defaultdict(dict)
    for label, results in side.items():
        found[_encoder(results).name][label] = results
    return found


def _encoder(results: Mapping[str, Located]) -> EncoderRecord:
    return next(result.encoder for _, result in results.values())


def _pair(label: str, old: Mapping[str, Located], new: Mapping[str, Located]) -> Pair:
    results = {task: (old[task], new.get(task)) for task in old}
    return Pair(label, _encoder(old), _encoder(new) if new else None, results)


def _beyond(old: _Side, new: _Side, partners: Mapping[str, str | None]) -> list[str]:
    """What is in the candidate alone."""
    strangers = sorted(set(new) - set(partners.values()))
    tasks = {task for label, partner in partners.items() if partner for task in set(new[partner]) - set(old[label])}
    notes = [f"Not checked, as the baseline lacks it: encoder {_some(strangers)}."] if strangers else []
    return notes + ([f"Not checked, as the baseline lacks it: task {_some(sorted(tasks))}."] if tasks else [])


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
