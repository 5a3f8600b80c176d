"""`evalkit cache info|prune|clear`."""

from __future__ import annotations

import shutil
import time
from datetime import datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated

import typer

from evalkit.cli import console
from evalkit.cli.options import Json

if TYPE_CHECKING:
    from pathlib import Path

    from evalkit.embedding import EmbeddingCache
    from evalkit.embedding.cache import CacheEntry

_DAY = 86_400
COMMAND = typer.Typer(
    help="Show, prune or clear the cache: embeddings, and task folders that were made.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@COMMAND.command()
def info(json: Json = False) -> None:
    """Show where the cache is and what it holds of which encoder."""
    cache = _opened()
    entries = cache.entries() if cache else []
    size, tasks = disk_size(_folder()) - disk_size(_tasks()), _made_tasks()
    if json:
        console.json_data(
            {
                "folder": str(_folder()),
                "bytes_on_disk": size,
                "encoders": [vars(entry) for entry in entries],
                "tasks": {path.name: disk_size(path) for path in tasks},
            }
        )
        return
    if entries:
        _print_entries(entries)
    vectors = console.counted(sum(entry.vectors for entry in entries), "vector")
    console.line(f"{_folder()}: {vectors}, {console.size(size)} on disk.")
    if tasks:
        made = console.counted(len(tasks), "task folder")
        console.line(f"{made} generated or fetched, {console.size(disk_size(_tasks()))} on disk.")


@COMMAND.command()
def prune(
    older_than: Annotated[
        float | None, typer.Option(metavar="DAYS", min=0, help="Encoders that no run has used for so long.")
    ] = None,
    encoder: Annotated[
        str | None, typer.Option("--encoder", "-m", metavar="NAME", help="Encoders of this name or glob.")
    ] = None,
    json: Json = False,
) -> None:
    """Remove the vectors of some encoders; with both options, of those that fit both.

    The space in the file is used again; `evalkit cache clear` gives it back.
    """
    from evalkit.errors import EvalkitError

    if older_than is None and encoder is None:
        raise EvalkitError("Nothing was named to be pruned.", hint="Use --older-than DAYS, --encoder NAME or both.")
    cache = _opened()
    chosen = [entry for entry in (cache.entries() if cache else []) if _fits(entry, older_than, encoder)]
    removed = cache.remove(entry.fingerprint for entry in chosen) if cache else 0
    if json:
        console.json_data({"encoders": [entry.name for entry in chosen], "removed": removed})
    else:
        console.line(f"Removed {console.counted(removed, 'vector')} of {console.counted(len(chosen), 'encoder')}.")


@COMMAND.command()
def clear(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    tasks: Annotated[
        bool, typer.Option("--tasks", help="Instead: task folders that were generated or fetched; they are made again.")
    ] = False,
    json: Json = False,
) -> None:
    """Remove all embeddings and give the space back."""
    of_tasks = disk_size(_tasks())
    size = of_tasks if tasks else disk_size(_folder()) - of_tasks
    what = "task folders" if tasks else "embeddings"
    if size and not yes:
        typer.confirm(f"Remove {console.size(size)} of {what} in {_folder()}?", abort=True, err=True)
    _remove(tasks=tasks)
    if json:
        console.json_data({"bytes_removed": size})
    else:
        console.line(f"Removed {console.size(size)}." if size else "The cache is empty.")


def _remove(*, tasks: bool) -> None:
    from evalkit.embedding import clear_cache
    from evalkit.errors import StoreError

    if not tasks:
        clear_cache()
        return
    try:
        if _tasks().exists():
            shutil.rmtree(_tasks())
    except OSError as error:
        raise StoreError(
            f"Cannot remove {_tasks()}: {error.strerror}.", hint="Check the folder's permissions."
        ) from None


def disk_size(folder: Path) -> int:
    """Bytes that the files below a folder take on the disk; 0 where there is none."""
    files = [path for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
    return sum(path.stat().st_blocks * 512 for path in files)


def _folder() -> Path:
    from evalkit.embedding import cache_folder

    return cache_folder()


def _tasks() -> Path:
    """Where collections and catalogues put the task folders that they make."""
    return _folder() / "tasks"


def _made_tasks() -> list[Path]:
    return sorted(path.parent for path in _tasks().glob("*/*/task.toml"))


def _opened() -> EmbeddingCache | None:
    """The cache, or None where there is none yet: looking must not make one."""
    from evalkit.embedding import EmbeddingCache

    return EmbeddingCache() if any(_folder().glob("*.lmdb")) else None


def _fits(entry: CacheEntry, older_than: float | None, encoder: str | None) -> bool:
    old = older_than is None or entry.used <= time.time() - older_than * _DAY
    return old and (encoder is None or any(fnmatchcase(name, encoder) for name in entry.names))


def _print_entries(entries: list[CacheEntry]) -> None:
    rows = [
        [
            entry.name,
            entry.fingerprint[:12],
            datetime.fromtimestamp(entry.used).astimezone().strftime("%Y-%m-%d %H:%M"),
            f"{entry.vectors:,}",
            console.size(entry.size),
        ]
        for entry in entries
    ]
    console.table(["encoder", "fingerprint", "last used", "vectors", "size"], rows, left=3)
