"""From published files to evalkit's records.

A task's fingerprint is made of its name, its main score and the cells that count, and not of the revision of its
data: mteb's board compares results on several revisions under one name, and so does its import, which says so in the
summary and keeps the revision in every record (`imported.dataset_revision`). `strict_data` puts it into the
fingerprint; the leaderboard then refuses what mixes revisions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evalkit._version import __version__
from evalkit.fingerprint import digest_json
from evalkit.schema import (
    CellRecord,
    Environment,
    Imported,
    MainScore,
    Result,
    TaskRecord,
    mean_of_cells,
)
from evalkit_leaderboard.interchange.catalogue import UNKNOWN_TYPE, Selection
from evalkit_leaderboard.interchange.oddities import Oddities, Oddity
from evalkit_leaderboard.interchange.published import TOOL, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evalkit.schema import EncoderRecord
    from evalkit_leaderboard.interchange.published import Published, Scores

Key = tuple[str, str]
"""Split and subset of a cell."""
UNNAMED = "main_score"
"""The metric of a task that nobody knows and whose file names none."""
_CLOSE = 1e-5
_NAMED = 5


@dataclass(frozen=True)
class Converter:
    """Turns published results into records.

    Attributes:
        selection: What counts.
        cells: The cells of each task that count, in order.
        encoders: The encoder of each model and revision.
        strict_data: Whether the revision of the data is part of a task's fingerprint.
        oddities: Where what is odd is counted.
    """

    selection: Selection
    cells: Mapping[str, Sequence[Key]]
    encoders: Mapping[tuple[str, str], EncoderRecord]
    strict_data: bool = False
    oddities: Oddities = field(default_factory=Oddities)

    def convert(self, published: Published) -> Result:
        """The record of one file."""
        metric = self._metric(published)
        cells = tuple(_cell(key, published.cells.get(key), metric) for key in self.cells[published.task])
        self._note(published, metric)
        return Result(
            task=self._task(published, metric),
            encoder=self.encoders[published.source.model, published.source.revision],
            main_score=MainScore(metric=metric, value=mean_of_cells(metric, cells)),
            cells=cells,
            environment=_environment(published),
            timing=None,
            warnings=tuple(self._warnings(published, metric)),
            imported=_imported(published),
        )

    def _metric(self, published: Published) -> str:
        """What the main score is called: as the file, the catalogue, or the only metric of that value says."""
        return published.metric or self.selection.task(published.task).main_score or _guess(published)

    def _task(self, published: Published, metric: str) -> TaskRecord:
        keys = self.cells[published.task]
        protocol = {
            "tool": TOOL,
            "benchmark": self.selection.benchmark,
            "splits": list(dict.fromkeys(split for split, _ in keys)),
            "subsets": list(dict.fromkeys(subset for _, subset in keys)),
            "dataset_revision": published.dataset_revision if self.strict_data else "any",
        }
        data = published.dataset_revision if self.strict_data else None
        known = self.selection.task(published.task).type
        languages = (code for key in keys if key in published.cells for code in published.cells[key].languages)
        return TaskRecord(
            name=published.task,
            type=(published.type or known) if known == UNKNOWN_TYPE else known,
            fingerprint=digest_json([TOOL, published.task, metric, sorted(keys), data]),
            languages=tuple(dict.fromkeys(languages)),
            protocol=protocol,
        )

    def _warnings(self, published: Published, metric: str) -> Iterator[str]:
        for key in self.cells[published.task]:
            where, scores = "/".join(key), published.cells.get(key)
            if scores is None:
                yield f"{where}: not in the file, so the score of the task is undefined."
                continue
            if undefined := [name for name in scores.undefined if name != metric]:
                yield f"{where}: not a number in the file: {_some(undefined)}."
            if scores.main is None:
                yield f"{where}: no {metric} in the file, so the score of the task is undefined."
            if _differs(scores, metric):
                yield f"{where}: the main score in the file is not its {metric}; the main score is kept."

    def _note(self, published: Published, metric: str) -> None:
        """Count what is odd about the cells."""
        wanted, where = set(self.cells[published.task]), published.source.file
        found = [published.cells[key] for key in wanted & set(published.cells)]
        counts = {
            Oddity.MISSING_CELL: int(len(found) < len(wanted)),
            Oddity.EXTRA_CELL: int(bool(set(published.cells) - wanted)),
            Oddity.NO_MAIN: sum(scores.main is None for scores in found),
            Oddity.OTHER_MAIN: sum(_differs(scores, metric) for scores in found),
        }
        for oddity, count in counts.items():
            if count:
                self.oddities.add(oddity, where, count)


def counted_cells(published: Sequence[Published], selection: Selection, oddities: Oddities) -> dict[str, list[Key]]:
    """The cells of each task that count: those of the catalogue that some file has a score for.

    Source: mteb's board asks of a model what any model was scored on (`_incomplete_task_pairs`).
    """
    scored: dict[str, dict[Key, None]] = {}
    for each in published:
        task, cells = selection.task(each.task), scored.setdefault(each.task, {})
        cells.update({key: None for key, scores in each.cells.items() if scores.main is not None and task.counts(*key)})
    counted = {}
    for name, cells in scored.items():
        wanted = selection.task(name).cells()
        for key in wanted or ():
            if cells and key not in cells:
                oddities.add(Oddity.UNSCORED_CELL, f"{name}: {'/'.join(key)}")
        # Without a score in any file the task stays, undefined.
        counted[name] = sorted(cells) if wanted is None else [key for key in wanted if key in cells] or wanted
    return counted


def _cell(key: Key, scores: Scores | None, metric: str) -> CellRecord:
    split, subset = key
    if scores is None:
        return CellRecord(split=split, subset=subset, languages=(), scores={metric: None}, observations=None)
    return CellRecord(
        split=split,
        subset=subset,
        languages=scores.languages,
        scores={**scores.values, metric: scores.main},
        repeats=scores.repeats,
        observations=None,
    )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _guess(published: Published) -> str:
    """The one metric that has the main score's value in every cell."""
    cells = list(published.cells.values())
    same = [name for name in cells[0].values if all(_is_main(cell, name) for cell in cells)] if cells else []
    return same[0] if len(same) == 1 else UNNAMED


def _is_main(cell: Scores, name: str) -> bool:
    return cell.main is not None and cell.values.get(name) == cell.main


def _differs(scores: Scores, metric: str) -> bool:
    own = scores.values.get(metric)
    return own is not None and scores.main is not None and not math.isclose(own, scores.main, abs_tol=_CLOSE)


def _environment(published: Published) -> Environment:
    packages = {TOOL: published.version} if published.version is not None else {}
    return Environment(evalkit=__version__, python=UNKNOWN, platform=UNKNOWN, packages=packages, device=UNKNOWN)


def _imported(published: Published) -> Imported:
    return Imported(
        tool=TOOL,
        version=published.version,
        file=published.source.file,
        encoder_revision=published.source.revision,
        dataset_revision=published.dataset_revision,
        date=published.date,
        seconds=published.seconds,
        kg_co2=published.kg_co2,
    )
