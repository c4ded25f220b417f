"""A clock that stands still until it is told to move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)
"""What the wall clock shows where nothing else is said."""


class FakeClock:
    """Stands still until told to move."""

    def __init__(self, wall: datetime = START) -> None:
        self._wall = wall
        self._mono = 1000.0

    def wall(self) -> datetime:
        """The wall clock."""
        return self._wall

    def mono(self) -> float:
        """The monotonic clock, in seconds."""
        return self._mono

    def pass_time(self, seconds: float) -> None:
        """Both clocks go on."""
        self._mono += seconds
        self._wall += timedelta(seconds=seconds)

    def jump(self, seconds: float) -> None:
        """Somebody set the wall clock."""
        self._wall += timedelta(seconds=seconds)
