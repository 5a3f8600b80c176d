"""What `evalkit diagnose` finds and shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evalkit.diagnostics import Diagnosis


@dataclass(frozen=True)
class Diagnosed:
    """Some texts, and what the diagnostics say of an encoder's vectors of them.

    Attributes:
        texts: Name of the task or file.
    """

    texts: str
    diagnosis: Diagnosis
