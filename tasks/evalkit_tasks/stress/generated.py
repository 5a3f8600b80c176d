"""Task folders that are generated: where a user wants them, or on first use beside the embedding cache."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from evalkit.errors import EvalkitError
from evalkit.placing import whole_folder
from evalkit_tasks.made import make_once, place_of
from evalkit_tasks.stress.limit import FILES, LimitSet, write_limit
from evalkit_tasks.stress.patterns import Pattern

if TYPE_CHECKING:
    from pathlib import Path

GENERATED: dict[str, LimitSet] = {f"Limit{pattern.title()}": LimitSet(pattern=pattern) for pattern in Pattern}
"""The built-in tasks that do not ship: 50,000 documents each."""


def generated_folder(name: str) -> Path:
    """The folder of a built-in generated task, made first where it is missing; whole or not at all.

    The same folder for all processes: of those that make it at once the first puts it there.

    Raises:
        StoreError: It cannot be written.
    """
    place = generated_place(name)
    if not _is_whole(place):
        make_once(name, place, lambda folder: write_limit(GENERATED[name], folder, name))
    return place


def generated_place(name: str) -> Path:
    """Where its folder is or will be; another place for another generator or other parameters."""
    return place_of(name, GENERATED[name].recorded())


def place_limit(made: LimitSet, place: Path, *, force: bool = False) -> None:
    """Write a data set as a task folder of that name; whole or not at all.

    Args:
        made: The parameters.
        place: The folder; those above it are made.
        force: Whether it may replace a task that is there.

    Raises:
        EvalkitError: Something is there that must not be replaced, or no such data set can exist.
        OSError: It cannot be written.
    """
    if os.path.lexists(place) and not _is_empty(place):
        if not (place / "task.toml").is_file():
            raise EvalkitError(f"{place} is there already and is no task.", hint="Give another folder.")
        if not force:
            raise EvalkitError(
                f"{place} holds a task already.", hint="Give another folder, or --force to replace the task."
            )
    with whole_folder(place) as folder:
        write_limit(made, folder, place.name)


def _is_whole(place: Path) -> bool:
    return all((place / file).is_file() for file in FILES)


def _is_empty(place: Path) -> bool:
    return place.is_dir() and not any(place.iterdir())
