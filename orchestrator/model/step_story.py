"""The parts a run's story is made of: jobs, waits for people, steps, and standstills."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from typing import Any

from orchestrator.model.event import Event, from_iso
from orchestrator.model.job import Phase
from orchestrator.model.outcome import Outcome
from orchestrator.model.plan import PlannedStep
from orchestrator.model.transition import StepStatus
from orchestrator.plain import dataclass


@dataclass(slots=True)
class JobStory:
    """One job: from the event before its effect to the event after it (None: no end is known)."""

    step: str
    phase: Phase
    attempt: int
    started: Event
    ended: Event | None = None
    outcome: Outcome | None = None

    @property
    def ident(self) -> str:
        """The job's name."""
        return str(self.started.body.get("ident", ""))

    @property
    def unmet(self) -> tuple[str, ...]:
        """Expectations its output did not meet."""
        return tuple(self.ended.body.get("unmet") or ()) if self.ended is not None else ()

    @property
    def good(self) -> bool:
        """Whether it is known to have succeeded and to have shown what was expected."""
        return self.outcome is not None and self.outcome.ok and not self.unmet


@dataclass(slots=True)
class WaitStory:
    """A person was awaited, from ``started`` to ``ended``; ``answered`` is when they spoke (wall clock)."""

    step: str
    kind: str
    customer: bool
    started: Event
    ended: Event | None = None
    answered: datetime | None = None


@dataclass(slots=True)
class StepStory:
    """One step. ``settled`` says how it ended where that was not its own job's end."""

    planned: PlannedStep
    status: StepStatus = StepStatus.PENDING
    jobs: list[JobStory] = field(default_factory=list)
    waits: list[WaitStory] = field(default_factory=list)
    doubts: list[Event] = field(default_factory=list)
    decisions: list[Event] = field(default_factory=list)
    attempts: int = 0
    verified: int = 0
    action: JobStory | None = None
    """The latest attempt's action."""
    ended: Event | None = None
    """The event that brought it to the status it has."""
    settled: str = ""
    settled_by: str = ""
    probing: bool = False
    worked: bool = False
    """The latest attempt's work is known to have ended well."""
    undone_by_hand: bool = False
    """A person said the undo is done; its checks are still to come."""
    looks: int = 0
    """Checks of the undo that could not look."""
    in_doubt: bool = False
    over_budget: Event | None = None
    skipped: str = ""
    out_of_order: tuple[str, ...] = ()
    """Needs that were not good when it started."""
    error: str = ""
    mend: str = ""


@dataclass(slots=True)
class Idle:
    """Nothing ran and nobody was asked, while a stuck step needed a decision: event numbers (from 0), to exclusive."""

    start: int
    end: int | None
    answered: datetime | None


def given_at(event: Event) -> datetime | None:
    """When a decision was given (wall clock); None where it is not said or cannot be read."""
    told: Any = event.body.get("given_at")
    if not isinstance(told, str):
        return None
    try:
        return from_iso(told)
    except ValueError:
        return None
