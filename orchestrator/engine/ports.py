"""What the engine asks of the world. Each port has a real implementation in a room below wiring, and a fake
in ``orchestrator.testing``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from orchestrator.model.event import Event, EventKind
from orchestrator.plain import dataclass

if TYPE_CHECKING:
    # Only named here: who merely lists runs must not pay for the document models.
    from orchestrator.engine.state import RunState
    from orchestrator.model.job import Job
    from orchestrator.model.outcome import Outcome


class Clock(Protocol):
    """Time. ``mono`` is seconds that never run backwards; only differences within one process mean anything."""

    def wall(self) -> datetime:
        """The wall clock, with zone UTC."""

    def mono(self) -> float:
        """The monotonic clock in seconds."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A job has ended (or nothing can be learnt of it)."""

    ident: str
    outcome: Outcome
    elapsed: float | None
    """Seconds on the monotonic clock from begin to end; None where the start was another process's."""
    attached: bool = False


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Somebody asked this driver to stop driving (a signal): no new step; jobs are left running."""

    why: str


Notice = Finished | Interrupted


class Mailbox(Protocol):
    """Where jobs report."""

    def get(self, timeout: float) -> Notice | None:
        """The next notice, waiting at most ``timeout`` seconds; None when there is none."""


class Hands(Protocol):
    """Does jobs, in parallel, reporting to the mailbox."""

    def begin(self, job: Job) -> None:
        """Start the job; its Finished notice comes later. Does not block."""

    def attach(self, job: Job) -> None:
        """Find a job that an earlier driver began; its notice comes later (NOT_STARTED and GONE are answers)."""

    def cancel(self, ident: str) -> None:
        """Stop it; its notice comes later, and is UNKNOWN unless the end is known."""

    def forget(self, job: Job) -> None:
        """Its end is in the journal now: what was kept to find the job again may go. Does not block.

        Not called for a job of unknown end that is still to be looked for on its target: ``attach`` comes for that one,
        and must look there anew.
        """

    def detach(self) -> Sequence[str]:
        """Let go of all jobs; answers the idents of those that run on."""


class Journal(Protocol):
    """The memory of one run. An append that returns is durable."""

    run_id: str

    def append(self, kind: EventKind, body: Mapping[str, Any]) -> Event:
        """Redact, chain and commit one event. Raises DriverConflict when another driver wrote in between."""

    def events(self) -> Sequence[Event]:
        """All events so far, in order."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person asked of a run: taken from the inbox by the driver, judged, and journaled.

    ``verb``: approve, reject, retry, skip, mark-done, abort, rollback, override. ``by`` is the name they gave,
    ``account`` the operating-system account (``user@host``) it came from. ``digest`` is the digest of the plan they
    were shown, where they were shown one: a decision on another plan is refused.
    """

    number: int
    verb: str
    step: str
    by: str
    account: str
    why: str
    given_at: datetime
    digest: str = ""


class Inbox(Protocol):
    """Decisions waiting for the driver."""

    def after(self, number: int) -> Sequence[Decision]:
        """Decisions with a higher number, in order."""


class Renderer(Protocol):
    """Puts values into what the runbook's author wrote."""

    def render(self, spec: Any, scope: Mapping[str, Any]) -> Any:
        """``spec`` with each template string rendered once, strictly. Raises DocumentError or ExecutorError."""


class Observer(Protocol):
    """Somebody who watches: the live view, the metrics."""

    def saw(self, event: Event, state: RunState) -> None:
        """An event was committed. Must not raise and must not be slow."""
