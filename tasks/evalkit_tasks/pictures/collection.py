"""The built-in tasks of pictures: made on first use, beside the embedding cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalkit.errors import StoreError, unknown

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
            try:
                _make(name, place)
            except OSError as error:
                raise StoreError(
                    f"Cannot write the task {name} to {place}: {error.strerror}.",
                    hint="Make room, or set EVALKIT_CACHE to a folder that can be written.",
                ) from None
        return place

    def types(self) -> Mapping[str, str]:
        """Type of each task, without making any."""
        return dict.fromkeys(NAMES, TYPE)

    def suites(self) -> Mapping[str, Sequence[str]]:
        """One suite of all."""
        return {"pictures": NAMES}


def picture_place(name: str) -> Path:
    """Where the folder of a task is or will be; another place for another generator or other parameters."""
    from evalkit.embedding.cache import cache_folder
    from evalkit.fingerprint import digest_json, short
    from evalkit_tasks.pictures.folder import PictureSet

    digest = short(digest_json(PictureSet(name).recorded()))
    return cache_folder().absolute() / "tasks" / f"{name}-{digest}" / name


def _make(name: str, place: Path) -> None:
    from evalkit.placing import whole_folder
    from evalkit_tasks.pictures.folder import PictureSet, write_pictures

    with whole_folder(place, replace=place.exists()) as folder:
        write_pictures(PictureSet(name), folder, name)


COLLECTION = PictureCollection()
