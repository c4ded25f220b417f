"""Notices when somebody sets the wall clock under a run."""

from __future__ import annotations

from datetime import datetime, timedelta

from orchestrator.engine.ports import Clock

JUMP = 2.0
"""Seconds the wall clock may drift from the monotonic clock between two looks before it counts as a jump."""


class ClockWatch:
    """Compares the two clocks from one look to the next."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last: tuple[float, datetime] | None = None

    def jumped(self) -> float | None:
        """Seconds the wall clock was moved since the last look; None where it was left alone."""
        mono, wall = self._clock.mono(), self._clock.wall()
        before, self._last = self._last, (mono, wall)
        if before is None:
            return None
        moved = (wall - before[1] - timedelta(seconds=mono - before[0])).total_seconds()
        return round(moved, 3) if abs(moved) > JUMP else None
