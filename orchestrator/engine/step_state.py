"""Where one step stands, and a rollback under way: the small parts that a run's state is made of."""

from __future__ import annotations

from dataclasses import field

from orchestrator.model.event import Event
from orchestrator.model.job import Phase
from orchestrator.model.outcome import Outcome
from orchestrator.model.transition import StepStatus
from orchestrator.plain import dataclass

ROLLBACK_CHECK = "rollback-check"
"""Role of the planned steps that probe the steady state after a rollback; they wait until there is one."""


@dataclass(slots=True)
class StepState:
    """Where one step stands."""

    status: StepStatus = StepStatus.PENDING
    phase: Phase = Phase.ACTION
    attempt: int = 0
    begun: int = 0
    """Jobs begun for this step, all phases: the number in their idents."""
    ident: str | None = None
    """The job that was begun and has not ended; None between phases."""
    job: Event | None = None
    """The event that began that job (or the latest one); None once the step has succeeded."""
    action_ident: str = ""
    """The job of the current attempt's action: what is looked for on the target when it was lost."""
    effects: int = 0
    """Attempts at the action that may have taken effect: those begun, less those that certainly never began."""
    failures: int = 0
    """Known failures: what automatic retries are counted against."""
    check: int = 0
    """Which of the step's verify checks is next."""
    looks: int = 0
    """Checks of the current phase that saw nothing: the probe could not look, or its driver died."""
    probing: bool = False
    """A verify check is looking what became of a lost or doubtful action."""
    probed: bool = False
    """It looked, and saw that the action has not taken effect as it should."""
    reached_back: bool = False
    """A lost action was looked for on its target, in vain."""
    reruns: int = 0
    """How often an action of unknown end was begun again without asking."""
    started: Event | None = None
    """The event that started the current attempt's action (or undo). Once the step has succeeded only its time is kept,
    and so with ``ended``."""
    ended: Event | None = None
    outcome: Outcome | None = None
    """How the action ended, as far as it is known."""
    error: str = ""
    mend: str = ""
    over_budget: bool = False
    waiting: Event | None = None
    """The event that asked people."""
    clock_moved: float = 0.0
    """Seconds the wall clock had been moved under the run when they were asked."""
    approvals: dict[str, str] = field(default_factory=dict)
    """Who approved, and from which account."""
    overrides: dict[str, str] = field(default_factory=dict)
    """Who overrode this attempt's safeguard, and from which account."""
    settled_by: str = ""
    """How it came to its end where that was not its own outcome: probe, or the deciding person."""


@dataclass(slots=True)
class Rollback:
    """A rollback under way. The first ``done`` steps of ``order`` are undone."""

    order: tuple[str, ...]
    by: str = ""
    why: str = ""
    irreversible: tuple[tuple[str, str], ...] = ()
    """Steps that took effect and can not be undone, each with the reason."""
    done: int = 0
    ok: bool | None = None
    manual: tuple[str, ...] = ()
    """What a person must do where it failed, as the journal tells it."""

    @property
    def current(self) -> str | None:
        """The step that is being undone, or could not be; None when all are undone."""
        return self.order[self.done] if self.done < len(self.order) else None
