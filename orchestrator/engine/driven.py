"""What a runner drives through, and how its driving can end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from enum import StrEnum

from orchestrator.engine.jobs import JobMaker
from orchestrator.engine.ports import Clock, Hands, Inbox, Journal, Mailbox, Observer
from orchestrator.engine.state import RunState
from orchestrator.plain import dataclass


class Halt(StrEnum):
    """Why the loop came to an end."""

    ENDED = "ended"
    """The run is over."""
    STOPPED = "stopped"
    """Nothing can go on without a decision on a failed, unknown or doubtful step."""
    WAITING = "waiting"
    """Only people are awaited, and this driver was told not to wait for them."""
    INTERRUPTED = "interrupted"
    """Somebody stopped this driver; jobs run on."""


@dataclass(frozen=True, slots=True)
class Driven:
    """How driving ended. ``running`` are the idents of jobs that were left running."""

    halt: Halt
    state: RunState
    running: tuple[str, ...] = ()
    why: str = ""


@dataclass(slots=True)
class Ports:
    """Everything the runner acts through."""

    journal: Journal
    hands: Hands
    mailbox: Mailbox
    inbox: Inbox
    clock: Clock
    jobs: JobMaker
    observers: Sequence[Observer] = field(default_factory=tuple)
