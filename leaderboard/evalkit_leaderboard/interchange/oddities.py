"""What is odd about a tree of published results: counted, named by its first file, and never fatal."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Oddity(StrEnum):
    """Something that a clean, current tree would not have."""

    STRAY = "stray files, not at MODEL/REVISION/TASK.json"
    UNREADABLE = "files that are no result"
    EXPERIMENT = "results of experiments, left out"
    OTHER_TASK = "results on tasks outside the benchmark, left out"
    SUPERSEDED = "results superseded by another revision's, left out"
    REVISIONS = "models with results of several revisions, joined as mteb's board joins them"
    EXTERNAL = "results reported by others (external/)"
    NO_META = "folders without model_meta.json, model and revision taken from the path"
    BAD_META = "model_meta.json that cannot be used, model and revision taken from the path"
    TRAINING_DICT = "model_meta.json with training_datasets as an object"
    OLD_LAYOUT = "files in the layout from before mteb 1.11"
    NAN = "files with bare NaN or Infinity, which is no JSON"
    NO_VERSION = "files without mteb's version"
    VERSION_RANGE = "files with a range of mteb versions"
    NO_DATA_REVISION = "files without the revision of the data"
    DATA_REVISIONS = "tasks with results on several revisions of their data"
    NAME = "files that name another task than their file name"
    UNKNOWN_TASK = "tasks that the catalogue does not know, type unknown"
    NO_MAIN = "cells without a main score"
    OTHER_MAIN = "cells whose main score is not the metric of its name"
    MISSING_CELL = "results that lack a split or subset that counts; undefined"
    EXTRA_CELL = "files with splits or subsets that do not count, left out"
    NO_NUMBER = "values that are neither numbers nor known lists, left out"
    UNSCORED_CELL = "splits or subsets that count and no file has; not counted"
    ALREADY_THERE = "models with other results in the output folder, which stay"


@dataclass
class Oddities:
    """The oddities of one import.

    Attributes:
        seen: How often each was seen, and where first.
    """

    seen: dict[Oddity, tuple[int, str]] = field(default_factory=dict)

    def add(self, oddity: Oddity, where: str, times: int = 1) -> None:
        """Count one."""
        count, first = self.seen.get(oddity, (0, where))
        self.seen[oddity] = (count + times, first)

    def count(self, oddity: Oddity) -> int:
        """How often it was seen."""
        return self.seen.get(oddity, (0, ""))[0]

    def rows(self) -> list[tuple[int, str, str]]:
        """(count, what, first place) of everything seen, in the order of `Oddity`."""
        return [(*self._counted(oddity), self.seen[oddity][1]) for oddity in Oddity if oddity in self.seen]

    def _counted(self, oddity: Oddity) -> tuple[int, str]:
        return self.seen[oddity][0], oddity.value
