"""`python -m evalkit_tasks.attributes NAME FOLDER`: a built-in attribute with more items or another seed."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from evalkit.errors import EvalkitError
from evalkit.placing import whole_folder
from evalkit_tasks.attributes.write import NAMES, SEED, write_task

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a task folder.

    Args:
        arguments: Of the command line.

    Raises:
        SystemExit: Nothing was written; the message says why.
    """
    parser = argparse.ArgumentParser(prog="python -m evalkit_tasks.attributes", description=__doc__)
    parser.add_argument("name", choices=NAMES, metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("folder", type=Path, help="where it is written; the task is called by the folder's name")
    parser.add_argument("--items", type=int, help="how many texts; not for tables")
    parser.add_argument("--seed", type=int, default=SEED, help="of every draw")
    asked = parser.parse_args(arguments)
    try:
        _place(asked.name, asked.folder.absolute(), asked.items, asked.seed)
    except EvalkitError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"Cannot write {asked.folder}: {error.strerror}.")


def _place(name: str, place: Path, items: int | None, seed: int) -> None:
    if os.path.lexists(place):
        raise EvalkitError(f"{place} is there already.", hint="Give another folder.")
    with whole_folder(place, replace=False) as folder:
        write_task(name, folder, place.name, items, seed)


if __name__ == "__main__":
    main()
