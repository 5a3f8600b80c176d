"""Built-in tasks that are generated: made on first use, beside the embedding cache."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalkit.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


def place_of(name: str, recorded: Mapping[str, Any]) -> Path:
    """Where the folder of a task is or will be; another place for another generator or other parameters.

    Args:
        name: Of the task.
        recorded: The generator's version and its parameters.
    """
    from evalkit.embedding.cache import cache_folder
    from evalkit.fingerprint import digest_json, short

    return cache_folder().absolute() / "tasks" / f"{name}-{short(digest_json(recorded))}" / name


def make_once(name: str, place: Path, write: Callable[[Path], object]) -> None:
    """Make the folder of a task, whole or not at all; of processes that do it at once the first puts it there.

    Args:
        name: Of the task.
        place: The folder; what is there already is no whole task.
        write: Writes the task's files into a folder.

    Raises:
        StoreError: It cannot be written.
    """
    from evalkit.placing import whole_folder

    try:
        with whole_folder(place, replace=place.exists()) as folder:
            write(folder)
    except OSError as error:
        raise StoreError(
            f"Cannot write the task {name} to {place}: {error.strerror}.",
            hint="Make room, or set EVALKIT_CACHE to a folder that can be written.",
        ) from None
