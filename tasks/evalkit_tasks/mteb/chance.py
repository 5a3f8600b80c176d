"""Random generators that outlive a call: mteb seeds them all whenever it makes a task."""

from __future__ import annotations

import random
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def untouched_generators() -> Iterator[None]:
    """Give back the global generators of Python, NumPy and PyTorch as they were."""
    torch = sys.modules.get("torch")
    own, numpys = random.getstate(), np.random.get_state()
    tensors = torch.random.get_rng_state() if torch is not None else None
    try:
        yield
    finally:
        random.setstate(own)
        np.random.set_state(numpys)
        if torch is not None:
            torch.random.set_rng_state(tensors)
