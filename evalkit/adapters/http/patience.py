"""How long to wait before a request is repeated.

Exponential back-off with jitter on the upper half of each wait, so that requests that failed together do not come back
together; what the server asks for in Retry-After (RFC 9110, section 10.2.3) wins where it is longer.
"""

from __future__ import annotations

import math
import random
import time
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

FIRST = 0.5
"""Seconds before the first repetition, at most; each further one waits twice as long."""
LONGEST = 30.0
MOST = 300.0
"""Seconds that a server may ask to wait; one that asks for more is given up."""


@dataclass(frozen=True)
class Patience:
    """How often and when a request is repeated.

    Attributes:
        retries: How often.
        sleep: Waits so many seconds; None waits until the time is over or the run stops.
        chance: A number from 0 to 1. Its own generator: nobody's seed is touched.
        now: Seconds since 1970, for dates in Retry-After.
    """

    retries: int
    sleep: Callable[[float], None] | None = None
    chance: Callable[[], float] = field(default_factory=lambda: random.Random().random)
    now: Callable[[], float] = time.time

    def seconds(self, attempt: int, asked: float | None) -> float:
        """How long to wait after attempt number `attempt`, from 0, where the server asks for `asked` seconds."""
        own = min(LONGEST, FIRST * 2.0**attempt) * (0.5 + 0.5 * self.chance())
        # A little more than was asked for, not less and not all at once.
        return own if asked is None else max(own, asked + FIRST * self.chance())

    def wait(self, seconds: float, stop: threading.Event) -> None:
        """Wait, or return at once where the run stops."""
        if self.sleep is None:
            stop.wait(seconds)
        else:
            self.sleep(seconds)

    def retry_after(self, value: str | None) -> float | None:
        """Seconds that the header asks for; None where it is absent or says nothing sensible."""
        if not value:
            return None
        try:
            seconds = float(value)
        except ValueError:
            return self._until(value)
        return max(0.0, seconds) if math.isfinite(seconds) else None

    def _until(self, date: str) -> float | None:
        try:
            return max(0.0, parsedate_to_datetime(date).timestamp() - self.now())
        except (ValueError, OverflowError, TypeError):
            return None
