"""Where a run stands: the fold of its events. Nothing here is remembered anywhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from orchestrator.errors import StoreCorrupt
from orchestrator.model.document import Milestone
from orchestrator.model.event import Event, EventKind, from_iso
from orchestrator.model.job import Phase
from orchestrator.model.outcome import Ending, Outcome
from orchestrator.model.plan import Plan, PlannedStep, plan_from_body
from orchestrator.model.transition import BUSY, GOOD, STUCK, StepStatus, Trigger, move

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
    action_ident: str = ""
    """The job of the current attempt's action: what is looked for on the target when it was lost."""
    check: int = 0
    """Which of the step's verify checks is next."""
    probing: bool = False
    """A verify check is looking what became of a lost or doubtful action."""
    probed: bool = False
    reached_back: bool = False
    reruns: int = 0
    started: Event | None = None
    """The event that started the current attempt's action (or undo)."""
    ended: Event | None = None
    outcome: Outcome | None = None
    error: str = ""
    mend: str = ""
    over_budget: bool = False
    waiting: Event | None = None
    approvals: dict[str, str] = field(default_factory=dict)
    """Who approved, and from which account."""
    overrides: dict[str, str] = field(default_factory=dict)
    settled_by: str = ""
    """How it came to its end where that was not its own outcome: probe, or the deciding person."""


@dataclass(slots=True)
class Rollback:
    """A rollback under way."""

    order: tuple[str, ...]
    ok: bool | None = None


class RunState:
    """Where a run stands. ``apply`` each event in order; each costs the same however long the run is."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.run_id = plan.run_id
        self.starter = ""
        self.starter_account = ""
        self.created: Event | None = None
        self.epoch = ""
        self.released: Event | None = None
        self.last: Event | None = None
        self.steps: dict[str, StepState] = {step.id: StepState() for step in plan.steps}
        self.ready: dict[str, None] = {}
        self.busy: dict[str, None] = {}
        self.waiting: dict[str, None] = {}
        self.stuck: dict[str, None] = {}
        self.open = 0
        """Steps that still must come to a good end before the run has succeeded."""
        self.started_order: dict[str, None] = {}
        self.milestones: dict[Milestone, datetime] = {}
        self.breaches: list[Event] = []
        self.rto_breached = False
        self.abort: Mapping[str, Any] | None = None
        self.rollback_asked: Mapping[str, Any] | None = None
        self.rollback: Rollback | None = None
        self.ended = ""
        self.why = ""
        self.decisions_seen = 0
        self._missing = {step.id: len(step.needs) for step in plan.steps}
        for step in plan.steps:
            if step.role != ROLLBACK_CHECK:
                self.open += 1
                if not step.needs:
                    self._go(step.id, Trigger.READY)

    @classmethod
    def from_events(cls, events: Iterable[Event]) -> RunState:
        """The state after ``events``, the first of which must be run.created. Raises StoreCorrupt otherwise."""
        state: RunState | None = None
        for event in events:
            if state is None:
                if event.kind is not EventKind.RUN_CREATED:
                    raise StoreCorrupt(f"run {event.run_id} does not begin with {EventKind.RUN_CREATED}")
                state = cls(plan_from_body(event.body["plan"]))
            state.apply(event)
        if state is None:
            raise StoreCorrupt("a run without any event")
        return state

    def step(self, event: Event) -> tuple[PlannedStep, StepState]:
        """The planned step and the state an event speaks of."""
        name = event.body["step"]
        return self.plan.by_id[name], self.steps[name]

    def apply(self, event: Event) -> None:
        """Take one event in. Raises ForbiddenMove where the state table has no such move."""
        handler = _HANDLERS.get(event.kind)
        if handler is not None:
            handler(self, event)
        self.last = event

    # -- moves -------------------------------------------------------------------------------------------------

    def _go(self, name: str, trigger: Trigger) -> None:
        state = self.steps[name]
        before, after = state.status, move(name, state.status, trigger)
        if before is after:
            return
        state.status = after
        for group, members in (
            (self.ready, (StepStatus.READY,)),
            (self.busy, BUSY),
            (self.waiting, (StepStatus.WAITING,)),
            (self.stuck, STUCK),
        ):
            if after in members:
                group[name] = None
            elif before in members:
                group.pop(name, None)
        if after in GOOD and before not in GOOD:
            self._became_good(name)
        elif after is StepStatus.UNDONE:
            self._check_when_all_undone()

    def _check_when_all_undone(self) -> None:
        if self.rollback and all(
            self.steps[name].status is StepStatus.UNDONE for name in self.rollback.order
        ):
            for step in self.plan.steps:
                if step.role == ROLLBACK_CHECK and self.steps[step.id].status is StepStatus.PENDING:
                    self._go(step.id, Trigger.READY)

    def _became_good(self, name: str) -> None:
        if self.plan.by_id[name].role != ROLLBACK_CHECK:
            self.open -= 1
        for after in self.plan.dependents[name]:
            self._missing[after] -= 1
            if self._missing[after] == 0 and self.steps[after].status is StepStatus.PENDING:
                self._go(after, Trigger.READY)

    # -- one handler an event kind -----------------------------------------------------------------------------

    def _created(self, event: Event) -> None:
        self.created = event
        self.starter = event.body.get("by", "")
        self.starter_account = event.body.get("account", "")

    def _claimed(self, event: Event) -> None:
        self.epoch = event.epoch
        self.released = None

    def _released(self, event: Event) -> None:
        self.released = event

    def _started(self, event: Event) -> None:
        planned, state = self.step(event)
        phase = Phase(event.body["phase"])
        if phase is Phase.ACTION:
            if state.status is StepStatus.FAILED:
                self._go(planned.id, Trigger.RETRY)
            if state.status in (StepStatus.IN_DOUBT, StepStatus.UNKNOWN):
                state.reruns += 1
            state.started, state.ended, state.outcome = event, None, None
            state.error = state.mend = state.settled_by = ""
            state.over_budget = state.probing = state.probed = state.reached_back = False
            state.check = 0
            self.started_order.pop(planned.id, None)
            self.started_order[planned.id] = None
        elif phase is Phase.UNDO:
            state.started, state.ended, state.over_budget = event, None, False
        elif state.status in (StepStatus.IN_DOUBT, StepStatus.UNKNOWN):
            state.probing = True
        self._go(planned.id, Trigger.START)
        state.phase = phase
        state.attempt = event.body["attempt"]
        state.ident = event.body["ident"]
        if phase is Phase.ACTION:
            state.action_ident = event.body["ident"]
        state.begun = max(state.begun, int(state.ident.rsplit(".", 1)[1]))

    def _ended_step(self, event: Event) -> None:
        planned, state = self.step(event)
        outcome = Outcome.from_body(event.body["outcome"])
        state.ident = None
        state.ended = event
        if outcome.ending is not Ending.OK:
            state.error, state.mend = outcome.error, outcome.mend
        phase = Phase(event.body["phase"])
        if phase is Phase.ACTION:
            state.outcome = outcome
            self._action_ended(planned, state, outcome)
        elif phase is Phase.VERIFY:
            self._verify_ended(planned, state, outcome)
        else:
            self._undo_ended(planned, state, phase, outcome)

    def _action_ended(self, planned: PlannedStep, state: StepState, outcome: Outcome) -> None:
        # Looked for on the target after it was lost: its end is known now, or lost for good.
        state.reached_back = state.status is StepStatus.UNKNOWN
        if outcome.ending is Ending.OK:
            state.check = 0
            if not planned.verify:
                self._succeeded(planned, state)
        elif outcome.ending is Ending.FAILED:
            self._go(planned.id, Trigger.FAIL)
        elif state.status is not StepStatus.UNKNOWN:
            self._go(planned.id, Trigger.LOSE)

    def _verify_ended(self, planned: PlannedStep, state: StepState, outcome: Outcome) -> None:
        if outcome.ending is Ending.OK:
            state.check += 1
            if state.check >= len(planned.verify):
                if state.probing:
                    state.settled_by = "probe"
                self._succeeded(planned, state)
        elif state.probing:
            state.probing, state.probed, state.check = False, True, 0
            self._go(planned.id, Trigger.DOUBT)
        else:
            self._go(planned.id, Trigger.FAIL if outcome.ending is Ending.FAILED else Trigger.LOSE)

    def _undo_ended(self, planned: PlannedStep, state: StepState, phase: Phase, outcome: Outcome) -> None:
        checks = planned.undo.verify if planned.undo else ()
        if phase is Phase.UNDO:
            state.check = 0
            # An undo nobody knows the end of is left to its own check, where it has one.
            if checks and outcome.ending in (Ending.OK, Ending.UNKNOWN):
                state.phase = Phase.UNDO_VERIFY
                return
            self._go(planned.id, Trigger.UNDO_OK if outcome.ok else Trigger.UNDO_FAIL)
        elif not outcome.ok:
            self._go(planned.id, Trigger.UNDO_FAIL)
        else:
            state.check += 1
            if state.check >= len(checks):
                state.error = state.mend = ""
                self._go(planned.id, Trigger.UNDO_OK)

    def _succeeded(self, planned: PlannedStep, state: StepState) -> None:
        state.error = state.mend = ""
        self._go(planned.id, Trigger.SUCCEED)
        outcome, ended = state.outcome, state.ended
        for mark in planned.marks:
            told = (
                (outcome.milestones.get(str(mark)) or outcome.milestones.get("held_at")) if outcome else None
            )
            if told:
                self.milestones.setdefault(mark, from_iso(told))
            elif ended is not None:
                self.milestones.setdefault(mark, ended.at)

    def _over_budget(self, event: Event) -> None:
        self.step(event)[1].over_budget = True

    def _waiting(self, event: Event) -> None:
        planned, state = self.step(event)
        state.waiting = state.started = event
        if state.status is StepStatus.READY:
            state.attempt += 1
            state.approvals.clear()
            self.started_order[planned.id] = None
            self._go(planned.id, Trigger.WAIT)

    def _doubted(self, event: Event) -> None:
        planned, state = self.step(event)
        state.ident = None
        state.error = event.body.get("why", "")
        self._go(planned.id, Trigger.DOUBT)

    def _skipped(self, event: Event) -> None:
        planned, state = self.step(event)
        state.error = event.body.get("why", "")
        self._go(planned.id, Trigger.SKIP)

    def _decided(self, event: Event) -> None:
        body = event.body
        self.decisions_seen = max(self.decisions_seen, body.get("number", 0))
        if not body["accepted"]:
            return
        verb = body["verb"]
        if verb == "abort":
            self.abort = body
        elif verb == "rollback":
            self.rollback_asked = body
            self.abort = None
            self.ended = ""
        elif verb == "approve":
            self.step(event)[1].approvals[body["by"]] = body.get("account", "")
        elif verb == "override":
            self._overridden(event)
        else:
            self._freed(event)

    def _overridden(self, event: Event) -> None:
        planned, state = self.step(event)
        state.overrides[event.body["by"]] = event.body.get("account", "")
        if len(state.overrides) >= event.body["needed"]:
            self._mark_done(planned, state, event)

    def _freed(self, event: Event) -> None:
        planned, state = self.step(event)
        verb = event.body["verb"]
        if verb == "retry":
            self._go(planned.id, Trigger.RETRY)
            state.phase = Phase.UNDO if state.status is StepStatus.UNDOING else Phase.ACTION
            state.probed = state.probing = False
            state.reruns = 0
            if self.rollback is not None:
                self.rollback.ok = None
        elif verb == "skip":
            state.settled_by = event.body["by"]
            self._go(planned.id, Trigger.SKIP)
        elif verb == "mark-done":
            self._mark_done(planned, state, event)
        elif verb == "reject":
            state.error = f"{event.body['by']} said no: {event.body.get('why', '')}"
            state.ended = event
            self._go(planned.id, Trigger.FAIL)

    def _mark_done(self, planned: PlannedStep, state: StepState, event: Event) -> None:
        state.settled_by = event.body["by"]
        state.ended = event
        undoing = state.status in (StepStatus.UNDOING, StepStatus.UNDO_FAILED)
        self._go(planned.id, Trigger.MARK_DONE)
        if undoing:
            if self.rollback is not None:
                self.rollback.ok = None
            return
        for mark in planned.marks:
            self.milestones.setdefault(mark, event.at)

    def _milestone(self, event: Event) -> None:
        self.milestones[Milestone(event.body["name"])] = from_iso(event.body["at"])

    def _breached(self, event: Event) -> None:
        self.breaches.append(event)
        if event.body["kind"] == "rto":
            self.rto_breached = True

    def _rollback_started(self, event: Event) -> None:
        order = tuple(event.body["order"])
        self.rollback = Rollback(order)
        self.abort = None
        self.ended = ""
        for name in order:
            state = self.steps[name]
            state.phase, state.ident, state.check = Phase.UNDO, None, 0
            if state.status is StepStatus.RUNNING:
                # Its job was cancelled before the rollback began, and nobody knows how far it got.
                self._go(name, Trigger.LOSE)
            self._go(name, Trigger.UNDO)
        self._check_when_all_undone()

    def _rollback_ended(self, event: Event) -> None:
        if self.rollback is not None:
            self.rollback.ok = event.body["ok"]

    def _run_ended(self, event: Event) -> None:
        self.ended = event.body["status"]
        self.why = event.body.get("why", "")


_HANDLERS: dict[EventKind, Callable[[RunState, Event], None]] = {
    EventKind.RUN_CREATED: RunState._created,
    EventKind.DRIVER_CLAIMED: RunState._claimed,
    EventKind.DRIVER_RELEASED: RunState._released,
    EventKind.STEP_STARTED: RunState._started,
    EventKind.STEP_OVER_BUDGET: RunState._over_budget,
    EventKind.STEP_ENDED: RunState._ended_step,
    EventKind.STEP_WAITING: RunState._waiting,
    EventKind.STEP_DOUBTED: RunState._doubted,
    EventKind.STEP_SKIPPED: RunState._skipped,
    EventKind.DECISION: RunState._decided,
    EventKind.MILESTONE: RunState._milestone,
    EventKind.BREACH: RunState._breached,
    EventKind.ROLLBACK_STARTED: RunState._rollback_started,
    EventKind.ROLLBACK_ENDED: RunState._rollback_ended,
    EventKind.RUN_ENDED: RunState._run_ended,
}
