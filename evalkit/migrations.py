"""Results of older schema versions, upgraded in memory when they are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from evalkit.errors import StoreError

Step = Callable[[dict[str, Any]], dict[str, Any]]

CURRENT = 1
STEPS: dict[int, Step] = {}
"""Version n to the function that turns a record of version n into one of version n + 1."""


class NewerSchemaError(StoreError):
    """A result that a newer evalkit has written: it is neither read nor replaced."""


def upgrade(record: dict[str, Any], *, where: str) -> dict[str, Any]:
    """A record of the current version.

    Args:
        record: A parsed result of any version.
        where: The file, for the error.

    Raises:
        StoreError: The version is missing.
        NewerSchemaError: It is newer than this evalkit knows.
    """
    version = record.get("schema_version")
    if not isinstance(version, int) or version < 1:
        raise StoreError(f"{where} is no evalkit result: it has no schema_version.", hint="Move it elsewhere.")
    if version > CURRENT:
        raise NewerSchemaError(
            f"{where} has schema version {version}; this evalkit reads up to {CURRENT}.",
            hint="Upgrade: pip install -U evalkit-embeddings.",
        )
    while version < CURRENT:
        record = STEPS[version](record)
        version += 1
    return record
