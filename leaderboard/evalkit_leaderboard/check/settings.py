"""What a check is asked for. Cheap to import: the command line reads its choices from here."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from evalkit.errors import EvalkitError

if TYPE_CHECKING:
    from collections.abc import Mapping

MARGIN = 0.01
ALPHA = 0.05
POWER = 0.8
MOST_LOOKS = 100
MEAN = "mean"
"""Names the mean over the tasks, in reports and among the margins."""


class Inconclusive(StrEnum):
    """What to do where neither a pass nor a regression is proven."""

    FAIL = "fail"
    WARN = "warn"


class Spending(StrEnum):
    """How alpha is spread over planned looks."""

    OBRIEN_FLEMING = "obrien-fleming"
    """Little for the first looks, nearly all of it for the last."""
    POCOCK = "pocock"
    """The same for every look."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a check is asked for.

    Attributes:
        margin: How much worse is tolerated, in the units of the score, above 0.
        margins: Other margins by glob of a task's name, by task type, or for `MEAN`.
        alpha: Error rate of a false alarm over all tasks together, and of a false pass; between 0 and .5.
        power: Chance that the minimum detectable effect and the units needed are for.
        strict: A proven loss of any size is a regression, also one within the margin.
        inconclusive: Whether an inconclusive check fails (exit 3) or warns (exit 0).
        tasks: Glob of the tasks that count; None for all.
        encoders: Glob of the encoders that count; None for all.
        looks: How many checks of this candidate are planned.
        look: Which of them this is, from 1; None to go by the history of checks.
        spending: How alpha is spread over them.

    Raises:
        EvalkitError: A number is out of range, or a word is none of those that there are.
    """

    margin: float = MARGIN
    margins: Mapping[str, float] = field(default_factory=dict)
    alpha: float = ALPHA
    power: float = POWER
    strict: bool = False
    inconclusive: Inconclusive = Inconclusive.FAIL
    tasks: str | None = None
    encoders: str | None = None
    looks: int = 1
    look: int | None = None
    spending: Spending = Spending.OBRIEN_FLEMING

    def __post_init__(self) -> None:
        for attribute, kind in (("inconclusive", Inconclusive), ("spending", Spending)):
            object.__setattr__(self, attribute, _choice(attribute, kind, getattr(self, attribute)))
        for name, margin in (("margin", self.margin), *((f"margin of {key}", of) for key, of in self.margins.items())):
            if not 0 < margin < float("inf"):
                raise EvalkitError(
                    f"The {name} must be above 0 and finite, not {margin:g}.",
                    hint="It says how much worse is tolerated; --strict makes any proven loss a regression.",
                )
        if not 0 < self.alpha < 0.5:
            raise EvalkitError(f"alpha must be between 0 and .5, not {self.alpha:g}.", hint="0.05 is usual.")
        if not self.alpha < self.power < 1:
            raise EvalkitError(
                f"The power must be between alpha ({self.alpha:g}) and 1, not {self.power:g}.", hint="0.8 is usual."
            )
        if not 1 <= self.looks <= MOST_LOOKS:
            raise EvalkitError(
                f"From 1 to {MOST_LOOKS} looks can be planned, not {self.looks}.",
                hint="--looks N plans N checks of one candidate.",
            )
        if self.look is not None and not 1 <= self.look <= self.looks:
            raise EvalkitError(
                f"Look {self.look} of {self.looks} cannot be.", hint="--looks N plans N checks, --look is one of them."
            )

    def margin_of(self, task: str, kind: str = "") -> float:
        """Margin of a task: by its name, else by the first glob that matches it, else by its type, else the general.

        Upper and lower case are the same. A glob of tasks says nothing about the mean.
        """
        margins = {name.lower(): margin for name, margin in self.margins.items()}
        if task.lower() in margins:
            return margins[task.lower()]
        for pattern, margin in margins.items():
            if task != MEAN and any(mark in pattern for mark in "*?[") and fnmatchcase(task.lower(), pattern):
                return margin
        return margins.get(kind.lower(), self.margin) if kind else self.margin


def _choice(name: str, kind: type[StrEnum], given: str) -> StrEnum:
    """A choice that may be given as plain text."""
    if given not in tuple(kind):
        raise EvalkitError(f"{name} cannot be {given!r}.", hint=f"It is one of {', '.join(kind)}.")
    return kind(given)
