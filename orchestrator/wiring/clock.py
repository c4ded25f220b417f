"""The system clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class SystemClock:
    """Time as this machine has it."""

    def wall(self) -> datetime:
        """The wall clock, UTC."""
        return datetime.now(UTC)

    def mono(self) -> float:
        """The monotonic clock in seconds. It counts through a suspended machine's sleep, as an outage does."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)
