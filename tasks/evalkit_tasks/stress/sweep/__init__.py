"""Dimension sweep: what a retrieval task makes of an encoder's vectors when they are shortened."""

from evalkit_tasks.stress.sweep.record import Curve, Estimate, Point, Sweep
from evalkit_tasks.stress.sweep.reduce import Reduction
from evalkit_tasks.stress.sweep.sweep import Plan, assemble, sweep_encoder

__all__ = ["Curve", "Estimate", "Plan", "Point", "Reduction", "Sweep", "assemble", "sweep_encoder"]
