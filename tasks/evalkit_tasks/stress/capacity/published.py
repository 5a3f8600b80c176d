"""The paper's own row (Weller et al. 2025, table of the free-embedding experiment, k = 2)."""

from __future__ import annotations

RELEVANT = 2
CRITICAL = dict(
    enumerate(
        (
            10, 14, 19, 24, 28, 32, 36, 42, 47, 54, 62, 70, 79, 89, 99, 109, 120, 132, 144, 157, 170,
            184, 198, 213, 229, 245, 261, 278, 296, 314, 333, 352, 372, 392, 413, 434, 460, 484, 505, 545, 605, 626,
        ),
        start=4,
    )
)  # fmt: skip
"""Critical number of documents by dimension, 4 to 45."""
EXTRAPOLATED = (512, 768, 1024, 3072, 4096)
"""Dimensions for which the paper extrapolates."""
FRAGILE_FROM = 43
"""Leaving out the dimensions from here on changes the cubic term about twentyfold."""


def critical(dimension: int, k: int) -> int | None:
    """The paper's number, where it has one."""
    return CRITICAL.get(dimension) if k == RELEVANT else None


def before_the_last() -> dict[int, int]:
    """The paper's numbers for dimensions below `FRAGILE_FROM`."""
    return {dimension: n for dimension, n in CRITICAL.items() if dimension < FRAGILE_FROM}
