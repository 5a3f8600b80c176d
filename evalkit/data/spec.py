"""`task.toml`: what a task folder says about itself."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from evalkit.errors import DataError
from evalkit.schema import first_problem

FILE_NAME = "task.toml"


class TaskSpec(BaseModel):
    """The contents of a `task.toml`.

    Attributes:
        name: The task's own name; the folder's name is what it is found by.
        type: Name of a task type, such as ``Retrieval``.
        main_score: Headline metric; None takes the type's default.
        eval_splits: Splits that are scored, in order.
        languages: Codes such as ``eng-Latn``, for all subsets or for each by name.
        protocol: Parameters of the task type; what is absent takes the type's default.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    type: str
    main_score: str | None = None
    eval_splits: tuple[str, ...] = Field(default=("test",), min_length=1)
    languages: tuple[str, ...] | Mapping[str, tuple[str, ...]] = ()
    license: str = ""
    source: tuple[str, ...] | str = ()
    description: str = ""
    protocol: Mapping[str, Any] = Field(default_factory=dict)

    @field_validator("eval_splits")
    @classmethod
    def _distinct(cls, splits: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(splits)) < len(splits):
            raise ValueError("a split is named twice")
        return splits

    def languages_of(self, subset: str) -> tuple[str, ...]:
        """Language codes of one subset."""
        if isinstance(self.languages, Mapping):
            return self.languages.get(subset, ())
        return self.languages


def read_spec(folder: Path) -> TaskSpec:
    """Read the `task.toml` of a folder.

    Raises:
        DataError: No such file, no TOML, or a value of the wrong kind.
    """
    path = folder / FILE_NAME
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        return TaskSpec.model_validate(values)
    except FileNotFoundError:
        raise DataError(
            f"{folder} is no task folder: it has no {FILE_NAME}.", hint="See docs/write-a-task.md."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: no valid TOML: {error}.", hint="Mend the file.") from None
    except ValidationError as error:
        raise DataError(f"{path}: {first_problem(error)}.", hint="See docs/write-a-task.md.") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}.", hint="Check the file's permissions.") from None
