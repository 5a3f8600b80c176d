"""The data of mteb's tasks, by their own loaders: from the network, or from the cache of the `datasets` library."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from evalkit.adapters.mteb.library import hub_or_cache, quiet
from evalkit.errors import DataError, EvalkitError, in_words
from evalkit_tasks.mteb.chance import untouched_generators

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def fetching(task: Any) -> Iterator[None]:
    """Run code of mteb that fetches something of a task.

    Raises:
        DataError: It cannot be had; says which repository and revision was wanted.
    """
    with hub_or_cache() as reachable, quiet(), untouched_generators():
        try:
            yield
        except EvalkitError:
            raise
        except (Exception, SystemExit) as error:
            raise _missing(task, error, reachable=reachable) from error


def load(task: Any) -> None:
    """Load a task's data, once.

    Raises:
        DataError: They cannot be had.
    """
    if not task.data_loaded:
        with fetching(task):
            task.load_data()
    convert = getattr(task, "convert_v1_dataset_format_to_v2", None)
    if callable(convert):
        with quiet():
            convert(num_proc=None)


def split_of(task: Any, subset: str, split: str) -> Any:
    """The data of one cell, or of its training split, where mteb itself looks for them.

    Raises:
        DataError: They are not there.
    """
    held = task.dataset
    try:
        return held[split] if subset not in held and subset == "default" else held[subset][split]
    except KeyError:
        raise DataError(
            f"mteb's {task.metadata.name} has loaded no split {split!r} of the subset {subset!r}.",
            hint="Choose other splits or subsets.",
        ) from None


def columns_of(table: Any, names: list[str]) -> dict[str, list[Any]]:
    """Columns of a data set, all rows at once: reading them one by one takes a hundred times as long."""
    if hasattr(table, "select_columns"):
        found: dict[str, list[Any]] = table.select_columns(names)[:]
        return {name: list(found[name]) for name in names}
    return {name: list(table[name]) for name in names}


def wanted(task: Any) -> str:
    """Repository and revision of a task's data."""
    dataset = task.metadata.dataset
    return f"{dataset.get('path', 'its data')} at revision {dataset.get('revision', 'unknown')}"


def _missing(task: Any, error: BaseException, *, reachable: bool) -> DataError:
    name, hint = task.metadata.name, f"Give a folder of task folders that holds {task.metadata.name} with --data"
    if reachable:
        return DataError(
            f"mteb cannot load {name} from {wanted(task)}: {in_words(error)}.", hint=f"{hint}, or try again."
        )
    return DataError(
        f"{name} needs {wanted(task)}, which is not in the cache of the datasets library, and the Hugging Face Hub "
        "cannot be reached.",
        hint=f"{hint}, or run once with the network.",
    )
