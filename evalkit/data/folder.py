"""A task folder on disk: its `task.toml`, its cells, its files and their digest."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from evalkit.data.jsonl import Check, columns
from evalkit.data.spec import FILE_NAME, TaskSpec, read_spec
from evalkit.errors import DataError
from evalkit.fingerprint import digest_file, digest_json
from evalkit.protocols import Cell, TaskInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

DEFAULT_SUBSET = "default"


@dataclass(frozen=True)
class TaskFolder:
    """A folder that holds one task.

    Attributes:
        path: The folder; its name is the task's name.
        spec: Its `task.toml`.
    """

    path: Path
    spec: TaskSpec

    @classmethod
    def open(cls, path: Path) -> TaskFolder:
        """Read the folder's `task.toml`; the data themselves are read when a cell is scored."""
        return cls(path, read_spec(path))

    @property
    def name(self) -> str:
        """The folder's name, by which the task is found and stored."""
        return self.path.name

    @property
    def info(self) -> TaskInfo:
        """What encoders may know of the task."""
        languages = {code for subset in self.subsets for code in self.spec.languages_of(subset)}
        return TaskInfo(self.name, self.spec.type, tuple(sorted(languages)), _prompts(self.spec, self.path))

    @cached_property
    def subsets(self) -> tuple[str, ...]:
        """Names of the subfolders that hold splits, or ``default`` where the folder itself does.

        Raises:
            DataError: Neither holds data, or both hold a split that is to be scored.
        """
        return self._below or (DEFAULT_SUBSET,)

    @cached_property
    def _below(self) -> tuple[str, ...]:
        """Subfolders that are subsets; none where the folder itself is the only one."""
        below = tuple(sorted(child.name for child in self.path.iterdir() if child.is_dir() and _holds_data(child)))
        if not _holds_data(self.path):
            if not below:
                raise DataError(
                    f"{self.path} holds no data files beside its {FILE_NAME}.", hint="See docs/write-a-task.md."
                )
            return below
        scored = tuple(name for name in below if self._scored_in(self.path / name))
        if scored and self._scored_in(self.path):
            raise DataError(
                f"{self.path} holds a split itself, and so do its subfolders {', '.join(scored)}.",
                hint="Move its own files into a subfolder, which makes them a subset too, or take them away.",
            )
        # Files that are not scored, such as a train.jsonl, may lie beside the subsets, and beside the data a folder.
        return below if scored else ()

    def _scored_in(self, base: Path) -> bool:
        return any(_holds_split(base, split) for split in self.spec.eval_splits)

    def cells(self) -> list[Cell]:
        """Every subset of every split to be scored, but for `missing_cells`."""
        missing = set(self.missing_cells)
        return [
            Cell(split, subset, self.spec.languages_of(subset))
            for split in self.spec.eval_splits
            for subset in self.subsets
            if (split, subset) not in missing
        ]

    @cached_property
    def missing_cells(self) -> tuple[tuple[str, str], ...]:
        """Split and subset of each cell without data, where other subsets have that split.

        A split that no subset has is a mistake in ``eval_splits``; its cells stay, and reading them fails.
        """
        have = {split: self._subsets_with(split) for split in self.spec.eval_splits}
        return tuple(
            (split, subset) for split, found in have.items() for subset in self.subsets if found and subset not in found
        )

    def _subsets_with(self, split: str) -> set[str]:
        return {subset for subset in self.subsets if _holds_split(self.base(subset), split)}

    def base(self, subset: str) -> Path:
        """The folder of a subset's files."""
        return self.path / subset if self._below else self.path

    def table(self, subset: str, split: str, checks: Mapping[str, Check]) -> dict[str, list[Any]]:
        """Columns of `<split>.jsonl`; see `evalkit.data.jsonl.columns`."""
        return columns(self.base(subset) / f"{split}.jsonl", checks)

    def fingerprint(self, files: Iterable[Path], protocol: Mapping[str, Any]) -> str:
        """Digest of the task's data files, cells and protocol; names, licences and descriptions do not count.

        Raises:
            DataError: A file does not exist or cannot be read, or the protocol holds NaN or an infinity.
        """
        digests = {str(path.relative_to(self.path)): _digest(path) for path in sorted(set(files))}
        # Languages count, as encoders are told them.
        cells = [[cell.split, cell.subset, sorted(cell.languages)] for cell in self.cells()]
        try:
            return digest_json({"type": self.spec.type, "files": digests, "cells": cells, "protocol": dict(protocol)})
        except ValueError:
            raise DataError(
                f"{self.path / FILE_NAME}: the protocol holds a number that is not finite.", hint="Mend the value."
            ) from None


def find_folders(roots: Sequence[Path]) -> dict[str, Path]:
    """Task folders by name: each root may be one, or hold some.

    Raises:
        DataError: A root does not exist or holds no task; one name stands for two folders.
    """
    found: dict[str, Path] = {}
    for root in roots:
        for path in _folders_of(root):
            if path.name in found and found[path.name] != path:
                raise DataError(
                    f"Task {path.name!r} is in {found[path.name].parent} and in {path.parent}.",
                    hint="Rename one of the folders, or give only one of them.",
                )
            found[path.name] = path
    return found


def _folders_of(root: Path) -> list[Path]:
    if not root.is_dir():
        raise DataError(f"{root} is no folder.", hint="Give --data a folder of task folders.")
    resolved = root.resolve()
    try:
        candidates = [resolved, *sorted(child for child in resolved.iterdir() if child.is_dir())]
        folders = [path for path in candidates if (path / FILE_NAME).is_file()]
    except OSError as error:
        raise DataError(f"{error.filename}: {error.strerror}.", hint="Check the folder's permissions.") from None
    if not folders:
        raise DataError(f"{root} holds no task folder (a folder with a {FILE_NAME}).", hint="See docs/write-a-task.md.")
    return folders


def _holds_data(path: Path) -> bool:
    return (path / "qrels").is_dir() or any(path.glob("*.jsonl"))


def _holds_split(base: Path, split: str) -> bool:
    return (base / f"{split}.jsonl").exists() or (base / "qrels" / f"{split}.tsv").exists()


def _prompts(spec: TaskSpec, path: Path) -> dict[str, str]:
    prompt = spec.protocol.get("prompt", {})
    prompts = {"text": prompt} if isinstance(prompt, str) else prompt
    if not isinstance(prompts, dict) or not all(isinstance(text, str) for text in prompts.values()):
        raise DataError(
            f"{path / FILE_NAME}: protocol.prompt is no text, nor one for each role.", hint="Mend the value."
        )
    return dict(prompts)


def _digest(path: Path) -> str:
    try:
        return digest_file(path)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist.", hint="Add the file, or correct eval_splits in task.toml.") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}.", hint="Check the file's permissions.") from None
