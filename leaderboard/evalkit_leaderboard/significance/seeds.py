"""One seed for every (task, purpose), from their names alone, so that adding a task changes no other task's numbers."""

from __future__ import annotations

import hashlib
import json

import numpy as np


def seed_of(*names: str) -> int:
    """A 64-bit seed that depends on the names, their order and nothing else.

    Args:
        names: What the random numbers are for, such as a task's name and ``"sign flips"``.
    """
    # As JSON, so that ("a", "bc") and ("ab", "c") differ.
    digest = hashlib.blake2b(json.dumps(names).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def generator_of(*names: str) -> np.random.Generator:
    """The generator seeded by `seed_of`; PCG64, whose stream NumPy keeps from version to version."""
    return np.random.Generator(np.random.PCG64(seed_of(*names)))
