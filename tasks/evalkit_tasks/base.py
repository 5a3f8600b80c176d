"""What all task types share: a folder, checked protocol parameters, a fingerprint."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from evalkit.errors import DataError
from evalkit.schema import first_problem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evalkit.data import TaskFolder
    from evalkit.protocols import Cell, TaskInfo

# Parameters of a `[protocol]` that mteb's task classes have and that decide no score here.
_SILENT = frozenset({"prompt", "default_prompt"})
# The implementation's own: no task.toml can say that the code is another.
_FIXED = frozenset({"version"})


class Parameters(BaseModel):
    """Protocol parameters of a task type. The defaults are mteb's.

    Attributes:
        version: Of this implementation; a change that moves scores raises it, so that old results never compare.
        seed: Of every random draw.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    version: int = 1
    seed: int = 42


P = TypeVar("P", bound=Parameters)


class FolderTask(ABC, Generic[P]):
    """A task that lies in a folder. A task type sets the class attributes and `evaluate`.

    Attributes:
        parameters_type: Its protocol parameters.
        default_main_score: Headline metric where `task.toml` names none.
        lexical: Whether a lexical scorer can be given it.
    """

    parameters_type: ClassVar[type[Parameters]]
    default_main_score: ClassVar[str]
    lexical: bool = False

    def __init__(self, folder: TaskFolder) -> None:
        self.folder = folder
        self.parameters: P = self._read_parameters()
        self._check_main_score()

    @property
    def info(self) -> TaskInfo:
        """What encoders may know."""
        return self.folder.info

    @property
    def main_score(self) -> str:
        """Name of the headline metric."""
        return self.folder.spec.main_score or self.default_main_score

    @cached_property
    def protocol(self) -> dict[str, Any]:
        """The parameters as they go into results and fingerprint."""
        values = self.parameters.model_dump(mode="json")
        prompt = self.folder.spec.protocol.get("prompt")
        return {**values, **self.implied(), "main_score": self.main_score, **({"prompt": prompt} if prompt else {})}

    def implied(self) -> dict[str, Any]:
        """What decides scores beside the parameters: it goes into results and fingerprint too."""
        return {}

    @abstractmethod
    def metrics(self) -> tuple[str, ...]:
        """Every metric that the type can give with these parameters; the data may rule some out."""

    @cached_property
    def fingerprint(self) -> str:
        """Digest of the data files and the protocol."""
        files = [path for cell in self.cells() for path in self.files(cell)]
        return self.folder.fingerprint(files, self.protocol)

    def cells(self) -> Sequence[Cell]:
        """The cells, in the order in which they are scored."""
        return self.folder.cells()

    def files(self, cell: Cell) -> list[Path]:
        """The data files that a cell reads."""
        return self.files_of(cell, cell.split)

    def files_of(self, cell: Cell, *splits: str) -> list[Path]:
        """The files of some splits of a cell's subset."""
        return [self.folder.base(cell.subset) / f"{split}.jsonl" for split in splits]

    def notes(self, cell: Cell) -> tuple[str, ...]:
        """What the task's folder gives reason to warn of in the result of a cell."""
        return (*self.unknown_parameters(), *self._missing_cells(cell))

    def _missing_cells(self, cell: Cell) -> tuple[str, ...]:
        """Which cells have no data; said once, with the first that has."""
        missing = [f"{split}/{subset}" for split, subset in self.folder.missing_cells]
        if not missing or cell != self.cells()[0]:
            return ()
        return (f"The task folder has no data for {', '.join(missing)}.",)

    def unknown_parameters(self) -> tuple[str, ...]:
        """A warning for each parameter in `task.toml` that the type does not know: likely a typing error."""
        known = {*self.parameters_type.model_fields, *_SILENT} - _FIXED
        return tuple(
            f"The protocol parameter {name!r} means nothing to the type {self.folder.spec.type}."
            for name in self.folder.spec.protocol
            if name not in known
        )

    def _read_parameters(self) -> P:
        try:
            given = {name: value for name, value in self.folder.spec.protocol.items() if name not in _FIXED}
            return self.parameters_type.model_validate(given)  # type: ignore[return-value]
        except ValidationError as error:
            where = self.folder.path / "task.toml"
            raise DataError(f"{where}: protocol.{first_problem(error)}.", hint="Mend the value.") from None

    def _check_main_score(self) -> None:
        if self.main_score not in self.metrics():
            raise DataError(
                f"{self.folder.path / 'task.toml'}: {self.folder.spec.type} has no metric {self.main_score!r} with "
                f"this protocol; it has {', '.join(self.metrics())}.",
                hint="Correct main_score in task.toml.",
            )


def label_codes(labels: Sequence[int | str], where: str) -> tuple[list[int], tuple[str, ...]]:
    """Whole numbers for the classes, in sorted order, and the names they stand for.

    Raises:
        DataError: Numbers and strings are mixed.
    """
    if len({isinstance(label, str) for label in labels}) > 1:
        raise DataError(f"{where}: some labels are numbers and some are strings.", hint="Use one kind for all.")
    names = sorted(set(labels))
    codes = {name: code for code, name in enumerate(names)}
    return [codes[label] for label in labels], tuple(str(name) for name in names)
