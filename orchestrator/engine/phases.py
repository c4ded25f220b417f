"""How a phase of a step begins, and how long it has been going: shared by conductor and rollback."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from orchestrator.engine.moves import Attach, Start
from orchestrator.engine.state import StepState
from orchestrator.model.job import Job, Phase, ident_of
from orchestrator.model.plan import PlannedStep
from orchestrator.plain import dataclass

GRACE = 30.0
"""Seconds past its timeout after which a job that has not reported is given up as unknown."""


@dataclass(frozen=True, slots=True)
class Held:
    """A job this driver has in hand. ``until`` (monotonic) is when it is given up if it has not reported."""

    job: Job
    until: float


@dataclass(frozen=True, slots=True)
class Now:
    """What is known of the moment.

    ``held`` are the jobs this driver has in hand, by ident; ``cancelled`` those told to stop; ``given_up`` those that
    were given up and have not reported since, so that they cannot be looked for.
    """

    wall: datetime
    mono: float
    epoch: str
    held: Mapping[str, Held]
    cancelled: Collection[str]
    parallel: int
    given_up: Collection[str] = ()


def elapsed(state: StepState, now: Now) -> float:
    """Seconds since the step's current attempt started: monotonic within one driver, else by the wall clock."""
    started = state.started
    if started is None:
        return 0.0
    if started.epoch == now.epoch:
        return now.mono - started.mono
    return (now.wall - started.at).total_seconds()


def start(planned: PlannedStep, state: StepState, phase: Phase) -> Start:
    """The move that begins a phase; an action is a new attempt."""
    attempt = state.attempt + 1 if phase is Phase.ACTION else max(state.attempt, 1)
    check = state.check if phase in (Phase.VERIFY, Phase.UNDO_VERIFY) else 0
    return Start(planned.id, phase, attempt, ident_of(planned.id, phase, state.begun + 1), check)


def look_for(planned: PlannedStep, state: StepState, ident: str, phase: Phase) -> Attach:
    """The move that finds a job again."""
    return Attach(planned.id, phase, state.attempt, ident, state.check)
