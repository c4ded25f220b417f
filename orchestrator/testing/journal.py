"""A journal in memory that can lose its driver at any event."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from orchestrator.engine.ports import Clock
from orchestrator.errors import DriverConflict
from orchestrator.model.event import Event, EventKind
from orchestrator.plain import dataclass


class Crash(BaseException):
    """The orchestrator died here. Not an Exception: nothing in the program may catch it."""


@dataclass
class MemoryJournal:
    """The memory of one run for one driver (``epoch``), kept in a list.

    ``crash_before`` and ``crash_after`` are the number of the event right before or after which the driver dies.
    Another driver is another MemoryJournal over the same list ``kept``: as soon as it has claimed the run, this
    one's appends raise DriverConflict. Bodies go through JSON, as in a real store.
    """

    run_id: str
    clock: Clock
    epoch: str = "epoch-1"
    kept: list[Event] = field(default_factory=list)
    crash_before: int | None = None
    crash_after: int | None = None
    _seen: int = 0
    _driver: str = ""

    def append(self, kind: EventKind, body: Mapping[str, Any]) -> Event:
        """Commit one event. Raises DriverConflict where another driver has claimed the run, Crash where told to."""
        seq = len(self.kept) + 1
        if self.crash_before == seq:
            raise Crash
        if kind is not EventKind.DRIVER_CLAIMED and self.driver() not in ("", self.epoch):
            raise DriverConflict(f"run {self.run_id} is driven by {self.driver()} now")
        written = json.loads(json.dumps(body, allow_nan=False))
        event = Event(self.run_id, seq, kind, self.clock.wall(), self.clock.mono(), self.epoch, written)
        self.kept.append(event)
        if self.crash_after == seq:
            raise Crash
        return event

    def driver(self) -> str:
        """The epoch that claimed the run last; empty where none has."""
        for event in self.kept[self._seen :]:
            if event.kind is EventKind.DRIVER_CLAIMED:
                self._driver = event.epoch
        self._seen = len(self.kept)
        return self._driver

    def events(self) -> Sequence[Event]:
        """All events so far."""
        return list(self.kept)


class PlainRenderer:
    """Renders nothing: for runbooks without templates."""

    def render(self, spec: Any, _scope: Mapping[str, Any]) -> Any:
        """``spec`` as it is."""
        return spec
