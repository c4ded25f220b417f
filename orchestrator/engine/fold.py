"""What each kind of event changes in a run's state: one function a kind (decisions have a file of their own).

Kept apart from the state itself, which only knows how one step's move changes the groups it is counted in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from orchestrator.engine.fold_decisions import decided
from orchestrator.engine.second_looks import look_again
from orchestrator.engine.step_state import Rollback, StepState
from orchestrator.model.document import Milestone
from orchestrator.model.event import Event, EventKind, from_iso
from orchestrator.model.job import Phase
from orchestrator.model.outcome import Ending, Outcome
from orchestrator.model.plan import COUNT, PlannedStep
from orchestrator.model.transition import StepStatus, Trigger

if TYPE_CHECKING:
    from orchestrator.engine.state import RunState

_LOST = (StepStatus.UNKNOWN, StepStatus.IN_DOUBT)


def _created(run: RunState, event: Event) -> None:
    # The plan has been read from it, and is not kept a second time.
    run.created = replace(event, body={name: value for name, value in event.body.items() if name != "plan"})
    run.starter = event.body.get("by", "")
    run.starter_account = event.body.get("account", "")


def _claimed(run: RunState, event: Event) -> None:
    run.epoch = event.epoch
    run.released = None


def _released(run: RunState, event: Event) -> None:
    run.released = event


# -- a step begins ---------------------------------------------------------------------------------------------------


def _started(run: RunState, event: Event) -> None:
    planned, state = run.step(event)
    phase = Phase(event.body["phase"])
    if state.status is StepStatus.PENDING and planned.role == COUNT:
        run.go(planned.id, Trigger.READY)  # the run ends, and it never came to what the count stands behind
    if phase is Phase.ACTION:
        _action_started(run, planned, state, event)
    elif phase is Phase.UNDO:
        state.started, state.ended, state.over_budget, state.looks = event, None, False, 0
    elif phase is Phase.VERIFY and state.status in _LOST:
        # An action that is known to have ended well is only verified once more, not doubted.
        state.probing = not (state.outcome is not None and state.outcome.ok)
    run.go(planned.id, Trigger.START)
    state.phase = phase
    state.attempt = event.body["attempt"]
    state.ident = event.body["ident"]
    state.job = event
    if phase is Phase.ACTION:
        state.action_ident = event.body["ident"]
    state.begun = max(state.begun, int(event.body["ident"].rsplit(".", 1)[1]))


def _action_started(run: RunState, planned: PlannedStep, state: StepState, event: Event) -> None:
    if state.status is StepStatus.FAILED:
        run.go(planned.id, Trigger.RETRY)
    if state.status in _LOST:
        state.reruns += 1
    if not event.body.get("again"):
        state.effects += 1
        state.overrides.clear()
    state.started, state.ended, state.outcome = event, None, None
    state.error = state.mend = state.settled_by = ""
    state.over_budget = state.probing = state.probed = state.reached_back = False
    state.check = state.looks = 0
    run.started_order.pop(planned.id, None)
    run.started_order[planned.id] = None


def _waiting(run: RunState, event: Event) -> None:
    planned, state = run.step(event)
    state.waiting = state.started = event
    state.clock_moved = run.clock_moved
    state.over_budget = False
    if state.status is not StepStatus.READY:
        return  # a person is asked to undo it
    state.attempt += 1
    state.effects += 1
    state.ended = state.outcome = None
    state.error = state.mend = state.settled_by = ""
    state.check = state.looks = 0
    state.approvals.clear()
    run.started_order.pop(planned.id, None)
    run.started_order[planned.id] = None
    run.go(planned.id, Trigger.WAIT)


# -- a step ends -----------------------------------------------------------------------------------------------------


def _ended(run: RunState, event: Event) -> None:
    planned, state = run.step(event)
    outcome = Outcome.from_body(event.body["outcome"])
    state.ident = None
    state.ended = event
    if outcome.ending is not Ending.OK:
        state.error, state.mend = outcome.error, outcome.mend
    phase = Phase(event.body["phase"])
    if phase is Phase.ACTION:
        _action_ended(run, planned, state, outcome, never_began=event.body.get("began") is False)
    elif phase is Phase.VERIFY:
        _verify_ended(run, planned, state, outcome)
    else:
        _undo_ended(run, planned, state, phase, outcome)


def _action_ended(
    run: RunState, planned: PlannedStep, state: StepState, outcome: Outcome, *, never_began: bool
) -> None:
    state.outcome = outcome
    if never_began:
        state.effects -= 1
        if state.effects == 0:
            run.started_order.pop(planned.id, None)
    # Looked for on the target after it was lost: its end is known now, or lost for good.
    state.reached_back = state.status is StepStatus.UNKNOWN
    if outcome.ending is Ending.OK:
        state.check = 0
        if not planned.verify:
            _succeeded(run, planned, state)
        elif state.status is StepStatus.WAITING:
            run.go(planned.id, Trigger.START)
    elif outcome.ending is Ending.FAILED:
        _failed(run, planned, state)
    elif state.status is not StepStatus.UNKNOWN:
        run.go(planned.id, Trigger.LOSE)


def _failed(run: RunState, planned: PlannedStep, state: StepState) -> None:
    state.failures += 1
    run.go(planned.id, Trigger.FAIL)


def _verify_ended(run: RunState, planned: PlannedStep, state: StepState, outcome: Outcome) -> None:
    if outcome.ending is Ending.OK:
        state.check += 1
        if state.check >= len(planned.verify):
            if state.probing:
                state.settled_by = "probe"
            _succeeded(run, planned, state)
        return
    state.check = 0
    if outcome.ending is not Ending.FAILED:
        state.looks += 1
    if state.probing:
        state.probing = False
        state.probed = outcome.ending is Ending.FAILED
        run.go(planned.id, Trigger.DOUBT)
    elif outcome.ending is Ending.FAILED:
        _failed(run, planned, state)
    else:
        run.go(planned.id, Trigger.LOSE)


def _undo_ended(run: RunState, planned: PlannedStep, state: StepState, phase: Phase, outcome: Outcome) -> None:
    checks = planned.undo.verify if planned.undo else ()
    if phase is Phase.UNDO:
        state.check = state.looks = 0
        # An undo nobody knows the end of is left to its own check, where it has one.
        if checks and outcome.ending in (Ending.OK, Ending.UNKNOWN):
            state.phase = Phase.UNDO_VERIFY
            return
        run.go(planned.id, Trigger.UNDO_OK if outcome.ok else Trigger.UNDO_FAIL)
    elif outcome.ok:
        state.check += 1
        if state.check >= len(checks):
            state.error = state.mend = ""
            run.go(planned.id, Trigger.UNDO_OK)
    else:
        state.looks += 1
        if outcome.ending is Ending.FAILED or not look_again(state):
            run.go(planned.id, Trigger.UNDO_FAIL)


def _succeeded(run: RunState, planned: PlannedStep, state: StepState) -> None:
    state.error = state.mend = ""
    run.go(planned.id, Trigger.SUCCEED)
    outcome, ended = state.outcome, state.ended
    state.job = None
    if state.started is not None:
        state.started = state.started.bare()
    if ended is not None:
        state.ended = ended.bare()
    told: Mapping[str, str] = outcome.milestones if outcome else {}
    for mark in planned.marks:
        moment = told.get(str(mark)) or told.get("held_at")
        if moment:
            run.reach(mark, from_iso(moment))
        elif ended is not None:
            run.reach(mark, ended.at)


def _over_budget(run: RunState, event: Event) -> None:
    run.step(event)[1].over_budget = True


def _doubted(run: RunState, event: Event) -> None:
    planned, state = run.step(event)
    state.ident = None
    state.error = event.body.get("why", "")
    run.go(planned.id, Trigger.DOUBT)


def _skipped(run: RunState, event: Event) -> None:
    planned, state = run.step(event)
    state.error = event.body.get("why", "")
    run.go(planned.id, Trigger.SKIP)


# -- the whole run ---------------------------------------------------------------------------------------------------


def _milestone(run: RunState, event: Event) -> None:
    run.reach(Milestone(event.body["name"]), from_iso(event.body["at"]), reported=True)


def _clock_jumped(run: RunState, event: Event) -> None:
    run.clock_moved += event.body["by"]


def _breached(run: RunState, event: Event) -> None:
    run.breaches.append(event)
    run.owed.pop(event.body.get("decision", 0), None)
    if event.body["kind"] == "rto":
        run.rto_breached = True


def _rollback_started(run: RunState, event: Event) -> None:
    body = event.body
    run.rollback = Rollback(
        tuple(body["order"]),
        body.get("by", ""),
        body.get("why", ""),
        tuple(body.get("irreversible", {}).items()),
    )
    run.abort = None
    run.ended = run.why = ""
    for name in run.rollback.order:
        state = run.steps[name]
        state.phase, state.ident, state.check, state.looks = Phase.UNDO, None, 0, 0
        if state.status is StepStatus.RUNNING:
            # Between its action and its verification: nobody knows how far it got.
            run.go(name, Trigger.LOSE)
        run.go(name, Trigger.UNDO)
    run.check_when_all_undone()


def _rollback_ended(run: RunState, event: Event) -> None:
    if run.rollback is not None:
        run.rollback.ok = event.body["ok"]
        run.rollback.manual = tuple(event.body.get("manual", ()))


def _run_ended(run: RunState, event: Event) -> None:
    run.ended = event.body["status"]
    run.why = event.body.get("why", "")


HANDLERS: dict[EventKind, Callable[[RunState, Event], None]] = {
    EventKind.RUN_CREATED: _created,
    EventKind.DRIVER_CLAIMED: _claimed,
    EventKind.DRIVER_RELEASED: _released,
    EventKind.STEP_STARTED: _started,
    EventKind.STEP_OVER_BUDGET: _over_budget,
    EventKind.STEP_ENDED: _ended,
    EventKind.STEP_WAITING: _waiting,
    EventKind.STEP_DOUBTED: _doubted,
    EventKind.STEP_SKIPPED: _skipped,
    EventKind.DECISION: decided,
    EventKind.MILESTONE: _milestone,
    EventKind.CLOCK_JUMPED: _clock_jumped,
    EventKind.BREACH: _breached,
    EventKind.ROLLBACK_STARTED: _rollback_started,
    EventKind.ROLLBACK_ENDED: _rollback_ended,
    EventKind.RUN_ENDED: _run_ended,
}
