"""The items of a picture task: a picture, its value, and maybe the group that it belongs to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.data.jsonl import columns, is_number
from evalkit.errors import DataError
from evalkit.fingerprint import digest_file
from evalkit_tasks.pictures.png import read_pixels
from evalkit_tasks.rankability.items import Items, is_group, values_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from evalkit.types import FloatArray


def is_inside(value: Any) -> bool:
    """The path of a picture within the folder; written with forward slashes."""
    return isinstance(value, str) and value != "" and not value.startswith("/") and ".." not in value.split("/")


_CHECKS = {"image": is_inside, "value": is_number, "group": is_group}


@dataclass(frozen=True, eq=False)
class PictureItems(Items):
    """What is put in order; `texts` are digests of the pictures' files.

    Attributes:
        files: Where the picture of each digest is.
    """

    files: Mapping[str, Path] = field(default_factory=dict)

    def brightness(self) -> FloatArray:
        """(n,) the mean of each picture's pixels, over all channels, from 0 to 255.

        Raises:
            DataError: A picture cannot be read.
        """
        means = {digest: float(read_pixels(path).mean()) for digest, path in self.files.items()}
        return np.array([means[digest] for digest in self.texts])


def picture_files(path: Path) -> list[Path]:
    """The pictures that a split names, each once.

    Raises:
        DataError: The split's file is malformed.
    """
    return [path.parent / name for name in dict.fromkeys(columns(path, _CHECKS, optional=_OPTIONAL)["image"])]


_OPTIONAL = frozenset({"group"})


def read_pictures(path: Path) -> PictureItems:
    """The items of a split.

    Raises:
        DataError: The file is malformed or names a picture that is not there, has fewer than 30 items or one value
            only, or names a group for some items but not for others.
    """
    table = columns(path, _CHECKS, optional=_OPTIONAL)
    values = values_of(table["value"], path, "ImageRankability")
    groups = [group for group in table["group"] if group is not None]
    if len(groups) not in (0, len(values)):
        raise DataError(f"{path}: only some of the items have a group.", hint="Give one to all, or to none.")
    files = [path.parent / name for name in table["image"]]
    digests = [_digest(each) for each in files]
    names, codes = np.unique(np.array(groups, dtype=str), return_inverse=True)
    return PictureItems(
        digests,
        values,
        codes.astype(np.int64) if groups else None,
        tuple(map(str, names)),
        dict(zip(digests, files, strict=True)),
    )


def _digest(path: Path) -> str:
    try:
        return digest_file(path)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist.", hint="Add the picture, or correct the row that names it.") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}.", hint="Check the file's permissions.") from None
