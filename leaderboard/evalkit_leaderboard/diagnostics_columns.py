"""Label-free diagnostics beside the scores: their means over tasks, and whether they go with the scores at all.

RankMe (Garrido et al. 2023) and others are said to tell good representations from poor ones without labels. Where
enough encoders have diagnostics, the board says what its own scores make of that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from evalkit_leaderboard.rank_correlation import RankCorrelation, rank_correlation
from evalkit_leaderboard.significance import holm

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evalkit.types import FloatArray
    from evalkit_leaderboard.frame import Frame

FEWEST = 6
"""Encoders that a correlation is tested with: with five, no p value could be proven beside sixteen others."""
_SIZE = "n"
"""No property of an encoder but the number of texts."""


@dataclass(frozen=True, eq=False)
class DiagnosticMeans:
    """One diagnostic of every encoder.

    It depends on the texts, so that every mean is over the same tasks: those on which all encoders that have the
    diagnostic anywhere have it.

    Attributes:
        name: Its name, as in results.
        values: (E,) mean over these tasks; nan for an encoder that has it nowhere, or where there is no such task.
        columns: Columns of these tasks.
        of: On how many tasks any encoder has it.
    """

    name: str
    values: FloatArray
    columns: tuple[int, ...]
    of: int


@dataclass(frozen=True)
class Association:
    """Whether a diagnostic goes with the mean score over encoders, on the same tasks.

    Attributes:
        name: The diagnostic.
        found: Spearman's rho, its interval and its p value.
        p_adjusted: The p value, corrected for all diagnostics (Holm).
    """

    name: str
    found: RankCorrelation
    p_adjusted: float


@dataclass(frozen=True, eq=False)
class Diagnostics:
    """What the results of a frame say about the geometry of the encoders.

    Attributes:
        means: One entry a diagnostic, in the order in which results have them.
        associations: One entry a diagnostic that at least `FEWEST` encoders have; none where there are fewer.
        encoders: How many encoders have any diagnostic.
    """

    means: tuple[DiagnosticMeans, ...]
    associations: tuple[Association, ...]
    encoders: int

    @property
    def untested(self) -> tuple[str, ...]:
        """Diagnostics that too few encoders have."""
        tested = {each.name for each in self.associations}
        return tuple(each.name for each in self.means if each.name not in {*tested, _SIZE})


def diagnostics(frame: Frame, *, alpha: float) -> Diagnostics:
    """The diagnostics of a frame.

    Args:
        frame: Results, some of which have diagnostics.
        alpha: One less the coverage of the intervals of the correlations.
    """
    cells = {place: result.diagnostics for place, result in frame.results.items() if result.diagnostics}
    names = dict.fromkeys(name for _, each in sorted(cells.items()) for name in each)
    found = tuple(_means(frame, name, cells) for name in names)
    return Diagnostics(found, _associations(frame, found, alpha), len({row for row, _ in cells}))


def _means(frame: Frame, name: str, cells: Mapping[tuple[int, int], Mapping[str, float | None]]) -> DiagnosticMeans:
    table = np.full(frame.main.shape, np.nan)
    for place, each in cells.items():
        value = each.get(name)
        table[place] = np.nan if value is None else value
    there = ~np.isnan(table)
    rows, columns = there.any(axis=1), there.any(axis=0)
    shared = np.flatnonzero(there[rows].all(axis=0)) if rows.any() else np.array([], dtype=int)
    values = np.full(len(table), np.nan)
    if len(shared):
        values[rows] = table[np.ix_(rows, shared)].mean(axis=1)
    return DiagnosticMeans(name, values, tuple(shared.tolist()), int(columns.sum()))


def _associations(frame: Frame, means: tuple[DiagnosticMeans, ...], alpha: float) -> tuple[Association, ...]:
    found = [_association(frame, each, alpha) for each in means if each.name != _SIZE]
    enough = [each for each in found if each.found.n >= FEWEST]
    adjusted = holm(np.array([each.found.p for each in enough]))
    return tuple(replace(each, p_adjusted=float(p)) for each, p in zip(enough, adjusted, strict=True))


def _association(frame: Frame, means: DiagnosticMeans, alpha: float) -> Association:
    scores = frame.main[:, list(means.columns)].sum(axis=1) / max(len(means.columns), 1)
    known = ~np.isnan(means.values) & ~np.isnan(scores)
    found = rank_correlation(means.values[known], scores[known], alpha=alpha, purpose=f"diagnostic {means.name}")
    return Association(means.name, found, np.nan)
