"""One axis of time for a whole run: microseconds since its first event.

Within one driver process (an epoch) the axis follows the monotonic clock, so a wall clock that is set back or
forward changes nothing. From one process to the next only the wall clock connects, and a stretch that contains such
a crossing is marked ``wall``. Whole microseconds are used so that parts of a stretch add up to it exactly.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from orchestrator.model.event import Event
from orchestrator.plain import dataclass

Basis = Literal["monotonic", "wall"]

_MICROSECOND = timedelta(microseconds=1)


def seconds(micros: int) -> float:
    """Microseconds as seconds."""
    return round(micros / 1_000_000, 6)


def micros(value: float) -> int:
    """Seconds as whole microseconds."""
    return round(value * 1_000_000)


@dataclass(frozen=True, slots=True)
class Gap:
    """Between the last word of one driver process and the first of the next; positions on the axis."""

    start: int
    end: int


class Timeline:
    """Places events and moments on the axis. ``events`` must not be empty and must be in order of ``seq``."""

    def __init__(self, events: Sequence[Event]) -> None:
        self.events = events
        self.positions: list[int] = []
        self.gaps: list[Gap] = []
        self._index = {event.seq: number for number, event in enumerate(events)}
        last_of_epoch: dict[str, int] = {}
        for number, event in enumerate(events):
            if number == 0:
                position = 0
            else:
                before = self.positions[-1]
                twin = last_of_epoch.get(event.epoch)
                if twin is not None:
                    position = self.positions[twin] + micros(event.mono - events[twin].mono)
                else:
                    position = before + (event.at - events[number - 1].at) // _MICROSECOND
                # Neither clock may take the run back in time: the journal's order is the truth.
                position = max(position, before)
                if event.epoch != events[number - 1].epoch:
                    self.gaps.append(Gap(before, position))
            self.positions.append(position)
            last_of_epoch[event.epoch] = number

    @property
    def end(self) -> int:
        """Where the record ends so far."""
        return self.positions[-1]

    def of(self, event: Event) -> int:
        """Where an event lies."""
        return self.positions[self._index[event.seq]]

    def place(self, moment: datetime, told_by: Event) -> int:
        """Where a wall-clock ``moment`` lies that an event tells of; never after that event.

        Searched backwards from the event that tells it, so that the wall clock's setting at that time is what
        counts, not the setting before or after a jump.
        """
        number = self._index[told_by.seq]
        limit = self.positions[number]
        while True:
            event = self.events[number]
            position = self.positions[number] + (moment - event.at) // _MICROSECOND
            if number == 0 or position >= self.positions[number - 1]:
                return min(position, limit)
            limit = min(limit, self.positions[number])
            number -= 1

    def basis(self, start: int, end: int) -> Basis:
        """Which clock measured the stretch between two positions."""
        if start < 0 or any(gap.end > start and gap.start < end for gap in self.gaps):
            return "wall"
        return "monotonic"

    def wall(self, position: int) -> datetime:
        """What the wall clock showed at a position (as far as the events tell)."""
        number = max(bisect_right(self.positions, position) - 1, 0)
        return self.events[number].at + (position - self.positions[number]) * _MICROSECOND
