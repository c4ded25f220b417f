"""What a person's decision changes in a run's state, once it has been judged and accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.engine.step_state import StepState
from orchestrator.model.actions import ASKS_PEOPLE
from orchestrator.model.event import Event
from orchestrator.model.job import Phase
from orchestrator.model.outcome import Ending, Outcome
from orchestrator.model.plan import PlannedStep
from orchestrator.model.transition import StepStatus, Trigger

if TYPE_CHECKING:
    from orchestrator.engine.state import RunState


def decided(run: RunState, event: Event) -> None:
    body = event.body
    run.decisions_seen = max(run.decisions_seen, body.get("number", 0))
    if not body["accepted"]:
        return
    if body.get("breach"):
        run.owed[event.seq] = body
    verb = body["verb"]
    if verb == "abort":
        run.abort = body
    elif verb == "rollback":
        run.rollback_asked = body
        run.abort = None
        run.ended = run.why = ""
    elif verb == "approve":
        run.step(event)[1].approvals[body["by"]] = body.get("account", "")
    elif verb == "override":
        _overridden(run, event)
    elif verb == "retry":
        _retried(run, event)
    elif verb == "skip":
        planned, state = run.step(event)
        state.settled_by = body["by"]
        run.go(planned.id, Trigger.SKIP)
    elif verb == "mark-done":
        _marked_done(run, event)
    elif verb == "reject":
        planned, state = run.step(event)
        state.error = f"{body['by']} said no: {body.get('why', '')}"
        state.ended = event
        run.go(planned.id, Trigger.FAIL)


def _overridden(run: RunState, event: Event) -> None:
    planned, state = run.step(event)
    state.overrides[event.body["by"]] = event.body.get("account", "")
    if len(state.overrides) >= event.body["needed"]:
        _forced(run, planned, state, event)


def _retried(run: RunState, event: Event) -> None:
    planned, state = run.step(event)
    run.go(planned.id, Trigger.RETRY)
    undoing = state.status is StepStatus.UNDOING
    state.phase = Phase.UNDO if undoing else Phase.ACTION
    state.probed = state.probing = False
    state.check = state.looks = state.reruns = 0
    if undoing:
        state.waiting = None
    _rollback_goes_on(run)


def _marked_done(run: RunState, event: Event) -> None:
    """A person says it is done. Where that was the step's own work, its checks still have the last word."""
    planned, state = run.step(event)
    by_hand = Outcome(Ending.OK, output={"done_by": event.body["by"]})
    if state.status is StepStatus.WAITING and planned.verify:
        state.settled_by, state.ended, state.outcome, state.check = event.body["by"], event, by_hand, 0
        run.go(planned.id, Trigger.START)
    elif (
        state.status is StepStatus.UNDOING
        and planned.undo is not None
        and planned.undo.kind in ASKS_PEOPLE
        and planned.undo.verify
        and state.phase is Phase.UNDO
    ):
        state.phase, state.check, state.looks = Phase.UNDO_VERIFY, 0, 0
    else:
        _forced(run, planned, state, event)


def _forced(run: RunState, planned: PlannedStep, state: StepState, event: Event) -> None:
    state.settled_by = event.body["by"]
    state.ended = event
    undoing = state.status in (StepStatus.UNDOING, StepStatus.UNDO_FAILED)
    run.go(planned.id, Trigger.MARK_DONE)
    _rollback_goes_on(run)
    if undoing:
        state.error = state.mend = ""
        return
    # Done by a person before the run came to it: that too can have to be undone.
    run.started_order.setdefault(planned.id, None)
    for mark in planned.marks:
        run.reach(mark, event.at)


def _rollback_goes_on(run: RunState) -> None:
    if run.rollback is not None:
        run.rollback.ok = None
