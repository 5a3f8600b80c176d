"""Folders written whole or not at all: beside their place, and put there in one step.

A crash, a full disk or a `kill -9` leaves the old folder or the new one. Linux swaps two folders at once on most file
systems. Elsewhere two renames do it, and where a kill falls between them `restore` brings the old folder back.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import sys
import time
from secrets import token_hex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_ASIDE = ".replaced"
_STALE = 3600  # seconds after which what a killed process left is nobody's work any more


@contextlib.contextmanager
def whole_folder(place: Path, *, replace: bool = True) -> Iterator[Path]:
    """A new folder to write in; at the end it is in its place, and what was there is gone.

    After an exception what was there still is, and nothing of the new folder.

    Args:
        place: Where the folder will be; the folders above are made.
        replace: Whether the new folder wins over one that is there at the end; if not, the new one is thrown away.

    Raises:
        OSError: It cannot be written.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    _sweep(place)
    temporary = _temporary(place)
    try:
        temporary.mkdir()
        yield temporary
        if replace:
            _put(temporary, place)
        else:
            _put_first(temporary, place)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_file(path: Path, content: bytes) -> None:
    """Write a new file, its folders first, and flush it to the disk.

    Raises:
        OSError: It is there already or cannot be written.
    """
    write_lines(path, (content,))


def write_lines(path: Path, lines: Iterable[bytes]) -> None:
    """The same for content that comes line by line, line ends included.

    Raises:
        OSError: It is there already or cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as stream:
        stream.writelines(lines)
        stream.flush()
        os.fsync(stream.fileno())


def restore(place: Path) -> None:
    """Bring back a folder that a process had moved aside when it was killed."""
    if not os.path.lexists(place) and os.path.lexists(_aside(place)):
        with contextlib.suppress(OSError):
            _aside(place).rename(place)


def restore_all(parent: Path) -> None:
    """The same for every folder in one."""
    for aside in parent.glob(f".*{_ASIDE}"):
        restore(parent / aside.name[1 : -len(_ASIDE)])


def _put(new: Path, place: Path) -> None:
    """Put a folder in its place; what was there is then where the folder was."""
    if not os.path.lexists(place):
        new.rename(place)
    elif not _exchange(new, place):
        place.rename(_aside(place))
        new.rename(place)
        _aside(place).rename(new)


def _put_first(new: Path, place: Path) -> None:
    """Put a folder in its place, unless another process was there first."""
    try:
        new.rename(place)
    except OSError:
        if not place.is_dir():
            raise


def _exchange(one: Path, other: Path) -> bool:
    """Swap two folders in one step; whether that was possible."""
    swap = getattr(ctypes.CDLL(None), "renameat2", None) if sys.platform == "linux" else None
    here, exchange = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of <linux/fs.h>
    return swap is not None and swap(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0


def _aside(place: Path) -> Path:
    return place.parent / f".{place.name}{_ASIDE}"


def _temporary(place: Path) -> Path:
    return place.parent / f".{place.name}.{os.getpid()}-{token_hex(4)}.tmp"


def _sweep(place: Path) -> None:
    """Remove what killed processes have left; a folder that may still be somebody's work stays."""
    restore(place)
    if os.path.lexists(_aside(place)):
        # Half of it must never be where `restore` looks.
        rubbish = _temporary(place)
        _aside(place).rename(rubbish)
        shutil.rmtree(rubbish, ignore_errors=True)
    for each in place.parent.iterdir():
        mine = each.name.startswith(f".{place.name}.") and each.name.endswith(".tmp")
        if mine and each.lstat().st_mtime < time.time() - _STALE:
            shutil.rmtree(each, ignore_errors=True)
