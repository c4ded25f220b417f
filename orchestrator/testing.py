"""Public fakes: a world in which time passes only when somebody waits, and steps end as told.

Used by the rehearsals of shipped runbooks, and by anybody's tests of their own.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestrator.engine.ports import Decision, Finished, Interrupted, Notice
from orchestrator.errors import DriverConflict
from orchestrator.model.event import Event, EventKind
from orchestrator.model.job import Job
from orchestrator.model.outcome import Ending, Outcome

START = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)


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


@dataclass(frozen=True, slots=True)
class Answer:
    """How a job ends, and after how many seconds; ``takes=None`` never ends by itself."""

    outcome: Outcome
    takes: float | None = 1.0


Script = Callable[[Job], Answer]


def everything_works(_job: Job) -> Answer:
    """Each job succeeds after a second."""
    return Answer(Outcome(Ending.OK))


class FakeWorld:
    """Hands, mailbox and inbox over one fake clock. Jobs end as ``script`` says.

    ``done`` lists the idents of jobs that were really begun; ``found`` answers attach by ident (NOT_STARTED where
    nothing is said). ``at(seconds, call)`` does something at a moment.
    """

    def __init__(self, clock: FakeClock | None = None, script: Script = everything_works) -> None:
        self.clock = clock or FakeClock()
        self.script = script
        self.done: list[str] = []
        self.jobs: dict[str, Job] = {}
        self.found: dict[str, Answer] = {}
        self.forgotten: list[str] = []
        self.decisions: list[Decision] = []
        self._agenda: list[tuple[float, int, Notice | Callable[[], None]]] = []
        self._count = 0
        self._begun: dict[str, float] = {}

    def at(self, seconds: float, what: Notice | Callable[[], None]) -> None:
        """Something that happens ``seconds`` from now."""
        self._count += 1
        heapq.heappush(self._agenda, (self.clock.mono() + seconds, self._count, what))

    def decide(
        self, verb: str, step: str = "", *, by: str = "wang", why: str = "", account: str = ""
    ) -> None:
        """A person's decision, given now."""
        self.decisions.append(
            Decision(len(self.decisions) + 1, verb, step, by, account or f"{by}@desk", why, self.clock.wall())
        )

    def interrupt(self, why: str = "SIGINT") -> None:
        """Somebody stops the driver."""
        self.at(0.0, Interrupted(why))

    # -- ports -----------------------------------------------------------------------------------------------------

    def begin(self, job: Job) -> None:
        """Hands: start."""
        self.done.append(job.ident)
        self.jobs[job.ident] = job
        self._answer(job, self.script(job), attached=False)

    def attach(self, job: Job) -> None:
        """Hands: find again."""
        self._answer(job, self.found.get(job.ident, Answer(Outcome(Ending.NOT_STARTED), 0.0)), attached=True)

    def _answer(self, job: Job, answer: Answer, *, attached: bool) -> None:
        self._begun[job.ident] = self.clock.mono()
        if answer.takes is None:
            return
        seconds, outcome = answer.takes, answer.outcome
        if seconds > job.timeout:
            seconds, outcome = job.timeout, Outcome(Ending.UNKNOWN, error="no end within its timeout")
        self.at(seconds, Finished(job.ident, outcome, None if attached else seconds, attached))

    def cancel(self, ident: str) -> None:
        """Hands: stop."""
        elapsed = self.clock.mono() - self._begun.pop(ident, self.clock.mono())
        self.at(0.0, Finished(ident, Outcome(Ending.UNKNOWN, error="cancelled"), elapsed))

    def forget(self, ident: str) -> None:
        """Hands: its end is journaled."""
        self.forgotten.append(ident)

    def detach(self) -> Sequence[str]:
        """Hands: let go."""
        return sorted(self._begun)

    def after(self, number: int) -> Sequence[Decision]:
        """Inbox."""
        return [decision for decision in self.decisions if decision.number > number]

    def get(self, timeout: float) -> Notice | None:
        """Mailbox: the next notice; time passes only here."""
        until = self.clock.mono() + timeout
        while self._agenda and self._agenda[0][0] <= until:
            moment, _, what = heapq.heappop(self._agenda)
            self.clock.pass_time(max(moment - self.clock.mono(), 0.0))
            if isinstance(what, Finished):
                if what.outcome.error != "cancelled" and self._begun.pop(what.ident, None) is None:
                    continue  # it was cancelled before it ended
                return what
            if isinstance(what, Interrupted):
                return what
            what()
            if timeout > 0:
                return None  # something happened; let the driver look
        self.clock.pass_time(max(until - self.clock.mono(), 0.0))
        return None


class Crash(BaseException):
    """The orchestrator died here."""


@dataclass
class MemoryJournal:
    """A journal in memory. ``crash_before``/``crash_after`` die at that event; ``rival`` simulates another driver."""

    run_id: str
    clock: FakeClock
    epoch: str = "epoch-1"
    kept: list[Event] = field(default_factory=list)
    crash_before: int | None = None
    crash_after: int | None = None

    def append(self, kind: EventKind, body: Mapping[str, Any]) -> Event:
        """Commit one event."""
        seq = len(self.kept) + 1
        if self.crash_before == seq:
            raise Crash
        event = Event(self.run_id, seq, kind, self.clock.wall(), self.clock.mono(), self.epoch, dict(body))
        if self.kept and kind is not EventKind.DRIVER_CLAIMED and self.kept_epoch() != self.epoch:
            raise DriverConflict(f"run {self.run_id} is driven by {self.kept_epoch()} now")
        self.kept.append(event)
        if self.crash_after == seq:
            raise Crash
        return event

    def kept_epoch(self) -> str:
        """Who claimed the run last."""
        claims = [event.epoch for event in self.kept if event.kind is EventKind.DRIVER_CLAIMED]
        return claims[-1] if claims else self.epoch

    def events(self) -> Sequence[Event]:
        """All events so far."""
        return list(self.kept)


class PlainRenderer:
    """Renders nothing: for tests whose specs hold no templates."""

    def render(self, spec: Any, _scope: Mapping[str, Any]) -> Any:
        """``spec`` as it is."""
        return spec
