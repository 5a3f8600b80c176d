"""Label-free measures of vectors: what their geometry says before any task does."""

from evalkit.diagnostics.diagnosis import FEWEST, NAMES, Diagnosis, diagnose, diagnose_vectors
from evalkit.diagnostics.health import Finding, Level, findings, warnings
from evalkit.diagnostics.stream import VectorStream

__all__ = [
    "FEWEST",
    "NAMES",
    "Diagnosis",
    "Finding",
    "Level",
    "VectorStream",
    "diagnose",
    "diagnose_vectors",
    "findings",
    "warnings",
]
