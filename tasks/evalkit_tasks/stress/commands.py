"""`evalkit stress`: sets and probes that ask what an encoder's geometry can represent. Cheap to import."""

from __future__ import annotations

from evalkit.cli.groups import group
from evalkit_tasks.stress.capacity_command import capacity, polytope
from evalkit_tasks.stress.limit_command import limit
from evalkit_tasks.stress.reach_command import reach
from evalkit_tasks.stress.structure_command import structure
from evalkit_tasks.stress.sweep_command import sweep

STRESS = group("stress", "Stress sets, sweeps and counts: how much can an encoder's geometry represent at all?")
STRESS.command("limit")(limit)
STRESS.command("capacity")(capacity)
STRESS.command("polytope")(polytope)
STRESS.command("sweep")(sweep)
STRESS.command("reach")(reach)
STRESS.command("structure")(structure)
