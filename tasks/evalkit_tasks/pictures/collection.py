"""The built-in tasks of pictures: made on first use, beside the embedding cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.errors import unknown
from evalkit_tasks.made import make_once, place_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

NAMES = ("PictureBrightness", "PictureCount", "PictureRotation", "PictureSize", "PictureTemperature")
TYPE = "ImageRankability"


class PictureCollection:
    """A `evalkit.protocols.Collection` of one task for each attribute."""

    def names(self) -> Sequence[str]:
        """Names of the tasks."""
        return NAMES

    def folder(self, name: str) -> Path:
        """The task's folder, made first where it is missing; whole or not at all.

        Raises:
            StoreError: It cannot be written.
        """
        if name not in NAMES:
            raise unknown("task", name, NAMES, where="evalkit list tasks")
        place = picture_place(name)
        if not (place / "task.toml").is_file():
            _make(name, place)
        return place

    def types(self) -> Mapping[str, str]:
        """Type of each task, without making any."""
        return dict.fromkeys(NAMES, TYPE)

    def suites(self) -> Mapping[str, Sequence[str]]:
        """One suite of all."""
        return {"pictures": NAMES}


def picture_place(name: str) -> Path:
    """Where the folder of a task is or will be; another place for another generator or other parameters."""
    from evalkit_tasks.pictures.folder import PictureSet

    return place_of(name, PictureSet(name).recorded())


def _make(name: str, place: Path) -> None:
    from evalkit_tasks.pictures.folder import PictureSet, write_pictures

    make_once(name, place, lambda folder: write_pictures(PictureSet(name), folder, name))


COLLECTION = PictureCollection()
